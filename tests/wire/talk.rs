//! Several requests on one connection, and clients that stop, wait or vanish half-way.

use crate::harness::client::End;
use crate::harness::gateway::World;
use crate::harness::origin::{Script, Then};

fn get(path: &str, more: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: eu.test\r\n{more}\r\n").into_bytes()
}

fn post(path: &str, more: &str) -> Vec<u8> {
    format!("POST {path} HTTP/1.1\r\nHost: eu.test\r\n{more}\r\n").into_bytes()
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let world = World::new();
    let mut bytes = Vec::new();
    for i in 0..20 {
        bytes.extend(get(&format!("/api/v2/a{i}"), ""));
        bytes.extend(post(&format!("/api/v2/b{i}"), "Content-Length: 3\r\n"));
        bytes.extend(b"abc");
        bytes.extend(post(
            &format!("/api/v2/c{i}"),
            "Transfer-Encoding: chunked\r\n",
        ));
        bytes.extend(b"3\r\nabc\r\n0\r\n\r\n");
    }
    let mut client = world.door.open();
    client.send(&bytes);
    for i in 0..20 {
        for letter in ["a", "b", "c"] {
            let path = format!("/api/v2/{letter}{i}");
            let answer = client.answer(false).expect("an answer");
            assert_eq!(answer.field("x-echo"), Some(path.as_str()));
            assert_eq!(world.eu.seen(&path).len(), 1);
        }
    }
    drop(client);
    assert_eq!(world.eu.count(), 60);
    assert_eq!(world.end(), [""; 0]);
}

#[test]
fn a_good_request_before_a_bad_one_is_answered_and_then_the_connection_ends() {
    let world = World::new();
    for bad in [
        "GET /api/v2/bad HTTP/1.1\nHost: eu.test\n\n",
        "POST /api/v2/bad HTTP/1.1\r\nHost: eu.test\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "\0\0\0\0\r\n\r\n",
        "0\r\n\r\nGET /api/v2/bad HTTP/1.1\r\nHost: eu.test\r\n\r\n",
    ] {
        let mut client = world.door.open();
        let mut bytes = get("/api/v2/good", "");
        bytes.extend(bad.as_bytes());
        bytes.extend(get("/api/v2/after", ""));
        client.send(&bytes);
        let answers = client.answers().expect("answers");
        let statuses: Vec<u16> = answers.iter().map(|answer| answer.status()).collect();
        assert_eq!(statuses, [200, 400], "{bad:?}");
        assert!(answers[1].says_close() && !answers[0].says_close());
    }
    assert!(world.eu.seen("/api/v2/bad").is_empty() && world.eu.seen("/api/v2/after").is_empty());
    assert_eq!(world.end(), [""; 0]);
}

#[test]
fn a_client_that_half_closes_after_its_request_is_answered() {
    let world = World::new();
    for (bytes, body) in [
        (get("/api/v2/half", ""), ""),
        (post("/api/v2/half", "Content-Length: 3\r\n"), "abc"),
        (
            post("/api/v2/half", "Transfer-Encoding: chunked\r\n"),
            "3\r\nabc\r\n0\r\n\r\n",
        ),
    ] {
        let mut client = world.door.open();
        client.send(&[&bytes, body.as_bytes()].concat());
        client.half_close();
        let answers = client.answers().expect("an answer");
        assert_eq!(answers.len(), 1);
        assert_eq!(answers[0].status(), 200);
    }
    assert_eq!(world.end(), [""; 0]);
}

/// A region must never take a part for the whole.
#[test]
fn a_body_that_the_client_cuts_never_arrives_as_a_whole_one() {
    let world = World::new();
    for (fields, body) in [
        ("Content-Length: 5\r\n", "abc"),
        ("Content-Length: 5\r\n", ""),
        ("Transfer-Encoding: chunked\r\n", ""),
        ("Transfer-Encoding: chunked\r\n", "3"),
        ("Transfer-Encoding: chunked\r\n", "3\r\nab"),
        ("Transfer-Encoding: chunked\r\n", "3\r\nabc"),
        ("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n"),
        ("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n0"),
        ("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n0\r\n"),
        (
            "Transfer-Encoding: chunked\r\n",
            "3\r\nabc\r\n0\r\nX: y\r\n",
        ),
        ("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n0\r\n\r"),
    ] {
        for polite in [true, false] {
            let mut client = world.door.open();
            client.send(&post("/api/v2/cut", fields));
            client.send(body.as_bytes());
            if polite {
                client.half_close();
                let answers = client.answers().expect("a refusal");
                assert_eq!(answers.len(), 1, "{body:?}");
                assert_eq!(answers[0].status(), 400, "{body:?}");
                assert!(answers[0].says_close(), "{body:?}");
            }
        }
    }
    let eu = world.eu.clone();
    assert_eq!(world.end(), [""; 0]);
    assert_eq!(eu.count(), 0, "a cut request arrived as a whole one");
}

