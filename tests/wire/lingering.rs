//! Answers that come before their request has: each says whether the connection goes on, reaches a
//! client that reads only after it has sent everything, and keeps no place of others.

use crate::harness::client::Client;
use crate::harness::gateway::World;
use crate::harness::origin::{Script, Then};
use crate::harness::until;

const NEXT: &[u8] = b"GET /api/v2/next HTTP/1.1\r\nHost: eu.test\r\nConnection: close\r\n\r\n";

/// Requests that the gateway refuses after their head: status, and request line with `Host`.
const REFUSED: [(u16, &str); 4] = [
    (421, "POST /api/v2/x HTTP/1.1\r\nHost: unknown.test\r\n"),
    (404, "POST /colonel HTTP/1.1\r\nHost: alias.test\r\n"),
    (
        400,
        "POST /api/v2/x HTTP/1.1\r\nHost: eu.test\r\nO-Region: nowhere\r\n",
    ),
    (503, "POST /api/v2/x HTTP/1.1\r\nHost: dead.test\r\n"),
];

/// A body of so many bytes, and its framing fields.
fn body(length: usize, chunked: bool) -> (String, Vec<u8>) {
    let data = vec![b'a'; length];
    if chunked {
        let whole = [
            format!("{length:x}\r\n").as_bytes(),
            &data,
            b"\r\n0\r\n\r\n",
        ]
        .concat();
        ("Transfer-Encoding: chunked\r\n\r\n".to_owned(), whole)
    } else {
        (format!("Content-Length: {length}\r\n\r\n"), data)
    }
}

#[test]
fn an_answer_to_a_refused_body_says_close_or_the_next_request_is_served() {
    let world = World::new();
    for (status, head) in REFUSED {
        for chunked in [false, true] {
            for length in [1, 25, 20_000, 60_000, 100_000] {
                // In one piece, and with the body in a later packet.
                for apart in [false, true] {
                    let (fields, body) = body(length, chunked);
                    let what = format!("{status} {length} {chunked} {apart}");
                    let mut client = world.door.open();
                    client.send([head, &fields].concat().as_bytes());
                    let mut answers = Vec::new();
                    if apart && status != 503 {
                        answers.push(client.answer(false).expect(&what));
                    }
                    client.send(&body);
                    client.send(NEXT);
                    answers.extend(client.answers().expect(&what));
                    assert_eq!(answers[0].status(), status, "{what}");
                    if answers[0].says_close() {
                        assert_eq!(answers.len(), 1, "{what}");
                        assert!(chunked || length > 25, "{what}: this body is small");
                    } else {
                        assert_eq!(answers.len(), 2, "{what}");
                        assert_eq!(answers[1].body, b"/api/v2/next", "{what}");
                    }
                }
            }
        }
    }
    assert_eq!(world.end(), [""; 0]);
}

/// HTTP/1.0 with keep-alive, HEAD with a body, and a client that expects a 100.
#[test]
fn old_clients_heads_and_expectations_learn_whether_a_refused_body_ends_the_connection() {
    let world = World::new();
    for (method, version, more) in [
        ("POST", "1.0", "Connection: keep-alive\r\n"),
        ("HEAD", "1.1", ""),
        ("PUT", "1.1", "Expect: 100-continue\r\n"),
    ] {
        for length in [25, 100_000] {
            let (fields, body) = body(length, false);
            let what = format!("{method} {version} {more} {length}");
            let mut client = world.door.open();
            let head = format!(
                "{method} /api/v2/x HTTP/{version}\r\nHost: unknown.test\r\n{more}{fields}"
            );
            client.send(head.as_bytes());
            let refused = client.answer(method == "HEAD").expect(&what);
            client.send(&[&body, NEXT].concat());
            let rest = client.answers().expect(&what);
            assert_eq!(refused.status(), 421, "{what}");
            assert_eq!(refused.says_close(), rest.is_empty(), "{what}");
            assert_eq!(
                refused.says_close(),
                length > 65_536 || method == "PUT",
                "{what}"
            );
        }
    }
    assert_eq!(world.end(), [""; 0]);
}

