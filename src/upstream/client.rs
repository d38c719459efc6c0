//! The client of a request, as the exchange with its region sees it.

use std::task::{Context, Poll};

use super::outgoing::RequestBody;
use crate::http1::response::ResponseHead;

/// A client beyond its network's share may take nothing for this long before it gives way.
pub const MOST_STALL: std::time::Duration = std::time::Duration::from_secs(1);

/// How often it is then looked whether a request waits: within `queue_wait` at its default.
pub const LOOK: std::time::Duration = std::time::Duration::from_millis(100);

/// The client that waits for an answer's head.
pub trait Client: RequestBody {
    /// An informational answer (1xx) came.
    fn informational(&mut self, head: &ResponseHead<'_, '_>);
    /// Tells a client that waits for a 100 to go on.
    fn go_on(&mut self) {}
    /// Gives what [`Client::informational`] left to be written a chance to go out.
    fn poll_informational(&mut self, context: &mut Context<'_>);
    /// The final answer's head came.
    fn head(&mut self, head: &ResponseHead<'_, '_>);
    /// Whether the client has left, asked while nothing of its request has been sent. `Pending` while
    /// that is being found out. HTTP/2 drops the task of a stream that its client resets.
    fn poll_left(&mut self, _context: &mut Context<'_>) -> Poll<bool> {
        Poll::Ready(false)
    }
}

/// Waits for `future` on behalf of a client; `None` if the client leaves first.
pub async fn unless_left<F: Future>(client: &mut impl Client, future: F) -> Option<F::Output> {
    let mut future = std::pin::pin!(future);
    std::future::poll_fn(|context| {
        if let Poll::Ready(output) = future.as_mut().poll(context) {
            return Poll::Ready(Some(output));
        }
        match client.poll_left(context) {
            Poll::Ready(true) => Poll::Ready(None),
            Poll::Ready(false) | Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// Tells a client that waits for a 100 to go on.
pub async fn go_on(client: &mut impl Client) {
    client.go_on();
    std::future::poll_fn(|context| {
        client.poll_informational(context);
        Poll::Ready(())
    })
    .await;
}
