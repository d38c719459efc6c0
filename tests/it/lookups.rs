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
            let shown = client.ask(method, &page, &[], "").await;
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

const NO_SUCH: &str = "abcdefghijklmnopqrstuvwxyz01234";
const ALL: [&str; 5] = ["us", "eu", "ca", "nz", "uk"];

/// Paths that any region has seen of requests with this key in their path.
fn seen_with(world: &World, key: &str) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    for region in ALL {
        for number in [1, 2] {
            let seen = world.regions.seen(region, number).expect("an endpoint");
            let paths = seen.iter().map(|seen| seen.path().to_owned());
            found.extend(
                paths
                    .filter(|path| path.contains(key))
                    .map(|path| (region, path)),
            );
        }
    }
    found
}

/// A secret of `region` that wants a passphrase.
async fn lock(client: &mut Client, region: &str) -> Made {
    let headers = [("o-region", region), FORM];
    let body = "secret=x&passphrase=open+sesame";
    let made = client.ask(Method::POST, "/api/v1/share", &headers, body);
    Made::of(&made.await)
}

async fn open(client: &mut Client, key: &str, headers: &[(&str, &str)]) -> crate::support::Answer {
    let path = format!("/api/v1/secret/{key}");
    let headers = [headers, &[FORM]].concat();
    let body = "passphrase=open+sesame";
    client.ask(Method::POST, &path, &headers, body).await
}

#[tokio::test]
async fn a_spent_budget_sends_no_key_and_no_passphrase_by_geography() {
    let world = world(
        KeyStyle::Short,
        &format!("{EVERYWHERE}lookup_per_second = 1\n"),
    );
    let mut client = Client::open(&world, Speak::Http2, BARE).await;
    let made = lock(&mut client, "nz").await;
    for number in 0..12 {
        let caller = format!("10.{number}.0.1");
        let page = format!("/secret/{number:031}");
        client.get(&page, &[("x-forwarded-for", &caller)]).await;
    }
    let from = ("x-forwarded-for", "192.0.2.1");
    let refused = open(&mut client, &made.secret, &[from]).await;
    assert_eq!(refused.status, 503);
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(refused.header("o-delivery"), "not-sent");
    assert_eq!(refused.header("o-region"), "");
    for (method, path) in [
        (Method::POST, format!("/secret/{}", made.secret)),
        (Method::GET, format!("/secret/{}?passphrase=x", made.secret)),
        (Method::GET, format!("/api/v1/private/{}", made.receipt)),
        (
            Method::POST,
            format!("/api/v1/private/{}/burn", made.receipt),
        ),
        (Method::HEAD, format!("/api/v2/secret/{}", made.secret)),
        (Method::DELETE, format!("/api/v3/receipt/{}", made.receipt)),
    ] {
        let page = format!("/receipt/{:031}", path.len());
        client.get(&page, &[("x-forwarded-for", "10.99.0.1")]).await;
        let refused = client.ask(method.clone(), &path, &[from], "").await;
        assert_eq!(refused.status, 503, "{method} {path}");
    }
    assert_eq!(seen_with(&world, &made.secret), []);
    assert_eq!(seen_with(&world, &made.receipt), []);
    // A page without a query is a shell, whichever region shows it.
    let page = format!("/secret/{}", made.secret);
    assert_eq!(client.get(&page, &[from]).await.status, 302);
}

#[tokio::test]
async fn one_network_does_not_spend_the_look_ups_of_all() {
    let world = world(
        KeyStyle::Short,
        &format!("{EVERYWHERE}lookup_per_second = 5\n"),
    );
    let mut client = Client::open(&world, Speak::Http2, BARE).await;
    let made = lock(&mut client, "nz").await;
    for number in 0..100 {
        let caller = format!("2001:db8:7:{number:x}::1");
        let page = format!("/secret/{number:031}");
        client.get(&page, &[("x-forwarded-for", &caller)]).await;
    }
    let opened = open(
        &mut client,
        &made.secret,
        &[("x-forwarded-for", "192.0.2.1")],
    )
    .await;
    assert_eq!(
        (opened.status.as_u16(), opened.landed()),
        (200, ("nz", "look-up"))
    );
}

/// A region that says of every key that it has it, and at once.
fn liar() -> std::net::SocketAddr {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            let body = "{\"count\":1,\"records\":[{\"state\":\"new\"}]}";
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\
                 Content-Length: {}\r\n\r\n{body}",
                body.len()
            );
        }
    });
    address
}

