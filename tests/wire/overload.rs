//! More than can be served: what is new is refused early, what has begun finishes, and whoever looks
//! after the gateway still reaches it.

use std::net::TcpStream;
use std::process::Command;

use crate::harness::client::Client;
use crate::harness::frames::{
    CANCEL, DATA, END_HEADERS, END_STREAM, Frames, HEADERS, RST_STREAM, block,
};
use crate::harness::gateway::World;
use crate::harness::process::Launch;
use crate::harness::until;

const ASK: &[u8] = b"GET /api/v2/honest HTTP/1.1\r\nHost: eu.test\r\n\r\n";

fn is_served(client: &mut Client) {
    client.send(ASK);
    assert_eq!(
        client.answer(false).expect("an answer").body,
        b"/api/v2/honest"
    );
}

#[test]
fn beyond_the_requests_in_flight_it_is_503_and_what_has_begun_finishes() {
    let world = World::with("[limits]\nrequests = 2\n");
    let mut begun = Vec::new();
    for _ in 0..2 {
        let mut client = world.door.open();
        client.send(b"POST /api/v2/long HTTP/1.1\r\nHost: eu.test\r\nContent-Length: 2\r\n\r\n1");
        begun.push(client);
    }
    let mut late = world.door.open();
    until("both are in flight", || {
        late.send(ASK);
        late.answer(false).expect("an answer").status() == 503
    });
    let before = world.eu.count();
    late.send(ASK);
    let refused = late.answer(false).expect("an answer");
    assert_eq!(refused.status(), 503);
    assert_eq!(refused.field("o-delivery"), Some("not-sent"));
    assert_eq!(refused.field("retry-after"), Some("5"));
    assert!(!refused.says_close(), "it may ask again where it is");
    assert_eq!(world.eu.count(), before);
    for client in &mut begun {
        client.send(b"2");
        assert_eq!(
            client.answer(false).expect("an answer").body,
            b"/api/v2/long"
        );
    }
    is_served(&mut late);
    drop((begun, late));
    assert_eq!(world.end(), [""; 0]);
}

/// Bodies that do not come keep their places in the region; whoever sends so may keep few of them.
#[test]
fn a_client_that_is_slow_on_purpose_keeps_no_place_of_others() {
    let world = World::launched(
        "trusted_proxies = [\"127.0.0.0/8\"]",
        "[limits]\nexempt = []\nrequests_per_address = 3\nrequests_per_network = 5\n",
        &Launch::default(),
    );
    let head = |client: &str| {
        block(&[
            (b":method", b"POST"),
            (b":scheme", b"https"),
            (b":authority", b"eu.test"),
            (b":path", b"/api/v2/slow"),
            (b"x-forwarded-for", client.as_bytes()),
        ])
    };
    let mut frames = Frames::open(&world.door);
    let open = |frames: &mut Frames, number: u32, client: &str| {
        let stream = number * 2 + 1;
        frames.send(HEADERS, END_HEADERS, stream, &head(client));
        stream
    };
    let slow = [0, 1, 2].map(|number| open(&mut frames, number, "203.0.113.1"));
    let beyond = open(&mut frames, 3, "203.0.113.1");
    assert_eq!(frames.outcome(beyond).status, Some(429), "of the client");
    let neighbours = [
        open(&mut frames, 4, "203.0.113.2"),
        open(&mut frames, 5, "203.0.113.3"),
    ];
    let ask = |client: &str| {
        let mut connection = world.door.open();
        connection.send(
            format!("GET /api/v2/x HTTP/1.1\r\nHost: eu.test\r\nX-Forwarded-For: {client}\r\n\r\n")
                .as_bytes(),
        );
        connection.answer(false).expect("an answer")
    };
    until("the network is full", || ask("203.0.113.4").status() == 429);
    let refused = ask("203.0.113.1");
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.field("o-delivery"), Some("not-sent"));
    assert_eq!(refused.field("retry-after"), Some("1"));
    assert_eq!(ask("198.51.100.1").status(), 200);
    // One that ends makes room, however it ends.
    frames.send(DATA, END_STREAM, slow[0], b"");
    assert_eq!(frames.outcome(slow[0]).status, Some(200));
    frames.send(RST_STREAM, 0, neighbours[0], &CANCEL.to_be_bytes());
    until("there is room again", || ask("203.0.113.1").status() == 200);
    drop(frames);
    until("nothing is in flight", || {
        world.sum("onetime_gateway_requests_in_flight") == 0
    });
    assert_eq!(ask("203.0.113.2").status(), 200);
    // The origin saw cut requests, as it had to.
    world.end();
}

