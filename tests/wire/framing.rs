//! Where a request's body ends: every attempt to make two parsers disagree about it.

use crate::harness::payload::Want::{Answered, Broken, Forwarded, Refused};
use crate::harness::payload::{Payload, Table, Want, get, payload, post, run};

const SMUGGLED: &str = "0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: eu.test\r\n\r\n";
const CHUNKED: &str = "Transfer-Encoding: chunked\r\n";

/// A request whose body is `body`, byte for byte.
const fn with_body(body: &'static [u8]) -> Want {
    Forwarded("POST", "/api/v2/~~", body)
}

fn chunks(want: Want, body: &str) -> Payload {
    post(want, CHUNKED, body)
}

fn coding(status: u16, value: &str) -> Payload {
    post(
        Refused(status),
        &format!("Transfer-Encoding:{value}\r\n"),
        SMUGGLED,
    )
}

fn length(value: &str) -> Payload {
    post(
        Refused(400),
        &format!("Content-Length:{value}\r\n"),
        "aaaaa",
    )
}

fn two_framings() -> Table {
    let pairs = [
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
        "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n",
        "content-length: 4\r\ntRANSFER-eNCODING: CHUNKED\r\n",
        "Content-Length: 4\r\nX: y\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: 4\r\nTransfer-Encoding: identity\r\n",
        "Content-Length: 4\r\nTransfer-Encoding:\r\n",
        "Content-Length: 4\r\nTransfer-Encoding: gzip, chunked\r\n",
        "Content-Length: 4\r\nTransfer-Encoding : chunked\r\n",
        "Content-Length : 4\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: 4\r\n Transfer-Encoding: chunked\r\n",
        "Content-Length: 4\r\nTransfer-Encoding:\r\n chunked\r\n",
        "Content-Length: 4\r\nX: y\rTransfer-Encoding: chunked\r\n",
        "Content-Length: 4\r\nX: y\nTransfer-Encoding: chunked\r\n",
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\nConnection: Content-Length\r\n",
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\nConnection: Transfer-Encoding\r\n",
        "Content-Length: 4\r\n\0Transfer-Encoding: chunked\r\n",
        "Content-Length: 4\r\nTransfer\0-Encoding: chunked\r\n",
    ];
    let status = |fields: &str| if fields.contains("gzip") { 501 } else { 400 };
    Table {
        protects: "a body is framed once: Content-Length beside Transfer-Encoding is refused",
        payloads: pairs
            .iter()
            .map(|fields| post(Refused(status(fields)), fields, SMUGGLED))
            .chain([
                // Names that only look alike are plain fields, or never passed on.
                post(
                    with_body(b"0\r\n\r"),
                    "Content-Length: 4\r\nTransfer_Encoding: chunked\r\n",
                    "0\r\n\r",
                ),
                post(
                    with_body(b"0\r\n\r"),
                    "Content-Length: 4\r\nTransferEncoding: chunked\r\n",
                    "0\r\n\r",
                ),
                post(
                    with_body(b"0\r\n\r"),
                    "Content-Length: 4\r\nX: Transfer-Encoding: chunked\r\n",
                    "0\r\n\r",
                ),
                post(
                    with_body(b"ab"),
                    "Content_Length: 44\r\nTransfer-Encoding: chunked\r\n",
                    "2\r\nab\r\n0\r\n\r\n",
                ),
            ])
            .collect(),
    }
}

fn lengths() -> Table {
    let mut payloads: Vec<Payload> = [
        "",
        " ",
        " +5",
        " -5",
        " 5,5",
        " 5, 5",
        " 5;5",
        " 5 5",
        " 0x5",
        " 5h",
        " 5.0",
        " 5e0",
        " 0b101",
        " '5'",
        " \"5\"",
        " 05_0",
        " 99999999999999999999",
        " 18446744073709551621",
        " 5\x0b",
        " 5\x0c",
        " 5\0",
        " \x1f5",
        " five",
        " \u{ff15}",
        " 5\t,",
        " ,5",
    ]
    .iter()
    .map(|value| length(value))
    .collect();
    for fields in [
        "Content-Length: 5\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 0\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\ncontent-length: 0\r\n",
        "Content-Length: 5\r\nX: y\r\nCONTENT-LENGTH: 5\r\n",
        "Content-Length:\r\nContent-Length: 5\r\n",
        "Content-Length: \r\n 5\r\n",
        "Content-Length : 5\r\n",
        "Content-Length\t: 5\r\n",
        "Content-Length\x0b: 5\r\n",
        "\x0bContent-Length: 5\r\n",
        "Content-Length 5\r\n",
    ] {
        payloads.push(post(Refused(400), fields, "aaaaa"));
    }
    payloads.extend([
        post(Refused(413), "Content-Length: 9999999999999999999\r\n", "aaaaa"),
        post(Refused(413), "Content-Length: 262145\r\n", "aaaaa"),
        post(with_body(b"aaaaa"), "Content-Length: 5\r\n", "aaaaa"),
        post(with_body(b"aaaaa"), "Content-Length:5\r\n", "aaaaa"),
        post(with_body(b"aaaaa"), "Content-Length:\t 5 \t\r\n", "aaaaa"),
        post(with_body(b"aaaaa"), "Content-Length: 0005\r\n", "aaaaa"),
        post(with_body(b""), "Content-Length: 0\r\n", ""),
        post(with_body(b""), "", ""),
        post(with_body(b"GET /smuggled HTTP/1.1\r\n\r\n"), "Content-Length: 26\r\n", "GET /smuggled HTTP/1.1\r\n\r\n"),
        // A body on a method that has none is a body all the same.
        get(Forwarded("GET", "/api/v2/~~", b""), "Content-Length: 0\r\n"),
        payload(
            Forwarded("GET", "/api/v2/~~", b"aaaaa"),
            "GET /api/v2/~~ HTTP/1.1\r\nHost: eu.test\r\nContent-Length: 5\r\n\r\naaaaa",
        ),
        payload(
            Forwarded("DELETE", "/api/v2/~~", b"aaaaa"),
            "DELETE /api/v2/~~ HTTP/1.1\r\nHost: eu.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\naaaaa\r\n0\r\n\r\n",
        ),
        // An answer of the gateway's own leaves the next request where it is.
        payload(
            Answered(302),
            "GET /pricing HTTP/1.1\r\nHost: onetime.test\r\nContent-Length: 5\r\n\r\naaaaa",
        ),
        payload(
            Answered(501),
            "BREW /api/v2/~~ HTTP/1.1\r\nHost: eu.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\naaaaa\r\n0\r\n\r\n",
        ),
    ]);
    Table {
        protects: "a Content-Length is one plain number, or the request is refused",
        payloads,
    }
}

