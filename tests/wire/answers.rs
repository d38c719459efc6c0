//! Hostile regions: what their bytes become for the client, and for whoever asks next.

use crate::harness::client::{Client, End};
use crate::harness::gateway::World;
use crate::harness::origin::{Script, Then};
use crate::harness::reader::Message;
use crate::harness::shown;

fn ask(client: &mut Client, path: &str) {
    client.send(format!("GET {path} HTTP/1.1\r\nHost: eu.test\r\n\r\n").as_bytes());
}

/// The next request on the same connection gets its own answer, over a connection to the region
/// that is `fresh`, or any.
fn next_is_unharmed(world: &World, client: &mut Client, path: &str, fresh: bool) {
    let next = format!("{path}-next");
    ask(client, &next);
    let answer = client.answer(false).expect(path);
    assert_eq!(answer.field("x-echo"), Some(next.as_str()), "{path}");
    let (before, after) = (world.eu.seen(path), world.eu.seen(&next));
    assert_eq!(
        (before.len(), after.len()),
        (1, 1),
        "{path}: asked more than once"
    );
    assert!(
        !fresh || before[0].connection != after[0].connection,
        "{path}: a connection that cannot be trusted was used again"
    );
}

fn dialect(answer: &Message) -> serde_json::Value {
    serde_json::from_slice(&answer.body).expect("JSON")
}

const OK: &str = "HTTP/1.1 200 OK\r\n";

fn bad_heads() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = [
        "Content-Length: 2\r\nContent-Length: 2\r\n\r\nab",
        "Content-Length: 2\r\nContent-Length: 3\r\n\r\nab",
        "Content-Length: 2, 2\r\n\r\nab",
        "Content-Length: +2\r\n\r\nab",
        "Content-Length: -2\r\n\r\nab",
        "Content-Length: 0x2\r\n\r\nab",
        "Content-Length: 2 2\r\n\r\nab",
        "Content-Length:\r\n\r\nab",
        "Content-Length: 99999999999999999999999\r\n\r\nab",
        "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\nab\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
        "Transfer-Encoding: identity\r\n\r\nab",
        "Transfer-Encoding: gzip, chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked, identity\r\n\r\n2\r\nab\r\n0\r\n\r\n",
        "Transfer-Encoding: xchunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
        "Transfer-Encoding:\r\n\r\nab",
        "Content-Length : 2\r\n\r\nab",
        "Content-Length: 2\r\n X: y\r\n\r\nab",
        "X: a\r\n b\r\nContent-Length: 2\r\n\r\nab",
        " X: y\r\nContent-Length: 2\r\n\r\nab",
        "X: a\0b\r\nContent-Length: 2\r\n\r\nab",
        "X: a\x01b\r\nContent-Length: 2\r\n\r\nab",
        "X: a\x7fb\r\nContent-Length: 2\r\n\r\nab",
        "X: a\rSet-Cookie: x\r\nContent-Length: 2\r\n\r\nab",
        "X: a\nSet-Cookie: x\r\nContent-Length: 2\r\n\r\nab",
        ": y\r\nContent-Length: 2\r\n\r\nab",
        "X\r\nContent-Length: 2\r\n\r\nab",
        "X y: z\r\nContent-Length: 2\r\n\r\nab",
        "Content-Length: 2\n\nab",
        "Content-Length: 2\r\n\nab",
        "Content-Length: 2\n\r\nab",
    ]
    .iter()
    .map(|rest| format!("{OK}{rest}").into_bytes())
    .collect();
    let fine = "Content-Length: 2\r\n\r\nab";
    all.extend(
        [
            "\r\nHTTP/1.1 200 OK\r\n",
            "\nHTTP/1.1 200 OK\r\n",
            " HTTP/1.1 200 OK\r\n",
            "xHTTP/1.1 200 OK\r\n",
            "\0HTTP/1.1 200 OK\r\n",
            "garbage\r\nHTTP/1.1 200 OK\r\n",
            "HTTP/2.0 200 OK\r\n",
            "HTTP/1.2 200 OK\r\n",
            "HTTP/0.9 200 OK\r\n",
            "ICY 200 OK\r\n",
            "http/1.1 200 OK\r\n",
            "HTTP/1.1 20 OK\r\n",
            "HTTP/1.1 2000 OK\r\n",
            "HTTP/1.1 099 OK\r\n",
            "HTTP/1.1 600 OK\r\n",
            "HTTP/1.1 999 OK\r\n",
            "HTTP/1.1 abc OK\r\n",
            "HTTP/1.1  200 OK\r\n",
            "HTTP/1.1\r\n",
            "HTTP/1.1 200 O\0K\r\n",
            "HTTP/1.1 200 O\rK\r\n",
            "HTTP/1.1 200 OK\n",
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
            "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n",
            "HTTP/1.1 100 Continue\r\nX : y\r\n\r\nHTTP/1.1 200 OK\r\n",
            "HTTP/1.1 100 Continue\r\n\r\n\r\nHTTP/1.1 200 OK\r\n",
            "HTTP/1.1 100 Continue\r\nContent-Length: 2\r\n\r\nabHTTP/1.1 200 OK\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n",
            "<html><body>hello</body></html>\r\n\r\n",
            "0\r\n\r\n",
        ]
        .iter()
        .map(|start| format!("{start}{fine}").into_bytes()),
    );
    let storm = |status: &str, count| format!("HTTP/1.1 {status}\r\n\r\n").repeat(count);
    all.push(format!("{}{OK}{fine}", storm("100 Continue", 17)).into_bytes());
    all.push(format!("{}{OK}{fine}", storm("103 Early Hints", 2000)).into_bytes());
    all.push(storm("102 Processing", 1000).into_bytes());
    all.push(format!("{OK}X: {}\r\n{fine}", "a".repeat(70_000)).into_bytes());
    all.push(format!("{OK}{}{fine}", "X: y\r\n".repeat(129)).into_bytes());
    all.push("x".repeat(70_000).into_bytes());
    all.push([OK.as_bytes(), b"X: \xff\x00\xfe\r\n\r\n"].concat());
    all
}

