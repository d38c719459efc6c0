//! A client's stream of bytes, of which the frames are counted that make work and no request.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::watch::Activity;
use crate::limit::bucket::Rule;
use crate::limit::frames::{Control, FrameMeter};
use crate::net::stream::Stream;

/// What was too much, for whoever holds the connection.
pub(super) type Verdict = Rc<Cell<Option<Control>>>;

/// A stream that fails when its client sends too many such frames.
pub(super) struct Metered {
    stream: Stream,
    meter: FrameMeter,
    epoch: Instant,
    verdict: Verdict,
    activity: Rc<Activity>,
}

impl Metered {
    pub(super) fn new(
        stream: Stream,
        rule: Rule,
        verdict: Verdict,
        activity: Rc<Activity>,
    ) -> Self {
        Self {
            stream,
            meter: FrameMeter::new(rule),
            epoch: Instant::now(),
            verdict,
            activity,
        }
    }
}

impl AsyncRead for Metered {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.verdict.get().is_some() {
            return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
        }
        let known = buffer.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(context, buffer))?;
        let fresh = buffer.filled().get(known..).unwrap_or_default();
        let epoch = this.epoch;
        let now = || u64::try_from(epoch.elapsed().as_nanos()).unwrap_or(u64::MAX);
        if let Err(control) = this.meter.read(fresh, now) {
            this.verdict.set(Some(control));
            return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
        }
        Poll::Ready(Ok(()))
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
