//! The way out: what is in flight finishes, nothing new begins.

use http::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{BOTH, Client, Speak, connect, tls, world};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_in_flight_finishes() {
    for protocol in BOTH {
        let mut world = world();
        let (address, config) = (world.https(), tls(&world, protocol));
        let mut client = Client::open(&world, protocol, "eu.onetimesecret.com").await;
        assert_eq!(client.get("/api/v1/status", &[]).await.status, 200);
        let slow = tokio::spawn(async move {
            let headers = [("x-demo-fault", "slow=600")];
            client
                .try_ask(Method::POST, "/api/v1/share?secret=x", &headers, "")
                .await
        });
        // The region has the request before the drain begins.
        let arrived = |world: &onetime_gateway::demo::world::World| {
            [1, 2].iter().any(|number| {
                let seen = world.regions.seen("eu", *number).expect("an endpoint");
                seen.iter().any(|seen| seen.method() == "POST")
            })
        };
        while !arrived(&world) {
            tokio::task::yield_now().await;
        }
        tokio::task::spawn_blocking(move || {
            world.drain();
            drop(world);
        })
        .await
        .expect("drained");
        let answer = slow.await.expect("the task").expect("an answer");
        assert_eq!(answer.status, 200, "{protocol:?}");
        // The drain began after the request came, and before its answer.
        let said = answer.header("connection");
        assert_eq!(said == "close", protocol == Speak::Http1, "{protocol:?}");
        assert!(
            connect(address, config, "eu.onetimesecret.com")
                .await
                .is_err(),
            "nothing listens"
        );
    }
}

/// Nobody's patience is endless; the log says who cut the request off, whether its head was out or not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_outlasts_the_drain_is_cut_off_by_the_gateway_and_says_so() {
    let directory = tempfile::tempdir().expect("a directory");
    let log = directory.path().join("access.log");
    let mut world = crate::support::world_with(&format!("[log]\naccess = {log:?}\n"));
    let text = std::fs::read_to_string(&world.config).expect("the file");
    let text = text.replace("drain = \"5s\"", "drain = \"200ms\"");
    std::fs::write(&world.config, text).expect("written");
    drop(world.gateway().expect("a gateway").reload());
    let mut asked = Vec::new();
    for protocol in BOTH {
        for fault in ["hang", "hang-body"] {
            let mut client = Client::open(&world, protocol, "eu.onetimesecret.com").await;
            asked.push(tokio::spawn(async move {
                let headers = [("x-demo-fault", fault)];
                let path = "/api/v1/share?secret=x";
                client.try_ask(Method::POST, path, &headers, "").await
            }));
        }
    }
    while crate::support::received(&world, "eu") < asked.len() {
        tokio::task::yield_now().await;
    }
    let drained = tokio::task::spawn_blocking(move || world.drain());
    assert_eq!(drained.await.expect("drained"), 4);
    for one in asked {
        assert!(one.await.expect("the task").is_err());
    }
    let lines = std::fs::read_to_string(log).expect("the log");
    assert_eq!(lines.lines().count(), 4);
    for line in lines.lines() {
        let words = "\"broken\":\"drained\",\"fault\":\"gateway\"";
        assert!(line.contains(words), "{line}");
    }
    assert_eq!(lines.matches("\"status\":0").count(), 2, "{lines}");
}

fn drain_time(world: &onetime_gateway::demo::world::World, time: &str) {
    let text = std::fs::read_to_string(&world.config).expect("the file");
    let text = text.replace("drain = \"5s\"", &format!("drain = \"{time}\""));
    std::fs::write(&world.config, text).expect("written");
    drop(world.gateway().expect("a gateway").reload());
}

/// With a time for draining that no test waits for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_connections_do_not_hold_a_drain() {
    for protocol in BOTH {
        let mut world = world();
        drain_time(&world, "10m");
        let mut client = Client::open(&world, protocol, "eu.onetimesecret.com").await;
        assert_eq!(client.get("/api/v1/status", &[]).await.status, 200);
        let unused = Client::open(&world, protocol, "eu.onetimesecret.com").await;
        let drained = tokio::task::spawn_blocking(move || world.drain());
        assert_eq!(drained.await.expect("drained"), 0, "{protocol:?}");
        drop((client, unused));
    }
}

/// Each connection has sent half a head before the drain begins, and sends the rest at some point in it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_in_the_last_part_of_a_drain_is_refused_as_not_sent() {
    let mut world = world();
    drain_time(&world, "4s");
    let mut waiting = Vec::new();
    for _ in 0..30 {
        let config = tls(&world, Speak::Http1);
        let mut stream = connect(world.https(), config, "eu.onetimesecret.com")
            .await
            .expect("a connection");
        let half = b"POST /api/v1/share?secret=x HTTP/1.1\r\nHost: eu.onetimesecret.com\r\n";
        stream.write_all(half).await.expect("sent");
        stream.flush().await.expect("sent");
        waiting.push(stream);
    }
    let drained = tokio::task::spawn_blocking(move || {
        let cut = world.drain();
        (world, cut)
    });
    let mut refused = 0;
    for mut stream in waiting {
        tokio::time::sleep(std::time::Duration::from_millis(120)).await;
        let rest = b"Content-Length: 0\r\n\r\n";
        stream.write_all(rest).await.expect("it is read");
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        let answer = String::from_utf8_lossy(&answer).to_ascii_lowercase();
        assert!(answer.contains("connection: close"), "{answer}");
        if answer.starts_with("http/1.1 503") {
            assert!(answer.contains("o-delivery: not-sent"), "{answer}");
            assert!(answer.contains("retry-after: "), "{answer}");
            refused += 1;
            break;
        }
        assert!(answer.starts_with("http/1.1 200"), "{answer}");
    }
    assert_eq!(refused, 1, "the drain was over before");
    assert_eq!(drained.await.expect("drained").1, 0);
}

#[tokio::test]
async fn the_last_request_that_a_connection_may_carry_ends_it() {
    let world = crate::support::world_with("[limits]\nrequests_per_connection = 3\n");
    let mut client = Client::open(&world, Speak::Http1, "onetimesecret.com").await;
    let mut said = Vec::new();
    for path in ["/api/v1/status", "/region", "/api/v1/status"] {
        said.push(client.get(path, &[]).await.header("connection").to_owned());
    }
    assert_eq!(said, ["", "", "close"]);
}

#[tokio::test]
async fn over_http_2_too() {
    let world = crate::support::world_with("[limits]\nrequests_per_connection = 3\n");
    let mut client = Client::open(&world, Speak::Http2, "onetimesecret.com").await;
    let mut served = 0;
    // A request that is on its way as the connection is told to end is served, too.
    while let Ok(answer) = client.try_ask(Method::GET, "/api/v1/status", &[], "").await {
        assert_eq!(answer.status, 200);
        served += 1;
        assert!(served < 100, "it never ends");
    }
    assert!(served >= 3, "{served}");
}
