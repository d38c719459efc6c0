//! That the proof holds for what is built, and that it fails for each thing that could be wrong with
//! it: a road that forgets one rule, one tie or one table is found every time.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Instant, SystemTime};

use super::*;
use crate::config::Config;
use crate::snapshot::build::{Materials, build};
use crate::snapshot::files::Looks;
use crate::sovereignty::fallback::Failovers;
use broken::{Broken, Slip};

mod broken;

/// A directory with a certificate.
fn directory() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let names = vec!["example.com".to_owned(), "*.example.com".to_owned()];
    let certificate = rcgen::CertificateParams::new(names).unwrap();
    let certificate = certificate.self_signed(&key).unwrap();
    std::fs::write(directory.path().join("a.pem"), certificate.pem()).unwrap();
    std::fs::write(directory.path().join("a.key"), key.serialize_pem()).unwrap();
    directory
}

fn built(directory: &Path, text: &str) -> crate::snapshot::build::Built {
    let (config, _) = Config::parse("test.toml", text).unwrap_or_else(|wrong| panic!("{wrong}"));
    let materials = Materials {
        directory,
        previous: None,
        now: SystemTime::now(),
        hash: 0,
        label: &|_| 0,
        looks: &Looks::default(),
    };
    let problems = Problems::new("test.toml", text);
    build(config, &materials, problems).unwrap_or_else(|wrong| panic!("{wrong}"))
}

/// eu and fr are under one law, and fr stands in for eu; ca stands in for us, in writing.
const SMALL: &str = r#"
[tls]
certificates = [{ chain = "a.pem", key = "a.key" }]
[hosts]
"example.com" = "auto"
"eu.example.com" = "eu"
"fr.example.com" = "fr"
"us.example.com" = "us"
"ca.example.com" = "ca"
"*.alias.example.com" = "us"
[regions.eu]
host = "eu.example.com"
jurisdiction = "EU"
endpoints = ["http://127.0.0.1:1"]
failover = ["fr"]
identifier_secrets = [{ file = "eu.secret" }]
[regions.fr]
host = "fr.example.com"
jurisdiction = "EU"
endpoints = ["http://127.0.0.1:2"]
identifier_secrets = [{ file = "fr.secret" }]
[regions.us]
host = "us.example.com"
jurisdiction = "US"
endpoints = ["http://127.0.0.1:3"]
failover = ["ca"]
allow_crossing = true
[regions.ca]
host = "ca.example.com"
jurisdiction = "CA"
endpoints = ["http://127.0.0.1:4"]
[decision]
sticky = true
credentials_region = "ca"
[geo]
no_country = "eu"
default = "us"
[geo.countries]
FR = "fr"
[geo.continents]
NA = "ca"
[geo.networks]
"203.0.113.0/24" = "us"
"203.0.113.128/25" = "fr"
"2001:db8::/32" = "ca"
"#;

fn small() -> (Snapshot, Proof) {
    let directory = directory();
    for region in ["eu", "fr"] {
        let secret = format!("an identifier secret of {region}, made up");
        std::fs::write(directory.path().join(format!("{region}.secret")), secret).unwrap();
    }
    let built = built(directory.path(), SMALL);
    (built.snapshot, built.proof)
}

#[test]
fn what_is_built_is_proved_and_written_crossings_are_told() {
    let (_, proof) = small();
    assert_eq!(proof.crossings, [("us".to_owned(), "ca".to_owned())]);
    assert!(proof.classes > 10_000, "{}", proof.classes);
}

