//! One request on one connection: the head and body out, the answer back, each as fast as the
//! other side takes it. Knows to the byte whether anything was sent.

use std::io;
use std::task::{Context, Poll, ready};

use std::pin::Pin;
use tokio::io::AsyncWrite;
use tokio::time::Instant;
use tokio_rustls::TlsStream;

use super::asked::Asked;
use super::endpoint::Timeouts;
use super::failure::{Cause, Delivery, Failure};
use super::outgoing::{Outgoing, RequestBody};
use super::pool::{Connected, Lease, Origin};
use crate::headers::response::{passing_trailers, request_id, says_close, says_keep_alive};
use crate::http1::body::{Decoder, Step};
use crate::http1::head::EndFinder;
use crate::http1::request::field_space;
use crate::http1::response::{self, MOST_INFORMATIONAL, ResponseHead};
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

/// Whoever waits for the answer's head.
pub trait Client: RequestBody {
    /// An informational answer (1xx) came.
    fn informational(&mut self, head: &ResponseHead<'_, '_>);
    /// Gives what [`Client::informational`] left to be written a chance to go out.
    fn poll_informational(&mut self, context: &mut Context<'_>);
    /// The final answer's head came.
    fn head(&mut self, head: &ResponseHead<'_, '_>);
}

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
    to_head: bool,
    waits_for_client: bool,
    finder: EndFinder,
    informational: u32,
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
            decoder: Decoder::new(Framing::Empty),
            deadline: Deadline::new(now, due.saturating_duration_since(now)),
            pace: Pace::new(timeouts.client_pace),
            timeouts,
            must_end,
            started: false,
            sent: false,
            answered: false,
            keeps: false,
            to_head,
            waits_for_client: false,
            finder: EndFinder::default(),
            informational: 0,
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
        let sending = self.poll_send(client, context);
        if let Poll::Ready(Err(cause)) = sending {
            // A region that has answered and closed while we were still writing has answered.
            return match self.poll_head(client, context) {
                Poll::Ready(Ok(())) => Poll::Ready(Ok(())),
                _ => Poll::Ready(Err(cause)),
            };
        }
        if let Poll::Ready(result) = self.poll_head(client, context) {
            return Poll::Ready(result);
        }
        self.poll_deadline(context).map(Err)
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

    /// Moves the request along; `Ready` once it is sent whole.
    fn poll_send(
        &mut self,
        body: &mut impl RequestBody,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), Cause>> {
        if self.sent {
            return Poll::Ready(Ok(()));
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
            } else if self.outgoing.complete {
                ready!(Pin::new(&mut self.stream).poll_flush(context))
                    .map_err(|_| Cause::Closed)?;
                self.sent = true;
                self.waits_for_client = false;
                self.outgoing.bytes.release();
                self.extend(self.timeouts.response_head);
                return Poll::Ready(Ok(()));
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
        if is_final && !self.asked.is_answered_by(named, self.outgoing.reads) {
            return Err(Fault::AnswerOfAnother);
        }
        if is_final {
            self.answered = true;
            self.decoder = Decoder::new(head.framing);
            self.keeps = head.framing != Framing::UntilClose
                && match head.version {
                    Version::Http11 => !says_close(head.fields),
                    Version::Http10 => says_keep_alive(head.fields),
                };
            client.head(&head);
        } else {
            client.informational(&head);
        }
        self.incoming.consume(end);
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
        if let Poll::Ready(Err(cause)) = self.poll_send(body, context) {
            // The region has answered; that it reads no further is its right, but the connection
            // is then of no more use.
            self.keeps = false;
            self.sent = true;
            if !cause.is_endpoints_own() {
                return Poll::Ready(Err(cause));
            }
        }
        match ready!(self.poll_step(context))? {
            Step::Data(count) => Poll::Ready(Ok(Some(
                self.incoming.filled().get(..count).unwrap_or_default(),
            ))),
            _ => Poll::Ready(Ok(None)),
        }
    }

    /// The next [`Step::Data`] or [`Step::End`].
    fn poll_step(&mut self, context: &mut Context<'_>) -> Poll<Result<Step, Cause>> {
        loop {
            match self
                .decoder
                .step(self.incoming.filled())
                .map_err(Cause::BadAnswer)?
            {
                Step::Skip(count) => self.incoming.consume(count),
                Step::More => {
                    let filled = self.incoming.poll_fill(&mut self.stream, context);
                    let Poll::Ready(filled) = filled else {
                        return self.poll_deadline(context).map(Err);
                    };
                    match filled {
                        Ok(0) => self.decoder.input_ended().map_err(|_| Cause::Closed)?,
                        Ok(_) => self.extend(self.timeouts.response_idle),
                        Err(_) => return Poll::Ready(Err(Cause::Closed)),
                    }
                }
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

    /// What has come after the head, framing and all: to be looked at, in whatever state the body is.
    #[must_use]
    pub fn at_hand(&self) -> &[u8] {
        self.incoming.filled()
    }

    /// How long the client may take none of the answer.
    #[must_use]
    pub const fn client_idle(&self) -> std::time::Duration {
        self.timeouts.client_idle
    }

    /// Consumes `count` bytes of the answer's body.
    pub fn consume(&mut self, count: usize) {
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
        let complete = self.keeps && self.sent && self.decoder.is_done();
        if complete && self.incoming.is_empty() && !holds_plaintext(&mut self.stream) {
            let connected = Connected {
                stream: self.stream,
                asked: self.asked,
                origin: self.origin,
            };
            self.lease.keep(connected, Instant::now());
        }
    }
}

/// Whether TLS has decrypted bytes that nobody has read. The socket may be silent then: what lies
/// here would be the answer to whatever is asked next.
fn holds_plaintext(stream: &mut Stream) -> bool {
    let Stream::Tls(tls) = stream else {
        return false;
    };
    let TlsStream::Client(tls) = tls.as_mut() else {
        return true;
    };
    tls.get_mut()
        .1
        .process_new_packets()
        .map_or(true, |state| state.plaintext_bytes_to_read() > 0)
}
