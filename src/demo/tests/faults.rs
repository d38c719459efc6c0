//! Each fault on the wire.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use serde_json::json;

use super::client::Client;
use super::{eu, keys, regions};
use crate::demo::DemoRegions;
use crate::demo::fault::Fault;
use crate::demo::options::Dialect;

const STATUS: &str = "/api/v1/status";

/// A connection on which a request with this fault has been sent.
fn asked(demo: &DemoRegions, fault: &str) -> Client {
    let mut client = eu(demo, 1);
    client.start("GET", STATUS, &[&format!("X-Demo-Fault: {fault}")], "");
    client
}

/// What an endpoint sends before it falls silent: everything that came until it was taken down.
fn until_silent(demo: &DemoRegions, fault: &str) -> Vec<u8> {
    demo.reset().unwrap();
    let mut client = asked(demo, fault);
    // Requests and control share one thread: once it is seen, all that follows at once is done.
    while demo.seen("eu", 1).unwrap().is_empty() {}
    demo.down("eu", 1).unwrap();
    let (bytes, kind) = client.rest();
    assert_eq!(kind, ErrorKind::ConnectionReset, "{fault}");
    demo.up("eu", 1).unwrap();
    bytes
}

#[test]
fn a_status_is_answered_in_the_words_of_the_route() {
    let demo = regions(Dialect::Current);
    let mut client = eu(&demo, 1);
    for (path, fault, status, error) in [
        (STATUS, "status-500", 500, "Internal Server Error"),
        ("/api/v2/status", "status-500", 500, "Internal Server Error"),
        (STATUS, "status-429", 429, "demo fault: status 429"),
        (STATUS, "retry-after", 503, "Service Unavailable"),
    ] {
        let reply = client.ask("GET", path, &[&format!("X-Demo-Fault: {fault}")], "");
        assert_eq!(
            (reply.status, &reply.json()["error"]),
            (status, &json!(error))
        );
        assert_eq!(reply.field("x-demo-region"), Some("eu"));
        assert_eq!(
            reply.field("retry-after"),
            (fault == "retry-after").then_some("7")
        );
    }
    let reply = client.ask("GET", STATUS, &["X-Demo-Fault: status-204"], "");
    assert_eq!((reply.status, reply.field("content-length")), (204, None));
    assert_eq!(client.get(STATUS).status, 200);
}

#[test]
fn a_hidden_failure_is_v1s_404_and_stores_nothing() {
    let demo = regions(Dialect::Current);
    let mut client = eu(&demo, 1);
    let (secret, _) = keys(&client.post("/api/v1/share", "secret=x"));
    let path = format!("/api/v1/secret/{secret}");
    let reply = client.ask("POST", &path, &["X-Demo-Fault: hidden-404"], "");
    assert_eq!(
        (reply.status, reply.json()),
        (404, json!({"message": "An unexpected error occurred :["}))
    );
    assert_eq!(reply.field("x-ots-intended-status"), Some("400"));
    assert_eq!(client.post(&path, "").json()["value"], "x");
    let classic = regions(Dialect::Classic);
    let reply = eu(&classic, 1).ask("GET", STATUS, &["X-Demo-Fault: hidden-404"], "");
    assert!(reply.json()["shrimp"].is_string());
    assert_eq!(reply.field("x-ots-intended-status"), None);
}

#[test]
fn slow_waits_and_then_answers() {
    let demo = regions(Dialect::Current);
    let before = Instant::now();
    let reply = asked(&demo, "slow=40").reply().unwrap();
    assert_eq!(reply.status, 200);
    assert!(before.elapsed() >= Duration::from_millis(40));
}

