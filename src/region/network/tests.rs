//! Tests of the operator's networks.

use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::*;
use crate::region::{RegionDefinition, Regions};

fn ids() -> Vec<RegionId> {
    let definition = |n: u8| RegionDefinition {
        name: format!("r{n}"),
        jurisdiction: "X".to_owned(),
        host: format!("r{n}.test"),
    };
    let regions = Regions::new(&[0, 1, 2, 3].map(definition)).unwrap();
    regions.iter().map(|(id, _)| id).collect()
}

fn networks(list: &[(&str, usize)]) -> Result<Networks, Vec<NetworkError>> {
    let ids = ids();
    let list: Vec<_> = list
        .iter()
        .map(|(net, who)| (net.parse().unwrap(), ids[*who]))
        .collect();
    Networks::new(&list)
}

fn owner(networks: &Networks, address: &str) -> Option<usize> {
    networks
        .region_of(address.parse().unwrap())
        .map(RegionId::index)
}

#[test]
fn the_longest_prefix_wins_in_both_families() {
    let networks = networks(&[
        ("10.0.0.0/8", 0),
        ("10.1.0.0/16", 1),
        ("10.1.2.0/24", 2),
        ("10.1.2.3/32", 3),
        ("255.255.255.255/32", 1),
        ("2001:db8::/32", 0),
        ("2001:db8:1::/48", 1),
        ("ffff::/16", 2),
        ("::ffff:192.0.2.0/120", 3),
    ])
    .unwrap();
    for (address, expected) in [
        ("9.255.255.255", None),
        ("10.0.0.0", Some(0)),
        ("10.1.0.1", Some(1)),
        ("10.1.2.2", Some(2)),
        ("10.1.2.3", Some(3)),
        ("10.1.2.4", Some(2)),
        ("10.1.3.0", Some(1)),
        ("10.2.0.0", Some(0)),
        ("11.0.0.0", None),
        ("255.255.255.255", Some(1)),
        ("255.255.255.254", None),
        ("::ffff:10.1.2.3", Some(3)),
        ("192.0.2.9", Some(3)),
        ("2001:db8::1", Some(0)),
        ("2001:db8:1::1", Some(1)),
        ("2001:db8:2::1", Some(0)),
        ("2001:db9::", None),
        ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Some(2)),
    ] {
        assert_eq!(owner(&networks, address), expected, "{address}");
    }
}

#[test]
fn everything_may_be_one_network() {
    let networks = networks(&[("0.0.0.0/0", 0), ("0.0.0.0/1", 1), ("::/0", 2)]).unwrap();
    assert_eq!(owner(&networks, "0.0.0.0"), Some(1));
    assert_eq!(owner(&networks, "127.255.255.255"), Some(1));
    assert_eq!(owner(&networks, "128.0.0.0"), Some(0));
    assert_eq!(owner(&networks, "255.255.255.255"), Some(0));
    assert_eq!(owner(&networks, "::1"), Some(2));
    assert!(!networks.is_empty() && Networks::default().is_empty());
}

#[test]
fn stray_bits_and_duplicates_are_refused() {
    let faults = networks(&[
        ("10.0.0.1/8", 0),
        ("192.0.2.0/24", 0),
        ("2001:db8::/32", 1),
        ("::ffff:192.0.2.0/120", 1),
    ])
    .unwrap_err();
    let words: Vec<_> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(
        words,
        [
            "network 10.0.0.1/8 has bits set beyond its prefix; write 10.0.0.0/8 or a longer prefix",
            "network 192.0.2.0/24 is listed twice",
        ]
    );
    assert!(matches!(
        faults[1],
        NetworkError::Duplicate {
            first: 1,
            second: 3,
            ..
        }
    ));
}

proptest! {
    #[test]
    fn flattening_agrees_with_trying_every_network(
        list in proptest::collection::btree_map((0u32..16, 26u8..=32), 0usize..4, 0..12),
        address in 0u32..70,
    ) {
        // All within 0.0.0.0/26, where prefixes nest and meet often.
        let ids = ids();
        let mut seen = std::collections::BTreeMap::new();
        for ((base, prefix), who) in list {
            let net = Ipv4Net::new(Ipv4Addr::from_bits(base * 4), prefix).unwrap().trunc();
            seen.insert(net, who);
        }
        let listed: Vec<_> = seen.iter().map(|(net, who)| (IpNet::V4(*net), ids[*who])).collect();
        let mapped: Vec<_> = seen.iter().map(|(net, who)| {
            let wide = net.addr().to_ipv6_compatible().to_bits() << 64;
            (IpNet::new(Ipv6Addr::from_bits(wide).into(), net.prefix_len() + 32).unwrap(), ids[*who])
        }).collect();
        let address = Ipv4Addr::from_bits(address);
        let naive = seen
            .iter()
            .filter(|(net, _)| net.contains(&address))
            .max_by_key(|(net, _)| net.prefix_len())
            .map(|(_, who)| ids[*who]);
        prop_assert_eq!(Networks::new(&listed).unwrap().region_of(address.into()), naive);
        let v6 = Ipv6Addr::from_bits(address.to_ipv6_compatible().to_bits() << 64);
        prop_assert_eq!(Networks::new(&mapped).unwrap().region_of(v6.into()), naive);
    }
}
