//! Tests of the regions' table.

use super::*;

fn definition(name: &str, jurisdiction: &str, host: &str) -> RegionDefinition {
    RegionDefinition {
        name: name.to_owned(),
        jurisdiction: jurisdiction.to_owned(),
        host: host.to_owned(),
    }
}

#[test]
fn regions_are_numbered_in_order_and_found_by_their_exact_name() {
    let regions = Regions::new(&[
        definition("eu", " EU ", "EU.onetimesecret.com"),
        definition("us", "US", "us.localhost:8443"),
    ])
    .unwrap();
    assert_eq!(regions.len(), 2);
    let us = regions.by_name(b"us").unwrap();
    assert_eq!(us.index(), 1);
    assert_eq!(regions.get(us).host(), "us.localhost:8443");
    let eu = regions.get(regions.by_name(b"eu").unwrap());
    assert_eq!(
        (eu.jurisdiction(), eu.host()),
        ("EU", "eu.onetimesecret.com")
    );
    for absent in ["EU", "eu ", "", "e", "euu", "de"] {
        assert_eq!(regions.by_name(absent.as_bytes()), None, "{absent:?}");
    }
    let names: Vec<_> = regions
        .iter()
        .map(|(id, region)| (id.index(), region.name()))
        .collect();
    assert_eq!(format!("{names:?}"), "[(0, eu), (1, us)]");
}

#[test]
fn every_fault_is_reported_at_once() {
    let faults = Regions::new(&[
        definition("EU", "EU", "eu.example.com"),
        definition("auto", "EU", "auto.example.com"),
        definition("us", "", "us.example.com"),
        definition("ca", "CA", "https://ca.example.com"),
        definition("nz", "NZ", "nz.example.com"),
        definition("nz", "NZ", "nz2.example.com"),
        definition("uk", "UK", "NZ.example.com"),
    ])
    .unwrap_err();
    let words: Vec<_> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(
        words,
        [
            "a region's name is 1 to 32 of a-z, 0-9 and inner -, not \"EU\"",
            "\"auto\" is a word of the configuration and cannot name a region",
            "region us has no jurisdiction",
            "host \"https://ca.example.com\" of region ca: the port is not a number up to 65535",
            "region nz is defined twice",
            "regions nz and uk have the same host nz.example.com",
        ]
    );
}

#[test]
fn a_table_has_one_to_255_regions() {
    assert_eq!(Regions::new(&[]), Err(vec![RegionsError::None]));
    let many = |count: usize| -> Vec<_> {
        (0..count)
            .map(|n| definition(&format!("r{n}"), "X", &format!("r{n}.test")))
            .collect()
    };
    let most = Regions::new(&many(255)).unwrap();
    assert_eq!(most.iter().count(), 255);
    assert_eq!(most.by_name(b"r254").map(RegionId::index), Some(254));
    assert_eq!(
        Regions::new(&many(256)),
        Err(vec![RegionsError::TooMany { count: 256 }])
    );
}

#[test]
fn names_have_one_form() {
    for good in ["a", "eu", "eu-2", "2", "a-b-c", &"x".repeat(32)] {
        assert_eq!(RegionName::new(good).unwrap().as_str(), good);
    }
    for bad in [
        "",
        "-",
        "-eu",
        "eu-",
        "e u",
        "eü",
        "eu.de",
        "refuse",
        &"x".repeat(33),
    ] {
        assert!(RegionName::new(bad).is_err(), "{bad:?}");
    }
}
