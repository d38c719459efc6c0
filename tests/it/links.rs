//! Links made anywhere open from anywhere: callers of fifty countries, the bare host, no look-up.
//! What the regions themselves recorded is compared with what callers were told.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use http::Method;
use onetime_gateway::demo::world::World;
use onetime_gateway::geoip::Database;

use crate::support::{Answer, BOTH, Client, Speak, world};

const BARE: &str = "onetimesecret.com";
const REGIONS: [&str; 5] = ["us", "eu", "ca", "nz", "uk"];
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const COUNTRIES: usize = 50;
/// The calls that a gateway may make of its own: none of them changes anything.
pub(crate) const LOOK_UPS: [&str; 2] = ["/api/v3/secret/status", "/api/v3/guest/receipts"];
/// HTTP/2 connections with so many requests at once, and so many HTTP/1.1 connections.
const LANES: usize = 4;

/// An address in each of fifty countries, taken from the bundled database.
pub(crate) fn callers() -> Vec<IpAddr> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("geoip/country.mmdb");
    let file = std::fs::read(path).expect("the bundled database");
    let database = Database::from_bytes(&file).expect("a database");
    let mut first = BTreeMap::new();
    for network in 0x0100_u32..0xE000 {
        let address = IpAddr::V4(Ipv4Addr::from(network << 16 | 0x0101));
        let located = database.country(address);
        if let Some(country) = located.and_then(|location| location.country) {
            first.entry(country).or_insert(address);
        }
    }
    // Every so many-th, so that all the continents are among them.
    let step = first.len() / COUNTRIES;
    let callers: Vec<IpAddr> = first.into_values().step_by(step).take(COUNTRIES).collect();
    assert_eq!(callers.len(), COUNTRIES);
    callers
}

/// A secret as its maker knows it.
pub(crate) struct Made {
    pub(crate) region: String,
    pub(crate) secret: String,
    pub(crate) receipt: String,
}

impl Made {
    pub(crate) fn of(answer: &Answer) -> Self {
        assert_eq!(answer.status, 200, "{:?}", answer.body);
        let json = answer.json();
        let text = |name: &str| json[name].as_str().expect("a key").to_owned();
        Self {
            region: answer.header("o-region").to_owned(),
            secret: text("secret_key"),
            receipt: text("metadata_key"),
        }
    }
}

/// A region that is not this one; another one for each `turn`.
fn wrong(region: &str, turn: usize) -> &'static str {
    let others: Vec<_> = REGIONS.into_iter().filter(|one| *one != region).collect();
    others[turn % others.len()]
}

fn by(caller: &str) -> (&str, &str) {
    ("x-forwarded-for", caller)
}

/// One of a country's callers: more than one, or their limits would be met.
fn of_country(caller: IpAddr, number: usize) -> String {
    let IpAddr::V4(address) = caller else {
        panic!("an IPv4 address")
    };
    let turn = u32::try_from(number / COUNTRIES % 200).expect("small");
    Ipv4Addr::from(u32::from(address) + turn).to_string()
}

/// One secret's life: made, its receipt read at once, opened by somebody else, and refused to the
/// next one; `reason` is why its keys lead to its region. Each request's id says which it is.
async fn live(client: &mut Client, callers: &[IpAddr], number: usize, reason: &str) -> Made {
    let maker = of_country(callers[number % COUNTRIES], number);
    let other = (number + 1 + number / COUNTRIES % (COUNTRIES - 1)) % COUNTRIES;
    let opener = of_country(callers[other], number);
    let value = format!("secret number {number}");
    let ids = ["share", "receipt", "open", "again"].map(|step| format!("{step}-{number}"));

    let made = client
        .ask(
            Method::POST,
            "/api/v1/share",
            &[by(&maker), ("x-request-id", &ids[0]), FORM],
            &format!("secret={}", value.replace(' ', "+")),
        )
        .await;
    let by_address = made.header("o-region-reason");
    assert!(matches!(by_address, "geo" | "default"), "{by_address}");
    let made = Made::of(&made);
    let landed = (made.region.as_str(), reason);

    let method = [Method::GET, Method::POST][number / 2 % 2].clone();
    let path = format!("/api/v1/private/{}", made.receipt);
    let headers = [by(&opener), ("x-request-id", &ids[1])];
    let receipt = client.ask(method, &path, &headers, "").await;
    assert_eq!((receipt.status.as_u16(), receipt.landed()), (200, landed));
    assert_eq!(receipt.json()["secret_key"], made.secret.as_str());

    let pin = wrong(&made.region, number);
    let cookie = format!("__Host-ots-region={pin}");
    let mut headers = vec![by(&opener), ("x-request-id", &ids[2]), FORM];
    match number % 3 {
        0 => {}
        // A key with a tag outranks it; a request with it is not looked up.
        1 if reason == "key" => headers.push(("o-region", pin)),
        1 => {}
        _ => headers.push(("cookie", &cookie)),
    }
    let path = format!("/api/v1/secret/{}", made.secret);
    let opened = client.ask(Method::POST, &path, &headers, "").await;
    assert_eq!((opened.status.as_u16(), opened.landed()), (200, landed));
    assert_eq!(opened.json()["value"], value);

    headers[1] = ("x-request-id", &ids[3]);
    let again = client.ask(Method::POST, &path, &headers, "").await;
    assert_eq!((again.status.as_u16(), again.landed()), (404, landed));
    assert_eq!(again.json()["message"], "Unknown secret");
    made
}

