//! One HTTP/1.1 connection of a client: heads in, answers out, one at a time, in order.
//!
//! Ours instead of hyper's server: it sees every framing fault itself (`http1`), writes head and
//! small body in one piece, and holds no buffer while it waits.

mod left;
mod relay;
mod turn;

use std::future::poll_fn;
use std::io;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::AsyncWrite;
use tokio::time::Instant;

use super::seat::Seat;
use crate::headers::request::Expect;
use crate::http1::body::{Decoder, Step};
use crate::http1::head::{EndFinder, HeadSpan};
use crate::http1::request::{self, field_space};
use crate::http1::{Fault, Framing, HeadLimits, Version};
use crate::net::buffer::Buffer;
use crate::net::deadline::Deadline;
use crate::net::stream::Stream;
use crate::proxy::answer::Answer;
use crate::proxy::arrival::{Arrival, Protocol};
use crate::proxy::circuit::Circuit;
use crate::proxy::record::{Method, Record};
use crate::proxy::refusal::Refusal;
use crate::proxy::worker::{View, Worker};
use crate::proxy::{Planned, Verdict, plan, refuse_unread, resolve};
use crate::upstream::failure::Cause;

/// An unwanted request body is read and dropped to save the connection if no more than this is left
/// of it, in bytes.
const MOST_DRAINED: u64 = 64 * 1024;

/// After an answer that ends the connection, this many bytes are still read. Closing a socket with
/// unread bytes resets it, and the client loses the answer (RFC 9112 section 9.6). Many clients read no
/// answer before they have sent their whole body.
const MOST_LINGERING: usize = 8 * 1024 * 1024;

/// How long an answer waits for the rest of an unwanted chunked body.
const SKIP: Duration = Duration::from_secs(1);

/// The longest time without a byte while an unwanted body is read.
const LINGER_IDLE: Duration = Duration::from_secs(5);

/// The longest time for all of it.
const LINGER_TOTAL: Duration = Duration::from_secs(30);

/// A client's connection.
pub struct Connection {
    stream: Stream,
    input: Buffer,
    output: Buffer,
    finder: EndFinder,
    body: Decoder,
    body_read: u64,
    body_limit: u64,
    deadline: Deadline,
    worker: Rc<Worker>,
    circuit: Circuit,
    seat: Seat,
    half_closed: Option<Box<left::HalfClosed>>,
    /// Whether it was opened during a drain: then its first request is waited for.
    late: bool,
    served: u64,
    version: Version,
}

/// How a wait for a head ended.
enum Head {
    Closed,
    Refused(Refusal),
    Whole(HeadSpan),
}

impl Connection {
    /// A connection whose handshake, if any, is over.
    #[must_use]
    pub(super) fn new(stream: Stream, circuit: Circuit, worker: Rc<Worker>, seat: Seat) -> Self {
        let keep_alive = worker.view().timeouts().keep_alive;
        let late = worker.drain.is_begun();
        Self {
            stream,
            input: Buffer::new(),
            output: Buffer::new(),
            finder: EndFinder::default(),
            body: Decoder::new(Framing::Empty),
            body_read: 0,
            body_limit: 0,
            deadline: Deadline::new(Instant::now(), keep_alive),
            worker,
            circuit,
            seat,
            half_closed: None,
            late,
            served: 0,
            version: Version::Http11,
        }
    }

    /// Serves requests until one side ends it.
    pub async fn serve(mut self) {
        loop {
            let view = self.worker.view();
            let span = match self.head(&view).await {
                Head::Whole(span) => span,
                Head::Closed => return,
                Head::Refused(refusal) => {
                    let planned = self.refuse(refusal, self.input.filled(), &view);
                    let _ = Box::pin(self.settle(planned, &view, Expect::Nothing)).await;
                    return;
                }
            };
            self.seat.works();
            // A reload between two requests: the next one sees the new snapshot.
            let view = self.worker.view();
            let (mut planned, expect) = self.plan(span, &view);
            self.served += 1;
            planned.close |= self.served >= view.config.limits.requests_per_connection;
            // On the heap, and only as long as it is needed: a connection idles much longer than it
            // works, and this is nine tenths of what it would keep.
            if Box::pin(self.settle(planned, &view, expect))
                .await
                .is_break()
            {
                return;
            }
        }
    }

