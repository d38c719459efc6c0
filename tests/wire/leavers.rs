//! Clients that leave while their request waits: it is not sent, for what it does would be done for
//! nobody. A client that has only said all it has to say is served.

use std::io::Read as _;
use std::net::TcpListener;
use std::time::Duration;

use crate::harness::client::Client;
use crate::harness::gateway::World;
use crate::harness::origin::{Script, Then};
use crate::harness::until;

const SLOW: &[u8] = b"POST /api/v2/slow HTTP/1.1\r\nHost: eu.test\r\nContent-Length: 2\r\n\r\nab";

/// A request that holds the one place of its region until `release`.
fn hold(world: &World) -> Client {
    world
        .eu
        .script("/api/v2/slow", Script::says("", Then::Keep));
    let mut slow = world.door.open();
    slow.send(SLOW);
    until("the region is busy", || world.eu.count() == 1);
    slow
}

fn release(world: &World, mut slow: Client) {
    world
        .eu
        .blurt(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    assert_eq!(slow.answer(false).expect("an answer").status(), 200);
}

fn in_flight(world: &World, count: u64) {
    until("so many are in flight", || {
        world.sum("onetime_gateway_requests_in_flight") == count
    });
}

fn reveal(key: &str) -> Vec<u8> {
    format!(
        "POST /api/v1/secret/{key} HTTP/1.1\r\nHost: eu.test\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 12\r\n\r\npassphrase=x"
    )
    .into_bytes()
}

/// Opens a connection that has nothing unread, so that closing it is FIN and no reset.
fn used(world: &World, tls12: bool) -> Client {
    let mut client = if tls12 {
        world.door.open_tls12()
    } else {
        world.door.open()
    };
    client.send(b"GET / HTTP/1.1\r\nHost: nobody.test\r\n\r\n");
    assert_eq!(client.answer(false).expect("an answer").status(), 421);
    client
}

const ONE_PLACE: &str = "[limits]\nrequests_per_region = 1\nqueue_wait = \"10s\"\n";

#[test]
fn nothing_is_sent_for_a_client_that_left_while_it_stood_in_line() {
    for tls12 in [false, true] {
        let world = World::with(ONE_PLACE);
        let mut leavers = Vec::new();
        for _ in 0..5 {
            leavers.push(used(&world, tls12));
        }
        let mut half = used(&world, tls12);
        let slow = hold(&world);
        for (i, client) in leavers.iter_mut().enumerate() {
            client.send(&reveal(&format!("left{i}")));
        }
        half.send(&reveal("half"));
        in_flight(&world, 7);
        // Each leaves in another way: FIN, TLS's own end and FIN, with the next request behind.
        leavers[1].say_goodbye();
        leavers[2].send(&reveal("behind"));
        leavers[3].send(&reveal("behind"));
        leavers[3].say_goodbye();
        drop(leavers);
        half.half_close();
        in_flight(&world, 2);
        release(&world, slow);
        let mut answer = half.answer(false).expect("an answer");
        while tls12 && answer.status() == 100 {
            answer = half.answer(false).expect("an answer");
        }
        assert_eq!(
            answer.field("x-echo"),
            Some("/api/v1/secret/half"),
            "{tls12} {answer:?}"
        );
        let mut next = world.door.open();
        next.send(&reveal("next"));
        let next = next.answer(false).expect("an answer");
        assert_eq!(next.field("x-echo"), Some("/api/v1/secret/next"));
        assert_eq!(world.eu.count(), 3, "slow, half, next");
        assert_eq!(world.end(), [""; 0]);
    }
}

/// As above, but it leaves so late that only the look before the first byte can find it.
#[test]
fn nothing_is_sent_for_a_client_that_leaves_as_its_turn_comes() {
    let world = World::with(ONE_PLACE);
    for i in 0..3 {
        let mut client = used(&world, false);
        let before = world.eu.count();
        let mut slow = world.door.open();
        world
            .eu
            .script("/api/v2/slow", Script::says("", Then::Keep));
        slow.send(SLOW);
        until("the region is busy", || world.eu.count() == before + 1);
        client.send(&reveal(&format!("late{i}")));
        in_flight(&world, 2);
        // FIN is there before the answer that makes room.
        drop(client);
        release(&world, slow);
        in_flight(&world, 0);
    }
    assert_eq!(world.eu.count(), 3, "the slow ones");
    assert_eq!(world.end(), [""; 0]);
}

/// The requests behind a half-closed client's first are served too, in their order.
#[test]
fn what_a_half_closed_client_sent_behind_its_request_is_not_lost() {
    let world = World::with(ONE_PLACE);
    let mut half = used(&world, false);
    let slow = hold(&world);
    let mut bytes = reveal("a0");
    for i in 1..6 {
        bytes.extend(reveal(&format!("a{i}")));
    }
    half.send(&bytes);
    in_flight(&world, 2);
    half.half_close();
    release(&world, slow);
    for i in 0..6 {
        let answer = half.answer(false).expect("an answer");
        let path = format!("/api/v1/secret/a{i}");
        assert_eq!(answer.field("x-echo"), Some(path.as_str()));
    }
    assert_eq!(world.end(), [""; 0]);
}

/// A region whose connection does not come about: its listener's queue is full.
#[test]
fn nothing_is_sent_for_a_client_that_left_during_the_connect() {
    let socket =
        socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    let any: std::net::SocketAddr = ([127, 0, 0, 1], 0).into();
    socket.bind(&any.into()).expect("a port");
    socket.listen(0).expect("a listener");
    let listener = TcpListener::from(socket);
    let address = listener.local_addr().expect("an address");
    let wait = Duration::from_millis(200);
    let mut filling = Vec::new();
    while let Ok(one) = std::net::TcpStream::connect_timeout(&address, wait) {
        filling.push(one);
        assert!(filling.len() < 100, "never full");
    }
    let world = World::with(&format!(
        "[timeouts]\nconnect = \"15s\"\n[regions.full]\nhost = \"full.test\"\n\
         endpoints = [\"http://{address}\"]\nhealth = false\n"
    ));
    let pinned = |key: &str| {
        let text = String::from_utf8(reveal(key)).expect("text");
        text.replace("eu.test\r\n", "onetime.test\r\nO-Region: full\r\n")
    };
    let mut clients: Vec<_> = (0..3).map(|_| used(&world, false)).collect();
    for (i, client) in clients.iter_mut().enumerate() {
        client.send(pinned(&format!("left{i}")).as_bytes());
    }
    in_flight(&world, 3);
    drop(clients);
    // From now on there is room: what connects must say nothing.
    drop(filling);
    let said = std::thread::spawn(move || {
        let mut said = Vec::new();
        for mut one in listener.incoming().map_while(Result::ok) {
            let mut all = Vec::new();
            let _ = one.read_to_end(&mut all);
            if all == b"end" {
                return said;
            }
            said.extend(all);
        }
        said
    });
    in_flight(&world, 0);
    drop(world);
    let mut end = std::net::TcpStream::connect(address).expect("room");
    std::io::Write::write_all(&mut end, b"end").expect("room");
    drop(end);
    assert_eq!(said.join().expect("all that was said"), b"");
}
