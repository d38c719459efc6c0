//! A region's places are for all networks: none keeps the others out by being slow, or by taking no
//! answers at all.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::harness::client::{Client, Door};
use crate::harness::frames::{END_HEADERS, END_STREAM, Frames, HEADERS, PREFACE, SETTINGS, block};
use crate::harness::gateway::World;
use crate::harness::origin::{Script, Then};
use crate::harness::process::Launch;
use crate::harness::until;

const HONEST: &[u8] = b"GET /api/v2/honest HTTP/1.1\r\nHost: eu.test\r\n\r\n";

/// An answer of so many bytes.
fn large(length: usize) -> Script {
    let mut answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n").into_bytes();
    answer.resize(answer.len() + length, b'x');
    Script::says(answer, Then::Keep)
}

/// Asks on a connection of HTTP/2 that takes nothing.
fn stuck_h2(door: &Door, requests: u32) -> Frames {
    let mut frames = Frames::silent(door);
    frames.send_raw(PREFACE);
    // SETTINGS_INITIAL_WINDOW_SIZE is 0.
    frames.send(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]);
    let head = block(&[
        (b":method", b"GET"),
        (b":scheme", b"https"),
        (b":authority", b"eu.test"),
        (b":path", b"/api/v2/large"),
    ]);
    for number in 0..requests {
        frames.send(HEADERS, END_HEADERS | END_STREAM, number * 2 + 1, &head);
    }
    frames
}

/// Asks an honest question `count` times; the time of each.
fn honest(door: &Door, count: usize) -> Vec<Duration> {
    let mut client = door.open();
    (0..count)
        .map(|number| {
            let begun = Instant::now();
            client.send(HONEST);
            let answer = client.answer(false).expect("an answer");
            assert_eq!(answer.status(), 200, "the {number}th: {answer:?}");
            begun.elapsed()
        })
        .collect()
}

fn p99(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() * 99 / 100]
}

fn in_flight(world: &World) -> u64 {
    world.sum("onetime_gateway_requests_in_flight")
}

/// The limits as delivered, but for the loopback's exemption.
#[test]
fn networks_that_take_no_answers_leave_room_for_the_next_over_http2() {
    attack(5, 4, 124, false);
}

/// The same from many more networks.
#[test]
#[ignore = "compares times beside ordinary neighbours"]
fn what_an_honest_client_notices_of_networks_that_take_no_answers() {
    attack(5, 4, 124, true);
}

#[test]
#[ignore = "the wide form of the test above"]
fn many_networks_that_take_no_answers_leave_room_for_the_next() {
    attack(20, 2, 124, true);
}

fn attack(networks: u8, connections: usize, streams: u32, compares: bool) {
    let launch = Launch {
        descriptors: 20_000,
        ..Launch::default()
    };
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let all = Rlimit {
        current: maximum,
        maximum,
    };
    setrlimit(Resource::Nofile, all).expect("a higher limit");
    let world = World::launched("", "[limits]\nexempt = []\n", &launch);
    world.eu.script("/api/v2/large", large(300_000));
    let door = world.door.from([127, 0, 200, 1]);
    let quiet = p99(honest(&door, 100));
    let beside = compares.then(|| p99(beside_neighbours(&world, networks, connections)));
    let mut stuck = Vec::new();
    let done = AtomicBool::new(false);
    let during = std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let mut times = Vec::new();
            while !done.load(Ordering::Relaxed) {
                times.extend(honest(&door, 10));
            }
            times
        });
        for network in 1..=networks {
            for _ in 0..connections {
                stuck.push(stuck_h2(&world.door.from([127, 0, network, 1]), streams));
            }
        }
        let asked = u64::from(networks) * connections as u64 * u64::from(streams);
        // Whatever is refused is not in flight.
        until("the region is as full as it gets", || {
            in_flight(&world) > asked.min(500)
        });
        let times = honest(&world.door.from([127, 0, 201, 1]), 100);
        done.store(true, Ordering::Relaxed);
        [asking.join().expect("an honest client is served"), times].concat()
    });
    println!(
        "p99 alone {quiet:?}, beside ordinary neighbours {beside:?}, under attack {:?} ({} requests)",
        p99(during.clone()),
        during.len()
    );
    drop(stuck);
    world.end();
}

/// The times of an honest client while as many neighbours ask for the same large answers and take them.
fn beside_neighbours(world: &World, networks: u8, connections: usize) -> Vec<Duration> {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for network in 1..=networks {
            for _ in 0..connections {
                let (door, done) = (world.door.from([127, 0, network, 2]), &done);
                scope.spawn(move || {
                    let mut client = door.open();
                    while !done.load(Ordering::Relaxed) {
                        client.send(b"GET /api/v2/large HTTP/1.1\r\nHost: eu.test\r\n\r\n");
                        let _ = client.answer(false).expect("an answer");
                    }
                });
            }
        }
        let times = honest(&world.door.from([127, 0, 201, 1]), 300);
        done.store(true, Ordering::Relaxed);
        times
    })
}

