//! From HTTP/2 down to HTTP/1: what has no place in the one must not get one in the other.

use crate::harness::frames::{
    CANCEL, CONTINUATION, DATA, END_HEADERS, END_STREAM, Frames, GOAWAY, HEADERS, NO_ERROR,
    Outcome, PING, PROTOCOL_ERROR, REFUSED_STREAM, RST_STREAM, STREAM_CLOSED, block,
};
use crate::harness::gateway::World;
use crate::harness::origin::{Script, Then};

/// A request's fields: its method and path, and more.
fn fields(method: &str, path: &str, more: &[(&str, &str)]) -> Vec<u8> {
    let own = [
        (":method", method),
        (":scheme", "https"),
        (":authority", "eu.test"),
        (":path", path),
    ];
    coded(&own.iter().chain(more).copied().collect::<Vec<_>>())
}

fn coded(fields: &[(&str, &str)]) -> Vec<u8> {
    let all: Vec<(&[u8], &[u8])> = fields
        .iter()
        .map(|(name, value)| (name.as_bytes(), value.as_bytes()))
        .collect();
    block(&all)
}

/// The outcome of one request without a body, its block cut into frames where it is long.
fn once(world: &World, block: &[u8]) -> Outcome {
    let mut frames = Frames::open(&world.door);
    let mut pieces = block.chunks(16_000).peekable();
    let first = pieces.next().expect("fields");
    let end = |more: bool| if more { 0 } else { END_HEADERS };
    let flags = END_STREAM | end(pieces.peek().is_some());
    frames.send(HEADERS, flags, 1, first);
    while let Some(piece) = pieces.next() {
        frames.send(CONTINUATION, end(pieces.peek().is_some()), 1, piece);
    }
    frames.outcome(1)
}

fn get(world: &World, path: &str, more: &[(&str, &str)]) -> Outcome {
    once(world, &fields("GET", path, more))
}

/// RFC 9113 section 8.2.1: a value neither begins nor ends with white space. In HTTP/1 it would be
/// trimmed on the way, and mean something else behind than it did here.
#[test]
fn a_value_padded_with_white_space_is_malformed() {
    let world = World::new();
    for (name, value) in [
        ("x", " y"),
        ("x", "y "),
        ("x", "\ty"),
        ("x", "y\t"),
        ("x", " "),
        ("host", " eu.test"),
        ("host", "eu.test "),
        ("o-region", " eu"),
        ("o-region", "us "),
        ("expect", " 100-continue"),
        ("cookie", " a=b"),
        ("authorization", "Basic x "),
        ("content-length", " 0"),
        ("content-length", "0 "),
        ("te", " trailers"),
        ("transfer-encoding", " chunked"),
    ] {
        let outcome = get(&world, "/api/v2/padded", &[(name, value)]);
        let reset = outcome.reset == Some(PROTOCOL_ERROR) && outcome.status.is_none();
        assert!(
            outcome.status == Some(400) || reset,
            "{name} {value:?}: {outcome:?}"
        );
    }
    assert!(world.eu.seen("/api/v2/padded").is_empty());
    assert_eq!(world.end(), [""; 0]);
}

/// What a head may be is one law for both protocols.
#[test]
fn a_head_that_http_1_would_refuse_is_refused_here_too() {
    let world = World::new();
    let long = format!("/api/v2/long?{}", "a".repeat(13_000));
    assert_eq!(get(&world, &long, &[]).status, Some(414));
    let many = vec![("x", "y"); 101];
    assert_eq!(get(&world, "/api/v2/many", &many).status, Some(431));
    assert_eq!(get(&world, "/api/v2/fits", &many[..100]).status, Some(200));
    let large = "a".repeat(40_000);
    assert_eq!(
        get(&world, "/api/v2/large", &[("x", &large)]).status,
        Some(431)
    );
    let crumbs = vec![("cookie", "a=b"); 500];
    assert_eq!(get(&world, "/api/v2/crumbs", &crumbs).status, Some(200));
    assert_eq!(world.eu.count(), 2);
    assert_eq!(world.end(), [""; 0]);
}

