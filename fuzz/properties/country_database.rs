//! Opening an mmdb: damage is refused, in bounded memory; and whatever opens says of every address
//! what the reference reader says of it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use maxminddb::{PathElement, Reader};
use onetime_gateway::geoip::Database;

/// The tables of the first 16 bits, for IPv4 and IPv6.
const TABLES: usize = 2 * 65536 * 4;

pub fn holds(data: &[u8]) {
    let Ok(database) = Database::from_bytes(data) else {
        return;
    };
    // A node of the file is at least six bytes and at most eight here; a location is six.
    let most = TABLES + 8 * data.len();
    assert!(
        database.memory() <= most,
        "{} bytes of {}",
        database.memory(),
        data.len()
    );
    let reader = Reader::from_source(data).expect("what we open, the reference opens");
    for address in addresses(data) {
        let ours = database.country(address);
        let is_v4 = address.to_canonical().is_ipv4();
        if !is_v4 && reader.metadata().ip_version == 4 {
            assert_eq!(ours, None);
            continue;
        }
        let found = reader
            .lookup(address.to_canonical())
            .expect("an address that leads somewhere");
        let code = |paths: [&[PathElement<'_>]; 3]| {
            paths.iter().find_map(|path| {
                let text = found.decode_path::<&str>(path).ok().flatten()?;
                let code: [u8; 2] = text.as_bytes().try_into().ok()?;
                code.iter().all(u8::is_ascii_uppercase).then_some(code)
            })
        };
        let key = |name| PathElement::Key(name);
        let country = code([
            &[key("country"), key("iso_code")],
            &[key("country_code")],
            &[key("country")],
        ]);
        let continent = code([
            &[key("continent"), key("code")],
            &[key("continent_code")],
            &[key("continent")],
        ]);
        assert_eq!(ours.and_then(|one| one.country), country, "{address}");
        assert_eq!(ours.and_then(|one| one.continent), continent, "{address}");
    }
}

/// Corners, and what the file's own bytes happen to spell.
fn addresses(data: &[u8]) -> Vec<IpAddr> {
    let mut all: Vec<IpAddr> = [
        "0.0.0.0",
        "255.255.255.255",
        "192.0.2.1",
        "::",
        "::1",
        "2001:db8::1",
    ]
    .iter()
    .map(|text| text.parse().expect("an address"))
    .collect();
    for bytes in data.chunks_exact(16).take(8) {
        let bytes: [u8; 16] = bytes.try_into().expect("16");
        all.push(Ipv6Addr::from(bytes).into());
        all.push(Ipv4Addr::new(bytes[0], bytes[5], bytes[10], bytes[15]).into());
    }
    all
}