    /// Waits for a whole head.
    async fn head(&mut self, view: &View) -> Head {
        let timeouts = view.timeouts();
        let limits = view.head_limits();
        self.finder = EndFinder::default();
        self.seat.waits();
        let now = Instant::now();
        let mut started = !self.input.is_empty();
        self.deadline.set(
            now + if started {
                timeouts.head
            } else {
                timeouts.keep_alive
            },
        );
        let worker = self.worker.clone();
        let mut idle_ends = std::pin::pin!(worker.idle_ends.begun());
        let waits_for_first = self.late && self.served == 0;
        poll_fn(|context| {
            loop {
                match self.finder.find(self.input.filled(), limits.bytes) {
                    Ok(Some(span)) => return Poll::Ready(Head::Whole(span)),
                    Ok(None) => {}
                    Err(fault) => {
                        let fault = self.more_precise(fault, &limits);
                        return Poll::Ready(Head::Refused(Refusal::BadMessage(fault)));
                    }
                }
                match self.input.poll_fill(&mut self.stream, context) {
                    Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(Head::Closed),
                    Poll::Ready(Ok(_)) if started => {}
                    Poll::Ready(Ok(_)) => {
                        started = true;
                        self.deadline.set(Instant::now() + timeouts.head);
                    }
                    Poll::Pending => {
                        self.input.park();
                        self.output.release();
                        let is_idle = !started && !waits_for_first;
                        if is_idle && idle_ends.as_mut().poll(context).is_ready() {
                            let _ = Pin::new(&mut self.stream).poll_shutdown(context);
                            return Poll::Ready(Head::Closed);
                        }
                        ready!(self.deadline.poll(context));
                        return Poll::Ready(if started {
                            Head::Refused(Refusal::HeadTimeout)
                        } else {
                            Head::Closed
                        });
                    }
                }
            }
        })
        .await
    }

    /// A head that is too large because of its target alone is answered as such.
    fn more_precise(&self, fault: Fault, limits: &HeadLimits) -> Fault {
        let line_end = memchr::memchr(b'\n', self.input.filled());
        match fault {
            Fault::HeadTooLarge if line_end.is_none_or(|end| end > limits.target) => {
                Fault::TargetTooLong
            }
            other => other,
        }
    }

    /// Decides what becomes of the request whose head lies at `span`, and consumes the head.
    fn plan(&mut self, span: HeadSpan, view: &View) -> (Planned, Expect) {
        let bytes = self
            .input
            .filled()
            .get(span.start..span.end)
            .unwrap_or_default();
        let mut space = field_space();
        let (planned, expect) = match request::parse(bytes, &mut space, &view.head_limits()) {
            Err(fault) => {
                let refusal = Refusal::BadMessage(fault);
                (self.refuse(refusal, bytes, view), Expect::Nothing)
            }
            Ok(head) => {
                let arrival = Arrival {
                    method: head.method,
                    target: head.target,
                    authority: None,
                    scheme: None,
                    fields: head.fields,
                    protocol: match head.version {
                        Version::Http10 => Protocol::Http10,
                        Version::Http11 => Protocol::Http11,
                    },
                    framing: head.framing,
                    circuit: &self.circuit,
                };
                self.version = head.version;
                self.body = Decoder::new(head.framing);
                self.body_read = 0;
                let (planned, expect) = plan(&arrival, view, &self.worker);
                self.body_limit = planned.body_limit;
                (planned, expect)
            }
        };
        self.input.consume(span.end);
        (planned, expect)
    }

    /// Refuses what could not be read as a request. A HEAD is one all the same: a body behind the
    /// answer would be read as the beginning of the next one (RFC 9110 §9.3.2).
    fn refuse(&self, refusal: Refusal, bytes: &[u8], view: &View) -> Planned {
        let mut planned = refuse_unread(refusal, bytes, &self.circuit, view, &self.worker);
        if bytes.trim_ascii_start().starts_with(b"HEAD ") {
            planned.record.method = Method::Head;
        }
        planned
    }