#[test]
fn a_pseudo_header_is_never_more_than_it_is() {
    let world = World::new();
    let request = |pairs: &[(&str, &str)]| once(&world, &coded(pairs));
    let rest = [(":authority", "eu.test"), (":path", "/api/v2/pseudo")];
    // A scheme is no beginning of a URL.
    for scheme in [
        "https://us.test/?",
        "https:",
        "",
        "http s",
        "https\r\nx: y",
        "\u{e9}",
        "ftp",
        "javascript",
        "httpss",
    ] {
        let outcome = request(&[&[(":method", "GET"), (":scheme", scheme)], &rest[..]].concat());
        let reset = outcome.reset == Some(PROTOCOL_ERROR) && outcome.status.is_none();
        assert!(
            reset || outcome.status == Some(400),
            "{scheme:?}: {outcome:?}"
        );
    }
    for (method, more) in [
        ("CONNECT", &[(":authority", "eu.test:443")][..]),
        ("TRACE", &[(":scheme", "https"), rest[0], rest[1]]),
    ] {
        let outcome = request(&[&[(":method", method)], more].concat());
        assert_eq!(outcome.status, Some(405), "{method}: {outcome:?}");
    }
    // Neither CONNECT with a path, nor a protocol that was never offered.
    for pairs in [
        &[
            (":method", "CONNECT"),
            (":scheme", "https"),
            rest[0],
            rest[1],
        ][..],
        &[
            (":method", "CONNECT"),
            (":protocol", "websocket"),
            (":scheme", "https"),
            rest[0],
            rest[1],
        ],
        &[
            (":method", "GET"),
            (":protocol", "websocket"),
            (":scheme", "https"),
            rest[0],
            rest[1],
        ],
    ] {
        let outcome = request(pairs);
        assert_eq!(
            (outcome.status, outcome.reset),
            (None, Some(PROTOCOL_ERROR)),
            "{pairs:?}: {outcome:?}"
        );
    }
    assert!(world.eu.seen("/api/v2/pseudo").is_empty());
    // A request that was translated from HTTP/1 names its host the old way.
    for pairs in [
        &[
            (":method", "GET"),
            (":scheme", "https"),
            (":path", "/api/v2/old"),
            ("host", "eu.test"),
        ][..],
        &[
            (":method", "OPTIONS"),
            (":scheme", "https"),
            rest[0],
            (":path", "/api/v2/old"),
            ("host", "EU.test.:443"),
        ],
    ] {
        assert_eq!(request(pairs).status, Some(200), "{pairs:?}");
    }
    assert_eq!(world.eu.seen("/api/v2/old").len(), 2);
    assert_eq!(world.end(), [""; 0]);
}

/// `cookie` may come in crumbs; HTTP/1 knows one line (RFC 9113 section 8.2.3).
#[test]
fn what_ends_here_ends_here_and_crumbs_become_one_line() {
    let world = World::new();
    let outcome = get(
        &world,
        "/api/v2/crumbs",
        &[
            ("cookie", "a=1"),
            ("cookie", "b=2"),
            ("x-forwarded-for", "forged"),
            ("x_forwarded_for", "forged"),
            ("http2-settings", "forged"),
            ("proxy-authorization", "forged"),
            ("forwarded", "for=forged"),
            ("x-sendfile-type", "forged"),
            ("via", "2 a"),
            ("cookie", "c=3"),
            ("te", "trailers"),
            ("expect", "100-continue"),
        ],
    );
    assert_eq!(outcome.status, Some(200));
    let seen = world.eu.seen("/api/v2/crumbs");
    let request = &seen[0].request;
    assert_eq!(request.field("cookie"), Some("a=1; b=2; c=3"));
    assert_eq!(request.field("via"), Some("2 a, 2 onetime-gateway"));
    assert_eq!(request.field("expect"), None);
    assert_eq!(world.end(), [""; 0]);
}

