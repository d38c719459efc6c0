//! Both schemas, and files that are damaged in every way.

use std::sync::OnceLock;

use super::*;
use proptest::prelude::*;

fn bundled() -> &'static [u8] {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    BYTES.get_or_init(|| {
        std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/geoip/country.mmdb"))
            .expect("the bundled database")
    })
}

fn database() -> &'static Database {
    static DATABASE: OnceLock<Database> = OnceLock::new();
    DATABASE.get_or_init(|| Database::from_bytes(bundled().to_vec()).expect("a good file"))
}

fn country(address: &str) -> Option<String> {
    let found = database().country(address.parse().expect("an address"))?;
    Some(String::from_utf8_lossy(&found.country?).into_owned())
}

#[test]
fn knows_where_well_known_addresses_are() {
    for (address, code) in [
        ("193.0.6.139", "NL"), // the RIPE NCC
        ("2001:67c:2e8::1", "NL"),
        ("200.160.2.3", "BR"), // NIC.br
        ("202.12.29.1", "AU"), // APNIC
        ("::ffff:193.0.6.139", "NL"),
    ] {
        assert_eq!(country(address).as_deref(), Some(code), "{address}");
    }
    for nowhere in ["127.0.0.1", "10.1.2.3", "::1", "fe80::1"] {
        assert_eq!(country(nowhere), None, "{nowhere}");
    }
}

/// The parts of an mmdb (MaxMind DB file format 2.0) with one node: all of IPv4 is one record.
fn tiny(record: &[u8]) -> Vec<u8> {
    let mut file = vec![0, 0, 17, 0, 0, 17];
    file.extend_from_slice(&[0; 16]);
    file.extend_from_slice(record);
    file.extend_from_slice(b"\xab\xcd\xefMaxMind.com");
    let text = |text: &str| [&[0x40 | text.len() as u8], text.as_bytes()].concat();
    let mut metadata = vec![0xe9];
    for (name, value) in [
        ("binary_format_major_version", vec![0xa1, 2]),
        ("binary_format_minor_version", vec![0xa1, 0]),
        ("build_epoch", vec![0x04, 0x02, 0x65, 0, 0, 0]),
        ("database_type", text("Test-Country")),
        ("description", vec![0xe0]),
        ("ip_version", vec![0xa1, 4]),
        ("languages", vec![0x00, 0x04]),
        ("node_count", vec![0xc1, 1]),
        ("record_size", vec![0xa1, 24]),
    ] {
        metadata.extend(text(name));
        metadata.extend(value);
    }
    file.extend(metadata);
    file
}

fn text(text: &str) -> Vec<u8> {
    [&[0x40 | text.len() as u8], text.as_bytes()].concat()
}

fn map(members: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = vec![0xe0 | members.len() as u8];
    for (name, value) in members {
        bytes.extend(text(name));
        bytes.extend(value);
    }
    bytes
}

#[test]
fn reads_both_schemas() {
    let somewhere = "198.51.100.1".parse().expect("an address");
    let maxmind = map(&[
        ("country", map(&[("iso_code", text("DE"))])),
        ("continent", map(&[("code", text("EU"))])),
    ]);
    let found = Database::from_bytes(tiny(&maxmind))
        .expect("readable")
        .country(somewhere);
    assert_eq!(
        found,
        Some(Location {
            country: Some(*b"DE"),
            continent: Some(*b"EU")
        })
    );

    let flat = map(&[("country_code", text("DE"))]);
    let found = Database::from_bytes(tiny(&flat))
        .expect("readable")
        .country(somewhere);
    assert_eq!(
        found,
        Some(Location {
            country: Some(*b"DE"),
            continent: None
        })
    );

    let named = map(&[("country", text("Germany")), ("country_code", text("DE"))]);
    let found = Database::from_bytes(tiny(&named))
        .expect("readable")
        .country(somewhere);
    assert_eq!(found.and_then(|found| found.country), Some(*b"DE"));
}

#[test]
fn says_what_a_file_lacks() {
    let other = tiny(&map(&[("asn", text("64496"))]));
    assert!(matches!(
        Database::from_bytes(other),
        Err(OpenError::NoCountries(_))
    ));
    assert!(matches!(
        Database::from_bytes(b"garbage".to_vec()),
        Err(OpenError::Invalid(_))
    ));
    let cut = bundled()[..bundled().len() / 2].to_vec();
    assert!(matches!(
        Database::from_bytes(cut),
        Err(OpenError::Invalid(_))
    ));
}

proptest! {
    #[test]
    fn damaged_files_never_panic(at in 0_usize..1000, value: u8, cut in 0_usize..1000) {
        let mut file = tiny(&map(&[("country", map(&[("iso_code", text("DE"))]))]));
        let length = file.len();
        file[at % length] = value;
        file.truncate(length - cut % (length / 2));
        if let Ok(database) = Database::from_bytes(file) {
            let _ = database.country("198.51.100.1".parse().expect("an address"));
            let _ = database.country("2001:db8::1".parse().expect("an address"));
        }
    }

    #[test]
    fn every_address_has_an_answer(bits: u128, v4: bool) {
        let address = if v4 {
            IpAddr::from((bits as u32).to_be_bytes())
        } else {
            IpAddr::from(bits.to_be_bytes())
        };
        let _ = database().country(address);
    }
}
