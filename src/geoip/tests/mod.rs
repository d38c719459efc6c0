//! Both schemas, all widths, the bundled file against its own reader, and files that are damaged
//! in every way.

mod damage;
mod writer;

use std::sync::OnceLock;

use maxminddb::PathElement;
use proptest::prelude::*;

use self::writer::{Value, Written, map, text};
use super::*;

fn bundled() -> &'static [u8] {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    BYTES.get_or_init(|| {
        std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/geoip/country.mmdb")).unwrap()
    })
}

fn database() -> &'static Database {
    static DATABASE: OnceLock<Database> = OnceLock::new();
    DATABASE.get_or_init(|| Database::from_bytes(bundled()).unwrap())
}

fn located(database: &Database, address: &str) -> Option<Location> {
    database.country(address.parse().unwrap())
}

fn location(country: &str, continent: &str) -> Option<Location> {
    let code = |text: &str| (!text.is_empty()).then(|| text.as_bytes().try_into().unwrap());
    Some(Location {
        country: code(country),
        continent: code(continent),
    })
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
        assert_eq!(
            located(database(), address),
            location(code, ""),
            "{address}"
        );
    }
    for nowhere in ["127.0.0.1", "10.1.2.3", "::1", "fe80::1"] {
        assert_eq!(located(database(), nowhere), None, "{nowhere}");
    }
}

#[test]
fn says_its_name_and_age_and_takes_less_memory_than_its_file() {
    let database = database();
    assert_eq!(database.kind(), "country ipvAll");
    let later = database.built() + Duration::from_secs(90);
    assert_eq!(database.age(later), Duration::from_secs(90));
    assert_eq!(database.age(UNIX_EPOCH), Duration::ZERO);
    assert!(database.memory() < bundled().len(), "{}", database.memory());
    let shown = format!("{database:?}");
    assert!(
        shown.len() < 100_000,
        "a look-up table of {} is shown",
        shown.len()
    );
}

#[test]
fn the_covered_share_is_counted_by_family() {
    let coverage = database().coverage();
    println!("{coverage:?}");
    assert!(
        coverage.is_good() && coverage.v4 > 0.9 && coverage.v6 > 0.01,
        "{coverage:?}"
    );
    // IPv4 lies at ::/96.
    let place = |network: &str| match network.split_once('/') {
        Some((v4, length)) if v4.contains('.') => {
            format!("::{v4}/{}", length.parse::<u32>().unwrap() + 96)
        }
        _ => network.to_owned(),
    };
    let of = |networks: &[&str]| {
        let country = map([("country_code", text("DE"))]);
        let mut written = Written::v6();
        for network in networks {
            written = written.with(&place(network), country.clone());
        }
        written.open().unwrap().coverage()
    };
    let near = |a: f64, b: f64| (a - b).abs() < 1e-9;
    // All of IPv4 and nothing of IPv6, and the other way round.
    let v4 = of(&["0.0.0.0/0"]);
    assert!(
        near(v4.v4, 1.0) && near(v4.v6, 0.0) && !v4.is_good(),
        "{v4:?}"
    );
    let v6 = of(&["2000::/3"]);
    assert!(
        near(v6.v4, 0.0) && near(v6.v6, 1.0) && !v6.is_good(),
        "{v6:?}"
    );
    assert!(of(&["0.0.0.0/0", "2000::/3"]).is_good());
    // What is nobody's does not count, and a few networks are nearly nothing.
    let private = of(&[
        "10.0.0.0/8",
        "192.168.0.0/16",
        "224.0.0.0/3",
        "2001:db8::/32",
        "fc00::/7",
    ]);
    assert!(near(private.v4, 0.0) && private.v6 < 1e-4, "{private:?}");
    let few = of(&["8.8.8.0/24", "2a00:1450::/32"]);
    assert!(few.v4 > 0.0 && few.v6 > 0.0 && !few.is_good(), "{few:?}");
    let half = of(&["0.0.0.0/1"]).v4;
    let special = 3.0 / 256.0 + 1.0 / 1024.0;
    let others = 0.125 + 1.0 / 4096.0 + 4.0 / 65_536.0 + 5.0 / 16_777_216.0;
    let expected = (0.5 - special) / (1.0 - special - others);
    assert!(near(half, expected), "{half} {expected}");
    // A continent alone is no country.
    let continent = map([("continent", text("EU")), ("country_code", text("eu"))]);
    let some = map([("country_code", text("DE"))]);
    let both = Written::v4()
        .with("0.0.0.0/1", continent)
        .with("128.0.0.0/1", some);
    let coverage = both.open().unwrap().coverage();
    assert!(coverage.v4 > 0.3 && coverage.v4 < 0.7, "{coverage:?}");
    assert!(
        near(coverage.v6, 0.0),
        "a file of IPv4 knows nothing of IPv6"
    );
}

