//! Answers that are odd but honest, and bytes behind an answer that nobody asked for.

use crate::harness::client::{Client, End};
use crate::harness::gateway::World;
use crate::harness::origin::{Script, Then};

const OK: &str = "HTTP/1.1 200 OK\r\n";
const POISON: &str = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nX-Echo: poison\r\n\r\npoison";

fn ask(client: &mut Client, host: &str, path: &str) {
    client.send(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes());
}

/// Status, bytes, and what the client must get of them.
fn honest() -> Vec<(u16, String, Then, String)> {
    let large = "x".repeat(1_000_000);
    let chunks = format!(
        "{}0\r\n\r\n",
        format!("1000\r\n{}\r\n", "x".repeat(4096)).repeat(100)
    );
    let mut all: Vec<(u16, String, Then, String)> = [
        ("Content-Length: 2\r\n\r\nab", Then::Keep, "ab"),
        (
            "Content-Length: 2\r\nConnection: close\r\n\r\nab",
            Then::Close,
            "ab",
        ),
        ("content-length:002\r\n\r\nab", Then::Keep, "ab"),
        ("Content-Length: 0\r\n\r\n", Then::Keep, ""),
        (
            "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
            Then::Keep,
            "ab",
        ),
        (
            "transfer-encoding: CHUNKED\r\n\r\n02;x=y\r\nab\r\n000\r\nX: y\r\n\r\n",
            Then::Keep,
            "ab",
        ),
        ("\r\nab", Then::Close, "ab"),
        ("Connection: keep-alive\r\n\r\nab", Then::Close, "ab"),
        (
            "X:\r\nY: caf\u{e9}\r\nContent-Length: 2\r\n\r\nab",
            Then::Keep,
            "ab",
        ),
    ]
    .iter()
    .map(|(rest, then, body)| (200, format!("{OK}{rest}"), *then, (*body).to_owned()))
    .collect();
    let ab = || "ab".to_owned();
    all.extend([
        (
            200,
            format!("{OK}Content-Length: 1000000\r\n\r\n{large}"),
            Then::Keep,
            large.clone(),
        ),
        (200, format!("{OK}\r\n{large}"), Then::Close, large),
        (
            200,
            format!("{OK}Transfer-Encoding: chunked\r\n\r\n{chunks}"),
            Then::Keep,
            "x".repeat(409_600),
        ),
        (
            200,
            format!(
                "{OK}X: {}\r\nContent-Length: 2\r\n\r\nab",
                "y".repeat(60_000)
            ),
            Then::Keep,
            ab(),
        ),
        (
            200,
            "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nab".to_owned(),
            Then::Close,
            ab(),
        ),
        (
            200,
            "HTTP/1.0 200 OK\r\n\r\nab".to_owned(),
            Then::Close,
            ab(),
        ),
        (
            200,
            "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nab".to_owned(),
            Then::Keep,
            ab(),
        ),
        (
            200,
            "HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nab".to_owned(),
            Then::Keep,
            ab(),
        ),
        (
            200,
            "HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nab".to_owned(),
            Then::Keep,
            ab(),
        ),
        (
            204,
            "HTTP/1.1 204 No Content\r\n\r\n".to_owned(),
            Then::Keep,
            String::new(),
        ),
        (
            204,
            "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n".to_owned(),
            Then::Keep,
            String::new(),
        ),
        (
            304,
            "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n".to_owned(),
            Then::Keep,
            String::new(),
        ),
        (
            599,
            "HTTP/1.1 599 Odd\r\nContent-Length: 2\r\n\r\nab".to_owned(),
            Then::Keep,
            ab(),
        ),
    ]);
    all
}

#[test]
fn an_honest_answer_reaches_the_client_byte_for_byte() {
    let world = World::new();
    let mut client = world.door.open();
    for (i, (status, bytes, then, body)) in honest().into_iter().enumerate() {
        let path = format!("/api/v2/fine{i}");
        world.eu.script(&path, Script::says(&bytes, then));
        ask(&mut client, "eu.test", &path);
        let what = &bytes[..bytes.len().min(200)];
        let answer = client.answer(false).expect(what);
        assert_eq!(answer.status(), status, "{what}");
        assert_eq!(answer.field("o-delivery"), Some("executed"), "{what}");
        assert!(answer.body == body.as_bytes(), "{what}");
        assert_eq!(world.eu.seen(&path).len(), 1);
    }
    drop(client);
    assert_eq!(world.end(), [""; 0]);
}

#[test]
fn informational_answers_come_before_the_final_one_and_storms_do_not() {
    let world = World::new();
    let bytes = format!(
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\nX: y\r\n\r\n\
         {OK}Content-Length: 2\r\n\r\nab"
    );
    world
        .eu
        .script("/api/v2/hints", Script::says(bytes, Then::Keep));
    let mut client = world.door.open();
    ask(&mut client, "eu.test", "/api/v2/hints");
    let answers: Vec<_> = (0..3)
        .map(|_| client.answer(false).expect("an answer"))
        .collect();
    assert_eq!(
        answers
            .iter()
            .map(|answer| answer.status())
            .collect::<Vec<_>>(),
        [100, 103, 200]
    );
    assert_eq!(
        (answers[1].field("link"), answers[1].field("x")),
        (Some("</a>"), None)
    );
    // Never to an old client (RFC 9110 section 15.2).
    client.send(b"GET /api/v2/hints HTTP/1.0\r\nHost: eu.test\r\n\r\n");
    assert_eq!(client.answer(false).expect("an answer").status(), 200);
    assert_eq!(client.rest(), (Vec::new(), End::Clean));
    assert_eq!(world.end(), [""; 0]);
}