#[test]
fn an_answer_that_is_none_is_a_502_in_the_callers_words() {
    let world = World::new();
    let all = bad_heads();
    println!("{} answers", all.len());
    for (i, bytes) in all.iter().enumerate() {
        for version in ["v1", "v2"] {
            let path = format!("/api/{version}/bad{i}");
            world.eu.script(&path, Script::says(bytes, Then::Keep));
            let mut client = world.door.open();
            ask(&mut client, &path);
            let what = shown(bytes);
            let mut answer = client.answer(false).expect(&what);
            // Informational answers that came before the trouble may have been passed on.
            while answer.status() < 200 {
                answer = client.answer(false).expect(&what);
            }
            assert_eq!(answer.status(), 502, "{what}");
            assert_eq!(answer.field("o-delivery"), Some("maybe-executed"), "{what}");
            assert_eq!(answer.field("o-region"), Some("eu"), "{what}");
            let json = dialect(&answer);
            match version {
                "v1" => assert!(json["message"].is_string() && json["error"].is_null()),
                _ => assert_eq!(json["error_type"], "bad-answer", "{what}"),
            }
            next_is_unharmed(&world, &mut client, &path, true);
        }
    }
    assert_eq!(world.end(), [""; 0]);
}

#[test]
fn a_region_that_breaks_off_before_its_answer_is_a_502_and_never_asked_twice() {
    let world = World::new();
    for (i, (bytes, then)) in [
        ("", Then::Close),
        ("", Then::Reset),
        ("H", Then::Close),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n", Then::Close),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r", Then::Close),
        ("HTTP/1.1 100 Continue\r\n\r\n", Then::Close),
    ]
    .into_iter()
    .enumerate()
    {
        let path = format!("/api/v2/off{i}");
        world.eu.script(&path, Script::says(bytes, then));
        let mut client = world.door.open();
        ask(&mut client, &path);
        let mut answer = client.answer(false).expect("an answer");
        while answer.status() < 200 {
            answer = client.answer(false).expect("an answer");
        }
        assert_eq!(answer.status(), 502);
        assert_eq!(
            answer.field("o-delivery"),
            Some("maybe-executed"),
            "{bytes:?}"
        );
        assert_eq!(dialect(&answer)["error_type"], "closed");
        next_is_unharmed(&world, &mut client, &path, true);
    }
    assert_eq!(world.end(), [""; 0]);
}

#[test]
fn a_region_that_cannot_be_reached_has_seen_nothing() {
    let world = World::new();
    let mut client = world.door.open();
    for path in ["/api/v1/x", "/api/v2/x", "/x"] {
        client.send(
            format!("GET {path} HTTP/1.1\r\nHost: dead.test\r\nAccept: text/html\r\n\r\n")
                .as_bytes(),
        );
        let answer = client.answer(false).expect("an answer");
        assert_eq!(answer.status(), 503);
        assert_eq!(answer.field("o-delivery"), Some("not-sent"));
        let html = answer
            .field("content-type")
            .is_some_and(|kind| kind.starts_with("text/html"));
        assert_eq!(html, path == "/x");
    }
    drop(client);
    assert_eq!(world.end(), [""; 0]);
}

