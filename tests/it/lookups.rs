//! Keys without a tag, found by asking: all links open, nothing is changed by it, and who guesses
//! keys cannot make the regions busy.

use std::time::{Duration, Instant};

use http::Method;
use onetime_gateway::demo::fault::Fault;
use onetime_gateway::demo::options::KeyStyle;
use onetime_gateway::demo::world::{World, WorldOptions};
use onetime_gateway::reload::Verdict;

use crate::links::{LOOK_UPS, Made, links_open};
use crate::observe::scrape;
use crate::support::{BOTH, Client, Speak};

const BARE: &str = "onetimesecret.com";
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const EVERYWHERE: &str = "lookup = true\n\
    lookup_jurisdictions = [\"EU\", \"US\", \"CA\", \"NZ\", \"UK\"]\n";

/// A world whose regions make keys of this style.
fn world(style: KeyStyle, decision: &str) -> World {
    let mut options = WorldOptions::ephemeral();
    for region in &mut options.regions.regions {
        region.keys = Some(style);
    }
    options.more = format!("\n[decision]\n{decision}\n");
    World::start(options).expect("a world")
}

/// Look-ups that a region has seen.
fn asked(world: &World, region: &str) -> usize {
    [1, 2]
        .into_iter()
        .flat_map(|number| world.regions.seen(region, number).expect("an endpoint"))
        .filter(|seen| LOOK_UPS.contains(&seen.path()))
        .count()
}

async fn make(client: &mut Client, region: &str) -> Made {
    let headers = [("o-region", region), FORM];
    let made = client.ask(Method::POST, "/api/v1/share", &headers, "secret=x");
    Made::of(&made.await)
}

#[tokio::test]
async fn every_untagged_link_opens_from_everywhere() {
    let often = "lookup_per_second = 10000\nlookup_timeout = \"10s\"\n";
    for style in [KeyStyle::Short, KeyStyle::SharedTag] {
        let world = world(style, &format!("{EVERYWHERE}{often}"));
        links_open(&world, 200, "look-up").await;
    }
}

/// `cargo test --release --test it ten_thousand_untagged -- --ignored --nocapture`
#[tokio::test]
#[ignore = "the long form of the test above"]
async fn ten_thousand_untagged_links_open_from_everywhere() {
    let often = "lookup_per_second = 10000\nlookup_timeout = \"10s\"\n";
    let world = world(KeyStyle::Short, &format!("{EVERYWHERE}{often}"));
    links_open(&world, 10_000, "look-up").await;
}

#[tokio::test]
async fn a_look_up_changes_nothing_and_is_made_once() {
    let world = world(KeyStyle::Short, EVERYWHERE);
    for protocol in BOTH {
        let mut client = Client::open(&world, protocol, BARE).await;
        let made = make(&mut client, "nz").await;
        let before = asked(&world, "eu");
        // Link scanners, again and again.
        let page = format!("/secret/{}", made.secret);
        for method in [Method::GET, Method::HEAD, Method::GET] {
            let shown = client.ask(method, &page, &[("o-region", "eu")], "").await;
            assert_eq!(shown.status, 302);
            assert_eq!(shown.landed(), ("nz", "look-up"));
            let location = shown.header("location");
            assert!(location.starts_with("https://nz."), "{location}");
            assert!(location.ends_with(&page), "{location}");
        }
        assert_eq!(asked(&world, "eu"), before + 1);
        let receipt = format!("/api/v1/private/{}", made.receipt);
        let receipt = client.ask(Method::POST, &receipt, &[], "").await;
        assert_eq!(receipt.landed(), ("nz", "look-up"));
        assert_eq!(receipt.json()["state"], "new", "nobody has looked at it");
        assert_eq!(asked(&world, "eu"), before + 2, "of a kind of its own");
    }
}

#[tokio::test]
async fn many_who_ask_at_once_cause_one_question() {
    let world = world(KeyStyle::Short, EVERYWHERE);
    let mut client = Client::open(&world, Speak::Http2, BARE).await;
    let made = make(&mut client, "uk").await;
    let page = format!("/secret/{}", made.secret);
    let mut tasks = Vec::new();
    for _ in 0..100 {
        let (mut twin, page) = (client.twin().expect("HTTP/2"), page.clone());
        tasks.push(tokio::spawn(async move {
            let shown = twin.get(&page, &[]).await;
            assert_eq!(shown.landed(), ("uk", "look-up"));
        }));
    }
    for task in tasks {
        task.await.expect("found");
    }
    assert_eq!(asked(&world, "us"), 1);
}

