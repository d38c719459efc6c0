//! Regions that fail: the caller hears the truth, in their dialect, and nothing is sent twice.

use http::Method;
use onetime_gateway::demo::fault::Fault;

use crate::support::{BOTH, Client, Speak, received, world, world_with};

const EU: &str = "eu.onetimesecret.com";
const QUICK: &str =
    "[timeouts]\nresponse_head = \"300ms\"\nresponse_idle = \"300ms\"\nconnect = \"200ms\"\n";

#[tokio::test]
async fn each_fault_has_its_answer() {
    let world = world_with(QUICK);
    for protocol in BOTH {
        for (fault, status, delivery, label) in [
            ("hang", 504, "maybe-executed", "response-timeout"),
            ("reset-before", 502, "maybe-executed", "closed"),
            ("garbage", 502, "maybe-executed", "bad-answer"),
            ("double-length", 502, "maybe-executed", "bad-answer"),
            ("bad-framing", 502, "maybe-executed", "bad-answer"),
            ("1xx-storm=100", 502, "maybe-executed", "bad-answer"),
            ("status-500", 500, "executed", ""),
        ] {
            let mut client = Client::open(&world, protocol, EU).await;
            world.regions.reset().expect("regions");
            let answer = client
                .ask(
                    Method::POST,
                    "/api/v2/secret/conceal",
                    &[("x-demo-fault", fault)],
                    "secret=x",
                )
                .await;
            assert_eq!(answer.status.as_u16(), status, "{protocol:?} {fault}");
            assert_eq!(
                answer.header("o-delivery"),
                delivery,
                "{protocol:?} {fault}"
            );
            assert_eq!(answer.landed(), ("eu", "host"));
            if !label.is_empty() {
                let json = answer.json();
                assert_eq!(json["error_type"], label, "{fault}");
                assert_eq!(json["delivery"], delivery);
                assert_eq!(json["region"], "eu");
            }
            let seen = received(&world, "eu");
            assert_eq!(seen, 1, "{fault}: sent once and never again");
        }
    }
}