fn one_record(record: Value) -> Result<Database, OpenError> {
    Written::v6().with("2001:db8::/32", record).open()
}

fn read(record: Value) -> Option<Location> {
    located(&one_record(record).unwrap(), "2001:db8::1")
}

#[test]
fn reads_both_schemas() {
    let maxmind = map([
        (
            "continent",
            map([
                ("code", text("EU")),
                ("geoname_id", Value::Number(6_255_148)),
            ]),
        ),
        (
            "country",
            map([
                ("geoname_id", Value::Number(2_921_044)),
                ("iso_code", text("DE")),
            ]),
        ),
        ("registered_country", map([("iso_code", text("US"))])),
    ]);
    assert_eq!(read(maxmind), location("DE", "EU"));
    assert_eq!(
        read(map([("country_code", text("DE"))])),
        location("DE", "")
    );
    let ipinfo = map([
        ("asn", text("AS64496")),
        ("continent", text("Europe")),
        ("continent_code", text("EU")),
        ("country", text("Germany")),
        ("country_code", text("DE")),
    ]);
    assert_eq!(read(ipinfo), location("DE", "EU"));
    let codes_only = map([("continent", text("EU")), ("country", text("DE"))]);
    assert_eq!(read(codes_only), location("DE", "EU"));
}

#[test]
fn where_an_owner_sits_is_no_location() {
    let owner = map([
        ("continent", map([("code", text("EU"))])),
        ("registered_country", map([("iso_code", text("US"))])),
    ]);
    let database = Written::v6()
        .with("2001:db8::/32", owner)
        .with("2001:db9::/32", map([("country_code", text("NZ"))]))
        .open()
        .unwrap();
    assert_eq!(located(&database, "2001:db8::1"), location("", "EU"));
    assert_eq!(located(&database, "2001:db9::1"), location("NZ", ""));
}

#[test]
fn what_is_no_code_of_two_letters_says_nothing() {
    for odd in [
        text(""),
        text("de"),
        text("DEU"),
        text("D1"),
        text("\u{c4}"),
        Value::Number(5),
    ] {
        let database = Written::v6()
            .with("2001:db8::/32", map([("country_code", odd)]))
            .with("2001:db9::/32", map([("country_code", text("NZ"))]))
            .open()
            .unwrap();
        assert_eq!(located(&database, "2001:db8::1"), None);
        assert_eq!(located(&database, "2001:db9::1"), location("NZ", ""));
    }
}

#[test]
fn finds_the_longest_network_in_every_width() {
    for bits in [24, 28, 32] {
        let flat = |code| map([("country_code", text(code))]);
        let database = Written::v6()
            .bits(bits)
            .with("::/0", flat("AQ"))
            .with("::192.0.2.0/120", flat("DE"))
            .with("::192.0.2.77/128", flat("FR"))
            .with("2001:db8::/32", flat("NZ"))
            .with("2001:db8:0:0:8000::/65", flat("AU"))
            .with("2001:db8::7/128", flat("FJ"))
            .open()
            .unwrap();
        for (address, code) in [
            ("192.0.2.1", "DE"),
            ("::ffff:192.0.2.1", "DE"),
            ("192.0.2.77", "FR"),
            ("192.0.3.1", "AQ"),
            ("2001:db8::1", "NZ"),
            ("2001:db8::7", "FJ"),
            ("2001:db8::8000:0:0:1", "AU"),
            ("ffff::", "AQ"),
        ] {
            assert_eq!(
                located(&database, address),
                location(code, ""),
                "{bits} {address}"
            );
        }
    }
}

