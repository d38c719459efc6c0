//! One request on one connection: the head and body out, the answer back, each as fast as the
//! other side takes it. Knows to the byte whether anything was sent.

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use std::pin::Pin;
use tokio::io::AsyncWrite;
use tokio::time::Instant;

use super::asked::Asked;
use super::client::Client;
use super::endpoint::Timeouts;
use super::failure::{Cause, Delivery, Failure};
use super::hidden::{self, Opening};
use super::outgoing::{Outgoing, RequestBody};
use super::pool::{Connected, Lease, Origin};
use super::state::RegionState;
use crate::headers::response::{passing_trailers, request_id, says_close, says_keep_alive};
use crate::http1::body::{Decoder, Step};
use crate::http1::head::EndFinder;
use crate::http1::request::field_space;
use crate::http1::response::{self, MOST_INFORMATIONAL};
use crate::http1::{Fault, Framing, HeadLimits, Version};
use crate::limit::pace::Pace;
use crate::net::buffer::Buffer;
use crate::net::deadline::Deadline;
use crate::net::stream::Stream;

/// What a region may send as a head: more than a client may, since cookies and policies are long.
const ANSWER_HEAD: HeadLimits = HeadLimits {
    bytes: 64 * 1024,
    fields: 128,
    target: 0,
};

/// What goes into one record of TLS (RFC 8446 section 5.1).
const ONE_RECORD: usize = 16 * 1024;

/// A request and its answer on one connection.
pub struct Exchange {
    stream: Stream,
    asked: Asked,
    origin: Origin,
    lease: Lease,
    outgoing: Outgoing,
    incoming: Buffer,
    decoder: Decoder,
    deadline: Deadline,
    timeouts: Timeouts,
    pace: Pace,
    must_end: Instant,
    started: bool,
    sent: bool,
    answered: bool,
    keeps: bool,
    /// Whether the request was not sent whole.
    cut: bool,
    to_head: bool,
    waits_for_client: bool,
    finder: EndFinder,
    informational: u32,
    opening: Option<Box<Opening>>,
}

/// What an attempt became when no head came.
pub struct Lost {
    /// Why, and what the region can have seen.
    pub failure: Failure,
    /// The request, whole if nothing was sent.
    pub outgoing: Outgoing,
}

impl Exchange {
    /// Joins a request and a connection. On the heap, since it passes through many hands.
    #[must_use]
    pub fn new(
        connected: Connected,
        lease: Lease,
        mut outgoing: Outgoing,
        host: &str,
        timeouts: Timeouts,
        must_end: Instant,
        to_head: bool,
    ) -> Box<Self> {
        outgoing.address(host);
        let Connected {
            stream,
            mut asked,
            origin,
        } = connected;
        asked.ask(outgoing.id);
        let now = Instant::now();
        let due = must_end.min(now + timeouts.response_head);
        Box::new(Self {
            stream,
            asked,
            origin,
            lease,
            outgoing,
            incoming: Buffer::new(),
            decoder: Decoder::of_answer(Framing::Empty),
            deadline: Deadline::new(now, due.saturating_duration_since(now)),
            pace: Pace::new(timeouts.client_pace),
            timeouts,
            must_end,
            started: false,
            sent: false,
            answered: false,
            keeps: false,
            cut: false,
            to_head,
            waits_for_client: false,
            finder: EndFinder::default(),
            informational: 0,
            opening: None,
        })
    }

