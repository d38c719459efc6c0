//! The request as it goes out: head and body, gathered as the client sends and framed by us.

use std::borrow::Cow;
use std::future::poll_fn;
use std::task::{Context, Poll, ready};

use tokio::time::Instant;

use super::endpoint::Timeouts;
use super::failure::Cause;
use crate::headers::request::Head;
use crate::http1::body;
use crate::http1::{Fault, Framing};
use crate::limit::pace::Pace;
use crate::net::buffer::{BLOCK, Buffer};
use crate::net::deadline::Deadline;

/// A client's request body, as it comes.
pub trait RequestBody {
    /// The next data bytes, not yet consumed; `None` at the regular end.
    ///
    /// # Errors
    /// A [`Cause`] that is the client's.
    fn poll_data(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<&[u8]>, Cause>>;
    /// Consumes `count` of them.
    fn consume(&mut self, count: usize);
    /// Trailer lines that came after the end.
    fn trailers(&self) -> &[u8];
}

/// The request as it goes out. Outlives an attempt that sent nothing.
pub struct Outgoing {
    head: Head,
    head_length: usize,
    pub(super) bytes: Buffer,
    framing: Framing,
    left: u64,
    pub(super) complete: bool,
    /// See [`Head::id`].
    pub(super) id: Option<u64>,
    /// See [`Head::reads`].
    pub(super) reads: bool,
}

impl Outgoing {
    /// A head, and how the body behind it is framed.
    #[must_use]
    pub fn new(head: Head, framing: Framing) -> Self {
        let (left, complete) = match framing {
            // A length of nothing is complete when the client has ended the body: over HTTP/2 data may
            // still come, which makes the request malformed (RFC 9113 section 8.1.1).
            Framing::Length(length) => (length, false),
            Framing::Chunked => (u64::MAX, false),
            Framing::Empty | Framing::UntilClose => (0, true),
        };
        Self {
            id: head.id(),
            reads: head.reads(),
            head,
            head_length: 0,
            bytes: Buffer::new(),
            framing,
            left,
            complete,
        }
    }

    /// The same request from its first byte, for another attempt after this one may have been
    /// sent; `None` if it has a body, which is gone.
    #[must_use]
    pub fn again(self) -> Option<Self> {
        (self.framing == Framing::Empty).then(|| Self::new(self.head, self.framing))
    }

    /// The beginning of the body as far as it was gathered, without its framing, and whether that is
    /// all of it. Only of a request of which nothing was sent.
    #[must_use]
    pub fn body_start(&self) -> (Cow<'_, [u8]>, bool) {
        let gathered = self.bytes.filled().get(self.head_length..);
        let gathered = gathered.unwrap_or_default();
        let start = match self.framing {
            Framing::Chunked => Cow::Owned(body::unchunked(gathered)),
            _ => Cow::Borrowed(gathered),
        };
        (start, self.complete)
    }

    /// Addresses the request to an endpoint, before anything of it was sent.
    pub(super) fn address(&mut self, host: &str) {
        self.bytes.consume(self.head_length);
        let body = std::mem::take(&mut self.bytes);
        self.bytes.append_with(|out| self.head.write(host, out));
        self.head_length = self.bytes.len();
        self.bytes.push(body.filled());
    }

    /// Whether the client's body has been taken in whole.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.complete
    }

    /// Takes in what the client has ready, up to a block.
    pub(super) fn poll_gather(
        &mut self,
        body: &mut impl RequestBody,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), Cause>> {
        while !self.complete && self.bytes.len() < BLOCK {
            let Some(data) = ready!(body.poll_data(context))? else {
                return Poll::Ready(self.finish(body));
            };
            let count = data.len().min(BLOCK);
            let data = data.get(..count).unwrap_or_default();
            if count as u64 > self.left {
                return Poll::Ready(Err(Cause::BadBody(Fault::BadContentLength)));
            }
            match self.framing {
                Framing::Chunked => self.bytes.append_with(|out| body::write_chunk(out, data)),
                _ => {
                    self.bytes.push(data);
                    self.left -= count as u64;
                }
            }
            body.consume(count);
        }
        Poll::Ready(Ok(()))
    }

    /// Waits until the body has come, or a block of it.
    ///
    /// # Errors
    /// A [`Cause`] that is the client's.
    pub(super) async fn gather(
        &mut self,
        body: &mut impl RequestBody,
        timeouts: &Timeouts,
        must_end: Instant,
    ) -> Result<(), Cause> {
        let mut pace = Pace::new(timeouts.client_pace);
        let mut deadline: Option<Deadline> = None;
        let (mut known, mut since) = (0, Instant::now());
        poll_fn(|context| {
            if let Poll::Ready(gathered) = self.poll_gather(body, context) {
                return Poll::Ready(gathered);
            }
            let now = Instant::now();
            if self.bytes.len() > known {
                let fresh = self.bytes.len() - std::mem::replace(&mut known, self.bytes.len());
                pace.moves(fresh as u64, now.into_std());
                since = now;
            }
            let slow = Instant::from_std(pace.waits(now.into_std()));
            let due = must_end.min(since + timeouts.client_idle).min(slow);
            let deadline = deadline
                .get_or_insert_with(|| Deadline::new(now, due.saturating_duration_since(now)));
            deadline.set(due);
            ready!(deadline.poll(context));
            Poll::Ready(Err(Cause::ClientStalled))
        })
        .await
    }

    fn finish(&mut self, body: &impl RequestBody) -> Result<(), Cause> {
        self.complete = true;
        match self.framing {
            Framing::Chunked => {
                let trailers = self.head.passing_trailers(body.trailers());
                self.bytes
                    .append_with(|out| body::write_last_chunk(out, &trailers));
                Ok(())
            }
            _ if self.left == 0 => Ok(()),
            _ => Err(Cause::BadBody(Fault::Truncated)),
        }
    }
}