#[test]
fn old_clients_keep_their_connection_if_they_ask() {
    let world = World::new();
    let mut client = world.door.open();
    for i in 0..3 {
        let keep = if i < 2 {
            "Connection: keep-alive\r\n"
        } else {
            ""
        };
        let path = format!("/api/v2/old{i}");
        client.send(format!("GET {path} HTTP/1.0\r\nHost: eu.test\r\n{keep}\r\n").as_bytes());
        let answer = client.answer(false).expect("an answer");
        assert_eq!(answer.field("x-echo"), Some(path.as_str()));
        let wanted = if i < 2 { "keep-alive" } else { "close" };
        assert_eq!(answer.field("connection"), Some(wanted));
    }
    assert_eq!(client.rest(), (Vec::new(), End::Clean));
    assert_eq!(world.end(), [""; 0]);
}

/// An answer with a body where the client expects none shifts every answer behind it.
#[test]
fn a_head_is_never_answered_with_a_body() {
    let world = World::new();
    let head = |path: &str, host: &str| {
        format!("HEAD {path} HTTP/1.1\r\nHost: {host}\r\n\r\n").into_bytes()
    };
    world.eu.script(
        "/api/v2/with",
        Script::says(
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde",
            Then::Keep,
        ),
    );
    world.eu.script(
        "/api/v2/chunks",
        Script::says(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n",
            Then::Keep,
        ),
    );
    world.eu.script(
        "/api/v2/close",
        Script::says("HTTP/1.1 200 OK\r\n\r\nabcde", Then::Close),
    );
    for (path, host, status) in [
        ("/api/v2/plain", "eu.test", 200),
        ("/api/v2/with", "eu.test", 200),
        ("/api/v2/chunks", "eu.test", 200),
        ("/api/v2/close", "eu.test", 200),
        ("/pricing", "onetime.test", 302),
        ("/colonel", "onetime.test", 404),
        ("/", "nobody.test", 421),
        ("/api/v2/x", "dead.test", 503),
    ] {
        let mut client = world.door.open();
        client.send(
            &[
                head(path, host),
                get("/api/v2/next", "Connection: close\r\n"),
            ]
            .concat(),
        );
        assert_eq!(client.answer(true).expect(path).status(), status, "{path}");
        let next = client.answer(false).expect(path);
        assert_eq!(next.field("x-echo"), Some("/api/v2/next"), "{path}");
        assert_eq!(client.rest().0, b"", "{path}");
    }
    // Refused before it was read as a request: still a HEAD.
    for bad in [
        "HEAD /api/v2/x HTTP/1.1\r\nHost : eu.test\r\n\r\n",
        "HEAD /\0 HTTP/1.1\r\n\r\n",
    ] {
        let mut client = world.door.open();
        client.send(bad.as_bytes());
        assert_eq!(client.answer(true).expect("a refusal").status(), 400);
        assert_eq!(client.rest().0, b"", "{bad:?}");
    }
    assert_eq!(world.end(), [""; 0]);
}

#[test]
fn a_client_that_waits_for_100_gets_it_from_its_region() {
    let world = World::new();
    let mut client = world.door.open();
    for framing in ["Content-Length: 3\r\n", "Transfer-Encoding: chunked\r\n"] {
        let fields = format!("Expect: 100-continue\r\n{framing}");
        client.send(&post("/api/v2/wait", &fields));
        assert_eq!(client.answer(false).expect("100").status(), 100);
        let chunked = framing.starts_with('T');
        client.send(if chunked {
            b"3\r\nabc\r\n0\r\n\r\n"
        } else {
            b"abc"
        });
        assert_eq!(client.answer(false).expect("200").status(), 200);
    }
    // Without a body there is nothing to wait for.
    client.send(&get("/api/v2/wait", "Expect: 100-continue\r\n"));
    assert_eq!(client.answer(false).expect("200").status(), 200);
    let bodies: Vec<Vec<u8>> = world
        .eu
        .seen("/api/v2/wait")
        .into_iter()
        .map(|seen| seen.request.body)
        .collect();
    assert_eq!(bodies, [b"abc".to_vec(), b"abc".to_vec(), Vec::new()]);
    drop(client);
    assert_eq!(world.end(), [""; 0]);
}

