//! How much of the Internet a database knows, by address family: a file of one family, or of a few
//! networks, opens like any other, and every other client would be without a country.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::tree::{Tree, Weights};

/// The share of each family's address space that has a country, from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Coverage {
    /// Of all IPv4 unicast addresses that are not for special purposes.
    pub v4: f64,
    /// Of the blocks of IPv6 that IANA has given to the regional registries. These give out only a
    /// small part of them: complete databases reach a few hundredths.
    pub v6: f64,
}

/// A share of IPv4 below this is nearly nothing: complete databases reach 0.9.
const LEAST_V4: f64 = 0.1;

/// The same of IPv6.
const LEAST_V6: f64 = 0.001;

impl Coverage {
    /// Whether each family is known at all.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.v4 >= LEAST_V4 && self.v6 >= LEAST_V6
    }

    /// Measures a tree in one pass over its nodes. `has_country` says it of a leaf's number.
    pub(super) fn of(tree: &Tree, has_country: impl Fn(usize) -> bool) -> Self {
        let weights = tree.weights(has_country);
        Self {
            v4: v4(tree, &weights),
            v6: v6(tree, &weights),
        }
    }
}

/// IPv4 that is not the public Internet's (IANA IPv4 Special-Purpose Address Registry, RFC 6890, and
/// multicast, RFC 5771).
const SPECIAL_V4: &[([u8; 4], u32)] = &[
    ([0, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    ([100, 64, 0, 0], 10),
    ([127, 0, 0, 0], 8),
    ([169, 254, 0, 0], 16),
    ([172, 16, 0, 0], 12),
    ([192, 0, 0, 0], 24),
    ([192, 0, 2, 0], 24),
    ([192, 88, 99, 0], 24),
    ([192, 168, 0, 0], 16),
    ([198, 18, 0, 0], 15),
    ([198, 51, 100, 0], 24),
    ([203, 0, 113, 0], 24),
    ([224, 0, 0, 0], 3),
];

/// IPv6 that the regional registries give out (IANA IPv6 Global Unicast Address Assignments). Of
/// 2001::/16 some parts are not theirs; they weigh nothing beside the others.
const GIVEN_V6: &[([u16; 2], u32)] = &[
    ([0x2001, 0], 16),
    ([0x2003, 0], 18),
    ([0x2400, 0], 12),
    ([0x2410, 0], 12),
    ([0x2600, 0], 12),
    ([0x2610, 0], 23),
    ([0x2620, 0], 23),
    ([0x2630, 0], 12),
    ([0x2800, 0], 12),
    ([0x2a00, 0], 12),
    ([0x2a10, 0], 12),
    ([0x2c00, 0], 12),
];

/// The part of all addresses that a prefix of this length is.
fn size(length: u32) -> f64 {
    0.5_f64.powi(i32::try_from(length).unwrap_or(i32::MAX))
}

fn v4(tree: &Tree, weights: &Weights) -> f64 {
    let whole = tree.share(Ipv4Addr::UNSPECIFIED.into(), 0, weights);
    let (mut space, mut known) = (1.0, whole);
    for (network, length) in SPECIAL_V4 {
        space -= size(*length);
        known -= size(*length) * tree.share(Ipv4Addr::from(*network).into(), *length, weights);
    }
    // A sum of rounded parts.
    (known / space).clamp(0.0, 1.0)
}

fn v6(tree: &Tree, weights: &Weights) -> f64 {
    let (mut space, mut known) = (0.0, 0.0);
    for ([first, second], length) in GIVEN_V6 {
        let network = Ipv6Addr::new(*first, *second, 0, 0, 0, 0, 0, 0);
        space += size(*length);
        known += size(*length) * tree.share(network.into(), *length, weights);
    }
    (known / space).clamp(0.0, 1.0)
}
