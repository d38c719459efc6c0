//! A region that hangs has its limits: who comes then waits for a moment or is told at once, and other
//! regions do not notice.

use std::time::{Duration, Instant};

use http::Method;
use onetime_gateway::demo::world::World;
use serde_json::Value;

use crate::support::{Client, Speak, received, world_with};

const EU: &str = "eu.onetimesecret.com";

/// A region's breaker on the admin page.
async fn shown(world: &World, region: &str) -> Value {
    let page = "GET /regions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let page = crate::observe::raw(world.admin(), page).await;
    let (_, json) = page.split_once("\r\n\r\n").expect("a body");
    let json: Value = serde_json::from_str(json).expect("JSON");
    let regions = json["regions"].as_array().expect("regions");
    let found = regions.iter().find(|one| one["region"] == region);
    found.expect("the region")["breaker"].clone()
}

#[tokio::test]
async fn beyond_the_limits_requests_wait_or_are_refused_at_once() {
    let world = world_with(
        "[limits]\nrequests_per_region = 2\nqueue_per_region = 1\nqueue_wait = \"1s\"\n\
         [timeouts]\nresponse_head = \"4s\"\n",
    );
    let metric = |what: &str| {
        let text = world.gateway().expect("a gateway").metrics();
        let line = text
            .lines()
            .find(|line| line.starts_with("onetime_gateway_") && line.contains(what));
        let value = line.and_then(|line| line.rsplit(' ').next());
        value.and_then(|value| value.parse::<f64>().ok())
    };
    let first = Client::open(&world, Speak::Http2, EU).await;
    let ask = |fault: &'static str| {
        let mut client = first.twin().expect("HTTP/2");
        tokio::spawn(async move {
            let started = Instant::now();
            let faults = [("x-demo-fault", fault)];
            let headers = if fault.is_empty() {
                &faults[..0]
            } else {
                &faults
            };
            let answer = client
                .ask(Method::POST, "/api/v2/secret/conceal", headers, "secret=x")
                .await;
            (answer, started.elapsed())
        })
    };
    let hanging = [ask("hang"), ask("hang")];
    let until = async |what: &str, value: f64| {
        let end = Instant::now() + Duration::from_secs(10);
        while metric(what) != Some(value) {
            assert!(Instant::now() < end, "{what} is {:?}", metric(what));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    until("region_requests{region=\"eu\"}", 2.0).await;
    let waiting = ask("");
    until("region_queue_length{region=\"eu\"}", 1.0).await;
    assert_eq!(metric("region_breaker_open{region=\"eu\"}"), Some(1.0));
    let eu = shown(&world, "eu").await;
    assert_eq!((&eu["open"], &eu["requests"]), (&true.into(), &2.into()));
    // The line is full: at once.
    let (refused, took) = ask("").await.expect("no panic");
    assert!(took < Duration::from_millis(700), "{took:?}");
    // The wait is over.
    let (late, took) = waiting.await.expect("no panic");
    assert!(took >= Duration::from_secs(1), "{took:?}");
    for answer in [refused, late] {
        assert_eq!(answer.status.as_u16(), 503);
        assert_eq!(answer.header("o-delivery"), "not-sent");
        assert_eq!(answer.header("retry-after"), "1");
        assert_eq!(answer.json()["error_type"], "overloaded");
    }
    assert_eq!(
        metric("region_refusals_total{region=\"eu\",cause=\"queue-full\"}"),
        Some(1.0)
    );
    assert_eq!(
        metric("region_refusals_total{region=\"eu\",cause=\"queue-timeout\"}"),
        Some(1.0)
    );
    // Another region has its own limits.
    let mut other = Client::open(&world, Speak::Http1, "ca.onetimesecret.com").await;
    assert_eq!(other.get("/api/v2/status", &[]).await.status.as_u16(), 200);
    for one in hanging {
        assert_eq!(one.await.expect("no panic").0.status.as_u16(), 504);
    }
    let (served, _) = ask("").await.expect("no panic");
    assert_eq!(served.header("o-delivery"), "executed", "{:?}", served.body);
    assert_eq!(
        received(&world, "eu"),
        3,
        "the refused ones were never sent"
    );
    until("region_requests{region=\"eu\"}", 0.0).await;
    assert_eq!(metric("region_breaker_open{region=\"eu\"}"), Some(0.0));
}