/// A client that was answered instead of being told to go on may send its body or not: what comes
/// next cannot be told from a request, so the connection must end, and the answer must say so.
#[test]
fn a_client_that_waits_for_100_and_gets_its_answer_is_told_that_the_connection_ends() {
    let world = World::new();
    for status in ["200 OK", "302 Found", "413 Content Too Large", "500 Oops"] {
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\nno");
        let mut script = Script::says(answer, Then::Close);
        script.early = true;
        world.eu.script("/api/v2/early", script);
        for host in ["eu.test", "dead.test", "onetime.test"] {
            let path = if host == "onetime.test" {
                "/pricing"
            } else {
                "/api/v2/early"
            };
            let mut client = world.door.open();
            client.send(
                format!(
                    "POST {path} HTTP/1.1\r\nHost: {host}\r\nExpect: 100-continue\r\n\
                     Content-Length: 60\r\n\r\n"
                )
                .as_bytes(),
            );
            let answer = client.answer(false).expect("an answer");
            assert!(answer.says_close(), "{host} {}", answer.start);
            client.send(&get("/api/v2/next", ""));
            assert_eq!(client.rest().0, b"", "{host} {status}");
        }
    }
    assert!(world.eu.seen("/api/v2/next").is_empty());
    assert_eq!(world.end(), [""; 0]);
}

#[test]
fn a_connection_without_a_request_ends_in_silence() {
    let world = World::new();
    for bytes in ["", "\r\n", "GET", "GET / HTTP/1.1\r\nHost: eu.test\r\n"] {
        let mut client = world.door.open();
        client.send(b"");
        client.send(bytes.as_bytes());
        client.half_close();
        assert_eq!(client.rest().0, b"", "{bytes:?}");
    }
    assert_eq!(world.eu.count(), 0);
    assert_eq!(world.end(), [""; 0]);
}

/// What comes after an answer that came too early belongs to no request that anybody can name.
#[test]
fn a_region_that_answers_before_the_body_ends_both_connections() {
    let world = World::new();
    for status in ["200 OK", "302 Found", "413 Content Too Large"] {
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\nno");
        let mut script = Script::says(answer, Then::Keep);
        script.early = true;
        world.eu.script("/api/v2/soon", script);
        // As much as does not wait for the rest.
        for (framing, lead) in [
            ("Content-Length: 16999\r\n", ""),
            ("Transfer-Encoding: chunked\r\n", "4200\r\n"),
        ] {
            let mut client = world.door.open();
            client.send(
                &[
                    &post("/api/v2/soon", framing),
                    lead.as_bytes(),
                    &[b'a'; 0x4100],
                ]
                .concat(),
            );
            let answer = client.answer(false).expect("an answer");
            assert_eq!(answer.body, b"no");
            client.send(&get("/api/v2/after", ""));
            assert_eq!(client.rest().0, b"", "{status}");
        }
    }
    let eu = world.eu.clone();
    assert_eq!(world.end(), [""; 0]);
    assert_eq!(eu.count(), 0, "something that nobody sent arrived whole");
}

#[test]
fn a_client_that_stalls_is_told_so_and_no_region_sees_a_whole_request() {
    let world = World::with("[timeouts]\nhead = \"50ms\"\nbody_idle = \"50ms\"");
    for bytes in [
        b"GET /api/v2/stall HTTP/1.1\r\nHost: eu".to_vec(),
        post("/api/v2/stall", "Content-Length: 9\r\n"),
        post("/api/v2/stall", "Transfer-Encoding: chunked\r\n"),
    ] {
        let mut client = world.door.open();
        client.send(&bytes);
        let answer = client.answer(false).expect("a refusal");
        assert_eq!(answer.status(), 408);
        assert!(answer.says_close());
        assert_eq!(client.rest().0, b"");
    }
    let eu = world.eu.clone();
    assert_eq!(world.end(), [""; 0]);
    assert_eq!(eu.count(), 0);
}
