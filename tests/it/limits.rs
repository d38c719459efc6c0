//! What one client may have of the gateway, and that another one is served meanwhile.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use http::Method;
use onetime_gateway::demo::world::{World, WorldOptions};
use onetime_gateway::reload::Source;
use onetime_gateway::server::Gateway;

use crate::support::{Answer, BOTH, Client, Speak, world_with};

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

#[test]
fn who_connects_again_and_again_is_reset_until_time_has_passed() {
    let world = world_with(
        "[limits]\nexempt = []\n[rate_limits]\nconnect = { burst = 3, every = \"1h\" }\n",
    );
    let gateway = second(&world, |text| {
        text.replace(
            "http = [\"127.0.0.1:0\"]",
            "http = [\"127.0.0.1:0\"]\nproxy_protocol = [\"127.0.0.1:0\"]",
        )
    });
    let address = gateway.addresses().http[0];
    let from = |client: &str| {
        let header = format!("PROXY TCP4 {client} 127.0.0.1 12345 443\r\n");
        ask(address, &header).is_some()
    };
    let served: Vec<bool> = (0..5).map(|_| from("198.51.100.1")).collect();
    assert_eq!(served, [true, true, true, false, false]);
    assert!(from("198.51.100.2"));
    assert!(says(
        &gateway,
        "onetime_gateway_connections_refused_total{limit=\"rate\"} 2"
    ));
    gateway.drain();
}

const KEY: &str = "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz";

/// Asks as one client of many behind a trusted proxy.
async fn ask_as(client: &mut Client, from: &str, method: Method, path: &str) -> Answer {
    client
        .ask(method, path, &[("x-forwarded-for", from)], "")
        .await
}

#[tokio::test]
async fn who_floods_is_told_429_in_its_dialect_and_the_next_client_is_served() {
    let world = world_with(
        "[limits]\nexempt = [\"192.0.2.0/24\"]\n\
         [rate_limits]\nread = { burst = 4, every = \"1h\" }\nstatic = { burst = 2, every = \"90s\" }\n",
    );
    for (protocol, flooder, neighbour) in [
        (Speak::Http1, "198.51.100.1", "198.51.100.2"),
        (Speak::Http2, "2001:db8:0:1::1", "2001:db8:0:2::1"),
    ] {
        let mut client = Client::open(&world, protocol, "eu.onetimesecret.com").await;
        for (path, burst) in [
            ("/api/v1/status", 2),
            ("/api/v2/secret/nosuchsecretkeyatall1/status", 4),
        ] {
            for _ in 0..burst {
                let answer = ask_as(&mut client, flooder, Method::GET, path).await;
                assert_ne!(answer.status, 429, "{path}");
            }
            let answer = ask_as(&mut client, flooder, Method::GET, path).await;
            assert_eq!(answer.status, 429, "{path}");
            assert_eq!(answer.header("o-delivery"), "not-sent");
            assert_eq!(answer.header("connection"), "");
            let wait: u32 = answer.header("retry-after").parse().expect("seconds");
            let json = answer.json();
            if burst == 2 {
                assert!((80..=90).contains(&wait), "{wait}");
                let said = json["message"].as_str().expect("a message");
                assert!(said.contains("too many requests"), "{said}");
            } else {
                assert!((3_500..=3_600).contains(&wait), "{wait}");
                assert_eq!(json["error_type"], "too-many-reads");
            }
            for other in [neighbour, "192.0.2.9", "192.0.2.9", "192.0.2.9"] {
                let answer = ask_as(&mut client, other, Method::GET, path).await;
                assert_ne!(answer.status, 429, "{path} {other}");
            }
        }
        // What is of another kind has its own bucket.
        let answer = ask_as(&mut client, flooder, Method::POST, "/api/v1/share?secret=x").await;
        assert_eq!(answer.status, 200);
    }
    // The other addresses of a customer are the same client.
    let mut client = Client::open(&world, Speak::Http2, "eu.onetimesecret.com").await;
    let answer = ask_as(
        &mut client,
        "2001:db8:0:1:9::9",
        Method::GET,
        "/api/v1/status",
    )
    .await;
    assert_eq!(answer.status, 429);
    let gateway = world.gateway().expect("it runs");
    assert!(says(
        gateway,
        "onetime_gateway_refusals_total{region=\"none\",label=\"too-many-reads\"} 2"
    ));
}

