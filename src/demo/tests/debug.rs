//! The debugging routes, and the strictness of the reading side.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{eu, regions};
use crate::demo::keys::hex;
use crate::demo::options::Dialect;
use crate::demo::pattern;

#[test]
fn an_echo_shows_what_arrived_byte_for_byte() {
    let demo = regions(Dialect::Current);
    let mut client = eu(&demo, 1);
    let reply = client.ask("PUT", "/demo/echo?a=%2F&b", &["X-A: 1", "x-a:  2"], "hello");
    assert_eq!(reply.status, 200);
    let body = reply.json();
    assert_eq!(body["method"], "PUT");
    assert_eq!(body["target"], "/demo/echo?a=%2F&b");
    let headers = json!([
        ["Host", "eu.localhost:8443"],
        ["X-A", "1"],
        ["x-a", "2"],
        ["Content-Length", "5"],
    ]);
    assert_eq!(body["headers"], headers);
    assert_eq!(
        (&body["body"], &body["body_length"]),
        (&json!("hello"), &json!(5))
    );
    assert_eq!(body["body_sha256"], hex(&Sha256::digest("hello")).as_str());
    assert_eq!(
        (&body["connection"], &body["request"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(client.get("/demo/echo").json()["request"], 2);
    assert_eq!(eu(&demo, 1).get("/demo/echo").json()["connection"], 2);
}

#[test]
fn chunks_and_trailers_arrive() {
    let demo = regions(Dialect::Current);
    let mut client = eu(&demo, 1);
    client.send("POST /demo/echo HTTP/1.1\r\nHost: eu\r\nTransfer-Encoding: chunked\r\n\r\n");
    client.send(b"3;x=y\r\nab\xff\r\n1\r\nd\r\n0\r\nX-Sum: 7\r\n\r\n");
    let body = client.reply().unwrap().json();
    assert_eq!(
        body["body_base64"],
        BASE64_STANDARD.encode(b"ab\xffd").as_str()
    );
    assert_eq!(body.get("body"), None);
    assert_eq!(body["trailers"], json!([["X-Sum", "7"]]));
}

#[test]
fn a_large_body_is_shown_in_part_and_hashed_whole() {
    let demo = regions(Dialect::Current);
    let large = "x".repeat(9 * 1024 * 1024);
    let body = eu(&demo, 1).ask("POST", "/demo/echo", &[], &large).json();
    assert_eq!(body["body_length"], large.len());
    assert_eq!(body["body"].as_str().unwrap().len(), 64 * 1024);
    assert_eq!(body["body_sha256"], hex(&Sha256::digest(&large)).as_str());
    let reply = eu(&demo, 1).ask("POST", "/api/v1/share", &[], &large);
    assert_eq!(reply.status, 500);
}

#[test]
fn a_client_that_waits_for_leave_gets_it() {
    let demo = regions(Dialect::Current);
    let mut client = eu(&demo, 1);
    let head =
        "POST /demo/echo HTTP/1.1\r\nHost: eu\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
    client.send(head);
    let mut leave = [0; 25];
    client.read_exactly(&mut leave);
    assert_eq!(&leave, b"HTTP/1.1 100 Continue\r\n\r\n");
    client.send("ok");
    assert_eq!(client.reply().unwrap().json()["body"], "ok");
}

#[test]
fn so_many_bytes_come_as_were_asked_for() {
    let demo = regions(Dialect::Current);
    let mut client = eu(&demo, 1);
    for (target, length) in [
        ("/demo/bytes/0", 0),
        ("/demo/bytes/1000000", 1_000_000),
        ("/demo/bytes/200000?chunked=1", 200_000),
    ] {
        let reply = client.get(target);
        assert_eq!(reply.body.len(), length, "{target}");
        let right = |(position, byte): (usize, &u8)| *byte == pattern(position as u64);
        assert!(reply.body.iter().enumerate().all(right), "{target}");
    }
    let head = client.ask("HEAD", "/demo/bytes/1000000", &[], "");
    assert_eq!(head.field("content-length"), Some("1000000"));
    assert_eq!(client.get("/demo/bytes/x").status, 400);
}

#[test]
fn a_declared_trailer_follows() {
    let demo = regions(Dialect::Current);
    let reply = eu(&demo, 1).get("/demo/trailers");
    assert_eq!(reply.field("trailer"), Some("x-demo-sha256"));
    let hash = hex(&Sha256::digest(&reply.body));
    assert_eq!(reply.field("x-demo-sha256"), Some(hash.as_str()));
}

#[test]
fn an_answer_is_as_wanted() {
    let demo = regions(Dialect::Current);
    let mut client = eu(&demo, 1);
    let reply =
        client.get("/demo/answer?status=418&header=Set-Cookie:a%3Db&header=set-cookie:c&body=hi");
    assert_eq!((reply.status, reply.text()), (418, "hi"));
    assert_eq!(reply.all("set-cookie"), ["a=b", "c"]);
    assert_eq!(client.get("/demo/answer?status=304").status, 304);
    for target in [
        "/demo/answer?status=99",
        "/demo/answer?header=a",
        "/demo/answer?header=a%0D%0Ab:c",
        "/demo/answer?header=a:b%0D%0Ac",
        "/demo/unknown",
    ] {
        assert_eq!(client.get(target).status, 400, "{target}");
    }
}

#[test]
fn requests_in_a_row_are_answered_in_that_order() {
    let demo = regions(Dialect::Current);
    let mut client = eu(&demo, 1);
    let one = "POST /demo/echo?1 HTTP/1.1\r\nHost: eu\r\nContent-Length: 1\r\n\r\nx";
    let two = "GET /demo/echo?2 HTTP/1.1\r\nHost: eu\r\nConnection: close\r\n\r\n";
    client.send(format!("{one}{two}"));
    for target in ["/demo/echo?1", "/demo/echo?2"] {
        assert_eq!(client.reply().unwrap().json()["target"], target);
    }
    assert_eq!(
        client.rest(),
        (Vec::new(), std::io::ErrorKind::UnexpectedEof)
    );
}

#[test]
fn what_no_gateway_may_send_is_refused_and_the_connection_closed() {
    let demo = regions(Dialect::Current);
    for request in [
        "GET /api/v1/status HTTP/1.1\r\n\r\n",
        "GET http://eu/api/v1/status HTTP/1.1\r\nHost: eu\r\n\r\n",
        "GET / HTTP/1.1\nHost: eu\n\n",
        "POST / HTTP/1.1\r\nHost: eu\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: eu\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let mut client = eu(&demo, 1);
        client.send(request);
        let reply = client.reply().unwrap();
        assert_eq!(reply.status, 400, "{request:?}");
        assert_eq!(reply.field("x-demo-region"), Some("eu"));
        assert_eq!(client.rest().0, b"");
    }
    // The bad chunk came after a good head.
    let methods = demo.seen("eu", 1).unwrap();
    let methods: Vec<_> = methods.iter().map(|seen| seen.method()).collect();
    assert_eq!(methods, ["", "", "", "", "POST", ""]);
}
