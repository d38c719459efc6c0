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
