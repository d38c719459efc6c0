//! What one HTTP/2 stream does must not end the others: a request that was executed is answered.

use crate::harness::frames::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, Frames, GOAWAY, HEADERS, PADDED, PING,
    PRIORITIZED, PROTOCOL_ERROR, RST_STREAM, block, code, frame,
};
use crate::harness::gateway::World;
use crate::harness::origin::{Script, Then};

fn head(method: &str, path: &str, more: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut all: Vec<(&[u8], &[u8])> = vec![
        (b":method", method.as_bytes()),
        (b":scheme", b"https"),
        (b":authority", b"eu.test"),
        (b":path", path.as_bytes()),
    ];
    all.extend_from_slice(more);
    block(&all)
}

/// A literal that is inserted into the table.
fn inserted(name: &[u8], value: &[u8]) -> Vec<u8> {
    let mut bytes = block(&[(name, value)]);
    bytes[0] = 0x40;
    bytes
}

/// A POST on stream 1 that its region has and has not answered.
fn asks(world: &World, frames: &mut Frames) {
    world
        .eu
        .script("/api/v1/secret/slow", Script::says("", Then::Hold));
    let post = head("POST", "/api/v1/secret/slow", &[]);
    frames.send(HEADERS, END_HEADERS | END_STREAM, 1, &post);
    while world.eu.seen("/api/v1/secret/slow").is_empty() {
        std::thread::yield_now();
    }
}

