//! W3C Trace Context between client and region, and what a collector of traces is told.

use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;

use crate::harness::PATIENCE;
use crate::harness::gateway::World;
use crate::harness::origin::{Origin, Script, Then};

const THEIRS: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// What `traceparent` and `tracestate` a region gets.
fn passed(world: &World, path: &str, fields: &str) -> (Option<String>, Option<String>) {
    let mut client = world.door.open();
    client.send(format!("GET {path} HTTP/1.1\r\nHost: eu.test\r\n{fields}\r\n").as_bytes());
    assert_eq!(client.answer(false).expect("an answer").status(), 200);
    let seen = world.eu.seen(path);
    let request = &seen.last().expect("it arrived").request;
    let field = |name| request.field(name).map(str::to_owned);
    (field("traceparent"), field("tracestate"))
}

#[test]
fn without_a_collector_a_trace_passes_as_it_came() {
    let world = World::new();
    let both = format!("traceparent: {THEIRS}\r\nTraceState: a=1\r\ntracestate: b=2\r\n");
    let seen = {
        let mut client = world.door.open();
        client.send(format!("GET /a HTTP/1.1\r\nHost: eu.test\r\n{both}\r\n").as_bytes());
        client.answer(false).expect("an answer");
        world.eu.seen("/a").remove(0).request
    };
    assert_eq!(seen.field("traceparent"), Some(THEIRS));
    assert_eq!(seen.all("tracestate"), ["a=1", "b=2"]);
    assert_eq!(passed(&world, "/b", ""), (None, None));
    for bad in [
        "traceparent: 00-00-00-00\r\ntracestate: a=1\r\n".to_owned(),
        format!(
            "traceparent: {}\r\ntracestate: a=1\r\n",
            THEIRS.to_uppercase()
        ),
        format!("traceparent: {THEIRS}\r\ntraceparent: {THEIRS}\r\ntracestate: a=1\r\n"),
        format!("traceparent: {THEIRS}\r\nConnection: traceparent\r\ntracestate: a=1\r\n"),
        "tracestate: a=1\r\n".to_owned(),
    ] {
        assert_eq!(passed(&world, "/c", &bad), (None, None), "{bad}");
    }
    assert_eq!(world.end(), Vec::<String>::new());
}

/// A collector, and the world that tells it of every request.
fn recorded(more: &str) -> (World, Origin) {
    let collector = Origin::start(None);
    collector.script(
        "/v1/traces",
        Script::says("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Then::Keep),
    );
    let address = collector.address;
    let more = format!("{more}\n[tracing]\notlp = \"http://{address}\"\nper_thousand = 1000\n");
    (World::with(&more), collector)
}

/// The spans that arrive until there are so many.
fn spans(collector: &Origin, count: usize) -> Vec<Span> {
    let due = Instant::now() + PATIENCE;
    loop {
        let spans: Vec<Span> = collector
            .seen("/v1/traces")
            .iter()
            .map(|seen| ExportTraceServiceRequest::decode(&*seen.request.body).expect("OTLP"))
            .flat_map(|sent| sent.resource_spans)
            .flat_map(|sent| sent.scope_spans)
            .flat_map(|sent| sent.spans)
            .collect();
        if spans.len() >= count {
            return spans;
        }
        assert!(Instant::now() < due, "{} spans of {count}", spans.len());
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn attribute(span: &Span, name: &str) -> Option<String> {
    let found = span.attributes.iter().find(|one| one.key == name)?;
    match found.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text.clone()),
        Value::IntValue(number) => Some(number.to_string()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_recorded_request_is_two_spans_and_the_region_hangs_below_them() {
    let (world, collector) = recorded("");
    let theirs = format!("traceparent: {THEIRS}\r\ntracestate: a=1\r\n");
    let path = "/api/v2/secret/abcdefghijklmnopqrstuvwxyz01234";
    let (told, state) = passed(&world, path, &theirs);
    let spans = spans(&collector, 2);
    let kind = |kind: i32| spans.iter().find(|span| span.kind == kind).expect("a span");
    let (server, client) = (kind(2), kind(3));
    let trace = |span: &Span| {
        span.trace_id
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    let hex = |id: &[u8]| {
        id.iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    assert_eq!(trace(server), THEIRS[3..35]);
    assert_eq!(trace(client), THEIRS[3..35]);
    assert_eq!(hex(&server.parent_span_id), THEIRS[36..52]);
    assert_eq!(client.parent_span_id, server.span_id);
    let told = told.expect("a traceparent");
    assert_eq!(
        told,
        format!("00-{}-{}-01", &THEIRS[3..35], hex(&client.span_id))
    );
    assert_eq!(state.as_deref(), Some("a=1"));
    assert_eq!(server.name, "GET /api/v2/secret/{key}");
    for (name, value) in [
        ("http.request.method", "GET"),
        ("http.route", "/api/v2/secret/{key}"),
        ("http.response.status_code", "200"),
        ("server.address", "eu.test"),
        ("onetime.region", "eu"),
        ("onetime.reason", "host"),
        ("client.address", "127.0.0.0"),
    ] {
        assert_eq!(attribute(server, name).as_deref(), Some(value), "{name}");
    }
    let origin = format!("http://{}", world.eu.address);
    assert_eq!(attribute(client, "server.address"), Some(origin));
    assert!(server.start_time_unix_nano <= client.start_time_unix_nano);
    assert!(client.end_time_unix_nano <= server.end_time_unix_nano);
    assert_eq!(world.end(), Vec::<String>::new());
}

#[test]
fn a_collector_learns_no_secret() {
    let (world, collector) = recorded("");
    let mut client = world.door.open();
    let body = r#"{"passphrase":"hunter2hunter2"}"#;
    client.send(
        format!(
            "POST /api/v2/secret/k3yk3yk3yk3yk3yk3yk3yk3yk3yk3y0/reveal?q=qu3ryqu3ry HTTP/1.1\r\n\
             Host: eu.test\r\nAuthorization: Basic t0kent0ken\r\nCookie: a=c00kiec00kie\r\n\
             User-Agent: ag3ntag3nt\r\nReferer: https://r3ferer/\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .as_bytes(),
    );
    client.answer(false).expect("an answer");
    // A refusal that a marked path causes, too: no region, one span.
    client.send(b"GET /%zz-b4dpath HTTP/1.1\r\nHost: eu.test\r\n\r\n");
    client.answer(false).expect("an answer");
    spans(&collector, 3);
    assert_eq!(world.end(), Vec::<String>::new());
    for secret in [
        "k3yk3y", "hunter2", "t0ken", "c00kie", "qu3ry", "ag3nt", "r3ferer", "b4dpath",
    ] {
        assert!(!collector.received(secret.as_bytes()), "{secret}");
    }
}

#[test]
fn nobody_waits_for_a_collector() {
    let (world, collector) = recorded("");
    collector.script("/v1/traces", Script::says("", Then::Hold));
    for _ in 0..50 {
        passed(&world, "/a", "");
    }
    assert_eq!(world.end(), Vec::<String>::new());
}
