//! Forwarding: the request to its region, the answer back, as fast as the slower side takes it.

use std::future::poll_fn;
use std::io;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWrite;
use tokio::time::Instant;

use super::Connection;
use super::turn::Turn;
use crate::headers::request::Expect;
use crate::http1::{Framing, body};
use crate::limit::pace::Pace;
use crate::net::buffer::BLOCK;
use crate::proxy::forward::Forward;
use crate::proxy::record::Record;
use crate::proxy::refusal::Refusal;
use crate::proxy::worker::View;
use crate::proxy::{Verdict, refuse_forwarded};
use crate::upstream::client::{LOOK, MOST_STALL};
use crate::upstream::exchange::Exchange;
use crate::upstream::failure::Cause;

impl Connection {
    /// Forwards one request and relays its answer.
    pub(super) async fn forward(
        &mut self,
        forward: Box<Forward>,
        mut record: Box<Record>,
        close: bool,
        view: &View,
        expect: Expect,
    ) -> ControlFlow<()> {
        let Forward { errand, down } = *forward;
        let pools = self.worker.pools.clone();
        let must_end = Instant::now() + view.config.timeouts.request;
        let mut turn = Turn {
            connection: self,
            down: &down,
            close,
            framing: Framing::Empty,
            status: 0,
            ended: false,
            broken: None,
            pace: Pace::new(view.pace()),
            told: false,
            stalled: None,
            look: None,
        };
        record.departed();
        let answered = errand.send(&down, &pools, &mut turn, &mut record).await;
        record.returned();
        let mut exchange = match answered {
            Ok(exchange) => exchange,
            Err(failure) => {
                record.bytes_in = self.body_read;
                let planned = refuse_forwarded(Refusal::Region(failure), &down, record, close);
                let Verdict::Answer(answer) = planned.verdict else {
                    return ControlFlow::Break(());
                };
                return self
                    .answer(*answer, planned.record, close, view, expect)
                    .await;
            }
        };
        record.answered(turn.status);
        let mut written = 0;
        let relayed =
            poll_fn(|context| turn.poll_relay(&mut exchange, &mut written, must_end, context))
                .await;
        let close = turn.close;
        record.bytes_in = self.body_read;
        record.bytes_out = written;
        let complete = exchange.request_is_complete();
        if let Err(broken) = relayed {
            // The client must see a broken answer, never a short one that looks whole.
            record.broken(broken);
            record.finish();
            return ControlFlow::Break(());
        }
        exchange.finish();
        record.finish();
        if close || !complete {
            self.linger().await;
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }
}

impl Turn<'_> {
    /// Moves the answer along until it has gone out whole.
    fn poll_relay(
        &mut self,
        exchange: &mut Exchange,
        written: &mut u64,
        must_end: Instant,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), Cause>> {
        loop {
            let gathered = match self.broken {
                Some(cause) => return self.poll_break(cause, context).map(Err),
                None => self.poll_gather(exchange, context),
            };
            if let Poll::Ready(Err(cause)) = gathered {
                self.broken = Some(cause);
                let idle = exchange.client_idle();
                self.connection
                    .deadline
                    .set(must_end.min(Instant::now() + idle));
                continue;
            }
            let before = *written;
            let out = self.poll_put(exchange, written, context);
            if *written > before {
                let now = Instant::now();
                self.pace.moves(*written - before, now.into_std());
                self.stalled = None;
                self.look = None;
            }
            match out {
                Poll::Ready(Ok(true)) => return Poll::Ready(Ok(())),
                // The region pauses: what TLS still holds must not wait for it.
                Poll::Ready(Ok(false)) if gathered.is_pending() => {
                    let mut moved = 0;
                    let stream = &mut self.connection.stream;
                    let flushed = stream.poll_flush_counted(context, &mut moved);
                    if moved > 0 {
                        self.took_some();
                    }
                    match flushed {
                        Poll::Ready(Ok(())) => {
                            self.look = None;
                            if self.stalled.take().is_some() {
                                self.pace.moves(0, Instant::now().into_std());
                            }
                            return Poll::Pending;
                        }
                        Poll::Ready(Err(_)) => return Poll::Ready(Err(Cause::ClientGone)),
                        Poll::Pending => {
                            return self.poll_stalled(must_end, exchange, context).map(Err);
                        }
                    }
                }
                Poll::Ready(Ok(false)) => {}
                Poll::Ready(Err(_)) => return Poll::Ready(Err(Cause::ClientGone)),
                Poll::Pending => {
                    return self.poll_stalled(must_end, exchange, context).map(Err);
                }
            }
        }
    }

