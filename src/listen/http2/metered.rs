//! A client's stream of bytes, of which the frames are counted that make work and no request.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::watch::Activity;
use crate::http2::guard::Guard;
use crate::http2::resets::Resets;
use crate::limit::bucket::Rule;
use crate::limit::frames::{Control, FrameMeter};
use crate::net::stream::Stream;
use crate::proxy::worker::Step;

/// What was too much, for the holder of the connection.
pub(super) type Verdict = Rc<Cell<Option<Control>>>;

/// Malformed streams of a connection, before it drains: h2 ends it at 64 (`MOST_LOCAL_RESETS`).
const MOST_MALFORMED: usize = 48;

/// Resets that the library may send before nothing more is read. An honest client causes some: what it
/// still sends on a stream that it has closed itself is answered with STREAM_CLOSED. So it is told to go
/// at [`MOST_MALFORMED`], and is served meanwhile.
const MOST_RESETS: usize = 60;

/// A stream in which malformed header blocks are replaced, and that falls silent when its client sends
/// too many frames that are no request.
pub(super) struct Metered {
    stream: Stream,
    meter: FrameMeter,
    guard: Guard,
    resets: Resets,
    epoch: Instant,
    verdict: Verdict,
    /// Taken once the client is to be told to go.
    enough: Rc<Step>,
    activity: Rc<Activity>,
}

impl Metered {
    pub(super) fn new(
        stream: Stream,
        rule: Rule,
        header_list: usize,
        (verdict, enough): (Verdict, Rc<Step>),
        activity: Rc<Activity>,
    ) -> Self {
        Self {
            stream,
            meter: FrameMeter::new(rule),
            guard: Guard::new(header_list),
            resets: Resets::default(),
            epoch: Instant::now(),
            verdict,
            enough,
            activity,
        }
    }

    /// Nothing more is read: what is in flight ends, and the connection with it.
    fn flooded(&mut self, control: Control) {
        self.verdict.set(Some(control));
        self.guard.out().clear();
        self.guard.cancel_unended();
        self.activity.flood();
    }

    /// Gives what the guard has; whether there was anything.
    fn give(&mut self, buffer: &mut ReadBuf<'_>) -> bool {
        let out = self.guard.out();
        let count = out.len().min(buffer.remaining());
        buffer.put_slice(out.get(..count).unwrap_or_default());
        out.drain(..count);
        count > 0
    }
}

impl AsyncRead for Metered {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            if this.give(buffer) {
                return Poll::Ready(Ok(()));
            }
            if this.verdict.get().is_some() {
                return Poll::Pending;
            }
            let known = buffer.filled().len();
            ready!(Pin::new(&mut this.stream).poll_read(context, buffer))?;
            let fresh = buffer.filled().get(known..).unwrap_or_default();
            if fresh.is_empty() {
                return Poll::Ready(Ok(()));
            }
            let epoch = this.epoch;
            let now = || u64::try_from(epoch.elapsed().as_nanos()).unwrap_or(u64::MAX);
            let metered = this.meter.read(fresh, now);
            let passed = match metered {
                Ok(()) => this.guard.take(fresh),
                Err(_) => 0,
            };
            buffer.set_filled(known + passed);
            if let Err(control) = metered {
                this.flooded(control);
            } else if this.guard.malformed() >= MOST_MALFORMED {
                this.flooded(Control::Malformed);
            }
            let is_fresh = this.guard.is_fresh();
            (this.activity).within_frame(this.guard.is_within_frame(), is_fresh);
            if passed > 0 {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl AsyncWrite for Metered {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let Poll::Ready(written) = Pin::new(&mut this.stream).poll_write(context, bytes) else {
            this.activity.blocked();
            return Poll::Pending;
        };
        let written = written?;
        this.meter.wrote(written);
        this.resets.wrote(bytes.get(..written).unwrap_or_default());
        let resets = this.resets.count();
        if resets >= MOST_MALFORMED && !this.enough.is_begun() {
            this.enough.begin();
        }
        if this.verdict.get().is_none() && resets >= MOST_RESETS {
            this.flooded(Control::Malformed);
        }
        Poll::Ready(Ok(written))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(Pin::new(&mut this.stream).poll_flush(context))?;
        this.activity.flushed();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}
