//! The operator's list of client networks: the region of the longest prefix that has an address.
//!
//! Nested networks are flattened into disjoint ranges, so a look-up is one binary search however
//! many networks there are. IPv4-mapped IPv6 is IPv4, in networks and in addresses.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net};

use super::RegionId;

/// What can be wrong with the list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// Bits beyond the prefix: the operator may have meant a single address.
    #[error("network {network} has bits set beyond its prefix; write {} or a longer prefix", .network.trunc())]
    HostBits {
        /// Which network of the list, from 0.
        index: usize,
        /// As it was written.
        network: IpNet,
    },
    /// One network twice.
    #[error("network {network} is listed twice")]
    Duplicate {
        /// Where it stands first, from 0.
        first: usize,
        /// Where it stands again.
        second: usize,
        /// The network.
        network: IpNet,
    },
}

/// The compiled list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks {
    v4: Ranges<u32>,
    v6: Ranges<u128>,
}

/// Where ranges begin, ascending, and who has them; each ends where the next begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Ranges<A> {
    starts: Box<[A]>,
    owners: Box<[Option<RegionId>]>,
}

/// A network as numbers: first and last address.
struct Span<A> {
    first: A,
    last: A,
    owner: RegionId,
}

impl Networks {
    /// Compiles the list.
    ///
    /// # Errors
    /// Every network with bits beyond its prefix, and every one that is listed twice.
    pub fn new(list: &[(IpNet, RegionId)]) -> Result<Self, Vec<NetworkError>> {
        let mut faults = Vec::new();
        let mut order = Vec::with_capacity(list.len());
        for (index, &(network, _)) in list.iter().enumerate() {
            if network != network.trunc() {
                faults.push(NetworkError::HostBits { index, network });
            }
            order.push((unmapped(network), index));
        }
        order.sort_unstable();
        for pair in order.windows(2) {
            if let &[(network, first), (again, second)] = pair
                && network == again
            {
                faults.push(NetworkError::Duplicate {
                    first,
                    second,
                    network,
                });
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for (network, index) in order {
            let Some(&(_, owner)) = list.get(index) else {
                continue;
            };
            match network {
                IpNet::V4(net) => v4.push(Span {
                    first: net.network().to_bits(),
                    last: net.broadcast().to_bits(),
                    owner,
                }),
                IpNet::V6(net) => v6.push(Span {
                    first: net.network().to_bits(),
                    last: net.broadcast().to_bits(),
                    owner,
                }),
            }
        }
        Ok(Self {
            v4: Ranges::new(v4, |last| last.checked_add(1)),
            v6: Ranges::new(v6, |last| last.checked_add(1)),
        })
    }

    /// The region of the longest prefix that has the address.
    pub fn region_of(&self, address: IpAddr) -> Option<RegionId> {
        match address.to_canonical() {
            IpAddr::V4(address) => self.v4.find(address.to_bits()),
            IpAddr::V6(address) => self.v6.find(address.to_bits()),
        }
    }

    /// Whether no network is listed.
    pub fn is_empty(&self) -> bool {
        self.v4.starts.is_empty() && self.v6.starts.is_empty()
    }
}

impl<A: Copy + Ord> Ranges<A> {
    /// Flattens spans that are sorted by first address, wider before narrower, and of which any
    /// two are nested or disjoint (as networks are).
    fn new(spans: Vec<Span<A>>, next: impl Fn(A) -> Option<A>) -> Self {
        let mut edges: Vec<(A, Option<RegionId>)> = Vec::with_capacity(2 * spans.len());
        let mut open: Vec<Span<A>> = Vec::new();
        let close = |span: &Span<A>, outer: Option<&Span<A>>, edges: &mut Vec<_>| {
            if let Some(after) = next(span.last) {
                push_edge(edges, after, outer.map(|outer| outer.owner));
            }
        };
        for span in spans {
            while let Some(ended) = open.pop_if(|inner| inner.last < span.first) {
                close(&ended, open.last(), &mut edges);
            }
            push_edge(&mut edges, span.first, Some(span.owner));
            open.push(span);
        }
        while let Some(ended) = open.pop() {
            close(&ended, open.last(), &mut edges);
        }
        let (starts, owners): (Vec<A>, Vec<_>) = edges.into_iter().unzip();
        Self {
            starts: starts.into(),
            owners: owners.into(),
        }
    }

    fn find(&self, address: A) -> Option<RegionId> {
        let after = self.starts.partition_point(|&start| start <= address);
        *self.owners.get(after.checked_sub(1)?)?
    }
}

/// Adds an edge; one at the same place replaces it (the narrower network, or what follows it).
fn push_edge<A: PartialEq>(
    edges: &mut Vec<(A, Option<RegionId>)>,
    start: A,
    owner: Option<RegionId>,
) {
    edges.pop_if(|(last, _)| *last == start);
    edges.push((start, owner));
}

/// `::ffff:192.0.2.0/120` is `192.0.2.0/24`.
fn unmapped(network: IpNet) -> IpNet {
    let IpNet::V6(net) = network else {
        return network;
    };
    let v4 = |address: Ipv6Addr| {
        let prefix = net.prefix_len().checked_sub(96)?;
        Ipv4Net::new(address.to_ipv4_mapped()?, prefix).ok()
    };
    v4(net.addr()).map_or(network, IpNet::V4)
}

#[cfg(test)]
mod tests;
