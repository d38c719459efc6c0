//! A listener behind a load balancer that speaks the PROXY protocol.

use std::io::{Read, Write};
use std::net::TcpStream;

use onetime_gateway::demo::world::World;

use crate::support::world_with;

/// A world whose plain listener demands the header, trusting `trusted` to send it.
fn world(trusted: &str, access: &std::path::Path) -> World {
    let world = world_with(&format!(
        "[log]\naccess = {access:?}\naccess_address = \"full\"\n"
    ));
    let text = std::fs::read_to_string(&world.config).expect("the file");
    assert!(text.contains("http = [\"127.0.0.1:0\"]\n"));
    // The https port is the first gateway's.
    let text = text
        .replace(&world.https().to_string(), "127.0.0.1:0")
        .replace(
            "http = [\"127.0.0.1:0\"]",
            "http = [\"127.0.0.1:0\"]\nproxy_protocol = [\"127.0.0.1:0\"]",
        )
        .replace("[\"127.0.0.0/8\", \"::1/128\"]", trusted);
    let directory = world.config.parent().expect("a directory").to_owned();
    std::fs::write(directory.join("proxied.toml"), text).expect("written");
    world
}

fn send(address: std::net::SocketAddr, header: &[u8]) -> String {
    let mut socket = TcpStream::connect(address).expect("a connection");
    let request = b"GET /x HTTP/1.1\r\nHost: onetimesecret.com\r\nConnection: close\r\n\r\n";
    let _ = socket.write_all(&[header, request].concat());
    let mut answer = Vec::new();
    let _ = socket.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

const V2: &[u8] =
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0f\xcb\0\x71\x07\x7f\0\0\x01\x30\x39\x01\xbb\x04\0\0";

#[test]
fn a_trusted_balancer_speaks_for_its_clients_and_nobody_else_does() {
    use onetime_gateway::reload::Source;
    use onetime_gateway::server::Gateway;
    let directory = tempfile::tempdir().expect("a directory");
    let access = directory.path().join("access.log");
    for (trusted, is_trusted) in [("[\"127.0.0.0/8\"]", true), ("[\"10.0.0.0/8\"]", false)] {
        let world = world(trusted, &access);
        let config = world.config.with_file_name("proxied.toml");
        let gateway = Gateway::start(Source::File(config)).expect("a gateway");
        let address = gateway.addresses().http[0];
        for (header, reads) in [
            (&b"PROXY TCP4 203.0.113.7 127.0.0.1 12345 443\r\n"[..], true),
            (b"PROXY TCP6 2001:db8::7 ::1 12345 443\r\n", true),
            (b"PROXY UNKNOWN\r\n", true),
            (V2, true),
            (b"PROXY TCP4 203.0.113.7\r\n", false),
            (b"", false),
        ] {
            let answer = send(address, header);
            let expected = if is_trusted && reads {
                "HTTP/1.1 308"
            } else {
                ""
            };
            assert!(answer.starts_with(expected), "{header:?}: {answer}");
            assert_eq!(
                answer.is_empty(),
                expected.is_empty(),
                "{header:?}: {answer}"
            );
        }
        let metrics = gateway.metrics();
        let counted = |reason: &str, count: u32| {
            let line = format!(
                "onetime_gateway_proxy_protocol_failures_total{{reason=\"{reason}\"}} {count}\n"
            );
            assert!(metrics.contains(&line), "{line}");
        };
        if is_trusted {
            counted("line", 1);
            counted("absent", 1);
        } else {
            counted("untrusted", 6);
        }
        gateway.drain();
    }
    let lines = std::fs::read_to_string(&access).expect("the log");
    let clients: Vec<&str> = lines
        .lines()
        .filter_map(|line| line.split("\"client\":\"").nth(1)?.split('"').next())
        .collect();
    assert_eq!(
        clients,
        ["203.0.113.7", "2001:db8::7", "127.0.0.1", "203.0.113.7"]
    );
}
