//! Answers that try to be two, or none: what `answers` and `passing` do not hold yet, over both
//! protocols.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::harness::client::{Client, End};
use crate::harness::gateway::World;
use crate::harness::origin::{Script, Then};
use crate::harness::shown;

const OK: &str = "HTTP/1.1 200 OK\r\n";
const POISON: &str = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nX-Echo: poison\r\n\r\npoison";

fn ask(client: &mut Client, host: &str, path: &str) {
    client.send(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes());
}

/// What a status says of its body holds, whatever the fields say; the next answer is its own.
#[test]
fn a_status_without_a_body_has_none_whatever_follows() {
    let world = World::new();
    let chunks = "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n";
    for (i, (bytes, status, body)) in [
        (format!("HTTP/1.1 204 No Content\r\n{chunks}"), 204, ""),
        (format!("HTTP/1.1 304 Not Modified\r\n{chunks}"), 304, ""),
        (
            "HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nab".to_owned(),
            204,
            "",
        ),
        (
            "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\nab".to_owned(),
            204,
            "",
        ),
        // RFC 9110 gives 205 no body, but HTTP/1 frames one like any other.
        (
            "HTTP/1.1 205 Reset Content\r\nContent-Length: 2\r\n\r\nab".to_owned(),
            205,
            "ab",
        ),
        (
            "HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n".to_owned(),
            205,
            "",
        ),
        (
            format!("HTTP/1.1 206 Partial Content\r\n{chunks}"),
            206,
            "ab",
        ),
        (
            format!("{OK}Connection: Content-Length, Keep-Alive\r\nContent-Length: 2\r\n\r\nab"),
            200,
            "ab",
        ),
        (
            format!("{OK}Connection: Transfer-Encoding\r\n{chunks}"),
            200,
            "ab",
        ),
        (
            format!("{OK}Content_Length: 44\r\nContent-Length: 2\r\n\r\nab"),
            200,
            "ab",
        ),
        (
            format!("{OK}Upgrade: h2c\r\nTE: chunked\r\nTrailer: Content-Length\r\n{chunks}"),
            200,
            "ab",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let path = format!("/api/v2/status{i}");
        world.eu.script(&path, Script::says(&bytes, Then::Keep));
        let mut client = world.door.open();
        ask(&mut client, "eu.test", &path);
        ask(&mut client, "eu.test", "/api/v2/next");
        let answer = client.answer(false).expect(&bytes);
        assert_eq!(answer.status(), status, "{bytes:?}");
        assert_eq!(answer.body, body.as_bytes(), "{bytes:?}");
        for gone in ["upgrade", "te", "keep-alive", "connection"] {
            assert!(answer.all(gone).is_empty(), "{bytes:?}: {gone}");
        }
        let next = client.answer(false).expect(&bytes);
        assert_eq!(next.field("x-echo"), Some("/api/v2/next"), "{bytes:?}");
    }
    assert_eq!(world.end(), [""; 0]);
}

/// Whatever a region nominates in `Connection`, the client hears what the gateway says.
#[test]
fn a_region_cannot_nominate_away_what_the_gateway_says() {
    let world = World::new();
    let answer = format!(
        "{OK}Connection: O-Region, O-Region-Reason, O-Delivery, X-Request-ID, Via, Cache-Control, \
         Strict-Transport-Security, Date\r\nO-Region: forged\r\nO-Delivery: forged\r\n\
         Cache-Control: public\r\nStrict-Transport-Security: max-age=0\r\nVia: 1.0 forged\r\n\
         X-Request-ID: forged\r\nDate: forged\r\nContent-Length: 2\r\n\r\nab"
    );
    world
        .eu
        .script("/api/v2/own", Script::says(answer, Then::Keep));
    let mut client = world.door.open();
    ask(&mut client, "eu.test", "/api/v2/own");
    let answer = client.answer(false).expect("an answer");
    assert_eq!(answer.field("o-region"), Some("eu"));
    assert_eq!(answer.field("o-delivery"), Some("executed"));
    assert_eq!(answer.field("cache-control"), Some("no-store"));
    assert!(
        answer
            .field("date")
            .is_some_and(|date| date.ends_with("GMT"))
    );
    let hsts = answer.field("strict-transport-security");
    assert!(hsts.is_some_and(|hsts| hsts != "max-age=0"), "{hsts:?}");
    assert!(!format!("{answer:?}").contains("forged"), "{answer:?}");
    drop(client);
    assert_eq!(world.end(), [""; 0]);
}

/// An informational answer brings nothing but what it is for.
#[test]
fn an_informational_answer_brings_no_field_that_frames_or_sets() {
    let world = World::new();
    let hostile = "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n";
    for (i, head) in [
        "HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\nSet-Cookie: a=b\r\nLink: </a>\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\nConnection: close\r\nO-Region: forged\r\nLink: </a>\r\n\r\n",
        "HTTP/1.1 102 Processing\r\nTransfer-Encoding: chunked\r\nLink: </a>\r\n\r\n",
        "HTTP/1.1 199 Odd\r\nUpgrade: x\r\nLocation: https://forged/\r\n\r\n",
        "HTTP/1.0 100 Continue\r\nConnection: close\r\n\r\n",
    ]
    .iter()
    .enumerate()
    {
        let path = format!("/api/v2/info{i}");
        let bytes = format!("{head}{OK}Content-Length: 2\r\n\r\nab");
        world.eu.script(&path, Script::says(bytes, Then::Keep));
        let mut client = world.door.open();
        ask(&mut client, "eu.test", &path);
        let first = client.answer(false).expect(head);
        assert!(first.status() < 200, "{head:?}");
        for (name, _) in &first.fields {
            assert_eq!((name.as_str(), first.status()), ("link", 103), "{head:?}");
        }
        let answer = client.answer(false).expect(head);
        assert_eq!((answer.status(), answer.body.as_slice()), (200, &b"ab"[..]));
        ask(&mut client, "eu.test", "/api/v2/next");
        assert_eq!(client.answer(false).expect("the next").status(), 200);
    }
    // Framed twice is framed wrongly, whoever says it.
    let bytes = format!("HTTP/1.1 103 Early Hints\r\n{hostile}\r\n{OK}Content-Length: 2\r\n\r\nab");
    world
        .eu
        .script("/api/v2/twice", Script::says(bytes, Then::Keep));
    let mut client = world.door.open();
    ask(&mut client, "eu.test", "/api/v2/twice");
    assert_eq!(client.answer(false).expect("a refusal").status(), 502);
    assert_eq!(world.end(), [""; 0]);
}

/// Extensions and trailers without end, sizes beyond reason: a broken answer, never a whole one.
#[test]
fn an_answer_whose_chunks_go_beyond_reason_is_a_broken_one() {
    let world = World::new();
    let long = "a".repeat(300);
    let bomb = format!("X: {}\r\n", "a".repeat(500)).repeat(10);
    for (i, rest) in [
        format!("2\r\nab\r\n2;{long}\r\nab\r\n0\r\n\r\n"),
        format!("2\r\nab\r\n{}2\r\nab\r\n0\r\n\r\n", "0".repeat(300)),
        format!("2\r\nab\r\n0\r\n{bomb}\r\n"),
        "2\r\nab\r\nffffffffffffffff\r\nab".to_owned(),
        "2\r\nab\r\n2\r\nab\n0\r\n\r\n".to_owned(),
        "2\r\nab\r\n2;\nab\r\n0\r\n\r\n".to_owned(),
        "2\r\nab\r\n2\r\nab\r0\r\n\r\n".to_owned(),
        "2\r\nab\r\n0\r\nX: y\rSet-Cookie: a=b\r\n\r\n".to_owned(),
        format!("2\r\nab\r\n0\r\n{POISON}"),
    ]
    .into_iter()
    .enumerate()
    {
        let path = format!("/api/v2/chunks{i}");
        let bytes = format!("{OK}Transfer-Encoding: chunked\r\n\r\n{rest}");
        world.eu.script(&path, Script::says(bytes, Then::Hold));
        let mut client = world.door.open();
        ask(&mut client, "eu.test", &path);
        assert!(client.answer(false).is_err(), "{}", shown(rest.as_bytes()));
        assert_eq!(client.rest().1, End::Broken, "{}", shown(rest.as_bytes()));
    }
    assert_eq!(world.end(), [""; 0]);
}

/// Over TLS, an end that nobody announced is a cut, wherever the body's end was to be the end.
#[test]
fn an_answer_that_ends_without_a_word_through_tls_is_a_broken_one() {
    let world = World::new();
    for (i, (rest, then)) in [
        ("\r\nabc", Then::Cut),
        ("\r\n", Then::Cut),
        ("Content-Length: 5\r\n\r\nabc", Then::Cut),
        ("Content-Length: 5\r\n\r\nabc", Then::Close),
        (
            "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n",
            Then::Cut,
        ),
    ]
    .into_iter()
    .enumerate()
    {
        for version in ["HTTP/1.1", "HTTP/1.0"] {
            let path = format!("/api/v2/silent{i}{}", &version[7..]);
            world
                .tls
                .script(&path, Script::says(format!("{OK}{rest}"), then));
            let mut client = world.door.open();
            client.send(format!("GET {path} {version}\r\nHost: tls.test\r\n\r\n").as_bytes());
            let answer = client.answer(false);
            assert!(answer.is_err(), "{version} {rest:?}: {answer:?}");
            assert_eq!(client.rest().1, End::Broken, "{version} {rest:?}");
        }
    }
    // Announced, it is an end like any other.
    world.tls.script(
        "/api/v2/said",
        Script::says(format!("{OK}\r\nabc"), Then::Close),
    );
    let mut client = world.door.open();
    ask(&mut client, "tls.test", "/api/v2/said");
    assert_eq!(client.answer(false).expect("an answer").body, b"abc");
    drop(client);
    assert_eq!(world.end(), [""; 0]);
}

/// What a region says on a connection that is at rest answers nothing.
#[test]
fn what_comes_unasked_on_a_kept_connection_reaches_nobody() {
    let world = World::new();
    for (i, bytes) in [
        POISON,
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        "\r\n",
        "x",
    ]
    .iter()
    .enumerate()
    {
        let (path, next) = (format!("/api/v2/rest{i}"), format!("/api/v2/next{i}"));
        let mut client = world.door.open();
        ask(&mut client, "eu.test", &path);
        assert_eq!(client.answer(false).expect(&path).status(), 200);
        world.eu.blurt(bytes.as_bytes());
        ask(&mut client, "eu.test", &next);
        let answer = client.answer(false).expect(&next);
        assert_eq!(answer.field("x-echo"), Some(next.as_str()), "{bytes:?}");
        let (before, after) = (world.eu.seen(&path), world.eu.seen(&next));
        assert_eq!((before.len(), after.len()), (1, 1));
        assert_ne!(before[0].connection, after[0].connection, "{bytes:?}");
    }
    assert_eq!(world.end(), [""; 0]);
}

/// What has no place in HTTP/2 does not get there: a strict client would reset the stream.
#[tokio::test]
async fn an_answer_over_http_2_has_nothing_of_http_1() {
    let world = World::new();
    let hostile = "Connection: X-Hop, close\r\nX-Hop: y\r\nKeep-Alive: timeout=5\r\n\
         Proxy-Connection: close\r\nUpgrade: h2c\r\nTE: gzip\r\nX-UPPER: Kept\r\n\
         O-Region: forged\r\nSet-Cookie: a=b\r\nset-cookie: c=d\r\n";
    let cases = [
        (
            format!("HTTP/1.1 103 Early Hints\r\n\r\n{OK}{hostile}Content-Length: 2\r\n\r\nab"),
            200,
            "ab",
        ),
        (
            format!(
                "{OK}{hostile}Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nX-Sum: 1\r\nConnection: x\r\n\r\n"
            ),
            200,
            "ab",
        ),
        (format!("{OK}{hostile}\r\nab"), 200, "ab"),
        (format!("HTTP/1.1 204 No Content\r\n{hostile}\r\n"), 204, ""),
        (
            format!("HTTP/1.1 304 Not Modified\r\n{hostile}Content-Length: 70\r\n\r\n"),
            304,
            "",
        ),
        (
            format!("HTTP/1.1 205 Reset Content\r\n{hostile}Content-Length: 0\r\n\r\n"),
            205,
            "",
        ),
    ];
    let socket = TcpStream::connect(world.door.address)
        .await
        .expect("a door");
    let name = ServerName::try_from("eu.test").expect("a name");
    let tls = TlsConnector::from(Arc::clone(world.door.tls_h2()));
    let stream = tls.connect(name, socket).await.expect("a handshake");
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .expect("HTTP/2");
    let connection = tokio::spawn(connection);
    for (i, (bytes, status, body)) in cases.into_iter().enumerate() {
        let path = format!("/api/v2/h2x{i}");
        let then = if bytes.contains("\r\n\r\nab") && !bytes.contains("Content-Length") {
            Then::Close
        } else {
            Then::Keep
        };
        world.eu.script(&path, Script::says(&bytes, then));
        let request = http::Request::get(format!("https://eu.test{path}"))
            .body(Empty::<Bytes>::new())
            .expect("a request");
        let answer = sender.send_request(request).await.expect(&bytes);
        assert_eq!(answer.status().as_u16(), status, "{bytes:?}");
        let headers = answer.headers().clone();
        let whole = answer.into_body().collect().await.expect(&bytes);
        if let Some(trailers) = whole.trailers() {
            assert_eq!(trailers.len(), 1, "{trailers:?}");
        }
        assert_eq!(whole.to_bytes(), body, "{bytes:?}");
        for gone in [
            "connection",
            "keep-alive",
            "proxy-connection",
            "transfer-encoding",
            "upgrade",
            "te",
            "x-hop",
        ] {
            assert!(!headers.contains_key(gone), "{gone}: {headers:?}");
        }
        assert_eq!(headers["x-upper"], "Kept");
        assert_eq!(headers["o-region"], "eu");
        assert_eq!(headers.get_all("set-cookie").iter().count(), 2);
    }
    drop(sender);
    connection.await.expect("a task").expect("a clean end");
    assert_eq!(world.end(), [""; 0]);
}

/// A region that has once said something unasked is an answer behind from then on: as long as its
/// connection is busy, each caller would be given what was meant for the one before.
#[test]
fn an_answer_that_names_an_earlier_request_reaches_nobody() {
    let world = World::with_server("trusted_proxies = [\"127.0.0.0/8\"]");
    let answer = |named: &str, body: &str| {
        let length = body.len();
        let bytes = format!("{OK}{named}Content-Length: {length}\r\n\r\n{body}");
        Script::says(bytes, Then::Keep)
    };
    let one = "x-request-id: one\r\n";
    for (i, (method, first, second, status)) in [
        ("POST", "", one, 502),
        ("GET", "", one, 502),
        ("HEAD", "", one, 502),
        // Twice the same answer: a cache in front of the region may do so, but not to a POST.
        ("POST", one, one, 502),
        ("GET", one, one, 200),
        ("POST", one, "X-Request-Id: two\r\n", 200),
        ("POST", "", "", 200),
        ("POST", one, "X-Request-ID: its-own\r\n", 200),
    ]
    .into_iter()
    .enumerate()
    {
        let paths = ["one", "two", "three"].map(|id| format!("/api/v2/behind{i}/{id}"));
        world.eu.script(&paths[0], answer(first, "unasked"));
        let body = if method == "HEAD" { "" } else { "of one" };
        world.eu.script(&paths[1], answer(second, body));
        let mut client = world.door.open();
        let mut ask = |method: &str, path: &str| {
            let id = path.rsplit('/').next().expect("an id");
            client.send(
                format!("{method} {path} HTTP/1.1\r\nHost: eu.test\r\nX-Request-ID: {id}\r\n\r\n")
                    .as_bytes(),
            );
            client.answer(method == "HEAD").expect(path)
        };
        assert_eq!(ask("POST", &paths[0]).status(), 200);
        let got = ask(method, &paths[1]);
        assert_eq!(got.status(), status, "{method} {first:?} {second:?}");
        assert_eq!(got.field("x-request-id"), Some("two"));
        let told = String::from_utf8_lossy(&got.body);
        assert_eq!(told.contains("of one"), status == 200, "{told}");
        if status == 502 {
            assert_eq!(got.field("o-delivery"), Some("maybe-executed"));
        }
        assert_eq!(
            ask("GET", &paths[2]).field("x-echo"),
            Some(paths[2].as_str())
        );
        let on = paths.map(|path| world.eu.seen(&path)[0].connection);
        assert_eq!((on[0] == on[1], on[1] == on[2]), (true, status == 200));
    }
    assert_eq!(world.end(), [""; 0]);
}
