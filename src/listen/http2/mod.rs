//! HTTP/2 connections of clients, on hyper's server: streams in, the same plan and the same
//! exchange behind them as behind HTTP/1.

mod fields;
mod metered;
mod reply;
mod source;
mod watch;

use std::cell::Cell;
use std::convert::Infallible;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use httparse::Header;
use hyper::body::{Body, Incoming};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use smallvec::SmallVec;
use tokio::time::{Instant, sleep_until, timeout};

use self::fields::Fields;
use self::metered::{Metered, Verdict as MeterVerdict};
use self::reply::{Relay, Reply};
use self::source::Source;
use self::watch::{Activity, Limits, Local, Patience};
use super::seat::Seat;
use crate::http1::Framing;
use crate::http1::response::ResponseHead;
use crate::limit::frames::Control;
use crate::net::stream::Stream;
use crate::proxy::answer::Answer;
use crate::proxy::arrival::{Arrival, Protocol};
use crate::proxy::circuit::Circuit;
use crate::proxy::forward::{Down, Forward};
use crate::proxy::record::Record;
use crate::proxy::refusal::Refusal;
use crate::proxy::worker::{Step, Worker};
use crate::proxy::{Planned, Verdict, plan, refuse_forwarded, resolve};
use crate::snapshot::Http2Limits;
use crate::telemetry::worker::Event;
use crate::upstream::client::Client;
use crate::upstream::failure::Cause;
use crate::upstream::outgoing::RequestBody;

/// Streams that our own errors reset, before the connection is ended (CVE-2025-8671).
const MOST_LOCAL_RESETS: usize = 64;

/// Streams reset by the client before we accepted them (CVE-2023-44487).
const MOST_PENDING_RESETS: usize = 32;

/// How long a client that has nothing in flight is waited for when its connection is ended.
const GOODBYE: Duration = Duration::from_secs(1);

/// How long a ping may go unanswered.
const PING_TIMEOUT: Duration = Duration::from_secs(20);

/// Serves one connection until it ends or the drain is over.
pub(super) async fn serve(stream: Stream, circuit: Circuit, worker: Rc<Worker>, seat: Seat) {
    let view = worker.view();
    let circuit = Rc::new(circuit);
    let refusals = circuit.refusals.clone();
    // Whoever connects during the drain is told to go once it has asked something: told at once it
    // could never ask, and would come again and again.
    let welcome = Rc::new(Step::default());
    if !worker.drain.is_begun() {
        welcome.begin();
    }
    // Enough was asked here: whoever wants more comes again, perhaps to another thread.
    let enough = Rc::new(Step::default());
    let service = {
        let (worker, welcome, enough) = (worker.clone(), welcome.clone(), enough.clone());
        let (asked, most) = (Cell::new(0), view.config.limits.requests_per_connection);
        service_fn(move |request| {
            welcome.begin();
            asked.set(asked.get() + 1);
            if asked.get() >= most {
                enough.begin();
            }
            // On the heap, and as small as can be: a stream's future is moved several times before it
            // is polled, and is kept until its answer has gone out.
            Box::pin(answer(request, circuit.clone(), worker.clone()))
        })
    };
    let limits = view.http2_limits();
    let (idle, last_words) = (view.timeouts().keep_alive, view.timeouts().body_idle);
    let limits_of_silence = Limits {
        head: view.timeouts().head,
        idle,
    };
    let activity = Activity::new(Instant::now(), seat);
    let builder = builder(&limits, idle, activity.clone());
    drop(view);
    let verdict = MeterVerdict::default();
    let metered = Metered::new(
        stream,
        limits.control,
        limits.header_list as usize,
        (verdict.clone(), enough.clone()),
        activity.clone(),
    );
    let mut connection = pin!(builder.serve_connection(TokioIo::new(metered), service));
    let mut ceased = pin!(activity.ceased(limits_of_silence));
    let mut farewell = pin!(farewell(&worker, &welcome, [&enough, &refusals.enough]));
    let mut draining = false;
    let mut must_end = None;
    let mut is_flooded = false;
    loop {
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = farewell.as_mut(), if !draining => {
                draining = true;
                connection.as_mut().graceful_shutdown();
                continue;
            }
            // Pings keep nothing open on which nothing is asked.
            asked = ceased.as_mut(), if must_end.is_none() => {
                let words = if asked { last_words } else { last_words.min(GOODBYE) };
                must_end = Some(Instant::now() + words);
                connection.as_mut().graceful_shutdown();
                continue;
            }
            // What is in flight ends: a client behind a proxy is not to lose its answer to a neighbour.
            () = activity.flooded(), if !is_flooded => {
                is_flooded = true;
                let words = if activity.is_idle() { last_words.min(GOODBYE) } else { last_words };
                must_end = Some(Instant::now() + words);
                activity.writes();
                connection.as_mut().graceful_shutdown();
                continue;
            }
            // It was told to go, and went on: no more is read, and what is in flight ends.
            () = refusals.ignored.begun(), if !is_flooded && verdict.get().is_none() => {
                verdict.set(Some(Control::Malformed));
                activity.flood();
                continue;
            }
            () = activity.finished(), if is_flooded => Ok(()),
            // Who has not taken what is left, and does not say goodbye, is left.
            () = sleep_until(must_end.unwrap_or_else(Instant::now)), if must_end.is_some() => Ok(()),
        };
        // What goes wrong on a connection is the peer's affair and already counted by stream,
        // unless it was meant to.
        if let Some(flood) = flood(verdict.get(), ended.err().as_ref()) {
            worker.metrics.count(Event::Flooded, None, flood);
        }
        return;
    }
}

