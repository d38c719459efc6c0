//! Smuggling over HTTP/1, beyond framing: fields that a client nominates, folds or forges, hosts and
//! targets with odd bytes, and line ends that are none.

use crate::harness::gateway::World;
use crate::harness::origin::{Script, Then};
use crate::harness::payload::Want::{Answered, Broken, Forwarded, Last, Refused};
use crate::harness::payload::{Payload, Table, Want, get, payload, post, run};

const FINE: Want = Forwarded("GET", "/api/v2/~~", b"");

fn raw(want: Want, bytes: impl AsRef<[u8]>) -> Payload {
    payload(want, bytes)
}

/// What `Connection` nominates ends here; it cannot take away what we write, frame or read.
fn nominations() -> Table {
    let body = Forwarded("POST", "/api/v2/~~", b"ab");
    let many = format!("Connection: {}x\r\nX: forged\r\n", "a, ".repeat(2000));
    let mut payloads: Vec<Payload> = [
        "Connection: X-Forwarded-Proto, X-Request-ID, Via, X-Real-IP, Host, Connection\r\n",
        "Connection: Cookie\r\nCookie: a=forged\r\n",
        "Connection: cookie, COOKIE\r\nCookie: a=forged\r\ncookie: b=forged\r\n",
        "Connection: Authorization\r\nAuthorization: forged\r\n",
        "Connection: X-CSRF-Token, Origin\r\nX-CSRF-Token: forged\r\nOrigin: https://forged\r\n",
        "Connection: O-Region\r\nO-Region: eu\r\n",
        "Connection: TE, Trailer\r\nTE: trailers\r\nTrailer: forged\r\n",
        "Connection: \"close\"\r\n",
        "Connection: close;x=y\r\n",
        "Connection: x close\r\n",
        "Connection:\r\nConnection: ,\r\n",
        "Connection: x-\u{e9}\r\n",
        "Connection: x_hop\r\nX-Hop: y\r\nx_hop: forged\r\n",
        &many,
    ]
    .iter()
    .map(|lines| get(FINE, lines))
    .collect();
    payloads.extend([
        get(Answered(400), "Connection: O-Region\r\nO-Region: us\r\n"),
        get(Refused(417), "Connection: Expect\r\nExpect: x\r\n"),
        get(
            Answered(508),
            "Connection: Via\r\nVia: 1.1 onetime-gateway\r\n",
        ),
        get(
            Last("GET", "/api/v2/~~", b""),
            "Connection: keep-alive\r\nConnection: close\r\n",
        ),
        get(
            Last("GET", "/api/v2/~~", b""),
            "Connection: close, close, Host\r\n",
        ),
        post(
            body.clone(),
            "Connection: Content-Length, Content-Type, Host\r\nContent-Length: 2\r\n",
            "ab",
        ),
        post(
            body,
            "Connection: Transfer-Encoding\r\nConnection: Content-Length\r\n\
             Transfer-Encoding: chunked\r\n",
            "2\r\nab\r\n0\r\n\r\n",
        ),
    ]);
    Table {
        protects: "Connection cannot take away what the gateway writes, nor how a body is framed",
        payloads,
    }
}

