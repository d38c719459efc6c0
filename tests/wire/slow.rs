//! Clients that are slow on purpose: each dies by a limit, none by another's time, and honest ones
//! are served meanwhile.

use std::time::{Duration, Instant};

use crate::harness::client::Client;
use crate::harness::frames::{
    CANCEL, DATA, END_HEADERS, END_STREAM, Frames, HEADERS, RST_STREAM, SETTINGS, WINDOW_UPDATE,
    block,
};
use crate::harness::gateway::World;
use crate::harness::origin::{Script, Then};
use crate::harness::{PATIENCE, until};

/// Only the rate can be what ends them: every other limit is far away.
const RATE: &str = "[timeouts]\nbody_grace = \"200ms\"\n[limits]\nbody_rate = \"1MiB\"\n";

/// Between two crumbs: far below any time without a byte.
const CRUMB: Duration = Duration::from_millis(5);

fn is_served(world: &World) {
    let mut client = world.door.open();
    client.send(b"GET /api/v2/honest HTTP/1.1\r\nHost: eu.test\r\n\r\n");
    let answer = client.answer(false).expect("an answer");
    assert_eq!(answer.body, b"/api/v2/honest");
}

/// Sends crumbs until the gateway has had enough.
fn dribble(client: &mut Client, crumb: &[u8], ended: impl Fn() -> bool) {
    let begun = Instant::now();
    while !ended() {
        assert!(begun.elapsed() < PATIENCE, "crumbs are taken for ever");
        client.send(crumb);
        std::thread::sleep(CRUMB);
    }
}

/// An HTTP/2 request of `stream`.
fn request(frames: &mut Frames, stream: u32, method: &str, path: &str) {
    let fields: [(&[u8], &[u8]); 4] = [
        (b":method", method.as_bytes()),
        (b":scheme", b"https"),
        (b":authority", b"eu.test"),
        (b":path", path.as_bytes()),
    ];
    let end = if method == "GET" { END_STREAM } else { 0 };
    frames.send(HEADERS, END_HEADERS | end, stream, &block(&fields));
}

/// An answer too large for any buffer on the way.
fn large() -> Script {
    let mut answer = b"HTTP/1.1 200 OK\r\nContent-Length: 33554432\r\n\r\n".to_vec();
    answer.resize(answer.len() + 33_554_432, b'x');
    Script::says(answer, Then::Keep)
}

#[test]
fn a_head_in_crumbs_is_refused_in_time() {
    let world = World::with("[timeouts]\nhead = \"200ms\"\n");
    let mut client = world.door.open();
    client.send(b"GET /api/v2/slow HTTP/1.1\r\nHost: eu.test\r\nX: ");
    let refused =
        || world.says("onetime_gateway_refusals_total{region=\"none\",label=\"head-timeout\"} 1");
    dribble(&mut client, b"x", refused);
    is_served(&world);
    drop(client);
    assert_eq!(world.end(), [""; 0]);
}

/// A region that takes one request at a time has it for whoever is ready: bodies that do not come wait
/// here, however they are framed, and no part of them gets there.
#[test]
fn a_body_that_does_not_come_takes_no_place_at_a_region() {
    let world = World::with("[limits]\nrequests_per_region = 1\nqueue_per_region = 0\n");
    let mut slow = Vec::new();
    for framing in [
        "Content-Length: 100\r\n\r\nsome",
        "Transfer-Encoding: chunked\r\n\r\n4\r\nsome\r\n",
    ] {
        let mut client = world.door.open();
        let head = "POST /api/v2/slow HTTP/1.1\r\nHost: eu.test\r\n";
        client.send([head, framing].concat().as_bytes());
        slow.push(client);
    }
    let mut frames = Frames::open(&world.door);
    for stream in [1, 3] {
        request(&mut frames, stream, "POST", "/api/v2/slow");
        frames.send(DATA, 0, stream, b"some");
    }
    until("all are in flight", || {
        world.sum("onetime_gateway_requests_in_flight") == 4
    });
    for _ in 0..3 {
        is_served(&world);
    }
    // The rest comes after all.
    for (client, rest) in slow.iter_mut().zip([&[b'x'; 96][..], b"0\r\n\r\n"]) {
        client.send(rest);
        let answer = client.answer(false).expect("an answer");
        assert_eq!(answer.body, b"/api/v2/slow");
    }
    frames.send(DATA, END_STREAM, 1, b"x");
    assert_eq!(frames.outcome(1).status, Some(200));
    drop((slow, frames));
    let eu = world.eu.clone();
    assert_eq!(world.end(), [""; 0]);
    assert_eq!(eu.count(), 6, "one that never came whole has not come");
}

