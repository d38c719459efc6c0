//! Endpoints that have a name: a small name server of the test's own says what it stands for.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use http::StatusCode;
use onetime_gateway::demo::options::DemoOptions;
use onetime_gateway::demo::world::{World, WorldOptions};

use crate::support::{BOTH, Client, Speak, received};

/// IPv4 addresses by name; a name with `None` gets SERVFAIL.
type Zone = Arc<Mutex<BTreeMap<String, Option<Vec<Ipv4Addr>>>>>;

/// What a name server does not do.
#[derive(Clone, Copy, Default)]
struct Lacks {
    /// Answers to questions for IPv6 addresses.
    v6: bool,
    /// EDNS: it answers FORMERR to a question with an OPT record (RFC 6891 section 7).
    edns: bool,
}

/// A name server on loopback, until the test's process ends.
fn name_server() -> (SocketAddr, Zone) {
    let (address, zone, _) = poor_name_server(Lacks::default());
    (address, zone)
}

/// The same, with what it lacks, which may change.
fn poor_name_server(lacks: Lacks) -> (SocketAddr, Zone, Arc<Mutex<Lacks>>) {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let address = socket.local_addr().expect("an address");
    let zone = Zone::default();
    let known = zone.clone();
    let lacks = Arc::new(Mutex::new(lacks));
    let of_server = lacks.clone();
    std::thread::spawn(move || {
        let mut space = [0; 1500];
        while let Ok((count, asker)) = socket.recv_from(&mut space) {
            let query = &space[..count];
            let lacks = *of_server.lock().expect("no panic");
            let mut answer = answer(query, &known);
            if lacks.v6 && kind(query) == 28 {
                continue;
            }
            if lacks.edns && query[10..12] != [0, 0] {
                answer = query[..12].to_vec();
                (answer[2], answer[3]) = (0x81, 0x81);
                answer[4..].fill(0);
            }
            let _ = socket.send_to(&answer, asker);
        }
    });
    (address, zone, lacks)
}

/// The question's type: 1 is A, 28 is AAAA.
fn kind(query: &[u8]) -> u8 {
    let name = query[12..].iter().position(|octet| *octet == 0);
    query[12 + name.expect("an end") + 2]
}

/// An answer (RFC 1035 section 4.1) with a TTL of 0.
fn answer(query: &[u8], zone: &Zone) -> Vec<u8> {
    let (mut name, mut at) = (Vec::new(), 12);
    while query[at] != 0 {
        let label = &query[at + 1..=at + usize::from(query[at])];
        name.push(String::from_utf8_lossy(label).to_lowercase());
        at += 1 + label.len();
    }
    let kind = query[at + 2];
    let question = &query[12..at + 5];
    let zone = zone.lock().expect("no panic");
    let (code, addresses) = match zone.get(&name.join(".")) {
        None => (3, Vec::new()),
        Some(None) => (2, Vec::new()),
        Some(Some(addresses)) if kind == 1 => (0, addresses.clone()),
        Some(Some(_)) => (0, Vec::new()),
    };
    let count = u8::try_from(addresses.len()).expect("few");
    let mut out = query[..2].to_vec();
    out.extend([0x81, 0x80 | code, 0, 1, 0, count, 0, 0, 0, 0]);
    out.extend(question);
    for address in addresses {
        out.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4]);
        out.extend(address.octets());
    }
    out
}

/// A world in which the region `eu` has its two endpoints under the names `one.test` and `two.test`.
fn world(server: SocketAddr) -> World {
    let options = WorldOptions {
        regions: DemoOptions::ephemeral(),
        more: format!(
            "[dns]\nservers = [\"{server}\"]\nmin_ttl = \"100ms\"\n\
             [timeouts]\nconnect = \"2s\"\nupstream_idle = \"1ms\"\n"
        ),
        ..WorldOptions::ephemeral()
    };
    let world = World::start(options).expect("a world");
    let mut text = std::fs::read_to_string(&world.config).expect("a file");
    let eu = world.regions.regions().iter().find(|one| one.name == "eu");
    for (address, name) in eu.expect("eu").endpoints.iter().zip(["one", "two"]) {
        let named = format!("http://{name}.test:{}", address.port());
        text = text.replace(&format!("http://{address}"), &named);
    }
    let text = text.replace(
        "[regions.eu]\n",
        "[regions.eu]\nhealth = false\nejection = false\n",
    );
    std::fs::write(&world.config, text).expect("written");
    reload(&world);
    world
}

fn reload(world: &World) {
    use onetime_gateway::reload::Verdict;
    match world.gateway().expect("a gateway").reload() {
        Verdict::Applied { .. } => {}
        Verdict::Refused(problems) => panic!("{problems}"),
    }
}

fn metrics(world: &World) -> String {
    world.gateway().expect("a gateway").metrics()
}

fn value(world: &World, start: &str, parts: &[&str]) -> Option<f64> {
    let text = metrics(world);
    let line = text.lines().find(|line| {
        line.starts_with(&format!("onetime_gateway_{start}"))
            && parts.iter().all(|part| line.contains(part))
    })?;
    line.rsplit(' ').next()?.parse().ok()
}

