//! Endpoints and regions that come and go: who is asked instead, and who never is.

use std::time::{Duration, Instant};

use http::Method;
use onetime_gateway::demo::world::World;
use onetime_gateway::reload::Verdict;

use crate::support::{BOTH, Client, Speak, received, world};

const AUTO: &str = "onetimesecret.com";

type Header = (&'static str, &'static str);

/// From here the decision is geographic, and preferred: the documentation's network of `ca`.
const FROM_CA: Header = ("x-forwarded-for", "203.0.113.7");

/// A world whose configuration has `more` in the section of `ca`.
fn world_with_ca(more: &str) -> World {
    let world = world();
    edit(
        &world,
        "host = \"ca.localhost\"\n",
        &format!("host = \"ca.localhost\"\n{more}\n"),
    );
    world
}

pub(crate) fn edit(world: &World, from: &str, to: &str) {
    let text = std::fs::read_to_string(&world.config).expect("the file");
    assert!(text.contains(from), "{text}");
    std::fs::write(&world.config, text.replace(from, to)).expect("written");
    let verdict = world.gateway().expect("a gateway").reload();
    assert!(matches!(verdict, Verdict::Applied { .. }), "{verdict:?}");
}

fn down(world: &World, region: &str) {
    for number in [1, 2] {
        world.regions.down(region, number).expect("an endpoint");
    }
}

/// The value of a metric's line, summed over all lines that contain every one of `words`.
pub(crate) fn metric(world: &World, words: &[&str]) -> f64 {
    let text = world.gateway().expect("a gateway").metrics();
    let lines = text
        .lines()
        .filter(|line| words.iter().all(|word| line.contains(word)));
    lines
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum()
}

async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(10), "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Requests of which each has something that binds it to `ca`, which is down.
async fn assert_bound(world: &World, client: &mut Client) {
    let get = |path: &'static str, headers: &[Header]| (Method::GET, path, headers.to_vec(), "");
    let post = |path: &'static str, body| (Method::POST, path, vec![FROM_CA], body);
    let basic = ("authorization", "Basic eDp5");
    let bound = [
        get("/api/v2/status", &[FROM_CA, basic, ("o-region", "ca")]),
        get("/api/v2/status", &[FROM_CA, ("cookie", "sess=1")]),
        get("/api/v2/status", &[FROM_CA, ("x-csrf-token", "t")]),
        get("/api/v2/status", &[("o-region", "ca")]),
        get("/api/v2/status?key=abc", &[FROM_CA]),
        post("/api/v1/share?secret=x", ""),
        post("/api/v1/secret/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", ""),
        post("/api/v3/guest/secret/status", "{}"),
        get("/api/v2/status", &[FROM_CA, ("x-api-key", "k")]),
        get("/api/v2/status", &[FROM_CA, ("X-XSRF-Token", "t")]),
        get("/api/v2/status", &[FROM_CA, ("x-amz-security-token", "t")]),
        post("/api/v1/share", "secret=x&shrimp=abc"),
        post("/api/v1/share", "secret=x&%73hrimp=abc"),
        post(
            "/api/v1/share",
            "--b\r\nContent-Disposition: form-data; name=\"shrimp\"\r\n\r\nx\r\n--b--",
        ),
        post("/api/v2/nobody-knows", "key=abc"),
        // The token of an invitation stands in the path, and is all the credential there is.
        get("/api/invite/abcdef", &[FROM_CA]),
        post("/api/invite/abcdef/decline", ""),
        get("/api/v2/nobody-knows/abcdef", &[FROM_CA]),
    ];
    for (method, path, headers, body) in bound {
        let before = received(world, "uk");
        let answer = client.ask(method, path, &headers, body).await;
        assert_eq!(answer.status, 503, "{path}");
        assert_eq!(answer.header("o-delivery"), "not-sent", "{path}");
        assert_eq!(answer.header("o-region"), "ca", "{path}");
        assert_eq!(received(world, "uk"), before, "{path}");
    }
}