/// The only files that are read for a request lie behind the same limits as everything else.
#[tokio::test]
async fn acme_challenges_are_limited_and_a_pipe_in_the_webroot_holds_up_no_request() {
    let directory = tempfile::tempdir().expect("a directory");
    let challenges = directory.path().join(".well-known/acme-challenge");
    std::fs::create_dir_all(&challenges).expect("made");
    std::fs::write(challenges.join("token"), "proof").expect("written");
    std::fs::write(challenges.join("long"), vec![b'a'; 4097]).expect("written");
    std::fs::create_dir(challenges.join("directory")).expect("made");
    let made = std::process::Command::new("mkfifo")
        .arg(challenges.join("pipe"))
        .status();
    assert!(made.expect("mkfifo").success());
    let world = world_with(
        "[limits]\nexempt = []\n[rate_limits]\nstatic = { burst = 6, every = \"1h\" }\n",
    );
    let gateway = second(&world, |text| {
        let webroot = format!(
            "[server]\nacme_webroot = \"{}\"\n",
            directory.path().display()
        );
        text.replace("[server]\n", &webroot)
    });
    let ask = async |client: &str, token: &str| {
        let request = format!(
            "GET /.well-known/acme-challenge/{token} HTTP/1.1\r\nHost: onetimesecret.com\r\n\
             X-Forwarded-For: {client}\r\nConnection: close\r\n\r\n"
        );
        let answer = crate::observe::raw(gateway.addresses().http[0], &request);
        tokio::time::timeout(PATIENCE, answer)
            .await
            .expect("an answer")
    };
    for (token, status) in [
        ("token", 200),
        ("pipe", 404),
        ("directory", 404),
        ("long", 404),
        ("absent", 404),
        ("not.plain", 404),
        ("token", 429),
        ("pipe", 429),
    ] {
        let answer = ask("198.51.100.1", token).await;
        let expected = format!("HTTP/1.1 {status} ");
        assert!(answer.starts_with(&expected), "{token}: {answer}");
        assert_eq!(
            answer.ends_with("proof"),
            status == 200,
            "{token}: {answer}"
        );
    }
    let answer = ask("198.51.100.2", "token").await;
    assert!(answer.ends_with("proof"), "{answer}");
    gateway.drain();
}

#[tokio::test]
async fn what_is_left_survives_a_reload() {
    let world = world_with("[rate_limits]\nstatic = { burst = 2, every = \"1h\" }\n");
    let mut client = Client::open(&world, Speak::Http1, "onetimesecret.com").await;
    let mut statuses = Vec::new();
    for _ in 0..3 {
        let answer = ask_as(&mut client, "198.51.100.1", Method::GET, "/api/v1/status").await;
        statuses.push(answer.status.as_u16());
        let text = std::fs::read_to_string(&world.config).expect("the file");
        std::fs::write(&world.config, format!("{text}\n# again\n")).expect("written");
        let _ = world.gateway().expect("it runs").reload();
    }
    assert_eq!(statuses, [200, 200, 429]);
}

#[tokio::test]
async fn who_guesses_keys_is_stopped_before_the_region_is_asked() {
    let mut regions = onetime_gateway::demo::options::DemoOptions::ephemeral();
    for region in &mut regions.regions {
        if region.name == "us" {
            region.dialect = onetime_gateway::demo::options::Dialect::Classic;
        }
    }
    let world = World::start(WorldOptions {
        regions,
        more: "[rate_limits]\nunknown = { burst = 3, every = \"1h\" }\n".to_owned(),
        ..WorldOptions::ephemeral()
    })
    .expect("a world");
    let guesses = [
        ("eu", Method::POST, format!("/api/v1/secret/{KEY}")),
        ("us", Method::POST, format!("/api/v1/secret/{KEY}")),
        ("eu", Method::POST, format!("/api/v1/private/{KEY}")),
        ("eu", Method::GET, format!("/api/v2/secret/{KEY}")),
        (
            "eu",
            Method::GET,
            format!("/api/v3/guest/secret/{KEY}/status"),
        ),
        ("eu", Method::POST, "/api/v3/secret/status".to_owned()),
        ("eu", Method::POST, format!("/api/v2/secret/{KEY}/reveal")),
    ];
    for (number, (region, method, path)) in guesses.into_iter().enumerate() {
        let host = format!("{region}.onetimesecret.com");
        let mut client = Client::open(&world, BOTH[number % 2], &host).await;
        let guesser = format!("198.51.100.{number}");
        let asked = |world: &World| crate::support::received(world, region);
        let before = asked(&world);
        for _ in 0..3 {
            let answer = ask_as(&mut client, &guesser, method.clone(), &path).await;
            assert_ne!(answer.status, 429, "{path}");
        }
        let answer = ask_as(&mut client, &guesser, method.clone(), &path).await;
        assert_eq!(answer.status, 429, "{path}: {:?}", answer.body);
        assert_eq!(asked(&world), before + 3, "{path}");
        // What carries no key is served, and so is everybody else.
        let made = ask_as(
            &mut client,
            &guesser,
            Method::POST,
            "/api/v1/share?secret=x",
        )
        .await;
        assert_eq!(made.status, 200, "{path}");
        let key = made.json()["secret_key"]
            .as_str()
            .expect("a key")
            .to_owned();
        let open = format!("/api/v1/secret/{key}");
        let read = ask_as(&mut client, "203.0.113.5", Method::POST, &open).await;
        assert_eq!(read.status, 200, "{path}");
    }
}

#[tokio::test]
async fn failures_and_refused_credentials_are_no_guesses() {
    let world = world_with("[rate_limits]\nunknown = { burst = 1, every = \"1h\" }\n");
    let mut client = Client::open(&world, Speak::Http1, "eu.onetimesecret.com").await;
    let path = format!("/api/v1/secret/{KEY}");
    for fault in ["hidden-404", "status-500", "status-503"] {
        for _ in 0..3 {
            let headers = [("x-forwarded-for", "198.51.100.1"), ("x-demo-fault", fault)];
            let answer = client.ask(Method::POST, &path, &headers, "").await;
            assert_ne!(answer.status, 429, "{fault}");
        }
    }
    for _ in 0..2 {
        let headers = [
            ("x-forwarded-for", "198.51.100.1"),
            ("authorization", "Basic bm9ib2R5Om5vbmU="),
        ];
        let answer = client.ask(Method::POST, &path, &headers, "").await;
        assert_eq!(answer.status, 404, "{:?}", answer.body);
    }
}