#[test]
fn hanging_ones_stop_where_they_say() {
    let demo = regions(Dialect::Current);
    assert_eq!(until_silent(&demo, "hang"), b"");
    assert_eq!(until_silent(&demo, "hang-read"), b"");
    let head = until_silent(&demo, "hang-head");
    assert!(head.starts_with(b"HTTP/1.1 200 OK\r\n"));
    assert!(!head.windows(4).any(|end| end == b"\r\n\r\n"));
    let body = until_silent(&demo, "hang-body");
    assert!(body.ends_with(br#"{"locale":"en","s"#), "{body:?}");
}

#[test]
fn resets_are_resets_and_come_when_they_say() {
    let demo = regions(Dialect::Current);
    let (bytes, kind) = asked(&demo, "reset-before").rest();
    assert_eq!(
        (bytes.as_slice(), kind),
        (&b""[..], ErrorKind::ConnectionReset)
    );
    let (bytes, kind) = asked(&demo, "reset-after-head").rest();
    assert!(bytes.ends_with(b"content-length: 34\r\n\r\n"));
    assert_eq!(kind, ErrorKind::ConnectionReset);
    let mut client = eu(&demo, 1);
    client.send("POST /api/v1/share HTTP/1.1\r\nHost: eu\r\nX-Demo-Fault: reset-mid-read\r\nContent-Length: 9\r\n\r\nsec");
    assert_eq!(client.rest(), (Vec::new(), ErrorKind::ConnectionReset));
}

#[test]
fn truncated_garbled_and_half_closed_answers_end_cleanly() {
    let demo = regions(Dialect::Current);
    let (bytes, kind) = asked(&demo, "truncate").rest();
    assert!(bytes.ends_with(b"content-length: 34\r\n\r\n{\"locale\":\"en\",\"s"));
    assert_eq!(kind, ErrorKind::UnexpectedEof);
    let (bytes, kind) = asked(&demo, "garbage").rest();
    assert!(!bytes.is_empty() && !bytes.starts_with(b"HTTP"));
    assert_eq!(kind, ErrorKind::UnexpectedEof);
    let mut client = asked(&demo, "half-close");
    assert_eq!(client.rest(), (Vec::new(), ErrorKind::UnexpectedEof));
    client.send("still being read");
}

#[test]
fn slow_bytes_all_arrive() {
    let demo = regions(Dialect::Current);
    for fault in ["slow-body=1", "slow-head=1", "slow-body=0"] {
        let reply = asked(&demo, fault).reply().unwrap();
        assert_eq!(reply.json()["status"], "nominal", "{fault}");
    }
}

#[test]
fn a_storm_ends_in_the_real_answer() {
    let demo = regions(Dialect::Current);
    let mut client = asked(&demo, "1xx-storm=50");
    let reply = client.reply().unwrap();
    assert_eq!((reply.status, reply.early), (200, 50));
    assert_eq!(client.get(STATUS).early, 0);
}

#[test]
fn framing_can_be_broken() {
    let demo = regions(Dialect::Current);
    let (bytes, _) = asked(&demo, "double-length").rest();
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.contains("content-length: 34\r\ncontent-length: 41\r\n"));
    let (bytes, _) = asked(&demo, "bad-framing").rest();
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.contains("content-length: 34\r\ntransfer-encoding: chunked\r\n"));
    assert!(text.ends_with("0\r\n\r\n"));
}

#[test]
fn close_now_says_nothing_of_closing() {
    let demo = regions(Dialect::Current);
    let mut client = asked(&demo, "close-now");
    let reply = client.reply().unwrap();
    assert_eq!((reply.status, reply.field("connection")), (200, None));
    assert_eq!(client.rest(), (Vec::new(), ErrorKind::UnexpectedEof));
}

#[test]
fn connections_are_closed_when_they_say() {
    let demo = regions(Dialect::Current);
    let mut client = asked(&demo, "close-next");
    assert_eq!(client.reply().unwrap().status, 200);
    client.start("GET", STATUS, &[], "");
    assert_eq!(client.rest(), (Vec::new(), ErrorKind::ConnectionReset));
    let mut client = asked(&demo, "close-after=5");
    assert_eq!(client.reply().unwrap().status, 200);
    assert_eq!(client.rest(), (Vec::new(), ErrorKind::UnexpectedEof));
    assert_eq!(demo.seen("eu", 1).unwrap().len(), 2);
}

#[test]
fn heads_and_bodies_can_be_spoiled() {
    let demo = regions(Dialect::Current);
    let (bytes, kind) = asked(&demo, "truncate-head").rest();
    assert!(bytes.starts_with(b"HTTP/1.1 200 OK\r\n"));
    assert!(!bytes.windows(4).any(|end| end == b"\r\n\r\n"));
    assert_eq!(kind, ErrorKind::UnexpectedEof);
    let (bytes, _) = asked(&demo, "garbage-head").rest();
    assert!(bytes.starts_with(b"HTTP/1.1 200 OK\r\n\xff"), "{bytes:?}");
    let (bytes, _) = asked(&demo, "garbage-body").rest();
    let text = String::from_utf8_lossy(&bytes);
    assert!(text.contains("transfer-encoding: chunked\r\n\r\nthis is no chunk"));
}