/// Its answer comes now, and must arrive.
fn is_answered(world: &World, frames: &mut Frames) {
    world
        .eu
        .blurt(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret");
    let mut body = Vec::new();
    loop {
        let frame = frames.next().expect("the answer comes first");
        if frame.stream == 1 {
            assert_ne!(frame.kind, RST_STREAM, "{frame:?}");
            if frame.kind == DATA {
                body.extend_from_slice(&frame.payload);
            }
            if frame.flags & END_STREAM != 0 {
                assert_eq!(body, b"secret");
                return;
            }
        }
    }
}

fn is_reset(frames: &mut Frames, stream: u32, what: &str) {
    loop {
        let frame = frames.next().expect(what);
        assert_ne!(frame.kind, GOAWAY, "{what}: {frame:?}");
        if frame.stream == stream {
            assert_eq!(frame.kind, RST_STREAM, "{what}: {frame:?}");
            assert_eq!(code(&frame.payload), PROTOCOL_ERROR, "{what}");
            return;
        }
    }
}

#[test]
fn a_malformed_stream_is_reset_and_others_are_answered() {
    let world = World::new();
    let mut frames = Frames::open(&world.door);
    asks(&world, &mut frames);
    let mut stream = 1;
    let fields: [(&[u8], &[u8]); 17] = [
        (b"X-Upper", b"y"),
        (b"x\"a", b"1"),
        (b"x y", b"z"),
        (b"x\r\ny", b"z"),
        (b"x\xe9", b"z"),
        (b"", b"z"),
        (b"", b""),
        (b"x", b"a\0b"),
        (b"x", b"a\r\nb: c"),
        (b"x", b"a\x7fb"),
        (b":unknown", b"x"),
        (b":status", b"200"),
        (b":status", b"x"),
        (b":path", b"/again"),
        (b":method", b"G T"),
        (b"connection", b"close"),
        (b"te", b"gzip"),
    ];
    for (name, value) in fields {
        let what = format!("{name:?} {value:?}");
        let bad = head("GET", "/api/v2/bad", &[(name, value)]);
        stream += 2;
        frames.send(HEADERS, END_HEADERS | END_STREAM, stream, &bad);
        is_reset(&mut frames, stream, &what);
    }
    // In pieces, padded, and with a priority, of which one is the stream's own.
    let bad = head(
        "GET",
        "/api/v2/bad",
        &[(b"te", b"gzip"), (b"X", b"y"), (b"x", b"z")],
    );
    let honest = head("GET", "/api/v2/bad", &[]);
    stream += 2;
    frames.send(HEADERS, END_STREAM, stream, &bad[..bad.len() - 5]);
    frames.send(CONTINUATION, END_HEADERS, stream, &bad[bad.len() - 5..]);
    is_reset(&mut frames, stream, "in pieces");
    stream += 2;
    let flags = END_HEADERS | END_STREAM | PADDED | PRIORITIZED;
    let padded = [&[2, 0, 0, 0, 1, 7][..], &bad, &[0, 0]].concat();
    frames.send(HEADERS, flags, stream, &padded);
    is_reset(&mut frames, stream, "padded");
    stream += 2;
    let own = [&stream.to_be_bytes()[..], &[7], &honest[..]].concat();
    frames.send(
        HEADERS,
        END_HEADERS | END_STREAM | PRIORITIZED,
        stream,
        &own,
    );
    is_reset(&mut frames, stream, "of its own");
    for path in ["/a#b", "/#", "/a b", "/\u{e9}"] {
        stream += 2;
        frames.send(
            HEADERS,
            END_HEADERS | END_STREAM,
            stream,
            &head("GET", path, &[]),
        );
        is_reset(&mut frames, stream, path);
    }
    // Trailers.
    stream += 2;
    frames.send(
        HEADERS,
        END_HEADERS,
        stream,
        &head("POST", "/api/v2/bad", &[]),
    );
    let trailers = block(&[(b"X-Sum", b"1")]);
    frames.send(HEADERS, END_HEADERS | END_STREAM, stream, &trailers);
    is_reset(&mut frames, stream, "trailers");
    is_answered(&world, &mut frames);
    let eu = world.eu.clone();
    let _ = world.end();
    assert!(eu.seen("/api/v2/bad").is_empty());
}

/// What a malformed block inserts into the table is where the client believes it to be.
#[test]
fn the_table_stays_in_step_with_the_client() {
    let world = World::new();
    let mut frames = Frames::open(&world.door);
    let mut bad = head("GET", "/api/v2/bad", &[]);
    bad.extend(inserted(b"x-good", b"abc"));
    bad.extend(inserted(b"X-Bad", b"yy"));
    bad.extend(inserted(b"x-name", b"a\0"));
    frames.send(HEADERS, END_HEADERS | END_STREAM, 1, &bad);
    is_reset(&mut frames, 1, "malformed");
    // The newest is 62: x-name, X-Bad, x-good.
    let mut good = head("GET", "/api/v2/good", &[]);
    good.extend([0x80 | 64, 0x0f, 62 - 15, 1, b'v']);
    frames.send(HEADERS, END_HEADERS | END_STREAM, 3, &good);
    assert_eq!(frames.body(3), b"/api/v2/good");
    for (stream, index) in [(5, 62), (7, 63)] {
        let mut bad = head("GET", "/api/v2/bad", &[]);
        bad.push(0x80 | index);
        frames.send(HEADERS, END_HEADERS | END_STREAM, stream, &bad);
        is_reset(&mut frames, stream, "what is malformed in the table");
    }
    let seen = world.eu.seen("/api/v2/good");
    assert_eq!(seen[0].request.field("x-good"), Some("abc"));
    assert_eq!(seen[0].request.field("x-name"), Some("v"));
    assert!(world.eu.seen("/api/v2/bad").is_empty());
    drop(frames);
    assert_eq!(world.end(), [""; 0]);
}

/// Pings, or malformed streams, without end: the connection ends, but not before an answer in flight.
#[test]
fn a_flood_takes_no_answer_with_it() {
    let ping = frame(PING, 0, 0, &[0; 8]);
    let malformed: Vec<u8> = (1..200_u32)
        .flat_map(|number| {
            let bad = head("GET", "/api/v2/bad", &[(b"X", b"y")]);
            frame(HEADERS, END_HEADERS | END_STREAM, 2 * number + 1, &bad)
        })
        .collect();
    for flood in [ping.repeat(4_000), malformed] {
        let world = World::new();
        let mut frames = Frames::open(&world.door);
        asks(&world, &mut frames);
        frames.send_raw(&flood);
        loop {
            let frame = frames.next_of_all().expect("it is told to go");
            if frame.kind == GOAWAY {
                assert_eq!(code(&frame.payload[4..]), 0, "{frame:?}");
                break;
            }
        }
        is_answered(&world, &mut frames);
        frames.rest();
        assert_eq!(world.sum("onetime_gateway_http2_floods_total"), 1);
        let _ = world.end();
    }
}

/// The time for a head holds from the handshake on.
#[test]
fn a_connection_that_asks_nothing_whole_is_ended_in_the_time_for_a_head() {
    let world = World::with("[timeouts]\nhead = \"1s\"\nkeep_alive = \"600s\"\n");
    let honest = head("GET", "/api/v2/honest", &[]);
    let half = frame(HEADERS, END_HEADERS | END_STREAM, 3, &honest);
    let mut silent = Frames::silent(&world.door);
    let mut nothing = Frames::open(&world.door);
    let mut piece = Frames::open(&world.door);
    piece.send_raw(&half[..20]);
    let mut unended = Frames::open(&world.door);
    unended.send(HEADERS, END_STREAM, 1, &honest);
    let mut later = Frames::open(&world.door);
    later.send(HEADERS, END_HEADERS | END_STREAM, 1, &honest);
    assert_eq!(later.body(1), b"/api/v2/honest");
    later.send_raw(&half[..20]);
    let mut waits = Frames::open(&world.door);
    waits.send(HEADERS, END_HEADERS | END_STREAM, 1, &honest);
    assert_eq!(waits.body(1), b"/api/v2/honest");
    for frames in [
        &mut silent,
        &mut nothing,
        &mut piece,
        &mut unended,
        &mut later,
    ] {
        frames.rest();
    }
    waits.send(HEADERS, END_HEADERS | END_STREAM, 3, &honest);
    assert_eq!(waits.body(3), b"/api/v2/honest");
    drop(waits);
    assert_eq!(world.end(), [""; 0]);
}

/// The limit of requests is that of all threads together.
#[test]
fn one_connection_may_have_all_requests_of_an_idle_process() {
    let world = World::launched(
        "threads = 4",
        "[limits]\nrequests = 8\n",
        &crate::harness::process::Launch::default(),
    );
    let mut frames = Frames::open(&world.door);
    let streams = [1, 3, 5, 7, 9, 11];
    let bytes: Vec<u8> = streams
        .iter()
        .flat_map(|stream| {
            let honest = head("GET", &format!("/api/v2/one{stream}"), &[]);
            frame(HEADERS, END_HEADERS | END_STREAM, *stream, &honest)
        })
        .collect();
    frames.send_raw(&bytes);
    let mut open = streams.len();
    while open > 0 {
        let frame = frames.next().expect("the connection goes on");
        open -= usize::from(frame.flags & END_STREAM != 0);
    }
    for stream in streams {
        assert_eq!(world.eu.seen(&format!("/api/v2/one{stream}")).len(), 1);
    }
    drop(frames);
    assert_eq!(world.end(), [""; 0]);
}

/// curl 7.88 loses an answer whose stream is reset in the same flight. Only where curl is installed.
#[test]
fn curl_gets_each_answer_to_a_body_that_is_not_read() {
    let world = World::new();
    let early = Script {
        early: true,
        ..Script::says(
            "HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nno\n",
            Then::Keep,
        )
    };
    world.eu.script("/api/v2/early", early);
    let body = tempfile::NamedTempFile::new().expect("a file");
    let port = world.gateway.https.port();
    for (size, host, path, status) in [
        (300_000, "eu.test", "/api/v2/large", "413"),
        (1_100_000, "eu.test", "/api/v2/large", "413"),
        (100_000, "nobody.test", "/api/v2/x", "421"),
        (25, "nobody.test", "/api/v2/x", "421"),
        (200_000, "eu.test", "/api/v2/early", "413"),
    ] {
        std::fs::write(body.path(), vec![b'x'; size]).expect("a body");
        for _ in 0..20 {
            let Ok(said) = std::process::Command::new("curl")
                .args(["--http2", "-k", "-s", "-m", "30", "-o", "/dev/null"])
                .args(["-w", "%{http_code}", "-H", "Expect:"])
                .args(["--resolve", &format!("{host}:{port}:127.0.0.1")])
                .arg("--data-binary")
                .arg(format!("@{}", body.path().display()))
                .arg(format!("https://{host}:{port}{path}"))
                .output()
            else {
                return;
            };
            let text = String::from_utf8_lossy(&said.stdout);
            assert!(said.status.success(), "{size} {path}: {said:?}");
            assert_eq!(text, status, "{size} {path}");
        }
    }
}