#[test]
fn an_answer_split_anywhere_is_the_same_answer() {
    let world = World::new();
    let bytes = format!(
        "HTTP/1.1 103 Early Hints\r\n\r\n{OK}X: y\r\nTransfer-Encoding: chunked\r\n\r\n\
         2\r\nab\r\n3;x\r\ncde\r\n0\r\nX-Sum: 1\r\nHost: forged\r\n\r\n"
    );
    let mut script = Script::says("", Then::Keep);
    script.pieces = bytes.bytes().map(|byte| vec![byte]).collect();
    world.eu.script("/api/v2/each", script.clone());
    for at in 1..bytes.len() {
        let (a, b) = bytes.as_bytes().split_at(at);
        script.pieces = vec![a.to_vec(), b.to_vec()];
        world.eu.script(&format!("/api/v2/at{at}"), script.clone());
    }
    let mut client = world.door.open();
    let paths = (1..bytes.len()).map(|at| format!("/api/v2/at{at}"));
    for path in paths.chain(["/api/v2/each".to_owned()]) {
        ask(&mut client, "eu.test", &path);
        assert_eq!(client.answer(false).expect(&path).status(), 103, "{path}");
        let answer = client.answer(false).expect(&path);
        assert_eq!(
            (answer.status(), answer.body),
            (200, b"abcde".to_vec()),
            "{path}"
        );
        assert_eq!(answer.trailers, ["X-Sum: 1"], "{path}");
    }
    drop(client);
    assert_eq!(world.end(), [""; 0]);
}

/// Bytes behind an answer are nobody's: whoever asks next must not get them.
#[test]
fn bytes_behind_an_answer_never_reach_the_next_client() {
    let world = World::new();
    for (i, answer) in [
        "Content-Length: 2\r\n\r\nab",
        "Content-Length: 0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n\r\n",
    ]
    .iter()
    .enumerate()
    {
        for (j, extra) in [
            POISON,
            "\r\n",
            "x",
            "\0",
            "0\r\n\r\n",
            "HTTP/1.1 100 Continue\r\n\r\n",
        ]
        .iter()
        .enumerate()
        {
            let path = format!("/api/v2/extra{i}x{j}");
            world.eu.script(
                &path,
                Script::says(format!("{OK}{answer}{extra}"), Then::Keep),
            );
            let mut client = world.door.open();
            ask(&mut client, "eu.test", &path);
            // The next request waits already when the answer ends.
            let next = format!("{path}-next");
            ask(&mut client, "eu.test", &next);
            assert_eq!(client.answer(false).expect(&path).status(), 200);
            let answer = client.answer(false).expect(&path);
            assert_eq!(answer.field("x-echo"), Some(next.as_str()));
            assert_ne!(
                world.eu.seen(&path)[0].connection,
                world.eu.seen(&next)[0].connection,
                "{path}"
            );
        }
    }
    for (path, head) in [
        ("/api/v2/none", "HTTP/1.1 204 No Content\r\n\r\n"),
        (
            "/api/v2/same",
            "HTTP/1.1 304 Not Modified\r\nContent-Length: 70\r\n\r\n",
        ),
    ] {
        world
            .eu
            .script(path, Script::says(format!("{head}{POISON}"), Then::Keep));
        let mut client = world.door.open();
        ask(&mut client, "eu.test", path);
        ask(&mut client, "eu.test", "/api/v2/after");
        assert!(client.answer(false).expect(path).status() < 305);
        assert_eq!(
            client.answer(false).expect(path).field("x-echo"),
            Some("/api/v2/after")
        );
    }
    assert_eq!(world.end(), [""; 0]);
}

/// With TLS, they can lie decrypted where no socket tells of them.
#[test]
fn bytes_behind_an_answer_never_reach_the_next_client_through_tls_either() {
    let world = World::new();
    for size in [2_usize, 4096, 16_383, 16_384, 16_385, 32_768, 40_000] {
        let path = format!("/api/v2/tls{size}");
        let head = format!("{OK}Content-Length: ");
        // The whole answer is `size` bytes long, where it can be.
        let digits = size.to_string().len();
        let length = size.saturating_sub(head.len() + digits + 4).max(2);
        let first = format!("{head}{length:0digits$}\r\n\r\n{}", "x".repeat(length));
        world
            .tls
            .script(&path, Script::says(format!("{first}{POISON}"), Then::Keep));
        let mut client = world.door.open();
        ask(&mut client, "tls.test", &path);
        let next = format!("{path}-next");
        ask(&mut client, "tls.test", &next);
        assert_eq!(client.answer(false).expect(&path).body.len(), length);
        let answer = client.answer(false).expect(&path);
        assert_eq!(answer.field("x-echo"), Some(next.as_str()), "{size}");
    }
    assert_eq!(world.end(), [""; 0]);
}

