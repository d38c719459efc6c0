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
    let mut first = world.door.open();
    is_served(&mut first);
    let silent: Vec<TcpStream> = (0..300)
        .map(|_| TcpStream::connect(world.door.address).expect("a connection"))
        .collect();
    let refused = || {
        process
            .admin("/metrics")
            .contains("connections_refused_total{limit=\"all\"} 261\n")
    };
    until("all beyond the limit are refused", refused);
    is_served(&mut first);
    assert!(
        process
            .admin("/metrics")
            .contains("accept_failures_total 0\n")
    );
    drop(silent);
    until("there is room again", || {
        process
            .admin("/metrics")
            .contains("onetime_gateway_connections 1\n")
    });
    is_served(&mut world.door.open());
    drop(first);
    assert_eq!(world.end(), [""; 0]);
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