/// Fields that some server or library behind us believes.
fn forgeries() -> Table {
    let body = Forwarded("POST", "/api/v2/~~", b"ab");
    let mut payloads: Vec<Payload> = [
        // What Rack::Sendfile takes for a proxy's word (CVE-2025-61780).
        "X-Sendfile-Type: forged\r\nX-Accel-Mapping: /=forged\r\n",
        "X-Method-Override: forged\r\nX-HTTP-Method: forged\r\n",
        "X-Forwarded: forged\r\nX-Forwarded-: forged\r\nX-Cluster-Client-IP: forged\r\n",
        "X-Scheme: forged\r\nX-URL-Scheme: forged\r\nFront-End-Https: forged\r\n",
        "O_Region: forged\r\nO_Region: us\r\no_region_reason: forged\r\n",
        "Content_Length: forged\r\nContent-Length_: forged\r\nTransfer_Encoding: forged\r\n",
        "Cookie_: a=forged\r\nauthorization_: forged\r\nx_csrf_token: forged\r\n",
        "Host_: forged\r\n_Host: forged\r\nX-Forwarded-Host_: forged\r\n",
        "TE: chunked, trailers;q=0.5, forged\r\n",
        "TE: trailers\r\nTE: trailers\r\n",
        "Upgrade: h2c\r\n",
        "Upgrade: TLS/1.0, HTTP/1.1\r\nConnection: upgrade\r\n",
        "HTTP2-Settings: forged\r\n",
        "Keep-Alive: timeout=forged, max=1\r\n",
        "Expect: 100-Continue\r\n",
        "Expect: 100-continue\r\nExpect: 100-CONTINUE\r\n",
    ]
    .iter()
    .map(|lines| get(FINE, lines))
    .collect();
    payloads.extend([
        get(Answered(400), "O-Region: eu\r\nO_Region: us\r\nO-Region: eu\r\n"),
        get(Answered(400), "O-Region:\r\n"),
        get(Answered(400), "O-Region: eu, us\r\n"),
        get(Answered(400), "O-Region: \"eu\"\r\n"),
        get(Refused(417), "Expect: 100-continue;q=1\r\n"),
        get(Refused(400), "X-Forwarded-For : forged\r\n"),
        get(Refused(400), "X-Forwarded-For\0: forged\r\n"),
        get(Refused(400), "X-Forwarded-For: a\rX-Real-IP: forged\r\n"),
        post(
            Forwarded("POST", "/api/v2/~~", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
            "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\
             Content-Length: 24\r\n",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        ),
        post(
            body,
            "Upgrade: websocket\r\nConnection: Upgrade\r\nContent_Length: 44\r\nContent-Length: 2\r\n",
            "ab",
        ),
    ]);
    Table {
        protects: "no field of a client passes for the gateway's word, however it is spelt",
        payloads,
    }
}

fn hosts_and_targets() -> Table {
    let host = |want: Want, value: &str| {
        raw(
            want,
            format!("GET /api/v2/~~ HTTP/1.1\r\nHost: {value}\r\n\r\n"),
        )
    };
    let absolute = |want: Want, target: &str| {
        raw(
            want,
            format!("GET {target} HTTP/1.1\r\nHost: eu.test\r\n\r\n"),
        )
    };
    let mut payloads: Vec<Payload> = [
        "eu.test%00",
        "eu.test\u{3002}",
        "eu.test;x",
        "eu.test&us.test",
        "'eu.test'",
        "eu.test|us.test",
        "eu.test\u{80}",
        "eu.test:443:",
        "eu.test:0000443",
        "eu.test:\u{ff14}43",
        "eu.test:443, us.test",
        "::1",
        "eu.test]",
        "[::1]eu.test",
        "*.test",
        "eu.test\t:443",
        "-",
    ]
    .iter()
    .map(|value| {
        host(
            if *value == "-" {
                Answered(421)
            } else {
                Refused(400)
            },
            value,
        )
    })
    .collect();
    payloads.extend([
        host(Refused(400), &"a".repeat(256)),
        host(Answered(421), &"a".repeat(255)),
        host(Answered(421), "eu-.test"),
        host(Answered(421), "_eu.test"),
        host(Answered(421), "[::ffff:127.0.0.1]"),
        host(Answered(421), "0x7f.1"),
        host(FINE, "eu.test:"),
        host(FINE, "eu.test:00443"),
        host(FINE, "\teu.test:443\t"),
    ]);
    for target in [
        "https://user:pass@eu.test/api/v2/~~",
        "https://@eu.test/api/v2/~~",
        "https://eu.test%2f@us.test/api/v2/~~",
        "https://eu.test,us.test/api/v2/~~",
        "https://eu.test:/../api/v2/~~",
        "https://[::1]/api/v2/~~",
        "https://eu.test:80/api/v2/~~",
        "https://eu.test\t/api/v2/~~",
        "wss://eu.test/api/v2/~~",
        "javascript://eu.test/api/v2/~~",
        "https:\\\\eu.test/api/v2/~~",
        "https//eu.test/api/v2/~~",
        "/api/v2/~~%0d%0aHost:%20us.test",
        "/api/v2/~~%0aX:%20y",
        "/api/v2/%c0%00~~",
        "/api/v2/~~;/%2e%2e/x",
        "/api/v2/~~/%2e%2e%2fcolonel",
    ] {
        payloads.push(absolute(Refused(400), target));
    }
    for target in [
        "https://eu.test:/api/v2/~~",
        "https://EU.TEST.:00443/api/v2/~~",
        "/api/v2/~~?%0d%0aHost:%20us.test",
        "/api/v2/~~?https://user:pass@us.test/",
    ] {
        let at = target.find("/api").expect("a path");
        payloads.push(absolute(Forwarded("GET", &target[at..], b""), target));
    }
    Table {
        protects: "one host, one target, in bytes that have one reading",
        payloads,
    }
}

/// Ends of lines and of chunks that some parser somewhere takes for one.
fn line_ends() -> Table {
    let mut payloads: Vec<Payload> = [
        "\rGET /api/v2/~~ HTTP/1.1\r\nHost: eu.test\r\n\r\n",
        "\r\r\nGET /api/v2/~~ HTTP/1.1\r\nHost: eu.test\r\n\r\n",
        "GET /api/v2/~~ HTTP/1.1\r\nHost: eu.test\r\n\rX: y\r\n\r\n",
        "GET /api/v2/~~ HTTP/1.1\r\nHost: eu.test\r\nX: y\r\r\n\r\n",
        "GET /api/v2/~~ HTTP/1.1\r\nHost: eu.test\r\n \r\n\r\n",
        "GET /api/v2/~~ HTTP/1.1\r\nHost: eu.test\r\n\t\r\n\r\n",
        "GET /api/v2/~~ HTTP/1.1\r\n\r\nHost: eu.test\r\n\r\n",
        "GET /api/v2/~~ HTTP/1.1\r\n:\r\nHost: eu.test\r\n\r\n",
        "GET /api/v2/~~ HTTP/1.1\u{85}\r\nHost: eu.test\r\n\r\n",
        "GET /api/v2/~~ HTTP/1.1\r\nHost: eu.test\r\nX: y\u{2028}Y: z\x0b\r\n\r\n",
        // The whole of HTTP/0.9.
        "GET /api/v2/~~\r\n",
        "GET /api/v2/~~ \r\n\r\n",
        "GET /api/v2/~~ HTTP\r\n\r\n",
    ]
    .iter()
    .map(|bytes| raw(Refused(400), bytes))
    .collect();
    let chunks = |want: Want, body: &str| post(want, "Transfer-Encoding: chunked\r\n", body);
    for body in [
        "2;\nab\r\n0\r\n\r\n",
        "2;a\n\r\nab\r\n0\r\n\r\n",
        "2;a\r\r\nab\r\n0\r\n\r\n",
        "2\r\nab\r0\r\n\r\n",
        "2\r\nab\n\n0\r\n\r\n",
        "2\r\nab\r\n0\r\r\n\r\n",
        "2\r\nab\r\n0\r\n\rX: y\r\n\r\n",
        "2\r\nab\r\n0\r\nX: y\rZ: a\r\n\r\n",
        "2\r\nab\r\n0\r\nGET /smuggled HTTP/1.1: x\r\n\r\n",
        "2\r\nab\r\n0\r\nContent-Length : 5\r\n\r\n",
        "2\r\nab\r\n0\r\n_: \x01\r\n\r\n",
        "2\u{85}ab\r\n0\r\n\r\n",
        "\u{feff}2\r\nab\r\n0\r\n\r\n",
    ] {
        payloads.push(chunks(Broken(400), body));
    }
    let two = Forwarded("POST", "/api/v2/~~", b"ab");
    let long = format!("2;{}\r\nab\r\n0\r\n\r\n", "a".repeat(200));
    for body in [
        "2;\r\nab\r\n0\r\n\r\n",
        "2;;;=\r\nab\r\n0;\r\n\r\n",
        // A quoted string cannot hold a line end: the size line ends here.
        "2;a=\"\r\nab\r\n0;b=\"\r\n\r\n",
        "2;\t \r\nab\r\n00000000000000\r\n\r\n",
        "2\r\nab\r\n0\r\nX-Forwarded_For: forged\r\nx_y: forged\r\nSet-Cookie2_: forged\r\n\r\n",
        "2\r\nab\r\n0\r\nO-Delivery: forged\r\nX-Sendfile-Type: forged\r\nX-Request-ID: forged\r\n\r\n",
        &long,
    ] {
        payloads.push(chunks(two.clone(), body));
    }
    Table {
        protects: "a line ends in CRLF, and a chunk where its size says",
        payloads,
    }
}

#[test]
fn nothing_passes_for_anothers_word() {
    let count = run(vec![
        nominations(),
        forgeries(),
        hosts_and_targets(),
        line_ends(),
    ]);
    println!("{count} payloads");
    assert!(count >= 120, "only {count} payloads");
}

/// A body where none is expected is a body all the same, on either side.
#[test]
fn a_body_on_any_method_is_read_as_one() {
    let world = World::new();
    let hidden = "GET /smuggled HTTP/1.1\r\nHost: eu.test\r\n\r\n";
    let mut client = world.door.open();
    for (method, path) in [
        ("HEAD", "/api/v2/head"),
        ("GET", "/api/v2/get"),
        ("OPTIONS", "/api/v2/options"),
        ("DELETE", "/api/v2/delete"),
    ] {
        client.send(
            format!(
                "{method} {path} HTTP/1.1\r\nHost: eu.test\r\nContent-Length: {}\r\n\r\n{hidden}\
                 {method} {path} HTTP/1.1\r\nHost: eu.test\r\nTransfer-Encoding: chunked\r\n\r\n\
                 {:x}\r\n{hidden}\r\n0\r\n\r\n",
                hidden.len(),
                hidden.len()
            )
            .as_bytes(),
        );
        for _ in 0..2 {
            let answer = client.answer(method == "HEAD").expect(path);
            assert_eq!((answer.status(), answer.field("x-echo")), (200, Some(path)));
        }
        let seen = world.eu.seen(path);
        assert_eq!(seen.len(), 2, "{path}");
        assert!(
            seen.iter()
                .all(|seen| seen.request.body == hidden.as_bytes())
        );
    }
    // Answered by the gateway itself: the body is read and dropped, or the connection ends.
    for (method, path, host, status) in [
        ("TRACE", "/x", "eu.test", 405),
        ("OPTIONS", "*", "eu.test", 204),
        ("GET", "/colonel", "onetime.test", 404),
        ("GET", "/x", "nobody.test", 421),
    ] {
        let mut client = world.door.open();
        let length = hidden.len();
        client.send(
            format!(
                "{method} {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n\r\n{hidden}\
                 GET /api/v2/next HTTP/1.1\r\nHost: eu.test\r\nConnection: close\r\n\r\n"
            )
            .as_bytes(),
        );
        let statuses: Vec<u16> = client
            .answers()
            .expect(path)
            .iter()
            .map(|answer| answer.status())
            .collect();
        assert_eq!(statuses, [status, 200], "{method} {path}");
    }
    let eu = world.eu.clone();
    assert_eq!(world.end(), [""; 0]);
    assert!(eu.seen("/smuggled").is_empty());
}

/// A load balancer that was to name its client by the PROXY protocol, and named nobody, passes on
/// whatever it is sent: its client's word is not its own.
#[test]
fn a_balancer_that_names_nobody_is_not_believed_in_a_header_either() {
    let world = World::with_server(
        "proxy_protocol = [\"127.0.0.1:0\"]\ntrusted_proxies = [\"127.0.0.0/8\"]",
    );
    for (path, first) in [
        ("/api/v2/unknown", &b"PROXY UNKNOWN\r\n"[..]),
        ("/api/v2/local", b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"),
        ("/api/v2/unspecified", b"\r\n\r\n\0\r\nQUIT\n\x21\0\0\0"),
        (
            "/api/v2/named",
            b"PROXY TCP4 127.0.0.1 127.0.0.1 4711 443\r\n",
        ),
    ] {
        let is_named = path.ends_with("/named");
        let client = if is_named {
            "127.0.0.1"
        } else {
            "203.0.113.66"
        };
        let mut connection = world.door.open_behind(first);
        connection.send(
            format!(
                "GET {path} HTTP/1.1\r\nHost: eu.test\r\nX-Forwarded-For: {client}\r\n\
                 X-Request-ID: its-own\r\n\r\n"
            )
            .as_bytes(),
        );
        assert_eq!(connection.answer(false).expect(path).status(), 200);
        let seen = world.eu.seen(path);
        assert_eq!(
            seen[0].request.all("x-forwarded-for"),
            ["127.0.0.1"],
            "{path}"
        );
        let id = seen[0].request.all("x-request-id");
        assert_eq!(id == ["its-own"], is_named, "{path}: {id:?}");
    }
    assert_eq!(world.end(), [""; 0]);
}

/// Split `Cookie` lines become one, without the gateway's own, and none on the bare host.
#[test]
fn cookies_arrive_as_one_line_where_they_may() {
    let world = World::new();
    let mut client = world.door.open();
    let lines = "Cookie: a=1\r\nCookie: b=2; c=3\r\nCookie:\r\ncookie: ;\r\nCookie_: d=4\r\n";
    for (path, host) in [
        ("/api/v2/own", "eu.test"),
        ("/api/v2/bare", "onetime.test"),
        ("/api/v2/alias", "alias.test"),
    ] {
        client.send(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{lines}\r\n").as_bytes());
        assert_eq!(client.answer(false).expect(path).status(), 200);
        let seen = world.eu.seen(path);
        let cookies = seen[0].request.all("cookie");
        if host == "onetime.test" {
            assert!(cookies.is_empty(), "{cookies:?}");
        } else {
            assert_eq!(cookies.len(), 1, "{path}: {cookies:?}");
            assert!(cookies[0].starts_with("a=1; b=2; c=3"), "{cookies:?}");
        }
    }
    drop(client);
    assert_eq!(world.end(), [""; 0]);
}

/// The country is the gateway's word as well, wherever a client writes it.
#[test]
fn a_country_cannot_be_forged_in_any_part_of_a_request() {
    let world = World::with_server("country_header = \"X-Country\"");
    let mut client = world.door.open();
    client.send(
        b"POST /api/v2/land HTTP/1.1\r\nHost: eu.test\r\nX-Country: forged\r\nx_country: forged\r\n\
          Transfer-Encoding: chunked\r\nTrailer: X-Country\r\n\r\n\
          2\r\nab\r\n0\r\nX-COUNTRY: forged\r\nX-Sum: 1\r\n\r\n",
    );
    assert_eq!(client.answer(false).expect("an answer").status(), 200);
    assert_eq!(
        world.eu.seen("/api/v2/land")[0].request.trailers,
        ["X-Sum: 1"]
    );
    drop(client);
    assert_eq!(world.end(), [""; 0]);
}

/// A client that asked for an upgrade and was not given one speaks HTTP/1.1 still.
#[test]
fn an_upgrade_that_a_region_grants_is_a_502() {
    let world = World::new();
    for protocol in ["h2c", "websocket"] {
        let path = format!("/api/v2/{protocol}");
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: {protocol}\r\n\r\n"
        );
        world.eu.script(&path, Script::says(answer, Then::Hold));
        let mut client = world.door.open();
        client.send(
            format!(
                "GET {path} HTTP/1.1\r\nHost: eu.test\r\nConnection: Upgrade\r\n\
                 Upgrade: {protocol}\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: eu.test\r\n\r\n"
            )
            .as_bytes(),
        );
        let answer = client.answer(false).expect("an answer");
        assert_eq!(answer.status(), 502, "{protocol}");
        let next = client.answer(false).expect("the next one");
        assert_eq!(next.field("x-echo"), Some("/smuggled"));
    }
    assert_eq!(world.end(), [""; 0]);
}