/// Waits until the metrics say so.
async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < end, "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// RFC 8305 section 3: IPv4 addresses are used 50 ms later, even if IPv6 is silent.
#[tokio::test]
async fn a_family_that_is_silent_keeps_nobody_from_the_other() {
    let lacks = Lacks {
        v6: true,
        ..Lacks::default()
    };
    let (server, zone, lacks) = poor_name_server(lacks);
    for name in ["one.test", "two.test"] {
        let mut zone = zone.lock().expect("no panic");
        zone.insert(name.to_owned(), Some(vec![Ipv4Addr::LOCALHOST]));
    }
    let world = world(server);
    let mut client = Client::open(&world, Speak::Http1, "eu.localhost").await;
    // The connect time-out is 2 s, and a question is given up after more than that.
    for _ in 0..5 {
        let answer = client.get("/api/v2/status", &[]).await;
        assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    }
    // An answer that changes is followed all the same.
    let addresses = || value(&world, "endpoint_addresses{", &["http://one.test"]);
    assert_eq!(addresses(), Some(1.0));
    let two = vec![Ipv4Addr::LOCALHOST, Ipv4Addr::new(127, 0, 0, 9)];
    let add = |zone: &Zone| {
        zone.lock()
            .expect("no panic")
            .insert("one.test".to_owned(), Some(two))
    };
    add(&zone);
    until("two addresses", || addresses() == Some(2.0)).await;
    // And the silence ends.
    lacks.lock().expect("no panic").v6 = false;
    let good = || {
        value(
            &world,
            "endpoint_resolutions_total{",
            &["http://two.test", "good"],
        )
    };
    let before = good();
    until("further answers", || good() > before).await;
    let answer = client.get("/api/v2/status", &[]).await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
}

/// RFC 6891 section 6.2.2.
#[tokio::test]
async fn a_name_server_that_refuses_edns_is_asked_without() {
    let lacks = Lacks {
        edns: true,
        ..Lacks::default()
    };
    let (server, zone, _) = poor_name_server(lacks);
    for name in ["one.test", "two.test"] {
        let mut zone = zone.lock().expect("no panic");
        zone.insert(name.to_owned(), Some(vec![Ipv4Addr::LOCALHOST]));
    }
    let world = world(server);
    let mut client = Client::open(&world, Speak::Http1, "eu.localhost").await;
    let answer = client.get("/api/v2/status", &[]).await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
}

#[tokio::test]
async fn names_are_resolved_followed_and_kept() {
    let (server, zone) = name_server();
    let say = |name: &str, addresses: Option<Vec<Ipv4Addr>>| {
        let mut zone = zone.lock().expect("no panic");
        zone.insert(format!("{name}.test"), addresses);
    };
    let local = Ipv4Addr::LOCALHOST;
    // Nothing listens at the first: the demo's regions are at 127.0.0.1 only.
    say("one", Some(vec![Ipv4Addr::new(127, 0, 0, 9), local]));
    say("two", Some(vec![local]));
    let world = world(server);
    for speak in BOTH {
        let mut client = Client::open(&world, speak, "eu.localhost").await;
        for _ in 0..20 {
            let answer = client.get("/api/v2/status", &[]).await;
            assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
        }
    }
    assert!(received(&world, "eu") >= 40);
    let one = "http://one.test";
    assert_eq!(value(&world, "endpoint_addresses{", &[one]), Some(2.0));

    // The answer changes: followed without a reload, and asked for again and again.
    say("one", Some(vec![local]));
    until("one address", || {
        value(&world, "endpoint_addresses{", &[one]) == Some(1.0)
    })
    .await;
    // No answer: counted, and the last one serves on, also after a reload.
    say("one", None);
    say("two", None);
    let failed = || value(&world, "endpoint_resolutions_total{", &[one, "failed"]);
    until("failures", || failed() >= Some(2.0)).await;
    reload(&world);
    let mut client = Client::open(&world, Speak::Http1, "eu.localhost").await;
    for _ in 0..10 {
        let answer = client.get("/api/v2/status", &[]).await;
        assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    }
    assert!(failed() >= Some(2.0), "a reload forgets nothing");
    assert_eq!(value(&world, "endpoint_addresses{", &[one]), Some(1.0));
    let age = || value(&world, "endpoint_addresses_age_seconds{", &[one]);
    let before = age();
    until("older", || age() > before).await;
}

#[tokio::test]
async fn a_name_without_an_address_is_told_and_nothing_is_sent() {
    let (server, zone) = name_server();
    let world = world(server);
    let mut client = Client::open(&world, Speak::Http1, "eu.localhost").await;
    let answer = client.get("/api/v2/status", &[]).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.header("o-delivery"), "not-sent");
    assert_eq!(answer.json()["error_type"], "unresolved");
    // Counted when the answer is out.
    until("counted", || metrics(&world).contains("\"unresolved\"")).await;
    assert_eq!(received(&world, "eu"), 0);

    // As soon as it resolves, it serves.
    for name in ["one.test", "two.test"] {
        let local = Some(vec![Ipv4Addr::LOCALHOST]);
        zone.lock()
            .expect("no panic")
            .insert(name.to_owned(), local);
    }
    until("resolved", || {
        value(&world, "endpoint_addresses{", &["two.test"]) == Some(1.0)
            && value(&world, "endpoint_addresses{", &["one.test"]) == Some(1.0)
    })
    .await;
    let answer = client.get("/api/v2/status", &[]).await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
}