#[tokio::test]
async fn a_region_that_claims_every_key_gets_no_passphrase() {
    let mut options = WorldOptions::ephemeral();
    for region in &mut options.regions.regions {
        region.keys = Some(KeyStyle::Short);
    }
    options.more = format!(
        "\n[regions.liar]\nhost = \"liar.localhost\"\njurisdiction = \"EU\"\nhealth = false\n\
         endpoints = [\"http://{}\"]\n\n[decision]\n{EVERYWHERE}lookup_timeout = \"5s\"\n",
        liar(),
    );
    let world = World::start(options).expect("a world");
    let mut client = Client::open(&world, Speak::Http1, BARE).await;
    for number in [1, 2] {
        let slow = Fault::Slow(Duration::from_millis(100));
        world.regions.fault("nz", number, slow).expect("a fault");
    }
    let made = lock(&mut client, "nz").await;
    let refused = open(&mut client, &made.secret, &[]).await;
    assert_eq!(refused.status, 503);
    assert_eq!(refused.header("o-region"), "");
    assert_eq!(seen_with(&world, &made.secret), []);
    // The region that is named is believed: it is the caller's word and not a region's.
    let opened = open(&mut client, &made.secret, &[("o-region", "nz")]).await;
    assert_eq!(
        (opened.status.as_u16(), opened.landed()),
        (200, ("nz", "pin-header"))
    );
}

#[tokio::test]
async fn a_region_that_cannot_say_keeps_passphrases_here() {
    let world = world(
        KeyStyle::Short,
        &format!("{EVERYWHERE}lookup_timeout = \"300ms\"\n"),
    );
    let mut client = Client::open(&world, Speak::Http1, BARE).await;
    for fault in ["garbage", "hang", "garbage-head", "status-500", "truncate"] {
        let parsed: Fault = fault.parse().expect("a fault");
        for number in [1, 2] {
            world.regions.fault("us", number, parsed).expect("a fault");
        }
        let refused = open(&mut client, NO_SUCH, &[]).await;
        assert_eq!(refused.status, 503, "{fault}");
        assert!(!refused.header("retry-after").is_empty(), "{fault}");
        // One "here" is enough.
        let made = lock(&mut client, "nz").await;
        let opened = open(&mut client, &made.secret, &[]).await;
        assert_eq!(opened.landed(), ("nz", "look-up"), "{fault}");
    }
    assert_eq!(seen_with(&world, NO_SUCH), []);
    for number in [1, 2] {
        world.regions.heal("us", number).expect("an endpoint");
    }
    // All say that they do not have it: the next rules decide.
    let unknown = open(&mut client, NO_SUCH, &[]).await;
    assert_eq!(unknown.status, 404);
}

#[tokio::test]
async fn what_names_a_region_or_carries_credentials_is_not_looked_up() {
    let world = world(KeyStyle::Short, EVERYWHERE);
    for protocol in BOTH {
        let mut client = Client::open(&world, protocol, BARE).await;
        let made = lock(&mut client, "nz").await;
        let basic = ("authorization", "Basic ZGVtbzpkZW1v");
        for headers in [
            vec![("o-region", "eu")],
            vec![basic],
            vec![("o-region", "eu"), basic],
        ] {
            let answer = open(&mut client, &made.secret, &headers).await;
            assert_ne!(answer.header("o-region-reason"), "look-up");
            assert_eq!(answer.status, 404);
        }
        for region in ALL {
            assert_eq!(asked(&world, region), 0, "{region}");
        }
    }
}

#[tokio::test]
async fn a_region_of_v0_23_is_asked_by_the_call_that_it_has() {
    let mut options = WorldOptions::ephemeral();
    for region in &mut options.regions.regions {
        region.keys = Some(KeyStyle::Short);
    }
    let eu = options.regions.region_mut("eu").expect("eu");
    eu.dialect = onetime_gateway::demo::options::Dialect::Classic;
    options.more = format!("\n[decision]\n{EVERYWHERE}lookup_timeout = \"5s\"\n");
    let world = World::start(options).expect("a world");
    for protocol in BOTH {
        let mut client = Client::open(&world, protocol, BARE).await;
        let made = lock(&mut client, "eu").await;
        let opened = open(&mut client, &made.secret, &[]).await;
        assert_eq!(
            (opened.status.as_u16(), opened.landed()),
            (200, ("eu", "look-up"))
        );
        let call = format!("/api/v2/secret/{}/status", made.secret);
        let seen = seen_with(&world, &made.secret);
        assert!(seen.contains(&("eu", call)), "{seen:?}");
        assert!(seen.iter().all(|(region, _)| *region == "eu"), "{seen:?}");
        assert_eq!(asked(&world, "eu"), 0, "it does not know the other calls");

        let made = lock(&mut client, "uk").await;
        let opened = open(&mut client, &made.secret, &[]).await;
        assert_eq!(
            (opened.status.as_u16(), opened.landed()),
            (200, ("uk", "look-up"))
        );
        // v0.23 cannot be asked for receipts: what no other region has may be there.
        let receipt = format!("/api/v1/private/{}", made.receipt);
        let receipt = client.ask(Method::POST, &receipt, &[], "").await;
        assert_eq!(receipt.landed(), ("uk", "look-up"));
        let missing = format!("/api/v1/private/{NO_SUCH}");
        assert_eq!(
            client.ask(Method::POST, &missing, &[], "").await.status,
            503
        );
        assert_eq!(seen_with(&world, NO_SUCH), []);
    }
}