    /// The client has taken bytes that TLS held, which were counted when TLS took them.
    fn took_some(&mut self) {
        self.stalled = None;
        self.look = None;
        self.pace.moves(0, Instant::now().into_std());
    }

    /// The client takes nothing at the moment; `Ready` once that has lasted too long, or once it has to
    /// give its place to a request that waits.
    fn poll_stalled(
        &mut self,
        must_end: Instant,
        exchange: &Exchange,
        context: &mut Context<'_>,
    ) -> Poll<Cause> {
        let now = Instant::now();
        let since = *self.stalled.get_or_insert(now);
        let slow = Instant::from_std(self.pace.waits(now.into_std()));
        let due = must_end.min(since + exchange.client_idle()).min(slow);
        let region = exchange.beyond_share();
        loop {
            let look = region.map_or(due, |_| *self.look.get_or_insert(since + MOST_STALL));
            self.connection.deadline.set(due.min(look));
            ready!(self.connection.deadline.poll(context));
            let gives_way = region.is_some_and(|region| region.breaker.gives_way());
            let now = Instant::now();
            if due <= now || gives_way {
                return Poll::Ready(Cause::ClientStalled);
            }
            self.look = Some(now + LOOK);
        }
    }

    /// Writes what came before the break. A client that has read nothing at all would take its
    /// request for unread and may send it again (RFC 9110 §9.2.2), while the region has acted.
    fn poll_break(&mut self, cause: Cause, context: &mut Context<'_>) -> Poll<Cause> {
        let connection = &mut *self.connection;
        let drained = match connection
            .output
            .poll_drain(&mut connection.stream, context)
        {
            Poll::Ready(Ok(())) => Pin::new(&mut connection.stream).poll_flush(context),
            other => other,
        };
        if drained.is_pending() {
            ready!(connection.deadline.poll(context));
        }
        Poll::Ready(cause)
    }

    /// Takes what the region has ready into the output, up to a block; `Ready` once there is
    /// something to write or all is said.
    fn poll_gather(
        &mut self,
        exchange: &mut Exchange,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), Cause>> {
        while !self.ended && self.connection.output.len() < BLOCK {
            let framing = self.framing;
            // Large pieces of a counted body are written from where they lie.
            let direct = framing != Framing::Chunked && self.connection.output.is_empty();
            let data = match exchange.poll_data(self, context) {
                Poll::Ready(data) => data?,
                Poll::Pending if self.connection.output.is_empty() => return Poll::Pending,
                Poll::Pending => return Poll::Ready(Ok(())),
            };
            let Some(data) = data else {
                self.ended = true;
                if framing == Framing::Chunked {
                    let trailers = exchange.trailers();
                    self.connection
                        .output
                        .append_with(|out| body::write_last_chunk(out, &trailers));
                }
                break;
            };
            if direct && data.len() >= BLOCK / 4 {
                return Poll::Ready(Ok(()));
            }
            let room = BLOCK.saturating_sub(self.connection.output.len()).max(1);
            let count = data.len().min(room);
            let data = data.get(..count).unwrap_or_default();
            match framing {
                Framing::Chunked => {
                    self.connection
                        .output
                        .append_with(|out| body::write_chunk(out, data));
                }
                _ => self.connection.output.push(data),
            }
            exchange.consume(count);
        }
        Poll::Ready(Ok(()))
    }

    /// Writes; `true` once everything has gone out.
    fn poll_put(
        &mut self,
        exchange: &mut Exchange,
        written: &mut u64,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<bool>> {
        let before = self.connection.output.len();
        let connection = &mut *self.connection;
        let drained = connection
            .output
            .poll_drain(&mut connection.stream, context);
        *written += (before - connection.output.len()) as u64;
        ready!(drained)?;
        if self.ended {
            let mut moved = 0;
            let flushed = connection.stream.poll_flush_counted(context, &mut moved);
            if moved > 0 {
                self.took_some();
            }
            ready!(flushed)?;
            return Poll::Ready(Ok(true));
        }
        if self.framing != Framing::Chunked {
            let data = exchange.ready_data();
            if !data.is_empty() {
                let count = ready!(Pin::new(&mut connection.stream).poll_write(context, data))?;
                if count == 0 {
                    return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                }
                exchange.consume(count);
                *written += count as u64;
            }
        }
        Poll::Ready(Ok(false))
    }
}
