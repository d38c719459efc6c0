//! The way out: what is in flight finishes, nothing new begins.

use http::Method;

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
