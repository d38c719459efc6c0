//! What a request's head may say: lines, names, values, hosts, and the fields that forge.

use crate::harness::payload::Want::{Answered, Forwarded, Last, Refused};
use crate::harness::payload::{Payload, Table, Want, get, payload, post, run};

const FINE: Want = Forwarded("GET", "/api/v2/~~", b"");

fn raw(want: Want, bytes: impl AsRef<[u8]>) -> Payload {
    payload(want, bytes)
}

fn lines() -> Table {
    let mut payloads: Vec<Payload> = [
        "GET /api/v2/~~ HTTP/1.1\nHost: eu.test\n\n",
        "GET /api/v2/~~ HTTP/1.1\nHost: eu.test\r\n\r\n",
        "GET /api/v2/~~ HTTP/1.1\r\nHost: eu.test\n\r\n",
        "GET /api/v2/~~ HTTP/1.1\r\nHost: eu.test\r\n\n",
        "GET /api/v2/~~ HTTP/1.1\rHost: eu.test\r\n\r\n",
        "GET /api/v2/~~ HTTP/1.1\r\nHost: eu.test\r\r\n\r\n",
        "GET /api/v2/~~ HTTP/1.1\r\r\nHost: eu.test\r\n\r\n",
        "GET /api/v2/~~ HTTP/1.1\r\nHost: eu.test\r\n\r\r\n\r\n",
        "GET /api/v2/~~ HTTP/1.1\r\nHost: eu.test\r\nX: a\rb\r\n\r\n",
        "GET /api/v2/~~ HTTP/1.1\r\nHost: eu.test\r\nX: a\nb: c\r\n\r\n",
        "GET /api/v2/~~ HTTP/1.1\r\nHost: eu.test\r\nX: a\r\n b\r\n\r\n",
        "GET /api/v2/~~ HTTP/1.1\r\nHost: eu.test\r\nX: a\r\n\tb\r\n\r\n",
        "GET /api/v2/~~ HTTP/1.1\r\nHost: eu.test\r\nX:\r\n \r\n\r\n",
        "GET /api/v2/~~ HTTP/1.1\r\n Host: eu.test\r\n\r\n",
        "GET /api/v2/~~ HTTP/1.1\r\n\tHost: eu.test\r\n\r\n",
        "GET /api/v2/~~ HTTP/1.1\r\n X: y\r\nHost: eu.test\r\n\r\n",
        "\nGET /api/v2/~~ HTTP/1.1\r\nHost: eu.test\r\n\r\n",
        "\r\n\r\n\r\nGET /api/v2/~~ HTTP/1.1\r\nHost: eu.test\r\n\r\n",
        " GET /api/v2/~~ HTTP/1.1\r\nHost: eu.test\r\n\r\n",
        "\0GET /api/v2/~~ HTTP/1.1\r\nHost: eu.test\r\n\r\n",
        "GET  /api/v2/~~ HTTP/1.1\r\nHost: eu.test\r\n\r\n",
        "GET\t/api/v2/~~ HTTP/1.1\r\nHost: eu.test\r\n\r\n",
        "GET /api/v2/~~  HTTP/1.1\r\nHost: eu.test\r\n\r\n",
        "GET /api/v2/~~\tHTTP/1.1\r\nHost: eu.test\r\n\r\n",
        "GET /api/v2/~~ HTTP/1.1 \r\nHost: eu.test\r\n\r\n",
        "GET /api/v2/~~ x HTTP/1.1\r\nHost: eu.test\r\n\r\n",
        "GET /api/v2/~~\r\nHost: eu.test\r\n\r\n",
        "GET /api/v2/~~\r\n\r\n",
        "/api/v2/~~ HTTP/1.1\r\nHost: eu.test\r\n\r\n",
        "G\0T /api/v2/~~ HTTP/1.1\r\nHost: eu.test\r\n\r\n",
        "G:T /api/v2/~~ HTTP/1.1\r\nHost: eu.test\r\n\r\n",
        "G\u{c9}T /api/v2/~~ HTTP/1.1\r\nHost: eu.test\r\n\r\n",
        "GET\x0b/api/v2/~~ HTTP/1.1\r\nHost: eu.test\r\n\r\n",
        "HTTP/1.1 200 OK\r\nHost: eu.test\r\n\r\n",
    ]
    .iter()
    .map(|bytes| raw(Refused(400), bytes))
    .collect();
    for version in [
        "HTTP/1.2",
        "HTTP/2.0",
        "HTTP/0.9",
        "HTTP/1.",
        "HTTP/11.1",
        "HTTP/1.1.1",
        "http/1.1",
        "HTTP/1,1",
        "HTTPS/1.1",
        "HTTP /1.1",
        "ICY/1.1",
        "HTTP/01.1",
    ] {
        // A version that is well-formed is another matter than a word that is none.
        let known = matches!(version, "HTTP/1.2" | "HTTP/2.0" | "HTTP/0.9");
        let status = if known { 505 } else { 400 };
        payloads.push(raw(
            Refused(status),
            format!("GET /api/v2/~~ {version}\r\nHost: eu.test\r\n\r\n"),
        ));
    }
    payloads.extend([
        raw(Refused(505), "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        raw(FINE, "\r\nGET /api/v2/~~ HTTP/1.1\r\nHost: eu.test\r\n\r\n"),
        raw(
            FINE,
            "\r\n\r\nGET /api/v2/~~ HTTP/1.1\r\nHost: eu.test\r\n\r\n",
        ),
    ]);
    Table {
        protects: "lines end in CRLF and nothing else does; a request line has three parts",
        payloads,
    }
}

fn fields() -> Table {
    let mut payloads: Vec<Payload> = [
        "X : y",
        "X\t: y",
        ": y",
        " : y",
        "X",
        "X y",
        "X;y: z",
        "X y: z",
        "X/y: z",
        "X(y): z",
        "X\0: y",
        "X\x01: y",
        "X\x7f: y",
        "X\u{e9}: y",
        "X@: y",
        "X[]: y",
        "\"X\": y",
        "X,Y: z",
        "X=Y: z",
        "{X}: y",
        "X: \0",
        "X: a\0b",
        "X: a\x01b",
        "X: a\x08b",
        "X: a\x0bb",
        "X: a\x0cb",
        "X: a\x1bb",
        "X: a\x1fb",
        "X: a\x7fb",
    ]
    .iter()
    .map(|line| get(Refused(400), &format!("{line}\r\n")))
    .collect();
    let long = "a".repeat(40_000);
    payloads.extend([
        get(Refused(431), &format!("X: {long}\r\n")),
        get(Refused(431), &format!("{long}: y\r\n")),
        get(Refused(431), &"X: y\r\n".repeat(100)),
        get(Refused(431), &"X: y\r\n".repeat(2000)),
        get(
            Refused(431),
            &format!("X: {}\r\n", "a".repeat(300)).repeat(120),
        ),
        get(FINE, "X:\r\nY: \r\nZ: \t \r\n"),
        get(FINE, "X: a\tb\r\n"),
        get(FINE, "X: (a), \"b\\\"\" {}[]@:;?\r\n"),
        get(FINE, "X: caf\u{e9}\r\n"),
        get(FINE, "!#$%&'*+-.^`|~09az: y\r\n"),
        get(FINE, &"X: y\r\n".repeat(99)),
        get(FINE, &format!("X: {}\r\n", "a".repeat(30_000))),
    ]);
    Table {
        protects: "a field is a token, a colon and printable text; there are not too many",
        payloads,
    }
}

fn hosts() -> Table {
    let host =
        |want: Want, lines: &str| raw(want, format!("GET /api/v2/~~ HTTP/1.1\r\n{lines}\r\n"));
    let mut payloads: Vec<Payload> = [
        "",
        "Host:\r\n",
        "Host: \r\n",
        "Host: eu.test\r\nHost: eu.test\r\n",
        "Host: eu.test\r\nhost: us.test\r\n",
        "Host:\r\nHost: eu.test\r\n",
        "Host: eu.test, us.test\r\n",
        "Host: eu.test,eu.test\r\n",
        "Host: a@eu.test\r\n",
        "Host: eu.test@us.test\r\n",
        "Host: eu.test:x\r\n",
        "Host: eu.test:443x\r\n",
        "Host: eu.test:-1\r\n",
        "Host: eu.test:99999\r\n",
        "Host: eu.test:443:443\r\n",
        "Host: eu.test:443@us.test\r\n",
        "Host: eu.test/x\r\n",
        "Host: eu.test?x\r\n",
        "Host: eu.test#x\r\n",
        "Host: eu.test us.test\r\n",
        "Host: eu.test\tus.test\r\n",
        "Host: eu..test\r\n",
        "Host: .eu.test\r\n",
        "Host: eu.test..\r\n",
        "Host: https://eu.test\r\n",
        "Host: eu%2etest\r\n",
        "Host: \"eu.test\"\r\n",
        "Host: eu.test\\us.test\r\n",
        "Host: [::1\r\n",
        "Host: [eu.test]\r\n",
        "Host: eu.test\0\r\n",
        "Host: \u{fb01}.test\r\n",
        "Host : eu.test\r\n",
        "X-Forwarded-Host: eu.test\r\n",
    ]
    .iter()
    .map(|lines| host(Refused(400), lines))
    .collect();
    for (target, named) in [
        ("https://us.test/api/v2/~~", "eu.test"),
        ("https://eu.test/api/v2/~~", "us.test"),
        ("https://eu.test:8443/api/v2/~~", "eu.test"),
        ("https://a@eu.test/api/v2/~~", "eu.test"),
        ("https://eu.test@us.test/api/v2/~~", "eu.test"),
        ("https:///api/v2/~~", "eu.test"),
        ("https://eu.test\\@us.test/api/v2/~~", "eu.test"),
        ("https://us.test?x=~~", "eu.test"),
        ("https://eu.test?x=~~#y", "eu.test"),
        ("https://eu.test#/api/v2/~~", "eu.test"),
        ("ftp://eu.test/api/v2/~~", "eu.test"),
        ("https:/eu.test/api/v2/~~", "eu.test"),
        ("https:eu.test/api/v2/~~", "eu.test"),
        ("//eu.test:x@/api/v2/~~#", "eu.test"),
        ("eu.test/api/v2/~~", "eu.test"),
        ("eu.test:443", "eu.test"),
        ("api/v2/~~", "eu.test"),
    ] {
        let head = format!("GET {target} HTTP/1.1\r\nHost: {named}\r\n\r\n");
        payloads.push(raw(Refused(400), head));
    }
    payloads.extend([
        raw(
            Refused(400),
            "GET https://eu.test/api/v2/~~ HTTP/1.1\r\n\r\n",
        ),
        raw(Refused(400), "GET /api/v2/~~ HTTP/1.0\r\n\r\n"),
        host(Answered(421), "Host: nobody.test\r\n"),
        host(Answered(421), "Host: eu.test.nobody.test\r\n"),
        host(Answered(421), "Host: 127.0.0.1\r\n"),
        host(Answered(421), "Host: [::1]:443\r\n"),
        host(FINE, "Host: EU.Test.:443\r\n"),
        host(FINE, "Host:eu.test\r\n"),
        raw(
            FINE,
            "GET https://eu.test/api/v2/~~ HTTP/1.1\r\nHost: eu.test\r\n\r\n",
        ),
        raw(
            FINE,
            "GET HTTPS://EU.test:443/api/v2/~~ HTTP/1.1\r\nHost: eu.test\r\n\r\n",
        ),
        host(FINE, "Host: alias.test\r\n"),
    ]);
    Table {
        protects: "a request names one host, once or in agreement, or it is refused",
        payloads,
    }
}

fn forgeries() -> Table {
    let lines = [
        "X-Forwarded-For: forged\r\nX-Forwarded-For: forged\r\n",
        "x-forwarded-for: forged\r\nX-Forwarded-Host: forged\r\nX-Forwarded-Proto: forged\r\n",
        "X_Forwarded_For: forged\r\nX-Forwarded_Host: forged\r\nX_Real_IP: forged\r\n",
        "X-Real-IP: forged\r\nX-Client-IP: forged\r\nClient-IP: forged\r\nTrue-Client-IP: forged\r\n",
        "Forwarded: for=forged\r\nCF-Connecting-IP: forged\r\nCDN-Loop: forged\r\n",
        "X-Original-URL: /forged\r\nX-Rewrite-URL: /forged\r\nX-Original-Host: forged\r\n",
        "X-HTTP-Method-Override: forged\r\nX_HTTP_METHOD_OVERRIDE: forged\r\nProxy: forged\r\n",
        "O-Domain-Context: forged\r\nO_Domain_Context: forged\r\nO-Delivery: forged\r\nO-Region-Reason: forged\r\n",
        "Apx-Incoming-Host: forged\r\nX-Ots-Proxy-Debug-X: forged\r\nO-Homepage-Mode: forged\r\n",
        "X-Request-ID: forged\r\nX_Request_ID: forged\r\n",
        "Connection: X-Hop, keep-alive\r\nX-Hop: forged\r\nKeep-Alive: forged\r\n",
        "Connection: x-hop\r\nConnection: Y-HOP,,\r\nX-Hop: forged\r\ny-hop: forged\r\n",
        "Connection: Host, Via, X-Forwarded-For, X-Forwarded-Host, X-Real-IP, X-Request-ID\r\n",
        "Connection: Content-Length, Transfer-Encoding\r\n",
        "Proxy-Connection: close\r\nProxy-Authorization: forged\r\nTE: gzip;forged\r\n",
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n",
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n",
        "TE: trailers, gzip\r\nConnection: TE\r\n",
        "Via: 1.1 a, 1.0 b (c)\r\n",
        "Content_Type: forged\r\nAuth_orization: forged\r\n_: forged\r\n",
    ];
    let mut payloads: Vec<Payload> = lines.iter().map(|lines| get(FINE, lines)).collect();
    let body = Forwarded("POST", "/api/v2/~~", b"ab");
    payloads.extend([
        post(body.clone(), "Connection: Content-Length\r\nContent-Length: 2\r\n", "ab"),
        post(body, "Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n", "2\r\nab\r\n0\r\n\r\n"),
        get(Answered(508), "Via: 1.1 onetime-gateway\r\n"),
        get(Answered(508), "Via: 1.0 a, 2 Onetime-Gateway (x)\r\nConnection: Via\r\n"),
        get(Answered(400), "O-Region: nowhere\r\n"),
        get(Answered(400), "O-Region: eu\r\nO-Region: eu\r\n"),
        get(Answered(400), "O-Region: us\r\n"),
        get(FINE, "O-Region: eu\r\n"),
        get(Refused(417), "Expect: 200-ok\r\n"),
        get(Refused(417), "Expect:\r\n"),
        get(Refused(417), "Expect: 100-continue, x\r\n"),
        get(Refused(417), "Expect: 100-continue\r\nExpect: x\r\n"),
        get(Last("GET", "/api/v2/~~", b""), "Connection: close\r\n"),
        get(Last("GET", "/api/v2/~~", b""), "Connection: keep-alive, CLOSE\r\n"),
        get(Last("GET", "/api/v2/~~", b""), "Connection: x\r\nConnection: close\r\n"),
        raw(Last("GET", "/api/v2/~~", b""), "GET /api/v2/~~ HTTP/1.0\r\nHost: eu.test\r\n\r\n"),
        raw(
            FINE,
            "GET /api/v2/~~ HTTP/1.0\r\nHost: eu.test\r\nConnection: Keep-Alive\r\n\r\n",
        ),
        raw(
            Forwarded("POST", "/api/v2/~~", b"ab"),
            "POST /api/v2/~~ HTTP/1.0\r\nHost: eu.test\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nab",
        ),
    ]);
    Table {
        protects: "what only the gateway may say, a client cannot; what ends here, ends here",
        payloads,
    }
}

#[test]
fn a_head_says_one_thing_or_is_refused() {
    let count = run(vec![lines(), fields(), hosts(), forgeries()]);
    println!("{count} payloads");
    assert!(count >= 130, "only {count} payloads");
}
