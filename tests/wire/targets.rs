//! What a request may ask for: methods and targets.

use crate::harness::gateway::World;
use crate::harness::payload::Want::{Answered, Forwarded, Refused};
use crate::harness::payload::{Payload, Table, payload, run, target};

fn methods() -> Table {
    let ask = |want, method: &str| {
        payload(
            want,
            format!("{method} /api/v2/~~ HTTP/1.1\r\nHost: eu.test\r\n\r\n"),
        )
    };
    let mut payloads: Vec<Payload> = [
        "PROPFIND", "get", "Get", "PURGE", "PRI", "X", "GETT", "M-SEARCH",
    ]
    .iter()
    .map(|method| ask(Answered(501), method))
    .collect();
    payloads.extend([
        ask(Answered(405), "TRACE"),
        ask(Refused(405), "CONNECT"),
        payload(
            Refused(405),
            "CONNECT eu.test:443 HTTP/1.1\r\nHost: eu.test:443\r\n\r\n",
        ),
        payload(Answered(204), "OPTIONS * HTTP/1.1\r\nHost: eu.test\r\n\r\n"),
        payload(Refused(400), "GET * HTTP/1.1\r\nHost: eu.test\r\n\r\n"),
        payload(Refused(400), "OPTIONS *x HTTP/1.1\r\nHost: eu.test\r\n\r\n"),
        payload(
            Refused(400),
            "OPTIONS /* HTTP/1.1\r\nHost: eu.test, x\r\n\r\n",
        ),
    ]);
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
        payloads.push(ask(Forwarded(method, "/api/v2/~~", b""), method));
    }
    Table {
        protects: "a method is one of those that the application has",
        payloads,
    }
}

fn paths() -> Table {
    let mut payloads: Vec<Payload> = [
        "/.",
        "/..",
        "/api/v2/./~~",
        "/api/v2/../~~",
        "/api/v2/~~/..",
        "/%2e%2e/~~",
        "/%2E/~~",
        "/.%2e/~~",
        "/%2e./~~",
        "/api/v2/a%2f~~",
        "/api/v2/a%2F~~",
        "/api/v2/a%5c~~",
        "/api/v2/a%5C~~",
        "/api/v2/a\\~~",
        "\\api\\v2\\~~",
        "/api/v2/%00~~",
        "/api/v2/%0d%0a~~",
        "/api/v2/%09~~",
        "/api/v2/%1f~~",
        "/api/v2/%7f~~",
        "/api/v2/%~~",
        "/api/v2/%2",
        "/api/v2/%g0~~",
        "/api/v2/%u002e~~",
        "/api/v1/sec%FFret/~~",
        "/api/v2/%C0%AF~~",
        "/api/v2/%ED%A0%80~~",
        "/api/v2/~~%E2%82",
        "/api/v2/%BF~~",
        "/col%ffonel/~~",
        "/api/v2/~~#x",
        "/api/v2/~~?a#b",
        "#",
        "?",
        "/api/v2/<~~>",
        "/api/v2/\"~~",
        "/api/v2/\0~~",
        "/api/v2/\x0b~~",
        "/api/v2/\x7f~~",
        "/api/v2/\u{e9}~~",
        "/api/v2/~~?\u{e9}",
        "/api/v2/~~?\0",
        "/api/v2/~~?\x7f",
        "/api/v2/~~\u{a0}",
        "/api/v2/~~;/../x",
        "/api/v2/~~/%2e%2E/",
    ]
    .iter()
    .map(|path| target(Refused(400), path))
    .collect();
    for path in [
        "/api/v2/~~?a=b&c",
        "/api/v2/~~?",
        "/api/v2/~~??/../%2f%00%zz",
        "/api/v2/~~?q=https://x/../\\<>\"{}|^`",
        "/api/v2/~~?/smuggled%20HTTP/1.1%0d%0a",
    ] {
        payloads.push(target(Forwarded("GET", path, b""), path));
    }
    let long = format!("/api/v2/~~?{}", "a".repeat(13_000));
    let longest = format!("/api/v2/~~?{}", "a".repeat(40_000));
    payloads.extend([
        target(Refused(414), &long),
        target(Refused(414), &longest),
        // Encoded twice is encoded once for whoever decodes once, as the region does.
        target(Forwarded("GET", "/api/v2/~~", b""), "/api/v2/~~"),
    ]);
    Table {
        protects: "a path means one thing, or the request is refused; a query is passed untouched",
        payloads,
    }
}

