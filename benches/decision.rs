//! What a decision costs: host look-up and the ten rules (goal: under 500 ns, no more with
//! 100,000 hosts than with 10), the tag of a key under five regions with two secrets each (goal:
//! under 2 us), reading a path, and compiling 100,000 hosts (goal: well under 100 ms).
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a benchmark of made-up values"
)]

use std::hint::black_box;
use std::net::IpAddr;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use http::Method;
use onetime_gateway::region::decide::{CredentialsRule, Rules};
use onetime_gateway::region::hosts::{HostEntry, HostKind, HostTable};
use onetime_gateway::region::key::{IdentifierSecret, IdentifierSecrets, Key, mint};
use onetime_gateway::region::network::Networks;
use onetime_gateway::region::pin::{CookieNames, Sent};
use onetime_gateway::region::place::{Continent, Country, Location, Places};
use onetime_gateway::region::question::Question;
use onetime_gateway::region::trace::Silent;
use onetime_gateway::region::{RegionDefinition, RegionId, Regions};
use onetime_gateway::route::classify::classify;
use onetime_gateway::route::table::{HostClass, RouteTable};

const NAMES: [&str; 5] = ["eu", "us", "ca", "nz", "uk"];

fn regions() -> Regions {
    Regions::new(&NAMES.map(|name| RegionDefinition {
        name: name.to_owned(),
        jurisdiction: name.to_uppercase(),
        host: format!("{name}.onetimesecret.com"),
    }))
    .unwrap()
}

fn secret(region: usize, which: usize) -> IdentifierSecret {
    IdentifierSecret::new(format!("{region:032x}{which:032x}").into())
}

fn secrets(ids: &[RegionId]) -> IdentifierSecrets {
    let lists: Vec<_> = ids
        .iter()
        .map(|&id| (id, vec![secret(id.index(), 0), secret(id.index(), 1)]))
        .collect();
    IdentifierSecrets::new(&lists).unwrap()
}

fn rules() -> Rules {
    let regions = Arc::new(regions());
    let ids: Vec<_> = regions.iter().map(|(id, _)| id).collect();
    let networks: Vec<_> = (0..1000u32)
        .map(|n| {
            let address = std::net::Ipv4Addr::from_bits(n << 16);
            (
                ipnet::Ipv4Net::new(address, 24).unwrap().into(),
                ids[n as usize % 5],
            )
        })
        .collect();
    let countries = [*b"GB", *b"CA", *b"NZ"].map(|code| Country::from_code(code).unwrap());
    Rules {
        secrets: secrets(&ids),
        credentials: CredentialsRule::Region(ids[0]),
        lookup: Vec::new(),
        sticky: true,
        networks: Networks::new(&networks).unwrap(),
        places: Places::new(
            countries.into_iter().zip([ids[4], ids[2], ids[3]]),
            [(Continent::Europe, ids[0])],
        ),
        no_country: ids[0],
        default: ids[1],
        regions,
    }
}

/// `count` hosts, of which every tenth is a wildcard, and the bare host.
fn patterns(count: usize) -> Vec<(String, HostEntry)> {
    let entry = HostEntry {
        kind: HostKind::Auto,
        payload: 0,
    };
    let pattern = |n: usize| match n % 10 {
        0 => (format!("*.wild{n}.example.org"), entry),
        _ => (format!("secrets.customer{n}.example.com"), entry),
    };
    let bare = ("onetimesecret.com".to_owned(), entry);
    (1..count).map(pattern).chain([bare]).collect()
}

fn locate(address: IpAddr) -> Option<Location> {
    black_box(address);
    Some(Location {
        country: Some(*b"GB"),
        continent: Some(*b"EU"),
    })
}

fn question(client: IpAddr) -> Question<'static> {
    Question {
        host: HostKind::Auto,
        key: None,
        pin_header: Sent::Nothing,
        pin_cookie: Sent::Nothing,
        sticky: Sent::Nothing,
        credentials: false,
        client,
    }
}

fn decision(c: &mut Criterion) {
    let rules = rules();
    let question = question("198.51.100.7".parse().unwrap());
    for count in [10, 100_000] {
        let patterns = patterns(count);
        let table = HostTable::new(&patterns).unwrap();
        c.bench_function(&format!("decision/geo, bare host of {count}"), |b| {
            b.iter(|| {
                let entry = table.look_up(black_box(b"onetimesecret.com")).unwrap();
                let question = Question {
                    host: entry.kind,
                    ..black_box(question)
                };
                rules.decide(&question, &locate, &mut Silent)
            });
        });
        let hosts: Vec<_> = patterns
            .iter()
            .map(|(host, _)| host.replace('*', "a"))
            .collect();
        let mut turn = 0;
        c.bench_function(
            &format!("decision/geo, each of {count} hosts in turn"),
            |b| {
                b.iter(|| {
                    turn = (turn + 7919) % hosts.len();
                    let entry = table.look_up(black_box(hosts[turn].as_bytes())).unwrap();
                    let question = Question {
                        host: entry.kind,
                        ..black_box(question)
                    };
                    rules.decide(&question, &locate, &mut Silent)
                });
            },
        );
        c.bench_function(&format!("hosts/unknown, {count} hosts"), |b| {
            b.iter(|| table.look_up(black_box(b"nobody.configured.example.net")));
        });
    }
    c.bench_function("hosts/compile 100000", |b| {
        let patterns = patterns(100_000);
        b.iter_batched(
            || (),
            |()| HostTable::new(&patterns).unwrap(),
            BatchSize::PerIteration,
        );
    });
}

fn keys(c: &mut Criterion) {
    let rules = rules();
    for (what, key) in [
        ("tagged", mint(&secret(2, 1), &[42; 32])),
        ("untagged", mint(&secret(9, 9), &[42; 32])),
        (
            "of 31 characters",
            "0123456789abcdefghijklmnopqrstu".to_owned(),
        ),
    ] {
        c.bench_function(&format!("key/{what}, 5 regions x 2 secrets"), |b| {
            b.iter(|| rules.key_region(black_box(&key)));
        });
    }
    let key = mint(&secret(2, 1), &[42; 32]);
    c.bench_function("key/read segment", |b| {
        b.iter(|| Key::from_segment(black_box(&key)))
    });
}

fn routes(c: &mut Criterion) {
    let table = RouteTable::default();
    for path in [
        "/api/v1/share",
        &format!("/api/v3/guest/secret/{}/reveal", "k".repeat(62)),
    ] {
        c.bench_function(&format!("route/{} bytes", path.len()), |b| {
            b.iter(|| {
                let route = classify(black_box(path)).unwrap();
                let action = table.action(HostClass::Auto, &route, false);
                (
                    action.label(),
                    route.class(&Method::POST),
                    route.template().index(),
                )
            });
        });
    }
    let names = CookieNames::default();
    let field = b"onetime.session=0123456789abcdef0123456789abcdef; __Host-ots-region=eu; other=1";
    c.bench_function("pin/read cookies", |b| {
        b.iter(|| names.read([black_box(field.as_slice())].into_iter()));
    });
}

criterion_group!(benches, decision, keys, routes);
criterion_main!(benches);