    /// Carries out what was decided.
    async fn settle(
        &mut self,
        mut planned: Planned,
        view: &View,
        expect: Expect,
    ) -> ControlFlow<()> {
        if planned.pending.is_some() {
            let worker = self.worker.clone();
            let resolved = Box::pin(resolve(&mut planned, &worker));
            if !self.stays_for(resolved).await {
                planned.record.broken(Cause::ClientGone);
                planned.record.finish();
                return ControlFlow::Break(());
            }
        }
        match planned.verdict {
            Verdict::Answer(answer) => {
                self.answer(*answer, planned.record, planned.close, view, expect)
                    .await
            }
            Verdict::Collect(choosing) => {
                let mut record = planned.record;
                let body = self.collect(view, expect).await;
                record.bytes_in = self.body_read;
                let body = body.as_deref().map_err(|cause| *cause);
                let answer = choosing.answer(body, &mut record);
                self.answer(answer, record, planned.close, view, Expect::Nothing)
                    .await
            }
            Verdict::Forward(forward) => {
                self.forward(forward, planned.record, planned.close, view, expect)
                    .await
            }
        }
    }

    /// Waits for `work`, unless the client leaves first; whether it stays.
    async fn stays_for(&mut self, work: impl Future<Output = ()>) -> bool {
        let mut work = std::pin::pin!(work);
        poll_fn(|context| {
            if work.as_mut().poll(context).is_ready() {
                return Poll::Ready(true);
            }
            match self.poll_left(context) {
                Poll::Ready(true) => Poll::Ready(false),
                Poll::Ready(false) | Poll::Pending => Poll::Pending,
            }
        })
        .await
    }