/// Builds change the names of assets, not their content; everything else is for its caller alone.
#[test]
fn only_assets_may_be_stored_by_caches() {
    let world = World::new();
    let mut client = world.door.open();
    for (path, answer, no_store) in [
        (
            "/dist/assets/main.a1.js",
            "200 OK\r\nContent-Length: 2\r\n\r\nab",
            false,
        ),
        (
            "/dist/assets/b.css",
            "206 Partial Content\r\nContent-Length: 2\r\n\r\nab",
            false,
        ),
        (
            "/dist/assets/c.css",
            "304 Not Modified\r\nETag: \"x\"\r\n\r\n",
            false,
        ),
        (
            "/dist/assets/d.js",
            "404 Not Found\r\nContent-Length: 0\r\n\r\n",
            true,
        ),
        (
            "/dist/assets/e.js",
            "500 No\r\nContent-Length: 0\r\n\r\n",
            true,
        ),
        (
            "/dist/assets/f.js",
            "200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n",
            true,
        ),
        ("/dist", "200 OK\r\nContent-Length: 0\r\n\r\n", true),
        (
            "/api/v2/status",
            "200 OK\r\nContent-Length: 0\r\n\r\n",
            true,
        ),
        ("/api/v2/version", "304 Not Modified\r\n\r\n", true),
        ("/page", "200 OK\r\nContent-Length: 0\r\n\r\n", true),
    ] {
        world
            .eu
            .script(path, Script::says(format!("HTTP/1.1 {answer}"), Then::Keep));
        ask(&mut client, "eu.test", path);
        let answer = client.answer(false).expect(path);
        let expected = no_store.then_some("no-store");
        assert_eq!(answer.field("cache-control"), expected, "{path}");
    }
    drop(client);
    assert_eq!(world.end(), [""; 0]);
}

#[test]
fn a_region_speaks_neither_for_the_gateway_nor_for_the_host() {
    let world = World::new();
    let bytes = format!(
        "{OK}Proxy-Status: onetime-gateway; error=dns_error\r\nProxy-Status: caddy\r\n\
         Alt-Svc: h3=\":443\"; ma=2592000\r\nClear-Site-Data: \"*\"\r\nTrailer: Proxy-Status\r\n\
         Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\
         Proxy-Status: onetime-gateway\r\nAlt-Svc: clear\r\nX-Sum: 1\r\n\r\n"
    );
    world
        .eu
        .script("/api/v2/own", Script::says(bytes, Then::Keep));
    for (host, clears) in [("onetime.test", None), ("eu.test", Some("\"*\""))] {
        let mut client = world.door.open();
        client.send(
            format!(
                "GET /api/v2/own HTTP/1.1\r\nHost: {host}\r\nO-Region: eu\r\nTE: trailers\r\n\r\n"
            )
            .as_bytes(),
        );
        let answer = client.answer(false).expect(host);
        assert_eq!(answer.field("proxy-status"), Some("caddy"), "{host}");
        assert_eq!(answer.field("alt-svc"), None, "{host}");
        assert_eq!(answer.field("clear-site-data"), clears, "{host}");
        assert_eq!(answer.body, b"ab");
    }
    assert_eq!(world.end(), [""; 0]);
}

#[test]
fn no_client_tells_a_region_where_it_is() {
    let world = World::new();
    let forged = [
        "CloudFront-Viewer-Country",
        "X-Country-Code",
        "Country-Code",
        "X-Akamai-Edgescape",
        "Fastly-Client-IP-Country",
        "X-Azure-ClientIP-Country",
        "X-Vercel-IP-Country",
        "X-Geo-Country",
        "X-AppEngine-Country",
        "Fly-Client-IP",
        "X-Envoy-External-Address",
        "WL-Proxy-Client-IP",
        "Baggage",
    ];
    let lines: String = forged
        .iter()
        .map(|name| format!("{name}: CH\r\n"))
        .collect();
    world.eu.script(
        "/api/v2/where",
        Script::says(format!("{OK}Content-Length: 0\r\n\r\n"), Then::Keep),
    );
    let mut client = world.door.open();
    client.send(
        format!(
            "POST /api/v2/where HTTP/1.1\r\nHost: eu.test\r\nX-Kept: 1\r\n{lines}\
             Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-Also: 1\r\n{lines}\r\n"
        )
        .as_bytes(),
    );
    assert_eq!(client.answer(false).expect("an answer").status(), 200);
    let seen = world.eu.seen("/api/v2/where");
    let request = &seen[0].request;
    assert_eq!(request.field("x-kept"), Some("1"));
    for name in forged {
        assert_eq!(request.field(&name.to_lowercase()), None, "{name}");
    }
    let raw = format!("{request:?}").to_lowercase();
    assert!(
        !raw.contains("country") && !raw.contains("baggage"),
        "{raw}"
    );
    drop(client);
    assert_eq!(world.end(), [""; 0]);
}