/// How hyper is to serve a connection.
fn builder(limits: &Http2Limits, idle: Duration, activity: Rc<Activity>) -> http2::Builder<Local> {
    let mut builder = http2::Builder::new(Local(activity));
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
        .keep_alive_interval(Some(idle))
        .keep_alive_timeout(PING_TIMEOUT);
    builder
}

/// Waits until the client is to be told to go.
async fn farewell(worker: &Worker, welcome: &Step, enough: [&Step; 2]) {
    let [asked, refused] = enough;
    let drain = async {
        worker.drain.begun().await;
        welcome.begun().await;
    };
    tokio::select! {
        () = drain => {}
        () = asked.begun() => {}
        () = refused.begun() => {}
    }
}

/// What a connection was ended for that made work and asked for nothing.
fn flood(verdict: Option<Control>, error: Option<&hyper::Error>) -> Option<&'static str> {
    if let Some(control) = verdict {
        return Some(control.label());
    }
    // h2's own limits end with ENHANCE_YOUR_CALM, which hyper tells only in these words.
    let source = error.and_then(std::error::Error::source)?;
    let calm = source.to_string().contains("excessive load");
    calm.then_some("streams")
}

async fn answer(
    request: Request<Incoming>,
    circuit: Rc<Circuit>,
    worker: Rc<Worker>,
) -> Result<Response<Reply>, Infallible> {
    let (mut planned, mut source) = judge(request, &circuit, &worker);
    resolve(&mut planned, &worker).await;
    let record = planned.record;
    Ok(match planned.verdict {
        Verdict::Answer(answer) => {
            source.discard();
            reply(*answer, record)
        }
        Verdict::Collect(choosing) => {
            let mut record = record;
            let idle = record.view().timeouts().body_idle;
            let body = Box::pin(timeout(idle, source.collect())).await;
            record.bytes_in = source.read;
            let body = body.unwrap_or(Err(Cause::ClientStalled));
            source.discard();
            let answer = choosing.answer(body.as_deref().map_err(|cause| *cause), &mut record);
            reply(answer, record)
        }
        Verdict::Forward(forward) => send(forward, record, source, &worker).await,
    })
}

/// Decides what becomes of a stream. Apart from waiting, so that nothing of this is kept meanwhile.
fn judge(request: Request<Incoming>, circuit: &Circuit, worker: &Rc<Worker>) -> (Planned, Source) {
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
    let source = Source {
        announced: body.size_hint().exact(),
        body: Some(body),
        data: Bytes::new(),
        trailers: Vec::new(),
        read: 0,
        limit: planned.body_limit,
    };
    (planned, source)
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
fn reply(answer: Answer, mut record: Box<Record>) -> Response<Reply> {
    let idle = record.view().timeouts().body_idle;
    Patience::here().until(Some(Instant::now() + idle));
    let mut response = Response::new(Reply::Whole(None));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::BAD_GATEWAY);
    let mut fields = Fields::with_room_for(answer.fields.len() + 2);
    for (name, value) in &answer.fields {
        fields.append(name, value.as_bytes());
    }
    fields.append("date", crate::proxy::date::now().as_bytes());
    if answer.status != 204 && answer.status != 304 {
        fields.append("content-length", answer.body.len().to_string().as_bytes());
    }
    *response.headers_mut() = fields.into_map();
    let _ = record.answered_here(answer.status);
    if !record.is_head() {
        record.bytes_out = answer.body.len() as u64;
        *response.body_mut() = Reply::Whole(Some(answer.body.into()));
    }
    record.finish();
    response
}

/// Forwards one request and begins to relay its answer.
async fn send(
    forward: Box<Forward>,
    mut record: Box<Record>,
    source: Source,
    worker: &Rc<Worker>,
) -> Response<Reply> {
    let Forward { errand, down } = *forward;
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
            turn.source.discard();
            let planned = refuse_forwarded(Refusal::Region(failure), &turn.down, record, false);
            match planned.verdict {
                Verdict::Answer(answer) => reply(*answer, planned.record),
                Verdict::Collect(_) | Verdict::Forward(_) => Response::new(Reply::Whole(None)),
            }
        }
        Ok(exchange) => {
            record.answered(turn.response.status().as_u16());
            let relay = Relay::new(exchange, turn.source, record);
            turn.response.map(|()| Reply::Relayed(Box::new(relay)))
        }
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
        let mut fields = Fields::with_room_for(head.fields.len() + 8);
        self.down
            .each(head, true, |name, value| fields.append(name, value));
        let mut headers = fields.into_map();
        let announced = match head.framing {
            Framing::Length(length) => Some(length),
            Framing::Empty if head.status != 204 => head.announced,
            _ => None,
        };
        if let Some(length) = announced {
            headers.insert(http::header::CONTENT_LENGTH, length.into());
        }
        *self.response.headers_mut() = headers;
    }
}
