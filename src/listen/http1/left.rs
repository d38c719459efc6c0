//! Whether the client of a request that waits has left: then the request is not sent.
//!
//! The end of a client's bytes does not say it, since a client may close its sending side and read on
//! (RFC 9112 section 9.6). So a client whose bytes have ended is sent `100 Continue`, which any HTTP/1.1
//! client skips (RFC 9110 section 15.2.1). If it has closed its socket, its system answers with a reset.
//! HTTP/1.0 knows no interim answers: such a client is served.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::AsyncWrite;
use tokio::time::{Instant, Sleep, sleep};

use super::Connection;
use crate::http1::Version;
use crate::net::buffer::BLOCK;

/// How long a reset may take: a round trip between continents, and some more.
const ROUND_TRIP: Duration = Duration::from_millis(400);

/// How often it is looked for. Tokio wakes nobody for a reset of a socket whose bytes have ended.
const LOOK: Duration = Duration::from_millis(5);

/// A client whose bytes have ended.
pub(super) struct HalfClosed {
    probed: Instant,
    next: Pin<Box<Sleep>>,
}

impl Connection {
    /// Whether the client has left. `Pending` while a client whose bytes have ended may still prove to
    /// have left. Costs no system call as long as the socket is quiet.
    pub(super) fn poll_left(&mut self, context: &mut Context<'_>) -> Poll<bool> {
        if self.half_closed.is_none() {
            match self.poll_ended(context) {
                Poll::Ready(Ok(true)) => self.probe(),
                Poll::Ready(Ok(false)) | Poll::Pending => return Poll::Ready(false),
                Poll::Ready(Err(_)) => return Poll::Ready(true),
            }
        }
        self.poll_probe(context)
    }

    /// Whether the client's bytes have ended. Those of a next request stay in the input; with a block
    /// of them no more are read.
    fn poll_ended(&mut self, context: &mut Context<'_>) -> Poll<std::io::Result<bool>> {
        // The rest of a body is read by those who want it.
        if !self.body.is_done() {
            return Poll::Ready(Ok(false));
        }
        ready!(self.stream.socket().poll_read_ready(context))?;
        while self.input.len() < BLOCK {
            if ready!(self.input.poll_fill(&mut self.stream, context))? == 0 {
                return Poll::Ready(Ok(true));
            }
        }
        Poll::Ready(Ok(false))
    }

    fn probe(&mut self) {
        if self.version == Version::Http11 {
            self.output.push(b"HTTP/1.1 100 Continue\r\n\r\n");
        }
        self.half_closed = Some(Box::new(HalfClosed {
            probed: Instant::now(),
            next: Box::pin(sleep(LOOK)),
        }));
    }

    fn poll_probe(&mut self, context: &mut Context<'_>) -> Poll<bool> {
        let Some(half_closed) = &mut self.half_closed else {
            return Poll::Ready(false);
        };
        loop {
            let drained = match self.output.poll_drain(&mut self.stream, context) {
                Poll::Ready(Ok(())) => Pin::new(&mut self.stream).poll_flush(context),
                other => other,
            };
            let failed = matches!(drained, Poll::Ready(Err(_)));
            if failed || !matches!(self.stream.socket().take_error(), Ok(None)) {
                return Poll::Ready(true);
            }
            let looked = half_closed.probed.elapsed() >= ROUND_TRIP;
            if looked || self.version == Version::Http10 {
                return Poll::Ready(false);
            }
            ready!(half_closed.next.as_mut().poll(context));
            half_closed.next.as_mut().reset(Instant::now() + LOOK);
        }
    }
}
