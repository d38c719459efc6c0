//! The body of an answer: one of the gateway's own, or a region's as fast as the client takes it.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use thiserror::Error;
use tokio::time::Instant;

use super::fields::Fields;
use super::source::Source;
use super::watch::Patience;
use crate::limit::pace::Pace;
use crate::proxy::record::Record;
use crate::upstream::exchange::Exchange;
use crate::upstream::failure::Cause;

/// Why a stream ends early. Deliberately opaque: hyper copies the reason of an h2 error found in
/// the chain of sources to the client, which could then read "safe to repeat" (REFUSED_STREAM).
#[derive(Debug, Error)]
#[error("stream broken off: {0}")]
pub(super) struct Broken(&'static str);

/// The body of an answer.
pub(super) enum Reply {
    /// One of the gateway's own.
    Whole(Option<Bytes>),
    /// A region's, as it comes.
    Relayed(Box<Relay>),
}

/// A region's answer on its way to a stream.
pub(super) struct Relay {
    exchange: Option<Box<Exchange>>,
    source: Source,
    record: Option<Box<Record>>,
    patience: Rc<Patience>,
    pace: Pace,
    idle: Duration,
    must_end: Instant,
    /// Bytes that the client has not taken yet, as far as is known.
    given: u64,
    /// What breaks the stream off, a turn later.
    cut: Option<&'static str>,
}

impl Body for Reply {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        match self.get_mut() {
            Self::Whole(body) => Poll::Ready(
                body.take()
                    .filter(|body| !body.is_empty())
                    .map(|body| Ok(Frame::data(body))),
            ),
            Self::Relayed(relay) => relay.poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(body) => body.as_ref().is_none_or(Bytes::is_empty),
            Self::Relayed(relay) => relay.exchange.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(body) => SizeHint::with_exact(body.as_ref().map_or(0, Bytes::len) as u64),
            Self::Relayed(_) => SizeHint::default(),
        }
    }
}

impl Relay {
    /// A region's answer whose head has come.
    pub(super) fn new(exchange: Box<Exchange>, source: Source, record: Box<Record>) -> Self {
        let view = record.view();
        let mut relay = Self {
            pace: Pace::new(view.pace()),
            idle: exchange.client_idle(),
            must_end: record.started + view.config.timeouts.request,
            exchange: Some(exchange),
            source,
            record: Some(record),
            patience: Patience::here(),
            given: 0,
            cut: None,
        };
        // Then the head itself ends the stream: an empty DATA behind a length that a 304 names would
        // be a body that is too short (RFC 9113 section 8.1.1).
        if relay.is_over() {
            relay.end();
        }
        relay
    }

    /// hyper asks for more: the client has taken what was given.
    fn taken(&mut self) {
        if self.given > 0 {
            let now = Instant::now();
            self.pace
                .moves(std::mem::take(&mut self.given), now.into_std());
            self.patience.until(None);
        }
    }

    /// Data for the client, which it must take before it has waited too long.
    fn gives(&mut self, bytes: u64) {
        let now = Instant::now();
        let slow = Instant::from_std(self.pace.waits(now.into_std()));
        let due = slow.min(now + self.idle).min(self.must_end);
        self.given = bytes;
        self.patience.until(Some(due));
        if let Some(region) = self.exchange.as_deref().and_then(Exchange::beyond_share) {
            self.patience.yields(region, now);
        }
    }

    fn poll_frame(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        self.taken();
        let Some(exchange) = &mut self.exchange else {
            return Poll::Ready(self.cut.take().map(|why| Err(Broken(why))));
        };
        let data = match ready!(exchange.poll_data(&mut self.source, context)) {
            Ok(data) => data.map(Bytes::copy_from_slice),
            Err(cause) => {
                self.exchange = None;
                if let Some(mut record) = self.record.take() {
                    record.broken(cause);
                    record.finish();
                }
                // A reset takes with it all that is queued on its stream: the connection gets a turn to
                // write the head, which says what became of the request, and what came of the body.
                self.cut = Some(cause.label());
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
        };
        if let Some(record) = &mut self.record {
            record.bytes_in = self.source.read;
            record.bytes_out += data.as_ref().map_or(0, Bytes::len) as u64;
        }
        if let Some(data) = data {
            exchange.consume(data.len());
            self.gives(data.len() as u64);
            // The end may already be known: then the last data frame says so itself.
            if self.is_over() {
                self.end();
            }
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        let trailers = trailer_map(&exchange.trailers());
        self.end();
        Poll::Ready(trailers.map(|trailers| Ok(Frame::trailers(trailers))))
    }

    /// Whether nothing more comes, and it is known already.
    fn is_over(&self) -> bool {
        let over = |exchange: &Exchange| exchange.is_ended() && exchange.trailers().is_empty();
        self.exchange.as_deref().is_some_and(over)
    }

    fn end(&mut self) {
        if let Some(exchange) = self.exchange.take() {
            exchange.finish();
        }
        self.patience.left();
        if let Some(record) = self.record.take() {
            record.finish();
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        // The stream ended in the middle of the answer. If not because its client is slow, then for
        // what the record, dropped here, knows of.
        if let (Some(_), Some(mut record)) = (self.exchange.take(), self.record.take())
            && self.patience.is_over()
        {
            record.broken(Cause::ClientStalled);
            record.finish();
        }
    }
}

fn trailer_map(lines: &[u8]) -> Option<HeaderMap> {
    if lines.is_empty() {
        return None;
    }
    let mut fields = Fields::with_room_for(1);
    for line in lines.split(|byte| *byte == b'\n') {
        let mut parts = line.splitn(2, |byte| *byte == b':');
        if let (Some(name), Some(value)) = (parts.next(), parts.next())
            && let Ok(name) = std::str::from_utf8(name)
        {
            fields.append(name, value.trim_ascii());
        }
    }
    Some(fields.into_map())
}
