//! Files that are cut, changed, circular or of another kind: refused, or read without a panic and
//! in good time.

use super::*;

fn sample() -> Vec<u8> {
    let nested = |country, continent| {
        map([
            ("continent", map([("code", text(continent))])),
            ("country", map([("iso_code", text(country))])),
        ])
    };
    Written::v6()
        .with("::192.0.2.0/120", nested("DE", "EU"))
        .with("2001:db8::/32", nested("NZ", "OC"))
        .with("2400::/12", map([("country_code", text("JP"))]))
        .file()
}

#[test]
fn says_what_a_file_lacks() {
    let other = Written::v6().with("2001:db8::/32", map([("asn", Value::Number(64_496))]));
    let message = other.open().unwrap_err().to_string();
    assert_eq!(
        message,
        "this mmdb (Test-Country) has neither country.iso_code nor country_code"
    );
    for garbage in [&b""[..], b"garbage", b"\xab\xcd\xefMaxMind.com"] {
        let refused = Database::from_bytes(garbage);
        assert!(matches!(refused, Err(OpenError::Invalid(_))), "{refused:?}");
    }
    assert!(matches!(
        Database::from_bytes(b"\x1f\x8b\x08\0"),
        Err(OpenError::Packed)
    ));
}

#[test]
fn a_file_that_is_cut_anywhere_is_refused() {
    let file = sample();
    assert!(Database::from_bytes(&file).is_ok());
    for end in 0..file.len() {
        assert!(Database::from_bytes(&file[..end]).is_err(), "cut at {end}");
    }
    let bundled = bundled();
    for part in 0..16 {
        assert!(Database::from_bytes(&bundled[..bundled.len() / 16 * part]).is_err());
    }
}

#[test]
fn a_tree_that_leads_back_is_refused() {
    let flat = map([("country_code", text("DE"))]);
    let good = Written::v6().with("2001:db8::/32", flat);
    for to in [0, 5, 20] {
        let circular = good.clone().link(20, 0, to);
        assert!(
            matches!(circular.open(), Err(OpenError::Tree(TreeFault::Deep))),
            "{to}"
        );
    }
}

/// No circle, but a long way that begins where little of the address is left.
#[test]
fn a_tree_deeper_than_an_address_is_refused() {
    let flat = || map([("country_code", text("DE"))]);
    let long = Written::v6().with("::/128", flat());
    let both = long.with("8000::/100", flat());
    let last = both.last_node();
    assert!(
        both.clone().link(last, 1, 127).open().is_ok(),
        "one more level"
    );
    assert!(
        both.clone().link(last, 1, 100).open().is_ok(),
        "28 more levels"
    );
    for to in [99, 1] {
        let deep = both.clone().link(last, 1, to);
        assert!(
            matches!(deep.open(), Err(OpenError::Tree(TreeFault::Deep))),
            "{to}"
        );
    }
}

/// A chain of nodes whose both sides lead to the next: 2 to the power of 127 networks. A reader
/// that visits each of them never ends.
#[test]
fn a_tree_of_countless_networks_is_read_in_good_time() {
    let mut written = Written::v6().with("::/128", map([("country_code", text("DE"))]));
    for node in 0..127 {
        written = written
            .link(node, 0, node as u32 + 1)
            .link(node, 1, node as u32 + 1);
    }
    let database = written.open().unwrap();
    assert_eq!(located(&database, "2001:db8::2"), location("DE", ""));
    assert_eq!(located(&database, "2001:db8::3"), None);
    let tables = 2 * 65536 * 4;
    assert_eq!(database.tree.memory() - tables, 128 * 8, "128 nodes");
}

#[test]
fn an_alias_of_ipv4_is_one_with_it() {
    // As MaxMind's files have it: 2002::/16 leads to the node of ::/96.
    let written = Written::v6()
        .with("::192.0.2.0/120", map([("country_code", text("DE"))]))
        .with("2002::/16", map([("country_code", text("FR"))]));
    let database = written.open().unwrap();
    assert_eq!(located(&database, "2002:c000:0207::1"), location("FR", ""));
    // The node behind fifteen bits of 2002::/16 was made last; that of ::/96 is the 96th.
    let last = written.last_node();
    let aliased = written.link(last, 0, 96).open().unwrap();
    assert_eq!(located(&aliased, "2002:c000:0207::1"), location("DE", ""));
    assert_eq!(located(&aliased, "192.0.2.7"), location("DE", ""));
}

/// A change of the file: bytes written over others, then an end.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<prop::sample::Index>(), any::<u8>());
    (
        prop::collection::vec(change, 1..5),
        prop::option::of(any::<prop::sample::Index>()),
    )
        .prop_map(|(changes, end)| {
            let mut file = sample();
            for (at, byte) in changes {
                let at = at.index(file.len());
                file[at] = byte;
            }
            if let Some(end) = end {
                file.truncate(end.index(file.len()));
            }
            file
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]
    #[test]
    fn damaged_files_are_refused_or_read_as_their_reader_does(
        file in damaged(),
        addresses in prop::collection::vec(any_address(), 8),
    ) {
        let Ok(database) = Database::from_bytes(&file) else { return Ok(()) };
        let reader = Reader::from_source(&file[..]).unwrap();
        for address in addresses.into_iter().chain(["192.0.2.9", "2001:db8::9", "2400::9"].map(
            |address| address.parse().unwrap(),
        )) {
            let expected = reader
                .lookup(address.to_canonical())
                .ok()
                .map(|found| record::location(&found).unwrap())
                .filter(|location| *location != Location::default());
            prop_assert_eq!(database.country(address), expected);
        }
    }

    #[test]
    fn any_bytes_are_refused(mut bytes in prop::collection::vec(any::<u8>(), 0..300), marked: bool) {
        if marked {
            bytes.splice(bytes.len() / 2..bytes.len() / 2, *b"\xab\xcd\xefMaxMind.com");
        }
        prop_assert!(Database::from_bytes(&bytes).is_err());
    }
}