#[test]
fn a_silent_region_is_a_504_that_may_have_acted() {
    let world = World::with("[timeouts]\nresponse_head = \"100ms\"");
    world
        .eu
        .script("/api/v2/silent", Script::says("", Then::Hold));
    world.eu.script(
        "/api/v2/half",
        Script::says("HTTP/1.1 200 OK\r\n", Then::Hold),
    );
    world.eu.script(
        "/api/v2/early",
        Script::says("HTTP/1.1 100 Continue\r\n\r\n", Then::Hold),
    );
    for path in ["/api/v2/silent", "/api/v2/half", "/api/v2/early"] {
        let mut client = world.door.open();
        ask(&mut client, path);
        let mut answer = client.answer(false).expect("an answer");
        while answer.status() < 200 {
            answer = client.answer(false).expect("an answer");
        }
        assert_eq!(answer.status(), 504, "{path}");
        assert_eq!(answer.field("o-delivery"), Some("maybe-executed"));
        assert_eq!(dialect(&answer)["error_type"], "response-timeout");
        assert_eq!(world.eu.seen(path).len(), 1);
    }
    assert_eq!(world.end(), [""; 0]);
}

fn cut_answers() -> Vec<(String, Then)> {
    let chunked = "Transfer-Encoding: chunked\r\n\r\n";
    let mut all = Vec::new();
    for rest in [
        "Content-Length: 5\r\n\r\n",
        "Content-Length: 5\r\n\r\nabc",
        "Content-Length: 1000000\r\n\r\nabc",
    ] {
        all.push((format!("{OK}{rest}"), Then::Close));
        all.push((format!("{OK}{rest}"), Then::Reset));
        all.push((format!("HTTP/1.0 200 OK\r\n{rest}"), Then::Close));
    }
    all.push((format!("{OK}\r\nabc"), Then::Reset));
    for body in [
        "",
        "3",
        "3\r\n",
        "3\r\nab",
        "3\r\nabc",
        "3\r\nabc\r",
        "3\r\nabc\r\n",
        "3\r\nabc\r\n0",
        "3\r\nabc\r\n0\r\n",
        "3\r\nabc\r\n0\r\nX: y\r\n",
        "3\r\nabc\r\n0\r\n\r",
    ] {
        all.push((format!("{OK}{chunked}{body}"), Then::Close));
    }
    for body in [
        "3\r\nabcd\r\n0\r\n\r\n",
        "3\r\nabc\n0\r\n\r\n",
        "3\nabc\r\n0\r\n\r\n",
        "+3\r\nabc\r\n0\r\n\r\n",
        "3\r\nabc\r\nx\r\n\r\n",
        "3\r\nabc\r\n0\r\nX : y\r\n\r\n",
        "3\r\nabc\r\n0\r\n X: y\r\n\r\n",
        "3\r\nabc\r\n0\r\nX: \0\r\n\r\n",
        "3\r\nabc\r\n0\n\n",
        "3\r\nabc\r\n\r\n0\r\n\r\n",
        "3\r\nabc\r\n10000000000000000\r\n",
        " 3\r\nabc\r\n0\r\n\r\n",
        "3 3\r\nabc\r\n0\r\n\r\n",
        "3\r\nabc\r\n-0\r\n\r\n",
    ] {
        all.push((format!("{OK}{chunked}{body}"), Then::Hold));
    }
    all
}

/// Never a clean end; and never silence either: a client that has read nothing may ask again, and
/// what was asked has been done.
#[test]
fn a_body_that_the_region_cuts_reaches_the_client_as_a_broken_one() {
    let world = World::new();
    let all = cut_answers();
    println!("{} answers", all.len());
    for (i, (bytes, then)) in all.into_iter().enumerate() {
        for version in ["HTTP/1.1", "HTTP/1.0"] {
            let path = format!("/api/v2/cut{i}");
            world.eu.script(&path, Script::says(&bytes, then));
            let mut client = world.door.open();
            client.send(format!("GET {path} {version}\r\nHost: eu.test\r\n\r\n").as_bytes());
            let what = format!("{version} {bytes:?}");
            match client.answer(false) {
                // A reset may overtake the head that was sent before it.
                Ok(answer) if then == Then::Reset => {
                    assert_eq!(answer.status(), 502, "{what}");
                    continue;
                }
                Ok(answer) => panic!("{what}: {answer:?}"),
                Err(_) => {}
            }
            let (rest, end) = client.rest();
            assert_eq!(end, End::Broken, "{what}");
            let begun = rest.starts_with(b"HTTP/1.1 200 OK\r\n");
            assert!(begun, "{what}: {}", shown(&rest));
        }
        let path = format!("/api/v2/cut{i}");
        assert_eq!(world.eu.seen(&path).len(), 2, "asked again");
    }
    assert_eq!(world.end(), [""; 0]);
}
