//! Who counts as one: the block of addresses that one caller, or one network, has at its disposal.

use std::net::IpAddr;

use ipnet::{Ipv4Net, Ipv6Net};

/// How long the prefixes are of blocks whose addresses count as one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Prefixes {
    /// Bits of an IPv4 address, at most 32.
    pub v4: u8,
    /// Bits of an IPv6 address, at most 128.
    pub v6: u8,
}

/// A block of addresses as a number; blocks are the same if their numbers are.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Block(u128);

impl Prefixes {
    /// The block that `address` lies in. IPv4-mapped IPv6 is IPv4; no block holds both kinds.
    #[must_use]
    pub fn block(self, address: IpAddr) -> Block {
        Block(match address.to_canonical() {
            IpAddr::V4(address) => {
                let net = Ipv4Net::new_assert(address, self.v4.min(32));
                net.network().to_ipv6_mapped().to_bits()
            }
            IpAddr::V6(address) => {
                let net = Ipv6Net::new_assert(address, self.v6.min(128));
                net.network().to_bits()
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ipnet::IpNet;
    use proptest::prelude::*;

    fn block(v4: u8, v6: u8, address: &str) -> Block {
        Prefixes { v4, v6 }.block(address.parse().expect("an address"))
    }

    #[test]
    fn one_household_is_one_and_its_neighbour_another() {
        let of = |address| block(32, 64, address);
        assert_eq!(of("2001:db8:0:1::1"), of("2001:db8:0:1:ffff::9"));
        assert_ne!(of("2001:db8:0:1::1"), of("2001:db8:0:2::1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        assert_eq!(of("192.0.2.1"), of("::ffff:192.0.2.1"));
    }

    proptest! {
        #[test]
        fn the_same_block_is_the_same_network(a: IpAddr, b: IpAddr, v4 in 1_u8..=32, v6 in 97_u8..=128) {
            let net = |address: IpAddr| {
                let address = address.to_canonical();
                let length = if address.is_ipv4() { v4 } else { v6 };
                IpNet::new(address, length).expect("a network").trunc()
            };
            let prefixes = Prefixes { v4, v6 };
            prop_assert_eq!(prefixes.block(a) == prefixes.block(b), net(a) == net(b));
            prop_assert_eq!(prefixes.block(a), prefixes.block(net(a).network()));
        }
    }
}