#[test]
fn a_target_means_one_thing_or_is_refused() {
    let count = run(vec![methods(), paths()]);
    println!("{count} payloads");
    assert!(count >= 60, "only {count} payloads");
}

/// Paths that only look odd are passed as they are; the origin sees the very bytes.
#[test]
fn an_odd_path_is_passed_byte_for_byte() {
    let world = World::new();
    let paths = [
        "/api/v2/a%252f..",
        "/api/v2/%252e%252e/x",
        "/api/v2//x",
        "//api/v2/x",
        "/api/v2/...",
        "/api/v2/a;b=c",
        "/api/v2/%41%20%c3%a9",
        "/api/v2/a.b",
        "/api/v2/~a!$&'()*+,;=:@",
        "/",
        "/api/v2/x/",
        "/api/v2/[x]{y}|^`",
        "/api/v2/%25",
    ];
    let mut client = world.door.open();
    for path in paths {
        client.send(format!("GET {path} HTTP/1.1\r\nHost: eu.test\r\n\r\n").as_bytes());
        let answer = client.answer(false).expect(path);
        assert_eq!((answer.status(), answer.field("x-echo")), (200, Some(path)));
        assert_eq!(world.eu.seen(path).len(), 1, "{path}");
    }
    drop(client);
    assert_eq!(world.end(), [""; 0]);
}

/// An OPTIONS says how many more intermediaries it may pass; to none, it is answered here (RFC 9110
/// section 7.6.2). With other methods the field is the region's affair.
#[test]
fn an_options_passes_no_further_than_it_may() {
    let world = World::new();
    let mut client = world.door.open();
    for (i, (method, fields, status, seen)) in [
        ("OPTIONS", "Max-Forwards: 0", 204, None),
        ("OPTIONS", "max-forwards: 000", 204, None),
        ("OPTIONS", "Max-Forwards: 1", 200, Some("0")),
        ("OPTIONS", "Max-Forwards: 7", 200, Some("6")),
        (
            "OPTIONS",
            "Max-Forwards: 99999999999",
            200,
            Some("4294967294"),
        ),
        ("OPTIONS", "Accept: */*", 200, Some("")),
        ("OPTIONS", "Max-Forwards: -1", 400, None),
        ("OPTIONS", "Max-Forwards: 1, 0", 400, None),
        ("OPTIONS", "Max-Forwards: 1\r\nMax-Forwards: 0", 400, None),
        ("GET", "Max-Forwards: 0", 200, Some("0")),
    ]
    .into_iter()
    .enumerate()
    {
        let path = format!("/api/v2/far{i}");
        client.send(
            format!("{method} {path} HTTP/1.1\r\nHost: eu.test\r\n{fields}\r\n\r\n").as_bytes(),
        );
        let answer = client.answer(false).expect(fields);
        assert_eq!(answer.status(), status, "{method} {fields}");
        assert_eq!(answer.field("allow").is_some(), status == 204, "{fields}");
        let sent = world.eu.seen(&path);
        let far = sent
            .first()
            .map(|one| one.request.all("max-forwards").concat());
        assert_eq!(far.as_deref(), seen, "{method} {fields}");
        if status == 400 {
            client = world.door.open();
        }
    }
    drop(client);
    assert_eq!(world.end(), [""; 0]);
}