/// What all endpoints of a region have seen, health checks and look-ups aside: request id and path.
fn seen(world: &World, region: &str) -> Vec<(String, String)> {
    let of = |number| world.regions.seen(region, number).expect("an endpoint");
    [1, 2]
        .into_iter()
        .flat_map(of)
        .filter(|one| !one.probe() && !LOOK_UPS.contains(&one.path()))
        .map(|one| {
            let id = one.request_id().expect("every request has an id");
            (id.to_owned(), one.path().to_owned())
        })
        .collect()
}

/// The regions' records: each request once, in the region of its secret, and no key elsewhere.
fn compare(world: &World, made: &HashMap<usize, Made>) -> BTreeMap<&'static str, usize> {
    let mut keys = HashMap::new();
    for one in made.values() {
        keys.insert(one.secret.as_str(), one.region.as_str());
        keys.insert(one.receipt.as_str(), one.region.as_str());
    }
    let (mut requests, mut by_region) = (HashMap::new(), BTreeMap::new());
    for region in REGIONS {
        for (id, path) in seen(world, region) {
            let number = id.split_once('-').expect("an id of ours").1;
            let number: usize = number.parse().expect("a number");
            assert_eq!(made[&number].region, region, "request {id} strayed");
            for part in path.split('/') {
                let home = keys.get(part).copied();
                assert!(
                    home.is_none_or(|home| home == region),
                    "{id}: a key strayed"
                );
            }
            *by_region.entry(region).or_default() += usize::from(id.starts_with("share-"));
            *requests.entry(id).or_insert(0_usize) += 1;
        }
    }
    assert_eq!(requests.len(), 4 * made.len());
    assert!(requests.values().all(|count| *count == 1), "sent once");
    by_region
}

pub(crate) async fn links_open(world: &World, secrets: usize, reason: &'static str) {
    let callers: Arc<[IpAddr]> = callers().into();
    let mut clients = Vec::new();
    for protocol in BOTH {
        let first = Client::open(world, protocol, BARE).await;
        for _ in 1..LANES {
            clients.push(match first.twin() {
                Some(twin) => twin,
                None => Client::open(world, protocol, BARE).await,
            });
        }
        clients.push(first);
    }
    let begun = Instant::now();
    let lanes = clients.len();
    let mut tasks = Vec::new();
    for (lane, mut client) in clients.into_iter().enumerate() {
        let callers = callers.clone();
        tasks.push(tokio::spawn(async move {
            let mut made = Vec::new();
            for number in (lane..secrets).step_by(lanes) {
                made.push((number, live(&mut client, &callers, number, reason).await));
            }
            made
        }));
    }
    let mut made = HashMap::new();
    for task in tasks {
        made.extend(task.await.expect("every secret was opened once"));
    }
    let took = begun.elapsed();
    assert_eq!(made.len(), secrets);
    let by_region = compare(world, &made);
    assert_eq!(by_region.len(), REGIONS.len(), "{by_region:?}");
    eprintln!(
        "{secrets} secrets opened, 0 read twice, 0 requests elsewhere, in {took:.1?}: {by_region:?}"
    );
}

/// What was sent in by `/incoming` is shown to its sender there, by the receipt's key.
#[tokio::test]
async fn the_page_of_what_was_sent_in_is_its_regions() {
    let world = world();
    for protocol in BOTH {
        let mut client = Client::open(&world, protocol, BARE).await;
        let made = make(&mut client, "nz").await;
        let page = format!("/incoming/{}", made.receipt);
        let shown = client.get(&page, &[("o-region", "eu")]).await;
        assert_eq!(
            (shown.status.as_u16(), shown.landed()),
            (302, ("nz", "key"))
        );
        assert!(shown.header("location").ends_with(&page), "{shown:?}");
    }
}

#[tokio::test]
async fn every_link_opens_from_everywhere() {
    links_open(&world(), 1000, "key").await;
}

/// `cargo test --release --test it ten_thousand -- --ignored --nocapture`
#[tokio::test]
#[ignore = "the long form of the test above"]
async fn ten_thousand_links_open_from_everywhere() {
    links_open(&world(), 10_000, "key").await;
}