/// 240 descriptors: 160 are kept, so 40 clients fit.
#[test]
fn with_few_file_descriptors_there_are_few_clients_and_nothing_else_suffers() {
    let launch = Launch {
        descriptors: 240,
        ..Launch::default()
    };
    let world = World::launched("", "", &launch);
    let process = &world.gateway;
    assert!(process.said().contains("LimitNOFILE"), "{}", process.said());
    let silent: Vec<TcpStream> = (0..300)
        .map(|_| TcpStream::connect(world.door.address).expect("a connection"))
        .collect();
    let displaced = || world.sum("onetime_gateway_connections_displaced_total") == 260;
    until(
        "those beyond the limit have taken others' places",
        displaced,
    );
    until("there are no more", || world.connections() == 40);
    let mut client = world.door.open();
    is_served(&mut client);
    assert_eq!(world.sum("onetime_gateway_accept_failures_total"), 0);
    drop(silent);
    until("there is room again", || world.connections() == 1);
    is_served(&mut client);
    drop(client);
    assert_eq!(world.end(), [""; 0]);
}

/// With all places taken by silence, whoever asks something is served: the longest silence ends first,
/// of a handshake, of a half head, and of kept connections of both protocols. What is in flight stays.
#[test]
fn silence_keeps_nobody_away() {
    let world = World::with("[limits]\nconnections = 5\n");
    let mut busy = world.door.open();
    busy.send(b"POST /api/v2/long HTTP/1.1\r\nHost: eu.test\r\nContent-Length: 2\r\n\r\n1");
    until("it is in flight", || {
        world.sum("onetime_gateway_requests_in_flight") == 1
    });
    let silent = TcpStream::connect(world.door.address).expect("a connection");
    let mut half = world.door.open();
    half.send(b"GET /api/v2/honest HTTP/1.1\r\nHost:");
    let mut kept = world.door.open();
    is_served(&mut kept);
    let mut streams = Frames::open(&world.door);
    let ask = block(&[
        (b":method", b"GET"),
        (b":scheme", b"https"),
        (b":authority", b"eu.test"),
        (b":path", b"/api/v2/honest"),
    ]);
    streams.send(HEADERS, END_HEADERS | END_STREAM, 1, &ask);
    assert_eq!(streams.outcome(1).status, Some(200));
    until("all places are taken", || world.connections() == 5);
    let displaced = || world.sum("onetime_gateway_connections_displaced_total");
    let mut successors = Vec::new();
    for count in 1..=4 {
        let mut client = world.door.open();
        is_served(&mut client);
        until("one had to go", || displaced() == count);
        until("and is gone", || world.connections() == 5);
        // Its successor does not wait: it is at work until the end.
        client.send(b"POST /api/v2/x HTTP/1.1\r\nHost: eu.test\r\nContent-Length: 9\r\n\r\n1");
        until("it is in flight", || {
            world.sum("onetime_gateway_requests_in_flight") == count + 1
        });
        successors.push(client);
    }
    // None of these returns before its connection has ended.
    half.rest();
    kept.rest();
    streams.rest();
    drop(silent);
    // Nobody waits now: whoever comes is refused, and nothing that has begun ends.
    let late = TcpStream::connect(world.door.address).expect("the kernel answers");
    until("it is refused", || {
        world.sum("onetime_gateway_connections_refused_total") == 1
    });
    drop(late);
    busy.send(b"2");
    assert_eq!(busy.answer(false).expect("an answer").body, b"/api/v2/long");
    assert_eq!(displaced(), 4);
    drop((busy, successors));
    // The origin saw cut requests, as it had to.
    world.end();
}

