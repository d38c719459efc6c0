//! Tests of the host table.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::region::{RegionDefinition, Regions};

fn ids() -> Vec<RegionId> {
    let definition = |name: &str| RegionDefinition {
        name: name.to_owned(),
        jurisdiction: name.to_owned(),
        host: format!("{name}.example.com"),
    };
    let regions = Regions::new(&["eu", "us"].map(definition)).unwrap();
    regions.iter().map(|(id, _)| id).collect()
}

fn numbered<'a>(patterns: &[&'a str]) -> Vec<(&'a str, HostEntry)> {
    let entry = |number| HostEntry {
        kind: HostKind::Auto,
        payload: number,
    };
    patterns
        .iter()
        .zip(0..)
        .map(|(pattern, number)| (*pattern, entry(number)))
        .collect()
}

fn table(patterns: &[&str]) -> HostTable {
    HostTable::new(&numbered(patterns)).unwrap()
}

fn found(table: &HostTable, authority: &str) -> Option<u32> {
    match table.look_up(authority.as_bytes()) {
        Ok(entry) => Some(entry.payload),
        Err(HostFault::Unknown) => None,
        Err(HostFault::Malformed(fault)) => panic!("{authority}: {fault}"),
    }
}

#[test]
fn exact_beats_wildcard_and_the_longest_wildcard_wins() {
    let table = table(&[
        "*.example.com",
        "*.a.example.com",
        "x.a.example.com",
        "example.com",
        "*.org",
        "127.0.0.1",
        "[2001:DB8::1]",
    ]);
    assert_eq!(table.len(), 7);
    for (authority, expected) in [
        ("example.com", Some(3)),
        ("EXAMPLE.com.", Some(3)),
        ("example.com:8443", Some(3)),
        ("b.example.com", Some(0)),
        ("c.b.example.com", Some(0)),
        ("a.example.com", Some(0)),
        ("b.a.example.com", Some(1)),
        ("c.b.A.example.com:1", Some(1)),
        ("x.a.example.com", Some(2)),
        ("y.x.a.example.com", Some(1)),
        ("x.org.", Some(4)),
        ("org", None),
        ("com", None),
        ("xample.com", None),
        ("badexample.com", None),
        ("127.0.0.1:443", Some(5)),
        ("127.0.0.2", None),
        ("[2001:db8:0::1]:443", Some(6)),
        ("[::1]", None),
    ] {
        assert_eq!(found(&table, authority), expected, "{authority}");
    }
}

#[test]
fn malformed_is_not_unknown() {
    let table = table(&["example.com"]);
    assert_eq!(
        table.look_up(b"a@example.com"),
        Err(HostFault::Malformed(AuthorityFault::UserInfo))
    );
    assert_eq!(
        table.look_up(b""),
        Err(HostFault::Malformed(AuthorityFault::Empty))
    );
    assert_eq!(table.look_up(b"example.net"), Err(HostFault::Unknown));
    assert_eq!(
        HostTable::default().look_up(b"example.com"),
        Err(HostFault::Unknown)
    );
}

#[test]
fn kinds_keep_their_region() {
    let [eu, us] = ids()[..] else {
        panic!("two regions")
    };
    let entries = [
        (
            "eu.example.com",
            HostEntry {
                kind: HostKind::Own(eu),
                payload: 7,
            },
        ),
        (
            "*.alias.test",
            HostEntry {
                kind: HostKind::Alias(us),
                payload: 8,
            },
        ),
        (
            "example.com",
            HostEntry {
                kind: HostKind::Auto,
                payload: 9,
            },
        ),
    ];
    let table = HostTable::new(&entries).unwrap();
    for (host, entry) in [
        ("eu.example.com", entries[0].1),
        ("a.alias.test", entries[1].1),
        ("example.com", entries[2].1),
    ] {
        assert_eq!(table.look_up(host.as_bytes()), Ok(entry));
    }
    let regions: Vec<_> = entries
        .iter()
        .map(|(_, entry)| entry.kind.region())
        .collect();
    assert_eq!(regions, [Some(eu), Some(us), None]);
    assert_eq!(
        entries.map(|(_, entry)| entry.kind.label()),
        ["own", "alias", "auto"]
    );
    assert_eq!(table.entries().count(), 3);
}

#[test]
fn duplicates_name_both_and_all_faults_come_at_once() {
    let faults = HostTable::new(&numbered(&[
        "example.com",
        "*.example.com",
        "a b",
        "EXAMPLE.com.",
        "*.Example.com",
        "example.com:443",
        "*.[::1]",
        "[::1]",
        "[0::1]",
        "*",
        "a.*.com",
        "*.",
        "example.com",
    ]))
    .unwrap_err();
    let words: Vec<_> = faults.iter().map(ToString::to_string).collect();
    let bad = "the host holds a character that is not allowed";
    assert_eq!(
        words,
        [
            format!("host \"a b\": {bad}"),
            "host \"example.com:443\": a pattern has no port".to_owned(),
            format!("host \"*.[::1]\": {bad}"),
            format!("host \"*\": {bad}"),
            format!("host \"a.*.com\": {bad}"),
            "host \"*.\": the host or one of its labels is empty".to_owned(),
            "hosts \"example.com\" and \"EXAMPLE.com.\" are the same".to_owned(),
            "hosts \"*.example.com\" and \"*.Example.com\" are the same".to_owned(),
            "hosts \"[::1]\" and \"[0::1]\" are the same".to_owned(),
            "hosts \"example.com\" and \"example.com\" are the same".to_owned(),
        ]
    );
    let Some(HostPatternError::Duplicate { first, second, .. }) = faults.last() else {
        panic!("a duplicate")
    };
    assert_eq!((*first, *second), (0, 12));
}

#[test]
fn the_deepest_name_is_looked_up() {
    let deep = format!("{}com", "a.".repeat(126));
    let table = table(&["*.com", "*.a.com"]);
    assert_eq!(deep.len(), 255);
    assert_eq!(found(&table, &deep), Some(1));
    let suffix = deep.strip_prefix("a.").unwrap();
    assert_eq!(
        found(&self::table(&[&format!("*.{suffix}")]), &deep),
        Some(0)
    );
}

/// The same table, told as a list: exact, else the longest suffix.
fn naive(patterns: &BTreeMap<String, u32>, name: &str) -> Option<u32> {
    let name = name.to_ascii_lowercase();
    if let Some(number) = patterns.get(&name) {
        return Some(*number);
    }
    patterns
        .iter()
        .filter(|(pattern, _)| {
            pattern
                .strip_prefix('*')
                .is_some_and(|suffix| name.ends_with(suffix))
        })
        .max_by_key(|(pattern, _)| pattern.len())
        .map(|(_, number)| *number)
}

proptest! {
    #[test]
    fn the_table_agrees_with_a_naive_list(
        patterns in proptest::collection::btree_map("(\\*\\.)?[ab](\\.[ab]){0,3}", 0u32..99, 0..12),
        name in "[abAB](\\.[abAB]){0,4}",
    ) {
        let entries: Vec<_> = patterns
            .iter()
            .map(|(pattern, &payload)| (pattern, HostEntry { kind: HostKind::Auto, payload }))
            .collect();
        let table = HostTable::new(&entries).unwrap();
        prop_assert_eq!(found(&table, &name), naive(&patterns, &name));
        let decorated = format!("{}.:443", name.to_ascii_uppercase());
        prop_assert_eq!(found(&table, &decorated), naive(&patterns, &name));
    }

    #[test]
    fn looking_up_is_total(raw in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = table(&["*.a", "b"]).look_up(&raw);
    }
}
