//! The floods of HTTP/2: frames that cost their sender nothing and the server work. Each
//! connection that floods is ended, and honest clients are served meanwhile.

use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::harness::client::{Client, Door};
use crate::harness::frames::{
    CANCEL, CONTINUATION, END_HEADERS, END_STREAM, Frames, HEADERS, PING, RST_STREAM, SETTINGS,
    WINDOW_UPDATE, block, frame,
};
use crate::harness::gateway::World;
use crate::harness::process::Launch;
use crate::harness::until;

/// What an attacker sends, a few thousand frames at a time.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Flood {
    /// Requests that are taken back at once (CVE-2023-44487).
    RapidReset,
    Ping,
    Settings,
    /// A head that never ends (CVE-2024-27316).
    Continuation,
    /// Requests that our own errors reset (CVE-2025-8671).
    MadeYouReset,
    /// Credit for nothing that was sent.
    Credit,
}

impl Flood {
    pub(crate) const ALL: [Self; 6] = [
        Self::RapidReset,
        Self::Ping,
        Self::Settings,
        Self::Continuation,
        Self::MadeYouReset,
        Self::Credit,
    ];

    /// The bytes of one connection's flood.
    pub(crate) fn bytes(self) -> Vec<u8> {
        let head = block(&[
            (b":method", b"POST"),
            (b":scheme", b"https"),
            (b":authority", b"eu.test"),
            (b":path", b"/api/v2/flood"),
        ]);
        let mut bytes = Vec::new();
        for number in 0..4_000 {
            let stream = number * 2 + 1;
            match self {
                Self::RapidReset => {
                    bytes.extend(frame(HEADERS, END_HEADERS | END_STREAM, stream, &head));
                    bytes.extend(frame(RST_STREAM, 0, stream, &CANCEL.to_be_bytes()));
                }
                Self::Ping => bytes.extend(frame(PING, 0, 0, &[0; 8])),
                Self::Credit => bytes.extend(frame(WINDOW_UPDATE, 0, 0, &1_u32.to_be_bytes())),
                Self::Settings => bytes.extend(frame(SETTINGS, 0, 0, &[])),
                Self::Continuation if number == 0 => bytes.extend(frame(HEADERS, 0, 1, &head)),
                Self::Continuation => {
                    bytes.extend(frame(CONTINUATION, 0, 1, &block(&[(b"x", b"y")])));
                }
                Self::MadeYouReset => {
                    bytes.extend(frame(HEADERS, END_HEADERS, stream, &head));
                    // More credit than there can be: a stream error (RFC 9113 section 6.9.1).
                    let credit = 0x7fff_ffff_u32.to_be_bytes();
                    bytes.extend(frame(WINDOW_UPDATE, 0, stream, &credit));
                }
            }
        }
        bytes
    }

    /// Floods one connection in pieces of `size` bytes until the gateway ends it.
    pub(crate) fn run(self, door: &Door, bytes: &[u8], size: usize) {
        let mut frames = Frames::open(door);
        for piece in bytes.chunks(size) {
            frames.send_raw(piece);
        }
        frames.rest();
    }
}

#[test]
fn a_connection_that_floods_is_ended_and_honest_ones_are_served() {
    for flood in Flood::ALL {
        let world = World::new();
        let bytes = flood.bytes();
        let over = AtomicBool::new(false);
        let attacks = [1_000, 7_000, 100_000];
        let (served, client) = std::thread::scope(|scope| {
            let attackers: Vec<_> = attacks
                .map(|size| {
                    let (door, bytes) = (&world.door, &bytes);
                    scope.spawn(move || flood.run(door, bytes, size))
                })
                .into_iter()
                .collect();
            let honest = scope.spawn(|| {
                let mut client = world.door.open();
                let mut served = 0;
                while served < 30 || !over.load(Ordering::Relaxed) {
                    client.send(b"GET /api/v2/honest HTTP/1.1\r\nHost: eu.test\r\n\r\n");
                    let answer = client.answer(false).expect("an answer");
                    assert_eq!(answer.body, b"/api/v2/honest", "{flood:?}");
                    served += 1;
                }
                (served, client)
            });
            for attacker in attackers {
                attacker.join().expect("an attacker");
            }
            over.store(true, Ordering::Relaxed);
            honest.join().expect("an honest client")
        });
        assert_eq!(world.eu.seen("/api/v2/honest").len(), served, "{flood:?}");
        // Work that was asked for and taken back: never more than one connection's burst each.
        let reached = world.eu.seen("/api/v2/flood").len();
        assert!(reached <= 500 * attacks.len(), "{flood:?}: {reached}");
        let ended = world.sum("onetime_gateway_http2_floods_total");
        assert_eq!(ended, attacks.len() as u64, "{flood:?}");
        until("nobody else is connected", || world.connections() == 1);
        assert_eq!(world.sum("onetime_gateway_requests_in_flight"), 0);
        drop(client);
        assert_eq!(world.end(), [""; 0], "{flood:?}");
    }
}