#[test]
fn a_client_that_sends_all_of_a_large_body_first_reads_its_413() {
    let world = World::new();
    for chunked in [false, true] {
        for length in [300_000, 1_000_000, 1_100_000, 3_000_000] {
            let (fields, body) = body(length, chunked);
            let mut client = world.door.open();
            let head = "POST /api/v2/x HTTP/1.1\r\nHost: eu.test\r\n";
            client.send([head, &fields].concat().as_bytes());
            for piece in body.chunks(16_384) {
                client.send(piece);
            }
            let answers = client.answers().expect("an answer");
            assert_eq!(answers.len(), 1, "{length}");
            assert_eq!(answers[0].status(), 413, "{length}");
            assert!(answers[0].says_close(), "{length}");
        }
    }
    // The origin saw cut requests, as it had to.
    world.end();
}

/// A region's answer that does not wait for the body, whatever its status.
#[test]
fn an_early_answer_of_a_region_says_that_the_connection_ends() {
    let world = World::new();
    for status in ["200 OK", "302 Found", "404 Not Found"] {
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\nno");
        let mut script = Script::says(answer, Then::Keep);
        script.early = true;
        world.eu.script("/api/v2/soon", script);
        for (fields, lead) in [
            ("Content-Length: 200000\r\n\r\n", ""),
            ("Transfer-Encoding: chunked\r\n\r\n", "30000\r\n"),
        ] {
            let mut client = world.door.open();
            let head = "POST /api/v2/soon HTTP/1.1\r\nHost: eu.test\r\n";
            client.send([head, fields, lead].concat().as_bytes());
            client.send(&[b'a'; 0x5000]);
            let answer = client.answer(false).expect("an answer");
            assert_eq!(answer.body, b"no");
            assert!(answer.says_close(), "{status}");
            assert_eq!(client.rest().0, b"", "{status}");
        }
    }
    // The origin saw cut requests, as it had to.
    world.end();
}

/// Whoever was answered and is silent gives its place to the next client, whatever is missing of its
/// request.
#[test]
fn a_refused_request_keeps_no_place_of_others() {
    let world = World::with("[limits]\nconnections = 6\n");
    let mut script = Script::says("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno", Then::Keep);
    script.early = true;
    world.eu.script("/api/v2/soon", script);
    let requests: [(&str, usize); 6] = [
        // The connection would go on behind the body.
        (
            "POST / HTTP/1.1\r\nHost: unknown.test\r\nContent-Length: 60000\r\n\r\n",
            421,
        ),
        // The connection ends.
        (
            "POST / HTTP/1.1\r\nHost: unknown.test\r\nContent-Length: 90000\r\n\r\n",
            421,
        ),
        (
            "POST / HTTP/1.1\r\nHost: unknown.test\r\nTransfer-Encoding: chunked\r\n\r\n",
            421,
        ),
        (
            "GET /api/v2/x HTTP/1.1\r\nHost: eu.test\r\nConnection: close\r\n\r\n",
            200,
        ),
        ("bad\r\n\r\n", 400),
        (
            "POST /api/v2/x HTTP/1.1\r\nHost: eu.test\r\nContent-Length: 900000\r\n\r\n",
            413,
        ),
    ];
    let mut silent: Vec<Client> = Vec::new();
    for (request, status) in requests {
        let mut client = world.door.open();
        client.send(request.as_bytes());
        let answer = client.answer(false).expect("an answer");
        assert_eq!(usize::from(answer.status()), status, "{request}");
        silent.push(client);
    }
    let mut early = world.door.open();
    early.send(b"POST /api/v2/soon HTTP/1.1\r\nHost: eu.test\r\nContent-Length: 90000\r\n\r\n");
    early.send(&[b'a'; 0x5000]);
    assert_eq!(early.answer(false).expect("an answer").body, b"no");
    silent.push(early);
    // The seventh took the place of the first; each of six more takes that of the next.
    let mut served = Vec::new();
    for number in 1..=6 {
        let mut client = world.door.open();
        client.send(b"GET /api/v2/honest HTTP/1.1\r\nHost: eu.test\r\n\r\n");
        let answer = client.answer(false).expect("an answer");
        assert_eq!(answer.body, b"/api/v2/honest");
        let gone = world.sum("onetime_gateway_connections_displaced_total");
        assert_eq!(gone, number + 1);
        // It is at work from now on.
        client.send(b"POST /api/v2/x HTTP/1.1\r\nHost: eu.test\r\nContent-Length: 9\r\n\r\n1");
        until("it is in flight", || {
            world.sum("onetime_gateway_requests_in_flight") == number
        });
        served.push(client);
    }
    drop((silent, served));
    // The origin saw cut requests, as it had to.
    world.end();
}