#[test]
fn an_endpoint_can_read_nothing_at_all() {
    let demo = regions(Dialect::Current);
    demo.witness().unwrap();
    demo.fault("eu", 1, Fault::ResetUnread).unwrap();
    let mut client = eu(&demo, 1);
    while demo.connections("eu", 1).unwrap() == 0 {}
    // The demo's one thread has turned to the new connection before it comes to these.
    for _ in 0..100 {
        assert_eq!(demo.connections("eu", 1).unwrap(), 1);
    }
    client.start("GET", STATUS, &[], "");
    assert_eq!(client.rest(), (Vec::new(), ErrorKind::ConnectionReset));
    demo.fault("eu", 1, Fault::Deaf).unwrap();
    let mut client = eu(&demo, 1);
    client.start("GET", STATUS, &["X-Request-ID: r-1"], "");
    while demo.connections("eu", 1).unwrap() == 0 {}
    drop(client);
    while demo.connections("eu", 1).unwrap() > 0 {}
    let mut client = eu(&demo, 1);
    client.start("GET", STATUS, &["X-Request-ID: r-2"], "");
    demo.down("eu", 1).unwrap();
    assert_eq!(client.rest(), (Vec::new(), ErrorKind::ConnectionReset));
    let (heard, unread) = demo.hear("eu", 1).unwrap();
    assert!(heard.is_empty() && demo.seen("eu", 1).unwrap().is_empty());
    assert!(String::from_utf8(unread).unwrap().contains("r-2"));
}

#[test]
fn a_witness_knows_bodies_and_answers() {
    let demo = regions(Dialect::Current);
    demo.witness().unwrap();
    let id = "X-Request-ID: r-1";
    let mut client = eu(&demo, 1);
    let reply = client.ask("POST", "/demo/echo", &[id], "body");
    assert_eq!(reply.field("x-demo-place"), Some("1.1"));
    client.start("POST", "/demo/echo", &["X-Demo-Fault: reset-before"], "x");
    client.rest();
    let (heard, _) = demo.hear("eu", 1).unwrap();
    assert_eq!(heard[0].request_id.as_deref(), Some("r-1"));
    assert_eq!(heard[0].body.as_deref(), Some(&b"body"[..]));
    assert_eq!(heard[0].answer, Some((200, reply.body)));
    assert_eq!((heard[1].place, &heard[1].answer), ((1, 2), &None));
    assert_eq!(heard.len(), 2);
}

#[test]
fn spoiled_answers_were_executed_and_replaced_ones_were_not() {
    let demo = regions(Dialect::Current);
    let mut client = eu(&demo, 2);
    for (fault, executed) in [
        ("truncate", true),
        ("reset-after-head", true),
        ("reset-before", false),
        ("garbage", false),
        ("half-close", false),
        ("status-503", false),
    ] {
        let (secret, _) = keys(&client.post("/api/v1/share", "secret=x"));
        let path = format!("/api/v1/secret/{secret}");
        let mut spoiled = eu(&demo, 1);
        let close = "Connection: close";
        spoiled.start(
            "POST",
            &path,
            &[&format!("X-Demo-Fault: {fault}"), close],
            "",
        );
        spoiled.rest();
        let read = client.post(&path, "").status;
        assert_eq!(read, if executed { 404 } else { 200 }, "{fault}");
    }
}

#[test]
fn an_unknown_fault_is_told() {
    let demo = regions(Dialect::Current);
    let reply = asked(&demo, "explode").reply().unwrap();
    assert_eq!(reply.status, 400);
    assert!(
        reply.json()["faults"]
            .as_array()
            .unwrap()
            .contains(&json!("hang"))
    );
}

#[test]
fn a_requests_own_fault_beats_the_endpoints() {
    let demo = regions(Dialect::Current);
    demo.fault("eu", 1, Fault::Status(503)).unwrap();
    assert_eq!(eu(&demo, 1).get(STATUS).status, 503);
    assert_eq!(eu(&demo, 2).get(STATUS).status, 200);
    assert_eq!(asked(&demo, "status-500").reply().unwrap().status, 500);
    demo.heal("eu", 1).unwrap();
    assert_eq!(eu(&demo, 1).get(STATUS).status, 200);
    let faults: Vec<_> = demo
        .seen("eu", 1)
        .unwrap()
        .iter()
        .map(|seen| seen.fault())
        .collect();
    assert_eq!(
        faults,
        [Some(Fault::Status(503)), Some(Fault::Status(500)), None]
    );
}