fn post(frames: &mut Frames, path: &str, more: &[(&str, &str)]) {
    frames.send(HEADERS, END_HEADERS, 1, &fields("POST", path, more));
}

/// Whatever a body holds, it is the body, framed anew.
#[test]
fn a_request_in_a_body_stays_in_the_body() {
    let world = World::new();
    let hidden = "0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: eu.test\r\n\r\n";
    let length = hidden.len().to_string();
    for (i, more) in [
        &[("content-length", length.as_str())][..],
        &[],
        &[("transfer_encoding", "chunked"), ("content-type", "a/b")],
        &[("content_length", "5")],
        &[
            ("content-length", length.as_str()),
            ("expect", "100-continue"),
        ],
    ]
    .into_iter()
    .enumerate()
    {
        for pieces in [1, hidden.len()] {
            let path = format!("/api/v2/hidden{i}x{pieces}");
            let mut frames = Frames::open(&world.door);
            post(&mut frames, &path, more);
            for piece in hidden.as_bytes().chunks(hidden.len() / pieces) {
                frames.send(DATA, 0, 1, piece);
            }
            frames.send(DATA, END_STREAM, 1, b"");
            assert_eq!(frames.outcome(1).body, path.as_bytes());
            let seen = world.eu.seen(&path);
            assert_eq!(seen.len(), 1);
            assert_eq!(seen[0].request.body, hidden.as_bytes(), "{path}");
        }
    }
    let eu = world.eu.clone();
    assert_eq!(world.end(), [""; 0]);
    assert!(eu.seen("/smuggled").is_empty());
}

#[test]
fn a_body_that_is_not_as_long_as_was_said_is_a_reset() {
    let world = World::new();
    for (i, (length, pieces, trailers)) in [
        ("3", &["ab"][..], false),
        ("3", &["ab", "cd"], false),
        ("3", &["ab"], true),
        ("0", &["a"], false),
        ("1", &[""], false),
        ("18446744073709551615", &["ab"], false),
    ]
    .into_iter()
    .enumerate()
    {
        let path = format!("/api/v2/mismatch{i}");
        let mut frames = Frames::open(&world.door);
        post(&mut frames, &path, &[("content-length", length)]);
        for (n, piece) in pieces.iter().enumerate() {
            let last = n + 1 == pieces.len() && !trailers;
            let flags = if last { END_STREAM } else { 0 };
            frames.send(DATA, flags, 1, piece.as_bytes());
        }
        if trailers {
            let trailers = coded(&[("x-sum", "1")]);
            frames.send(HEADERS, END_STREAM | END_HEADERS, 1, &trailers);
        }
        let outcome = frames.outcome(1);
        let refused = outcome.status == Some(413) && length.len() > 6;
        assert!(
            refused || outcome.reset == Some(PROTOCOL_ERROR),
            "{length} {pieces:?}: {outcome:?}"
        );
        assert_ne!(outcome.status, Some(200));
    }
    let eu = world.eu.clone();
    assert_eq!(world.end(), [""; 0]);
    // Announced as empty, it was whole before its data came.
    let whole = |seen: &crate::harness::origin::Seen| {
        seen.request.field("content-length") == Some("0") && seen.request.body.is_empty()
    };
    assert!((0..6).all(|i| eu.seen(&format!("/api/v2/mismatch{i}")).iter().all(whole)));
}

