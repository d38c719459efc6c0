//! HTTP/2 from the client's side, malformed and odd, down to the frame.

use std::collections::HashMap;

use crate::harness::frames::{
    CANCEL, CONTINUATION, DATA, END_HEADERS, END_STREAM, Frames, HEADERS, NO_ERROR, Outcome,
    REFUSED_STREAM, RST_STREAM, WINDOW_UPDATE, block, code, frame, take_in,
};
use crate::harness::gateway::World;
use crate::harness::origin::{Script, Then};
use crate::harness::shown;

type Fields = Vec<(Vec<u8>, Vec<u8>)>;

fn fields(pairs: &[(&str, &str)]) -> Fields {
    pairs
        .iter()
        .map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()))
        .collect()
}

fn coded(fields: &Fields) -> Vec<u8> {
    let pairs: Vec<(&[u8], &[u8])> = fields
        .iter()
        .map(|(name, value)| (name.as_slice(), value.as_slice()))
        .collect();
    block(&pairs)
}

const HONEST: [(&str, &str); 4] = [
    (":method", "GET"),
    (":scheme", "https"),
    (":authority", "eu.test"),
    (":path", "/api/v2/h2"),
];

/// The honest request with one pseudo-header changed, or left out.
fn with(name: &str, value: Option<&str>) -> Fields {
    let kept = HONEST
        .iter()
        .filter_map(|(own, old)| match (*own == name, value) {
            (true, None) => None,
            (true, Some(new)) => Some((*own, new)),
            (false, _) => Some((*own, *old)),
        });
    fields(&kept.collect::<Vec<_>>())
}

/// The honest request and one more field.
fn plus(name: &str, value: &str) -> Fields {
    let mut all = fields(&HONEST);
    all.extend(fields(&[(name, value)]));
    all
}

fn once(world: &World, fields: &Fields) -> Outcome {
    let mut frames = Frames::open(&world.door);
    frames.send(HEADERS, END_HEADERS | END_STREAM, 1, &coded(fields));
    frames.outcome(1)
}

fn malformed() -> Vec<Fields> {
    let mut all: Vec<Fields> = [
        ("X-Upper", "y"),
        ("hosT", "eu.test"),
        ("connection", "close"),
        ("connection", "x-hop"),
        ("keep-alive", "1"),
        ("proxy-connection", "close"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "h2c"),
        ("te", "gzip"),
        ("te", "trailers, gzip"),
        ("x\r\ny", "z"),
        ("x\ny", "z"),
        ("x\0y", "z"),
        ("x y", "z"),
        ("x\"a", "z"),
        ("x:y", "z"),
        (" x", "z"),
        ("x ", "z"),
        ("", "z"),
        ("x\u{e9}", "z"),
        ("x\x7f", "z"),
        ("x", "a\r\nb: c"),
        ("x", "a\nb"),
        ("x", "a\rb"),
        ("x", "a\0b"),
        ("x", "a\x01b"),
        ("x", "a\x7fb"),
        (":status", "200"),
        (":unknown", "x"),
        (":path", "/again"),
        (":method", "GET"),
        (":authority", "eu.test"),
        (":scheme", "https"),
        ("content-length", "5"),
        ("content-length", "x"),
        ("content-length", "-1"),
        ("content-length", "+0"),
        ("content-length", "99999999999999999999999"),
        ("host", "us.test"),
        ("host", "eu.test, us.test"),
        ("host", ""),
        ("host", "a@eu.test"),
    ]
    .iter()
    .map(|(name, value)| plus(name, value))
    .collect();
    for (name, value) in [
        (":method", None),
        (":scheme", None),
        (":path", None),
        (":authority", None),
        (":method", Some("")),
        (":method", Some("G T")),
        (":method", Some("GET\r\nX: y")),
        (":method", Some("GET / HTTP/1.1\r\n")),
        (":method", Some("G\0T")),
        (":path", Some("")),
        (":path", Some("api")),
        (":path", Some("*")),
        (":path", Some("/a b")),
        (":path", Some("/api/v2/h2#/../x")),
        (":path", Some("/a#b")),
        (":path", Some("/a?b#")),
        (":path", Some("/a\r\nX: y")),
        (":path", Some("/a HTTP/1.1\r\nX: y\r\n\r\n")),
        (":path", Some("/a\nb")),
        (":path", Some("/a\0b")),
        (":path", Some("/a\tb")),
        (":path", Some("/a\x7fb")),
        (":path", Some("/../a")),
        (":path", Some("/%2e%2e/a")),
        (":path", Some("/a%2fb")),
        (":path", Some("/a%00")),
        (":path", Some("/\u{e9}")),
        (":path", Some("/a?\u{e9}")),
        (":path", Some("/a?\x7f")),
        (":path", Some("/a?b c")),
        (":path", Some("/a?b\r\nX: y")),
        (":path", Some("https://eu.test/a")),
        (":path", Some("/a\\b")),
        (":authority", Some("")),
        (":authority", Some("a@eu.test")),
        (":authority", Some("eu.test:x")),
        (":authority", Some("eu.test\r\nX: y")),
        (":authority", Some("eu.test us.test")),
        (":authority", Some("eu.test/x")),
        (":authority", Some("eu.test,us.test")),
        (":authority", Some("eu.test\0")),
        (":scheme", Some("ht tps")),
        (":scheme", Some("https\r\nX: y")),
    ] {
        all.push(with(name, value));
    }
    // Repeated, or after an ordinary field.
    let mut late = fields(&[("x", "y")]);
    late.extend(fields(&HONEST));
    all.push(late);
    for pair in [["0", "0"], ["0", "1"]] {
        let mut twice = plus("content-length", pair[0]);
        twice.extend(fields(&[("content-length", pair[1])]));
        all.push(twice);
    }
    let mut twice = plus("host", "eu.test");
    twice.extend(fields(&[("host", "eu.test")]));
    all.push(twice);
    all
}