/// The limit is lowered under the running process, so that accepting and connecting fail as such.
#[test]
fn out_of_file_descriptors_it_neither_spins_nor_dies_nor_blames_a_region() {
    let world = World::new();
    let process = &world.gateway;
    let mut first = world.door.open();
    // Else it may itself wait in the listening socket.
    until("it is accepted", || world.connections() == 1);
    let limit = |most: u32| {
        let set = Command::new("prlimit")
            .args(["--pid", &process.pid().to_string()])
            .arg(format!("--nofile={most}:1024"))
            .status();
        assert!(set.expect("prlimit of util-linux").success());
    };
    limit(3);
    // No descriptor for a connection to the region.
    first.send(ASK);
    let answer = first.answer(false).expect("an answer");
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.field("o-delivery"), Some("not-sent"));
    // None for a client either; it waits in the listening socket.
    let before = process.ticks();
    let waiting = TcpStream::connect(world.door.address).expect("it is queued");
    until("accepting has failed twice", || {
        process.said().matches("cannot accept connections").count() >= 2
    });
    assert!(process.ticks() - before < 50, "it spins");
    limit(1_024);
    is_served(&mut first);
    drop(waiting);
    is_served(&mut world.door.open());
    let metrics = process.admin("/metrics");
    assert!(
        !metrics.contains("endpoint_ejections_total{"),
        "a region was blamed"
    );
    drop(first);
    assert_eq!(world.end(), [""; 0]);
}

/// Connections on which nothing is asked have all descriptors: the newest client takes the place of the
/// one that has waited longest, and whoever looks after the gateway still reaches it.
#[test]
fn out_of_file_descriptors_silence_gives_way_and_metrics_are_reachable() {
    let world = World::new();
    let process = &world.gateway;
    // The connection to the region is kept.
    is_served(&mut world.door.open());
    let connect = || TcpStream::connect(world.door.address).expect("it is queued");
    let mut silent: Vec<TcpStream> = (0..40).map(|_| connect()).collect();
    until("all are accepted", || world.connections() == 40);
    let open = std::fs::read_dir(format!("/proc/{}/fd", process.pid())).expect("Linux");
    let numbers = open.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    let most = numbers.max().expect("descriptors") + 1;
    let set = Command::new("prlimit")
        .args(["--pid", &process.pid().to_string()])
        .arg(format!("--nofile={most}:1024"))
        .status();
    assert!(set.expect("prlimit of util-linux").success());
    let displaced = || world.sum("onetime_gateway_connections_displaced_total");
    until("silence gives way", || {
        silent.push(connect());
        displaced() > 0
    });
    for _ in 0..5 {
        is_served(&mut world.door.open());
    }
    drop(silent);
    assert_eq!(world.end(), [""; 0]);
}

/// Beyond its memory the process closes idle connections and refuses new ones, but never the last tenth.
#[test]
fn beyond_its_memory_idle_connections_are_closed_and_new_ones_refused() {
    let world = World::with("[limits]\nmemory = \"1MiB\"\nconnections = 100\n");
    let silent: Vec<TcpStream> = (0..60)
        .map(|_| TcpStream::connect(world.door.address).expect("it is queued"))
        .collect();
    until("all but a tenth are closed", || {
        let sum = |name| world.sum(name);
        let gone = sum("onetime_gateway_connections_displaced_total")
            + sum("onetime_gateway_connections_refused_total");
        gone >= 50 && world.connections() <= 10
    });
    is_served(&mut world.door.open());
    drop(silent);
    assert_eq!(world.end(), [""; 0]);
}