#[tokio::test]
async fn only_what_is_bound_to_nothing_goes_to_another_region() {
    let world = world_with_ca("failover = [\"us\", \"uk\"]\nallow_crossing = true\nhealth = false");
    down(&world, "ca");
    down(&world, "us");
    for protocol in BOTH {
        world.regions.reset().expect("regions");
        let mut client = Client::open(&world, protocol, AUTO).await;
        let answer = client.get("/api/v2/status", &[FROM_CA]).await;
        assert_eq!(answer.status, 200, "{protocol:?}");
        assert_eq!(answer.landed(), ("uk", "network"));
        let share = client
            .ask(
                Method::POST,
                "/api/v1/share",
                &[
                    FROM_CA,
                    ("content-type", "application/x-www-form-urlencoded"),
                ],
                "secret=x",
            )
            .await;
        assert_eq!(share.status, 200, "{:?}", share.body);
        assert_eq!(share.landed(), ("uk", "network"));
        assert_eq!(received(&world, "uk"), 2, "each once");

        assert_bound(&world, &mut client).await;
        assert_eq!(received(&world, "uk"), 2, "nothing that is bound");
    }
    let failovers = metric(&world, &["failovers_total{", "region=\"ca\""]);
    assert!((failovers - 4.0).abs() < 0.5, "{failovers}");
    // What failed is told of the region where it did, not of the one that answered.
    for (region, failed) in [("ca", true), ("us", true), ("uk", false)] {
        let name = format!("upstream_failed_attempts_total{{region=\"{region}\"");
        assert_eq!(metric(&world, &[&name]) > 0.5, failed, "{region}");
    }
    assert!(metric(&world, &["cross_region_forwards_total"]) < 0.5);
    down(&world, "uk");
    let mut client = Client::open(&world, Speak::Http1, AUTO).await;
    let answer = client.get("/api/v2/status", &[FROM_CA]).await;
    assert_eq!(
        answer.landed(),
        ("ca", "network"),
        "the region that was decided is named"
    );
    assert_eq!(answer.header("o-delivery"), "not-sent");
}

#[tokio::test]
async fn without_a_list_nothing_leaves_its_region() {
    let world = world();
    down(&world, "ca");
    let mut client = Client::open(&world, Speak::Http1, AUTO).await;
    let answer = client.get("/api/v2/status", &[FROM_CA]).await;
    assert_eq!(answer.status, 503);
    for region in ["us", "eu", "uk", "nz"] {
        assert_eq!(received(&world, region), 0, "{region}");
    }
}

#[tokio::test]
async fn probes_find_a_region_down_keep_it_over_a_reload_and_find_it_up() {
    let world = world_with_ca(
        "slow_start = \"0s\"\nhealth = { interval = \"100ms\", fast_interval = \"100ms\", fall = 1, rise = 1 }",
    );
    let up = |world: &World| metric(world, &["endpoint_up{", "region=\"ca\""]);
    until("probed", || {
        metric(&world, &["probes_total{region=\"ca\"", "good"]) >= 2.0
    })
    .await;
    assert!((up(&world) - 2.0).abs() < 0.5);
    down(&world, "ca");
    until("down", || up(&world) < 0.5).await;

    let mut client = Client::open(&world, Speak::Http1, AUTO).await;
    let answer = client.get("/api/v2/status", &[FROM_CA]).await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.landed(), ("ca", "network"));
    assert_eq!(answer.header("o-delivery"), "not-sent");
    assert_eq!(answer.header("retry-after"), "1");
    assert_eq!(answer.json()["error_type"], "no-endpoint");

    let page = "GET /regions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let page = crate::observe::raw(world.admin(), page).await;
    let (_, json) = page.split_once("\r\n\r\n").expect("a body");
    let json: serde_json::Value = serde_json::from_str(json).expect("JSON");
    let regions = json["regions"].as_array().expect("regions");
    let ca = regions
        .iter()
        .find(|one| one["region"] == "ca")
        .expect("ca");
    assert_eq!(ca["available"], false);
    assert_eq!(ca["endpoints"][1]["state"], "down");
    assert!(ca["endpoints"][1]["probes"]["bad"].as_u64() > Some(0));
    let wrong = ca["endpoints"][1]["probes"]["wrong"].as_str();
    assert!(wrong.is_some(), "{ca}");

    edit(&world, "fall = 1", "fall = 2");
    assert!(up(&world) < 0.5, "an unchanged endpoint keeps its health");

    for number in [1, 2] {
        world.regions.up("ca", number).expect("an endpoint");
    }
    until("up", || up(&world) > 1.5).await;
    assert_eq!(client.get("/api/v2/status", &[FROM_CA]).await.status, 200);

    down(&world, "ca");
    until("down again", || up(&world) < 0.5).await;
    edit(&world, "health = { interval", "health = false # { interval");
    until("nobody says that it is down any more", || up(&world) > 1.5).await;
}