fn codings() -> Table {
    let mut payloads: Vec<Payload> = [
        "",
        " identity",
        " xchunked",
        " chunkedx",
        " chunked, identity",
        " identity, chunked",
        " chunked, chunked",
        " chunked,",
        " ,chunked",
        " chunked;q=1",
        " chunked; foo=bar",
        " \"chunked\"",
        " 'chunked'",
        " chunked\x0b",
        " \x0bchunked",
        " chunked\x0c",
        " chunked\0",
        " chun\0ked",
        " cow",
        " chunked cow",
        " cow chunked",
        " chunked\x7f",
        " chun ked",
        " chunked, gzip",
        " \u{212a}chunked",
        " chunked\r\n , identity",
        "\r\n chunked",
        "\n chunked",
        " chunked\rX: y",
        " CHUNKED, identity",
        " trailers",
        " br, chunked",
    ]
    .iter()
    .map(|value| coding(400, value))
    .collect();
    for value in [" gzip, chunked", " deflate,chunked", " compress , chunked"] {
        payloads.push(coding(501, value));
    }
    for fields in [
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\ntransfer-encoding: cow\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Transfer-Encoding\t: chunked\r\n",
        "Transfer-Encoding\x0b: chunked\r\n",
        " Transfer-Encoding: chunked\r\n",
        "Transfer-Encoding\r\n: chunked\r\n",
        "X: y\r\n\tTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding\u{a0}: chunked\r\n",
    ] {
        payloads.push(post(Refused(400), fields, SMUGGLED));
    }
    payloads.extend([
        payload(
            Refused(400),
            "POST /api/v2/~~ HTTP/1.0\r\nHost: eu.test\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ),
        chunks(with_body(b"ab"), "2\r\nab\r\n0\r\n\r\n"),
        post(with_body(b"ab"), "TRANSFER-ENCODING: Chunked\r\n", "2\r\nab\r\n0\r\n\r\n"),
        post(with_body(b"ab"), "Transfer-Encoding:\tchunked \t\r\n", "2\r\nab\r\n0\r\n\r\n"),
    ]);
    Table {
        protects: "a Transfer-Encoding is exactly `chunked`, or the request is refused",
        payloads,
    }
}

fn bad_chunks() -> Table {
    let mut payloads: Vec<Payload> = [
        "+2\r\nab\r\n0\r\n\r\n",
        "-2\r\nab\r\n0\r\n\r\n",
        "0x2\r\nab\r\n0\r\n\r\n",
        "2h\r\nab\r\n0\r\n\r\n",
        " 2\r\nab\r\n0\r\n\r\n",
        "2 \r\nab\r\n0\r\n\r\n",
        "\t2\r\nab\r\n0\r\n\r\n",
        "2 ;a\r\nab\r\n0\r\n\r\n",
        "\r\n2\r\nab\r\n0\r\n\r\n",
        ";a\r\nab\r\n0\r\n\r\n",
        "2\nab\r\n0\r\n\r\n",
        "2\r\nab\n0\r\n\r\n",
        "2\r\nab\r\n0\n\r\n",
        "2\r\nab\r\n0\r\n\n",
        "2\rab\r\n0\r\n\r\n",
        "2;a\nb\r\nab\r\n0\r\n\r\n",
        "2;a\rb\r\nab\r\n0\r\n\r\n",
        "2;a\0\r\nab\r\n0\r\n\r\n",
        "2;\x7f\r\nab\r\n0\r\n\r\n",
        "2;\u{e9}\r\nab\r\n0\r\n\r\n",
        "2\x0b\r\nab\r\n0\r\n\r\n",
        "2\r\nabc\r\n0\r\n\r\n",
        "2\r\nabXX0\r\n\r\n",
        "2\r\nab0\r\n\r\n",
        "2\r\nab\r\r\n0\r\n\r\n",
        "3\r\nab\r\n0\r\n\r\n",
        "g\r\nab\r\n0\r\n\r\n",
        "2_0\r\nab\r\n0\r\n\r\n",
        "2,2\r\nab\r\n0\r\n\r\n",
        "ffffffffffffffff\r\nab\r\n0\r\n\r\n",
        "10000000000000002\r\nab\r\n0\r\n\r\n",
        "0000000000000000000000002\r\nab\r\n0\r\n\r\n",
        "\u{662}\r\nab\r\n0\r\n\r\n",
        "2\r\nab\r\n0\r\nHost : a\r\n\r\n",
        "2\r\nab\r\n0\r\n X: y\r\n\r\n",
        "2\r\nab\r\n0\r\nX: y\r\n z\r\n\r\n",
        "2\r\nab\r\n0\r\nX\r\n\r\n",
        "2\r\nab\r\n0\r\n: y\r\n\r\n",
        "2\r\nab\r\n0\r\nX: \0\r\n\r\n",
        "2\r\nab\r\n0\r\nX: y\n\r\n",
        "2\r\nab\r\n0\r\nGET /smuggled HTTP/1.1\r\nHost: eu.test\r\n\r\n",
    ]
    .iter()
    .map(|body| chunks(Broken(400), body))
    .collect();
    let long = "a".repeat(300);
    let bomb = format!("X: {}\r\n", "a".repeat(500)).repeat(10);
    payloads.extend([
        chunks(Broken(400), &format!("2;{long}\r\nab\r\n0\r\n\r\n")),
        chunks(Broken(400), &format!("2;{long}")),
        chunks(
            Broken(400),
            &format!("{}2\r\nab\r\n0\r\n\r\n", "0".repeat(300)),
        ),
        chunks(Broken(400), &format!("0\r\n{bomb}\r\n")),
        chunks(
            Broken(413),
            &format!("40001\r\n{}\r\n0\r\n\r\n", "a".repeat(262_145)),
        ),
    ]);
    Table {
        protects: "a chunked body is well-formed to its last byte, or no region sees it end",
        payloads,
    }
}

fn good_chunks() -> Table {
    let many = "1\r\na\r\n".repeat(3000) + "0\r\n\r\n";
    let large = format!("40000\r\n{}\r\n0\r\n\r\n", "a".repeat(262_144));
    Table {
        protects: "a chunked body reaches its region byte for byte, framed by the gateway alone",
        payloads: vec![
            chunks(with_body(b""), "0\r\n\r\n"),
            chunks(with_body(b""), "000\r\n\r\n"),
            chunks(with_body(b"abc"), "2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"),
            chunks(with_body(b"0123456789a"), "B\r\n0123456789a\r\n0\r\n\r\n"),
            chunks(with_body(b"0123456789a"), "00b\r\n0123456789a\r\n0\r\n\r\n"),
            chunks(with_body(b"ab"), "2;a=b\r\nab\r\n0;c=\"d\"\r\n\r\n"),
            chunks(
                with_body(b"\r\n0\r\n\r\n"),
                "7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n",
            ),
            chunks(
                with_body(b"0\r\n\r\nGET /smug"),
                "e\r\n0\r\n\r\nGET /smug\r\n0\r\n\r\n",
            ),
            chunks(with_body(&[b'a'; 3000]), &many),
            chunks(with_body(&[b'a'; 262_144]), &large),
            // Trailers can say nothing that a head must.
            chunks(
                with_body(b"ab"),
                "2\r\nab\r\n0\r\nX-Forwarded-For: forged\r\nContent-Length: forged\r\nHost: forged\r\n\
                 Transfer-Encoding: forged\r\nAuthorization: forged\r\nCookie: forged\r\nX_Y: forged\r\n\
                 O-Region: forged\r\nConnection: forged\r\nExpect: forged\r\nVia: forged\r\nX-Sum: 1\r\n\r\n",
            ),
            chunks(
                with_body(b"ab"),
                "2\r\nab\r\n0\r\nContent-Type: forged\r\nContent-Encoding: forged\r\nContent-Range: forged\r\n\
                 Cache-Control: forged\r\nRange: forged\r\nIf-Match: forged\r\nOrigin: forged\r\n\
                 Max-Forwards: forged\r\nSet-Cookie: forged\r\nAccept: forged\r\n\r\n",
            ),
        ],
    }
}

#[test]
fn a_body_ends_at_one_place_only() {
    let count = run(vec![
        two_framings(),
        lengths(),
        codings(),
        bad_chunks(),
        good_chunks(),
    ]);
    println!("{count} payloads");
    assert!(count >= 130, "only {count} payloads");
}