#[tokio::test]
async fn a_receipt_is_found_right_after_it_was_made() {
    let world = world(KeyStyle::Short, EVERYWHERE);
    let mut client = Client::open(&world, Speak::Http1, BARE).await;
    // Whatever was not there a moment ago.
    for number in 0..5 {
        let missing = format!("/receipt/{number:031}");
        let shown = client.get(&missing, &[]).await;
        assert_ne!(shown.header("o-region-reason"), "look-up");
        let made = make(&mut client, "ca").await;
        let receipt = format!("/api/v1/private/{}", made.receipt);
        let receipt = client.ask(Method::POST, &receipt, &[], "").await;
        assert_eq!(receipt.landed(), ("ca", "look-up"));
    }
}

#[tokio::test]
async fn only_regions_of_the_named_jurisdictions_see_a_key() {
    let world = world(
        KeyStyle::Short,
        "lookup = true\nlookup_jurisdictions = [\"CA\", \"UK\"]\n",
    );
    let mut client = Client::open(&world, Speak::Http2, BARE).await;
    let made = make(&mut client, "eu").await;
    let shown = client.get(&format!("/secret/{}", made.secret), &[]).await;
    assert_ne!(shown.header("o-region-reason"), "look-up");
    let counts = ["ca", "uk", "eu", "us", "nz"].map(|region| asked(&world, region));
    assert_eq!(counts, [1, 1, 0, 0, 0]);
    let made = make(&mut client, "uk").await;
    let shown = client.get(&format!("/secret/{}", made.secret), &[]).await;
    assert_eq!(shown.landed(), ("uk", "look-up"));
}

#[tokio::test]
async fn a_region_that_cannot_say_does_not_keep_the_others_from_it() {
    let world = world(
        KeyStyle::Short,
        &format!("{EVERYWHERE}lookup_timeout = \"300ms\"\n"),
    );
    let mut client = Client::open(&world, Speak::Http1, BARE).await;
    for fault in ["garbage", "hang", "close-now", "status-500", "truncate"] {
        let parsed: Fault = fault.parse().expect("a fault");
        for number in [1, 2] {
            world.regions.fault("us", number, parsed).expect("a fault");
        }
        let made = make(&mut client, "nz").await;
        let shown = client.get(&format!("/secret/{}", made.secret), &[]).await;
        assert_eq!(shown.landed(), ("nz", "look-up"), "{fault}");
        // And where nobody has it, the next rules decide.
        let shown = client
            .get("/secret/abcdefghijklmnopqrstuvwxyz01234", &[])
            .await;
        assert_ne!(shown.header("o-region-reason"), "look-up", "{fault}");
        assert_eq!(shown.status, 302, "{fault}");
    }
    let metrics = scrape(world.admin()).await;
    let line = "onetime_gateway_lookup_answers_total{region=\"us\",answer=\"cannot-say\"}";
    assert!(metrics.contains(line), "{metrics}");
}

/// Pages of keys that nobody has, as fast as they can be asked for.
async fn guess(guesses: usize) {
    let world = world(KeyStyle::Short, EVERYWHERE);
    let client = Client::open(&world, Speak::Http2, BARE).await;
    let begun = Instant::now();
    let lanes = 50;
    let mut tasks = Vec::new();
    for lane in 0..lanes {
        let mut twin = client.twin().expect("HTTP/2");
        tasks.push(tokio::spawn(async move {
            for number in (lane..guesses).step_by(lanes) {
                let caller = format!("10.{}.{}.{}", lane, number / 250 % 250, number % 250);
                let page = format!("/secret/{number:031}");
                let shown = twin.get(&page, &[("x-forwarded-for", &caller)]).await;
                assert_eq!(shown.status, 302);
                assert_ne!(shown.header("o-region-reason"), "look-up");
            }
        }));
    }
    for task in tasks {
        task.await.expect("answered");
    }
    let took = begun.elapsed() + Duration::from_secs(1);
    let allowed = 50 + took.as_secs() as usize * 50;
    for region in ["us", "eu", "ca", "nz", "uk"] {
        let asked = asked(&world, region);
        assert!(
            (50..=allowed).contains(&asked),
            "{region}: {asked} of {allowed}"
        );
        eprintln!("{guesses} guesses in {took:.1?}: {region} was asked {asked} times");
    }
}

