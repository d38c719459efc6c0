//! Building a snapshot from a file with 100,000 hosts, as a reload does it (goal: under 200 ms),
//! and the decision with the real country database (goal: under 500 ns).

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    missing_docs,
    reason = "a benchmark that cannot go on has failed"
)]

use std::fmt::Write;
use std::hint::black_box;
use std::net::IpAddr;
use std::time::SystemTime;

use criterion::{Criterion, criterion_group, criterion_main};
use onetime_gateway::config::Config;
use onetime_gateway::region::authority::Authority;
use onetime_gateway::region::pin::Sent;
use onetime_gateway::region::question::Question;
use onetime_gateway::region::trace::Silent;
use onetime_gateway::reload::{Source, load};
use onetime_gateway::snapshot::Snapshot;

fn source(directory: &tempfile::TempDir, hosts: usize) -> Source {
    let made = rcgen::generate_simple_self_signed(vec!["onetimesecret.com".to_owned()]).unwrap();
    std::fs::write(directory.path().join("chain.pem"), made.cert.pem()).unwrap();
    std::fs::write(
        directory.path().join("key.pem"),
        made.signing_key.serialize_pem(),
    )
    .unwrap();
    let database = concat!(env!("CARGO_MANIFEST_DIR"), "/geoip/country.mmdb");
    let mut text = format!(
        "[[tls.certificates]]\nchain = \"chain.pem\"\nkey = \"key.pem\"\n\
         [regions.eu]\nhost = \"eu.onetimesecret.com\"\nendpoints = [\"http://127.0.0.1:1\"]\n\
         [regions.us]\nhost = \"us.onetimesecret.com\"\nendpoints = [\"http://127.0.0.1:2\"]\n\
         [geo]\ndatabase = \"{database}\"\nno_country = \"eu\"\ndefault = \"us\"\n{}\
         [hosts]\n\"onetimesecret.com\" = \"auto\"\n\"eu.onetimesecret.com\" = \"eu\"\n",
        onetime_gateway::config::mapping::toml()
            .lines()
            .filter(|line| line.starts_with('[')
                || line.ends_with("\"eu\"")
                || line.ends_with("\"us\""))
            .map(|line| format!("{line}\n"))
            .collect::<String>(),
    );
    for i in 0..hosts {
        writeln!(text, "\"h{i}.secrets.example.com\" = \"eu\"").unwrap();
    }
    Source::Text {
        label: "bench.toml".to_owned(),
        directory: directory.path().to_owned(),
        text,
    }
}

fn built(source: &Source, previous: Option<&Snapshot>) -> Snapshot {
    match load(source, previous, SystemTime::now(), &|_| 0) {
        Ok(built) => built.snapshot,
        Err(problems) => panic!("{problems}"),
    }
}

fn bench(c: &mut Criterion) {
    let directory = tempfile::tempdir().unwrap();
    let large = source(&directory, 100_000);
    let previous = built(&large, None);
    let mut group = c.benchmark_group("snapshot");
    group.sample_size(10);
    group.bench_function("reload with 100,000 hosts", |b| {
        b.iter(|| built(black_box(&large), Some(&previous)));
    });
    group.bench_function("reading the text alone", |b| {
        let Source::Text { text, .. } = &large else {
            unreachable!()
        };
        b.iter(|| Config::parse("bench.toml", black_box(text)).unwrap());
    });
    group.bench_function("first start, country database read", |b| {
        let small = source(&directory, 10);
        b.iter(|| built(black_box(&small), None));
    });
    group.finish();

    for (name, hosts) in [("10", 10), ("100,000", 100_000)] {
        let snapshot = built(&source(&directory, hosts), None);
        let mut i = 0_u32;
        c.bench_function(&format!("host and decision by GeoIP, {name} hosts"), |b| {
            b.iter(|| {
                i = i.wrapping_add(0x9e37_79b9);
                let authority = Authority::parse(black_box(b"onetimesecret.com")).unwrap();
                let host = snapshot.hosts().find(&authority).unwrap();
                let question = Question {
                    host: host.kind,
                    key: None,
                    pin_header: Sent::Nothing,
                    pin_cookie: Sent::Nothing,
                    sticky: Sent::Nothing,
                    credentials: false,
                    client: IpAddr::from(i.to_be_bytes()),
                };
                snapshot
                    .rules()
                    .decide(&question, snapshot.geo(), &mut Silent)
                    .unwrap()
            });
        });
    }
}

criterion_group!(benches, bench);
criterion_main!(benches);
