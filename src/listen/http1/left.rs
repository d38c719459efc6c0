//! Whether the client of a request that waits has left: then the request is not sent, because a secret
//! would be read that nobody gets.
//!
//! A client that closes its connection and one that has only ended its sending side (RFC 9112 section
//! 9.6) look the same: both send FIN. The first answers anything that is sent to it with a reset. Over
//! TLS 1.3 that is a KeyUpdate, which no application sees. Over TLS 1.2 it is a 100, which an HTTP/1.1
//! client skips (RFC 9110 section 15.2) and HTTP/1.0 does not know: such a client counts as present.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};

use super::Connection;
use crate::http1::Version;
use crate::net::buffer::BLOCK;

/// How long a reset may take: a round trip between continents. Only the request of a client whose
/// bytes have ended waits so long.
const ROUND_TRIP: Duration = Duration::from_millis(250);

/// How long a client counts as present after that.
const STILL_TRUE: Duration = Duration::from_millis(500);

/// How often a reset is looked for: the runtime wakes no task for it after the end of the bytes.
const LOOK: Duration = Duration::from_millis(10);

/// A client whose bytes have ended, and which was sent something since.
pub(super) struct HalfClosed {
    /// When a reset would have come.
    until: Instant,
    next: Pin<Box<Sleep>>,
}

impl Connection {
    /// Whether the client has left. `Pending` while a client whose bytes have ended may still prove to
    /// have left. Costs no system call as long as the socket is quiet.
    pub(super) fn poll_left(&mut self, context: &mut Context<'_>) -> Poll<bool> {
        let is_stale = |half: &HalfClosed| half.until.elapsed() > STILL_TRUE;
        match self.half_closed.as_deref() {
            None => match self.poll_ended(context) {
                Poll::Ready(Ok(true)) => self.probe(),
                Poll::Ready(Ok(false)) | Poll::Pending => return Poll::Ready(false),
                Poll::Ready(Err(_)) => return Poll::Ready(true),
            },
            // It may have left since.
            Some(half_closed) if is_stale(half_closed) => self.probe(),
            Some(_) => {}
        }
        self.poll_probe(context)
    }

    /// Whether the client's bytes have ended. Those of a next request stay in the input; with a block
    /// of them no more are read.
    fn poll_ended(&mut self, context: &mut Context<'_>) -> Poll<io::Result<bool>> {
        // The rest of a body is read by those who want it.
        if !self.body.is_done() || !self.stream.is_stirred(context) {
            return Poll::Ready(Ok(false));
        }
        while self.input.len() < BLOCK {
            match ready!(self.input.poll_fill(&mut self.stream, context)) {
                Ok(0) => return Poll::Ready(Ok(true)),
                Ok(_) => {}
                // FIN without close_notify: many clients end their sending side so.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return Poll::Ready(Ok(true));
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        Poll::Ready(Ok(false))
    }

    /// Sends something that a client which reads on does not notice.
    fn probe(&mut self) {
        let wait = if self.stream.touch() {
            ROUND_TRIP
        } else if self.version == Version::Http11 {
            self.output.push(b"HTTP/1.1 100 Continue\r\n\r\n");
            ROUND_TRIP
        } else {
            Duration::ZERO
        };
        self.half_closed = Some(Box::new(HalfClosed {
            until: Instant::now() + wait,
            next: Box::pin(sleep(LOOK)),
        }));
    }

    fn poll_probe(&mut self, context: &mut Context<'_>) -> Poll<bool> {
        let Some(half_closed) = &mut self.half_closed else {
            return Poll::Ready(false);
        };
        loop {
            let mut sent = self.output.poll_drain(&mut self.stream, context);
            if matches!(sent, Poll::Ready(Ok(()))) {
                sent = self.stream.poll_flush_counted(context, &mut 0);
            }
            // Reading does not tell of a reset: the end of the bytes came before it.
            let is_reset = !matches!(self.stream.socket().take_error(), Ok(None));
            if is_reset || matches!(sent, Poll::Ready(Err(_))) {
                return Poll::Ready(true);
            }
            if half_closed.until <= Instant::now() {
                return Poll::Ready(false);
            }
            ready!(half_closed.next.as_mut().poll(context));
            half_closed.next.as_mut().reset(Instant::now() + LOOK);
        }
    }
}
