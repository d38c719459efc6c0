//! Connections at a time, by client and by network. Memory follows the connections that are open,
//! of which there is a limit: who has none is not remembered.

use std::collections::HashMap;
use std::net::IpAddr;

use super::block::{Block, Prefixes};

/// How many connections one may have.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ConnectionRules {
    /// Who is one client.
    pub client: Prefixes,
    /// Connections of one client.
    pub per_client: usize,
    /// What is one network.
    pub network: Prefixes,
    /// Connections of one network.
    pub per_network: usize,
}

/// What a connection is counted under until it is given back.
#[derive(Debug, Eq, PartialEq)]
#[must_use = "a place that is not given back is taken for ever"]
pub struct Place {
    client: Block,
    network: Block,
}

impl Place {
    /// The network.
    #[must_use]
    pub const fn network(&self) -> Block {
        self.network
    }
}

/// Who has as many connections as may be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Full {
    /// The client.
    Client,
    /// The network.
    Network,
}

impl Full {
    /// The word in metrics.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Client => "address",
            Self::Network => "network",
        }
    }
}

/// The open connections.
#[derive(Debug, Default)]
pub struct Connections {
    clients: HashMap<Block, usize>,
    networks: HashMap<Block, usize>,
}

impl Connections {
    /// Counts one more connection from `address`.
    ///
    /// # Errors
    /// [`Full`]: it was not counted.
    pub fn enter(&mut self, address: IpAddr, rules: &ConnectionRules) -> Result<Place, Full> {
        let place = Place {
            client: rules.client.block(address),
            network: rules.network.block(address),
        };
        let count = |counts: &HashMap<Block, usize>, block| counts.get(block).copied().unwrap_or(0);
        if count(&self.clients, &place.client) >= rules.per_client {
            return Err(Full::Client);
        }
        if count(&self.networks, &place.network) >= rules.per_network {
            return Err(Full::Network);
        }
        *self.clients.entry(place.client).or_default() += 1;
        *self.networks.entry(place.network).or_default() += 1;
        Ok(place)
    }

    /// Gives a place back, whatever the rules have become meanwhile.
    pub fn leave(&mut self, place: Place) {
        let Place { client, network } = place;
        for (counts, block) in [(&mut self.clients, client), (&mut self.networks, network)] {
            if let Some(count) = counts.get_mut(&block) {
                *count -= 1;
                if *count == 0 {
                    counts.remove(&block);
                }
            }
        }
    }

    /// Whether nobody is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.clients.is_empty() && self.networks.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RULES: ConnectionRules = ConnectionRules {
        client: Prefixes { v4: 32, v6: 64 },
        per_client: 3,
        network: Prefixes { v4: 24, v6: 48 },
        per_network: 5,
    };

    #[test]
    fn a_client_and_its_network_are_limited_and_no_other() {
        let mut open = Connections::default();
        let mut enter = |address: &str| open.enter(address.parse().expect("an address"), &RULES);
        for _ in 0..3 {
            let _ = enter("192.0.2.1").expect("there is room");
        }
        assert_eq!(enter("192.0.2.1"), Err(Full::Client));
        for address in ["192.0.2.2", "192.0.2.3"] {
            let _ = enter(address).expect("there is room");
        }
        assert_eq!(enter("192.0.2.4"), Err(Full::Network));
        assert!(enter("192.0.3.4").is_ok() && enter("2001:db8::1").is_ok());
    }

    proptest! {
        /// Against a list of who is in; steps give back a place or ask for one.
        #[test]
        fn counts_are_exact_and_end_with_nothing(steps: Vec<(u8, bool, u8)>) {
            let mut open = Connections::default();
            let mut inside: Vec<(IpAddr, Place)> = Vec::new();
            for (host, leaves, which) in steps {
                if leaves && !inside.is_empty() {
                    let (_, place) = inside.swap_remove(usize::from(which) % inside.len());
                    open.leave(place);
                    continue;
                }
                let address = IpAddr::from([192, 0, host % 2, host % 7]);
                let of_client = inside.iter().filter(|(other, _)| *other == address).count();
                let network = RULES.network.block(address);
                let of_network = inside
                    .iter()
                    .filter(|(other, _)| RULES.network.block(*other) == network)
                    .count();
                match open.enter(address, &RULES) {
                    Ok(place) => {
                        prop_assert!(of_client < RULES.per_client && of_network < RULES.per_network);
                        inside.push((address, place));
                    }
                    Err(Full::Client) => prop_assert_eq!(of_client, RULES.per_client),
                    Err(Full::Network) => prop_assert_eq!(of_network, RULES.per_network),
                }
            }
            for (_, place) in inside {
                open.leave(place);
            }
            prop_assert!(open.is_empty());
        }
    }
}
