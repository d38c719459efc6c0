//! Regions that answer before they have read the request, and answers that come in unusual pieces:
//! all of them reach the client.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};

use crate::harness::gateway::World;
use crate::harness::origin::{Script, Then};
use crate::harness::{find, until};

/// A server that answers 413 to a head, and closes with the body unread: its kernel sends a reset.
fn hasty() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for mut socket in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || {
                let mut head = Vec::new();
                let mut block = [0_u8; 512];
                while find(&head, b"\r\n\r\n").is_none() {
                    match socket.read(&mut block) {
                        Ok(count) if count > 0 => head.extend_from_slice(&block[..count]),
                        _ => return,
                    }
                }
                let _ = socket.write_all(
                    b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 5\r\n\
                      Connection: close\r\n\r\nlarge",
                );
            });
        }
    });
    address
}

#[test]
fn the_early_answer_of_a_region_that_closes_is_passed_on() {
    let address = hasty();
    let world = World::with(&format!(
        "[regions.hasty]\nhost = \"hasty.test\"\nendpoints = [\"http://{address}\"]\n\
         health = false\nejection = false\n"
    ));
    for size in [20_000, 200_000, 250_000] {
        for _ in 0..40 {
            let mut client = world.door.open();
            let head = format!(
                "POST /api/v2/large HTTP/1.1\r\nHost: onetime.test\r\nO-Region: hasty\r\n\
                 Content-Length: {size}\r\n\r\n"
            );
            client.send(&[head.as_bytes(), &vec![b'a'; size]].concat());
            let answer = client.answer(false).expect("an answer");
            assert_eq!(answer.status(), 413, "{answer:?}");
            assert_eq!(answer.body, b"large");
            assert_eq!(answer.field("o-delivery"), Some("executed"));
        }
    }
    drop(world);
}

#[test]
fn an_answer_with_white_space_after_its_chunk_sizes_is_passed_on_whole() {
    let world = World::new();
    for (i, size) in [
        "3",
        "3 ",
        "3  ",
        "3\t",
        "3 ;a=b",
        "3\t ; a = b",
        "3;a=b ",
        "03      ",
    ]
    .into_iter()
    .enumerate()
    {
        let path = format!("/api/v2/white{i}");
        for (end, chunks) in [("0", 1), ("0  ", 1), ("0 ;x", 4_000)] {
            let body = format!("{size}\r\nabc\r\n").repeat(chunks);
            let answer =
                format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{body}{end}\r\n\r\n");
            if size.contains(';') && chunks > 1 {
                continue;
            }
            world.eu.script(&path, Script::says(answer, Then::Keep));
            let mut client = world.door.open();
            client.send(format!("GET {path} HTTP/1.1\r\nHost: eu.test\r\n\r\n").as_bytes());
            let answer = client.answer(false).expect(size);
            assert_eq!(answer.body, b"abc".repeat(chunks), "{size:?} {end:?}");
        }
    }
    assert_eq!(world.end(), [""; 0]);
}

/// The client does not read at first. Among so many lengths are some of which the last part lies
/// within TLS as the region falls silent, however much the sockets take.
#[test]
fn what_a_region_has_said_does_not_wait_for_what_it_says_next() {
    let world = World::new();
    let mut clients = Vec::new();
    for i in 0..60 {
        let path = format!("/api/v2/pause{i}");
        let size = 2_400_000 + i * 40_000;
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", size + 1);
        let mut script = Script::says(head, Then::Hold);
        script.pieces.push(vec![b'a'; size]);
        world.eu.script(&path, script);
        let mut client = world.door.open();
        client.send(format!("GET {path} HTTP/1.1\r\nHost: eu.test\r\n\r\n").as_bytes());
        clients.push((client, size));
    }
    until("all were asked", || world.eu.count() == clients.len());
    std::thread::sleep(std::time::Duration::from_millis(800));
    for (mut client, size) in clients {
        let mut head = Vec::new();
        while find(&head, b"\r\n\r\n").is_none() {
            head.extend(client.take(1).expect("a head"));
        }
        client.take(size).expect("all that the region has said");
    }
    drop(world);
}

