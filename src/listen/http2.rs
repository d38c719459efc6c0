//! HTTP/2 connections of clients, on hyper's server: streams in, the same plan and the same
//! exchange behind them as behind HTTP/1.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use httparse::Header;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use smallvec::SmallVec;
use thiserror::Error;

use crate::http1::Framing;
use crate::http1::response::ResponseHead;
use crate::net::stream::Stream;
use crate::proxy::answer::Answer;
use crate::proxy::arrival::{Arrival, Protocol};
use crate::proxy::circuit::Circuit;
use crate::proxy::forward::{Down, Forward};
use crate::proxy::lookup::resolve;
use crate::proxy::record::Record;
use crate::proxy::refusal::Refusal;
use crate::proxy::worker::{Step, Worker};
use crate::proxy::{Verdict, plan, refuse_forwarded};
use crate::upstream::exchange::{Client, Exchange};
use crate::upstream::failure::Cause;
use crate::upstream::outgoing::RequestBody;

/// Streams that our own errors reset, before the connection is ended (CVE-2025-8671).
const MOST_LOCAL_RESETS: usize = 256;

/// Streams reset by the client before we accepted them (CVE-2023-44487).
const MOST_PENDING_RESETS: usize = 32;

/// How long a ping may go unanswered.
const PING_TIMEOUT: Duration = Duration::from_secs(20);