/// A network that is alone may fill a region: then stalled answers give way to requests that wait.
#[test]
fn a_network_alone_has_all_places_until_another_wants_one() {
    let limits = "[timeouts]\nbody_grace = \"60s\"\nbody_idle = \"60s\"\n[limits]\nexempt = []\nrequests_per_region = 20\n";
    for protocol in ["h2", "h1"] {
        let world = World::with(limits);
        world.eu.script("/api/v2/large", large(12_000_000));
        let door = world.door.from([127, 0, 1, 1]);
        let (mut streams, mut slow): (Vec<Frames>, Vec<Client>) = Default::default();
        if protocol == "h2" {
            streams.push(stuck_h2(&door, 20));
        } else {
            for _ in 0..20 {
                let mut client = door.open();
                client.send(b"GET /api/v2/large HTTP/1.1\r\nHost: eu.test\r\n\r\n");
                slow.push(client);
            }
        }
        until("it has all of them", || {
            world.eu.seen("/api/v2/large").len() == 20
        });
        let mut other = world.door.from([127, 0, 2, 1]).open();
        // It takes a second until somebody is known to be stuck.
        until("another is served", || {
            other.send(HONEST);
            other.answer(false).expect("an answer").status() == 200
        });
        // And from then on at once, since it was seen.
        other.send(&HONEST.repeat(50));
        for _ in 0..50 {
            assert_eq!(other.answer(false).expect("an answer").status(), 200);
        }
        drop((streams, slow));
        world.end();
    }
}

/// Requests that wait for a 100 have a quarter of the places; the others are told to go on here, and
/// take a place once their body is there.
#[test]
fn a_client_that_waits_for_100_takes_few_places() {
    let world = World::with("[limits]\nrequests_per_region = 8\nqueue_per_region = 0\n");
    let ask = "POST /api/v2/slow HTTP/1.1\r\nHost: eu.test\r\nExpect: 100-continue\r\n\
               Content-Length: 4\r\n\r\n";
    let mut waiting: Vec<Client> = Vec::new();
    for number in 0..20 {
        let mut client = world.door.open();
        client.send(ask.as_bytes());
        if number >= 2 {
            let told = client.answer(false).expect("told");
            assert_eq!(told.status(), 100, "{number} {told:?}");
        }
        waiting.push(client);
    }
    until("all are in flight", || in_flight(&world) == 20);
    for _ in 0..20 {
        assert_eq!(honest(&world.door, 1).len(), 1);
    }
    for client in &mut waiting {
        client.send(b"body");
        let mut answer = client.answer(false).expect("an answer");
        while answer.status() == 100 {
            answer = client.answer(false).expect("an answer");
        }
        assert_eq!(
            (answer.status(), &*answer.body),
            (200, &b"/api/v2/slow"[..])
        );
    }
    drop(waiting);
    assert_eq!(world.end(), [""; 0]);
}

/// Where no 100 can be passed on, `Expect` is dropped and the body is awaited here.
#[test]
fn an_expectation_that_cannot_be_met_takes_no_place() {
    let world = World::with("[limits]\nrequests_per_region = 1\nqueue_per_region = 0\n");
    let mut old = world.door.open();
    old.send(
        b"POST /api/v2/old HTTP/1.0\r\nHost: eu.test\r\nExpect: 100-continue\r\n\
          Content-Length: 4\r\n\r\n",
    );
    let mut frames = Frames::open(&world.door);
    let head = block(&[
        (b":method", b"POST"),
        (b":scheme", b"https"),
        (b":authority", b"eu.test"),
        (b":path", b"/api/v2/new"),
        (b"expect", b"100-continue"),
    ]);
    frames.send(HEADERS, END_HEADERS, 1, &head);
    until("both are in flight", || in_flight(&world) == 2);
    assert_eq!(honest(&world.door, 3).len(), 3);
    old.send(b"body");
    assert_eq!(old.answer(false).expect("an answer").status(), 200);
    frames.send(0, END_STREAM, 1, b"body");
    assert_eq!(frames.outcome(1).status, Some(200));
    for path in ["/api/v2/old", "/api/v2/new"] {
        let seen = world.eu.seen(path);
        assert!(
            seen.iter()
                .all(|seen| seen.request.all("expect").is_empty())
        );
    }
    drop((old, frames));
    assert_eq!(world.end(), [""; 0]);
}
