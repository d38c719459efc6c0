//! What one client may have of the gateway, and that another one is served meanwhile.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use onetime_gateway::demo::world::World;
use onetime_gateway::reload::Source;
use onetime_gateway::server::Gateway;

use crate::support::world_with;

/// The longest that anything may take. Never waited for in a run that passes.
const PATIENCE: Duration = Duration::from_secs(20);

/// A second gateway before a world's regions, its configuration changed by `edit`.
fn second(world: &World, edit: impl Fn(String) -> String) -> Gateway {
    let text = std::fs::read_to_string(&world.config).expect("the file");
    // The https port is the first gateway's.
    let text = edit(text.replace(&world.https().to_string(), "127.0.0.1:0"));
    let config = world.config.with_file_name("second.toml");
    std::fs::write(&config, text).expect("written");
    Gateway::start(Source::File(config)).expect("a gateway")
}

/// Whether a metric has this line.
fn says(gateway: &Gateway, line: &str) -> bool {
    let metrics = gateway.metrics();
    metrics.lines().any(|metric| metric == line)
}

/// Waits until something that must come has come.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = std::time::Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Connects and asks; the status line and the open connection, or `None` if it was reset.
fn ask(address: SocketAddr, header: &str) -> Option<(String, TcpStream)> {
    let mut socket = TcpStream::connect(address).expect("a connection");
    socket.set_read_timeout(Some(PATIENCE)).expect("an option");
    let request = format!("{header}GET /x HTTP/1.1\r\nHost: onetimesecret.com\r\n\r\n");
    let _ = socket.write_all(request.as_bytes());
    let mut answer = [0_u8; 512];
    match socket.read(&mut answer) {
        Ok(count) if count > 0 => {
            let text = String::from_utf8_lossy(&answer[..count]);
            Some((text.lines().next().unwrap_or("").to_owned(), socket))
        }
        _ => None,
    }
}

#[test]
fn a_client_has_so_many_connections_and_its_network_so_many_more() {
    let world = world_with("[limits]\nconnections_per_address = 3\nconnections_per_network = 5\n");
    let gateway = second(&world, |text| {
        text.replace(
            "http = [\"127.0.0.1:0\"]",
            "http = [\"127.0.0.1:0\"]\nproxy_protocol = [\"127.0.0.1:0\"]",
        )
    });
    let address = gateway.addresses().http[0];
    let from = |client: &str| {
        let family = if client.contains(':') { "TCP6" } else { "TCP4" };
        let own = if client.contains(':') {
            "::1"
        } else {
            "127.0.0.1"
        };
        ask(
            address,
            &format!("PROXY {family} {client} {own} 12345 443\r\n"),
        )
    };
    let mut open = Vec::new();
    for (client, served) in [
        ("198.51.100.1", true),
        ("198.51.100.1", true),
        ("198.51.100.1", true),
        ("198.51.100.1", false),
        // The same network, until that is full.
        ("198.51.100.2", true),
        ("198.51.100.3", true),
        ("198.51.100.4", false),
        // Others do not notice.
        ("203.0.113.1", true),
        // One customer's addresses are one client.
        ("2001:db8:0:7::1", true),
        ("2001:db8:0:7::2", true),
        ("2001:db8:0:7:ffff::3", true),
        ("2001:db8:0:7::4", false),
        ("2001:db8:0:8::1", true),
    ] {
        let answer = from(client);
        assert_eq!(answer.is_some(), served, "{client}");
        open.extend(answer.map(|(_, socket)| socket));
    }
    for (limit, count) in [("address", 2), ("network", 1)] {
        let line =
            format!("onetime_gateway_connections_refused_total{{limit=\"{limit}\"}} {count}");
        assert!(says(&gateway, &line), "{line}");
    }
    // Without a client's name the balancer itself is the peer, and is not counted.
    for _ in 0..8 {
        let (status, socket) = ask(address, "PROXY UNKNOWN\r\n").expect("an answer");
        assert!(status.starts_with("HTTP/1.1 308"), "{status}");
        open.push(socket);
    }
    // A place that is given back is free.
    open.clear();
    until("all have gone", || gateway.connections() == 0);
    assert!(from("198.51.100.1").is_some());
    gateway.drain();
}

#[test]
fn peers_are_counted_by_themselves_unless_they_are_proxies_or_exempt() {
    let untrusted = |text: String| text.replace("[\"127.0.0.0/8\", \"::1/128\"]", "[]");
    for (more, trusts, limited) in [
        ("exempt = []\n", false, true),
        ("exempt = []\n", true, false),
        ("", false, false),
    ] {
        let world = world_with(&format!("[limits]\nconnections_per_address = 2\n{more}"));
        let gateway = second(&world, |text| if trusts { text } else { untrusted(text) });
        let address = gateway.addresses().http[0];
        let open: Vec<_> = (0..4).filter_map(|_| ask(address, "")).collect();
        let expected = if limited { 2 } else { 4 };
        assert_eq!(open.len(), expected, "{more:?}, trusted: {trusts}");
        drop(open);
        gateway.drain();
    }
}