    /// The endpoint's `scheme://host:port`.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.lease.endpoint.url
    }

    /// Sends the request and waits for the final head, which `client` is given.
    ///
    /// # Errors
    /// [`Lost`], with the request whole if nothing was sent.
    pub async fn answer(mut self: Box<Self>, client: &mut impl Client) -> Result<Box<Self>, Lost> {
        match std::future::poll_fn(|context| self.poll_answer(client, context)).await {
            Ok(()) => Ok(self),
            Err(cause) => Err(Lost {
                failure: Failure {
                    cause,
                    delivery: self.delivery(),
                },
                outgoing: self.outgoing,
            }),
        }
    }

    const fn delivery(&self) -> Delivery {
        match (self.answered, self.started) {
            (true, _) => Delivery::Executed,
            (false, true) => Delivery::MaybeExecuted,
            (false, false) => Delivery::NotSent,
        }
    }

    fn poll_answer(
        &mut self,
        client: &mut impl Client,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), Cause>> {
        client.poll_informational(context);
        // A region may answer before it has the whole body, and then close. An answer that has come is
        // taken before more is written, because what is written to a closed socket resets it.
        let mut sending = self.poll_send_piece(client, context);
        while let Poll::Ready(Ok(false)) = sending {
            if let Poll::Ready(result) = self.poll_head(client, context) {
                return Poll::Ready(result);
            }
            sending = self.poll_send_piece(client, context);
        }
        let head = self.poll_head(client, context);
        if let Poll::Ready(Err(cause)) = sending {
            // The answer may still be on its way when the write fails. Nothing is to be waited for if
            // nothing was sent, or if the client is at fault.
            let is_over = !self.started || !cause.is_endpoints_own();
            if is_over && head != Poll::Ready(Ok(())) {
                return Poll::Ready(Err(cause));
            }
            self.stop_sending();
        }
        if head.is_ready() {
            return head;
        }
        let late = ready!(self.poll_deadline(context));
        Poll::Ready(Err(if self.cut { Cause::Closed } else { late }))
    }

    /// No more of the request goes out: the connection serves no other.
    fn stop_sending(&mut self) {
        self.sent = true;
        self.cut = true;
        if self.waits_for_client {
            self.waits_for_client = false;
            self.extend(self.timeouts.response_head);
        }
    }

    fn poll_deadline(&mut self, context: &mut Context<'_>) -> Poll<Cause> {
        ready!(self.deadline.poll(context));
        Poll::Ready(if self.waits_for_client {
            Cause::ClientStalled
        } else {
            Cause::ResponseTimeout
        })
    }

    fn extend(&mut self, by: std::time::Duration) {
        self.deadline.set(self.must_end.min(Instant::now() + by));
    }

    /// Moves the request along; `Ready` once a piece of it has been sent, and whether it was the last.
    fn poll_send_piece(
        &mut self,
        body: &mut impl RequestBody,
        context: &mut Context<'_>,
    ) -> Poll<Result<bool, Cause>> {
        if self.sent {
            return Poll::Ready(Ok(true));
        }
        loop {
            let gathered = self.outgoing.poll_gather(body, context)?;
            if self.outgoing.bytes.is_empty() && gathered.is_pending() {
                self.wait_for_client();
                let _ = Pin::new(&mut self.stream).poll_flush(context);
                return Poll::Pending;
            }
            if !self.started && self.lease.endpoint.state.is_withdrawn() {
                return Poll::Ready(Err(Cause::NoEndpoint));
            }
            if !self.outgoing.bytes.is_empty() {
                ready!(self.poll_write(context)).map_err(|_| Cause::Closed)?;
                if !self.outgoing.complete {
                    return Poll::Ready(Ok(false));
                }
            } else if self.outgoing.complete {
                ready!(Pin::new(&mut self.stream).poll_flush(context))
                    .map_err(|_| Cause::Closed)?;
                self.sent = true;
                self.waits_for_client = false;
                self.outgoing.bytes.release();
                self.extend(self.timeouts.response_head);
                return Poll::Ready(Ok(true));
            }
        }
    }

    fn wait_for_client(&mut self) {
        if !self.waits_for_client {
            self.waits_for_client = true;
            let now = Instant::now();
            let slow = Instant::from_std(self.pace.waits(now.into_std()));
            let idle = now + self.timeouts.client_idle;
            self.deadline.set(self.must_end.min(idle).min(slow));
        }
    }

    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let before = self.outgoing.bytes.len();
        let (bytes, stream) = (&mut self.outgoing.bytes, &mut self.stream);
        // A write that fails over TLS does not tell what of it went out before: of one record cut
        // short the region can read nothing.
        let result = if self.started {
            bytes.poll_drain(stream, context)
        } else {
            bytes.poll_some(stream, context, ONE_RECORD)
        };
        let written = before - self.outgoing.bytes.len();
        if written > 0 {
            self.started = true;
            self.waits_for_client = false;
            self.pace.moves(written as u64, std::time::Instant::now());
            self.extend(self.timeouts.response_head);
        }
        result
    }

    /// Reads the answer's head; informational ones are passed on.
    fn poll_head(
        &mut self,
        client: &mut impl Client,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), Cause>> {
        loop {
            match self.finder.find(self.incoming.filled(), ANSWER_HEAD.bytes) {
                Ok(Some(span)) if span.start > 0 => {
                    return Poll::Ready(Err(Cause::BadAnswer(Fault::BadStartLine)));
                }
                Ok(Some(span)) => {
                    let is_final = self.take_head(span.end, client).map_err(Cause::BadAnswer)?;
                    if is_final {
                        return Poll::Ready(Ok(()));
                    }
                    self.finder = EndFinder::default();
                    self.informational += 1;
                    if self.informational > MOST_INFORMATIONAL {
                        return Poll::Ready(Err(Cause::BadAnswer(Fault::TooManyFields)));
                    }
                    client.poll_informational(context);
                }
                Ok(None) => match ready!(self.incoming.poll_fill(&mut self.stream, context)) {
                    Ok(0) | Err(_) => return Poll::Ready(Err(Cause::Closed)),
                    Ok(_) => self.started = true,
                },
                Err(fault) => return Poll::Ready(Err(Cause::BadAnswer(fault))),
            }
        }
    }

    /// Takes in one head; whether it was the final one.
    fn take_head(&mut self, end: usize, client: &mut impl Client) -> Result<bool, Fault> {
        let mut space = field_space();
        let bytes = self.incoming.filled().get(..end).unwrap_or_default();
        let head = response::parse(bytes, &mut space, &ANSWER_HEAD, self.to_head)?;
        // Nobody asked for another protocol (RFC 9110 §15.2.2).
        if head.status == 101 {
            return Err(Fault::BadStartLine);
        }
        let is_final = head.status >= 200;
        let named = request_id(head.fields);
        if is_final
            && !self
                .asked
                .is_answered_by(named, head.status, self.outgoing.reads)
        {
            return Err(Fault::AnswerOfAnother);
        }
        if is_final {
            self.answered = true;
            self.decoder = Decoder::of_answer(head.framing);
            self.keeps = head.framing != Framing::UntilClose
                && match head.version {
                    Version::Http11 => !says_close(head.fields),
                    Version::Http10 => says_keep_alive(head.fields),
                };
            client.head(&head);
        } else {
            client.informational(&head);
        }
        let is_error = head.status >= 400;
        self.incoming.consume(end);
        if is_error && !self.sent {
            // RFC 9112 section 9.5: a client that sees an error stops sending the body.
            self.stop_sending();
        }
        if is_final {
            self.extend(self.timeouts.response_idle);
        }
        Ok(is_final)
    }

    /// The next bytes of the answer's body, not yet consumed, or `None` at its regular end; moves
    /// the rest of the request along meanwhile.
    ///
    /// # Errors
    /// A cause after which the client's answer must be broken off, never ended as if whole.
    pub fn poll_data(
        &mut self,
        body: &mut impl RequestBody,
        context: &mut Context<'_>,
    ) -> Poll<Result<Option<&[u8]>, Cause>> {
        loop {
            match self.poll_send_piece(body, context) {
                Poll::Ready(Ok(false)) => {
                    if let Poll::Ready(step) = self.poll_incoming(context) {
                        return Poll::Ready(self.data(step?));
                    }
                }
                Poll::Ready(Err(cause)) => {
                    // The region has answered; that it reads no further is its right, but the
                    // connection is then of no more use.
                    self.stop_sending();
                    if !cause.is_endpoints_own() {
                        return Poll::Ready(Err(cause));
                    }
                }
                Poll::Ready(Ok(true)) | Poll::Pending => break,
            }
        }
        let step = ready!(self.poll_step(context))?;
        Poll::Ready(self.data(step))
    }

    fn data(&self, step: Step) -> Result<Option<&[u8]>, Cause> {
        match step {
            Step::Data(count) => Ok(Some(
                self.incoming.filled().get(..count).unwrap_or_default(),
            )),
            _ => Ok(None),
        }
    }

    /// The next [`Step::Data`] or [`Step::End`], within the time that it may take.
    fn poll_step(&mut self, context: &mut Context<'_>) -> Poll<Result<Step, Cause>> {
        match self.poll_incoming(context) {
            Poll::Pending => self.poll_deadline(context).map(Err),
            step => step,
        }
    }

    fn poll_incoming(&mut self, context: &mut Context<'_>) -> Poll<Result<Step, Cause>> {
        loop {
            match self
                .decoder
                .step(self.incoming.filled())
                .map_err(Cause::BadAnswer)?
            {
                Step::Skip(count) => self.incoming.consume(count),
                Step::More => match ready!(self.incoming.poll_fill(&mut self.stream, context)) {
                    Ok(0) => self.decoder.input_ended().map_err(|_| Cause::Closed)?,
                    Ok(_) => self.extend(self.timeouts.response_idle),
                    Err(_) => return Poll::Ready(Err(Cause::Closed)),
                },
                step @ (Step::Data(_) | Step::End) => return Poll::Ready(Ok(step)),
            }
        }
    }

    /// The body bytes at hand, without asking for more.
    pub fn ready_data(&mut self) -> &[u8] {
        match self.decoder.step(self.incoming.filled()) {
            Ok(Step::Data(count)) => self.incoming.filled().get(..count).unwrap_or_default(),
            _ => &[],
        }
    }

    /// The region, if a client that takes nothing has to give its place there to one that waits.
    #[must_use]
    pub fn beyond_share(&self) -> Option<&Arc<RegionState>> {
        self.lease.beyond_share()
    }

    /// How long the client may take none of the answer.
    #[must_use]
    pub const fn client_idle(&self) -> std::time::Duration {
        self.timeouts.client_idle
    }

    /// Whether the body's bytes at hand say that this 404 hides a failure of the region; `None` if more
    /// of them have to come. Then the endpoint's state is told by the exchange, once they have passed.
    pub fn hides_failure(&mut self) -> Option<bool> {
        let hides = hidden::hides_failure(self.incoming.filled(), self.decoder.left());
        self.opening = hides.is_none().then(Box::default);
        hides
    }

    /// Judges the endpoint by a 404's body as soon as enough of it has passed.
    fn judge_opening(&mut self, count: usize) {
        let data = self.incoming.filled().get(..count).unwrap_or_default();
        match (self.opening.as_deref_mut()).and_then(|opening| opening.pass(data)) {
            None => return,
            Some(true) => self.lease.endpoint.state.failed_late(),
            Some(false) => self.lease.endpoint.state.succeeded(),
        }
        self.opening = None;
    }

    /// Consumes `count` bytes of the answer's body.
    pub fn consume(&mut self, count: usize) {
        if self.opening.is_some() {
            self.judge_opening(count);
        }
        self.incoming.consume(count);
        self.decoder.took(count);
    }

    /// The answer's trailer lines that may pass, after its end.
    #[must_use]
    pub fn trailers(&self) -> Vec<u8> {
        passing_trailers(self.decoder.trailers())
    }

    /// Whether the answer's body is already at its end, without waiting.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.decoder.is_done()
    }

    /// Whether the client's body has been taken in whole.
    #[must_use]
    pub const fn request_is_complete(&self) -> bool {
        self.outgoing.is_complete()
    }

    /// Ends a complete exchange: the connection serves the next request, unless somebody said
    /// otherwise or bytes came that nobody asked for.
    pub fn finish(mut self: Box<Self>) {
        self.incoming.release();
        if self.opening.take().is_some() && self.decoder.is_done() {
            self.lease.endpoint.state.succeeded();
        }
        let complete = self.keeps && self.sent && !self.cut && self.decoder.is_done();
        if complete && self.incoming.is_empty() && !self.stream.holds_plaintext() {
            let connected = Connected {
                stream: self.stream,
                asked: self.asked,
                origin: self.origin,
            };
            self.lease.keep(connected, Instant::now());
        }
    }
}
