//! Who may be in the wrong region is told where to choose another one, and told nothing else; what
//! is chosen there is counted.

use http::Method;

use crate::observe::scrape;
use crate::support::{BOTH, Client, world};

const BARE: &str = "onetimesecret.com";
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const LINK: &str = "</region>; rel=\"related\"";
const UNTAGGED: &str = "abcdefghijklmnopqrstuvwxyz01234";

#[tokio::test]
async fn a_preferred_region_that_does_not_know_is_not_the_last_word() {
    // Method, path, status, whether the page is pointed to.
    const CALLS: &[(&str, &str, u16, bool)] = &[
        ("POST", "/api/v1/secret/KEY", 404, true),
        ("GET", "/api/v1/private/KEY", 404, true),
        ("HEAD", "/api/v1/private/KEY", 404, true),
        ("POST", "/api/v1/private/KEY/burn", 404, true),
        ("GET", "/api/v1/private/recent", 404, true),
        ("GET", "/api/v1/authcheck", 404, true),
        ("GET", "/api/v2/secret/KEY", 404, true),
        ("POST", "/api/v2/secret/KEY/reveal", 404, true),
        ("GET", "/api/v2/receipt/recent", 401, true),
        ("GET", "/api/v3/guest/receipt/KEY", 404, true),
        // Nothing there that another region could have.
        ("GET", "/api/v1/status", 200, false),
        ("POST", "/api/v1/share", 404, false),
        ("GET", "/api/v1/nothing", 404, false),
        ("GET", "/api/v2/secret/KEY/status", 200, false),
        ("GET", "/api/v3/nothing", 404, false),
    ];
    let world = world();
    let mut pointed = 0;
    for protocol in BOTH {
        let mut client = Client::open(&world, protocol, BARE).await;
        for (method, path, status, points) in CALLS {
            let method = Method::from_bytes(method.as_bytes()).expect("a method");
            let target = path.replace("KEY", UNTAGGED);
            let what = format!("{protocol:?} {method} {path}");
            let answer = client.ask(method.clone(), &target, &[FORM], "").await;
            assert_eq!(answer.status.as_u16(), *status, "{what}");
            assert_eq!(answer.landed(), ("eu", "no-country"), "{what}");
            let expected = if *points { LINK } else { "" };
            assert_eq!(answer.header("link"), expected, "{what}");
            pointed += usize::from(*points);

            // The body is the region's own, byte for byte.
            let mut own = Client::open(&world, protocol, "eu.onetimesecret.com").await;
            let same = own.ask(method.clone(), &target, &[FORM], "").await;
            assert_eq!(same.header("link"), "", "{what}: bound by host");
            if target.starts_with("/api/v1/") {
                assert_eq!(same.body, answer.body, "{what}");
            }
            let pinned = [FORM, ("o-region", "us")];
            let bound = client.ask(method, &target, &pinned, "").await;
            assert_eq!(bound.header("link"), "", "{what}: bound by a pin");
        }
        let credentials = [("authorization", "Basic ZGVtbzp4")];
        let foreign = client.get("/api/v1/authcheck", &credentials).await;
        assert_eq!(foreign.landed(), ("us", "credentials"));
        assert_eq!(foreign.json()["message"], "Not authorized");
        assert_eq!(foreign.header("link"), "", "a token is invited nowhere");
    }
    let text = scrape(world.admin()).await;
    let line = format!("onetime_gateway_region_hints_total{{region=\"eu\"}} {pointed}");
    assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    assert!(!text.contains(UNTAGGED), "a key in the metrics");
}

/// v1 hides a mistake behind the same 404; the status that was meant tells.
#[tokio::test]
async fn a_mistake_in_the_request_is_no_wrong_region() {
    let world = world();
    let mut client = Client::open(&world, BOTH[0], BARE).await;
    let form = "secret=x&passphrase=right";
    let made = client
        .ask(Method::POST, "/api/v1/share", &[FORM], form)
        .await;
    let key = made.json()["metadata_key"]
        .as_str()
        .expect("a key")
        .to_owned();
    let path = format!("/api/v1/private/{key}/burn");
    let wrong = client
        .ask(Method::POST, &path, &[FORM], "passphrase=wrong")
        .await;
    assert_eq!(wrong.header("x-ots-intended-status"), "400");
    assert_eq!(wrong.header("link"), "");
}

#[tokio::test]
async fn choices_are_counted() {
    let world = world();
    for protocol in BOTH {
        let mut client = Client::open(&world, protocol, BARE).await;
        let headers = [FORM, ("sec-fetch-site", "same-origin")];
        for (body, status) in [
            ("region=uk", 303),
            ("region=nz", 303),
            ("forget=1", 303),
            ("region=mars", 400),
        ] {
            let answer = client.ask(Method::POST, "/region", &headers, body).await;
            assert_eq!(answer.status.as_u16(), status, "{body}");
        }
    }
    let text = scrape(world.admin()).await;
    for line in [
        "onetime_gateway_pins_set_total{region=\"nz\"} 2",
        "onetime_gateway_pins_set_total{region=\"uk\"} 2",
        "onetime_gateway_pins_cleared_total 2",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
}