#[test]
fn a_malformed_stream_is_reset_or_refused_and_no_region_sees_it() {
    let world = World::new();
    let all = malformed();
    println!("{} streams", all.len());
    let mut failures = Vec::new();
    for fields in &all {
        let before = world.eu.count() + world.us.count();
        let outcome = once(&world, fields);
        let refused =
            outcome.status == Some(400) && outcome.reset.is_none_or(|code| code == NO_ERROR);
        let reset = outcome.status.is_none()
            && (outcome
                .reset
                .is_some_and(|code| code != REFUSED_STREAM && code != NO_ERROR)
                || outcome.gone.is_some_and(|code| code != NO_ERROR));
        if !(refused || reset) || world.eu.count() + world.us.count() != before {
            failures.push(format!("{}: {outcome:?}", shown(&coded(fields))));
        }
    }
    failures.extend(world.end());
    assert!(
        failures.is_empty(),
        "{} of {}\n{}",
        failures.len(),
        all.len(),
        failures.join("\n")
    );
}

#[test]
fn an_honest_stream_is_served_and_others_are_told_precisely() {
    let world = World::new();
    for (fields, status) in [
        (fields(&HONEST), 200),
        (with(":authority", Some("EU.test:443")), 200),
        (plus("host", "eu.test"), 200),
        (plus("te", "trailers"), 200),
        (plus("x-forwarded-for", "forged"), 200),
        (plus("x_forwarded_for", "forged"), 200),
        (plus("content-length", "0"), 200),
        (with(":path", Some("/api/v2/h2?a=/../%2f:@{|}~")), 200),
        (with(":method", Some("BREW")), 501),
        (with(":method", Some("TRACE")), 405),
        (with(":authority", Some("nobody.test")), 421),
        (plus("expect", "x"), 417),
        (plus("o-region", "nowhere"), 400),
        (plus("content-length", "0"), 200),
    ] {
        let outcome = once(&world, &fields);
        assert_eq!(
            outcome.status,
            Some(status),
            "{}: {outcome:?}",
            shown(&coded(&fields))
        );
        assert!(
            outcome.ended || outcome.reset == Some(NO_ERROR),
            "{outcome:?}"
        );
    }
    assert_eq!(world.end(), [""; 0]);
}

fn post(frames: &mut Frames, stream: u32, path: &str, more: &[(&str, &str)]) {
    let mut all = fields(&[
        (":method", "POST"),
        (":scheme", "https"),
        (":authority", "eu.test"),
        (":path", path),
    ]);
    all.extend(fields(more));
    frames.send(HEADERS, END_HEADERS, stream, &coded(&all));
}

#[test]
fn a_body_is_as_long_as_it_says_or_never_arrives_whole() {
    let world = World::new();
    for (length, data) in [("5", "abc"), ("2", "abc"), ("0", "abc"), ("5", "")] {
        let mut frames = Frames::open(&world.door);
        post(
            &mut frames,
            1,
            "/api/v2/length",
            &[("content-length", length)],
        );
        frames.send(DATA, END_STREAM, 1, data.as_bytes());
        let outcome = frames.outcome(1);
        let refused = outcome.status == Some(400)
            || outcome.reset.is_some_and(|code| code != REFUSED_STREAM)
            || outcome.gone.is_some();
        assert!(
            refused && outcome.status != Some(200),
            "{length} {data}: {outcome:?}"
        );
    }
    assert!(world.eu.seen("/api/v2/length").is_empty());
    assert_eq!(world.end(), [""; 0]);
}

