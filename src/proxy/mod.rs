//! The request's road: what arrived is read once, the region decided, and the request becomes
//! either an answer of ours or a head for its region. Pure but for the clock and the dice that the
//! worker lends; the sockets are `listen`'s and `upstream`'s.

pub mod answer;
pub mod arrival;
pub mod challenge;
pub mod choosing;
pub mod circuit;
pub mod date;
pub mod elsewhere;
pub mod errand;
pub mod forward;
pub mod inquiry;
pub mod judge;
pub mod line;
pub mod lookup;
pub mod pages;
mod quota;
pub mod record;
pub mod refusal;
pub mod span;
pub mod trace;
pub mod unknown;
pub mod worker;

use std::cell::Cell;
use std::rc::Rc;

use answer::{Answer, Context, Dialect};
use arrival::{Arrival, Protocol, Target};
use challenge::Challenge;
use choosing::Choosing;
use circuit::Circuit;
use errand::Errand;
use forward::{Down, Forward};
use httparse::Header;
use judge::{Judged, judge};
use lookup::Ask;
use record::Record;
use refusal::Refusal;
use trace::Course;
use worker::{View, Worker};

use crate::headers::request::{Expect, Facts, Head, Outbound};
use crate::headers::value;
use crate::http1::Framing;
use crate::page::accept::{self, Representation};
use crate::page::form;
use crate::page::language::Language;
use crate::route::path;

/// What becomes of a request.
pub enum Verdict {
    /// The gateway answers.
    Answer(Box<Answer>),
    /// The gateway answers once it has read the whole body; [`Choosing::answer`] takes it.
    Collect(Box<Choosing>),
    /// The region does.
    Forward(Box<Forward>),
}

/// A request that was judged.
pub struct Planned {
    /// What becomes of it.
    pub verdict: Verdict,
    /// What will be remembered of it.
    pub record: Box<Record>,
    /// Whether an HTTP/1 connection ends after it.
    pub close: bool,
    /// The largest body that is taken.
    pub body_limit: u64,
    /// What has to be found out first, by [`resolve`]; else `verdict` holds.
    pub pending: Option<Pending>,
}

/// What has to be found out before a request's verdict holds.
pub enum Pending {
    /// The region that has a key.
    LookUp(Box<Ask>),
    /// The answer to an ACME challenge.
    Challenge(Box<Challenge>),
}

/// Finds out what has to be known first, if anything; then the verdict holds.
pub async fn resolve(planned: &mut Planned, worker: &Rc<Worker>) {
    // Seldom, so it takes room only then.
    match planned.pending.take() {
        Some(Pending::LookUp(ask)) => Box::pin(lookup::resolve(planned, *ask, worker)).await,
        Some(Pending::Challenge(challenge)) => match Box::pin(challenge.answer()).await {
            Ok(answer) => planned.verdict = Verdict::Answer(Box::new(answer)),
            Err(refusal) => planned.record.refused(refusal),
        },
        None => {}
    }
}

/// Judges a request.
#[must_use]
pub fn plan(arrival: &Arrival<'_>, view: &View, worker: &Rc<Worker>) -> (Planned, Expect) {
    let facts = Facts::read(arrival.fields, view.pseudonym());
    let request_id = request_id(arrival, &facts, view, worker);
    let mut record = Record::open(worker, view, arrival, &request_id);
    let close = facts.close
        // What comes behind it may be meant for the other end of a tunnel.
        || arrival.method == "CONNECT"
        || (arrival.protocol == Protocol::Http10 && !facts.keep_alive)
        || worker.drain.is_begun();
    let expect = facts.expect;
    let course = Course::of(
        &facts,
        arrival.circuit.is_believed(view),
        view.config.tracing.share(),
        fastrand::fill,
    );
    record.trace = course.trace;
    let (judged, pending) = judge(arrival, &facts, (view, worker), &mut record, &request_id);
    let mut body_limit = view.body_limit();
    let verdict = match judged {
        Judged::Answer(answer) => Verdict::Answer(answer),
        Judged::Collect(choosing) => {
            body_limit = form::MOST_BYTES;
            Verdict::Collect(choosing)
        }
        Judged::Proxy(ready) => {
            body_limit = ready.body_limit;
            let head = head(arrival, &facts, view, &ready, &request_id, &course);
            Verdict::Forward(Box::new(Forward {
                errand: Errand {
                    region: ready.region,
                    fallback: ready.fallback,
                    head,
                    asked: ready.asked,
                    alias: ready.alias,
                    framing: arrival.framing,
                    to_head: arrival.method == "HEAD",
                    repeatable: ready.repeatable,
                    // Nobody else can be told to go on, and a request without a body need not be.
                    expects_continue: expect == Expect::Continue
                        && arrival.protocol == Protocol::Http11
                        && arrival.framing != Framing::Empty,
                },
                down: Down {
                    view: view.clone(),
                    region: ready.region.into(),
                    reason: ready.reason,
                    elsewhere: ready.elsewhere,
                    pointed: Cell::new(false),
                    unknown: ready.unknown,
                    hint: Cell::default(),
                    request_id,
                    cookies: ready.cookies,
                    set_cookies: ready.set_cookies,
                    host: ready.host,
                    asset: ready.asset,
                    dialect: ready.dialect,
                    language: language(ready.dialect, arrival.fields),
                },
            }))
        }
    };
    (
        Planned {
            verdict,
            record,
            close,
            body_limit,
            pending,
        },
        expect,
    )
}

