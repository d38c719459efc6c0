//! The merged ranges against asking each network in turn.

use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::Ipv6Net;
use proptest::prelude::*;

use super::*;

fn trusted(networks: &[&str]) -> TrustedProxies {
    let networks: Vec<IpNet> = networks.iter().map(|net| net.parse().unwrap()).collect();
    TrustedProxies::new(&networks)
}

fn contains(list: &TrustedProxies, address: &str) -> bool {
    list.contains(address.parse().unwrap())
}

#[test]
fn nobody_is_trusted_by_default() {
    assert!(!contains(&TrustedProxies::default(), "127.0.0.1"));
    assert!(!contains(&TrustedProxies::default(), "::1"));
}

#[test]
fn mapped_addresses_and_networks_are_ipv4() {
    let list = trusted(&["10.0.0.0/8", "::ffff:192.168.0.0/112", "fd00::/8"]);
    for inside in [
        "10.0.0.0",
        "10.255.255.255",
        "::ffff:10.1.2.3",
        "192.168.1.1",
        "::ffff:192.168.1.1",
        "fd12::1",
    ] {
        assert!(contains(&list, inside), "{inside}");
    }
    for outside in ["9.255.255.255", "11.0.0.0", "192.169.0.0", "fe00::", "::1"] {
        assert!(!contains(&list, outside), "{outside}");
    }
}

#[test]
fn a_prefix_shorter_than_the_mapped_one_stays_ipv6() {
    // ::/0 is all of IPv6; a mapped address is IPv4 and so no part of it.
    let list = trusted(&["::/0"]);
    assert!(contains(&list, "2001:db8::1"));
    assert!(!contains(&list, "::ffff:10.0.0.1"));
    assert!(!contains(&list, "10.0.0.1"));
}

#[test]
fn everything_can_be_trusted() {
    let list = trusted(&["0.0.0.0/0", "::/0", "10.0.0.0/8", "ffff::/16"]);
    for address in ["0.0.0.0", "255.255.255.255", "::", "ffff::ffff"] {
        assert!(contains(&list, address), "{address}");
    }
    assert_eq!((list.v4.len(), list.v6.len()), (1, 1), "nested ones vanish");
}

/// Networks from few bits, so that they often nest and addresses often hit.
fn network() -> impl Strategy<Value = IpNet> {
    prop_oneof![
        (any::<u8>(), 0u8..=32).prop_map(|(bits, prefix)| {
            let address = Ipv4Addr::from_bits(u32::from(bits) << 24 | u32::from(bits));
            IpNet::V4(Ipv4Net::new(address, prefix).unwrap())
        }),
        (any::<u8>(), 0u8..=128).prop_map(|(bits, prefix)| {
            let address = Ipv6Addr::from_bits(u128::from(bits) << 120 | u128::from(bits));
            IpNet::V6(Ipv6Net::new(address, prefix).unwrap())
        }),
    ]
}

fn address() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        (any::<u8>(), any::<u8>()).prop_map(|(high, low)| {
            IpAddr::V4(Ipv4Addr::from_bits(u32::from(high) << 24 | u32::from(low)))
        }),
        (any::<u8>(), any::<u8>()).prop_map(|(high, low)| {
            IpAddr::V6(Ipv6Addr::from_bits(
                u128::from(high) << 120 | u128::from(low),
            ))
        }),
    ]
}

proptest! {
    #[test]
    fn agrees_with_asking_each_network(
        networks in prop::collection::vec(network(), 0..12),
        addresses in prop::collection::vec(address(), 1..32),
    ) {
        let list = TrustedProxies::new(&networks);
        for address in addresses {
            let expected = networks
                .iter()
                .any(|net| net.trunc().contains(&address.to_canonical()));
            prop_assert_eq!(list.contains(address), expected, "{} in {:?}", address, networks);
        }
    }
}