    /// Writes an answer of the gateway's own.
    async fn answer(
        &mut self,
        answer: Answer,
        mut record: Box<Record>,
        close: bool,
        view: &View,
        expect: Expect,
    ) -> ControlFlow<()> {
        if expect != Expect::Continue && !close && !answer.close && self.body.left().is_none() {
            self.skip_chunks().await;
        }
        let unread = !self.body.is_done();
        // A client that waits for a 100 may leave its body out, now that it is answered.
        let cut = unread && (expect == Expect::Continue || !self.can_skip_body());
        let refused_enough = record.answered_here(answer.status);
        let drains = self.worker.drain.is_begun();
        let close = answer.close || close || cut || refused_enough || drains;
        let head_only = record.is_head();
        let keeps_alive = self.version == Version::Http10 && !close;
        self.output
            .append_with(|out| turn::write_answer(out, &answer, head_only, close, keeps_alive));
        record.bytes_out = self.output.len() as u64;
        let written = self.flush(view).await;
        record.finish();
        if written.is_err() {
            return ControlFlow::Break(());
        }
        if close {
            self.linger().await;
            return ControlFlow::Break(());
        }
        if !self.body.is_done() && !self.drain().await {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    /// Reads and drops a chunked body that is not wanted, if it is small and comes at once: the answer
    /// has to say whether the connection goes on, and only the last chunk tells.
    async fn skip_chunks(&mut self) {
        self.body_limit = self.body_read + MOST_DRAINED;
        self.deadline.set(Instant::now() + SKIP);
        poll_fn(|context| {
            loop {
                match self.poll_body(context) {
                    Poll::Ready(Ok(Some(count))) => self.consume_body(count),
                    Poll::Ready(_) => return Poll::Ready(()),
                    Poll::Pending => return self.deadline.poll(context),
                }
            }
        })
        .await;
    }

    /// Drops what has come of a body that is not wanted. Returns whether the rest is known to be so
    /// small that it will be read too.
    fn can_skip_body(&mut self) -> bool {
        loop {
            match self.body.step(self.input.filled()) {
                Ok(Step::Data(count)) => self.consume_body(count),
                Ok(Step::Skip(count)) => self.input.consume(count),
                Ok(Step::End) => return true,
                Ok(Step::More) => return self.body.left().is_some_and(|left| left <= MOST_DRAINED),
                Err(_) => return false,
            }
        }
    }

    /// Writes all output, as long as the client takes some now and then.
    async fn flush(&mut self, view: &View) -> io::Result<()> {
        let idle = view.timeouts().body_idle;
        self.deadline.set(Instant::now() + idle);
        poll_fn(|context| self.poll_flush(context)).await
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let drained = match self.output.poll_drain(&mut self.stream, context) {
            Poll::Ready(Ok(())) => Pin::new(&mut self.stream).poll_flush(context),
            other => other,
        };
        if drained.is_pending() {
            ready!(self.deadline.poll(context));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        drained
    }

    /// Reads a whole small body, all of it within one idle time.
    async fn collect(&mut self, view: &View, expect: Expect) -> Result<Vec<u8>, Cause> {
        let mut whole = Vec::new();
        if expect == Expect::Continue && !self.body.is_done() && self.version == Version::Http11 {
            self.output.push(turn::CONTINUE);
            self.flush(view).await.map_err(|_| Cause::ClientGone)?;
        }
        self.deadline
            .set(Instant::now() + view.timeouts().body_idle);
        poll_fn(|context| {
            loop {
                match self.poll_body(context) {
                    Poll::Ready(Ok(Some(count))) => {
                        whole.extend_from_slice(
                            self.input.filled().get(..count).unwrap_or_default(),
                        );
                        self.consume_body(count);
                    }
                    Poll::Ready(ended) => return Poll::Ready(ended.map(|_| ())),
                    Poll::Pending => {
                        ready!(self.deadline.poll(context));
                        return Poll::Ready(Err(Cause::ClientStalled));
                    }
                }
            }
        })
        .await?;
        Ok(whole)
    }

    /// Reads and drops the rest of a request's body. Returns whether the connection can go on.
    async fn drain(&mut self) -> bool {
        self.seat.waits();
        self.body_limit = self.body_read + MOST_DRAINED;
        let must_end = self.begin_discarding();
        poll_fn(|context| {
            loop {
                match self.poll_body(context) {
                    Poll::Ready(Ok(Some(count))) => {
                        self.consume_body(count);
                        self.discarded(must_end);
                    }
                    Poll::Ready(Ok(None)) => return Poll::Ready(true),
                    Poll::Ready(Err(_)) => return Poll::Ready(false),
                    Poll::Pending => {
                        ready!(self.deadline.poll(context));
                        return Poll::Ready(false);
                    }
                }
            }
        })
        .await
    }

    /// Sets the deadline for bytes that are read and dropped. Returns when all of them must have come.
    fn begin_discarding(&mut self) -> Instant {
        let now = Instant::now();
        self.deadline.set(now + LINGER_IDLE);
        now + LINGER_TOTAL
    }

    /// Moves that deadline: bytes came.
    fn discarded(&mut self, must_end: Instant) {
        self.deadline
            .set(must_end.min(Instant::now() + LINGER_IDLE));
    }

    /// Ends the sending side, then reads on and drops what comes, so that the client gets its answer
    /// (RFC 9112 section 9.6). Another client may have the connection's place meanwhile.
    async fn linger(&mut self) {
        self.seat.waits();
        let must_end = self.begin_discarding();
        let mut left = MOST_LINGERING;
        let mut ended = false;
        poll_fn(|context| {
            loop {
                if !ended {
                    match Pin::new(&mut self.stream).poll_shutdown(context) {
                        Poll::Ready(Ok(())) => ended = true,
                        Poll::Ready(Err(_)) => return Poll::Ready(()),
                        Poll::Pending => {}
                    }
                }
                let unread = self.input.len();
                self.input.consume(unread);
                match self.input.poll_fill(&mut self.stream, context) {
                    Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(()),
                    Poll::Ready(Ok(count)) if count < left => {
                        left -= count;
                        self.discarded(must_end);
                    }
                    Poll::Ready(Ok(_)) => return Poll::Ready(()),
                    Poll::Pending => {
                        self.input.release();
                        self.output.release();
                        return self.deadline.poll(context);
                    }
                }
            }
        })
        .await;
    }
}