/// The region's head.
fn head(
    arrival: &Arrival<'_>,
    facts: &Facts<'_>,
    view: &View,
    ready: &judge::Ready<'_>,
    request_id: &str,
    course: &Course,
) -> Head {
    let client = ready.client.to_string();
    let outbound = Outbound {
        method: arrival.method,
        target: &ready.target,
        client: &client,
        pseudonym: view.pseudonym(),
        received: arrival.protocol.received(),
        request_id,
        traceparent: course.told.as_deref(),
        tracestate: course.state,
        baggage: arrival.circuit.is_believed(view),
        country: view
            .country_header()
            .map(|name| (name, ready.country.as_deref().unwrap_or(""))),
        cookies: ready.cookies,
        own_cookies: view.cookie_names(),
        framing: arrival.framing,
    };
    outbound.write(arrival.fields, facts)
}

/// A trusted proxy's id if it is well-formed, else a fresh UUIDv7; anybody else's is dropped.
fn request_id(
    arrival: &Arrival<'_>,
    facts: &Facts<'_>,
    view: &View,
    worker: &Rc<Worker>,
) -> String {
    let kept = facts
        .request_id
        .filter(|id| value::is_request_id(id) && arrival.circuit.is_believed(view))
        .and_then(|id| std::str::from_utf8(id).ok());
    kept.map_or_else(|| worker.fresh_id(), str::to_owned)
}

/// Refuses what could not be read as a request; `bytes` are what came of it.
#[must_use]
pub fn refuse_unread(
    refusal: Refusal,
    bytes: &[u8],
    circuit: &Circuit,
    view: &View,
    worker: &Rc<Worker>,
) -> Planned {
    // The target, if the first line has one, tells the dialect and nothing else.
    let target = bytes
        .split(|byte| *byte == b' ')
        .nth(1)
        .and_then(|target| std::str::from_utf8(target).ok())
        .unwrap_or("");
    let request_id = worker.fresh_id();
    let mut record = Record::unread(worker, view, circuit, &request_id);
    record.refused(refusal);
    let answer = Answer::refuse(
        refusal,
        view.region_names(),
        &Context {
            dialect: dialect(target, &[]),
            language: Language::default(),
            chooses: false,
            request_id: &request_id,
            decided: None,
            pseudonym: view.pseudonym(),
            hsts: view.hsts(),
            set_cookies: &[],
        },
    );
    Planned {
        verdict: Verdict::Answer(Box::new(answer)),
        record,
        close: true,
        body_limit: 0,
        pending: None,
    }
}

/// Answers in the region's stead, after a request was decided.
#[must_use]
pub fn refuse_forwarded(
    refusal: Refusal,
    down: &Down,
    mut record: Box<Record>,
    close: bool,
) -> Planned {
    record.refused(refusal);
    let view = &down.view;
    let mut answer = Answer::refuse(
        refusal,
        view.region_names(),
        &Context {
            dialect: down.dialect,
            language: down.language,
            chooses: false,
            request_id: &down.request_id,
            decided: Some((view.region_name(down.region.get()), down.reason.label())),
            pseudonym: view.pseudonym(),
            hsts: view.hsts(),
            set_cookies: &down.set_cookies,
        },
    );
    if let Some(seconds) = record.travelled().retry_after {
        answer.retry_after(seconds);
    }
    Planned {
        verdict: Verdict::Answer(Box::new(answer)),
        record,
        close,
        body_limit: 0,
        pending: None,
    }
}

/// How a caller of this target reads errors: the path is read as routes read it.
fn dialect(target: &str, fields: &[Header<'_>]) -> Dialect {
    let mut segments = path::segments(Target::parse(target).map_or("", |target| target.path));
    let mut next_is = |text| segments.next().is_some_and(|one| path::is(one, text));
    if next_is(b"api") {
        if next_is(b"v1") {
            Dialect::Message
        } else {
            Dialect::Error
        }
    } else {
        let user_agent = values(fields, "user-agent").next();
        match accept::preferred(values(fields, "accept"), user_agent) {
            Representation::Html => Dialect::Html,
            Representation::Json => Dialect::Problem,
        }
    }
}

/// The language of pages for this caller; whoever reads no page is not asked for one.
fn language(dialect: Dialect, fields: &[Header<'_>]) -> Language {
    match dialect {
        Dialect::Html => Language::preferred(values(fields, "accept-language")),
        Dialect::Message | Dialect::Error | Dialect::Problem => Language::default(),
    }
}

/// The values of all fields of one name.
fn values<'b>(fields: &[Header<'b>], name: &str) -> impl Iterator<Item = &'b [u8]> {
    fields
        .iter()
        .filter(move |field| field.name.eq_ignore_ascii_case(name))
        .map(|field| field.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_in_the_dialect_of_the_route_however_its_path_is_written() {
        for (target, expected) in [
            ("/api/v1/status", Dialect::Message),
            ("//api//v1/status", Dialect::Message),
            ("/%61pi/v%31/secret/x?y", Dialect::Message),
            ("https://eu.example/api/v1", Dialect::Message),
            ("/api/v10/x", Dialect::Error),
            ("/api", Dialect::Error),
            ("//api/v2/x", Dialect::Error),
            ("/api/%2e%2e", Dialect::Error),
            ("/apis/v1", Dialect::Html),
            ("/v1/api", Dialect::Html),
            ("*", Dialect::Html),
            ("", Dialect::Html),
        ] {
            let accept = Header {
                name: "Accept",
                value: b"text/html",
            };
            assert_eq!(dialect(target, &[accept]), expected, "{target}");
        }
    }
}