/// Serves one connection until it ends or the drain is over.
pub async fn serve(stream: Stream, circuit: Circuit, worker: Rc<Worker>) {
    let view = worker.view();
    let circuit = Rc::new(circuit);
    // Whoever connects during the drain is told to go once it has asked something: told at once it
    // could never ask, and would come again and again.
    let welcome = Rc::new(Step::default());
    if !worker.drain.is_begun() {
        welcome.begin();
    }
    let service = {
        let (worker, welcome) = (worker.clone(), welcome.clone());
        service_fn(move |request| {
            welcome.begin();
            let (circuit, worker) = (circuit.clone(), worker.clone());
            async move { Ok::<_, Infallible>(answer(request, &circuit, &worker).await) }
        })
    };
    let limits = view.http2_limits();
    let mut builder = http2::Builder::new(Local);
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams)
        .max_header_list_size(limits.header_list)
        .max_pending_accept_reset_streams(MOST_PENDING_RESETS)
        .max_local_error_reset_streams(MOST_LOCAL_RESETS)
        .initial_stream_window_size(64 * 1024)
        .initial_connection_window_size(1024 * 1024)
        .max_frame_size(16 * 1024)
        .max_send_buf_size(64 * 1024)
        .keep_alive_interval(Some(view.timeouts().keep_alive))
        .keep_alive_timeout(PING_TIMEOUT);
    drop(view);
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let farewell = async {
        worker.drain.begun().await;
        welcome.begun().await;
    };
    tokio::select! {
        // What goes wrong on a connection is the peer's affair and already counted by stream.
        _ = connection.as_mut() => return,
        () = farewell => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

/// hyper's way to run streams beside the connection: as local tasks of this thread.
#[derive(Clone, Copy)]
struct Local;

impl<F: Future + 'static> hyper::rt::Executor<F> for Local
where
    F::Output: 'static,
{
    fn execute(&self, future: F) {
        tokio::task::spawn_local(future);
    }
}

/// Why a stream ends early. Deliberately opaque: hyper copies the reason of an h2 error found in
/// the chain of sources to the client, which could then read "safe to repeat" (REFUSED_STREAM).
#[derive(Debug, Error)]
#[error("stream broken off: {0}")]
pub struct Broken(&'static str);

async fn answer(
    request: Request<Incoming>,
    circuit: &Circuit,
    worker: &Rc<Worker>,
) -> Response<Reply> {
    let view = worker.view();
    let (parts, body) = request.into_parts();
    let fields: SmallVec<[Header<'_>; 32]> = parts
        .headers
        .iter()
        .map(|(name, value)| Header {
            name: name.as_str(),
            value: value.as_bytes(),
        })
        .collect();
    let target = parts
        .uri
        .path_and_query()
        .map_or("/", |target| target.as_str());
    let arrival = Arrival {
        method: parts.method.as_str(),
        target,
        authority: parts.uri.authority().map(http::uri::Authority::as_str),
        scheme: parts.uri.scheme_str(),
        fields: &fields,
        protocol: Protocol::Http2,
        framing: framing_of(&parts.headers, &body),
        circuit,
    };
    let (planned, _) = plan(&arrival, &view, worker);
    drop(fields);
    let mut source = Source {
        body,
        data: Bytes::new(),
        trailers: Vec::new(),
        read: 0,
        limit: planned.body_limit,
    };
    let planned = resolve(planned, worker).await;
    match planned.verdict {
        Verdict::Answer(answer) => reply(*answer, planned.record),
        Verdict::Collect(choosing) => {
            let mut record = planned.record;
            let body = tokio::time::timeout(view.timeouts().body_idle, source.collect()).await;
            record.bytes_in = source.read;
            let body = body.unwrap_or(Err(Cause::ClientStalled));
            let answer = choosing.answer(body.as_deref().map_err(|cause| *cause), &mut record);
            reply(answer, record)
        }
        Verdict::Forward(forward) => send(*forward, planned.record, source, worker).await,
    }
}

/// The body's framing towards the region: counted where the client counted.
fn framing_of(headers: &HeaderMap, body: &Incoming) -> Framing {
    if body.is_end_stream() {
        return Framing::Empty;
    }
    match body.size_hint().exact() {
        Some(length) if headers.contains_key(http::header::CONTENT_LENGTH) => {
            Framing::Length(length)
        }
        _ => Framing::Chunked,
    }
}

/// An answer of the gateway's own.
fn reply(answer: Answer, mut record: Record) -> Response<Reply> {
    let mut response = Response::new(Reply::Whole(None));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::BAD_GATEWAY);
    let headers = response.headers_mut();
    for (name, value) in &answer.fields {
        append(headers, name, value.as_bytes());
    }
    append(headers, "date", crate::proxy::date::now().as_bytes());
    if answer.status != 204 && answer.status != 304 {
        append(
            headers,
            "content-length",
            answer.body.len().to_string().as_bytes(),
        );
    }
    record.answered(answer.status);
    if !record.is_head() {
        record.bytes_out = answer.body.len() as u64;
        *response.body_mut() = Reply::Whole(Some(answer.body.into()));
    }
    record.finish();
    response
}

fn append(headers: &mut HeaderMap, name: &str, value: &[u8]) {
    if let (Ok(name), Ok(value)) = (
        HeaderName::from_bytes(name.as_bytes()),
        HeaderValue::from_bytes(value),
    ) {
        headers.append(name, value);
    }
}

/// Forwards one request and begins to relay its answer.
async fn send(
    forward: Forward,
    mut record: Record,
    source: Source,
    worker: &Rc<Worker>,
) -> Response<Reply> {
    let Forward { errand, down } = forward;
    let down = Rc::new(down);
    let mut turn = Turn {
        source,
        down: down.clone(),
        response: Response::new(()),
    };
    record.departed();
    let answered = errand
        .send(&down, &worker.pools, &mut turn, &mut record)
        .await;
    record.returned();
    record.bytes_in = turn.source.read;
    match answered {
        Err(failure) => {
            let planned = refuse_forwarded(Refusal::Region(failure), &turn.down, record, false);
            match planned.verdict {
                Verdict::Answer(answer) => reply(*answer, planned.record),
                Verdict::Collect(_) | Verdict::Forward(_) => Response::new(Reply::Whole(None)),
            }
        }
        Ok(exchange) => {
            record.answered(turn.response.status().as_u16());
            let mut relay = Relay {
                exchange: Some(exchange),
                source: turn.source,
                record: Some(record),
            };
            // Then the head itself ends the stream: an empty DATA behind a length that a 304 names
            // would be a body that is too short (RFC 9113 section 8.1.1).
            if relay.is_over() {
                relay.end();
            }
            turn.response.map(|()| Reply::Relayed(Box::new(relay)))
        }
    }
}

/// A stream's request body.
struct Source {
    body: Incoming,
    data: Bytes,
    trailers: Vec<u8>,
    read: u64,
    limit: u64,
}

impl Source {
    /// A whole small body.
    async fn collect(&mut self) -> Result<Vec<u8>, Cause> {
        let mut whole = Vec::new();
        while let Some(count) = poll_fn(|context| {
            let data = ready!(self.poll_data(context))?;
            whole.extend_from_slice(data.unwrap_or_default());
            Poll::Ready(Ok::<_, Cause>(data.map(<[u8]>::len)))
        })
        .await?
        {
            self.consume(count);
        }
        Ok(whole)
    }
}

impl RequestBody for Source {
    fn poll_data(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<&[u8]>, Cause>> {
        while self.data.is_empty() {
            let Some(frame) = ready!(Pin::new(&mut self.body).poll_frame(context)) else {
                // hyper also ends a body so when the client resets its stream with NO_ERROR: a part
                // must not pass for the whole.
                return Poll::Ready(if self.body.is_end_stream() {
                    Ok(None)
                } else {
                    Err(Cause::ClientGone)
                });
            };
            match frame.map_err(|_| Cause::ClientGone)?.into_data() {
                Ok(data) => {
                    self.read += data.len() as u64;
                    if self.read > self.limit {
                        return Poll::Ready(Err(Cause::BodyTooLarge));
                    }
                    self.data = data;
                }
                Err(frame) => {
                    for (name, value) in frame.trailers_ref().into_iter().flatten() {
                        crate::headers::request::write_field(
                            &mut self.trailers,
                            name.as_str(),
                            value.as_bytes(),
                        );
                    }
                }
            }
        }
        Poll::Ready(Ok(Some(&self.data)))
    }

    fn consume(&mut self, count: usize) {
        let count = count.min(self.data.len());
        bytes::Buf::advance(&mut self.data, count);
    }

    fn trailers(&self) -> &[u8] {
        &self.trailers
    }
}

/// A stream that waits for its answer's head.
struct Turn {
    source: Source,
    down: Rc<Down>,
    response: Response<()>,
}

impl RequestBody for Turn {
    fn poll_data(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<&[u8]>, Cause>> {
        self.source.poll_data(context)
    }

    fn consume(&mut self, count: usize) {
        self.source.consume(count);
    }

    fn trailers(&self) -> &[u8] {
        self.source.trailers()
    }
}

impl Client for Turn {
    // hyper's HTTP/2 server cannot send informational answers; they are optional to pass on for
    // a client that did not ask (RFC 9110 §15.2), and `Expect` is not forwarded from HTTP/2.
    fn informational(&mut self, _head: &ResponseHead<'_, '_>) {}

    fn poll_informational(&mut self, _context: &mut Context<'_>) {}

    fn head(&mut self, head: &ResponseHead<'_, '_>) {
        let status = StatusCode::from_u16(head.status).unwrap_or(StatusCode::BAD_GATEWAY);
        *self.response.status_mut() = status;
        let headers = self.response.headers_mut();
        headers.reserve(head.fields.len() + 8);
        self.down
            .each(head, true, |name, value| append(headers, name, value));
        let announced = match head.framing {
            Framing::Length(length) => Some(length),
            Framing::Empty if head.status != 204 => head.announced,
            _ => None,
        };
        if let Some(length) = announced {
            headers.insert(http::header::CONTENT_LENGTH, length.into());
        }
    }
}

/// The body of an answer.
pub enum Reply {
    /// One of the gateway's own.
    Whole(Option<Bytes>),
    /// A region's, as it comes.
    Relayed(Box<Relay>),
}

/// A region's answer on its way to a stream.
pub struct Relay {
    exchange: Option<Exchange>,
    source: Source,
    record: Option<Record>,
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
    fn poll_frame(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let Some(exchange) = &mut self.exchange else {
            return Poll::Ready(None);
        };
        let data = match ready!(exchange.poll_data(&mut self.source, context)) {
            Ok(data) => data.map(Bytes::copy_from_slice),
            Err(cause) => {
                self.exchange = None;
                if let Some(mut record) = self.record.take() {
                    record.broken(cause);
                    record.finish();
                }
                return Poll::Ready(Some(Err(Broken(cause.label()))));
            }
        };
        if let Some(record) = &mut self.record {
            record.bytes_in = self.source.read;
            record.bytes_out += data.as_ref().map_or(0, Bytes::len) as u64;
        }
        if let Some(data) = data {
            exchange.consume(data.len());
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
        self.exchange.as_ref().is_some_and(over)
    }

    fn end(&mut self) {
        if let Some(exchange) = self.exchange.take() {
            exchange.finish();
        }
        if let Some(record) = self.record.take() {
            record.finish();
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        // The client went away in the middle of the answer.
        if let (Some(_), Some(mut record)) = (self.exchange.take(), self.record.take()) {
            record.broken(Cause::ClientGone);
            record.finish();
        }
    }
}

fn trailer_map(lines: &[u8]) -> Option<HeaderMap> {
    if lines.is_empty() {
        return None;
    }
    let mut map = HeaderMap::new();
    for line in lines.split(|byte| *byte == b'\n') {
        let mut parts = line.splitn(2, |byte| *byte == b':');
        if let (Some(name), Some(value)) = (parts.next(), parts.next())
            && let Ok(name) = std::str::from_utf8(name)
        {
            append(&mut map, &name.to_ascii_lowercase(), value.trim_ascii());
        }
    }
    Some(map)
}