#[tokio::test]
async fn who_guesses_keys_spends_a_budget() {
    guess(2_000).await;
}

/// `cargo test --release --test it hundred_thousand -- --ignored --nocapture`
#[tokio::test]
#[ignore = "the long form of the test above"]
async fn a_hundred_thousand_guesses_spend_a_budget() {
    guess(100_000).await;
}

/// A look-up that takes too long says nothing about the endpoint: what callers ask may be answered at once.
#[tokio::test]
async fn slow_look_ups_eject_nobody() {
    let world = world(
        KeyStyle::Short,
        &format!("{EVERYWHERE}lookup_timeout = \"50ms\"\n"),
    );
    for number in [1, 2] {
        let slow = Fault::Slow(Duration::from_millis(200));
        world.regions.fault("us", number, slow).expect("a fault");
    }
    let mut client = Client::open(&world, Speak::Http1, BARE).await;
    for number in 0..40 {
        let shown = client.get(&format!("/secret/{number:031}"), &[]).await;
        assert_eq!(shown.status, 302);
    }
    assert!(asked(&world, "us") > 10, "they were asked");
    let metrics = scrape(world.admin()).await;
    let ejected =
        |line: &&str| line.starts_with("onetime_gateway_endpoint_ejected{") && line.ends_with(" 1");
    assert_eq!(metrics.lines().find(ejected), None);
}

/// An endpoint that nobody can connect to is ejected for it, whoever tried; and it is told.
#[tokio::test]
async fn what_look_ups_cannot_reach_is_counted() {
    let world = world(KeyStyle::Short, EVERYWHERE);
    world.regions.down("us", 1).expect("an endpoint");
    let mut client = Client::open(&world, Speak::Http1, BARE).await;
    for number in 0..40 {
        let shown = client.get(&format!("/secret/{number:031}"), &[]).await;
        assert_eq!(shown.status, 302);
    }
    let metrics = scrape(world.admin()).await;
    for line in [
        "onetime_gateway_endpoint_ejections_total{region=\"us\",cause=\"connect\"} 1",
        "region=\"us\",cause=\"connect-refused\"}",
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
}

/// Numbers of regions run out in metrics, where the rest is then one; what was found must not be.
#[tokio::test]
async fn regions_beyond_those_that_metrics_can_tell_apart_are_told_apart_all_the_same() {
    let world = world(KeyStyle::Short, EVERYWHERE);
    let text = std::fs::read_to_string(&world.config).expect("the file");
    let reload = |text: &str| {
        std::fs::write(&world.config, text).expect("written");
        let verdict = world.gateway().expect("a gateway").reload();
        assert!(matches!(verdict, Verdict::Applied { .. }), "{verdict:?}");
    };
    for turn in 0..3 {
        let mut many = text.clone();
        for number in 0..200 {
            many += &format!(
                "\n[regions.r{turn}-{number}]\nhost = \"r{turn}-{number}.example\"\n\
                 endpoints = [\"http://127.0.0.1:{}\"]\n",
                1 + number
            );
        }
        reload(&many);
    }
    let renamed = ["nz", "uk"].into_iter().fold(text, |text, name| {
        text.replace(
            &format!("[regions.{name}]"),
            &format!("[regions.new-{name}]"),
        )
        .replace(&format!("\"{name}\""), &format!("\"new-{name}\""))
    });
    reload(&renamed);
    let mut client = Client::open(&world, Speak::Http1, BARE).await;
    for region in ["new-nz", "new-uk"] {
        let made = make(&mut client, region).await;
        let shown = client.get(&format!("/secret/{}", made.secret), &[]).await;
        assert_eq!(shown.landed(), (region, "look-up"));
    }
}