/// The last byte, or the empty body, goes out when the stream has ended: data behind it would make
/// the request malformed after a region had executed it.
#[test]
fn a_region_executes_no_request_whose_stream_has_not_ended() {
    let world = World::new();
    let long = vec![b'x'; 40_000];
    for (length, data) in [("0", &b""[..]), ("5", b"abcde"), ("40000", &long)] {
        for too_much in [true, false] {
            let mut frames = Frames::open(&world.door);
            post(
                &mut frames,
                1,
                "/api/v2/unended",
                &[("content-length", length)],
            );
            for piece in data.chunks(10_000) {
                frames.send(DATA, 0, 1, piece);
            }
            // Another stream's whole exchange gives the first one time.
            for id in [3, 5, 7] {
                let honest = coded(&fields(&HONEST));
                frames.send(HEADERS, END_HEADERS | END_STREAM, id, &honest);
                assert_eq!(frames.body(id), b"/api/v2/h2");
            }
            assert!(world.eu.seen("/api/v2/unended").is_empty(), "{length}");
            if too_much {
                frames.send(DATA, END_STREAM, 1, b"x");
                let outcome = frames.outcome(1);
                assert!(outcome.reset.is_some(), "{outcome:?}");
                assert!(world.eu.seen("/api/v2/unended").is_empty(), "{length}");
            } else {
                frames.send(DATA, END_STREAM, 1, b"");
                assert_eq!(frames.body(1), b"/api/v2/unended");
                assert_eq!(world.eu.seen("/api/v2/unended").len(), 1);
                world.eu.take_seen();
            }
        }
    }
    let eu = world.eu.clone();
    let _ = world.end();
    assert!(eu.seen("/api/v2/unended").is_empty());
}

/// Clients that lose an answer whose stream is reset in the same flight get it first.
#[test]
fn an_own_answer_to_an_unread_body_is_not_followed_by_a_reset() {
    let world = World::new();
    let mut frames = Frames::open(&world.door);
    frames.send_raw(&[]);
    let refused = fields(&[
        (":method", "POST"),
        (":scheme", "https"),
        (":authority", "nobody.test"),
        (":path", "/api/v2/x"),
    ]);
    frames.send(HEADERS, END_HEADERS, 1, &coded(&refused));
    let outcome = frames.outcome(1);
    assert_eq!((outcome.status, outcome.ended), (Some(421), true));
    // The rest is taken in: there is credit for far more than one window.
    let mut credit = 65_535_i64;
    for _ in 0..20 {
        frames.send(DATA, 0, 1, &[0; 16_384]);
        credit -= 16_384;
        while credit < 16_384 {
            let frame = frames.next().expect("the connection goes on");
            assert_ne!(frame.kind, RST_STREAM);
            if frame.kind == WINDOW_UPDATE && frame.stream == 1 {
                credit += i64::from(code(&frame.payload));
            }
        }
    }
    frames.send(DATA, END_STREAM, 1, b"");
    frames.send(
        HEADERS,
        END_HEADERS | END_STREAM,
        3,
        &coded(&fields(&HONEST)),
    );
    loop {
        let frame = frames.next().expect("the connection goes on");
        assert_ne!(frame.kind, RST_STREAM, "{frame:?}");
        if frame.stream == 3 && frame.flags & END_STREAM != 0 {
            break;
        }
    }
    drop(frames);
    assert_eq!(world.end(), [""; 0]);
}

#[test]
fn bodies_and_trailers_arrive_byte_for_byte() {
    let world = World::new();
    let mut frames = Frames::open(&world.door);
    post(
        &mut frames,
        1,
        "/api/v2/counted",
        &[("content-length", "5")],
    );
    frames.send(DATA, 0, 1, b"ab");
    frames.send(DATA, 0, 1, b"");
    frames.send(DATA, END_STREAM, 1, b"cde");
    assert_eq!(frames.outcome(1).body, b"/api/v2/counted");
    post(&mut frames, 3, "/api/v2/open", &[("trailer", "x-sum")]);
    frames.send(DATA, 0, 3, b"abcde");
    let trailers = fields(&[
        ("x-sum", "1"),
        ("x-forwarded-for", "forged"),
        ("host", "forged"),
        ("content-type", "forged"),
    ]);
    frames.send(HEADERS, END_HEADERS | END_STREAM, 3, &coded(&trailers));
    assert_eq!(frames.outcome(3).body, b"/api/v2/open");
    let (counted, open) = (
        world.eu.seen("/api/v2/counted"),
        world.eu.seen("/api/v2/open"),
    );
    assert_eq!((counted.len(), open.len()), (1, 1));
    assert_eq!(
        (
            counted[0].request.body.as_slice(),
            counted[0].request.chunked
        ),
        (b"abcde".as_slice(), false)
    );
    assert_eq!(
        (open[0].request.body.as_slice(), open[0].request.chunked),
        (b"abcde".as_slice(), true)
    );
    assert_eq!(open[0].request.trailers, ["x-sum: 1"]);
    drop(frames);
    assert_eq!(world.end(), [""; 0]);
}