/// Milliseconds of one honest request in a hundred, and in two, under what others do.
struct Honest {
    half: f64,
    most: f64,
}

/// A connection, as soon as the gateway takes one: all here have one address.
fn patient(door: &Door) -> Client {
    loop {
        let mut client = door.open();
        client.send(b"GET /api/v2/honest HTTP/1.1\r\nHost: eu.test\r\n\r\n");
        if client.answer(false).is_ok() {
            return client;
        }
    }
}

/// One honest client on one connection asks so often.
fn honest(mut client: Client, times: usize) -> Honest {
    let mut took: Vec<Duration> = (0..times)
        .map(|_| {
            let begun = Instant::now();
            client.send(b"GET /api/v2/honest HTTP/1.1\r\nHost: eu.test\r\n\r\n");
            let answer = client.answer(false).expect("an answer");
            assert_eq!(answer.body, b"/api/v2/honest");
            begun.elapsed()
        })
        .collect();
    took.sort_unstable();
    let at = |part: usize| took[took.len() * part / 100].as_secs_f64() * 1_000.0;
    Honest {
        half: at(50),
        most: at(99),
    }
}

/// The figures of the README: `FLOODED` is the binary to be measured, a release build.
#[test]
#[ignore = "measures, for minutes; wants a quiet machine"]
fn what_an_honest_client_notices_of_a_flood() {
    let mut launch = Launch::default();
    if let Some(named) = std::env::var_os("FLOODED") {
        launch.binary = named.into();
    }
    let world = World::launched(
        "",
        "[limits]\nexempt = []\n[rate_limits]\nread = false\n",
        &launch,
    );
    let process = &world.gateway;
    let (door, times) = (&world.door, 2_000);
    honest(patient(door), times);
    let idle = process.resident();
    let report = |name: &str, floods: usize, found: &Honest| {
        println!(
            "{name:>14}: p50 {:.2} ms, p99 {:.2} ms, {floods} connections flooded, {:+.1} MiB",
            found.half,
            found.most,
            (process.resident() as f64 - idle as f64) / 1_048_576.0
        );
    };
    let beside = |name: &str, attack: &(dyn Fn() + Sync)| {
        let (over, floods) = (AtomicBool::new(false), AtomicUsize::new(0));
        let client = patient(door);
        let found = std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    // Attackers have machines of their own: here they have what is left of this one.
                    rustix::process::setpriority_process(None, 19).expect("the last to run");
                    while !over.load(Ordering::Relaxed) {
                        attack();
                        floods.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
            let found = honest(client, times);
            over.store(true, Ordering::Relaxed);
            found
        });
        report(name, floods.into_inner(), &found);
    };
    for round in 0..2 {
        println!("round {round}, idle {:.1} MiB", idle as f64 / 1_048_576.0);
        report("alone", 0, &honest(patient(door), times));
        // What as many ordinary neighbours cost on this machine: a connection, 100 requests, again.
        beside("neighbours", &|| {
            honest(patient(door), 100);
        });
        // What the attackers themselves cost on this machine: they flood somebody who resets all.
        let (nobody, bytes) = (door.elsewhere(sink()), Flood::Ping.bytes());
        beside("elsewhere", &|| Flood::Ping.run(&nobody, &bytes, 16_000));
        for flood in Flood::ALL {
            let bytes = flood.bytes();
            beside(&format!("{flood:?}"), &|| flood.run(door, &bytes, 16_000));
        }
    }
}

/// A listener that resets all that connect, as the gateway does beyond its limits.
fn sink() -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a listener");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for socket in listener.incoming().map_while(Result::ok) {
            let linger = socket2::SockRef::from(&socket).set_linger(Some(Duration::ZERO));
            linger.expect("a reset");
        }
    });
    address
}