/// Makes a secret in a region that is named, with both keys.
async fn make(client: &mut Client, region: &str) -> Made {
    let headers = [("o-region", region), FORM];
    let answer = client.ask(Method::POST, "/api/v1/share", &headers, "secret=x");
    Made::of(&answer.await)
}

#[tokio::test]
async fn every_call_with_a_key_goes_to_its_region() {
    const SECRET: &[(&str, &str, &str, u16)] = &[
        ("POST", "/api/v3/secret/KEY/status", "", 404),
        ("GET", "/api/v2/secret/KEY/status", "", 200),
        ("GET", "/api/v3/secret/KEY/status", "", 200),
        ("GET", "/api/v2/secret/KEY", "", 200),
        ("HEAD", "/api/v2/secret/KEY", "", 200),
        ("GET", "/api/v3/guest/secret/KEY", "", 200),
        ("GET", "/api/v1/secret/KEY", "", 404),
        (
            "POST",
            "/api/v3/guest/secret/KEY/reveal",
            "continue=true",
            200,
        ),
        ("POST", "/api/v2/secret/KEY/reveal", "continue=true", 404),
        ("DELETE", "/api/v2/secret/KEY", "", 404),
    ];
    const RECEIPT: &[(&str, &str, &str, u16)] = &[
        ("GET", "/api/v1/private/KEY", "", 200),
        ("POST", "/api/v1/private/KEY", "", 200),
        ("GET", "/api/v1/metadata/KEY", "", 200),
        ("POST", "/api/v1/receipt/KEY", "", 200),
        ("GET", "/api/v2/receipt/KEY", "", 200),
        ("GET", "/api/v2/private/KEY", "", 200),
        ("GET", "/api/v3/guest/receipt/KEY", "", 200),
        ("POST", "/api/v1/private/KEY/burn", "", 200),
        ("POST", "/api/v1/receipt/KEY/burn", "", 404),
        ("POST", "/api/v2/receipt/KEY/burn", "continue=true", 200),
    ];
    let world = world();
    let callers = callers();
    for protocol in BOTH {
        for (turn, region) in REGIONS.into_iter().enumerate() {
            let mut client = Client::open(&world, protocol, BARE).await;
            let (read, burnt) = (
                make(&mut client, region).await,
                make(&mut client, region).await,
            );
            world.regions.reset().expect("regions");
            let mut sent = 0;
            for (calls, key) in [(SECRET, &read.secret), (RECEIPT, &burnt.receipt)] {
                for (method, path, body, status) in calls {
                    let caller = callers[(turn + sent) * 7 % COUNTRIES].to_string();
                    let mut headers = vec![("x-forwarded-for", caller.as_str()), FORM];
                    if sent % 2 == 0 {
                        headers.push(("o-region", wrong(region, sent)));
                    }
                    let method = Method::from_bytes(method.as_bytes()).expect("a method");
                    let target = path.replace("KEY", key);
                    let answer = client.ask(method.clone(), &target, &headers, body).await;
                    let what = format!("{protocol:?} {region} {method} {path}");
                    assert_eq!(answer.status.as_u16(), *status, "{what}");
                    assert_eq!(answer.landed(), (region, "key"), "{what}");
                    assert_eq!(answer.header("link"), "", "{what}");
                    sent += 1;
                }
            }
            assert_eq!(seen(&world, region).len(), sent);
            for other in REGIONS.into_iter().filter(|other| *other != region) {
                assert!(seen(&world, other).is_empty(), "{region}: {other} saw one");
            }
        }
    }
}

#[tokio::test]
async fn pages_of_keys_lead_to_their_region_and_no_region_hears_of_it() {
    let world = world();
    let port = world.https().port();
    for region in REGIONS {
        let mut client = Client::open(&world, Speak::Http2, BARE).await;
        let made = make(&mut client, region).await;
        world.regions.reset().expect("regions");
        let pin = format!("__Host-ots-region={}", wrong(region, 1));
        for (path, key, shown) in [
            ("secret", &made.secret, "secret"),
            ("receipt", &made.receipt, "receipt"),
            ("private", &made.receipt, "receipt"),
        ] {
            for method in [Method::GET, Method::HEAD] {
                let headers = [("cookie", pin.as_str())];
                let target = format!("/{path}/{key}");
                let answer = client.ask(method, &target, &headers, "").await;
                assert_eq!(answer.status, 302);
                let there = format!("https://{region}.localhost:{port}/{shown}/{key}");
                assert_eq!(answer.header("location"), there);
                assert_eq!(answer.landed(), (region, "key"));
            }
        }
        for region in REGIONS {
            assert!(seen(&world, region).is_empty());
        }
        // There the page opens, and is never sent on.
        let mut own = Client::open(&world, Speak::Http2, &format!("{region}.localhost")).await;
        let page = own.get(&format!("/secret/{}", made.secret), &[]).await;
        assert_eq!(
            (page.status.as_u16(), page.landed()),
            (200, (region, "host"))
        );
    }
}