#[test]
fn each_slip_has_a_counter_example_in_words() {
    let (snapshot, _) = small();
    let mut missed = Vec::new();
    for &(slip, expected) in Slip::ALL {
        let broken = Broken(&snapshot, slip);
        let found = prove(&snapshot.config, snapshot.regions(), &broken).err();
        let found = found.unwrap_or_default();
        if !found.iter().any(|one| one.words.contains(expected)) {
            missed.push((slip, expected, found.clone()));
        }
        assert!(found.len() <= 3, "a few are enough: {found:#?}");
        for one in &found {
            assert!(!one.words.contains("0123456789abcdefghij"), "{one:?}");
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
}

/// The very words, once, so that whoever changes them reads them.
#[test]
fn a_counter_example_reads_like_this() {
    let (snapshot, _) = small();
    let words = |slip| {
        let broken = Broken(&snapshot, slip);
        let found = prove(&snapshot.config, snapshot.regions(), &broken).unwrap_err();
        found[0].words.clone()
    };
    assert_eq!(
        words(Slip::PinCookieForgotten),
        "a request to `example.com` with a pin cookie that names ca from a caller at 192.0.2.1 \
         (no known country) belongs to ca and nobody else, but would go to eu or whoever stands in \
         for it (rule `no-country`)"
    );
    assert_eq!(
        words(Slip::CrossingUnwritten),
        "a request for `/` that belongs to eu by the rule `sticky` would be answered by us while \
         eu and fr cannot be reached, but `failover` of eu does not list it"
    );
}

#[test]
fn a_slip_of_the_tables_is_reported_at_its_region_and_refuses_the_file() {
    let (mut snapshot, _) = small();
    let id = |name: &str| snapshot.regions().by_name(name.as_bytes()).unwrap();
    let lists = [vec![], vec![id("us")], vec![], vec![]];
    snapshot.failovers = Failovers::new(lists);
    // As if the file listed it and no check had seen that it crosses.
    let region = snapshot.config.regions.get_mut("eu").unwrap();
    region.failover = crate::config::name::RegionName::parse("us")
        .into_iter()
        .collect();
    let mut problems = Problems::new("test.toml", SMALL);
    assert_eq!(proved(&snapshot, &mut problems), None);
    let told: Vec<_> = problems.iter().map(|problem| problem.summary()).collect();
    assert!(
        told[0].starts_with("test.toml:11:1: regions.eu: a request for `/` that belongs to eu by"),
        "{told:?}"
    );
    assert!(
        told[0].ends_with(
            "but that is jurisdiction US and not EU, and eu does not say `allow_crossing = true`"
        ),
        "{told:?}"
    );
}

/// So many regions in a ring, each standing in for the one before it, and so many hosts.
fn large(regions: usize, hosts: usize) -> String {
    let mut text = String::from(
        "[tls]\ncertificates = [{ chain = \"a.pem\", key = \"a.key\" }]\n[hosts]\n\
         \"example.com\" = \"auto\"\n",
    );
    for region in 0..regions {
        let _ = writeln!(text, "\"r{region}.example.com\" = \"r{region}\"");
        let _ = writeln!(text, "\"*.a{region}.example.com\" = \"r{region}\"");
    }
    for host in 0..hosts {
        let _ = writeln!(text, "\"h{host}.example.com\" = \"r{}\"", host % regions);
    }
    for region in 0..regions {
        let failover = match (regions, (region + 1) % regions) {
            (1, _) => String::new(),
            (_, next) => format!("\"r{next}\""),
        };
        let _ = writeln!(
            text,
            "[regions.r{region}]\nhost = \"r{region}.example.com\"\njurisdiction = \"J\"\n\
             endpoints = [\"http://127.0.0.1:{}\"]\nfailover = [{failover}]\n\
             identifier_secrets = [{{ file = \"r{region}.secret\" }}]",
            region + 1
        );
    }
    text.push_str("[geo]\nno_country = \"r0\"\ndefault = \"r0\"\n[geo.countries]\n");
    let countries = ["FR", "GB", "US", "CA", "NZ", "DE", "JP", "BR"];
    for (place, country) in countries.iter().enumerate() {
        let _ = writeln!(text, "{country} = \"r{}\"", place % regions);
    }
    text.push_str("[geo.networks]\n");
    for region in 0..regions {
        let _ = writeln!(text, "\"10.{region}.0.0/16\" = \"r{region}\"");
    }
    text
}

fn with_secrets(regions: usize) -> tempfile::TempDir {
    let directory = directory();
    for region in 0..regions {
        let secret = format!("an identifier secret of region {region}, made up");
        std::fs::write(directory.path().join(format!("r{region}.secret")), secret).unwrap();
    }
    directory
}

#[test]
fn any_number_of_regions_is_proved() {
    let directory = with_secrets(9);
    for regions in [1, 2, 3, 5, 7, 9] {
        let built = built(directory.path(), &large(regions, 10));
        let classes = built.proof.classes;
        assert!(classes > 3_000, "{regions} regions: {classes}");
    }
}

#[test]
fn hosts_that_map_alike_are_one() {
    let directory = with_secrets(3);
    let classes = [10, 1_000].map(|hosts| built(directory.path(), &large(3, hosts)).proof.classes);
    assert_eq!(classes[0], classes[1]);
}

/// `cargo test --release --lib figures -- --ignored --nocapture`
#[test]
#[ignore = "figures, not a test"]
fn figures() {
    let directory = with_secrets(64);
    for (regions, hosts) in [(5, 10), (64, 10), (5, 100_000), (64, 100_000)] {
        let text = large(regions, hosts);
        let started = Instant::now();
        let built = built(directory.path(), &text);
        let whole = started.elapsed();
        let snapshot = &built.snapshot;
        let mut times: Vec<_> = (0..9)
            .map(|_| {
                let started = Instant::now();
                prove(&snapshot.config, snapshot.regions(), snapshot).unwrap();
                started.elapsed()
            })
            .collect();
        times.sort();
        println!(
            "{regions} regions, {hosts} hosts: {} classes, proof {:?} (median of 9), parse and build with it {whole:?}",
            built.proof.classes, times[4]
        );
    }
}
