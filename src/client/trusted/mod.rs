//! The operator's list of networks whose word on the client is believed.
//!
//! Networks are merged into disjoint ranges, so a look-up is one binary search. IPv4-mapped IPv6
//! is IPv4, in networks and in addresses.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};

/// Networks of trusted proxies. The default trusts nobody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies {
    v4: Box<[(u32, u32)]>,
    v6: Box<[(u128, u128)]>,
}

impl TrustedProxies {
    /// Compiles a list; bits beyond a network's prefix do not count.
    #[must_use]
    pub fn new(networks: &[IpNet]) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for network in networks {
            match canonical(network) {
                IpNet::V4(net) => v4.push((net.network().to_bits(), net.broadcast().to_bits())),
                IpNet::V6(net) => v6.push((net.network().to_bits(), net.broadcast().to_bits())),
            }
        }
        Self {
            v4: merged(v4),
            v6: merged(v6),
        }
    }

    /// Whether an address lies in one of the networks.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match address.to_canonical() {
            IpAddr::V4(address) => covers(&self.v4, address.to_bits()),
            IpAddr::V6(address) => covers(&self.v6, address.to_bits()),
        }
    }
}

/// `::ffff:10.0.0.0/104` is `10.0.0.0/8`.
fn canonical(network: &IpNet) -> IpNet {
    if let IpNet::V6(net) = network
        && let Some(address) = net.network().to_ipv4_mapped()
        && let Some(prefix) = net.prefix_len().checked_sub(96)
        && let Ok(net) = Ipv4Net::new(address, prefix)
    {
        return IpNet::V4(net);
    }
    *network
}

/// Networks are nested or disjoint, never partly overlapping: the outermost remain.
fn merged<A: Ord + Copy>(mut ranges: Vec<(A, A)>) -> Box<[(A, A)]> {
    ranges.sort_unstable_by(|(a, end_a), (b, end_b)| a.cmp(b).then(end_b.cmp(end_a)));
    ranges.dedup_by(|inner, outer| inner.1 <= outer.1);
    ranges.into_boxed_slice()
}

fn covers<A: Ord + Copy>(ranges: &[(A, A)], address: A) -> bool {
    let after = ranges.partition_point(|(first, _)| *first <= address);
    after
        .checked_sub(1)
        .and_then(|at| ranges.get(at))
        .is_some_and(|(_, last)| address <= *last)
}

#[cfg(test)]
mod tests;
