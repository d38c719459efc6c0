//! A stream's request body, as a region takes it.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Incoming};
use tokio::time::timeout;

use crate::upstream::failure::Cause;
use crate::upstream::outgoing::RequestBody;

/// Bytes of an unread body that are still taken in behind an answer, and for how long without one
/// and in all. Some clients lose an answer whose stream is reset in the same flight, even with
/// NO_ERROR (RFC 9113 section 8.1).
const MOST_UNREAD: u64 = 2 * 1024 * 1024;
const UNREAD_IDLE: Duration = Duration::from_secs(5);
const UNREAD_TIME: Duration = Duration::from_secs(30);

/// A stream's request body.
pub(super) struct Source {
    /// `None` once it is read no more.
    pub(super) body: Option<Incoming>,
    pub(super) data: Bytes,
    pub(super) trailers: Vec<u8>,
    pub(super) read: u64,
    pub(super) limit: u64,
    /// The length that the head names.
    pub(super) announced: Option<u64>,
}

impl Source {
    /// What is ready to be taken. The last byte of a body of known length is kept until the stream has
    /// ended: data behind it makes the request malformed (RFC 9113 section 8.1.1), and no region may
    /// have executed it by then.
    fn ready(&self) -> &[u8] {
        let is_last = self.announced == Some(self.read)
            && self.body.as_ref().is_some_and(|body| !body.is_end_stream());
        let kept = usize::from(is_last).min(self.data.len());
        let ready = self.data.len() - kept;
        self.data.get(..ready).unwrap_or_default()
    }

    /// Takes in what is left of the body, and forgets it, for a bounded time and size: the answer has
    /// been given, and only then may the stream be reset.
    pub(super) fn discard(&mut self) {
        let Some(mut body) = self.body.take().filter(|body| !body.is_end_stream()) else {
            return;
        };
        tokio::task::spawn_local(async move {
            let mut left = MOST_UNREAD;
            let all = async {
                while let Ok(Some(Ok(frame))) = timeout(
                    UNREAD_IDLE,
                    poll_fn(|context| Pin::new(&mut body).poll_frame(context)),
                )
                .await
                {
                    let length = frame.data_ref().map_or(0, Bytes::len) as u64;
                    left = left.saturating_sub(length);
                    if left == 0 {
                        return;
                    }
                }
            };
            let _ = timeout(UNREAD_TIME, all).await;
        });
    }

    /// A whole small body.
    pub(super) async fn collect(&mut self) -> Result<Vec<u8>, Cause> {
        let mut whole = Vec::new();
        while let Some(count) = poll_fn(|context| {
            let data = ready!(self.poll_data(context))?;
            whole.extend_from_slice(data.unwrap_or_default());
            Poll::Ready(Ok::<_, Cause>(data.map(<[u8]>::len)))
        })
        .await?
        {
            self.consume(count);
        }
        Ok(whole)
    }
}

impl RequestBody for Source {
    fn poll_data(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<&[u8]>, Cause>> {
        while self.ready().is_empty() {
            let Some(body) = &mut self.body else {
                return Poll::Ready(Err(Cause::ClientGone));
            };
            let Some(frame) = ready!(Pin::new(&mut *body).poll_frame(context)) else {
                // hyper also ends a body so when the client resets its stream with NO_ERROR: a part
                // must not pass for the whole.
                if !body.is_end_stream() {
                    return Poll::Ready(Err(Cause::ClientGone));
                }
                if self.data.is_empty() {
                    return Poll::Ready(Ok(None));
                }
                break;
            };
            match frame.map_err(|_| Cause::ClientGone)?.into_data() {
                Ok(data) => {
                    self.read += data.len() as u64;
                    if self.read > self.limit {
                        return Poll::Ready(Err(Cause::BodyTooLarge));
                    }
                    // A byte that was kept goes before what came behind it.
                    self.data = if self.data.is_empty() {
                        data
                    } else {
                        [&self.data[..], &data[..]].concat().into()
                    };
                }
                Err(frame) => {
                    for (name, value) in frame.trailers_ref().into_iter().flatten() {
                        crate::headers::request::write_field(
                            &mut self.trailers,
                            name.as_str(),
                            value.as_bytes(),
                        );
                    }
                }
            }
        }
        Poll::Ready(Ok(Some(self.ready())))
    }

    fn consume(&mut self, count: usize) {
        let count = count.min(self.data.len());
        bytes::Buf::advance(&mut self.data, count);
    }

    fn trailers(&self) -> &[u8] {
        &self.trailers
    }
}
