//! A request that its region executes is answered, and one whose client has left is not sent: a secret
//! that nobody reads is lost.

use rustix::process::{Pid, Signal, kill_process};

use crate::harness::client::Client;
use crate::harness::gateway::World;
use crate::harness::origin::{Script, Then};
use crate::harness::until;

const REVEAL: &[u8] =
    b"POST /api/v1/secret/x HTTP/1.1\r\nHost: eu.test\r\nContent-Length: 12\r\n\r\npassphrase=y";

/// A request that has a place at its region until the client sends the last byte.
fn busy(world: &World) -> Client {
    let mut client = world.door.open();
    let head = "POST /api/v2/busy HTTP/1.1\r\nHost: eu.test\r\nContent-Length: 20001\r\n\r\n";
    client.send(head.as_bytes());
    client.send(&[b'a'; 20_000]);
    until("it has its place", || {
        world.says("onetime_gateway_region_requests{region=\"eu\"} 1")
    });
    client
}

fn queued(world: &World, number: usize) {
    until("the queue is as long as expected", || {
        world.says(&format!(
            "onetime_gateway_region_queue_length{{region=\"eu\"}} {number}"
        ))
    });
}

#[test]
fn nothing_is_sent_for_a_client_that_leaves_while_its_request_waits() {
    let world = World::with("[limits]\nrequests_per_region = 1\nqueue_wait = \"10s\"\n");
    let mut busy = busy(&world);
    let wait = |number| {
        let mut client = world.door.open();
        client.send(REVEAL);
        queued(&world, number);
        client
    };
    let (abrupt, mut polite, mut reader) = (wait(1), wait(2), wait(3));
    drop(abrupt);
    queued(&world, 2);
    // A close_notify, then the end: what browsers and curl do.
    polite.half_close();
    drop(polite);
    queued(&world, 1);
    // One that only ends its sending side still waits for its answer.
    reader.half_close();
    busy.send(b"a");
    assert_eq!(busy.answer(false).expect("an answer").status(), 200);
    let answer = reader.final_answer().expect("an answer");
    assert_eq!(answer.status(), 200);
    assert_eq!(world.eu.seen("/api/v1/secret/x").len(), 1);
    drop((busy, reader));
    assert_eq!(world.end(), [""; 0]);
}

/// The clients pause on purpose, for as long as it takes the gateway to fill every buffer on the way. How
/// much fits into the kernel's differs, hence many lengths: one of them ends within a TLS session's buffer.
#[test]
fn what_has_come_of_an_answer_goes_out_while_its_region_pauses() {
    let world = World::with("[timeouts]\nresponse_idle = \"60s\"\n");
    let lengths = (0..50).map(|number| 2_400_000 + number * 50_000);
    let mut clients: Vec<(Client, usize)> = lengths
        .map(|length| {
            let path = format!("/api/v2/pause{length}");
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", length + 1);
            let script = Script {
                early: false,
                pieces: vec![head.into_bytes(), vec![b'~'; length]],
                then: Then::Hold,
            };
            world.eu.script(&path, script);
            let mut client = world.door.open();
            client.send(format!("GET {path} HTTP/1.1\r\nHost: eu.test\r\n\r\n").as_bytes());
            (client, length)
        })
        .collect();
    std::thread::sleep(std::time::Duration::from_millis(800));
    for (client, length) in &mut clients {
        let mut seen = 0;
        while seen < *length {
            seen += usize::from(client.take(1).expect("more of the answer") == b"~");
            let rest = client.at_hand();
            seen += rest.iter().filter(|byte| **byte == b'~').count();
        }
    }
}

#[test]
fn a_regions_early_answer_is_passed_on_whatever_becomes_of_the_body() {
    let world = World::new();
    let answer = "HTTP/1.1 413 Payload Too Large\r\nContent-Length: 5\r\n\r\nlarge";
    for (number, then) in [Then::Reset, Then::Close, Then::Cut]
        .into_iter()
        .enumerate()
    {
        for region in [&world.eu, &world.tls] {
            let path = format!("/api/v2/early{number}");
            let script = Script {
                early: true,
                ..Script::says(answer, then)
            };
            region.script(&path, script);
        }
        for host in ["eu.test", "tls.test"] {
            for _ in 0..20 {
                let mut client = world.door.open();
                let head = format!(
                    "POST /api/v2/early{number} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 200000\r\n\r\n"
                );
                client.send(head.as_bytes());
                client.send(&vec![b'a'; 200_000]);
                let answer = client.answer(false).expect("an answer");
                assert_eq!(answer.status(), 413, "{then:?} {host}");
                assert_eq!(answer.field("o-delivery"), Some("executed"));
            }
        }
    }
}

#[test]
fn an_answer_that_came_while_the_process_was_stopped_is_not_late() {
    let world = World::with("[timeouts]\nresponse_head = \"1s\"\nresponse_idle = \"1s\"\n");
    world
        .eu
        .script("/api/v1/secret/x", Script::says("", Then::Hold));
    let mut clients: Vec<Client> = (0..2).map(|_| world.door.open()).collect();
    for client in &mut clients {
        client.send(REVEAL);
    }
    until("the region has both", || world.eu.count() == 2);
    let pid = i32::try_from(world.gateway.pid())
        .ok()
        .and_then(Pid::from_raw);
    let signal = |signal| kill_process(pid.expect("a process"), signal).expect("a signal");
    signal(Signal::STOP);
    world
        .eu
        .blurt(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    // Longer than the time-out: that is what is tested.
    std::thread::sleep(std::time::Duration::from_millis(1_500));
    signal(Signal::CONT);
    for client in &mut clients {
        assert_eq!(client.answer(false).expect("an answer").status(), 200);
    }
}

/// Each chunk in a packet of its own.
#[test]
fn a_padded_chunk_size_loses_no_answer() {
    let world = World::new();
    for (number, size) in ["3  ", "3 ;a=b", "3\t", "0003 ; a"].into_iter().enumerate() {
        let path = format!("/api/v2/padded{number}");
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let body = format!("{size}\r\nabc\r\n0 \r\n\r\n");
        let script = Script {
            early: false,
            pieces: vec![head.into(), body.into_bytes()],
            then: Then::Keep,
        };
        world.eu.script(&path, script);
        let mut client = world.door.open();
        client.send(format!("GET {path} HTTP/1.1\r\nHost: eu.test\r\n\r\n").as_bytes());
        assert_eq!(client.answer(false).expect("an answer").body, b"abc");
    }
    assert_eq!(world.end(), [""; 0]);
}
