//! What it costs to take a token: of one client again and again, of many in turn, and with the
//! other thread at it too.

#![allow(missing_docs, reason = "criterion's macros make what they make")]

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use onetime_gateway::limit::block::Prefixes;
use onetime_gateway::limit::bucket::Rule;
use onetime_gateway::limit::ledger::{Kind, Ledger, Rates};

fn rates() -> Rates {
    Rates {
        rules: [Some(Rule::new(1_000, Duration::from_millis(1))); Kind::ALL.len()],
        client: Prefixes { v4: 32, v6: 64 },
    }
}

fn address(number: u32) -> IpAddr {
    IpAddr::from(number.wrapping_mul(0x9e37_79b1).to_be_bytes())
}

fn take(criterion: &mut Criterion) {
    let (rates, now) = (rates(), Instant::now());
    let ledger = Arc::new(Ledger::new(now));
    let mut group = criterion.benchmark_group("token");
    group.bench_function("one client", |bencher| {
        let client = address(1);
        bencher.iter(|| ledger.take(&rates, Kind::Read, client, now + Duration::from_secs(1)));
    });
    for clients in [10_000, 1_000_000] {
        group.bench_function(format!("{clients} clients in turn"), |bencher| {
            let mut turn = 0;
            bencher.iter(|| {
                turn = (turn + 1) % clients;
                ledger.take(
                    &rates,
                    Kind::Read,
                    address(turn),
                    now + Duration::from_secs(1),
                )
            });
        });
    }
    let stop = Arc::new(AtomicBool::new(false));
    let other = {
        let (ledger, stop) = (ledger.clone(), stop.clone());
        std::thread::spawn(move || {
            let mut turn = 0;
            while !stop.load(Ordering::Relaxed) {
                turn = (turn + 1) % 10_000;
                let _ = ledger.take(&rates, Kind::Read, address(turn), now);
            }
        })
    };
    group.bench_function("10000 clients, two threads", |bencher| {
        let mut turn = 0;
        bencher.iter(|| {
            turn = (turn + 1) % 10_000;
            ledger.take(
                &rates,
                Kind::Read,
                address(turn),
                now + Duration::from_secs(1),
            )
        });
    });
    stop.store(true, Ordering::Relaxed);
    let _ = other.join();
    group.finish();
}

criterion_group!(benches, take);
criterion_main!(benches);