/// A body that the region cuts short must reach the client as a broken answer.
#[tokio::test]
async fn a_cut_answer_never_looks_whole() {
    let world = world_with(QUICK);
    for protocol in BOTH {
        for fault in ["truncate", "reset-after-head", "hang-body"] {
            let mut client = Client::open(&world, protocol, EU).await;
            let headers = [("x-demo-fault", fault)];
            let result = client
                .try_ask(Method::GET, "/api/v1/status", &headers, "")
                .await;
            let error = result.expect_err(fault);
            assert!(
                !format!("{error:?}").contains("REFUSED_STREAM"),
                "{fault}: {error:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_dead_endpoint_costs_nobody_anything() {
    let world = world();
    world.regions.down("eu", 1).expect("an endpoint");
    for protocol in BOTH {
        let mut client = Client::open(&world, protocol, EU).await;
        for i in 0..20 {
            let answer = client
                .ask(Method::POST, "/api/v1/share?secret=x", &[], "")
                .await;
            assert_eq!(
                answer.status, 200,
                "{protocol:?} request {i}: nothing was sent to the dead one"
            );
        }
    }
    world.regions.down("eu", 2).expect("an endpoint");
    let mut client = Client::open(&world, Speak::Http1, EU).await;
    let answer = client
        .ask(Method::POST, "/api/v1/share?secret=x", &[], "")
        .await;
    // Whether or not the last one's failures have been noticed by then.
    assert_eq!(answer.status, 503);
    assert!(answer.header("retry-after").parse::<u32>().is_ok());
    assert_eq!(answer.header("o-delivery"), "not-sent");
    assert!(answer.json()["message"].is_string());
}

/// The region closes a kept connection; the next request must not be lost with it.
#[tokio::test]
async fn a_kept_connection_that_was_closed_is_not_used() {
    let world = world();
    for number in [1, 2] {
        world
            .regions
            .fault("eu", number, Fault::CloseNow)
            .expect("an endpoint");
    }
    let mut client = Client::open(&world, Speak::Http1, EU).await;
    let mut failed = 0;
    for _ in 0..50 {
        let answer = client
            .ask(Method::POST, "/api/v1/share?secret=x", &[], "")
            .await;
        // The close may cross with our writing: then, and only then, nobody can know.
        if answer.status != 200 {
            assert_eq!(answer.header("o-delivery"), "maybe-executed");
            failed += 1;
        }
    }
    assert!(failed <= 10, "{failed} of 50 met the race");
}

/// What the operator writes of a route holds for it and nothing else: whatever is said of a class, a
/// request that may consume or create is sent once.
#[tokio::test]
async fn a_class_that_the_operator_wrote_lets_nothing_be_sent_twice_that_must_not() {
    let routes = |routes: &[(&str, &str, &str)]| {
        let route = |(prefix, hosts, class): &(&str, &str, &str)| {
            format!(
                "[[routes]]\nprefix = \"{prefix}\"\nhosts = [{hosts}]\naction = \"proxy\"\nclass = \"{class}\"\n"
            )
        };
        routes.iter().map(route).collect::<String>() + QUICK
    };
    let world = world_with(&routes(&[
        ("/api/v1", "\"region\"", "static"),
        ("/api/v2/nobody-knows", "\"alias\"", "static"),
        ("/api/v2/status", "\"region\"", "read"),
        ("/api/v3/nobody-knows", "\"region\"", "static"),
    ]));
    let mut client = Client::open(&world, Speak::Http1, EU).await;
    for (path, attempts) in [
        ("/api/v1/private/abcdefghijklmnopqrstuvwxyz01234", 1),
        ("/api/v1/share", 1),
        ("/api/v2/nobody-knows", 1),
        ("/api/v2/status", 1),
        ("/api//v2/status", 1),
        ("/api/v2/version", 3),
        ("/api/v3/nobody-knows", 3),
        ("/api/v3//nobody-knows/x", 3),
    ] {
        world.regions.reset().expect("regions");
        let fault = [("x-demo-fault", "reset-before")];
        let answer = client.get(path, &fault).await;
        assert_eq!(answer.status, 502, "{path}");
        assert_eq!(received(&world, "eu"), attempts, "{path}");
    }
}

#[tokio::test]
async fn two_choices_are_none_and_the_answer_says_that_there_are_two() {
    let world = world();
    for protocol in BOTH {
        let mut client = Client::open(&world, protocol, "onetimesecret.com").await;
        let twice = [("o-region", "eu"), ("o-region", "eu")];
        let told = client.get("/api/v2/status", &twice).await;
        assert_eq!(told.status, 400);
        assert_eq!(told.json()["error_type"], "pin-repeated");
        let words = "O-Region is there more than once; the regions are ";
        let said = told.json()["error"].to_string();
        assert!(said.contains(words), "{said}");
        let told = client.get("/api/v2/status", &[("o-region", "mars")]).await;
        assert_eq!(told.json()["error_type"], "unknown-region");
    }
}

/// Larger than what sockets hold: the region is given some of it and takes no more.
#[tokio::test]
async fn a_region_that_stops_reading_has_failed() {
    let more = format!("[limits]\nbody = \"64MiB\"\n{QUICK}");
    let world = world_with(&more);
    let mut client = Client::open(&world, Speak::Http1, EU).await;
    let fault = [("x-demo-fault", "hang-read")];
    let body = "x".repeat(32 << 20);
    let answer = client
        .ask(Method::POST, "/api/v2/secret/conceal", &fault, &body)
        .await;
    assert_eq!(answer.status, 504);
    assert_eq!(answer.json()["error_type"], "response-timeout");
    let page = "GET /regions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let page = crate::observe::raw(world.admin(), page).await;
    assert!(page.contains("\"failures_in_a_row\":1"), "{page}");
}