#[test]
fn a_database_of_ipv4_knows_nothing_of_ipv6() {
    let database = Written::v4()
        .with("192.0.2.0/24", map([("country_code", text("DE"))]))
        .with("0.0.0.0/1", map([("country_code", text("FR"))]))
        .open()
        .unwrap();
    assert_eq!(located(&database, "192.0.2.255"), location("DE", ""));
    assert_eq!(located(&database, "::ffff:192.0.2.255"), location("DE", ""));
    assert_eq!(located(&database, "9.9.9.9"), location("FR", ""));
    for nowhere in ["192.0.3.0", "::192.0.2.255", "2001:db8::1", "::"] {
        assert_eq!(located(&database, nowhere), None, "{nowhere}");
    }
}

#[test]
fn many_ways_to_say_the_same_are_one() {
    // GeoLite2 has a record for each pair of country and registered country.
    let mut written = Written::v6();
    for n in 0..200_u32 {
        let record = map([
            ("country", map([("iso_code", text("DE"))])),
            (
                "registered_country",
                map([("geoname_id", Value::Number(n))]),
            ),
        ]);
        written = written.with(&format!("2001:{n:x}::/32"), record);
    }
    let database = written.open().unwrap();
    assert_eq!(located(&database, "2001:c7::1"), location("DE", ""));
    assert_eq!(located(&database, "2001:c8::1"), None);
    assert_eq!(database.locations.len(), 1);
}

/// What maxminddb's own reader says.
fn by_its_reader(reader: &Reader<&[u8]>, address: IpAddr) -> Option<String> {
    let found = reader.lookup(address.to_canonical()).ok()?;
    found
        .decode_path(&[PathElement::Key("country_code")])
        .ok()?
}

fn code_of(found: Option<Location>) -> Option<String> {
    Some(String::from_utf8_lossy(&found?.country?).into_owned())
}

fn any_address() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        any::<[u8; 4]>().prop_map(IpAddr::from),
        any::<[u8; 16]>().prop_map(IpAddr::from),
        // Where most of IPv6 is: 2000::/5.
        any::<u128>().prop_map(|bits| IpAddr::from((1 << 125 | bits >> 5).to_be_bytes())),
        any::<[u8; 4]>().prop_map(|v4| IpAddr::from(std::net::Ipv4Addr::from(v4).to_ipv6_mapped())),
        any::<[u8; 4]>().prop_map(|v4| {
            let [a, b, c, d] = v4.map(u128::from);
            // Aliases of IPv4 that databases have: 6to4.
            IpAddr::from((0x2002 << 112 | a << 104 | b << 96 | c << 88 | d << 80).to_be_bytes())
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]
    #[test]
    fn agrees_with_the_reader_of_the_format_on_the_bundled_file(address in any_address()) {
        static READER: OnceLock<Reader<&[u8]>> = OnceLock::new();
        let reader = READER.get_or_init(|| Reader::from_source(bundled()).unwrap());
        prop_assert_eq!(
            code_of(database().country(address)),
            by_its_reader(reader, address)
        );
    }
}

/// Every network of the bundled file, at both ends.
#[test]
fn agrees_with_every_network_of_the_bundled_file() {
    let reader = Reader::from_source(bundled()).unwrap();
    let mut codes = HashMap::new();
    for (n, found) in reader
        .networks(maxminddb::WithinOptions::default())
        .unwrap()
        .enumerate()
    {
        if n % 7 != 0 {
            continue;
        }
        let found = found.unwrap();
        let code: &Option<String> = codes.entry(found.offset()).or_insert_with(|| {
            found
                .decode_path(&[PathElement::Key("country_code")])
                .unwrap()
        });
        let network = found.network().unwrap();
        for address in [network.network(), network.broadcast()] {
            assert_eq!(&code_of(database().country(address)), code, "{address}");
        }
    }
}