/// On a connection whose answers named their requests, one without an id is nobody's.
#[test]
fn an_answer_without_an_id_where_all_others_had_one_is_rejected() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    // Names each request but those for a path with `bare`.
    std::thread::spawn(move || {
        for mut socket in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || {
                let mut head = Vec::new();
                let mut block = [0_u8; 4096];
                loop {
                    while find(&head, b"\r\n\r\n").is_none() {
                        match socket.read(&mut block) {
                            Ok(count) if count > 0 => head.extend_from_slice(&block[..count]),
                            _ => return,
                        }
                    }
                    let text = String::from_utf8_lossy(&head).into_owned();
                    head.clear();
                    let status = if text.contains("error") {
                        "500 Oops"
                    } else {
                        "200 OK"
                    };
                    let named = text
                        .lines()
                        .find(|line| line.to_ascii_lowercase().starts_with("x-request-id:"))
                        .filter(|_| !text.contains("bare"))
                        .map_or(String::new(), |line| format!("{line}\r\n"));
                    let body = if text.starts_with("HEAD") { "" } else { "ok" };
                    let answer =
                        format!("HTTP/1.1 {status}\r\n{named}Content-Length: 2\r\n\r\n{body}");
                    let _ = socket.write_all(answer.as_bytes());
                }
            });
        }
    });
    let world = World::with(&format!(
        "[regions.names]\nhost = \"names.test\"\nendpoints = [\"http://{address}\"]\n\
         health = false\n"
    ));
    let mut client = world.door.open();
    let mut ask = |method: &str, path: &str| {
        let length = if method == "POST" {
            "Content-Length: 0\r\n"
        } else {
            ""
        };
        client.send(
            format!(
                "{method} /api/v2/{path} HTTP/1.1\r\nHost: onetime.test\r\nO-Region: names\r\n\
                 {length}\r\n"
            )
            .as_bytes(),
        );
        let answer = client.answer(method == "HEAD").expect("an answer");
        (
            answer.status(),
            answer.field("o-delivery").map(str::to_owned),
        )
    };
    assert_eq!(ask("POST", "named").0, 200);
    assert_eq!(ask("POST", "bare-error").0, 500);
    let (status, delivery) = ask("POST", "bare");
    assert_eq!((status, delivery.as_deref()), (502, Some("maybe-executed")));
    // On a new connection nothing is settled.
    assert_eq!(ask("GET", "named").0, 200);
    assert_eq!(ask("HEAD", "bare").0, 200);
    assert_eq!(ask("GET", "bare").0, 200);
    assert_eq!(ask("POST", "bare").0, 502, "a cache answers no POST");
    // Where the first one has none, none is expected to.
    assert_eq!(ask("POST", "bare").0, 200);
    assert_eq!(ask("POST", "named").0, 200);
    assert_eq!(ask("POST", "bare").0, 200, "it stays so");
    drop(world);
}

/// After a pause of the process, an answer that came meanwhile counts before the time-out does.
#[test]
fn an_answer_that_came_while_the_process_stood_still_is_passed_on() {
    use rustix::process::{Pid, Signal, kill_process};
    let world = World::with("[timeouts]\nresponse_head = \"2s\"\n");
    let pid = i32::try_from(world.gateway.pid())
        .ok()
        .and_then(Pid::from_raw);
    let pid = pid.expect("a process");
    for i in 0..2 {
        world
            .eu
            .script("/api/v2/slow", Script::says("", Then::Keep));
        let before = world.eu.count();
        let mut client = world.door.open();
        client.send(b"POST /api/v2/slow HTTP/1.1\r\nHost: eu.test\r\nContent-Length: 2\r\n\r\nab");
        until("the region has it", || world.eu.count() > before);
        kill_process(pid, Signal::STOP).expect("a signal");
        world
            .eu
            .blurt(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        std::thread::sleep(std::time::Duration::from_millis(2_300));
        kill_process(pid, Signal::CONT).expect("a signal");
        let answer = client.answer(false).expect("an answer");
        assert_eq!(
            answer.status(),
            200,
            "{i} {}",
            String::from_utf8_lossy(&answer.body)
        );
    }
    assert_eq!(world.end(), [""; 0]);
}