/// Trailers that are malformed, by a pseudo-header field (RFC 9113 section 8.1) or otherwise, reset the
/// stream; the region never gets a whole request.
#[test]
fn trailers_say_nothing_that_a_head_must() {
    let world = World::new();
    for (i, (trailers, passes)) in [
        (&[("x-sum", "1"), ("X-Upper", "forged")][..], false),
        (&[("x-sum", "1"), ("connection", "forged")], false),
        (&[("x-sum", "1"), ("transfer-encoding", "chunked")], false),
        (&[("x-sum", "1"), ("x", "a\r\nhost: forged")], false),
        (&[("x-sum", "1"), ("te", "gzip")], false),
        (&[("x-sum", "1"), (":path", "/forged")], false),
        (&[(":path", "/forged"), ("x-sum", "1")], false),
        (
            &[
                ("x-sum", "1"),
                ("content-length", "44"),
                ("host", "forged"),
                ("cookie", "forged"),
                ("o-region", "forged"),
                ("x-forwarded-for", "forged"),
                ("x_y", "forged"),
                ("trailer", "forged"),
            ],
            true,
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let path = format!("/api/v2/trailers{i}");
        let mut frames = Frames::open(&world.door);
        post(&mut frames, &path, &[]);
        frames.send(DATA, 0, 1, b"ab");
        frames.send(HEADERS, END_STREAM | END_HEADERS, 1, &coded(trailers));
        let outcome = frames.outcome(1);
        if passes {
            assert_eq!(outcome.body, path.as_bytes(), "{trailers:?}");
            let request = &world.eu.seen(&path)[0].request;
            assert_eq!(request.body, b"ab");
            assert_eq!(request.trailers, ["x-sum: 1"], "{trailers:?}");
        } else {
            let ended =
                outcome.reset == Some(PROTOCOL_ERROR) || outcome.gone == Some(PROTOCOL_ERROR);
            assert!(
                ended && outcome.status.is_none(),
                "{trailers:?}: {outcome:?}"
            );
            assert!(world.eu.seen(&path).is_empty());
        }
    }
    assert_eq!(world.end(), [""; 0]);
}

/// The h2 crate forgets that a field was malformed when its block is cut in the middle of the next
/// one: the field is dropped then, which is the half of the law that protects a region.
#[test]
fn a_malformed_field_in_a_cut_block_never_reaches_a_region() {
    let world = World::new();
    for (name, value) in [
        ("connection", "forged"),
        ("transfer-encoding", "forged"),
        ("upgrade", "forged"),
        ("keep-alive", "forged"),
        ("proxy-connection", "forged"),
        ("te", "forged"),
        (":path", "/forged"),
        (":authority", "us.test"),
    ] {
        let path = format!("/api/v2/cut-{}", name.trim_start_matches(':'));
        let block = fields("GET", &path, &[(name, value), ("x-after", "plain")]);
        let mut frames = Frames::open(&world.door);
        let (first, second) = block.split_at(block.len() - 3);
        frames.send(HEADERS, END_STREAM, 1, first);
        frames.send(CONTINUATION, END_HEADERS, 1, second);
        let outcome = frames.outcome(1);
        let reset = outcome.status.is_none()
            && (outcome.reset == Some(PROTOCOL_ERROR) || outcome.gone == Some(PROTOCOL_ERROR));
        assert!(
            reset || outcome.status == Some(200) || outcome.status == Some(400),
            "{name}: {outcome:?}"
        );
        for seen in world.eu.seen(&path) {
            assert_eq!(seen.request.field("x-after"), Some("plain"));
            assert_eq!(seen.request.field("host"), Some("eu.test"));
        }
    }
    assert_eq!(world.us.count(), 0);
    assert_eq!(world.end(), [""; 0]);
}

/// Once a region may have read a request, nothing that happens to its stream says "not read".
#[test]
fn nothing_that_follows_a_read_request_invites_a_replay() {
    let world = World::new();
    let trailers = coded(&[("x", &"a".repeat(40_000))]);
    type Then2 = fn(&mut Frames, &[u8]);
    for (i, then) in [
        (|frames, _| frames.send(DATA, END_STREAM, 1, &[0; 16_385])) as Then2,
        |frames, _| frames.send(DATA, END_STREAM, 3, b"ab"),
        |frames, _| frames.send(0x16, 0, 0, &[0; 17_000]),
        |frames, trailers| {
            frames.send(HEADERS, END_STREAM, 1, &trailers[..16_000]);
            frames.send(CONTINUATION, 0, 1, &trailers[16_000..32_000]);
            frames.send(CONTINUATION, END_HEADERS, 1, &trailers[32_000..]);
        },
        |frames, _| frames.send(HEADERS, END_HEADERS, 1, &coded(&[("x", "y")])),
        |frames, _| frames.send(RST_STREAM, 0, 1, &CANCEL.to_be_bytes()),
        |frames, _| frames.send(RST_STREAM, 0, 1, &REFUSED_STREAM.to_be_bytes()),
    ]
    .into_iter()
    .enumerate()
    {
        // The region answers a part, and then waits: it has read the request.
        let path = format!("/api/v2/read{i}");
        let mut script = Script::says(
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
            Then::Hold,
        );
        script.early = true;
        world.eu.script(&path, script);
        let mut frames = Frames::open(&world.door);
        post(&mut frames, &path, &[]);
        // Less would wait for the rest.
        frames.send(DATA, 0, 1, &[b'a'; 16_384]);
        while {
            let frame = frames.next().expect("an answer");
            frame.kind != DATA || frame.stream != 1
        } {}
        then(&mut frames, &trailers);
        frames.send(PING, 0, 0, &[0; 8]);
        while let Some(frame) = frames.next() {
            let word = |at: usize| crate::harness::frames::code(&frame.payload[at..]);
            match frame.kind {
                RST_STREAM => assert_ne!(word(0), REFUSED_STREAM, "{i}"),
                GOAWAY => assert!(word(0) >= 1, "{i}: the stream is disowned"),
                PING => break,
                _ => {}
            }
        }
    }
    assert_eq!(world.end(), [""; 0]);
}

/// A region that answers before the body came has answered: the stream ends without an error that
/// speaks of the request, and what still comes belongs to nothing.
#[test]
fn an_early_answer_is_whole_and_its_stream_takes_no_more() {
    let world = World::new();
    for (status, code) in [("200 OK", 200), ("413 Content Too Large", 413)] {
        let path = format!("/api/v2/early{code}");
        let mut script = Script::says(
            format!("HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\nno"),
            Then::Keep,
        );
        script.early = true;
        world.eu.script(&path, script);
        let mut frames = Frames::open(&world.door);
        post(&mut frames, &path, &[]);
        // Less would wait for the rest.
        frames.send(DATA, 0, 1, &[b'a'; 16_384]);
        let outcome = frames.outcome(1);
        assert_eq!(
            (outcome.status, outcome.body.as_slice()),
            (Some(code), &b"no"[..])
        );
        assert!(outcome.ended, "{outcome:?}");
        frames.send(
            DATA,
            END_STREAM,
            1,
            b"GET /smuggled HTTP/1.1\r\nHost: eu.test\r\n\r\n",
        );
        let block = fields("GET", "/api/v2/after", &[]);
        frames.send(HEADERS, END_HEADERS | END_STREAM, 3, &block);
        let mut after = false;
        while !after {
            let frame = frames.next().expect("the connection goes on");
            match (frame.kind, frame.stream) {
                (RST_STREAM, 1) => {
                    let said = crate::harness::frames::code(&frame.payload);
                    assert!([NO_ERROR, STREAM_CLOSED, CANCEL].contains(&said), "{said}");
                }
                (DATA, 3) => after = frame.payload == b"/api/v2/after",
                _ => {}
            }
        }
    }
    let eu = world.eu.clone();
    assert_eq!(world.end(), [""; 0]);
    assert!(eu.seen("/smuggled").is_empty());
    assert_eq!(
        eu.seen("/api/v2/early200").len() + eu.seen("/api/v2/early413").len(),
        0
    );
}