/// A region must never take a part for the whole.
#[test]
fn a_stream_that_the_client_resets_never_arrives_as_a_whole_request() {
    resets(&[CANCEL, 2, 5, REFUSED_STREAM]);
}

/// hyper ends the body as if it were whole when the reset says NO_ERROR.
#[test]
fn a_stream_that_the_client_resets_without_error_never_arrives_as_a_whole_request() {
    resets(&[NO_ERROR]);
}

fn resets(codes: &[u32]) {
    let world = World::new();
    for code in codes {
        for more in [&[("content-length", "10")][..], &[]] {
            let mut frames = Frames::open(&world.door);
            post(&mut frames, 1, "/api/v2/reset", more);
            frames.send(DATA, 0, 1, b"abc");
            frames.send(RST_STREAM, 0, 1, &code.to_be_bytes());
            // The connection goes on.
            frames.send(
                HEADERS,
                END_HEADERS | END_STREAM,
                3,
                &coded(&fields(&HONEST)),
            );
            assert_eq!(frames.outcome(3).body, b"/api/v2/h2", "{code}");
        }
    }
    let eu = world.eu.clone();
    assert_eq!(world.end(), [""; 0]);
    assert!(
        eu.seen("/api/v2/reset").is_empty(),
        "a cut request arrived as a whole one"
    );
}

#[test]
fn many_streams_at_once_are_all_answered() {
    let world = World::new();
    let mut frames = Frames::open(&world.door);
    let mut bytes = Vec::new();
    let ids: Vec<u32> = (0..100).map(|i| i * 2 + 1).collect();
    for id in &ids {
        let fields = with(":path", Some(&format!("/api/v2/many{id}")));
        let coded = coded(&fields);
        let (a, b) = coded.split_at(coded.len() / 2);
        bytes.extend(frame(HEADERS, END_STREAM, *id, a));
        bytes.extend(frame(CONTINUATION, END_HEADERS, *id, b));
    }
    frames.send_raw(&bytes);
    let mut outcomes: HashMap<u32, Outcome> = HashMap::new();
    let mut open = ids.len();
    while open > 0 {
        let frame = frames.next().expect("the connection goes on");
        let outcome = outcomes.entry(frame.stream).or_default();
        // A status can only be read from the first head; the echoed path says enough.
        outcome.status = Some(200);
        open -= usize::from(take_in(outcome, &frame));
    }
    for id in ids {
        assert_eq!(outcomes[&id].body, format!("/api/v2/many{id}").as_bytes());
        assert_eq!(world.eu.seen(&format!("/api/v2/many{id}")).len(), 1);
    }
    drop(frames);
    assert_eq!(world.end(), [""; 0]);
}

#[test]
fn an_answer_that_its_region_cuts_is_a_reset_that_invites_no_replay() {
    let world = World::new();
    let ok = "HTTP/1.1 200 OK\r\n";
    for (i, (rest, then)) in [
        ("Content-Length: 5\r\n\r\nabc", Then::Close),
        ("Content-Length: 5\r\n\r\n", Then::Close),
        (
            "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
            Then::Close,
        ),
        ("Transfer-Encoding: chunked\r\n\r\n", Then::Close),
        (
            "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n",
            Then::Close,
        ),
        (
            "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nx\r\n",
            Then::Hold,
        ),
        (
            "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n",
            Then::Hold,
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let path = format!("/api/v2/cut{i}");
        world
            .eu
            .script(&path, Script::says(format!("{ok}{rest}"), then));
        let outcome = once(&world, &with(":path", Some(&path)));
        // The h2 crate drops a head that still waits when the stream is reset.
        assert!(matches!(outcome.status, None | Some(200)), "{rest:?}");
        assert!(!outcome.ended, "{rest:?}: a clean end");
        assert!(
            outcome
                .reset
                .is_some_and(|code| code != REFUSED_STREAM && code != NO_ERROR),
            "{rest:?}: {outcome:?}"
        );
        assert_eq!(world.eu.seen(&path).len(), 1, "{rest:?}");
    }
    for (i, (bytes, then)) in [
        ("", Then::Close),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
            Then::Keep,
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let path = format!("/api/v2/none{i}");
        world.eu.script(&path, Script::says(bytes, then));
        let outcome = once(&world, &with(":path", Some(&path)));
        assert_eq!(
            (outcome.status, outcome.ended),
            (Some(502), true),
            "{bytes:?}"
        );
        assert_eq!(world.eu.seen(&path).len(), 1);
    }
    assert_eq!(world.end(), [""; 0]);
}
