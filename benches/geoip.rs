//! What it costs to find a country (goal: under 150 ns), and to open the bundled database.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a benchmark of made-up values"
)]

use std::hint::black_box;
use std::net::IpAddr;

use criterion::{Criterion, criterion_group, criterion_main};
use onetime_gateway::geoip::Database;

/// Addresses in a row, as many clients are: more than fit into a processor's nearest cache.
const ADDRESSES: usize = 1 << 16;

fn bundled() -> Vec<u8> {
    std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/geoip/country.mmdb")).unwrap()
}

/// Any addresses; of IPv6 those that the database knows, which lie deeper than others.
fn addresses(database: &Database, made: impl Fn(&mut fastrand::Rng) -> IpAddr) -> Vec<IpAddr> {
    let mut dice = fastrand::Rng::with_seed(7);
    std::iter::repeat_with(|| made(&mut dice))
        .filter(|address| address.is_ipv4() || database.country(*address).is_some())
        .take(ADDRESSES)
        .collect()
}

fn look_up(c: &mut Criterion) {
    let database = Database::from_bytes(&bundled()).unwrap();
    let v4 = addresses(&database, |dice| IpAddr::from(dice.u32(..).to_be_bytes()));
    // Registries give out 2001::/16 and 2400::/6 by networks of 32 to 48 bits.
    let v6 = addresses(&database, |dice| {
        let high = match dice.u8(..4) {
            0 => 0x2001 << 16 | u128::from(dice.u16(..)),
            _ => 0x2400_0000 | u128::from(dice.u32(..) >> 6),
        };
        IpAddr::from((high << 96 | dice.u128(..) >> 32).to_be_bytes())
    });
    let mut group = c.benchmark_group("country");
    for (name, list) in [("ipv4", &v4), ("ipv6", &v6)] {
        group.bench_function(name, |b| {
            let mut next = list.iter().cycle();
            b.iter(|| database.country(*black_box(next.next().unwrap())));
        });
    }
    group.bench_function("ipv6, one client", |b| {
        b.iter(|| database.country(black_box(v6[0])));
    });
}

fn open(c: &mut Criterion) {
    let bytes = bundled();
    c.bench_function("open the bundled database", |b| {
        b.iter(|| Database::from_bytes(black_box(&bytes)).unwrap());
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(30);
    targets = look_up, open
}
criterion_main!(benches);