/// What has begun to be sent dies by the same limits.
#[test]
fn a_long_body_in_crumbs_is_refused_as_well() {
    let world = World::with(RATE);
    let mut client = world.door.open();
    client.send(b"POST /api/v2/slow HTTP/1.1\r\nHost: eu.test\r\nContent-Length: 100000\r\n\r\n");
    client.send(&[b'x'; 20_000]);
    let refused =
        || world.says("onetime_gateway_refusals_total{region=\"eu\",label=\"client-stalled\"} 1");
    dribble(&mut client, b"x", refused);
    let answer = client.answer(false).expect("an answer");
    assert_eq!(answer.status(), 408);
    assert_eq!(answer.field("o-delivery"), Some("maybe-executed"));
    is_served(&world);
    drop(client);
    // The origin saw a cut request, as it had to.
    world.end();
}

#[test]
fn a_body_in_crumbs_is_refused_in_either_protocol() {
    let world = World::with(RATE);
    let refused = |count| {
        let line = format!(
            "onetime_gateway_refusals_total{{region=\"eu\",label=\"client-stalled\"}} {count}"
        );
        world.says(&line)
    };
    let mut client = world.door.open();
    client.send(b"POST /api/v2/slow HTTP/1.1\r\nHost: eu.test\r\nContent-Length: 100000\r\n\r\n");
    dribble(&mut client, b"x", || refused(1));
    let answer = client.answer(false).expect("an answer");
    assert_eq!(answer.status(), 408);

    let mut frames = Frames::open(&world.door);
    request(&mut frames, 1, "POST", "/api/v2/slow");
    let begun = Instant::now();
    while !refused(2) {
        assert!(begun.elapsed() < PATIENCE, "crumbs are taken for ever");
        frames.send(DATA, 0, 1, b"x");
        std::thread::sleep(CRUMB);
    }
    assert_eq!(frames.outcome(1).status, Some(408));
    is_served(&world);
    drop((client, frames));
    let eu = world.eu.clone();
    assert_eq!(world.end(), [""; 0]);
    assert!(
        eu.seen("/api/v2/slow").is_empty(),
        "a part arrived as a whole"
    );
}

#[test]
fn who_reads_in_crumbs_is_cut_off() {
    let world = World::with(RATE);
    world.eu.script("/api/v2/large", large());
    let mut client = world.door.open();
    client.send(b"GET /api/v2/large HTTP/1.1\r\nHost: eu.test\r\n\r\n");
    let begun = Instant::now();
    let stalled = "onetime_gateway_broken_answers_total{region=\"eu\",cause=\"client-stalled\"} 1";
    while !world.says(stalled) {
        assert!(begun.elapsed() < PATIENCE, "a slow reader is waited for");
        client.take(1).expect("a byte");
        std::thread::sleep(CRUMB);
    }
    is_served(&world);
    drop(client);
    assert_eq!(world.end(), [""; 0]);
}

#[test]
fn a_stream_whose_window_opens_in_crumbs_is_reset_and_its_neighbours_are_not() {
    let world = World::with(RATE);
    world.eu.script("/api/v2/large", large());
    let mut frames = Frames::open(&world.door);
    frames.send(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]);
    request(&mut frames, 1, "GET", "/api/v2/large");
    let begun = Instant::now();
    let stalled = "onetime_gateway_broken_answers_total{region=\"eu\",cause=\"client-stalled\"} 1";
    while !world.says(stalled) {
        assert!(begun.elapsed() < PATIENCE, "a slow reader is waited for");
        frames.send(WINDOW_UPDATE, 0, 1, &1_u32.to_be_bytes());
        std::thread::sleep(CRUMB);
    }
    let reset = loop {
        let frame = frames.next().expect("the connection goes on");
        if frame.kind == RST_STREAM {
            break (frame.stream, frame.payload);
        }
    };
    assert_eq!(reset, (1, CANCEL.to_be_bytes().to_vec()));
    request(&mut frames, 3, "GET", "/api/v2/next");
    frames.send(WINDOW_UPDATE, 0, 3, &1_000_u32.to_be_bytes());
    assert_eq!(frames.body(3), b"/api/v2/next");
    drop(frames);
    assert_eq!(world.end(), [""; 0]);
}

#[test]
fn an_http2_connection_is_not_kept_open_by_pings_or_by_answers_nobody_takes() {
    let world = World::with("[timeouts]\nkeep_alive = \"3s\"\nbody_idle = \"200ms\"\n");
    // One that has said nothing at all, one that pings, one that takes no answer.
    let mut silent = world.door.open_h2();
    let mut pinging = Frames::open(&world.door);
    let mut full = Frames::open(&world.door);
    full.send(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]);
    request(&mut full, 1, "GET", "/api/v2/small");
    request(&mut full, 3, "GET", "/api/internal/denied");
    until("all connections are open", || world.connections() == 3);
    until("all connections are closed", || {
        pinging.send(6, 0, 0, &[7; 8]);
        world.connections() == 0
    });
    silent.rest();
    is_served(&world);
    drop((silent, pinging, full));
    assert_eq!(world.end(), [""; 0]);
}
