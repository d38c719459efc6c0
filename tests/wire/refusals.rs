//! Refusals cost their sender nothing: each client has so many, and each connection.

use crate::harness::frames::{END_HEADERS, END_STREAM, Frames, GOAWAY, HEADERS, block};
use crate::harness::gateway::World;
use crate::harness::process::Launch;
use crate::harness::reader::Message;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

/// What the loopback's clients are by default exempt from.
const ALL: &str = "[limits]\nexempt = []\n";

fn get(path: &str, host: &str, more: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{more}\r\n")
}

#[test]
fn a_connection_ends_after_a_hundred_refusals() {
    let limits = format!("{ALL}[rate_limits]\nread = {{ burst = 120, every = \"1h\" }}\n");
    let world = World::with(&limits);
    for (status, request) in [
        (421, get("/api/v2/x", "unknown.test", "")),
        (400, get("/api/v2/x", "eu.test", "O-Region: nowhere\r\n")),
        (404, get("/colonel", "alias.test", "")),
        (429, get("/api/v2/x", "eu.test", "")),
        (501, "BREW / HTTP/1.1\r\nHost: eu.test\r\n\r\n".to_owned()),
    ] {
        // A client each.
        let door = world.door.from([127, 0, 0, 100 + (status % 100) as u8]);
        if status == 429 {
            let mut first = door.open();
            first.send(get("/api/v2/x", "eu.test", "").repeat(120).as_bytes());
            for _ in 0..120 {
                assert_eq!(first.answer(false).expect("an answer").status(), 200);
            }
        }
        let mut client = door.open();
        client.send(request.repeat(150).as_bytes());
        let answers = client.answers().expect("answers");
        assert_eq!(answers.len(), 100, "{status}");
        let statuses = answers.iter().map(Message::status);
        assert_eq!(
            statuses.filter(|one| *one == status).count(),
            100,
            "{status}"
        );
        let closing = answers.iter().filter(|answer| answer.says_close()).count();
        assert!(closing == 1 && answers[99].says_close(), "{status}");
    }
    assert_eq!(world.sum("onetime_gateway_connections_dismissed_total"), 5);
    world.end();
}

#[test]
fn each_client_has_its_own_bucket_of_refusals_and_each_further_one_ends_its_connection() {
    let limits = format!("{ALL}[rate_limits]\nrefused = {{ burst = 130, every = \"1h\" }}\n");
    let world = World::with(&limits);
    let door = world.door.from([127, 0, 0, 9]);
    let refused = get("/api/v2/x", "unknown.test", "").repeat(150);
    for expected in [100, 31, 1, 1] {
        let mut client = door.open();
        client.send(refused.as_bytes());
        let answers = client.answers().expect("answers");
        assert_eq!(answers.len(), expected);
        assert!(answers[expected - 1].says_close());
    }
    // What is no refusal is served there, and the next client has its own.
    let mut client = door.open();
    let served = get("/api/v2/x", "eu.test", "");
    client.send(served.repeat(120).as_bytes());
    for _ in 0..120 {
        let answer = client.answer(false).expect("an answer");
        assert!(answer.status() == 200 && !answer.says_close());
    }
    let mut other = world.door.from([127, 0, 0, 10]).open();
    other.send(refused.as_bytes());
    assert_eq!(other.answers().expect("answers").len(), 100);
    world.end();
}

#[test]
fn over_http2_a_client_that_is_refused_too_often_is_told_to_go_and_then_left() {
    let world = World::with(ALL);
    let head = block(&[
        (b":method", b"GET"),
        (b":scheme", b"https"),
        (b":authority", b"unknown.test"),
        (b":path", b"/api/v2/x"),
    ]);
    for obeys in [true, false] {
        let mut frames = Frames::open(&world.door);
        let (mut answered, mut told) = (0, false);
        // One that answers no ping does not have the last GOAWAY.
        let next = |frames: &mut Frames| {
            if obeys {
                frames.next()
            } else {
                frames.next_of_all()
            }
        };
        'asking: for stream in (1..2_000).step_by(2) {
            frames.send(HEADERS, END_HEADERS | END_STREAM, stream, &head);
            loop {
                let Some(frame) = next(&mut frames) else {
                    break 'asking;
                };
                told |= frame.kind == GOAWAY;
                if frame.kind == HEADERS {
                    answered += 1;
                    break;
                }
            }
            if told && obeys {
                break;
            }
        }
        assert!(told, "{obeys}: never told");
        let most = if obeys { 101 } else { 200 };
        assert!((100..=most).contains(&answered), "{obeys}: {answered}");
        frames.rest();
    }
    world.end();
}

/// The plain listener serves nothing; whatever it answers is counted.
#[test]
fn without_tls_a_connection_ends_after_a_hundred_answers() {
    let world = World::launched("http = [\"127.0.0.1:0\"]", ALL, &Launch::default());
    let address = world.gateway.http.expect("it listens there too");
    let mut socket = TcpStream::connect(address).expect("a connection");
    let pipelined = get("/", "eu.test", "").repeat(150);
    socket.write_all(pipelined.as_bytes()).expect("sent");
    let mut said = String::new();
    socket.read_to_string(&mut said).expect("answers");
    assert_eq!(said.matches("HTTP/1.1 308").count(), 100);
    assert_eq!(said.matches("Connection: close").count(), 1);
    world.end();
}

/// Peers that speak for many clients, and the machine's own, are refused as often as they ask.
#[test]
fn whoever_speaks_for_others_is_not_told_to_go() {
    for (server, limits) in [
        ("trusted_proxies = [\"127.0.0.0/8\"]", ALL),
        ("", ""),
        (
            "",
            "[limits]\nexempt = []\n[rate_limits]\nrefused = false\n",
        ),
    ] {
        let world = World::launched(server, limits, &Launch::default());
        let mut client = world.door.open();
        let refused = get("/api/v2/x", "unknown.test", "");
        client.send(refused.repeat(700).as_bytes());
        for _ in 0..700 {
            let answer = client.answer(false).expect("an answer");
            assert!(answer.status() == 421 && !answer.says_close());
        }
        drop(client);
        world.end();
    }
}