/// Fixed statuses from one of two endpoints: it is left alone, shown so, and comes back.
#[tokio::test]
async fn an_endpoint_that_fails_is_ejected_and_comes_back() {
    let world = world_with_ca(
        "health = false\nslow_start = \"0s\"\nejection = { consecutive = 3, base = \"1s\", most = \"1s\" }",
    );
    let fault = onetime_gateway::demo::fault::Fault::Status(500);
    world.regions.fault("ca", 1, fault).expect("an endpoint");
    let mut client = Client::open(&world, Speak::Http2, AUTO).await;
    let mut bad = 0;
    for _ in 0..40 {
        let answer = client.get("/api/v1/authcheck", &[FROM_CA]).await;
        bad += u32::from(answer.status == 500);
        if metric(&world, &["endpoint_ejected{", "region=\"ca\""]) > 0.5 {
            break;
        }
    }
    assert_eq!(bad, 3, "then it is left alone");
    for _ in 0..10 {
        assert_ne!(
            client.get("/api/v1/authcheck", &[FROM_CA]).await.status,
            500
        );
    }
    let ejections = metric(&world, &["ejections_total{region=\"ca\",cause=\"status\"}"]);
    assert!((ejections - 1.0).abs() < 0.1, "{ejections}");
    world.regions.heal("ca", 1).expect("an endpoint");
    world.regions.reset().expect("regions");
    until("back", || {
        metric(&world, &["endpoint_ejected{", "region=\"ca\""]) < 0.5
    })
    .await;
    for _ in 0..20 {
        client.get("/api/v1/authcheck", &[FROM_CA]).await;
    }
    let seen = world.regions.seen("ca", 1).expect("an endpoint");
    assert!(!seen.is_empty(), "it takes its share again");
}

/// One of two endpoints dies under load: no look-up fails, and of the rest only what was under way
/// there, which is said to be uncertain.
#[tokio::test]
async fn killing_an_endpoint_under_load_fails_no_static_request() {
    let world = std::sync::Arc::new(world());
    let mut callers = Vec::new();
    for n in 0..8 {
        let world = world.clone();
        callers.push(tokio::spawn(async move {
            let mut client = Client::open(&world, BOTH[n % 2], "eu.onetimesecret.com").await;
            let mut uncertain = 0;
            for i in 0..100 {
                if n == 0 && i == 30 {
                    world.regions.down("eu", 1).expect("an endpoint");
                }
                if n % 4 < 2 {
                    let answer = client.get("/api/v2/status", &[]).await;
                    assert_eq!(answer.status, 200, "{:?}", answer.body);
                } else {
                    let path = "/api/v1/share?secret=x";
                    let answer = client.ask(Method::POST, path, &[], "").await;
                    if answer.status != 200 {
                        assert_eq!(answer.status, 502);
                        assert_eq!(answer.header("o-delivery"), "maybe-executed");
                        uncertain += 1;
                    }
                }
            }
            uncertain
        }));
    }
    let mut uncertain = 0;
    for caller in callers {
        uncertain += caller.await.expect("no failure");
    }
    assert!(
        uncertain <= 4,
        "one for each caller of a POST at most: {uncertain}"
    );
}

/// Every attempt meets a reset before the answer: how often is a request sent?
#[tokio::test]
async fn only_static_routes_are_sent_twice() {
    let world = world();
    let fault = ("x-demo-fault", "reset-before");
    let get = Method::GET;
    for (method, path, times) in [
        (get.clone(), "/api/v2/status", 3),
        (Method::HEAD, "/api/v1/status", 3),
        (
            get.clone(),
            "/api/v1/receipt/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            1,
        ),
        (
            get.clone(),
            "/api/v2/secret/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/status",
            1,
        ),
        (get.clone(), "/api/v1/authcheck", 1),
        (Method::POST, "/api/v2/status", 1),
        (Method::OPTIONS, "/api/v2/status", 1),
        (
            Method::POST,
            "/api/v1/secret/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            1,
        ),
        (get, "/api/v2/nobody-knows", 1),
    ] {
        for protocol in BOTH {
            world.regions.reset().expect("regions");
            let mut client = Client::open(&world, protocol, "eu.onetimesecret.com").await;
            let answer = client.ask(method.clone(), path, &[fault], "").await;
            assert_eq!(answer.status, 502, "{path}");
            assert_eq!(answer.header("o-delivery"), "maybe-executed", "{path}");
            assert_eq!(received(&world, "eu"), times, "{method} {path}");
        }
    }
    assert!((metric(&world, &["upstream_retries_total{", "eu"]) - 8.0).abs() < 0.5);
    let refused = metric(&world, &["retries_refused_total{", "\"attempts\""]);
    assert!((refused - 4.0).abs() < 0.5, "{refused}");
}
