//! The networks that an endpoint must resolve into, where its operator declared some: an address
//! elsewhere is not connected to, whatever a resolver says.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, PoisonError};

use ipnet::IpNet;

use super::endpoint::Endpoint;
use super::failure::Cause;

/// The addresses that an endpoint was last found to have and must not be used at.
#[derive(Debug, Default)]
pub struct Outside(Mutex<Vec<IpAddr>>);

impl Outside {
    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Takes in what was found; says whether it is something else than before.
    fn changes_to(&self, mut found: Vec<IpAddr>) -> bool {
        // Resolvers give addresses in turn.
        found.sort_unstable();
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let changes = *known != found;
        *known = found;
        changes
    }
}

impl Endpoint {
    /// Those of its addresses at which it may be used: all, where no networks are declared.
    ///
    /// # Errors
    /// [`Cause::OutsideNetworks`] if there are addresses, and none of them may.
    pub fn within(&self, addresses: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, Cause> {
        if self.networks.is_empty() {
            return Ok(addresses);
        }
        let (inside, outside) = split(&self.networks, addresses);
        let none_is_left = inside.is_empty() && !outside.is_empty();
        if self.state.outside.changes_to(outside.clone()) {
            self.tell(&outside);
        }
        if none_is_left {
            Err(Cause::OutsideNetworks)
        } else {
            Ok(inside)
        }
    }

    fn tell(&self, outside: &[IpAddr]) {
        let (region, endpoint) = (&*self.region, self.url.as_str());
        if outside.is_empty() {
            tracing::info!(
                region,
                endpoint,
                "endpoint resolves into its networks again"
            );
        } else {
            tracing::warn!(
                region,
                endpoint,
                ?outside,
                "endpoint resolves outside its networks: not connected to there"
            );
        }
    }
}

/// The addresses in some of the networks, in their order, and the others. IPv4-mapped IPv6 is IPv4.
fn split(networks: &[IpNet], addresses: Vec<SocketAddr>) -> (Vec<SocketAddr>, Vec<IpAddr>) {
    let (mut inside, mut outside) = (Vec::new(), Vec::new());
    for address in addresses {
        let ip = address.ip().to_canonical();
        match networks.iter().any(|network| network.contains(&ip)) {
            true => inside.push(address),
            false => outside.push(ip),
        }
    }
    (inside, outside)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::upstream::connect::connect;
    use crate::upstream::testing::cluster;

    fn networks(list: &[&str]) -> Vec<IpNet> {
        list.iter().map(|one| one.parse().unwrap()).collect()
    }

    fn addresses(list: &[&str]) -> Vec<SocketAddr> {
        let at = |one: &&str| SocketAddr::new(one.parse().unwrap(), 8443);
        list.iter().map(at).collect()
    }

    #[test]
    fn addresses_are_kept_in_order_if_some_network_has_them() {
        let declared = networks(&["10.0.0.0/8", "2001:db8::/32"]);
        let found = addresses(&[
            "10.1.0.1",
            "192.0.2.1",
            "2001:db8::1",
            "::ffff:10.2.0.1",
            "::1",
        ]);
        let (inside, outside) = split(&declared, found);
        assert_eq!(
            inside,
            addresses(&["10.1.0.1", "2001:db8::1", "::ffff:10.2.0.1"])
        );
        let outside: Vec<_> = outside.iter().map(ToString::to_string).collect();
        assert_eq!(outside, ["192.0.2.1", "::1"]);
    }

    proptest! {
        #[test]
        fn nothing_outside_is_kept_and_nothing_is_lost(
            found in proptest::collection::vec(any::<SocketAddr>(), 0..20),
            declared in proptest::collection::vec((any::<u32>(), 0u8..=32), 0..4),
        ) {
            let declared: Vec<IpNet> = declared
                .into_iter()
                .map(|(bits, length)| IpNet::new(std::net::Ipv4Addr::from(bits).into(), length).unwrap().trunc())
                .collect();
            let (inside, outside) = split(&declared, found.clone());
            prop_assert_eq!(inside.len() + outside.len(), found.len());
            for address in &inside {
                let ip = address.ip().to_canonical();
                prop_assert!(declared.iter().any(|net| net.network() <= ip && ip <= net.broadcast()));
            }
        }
    }

    #[test]
    fn a_change_is_told_once_whatever_the_order() {
        let state = Outside::default();
        let ips = |list: &[&str]| {
            list.iter()
                .map(|one| one.parse().unwrap())
                .collect::<Vec<_>>()
        };
        assert!(!state.changes_to(ips(&[])), "as at first");
        assert!(state.changes_to(ips(&["192.0.2.1", "192.0.2.2"])));
        assert!(!state.changes_to(ips(&["192.0.2.2", "192.0.2.1"])));
        assert_eq!(state.count(), 2);
        assert!(state.changes_to(ips(&[])));
        assert_eq!(state.count(), 0);
    }

    /// The listener would take the connection: it is not made.
    #[tokio::test]
    async fn an_endpoint_elsewhere_is_not_connected_to() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let mut cluster = cluster(&[listener.local_addr().unwrap().port()]);
        let timeouts = cluster.timeouts;
        let endpoint = std::sync::Arc::get_mut(&mut cluster.endpoints[0]).unwrap();
        endpoint.networks = networks(&["10.0.0.0/8"]);
        let refused = connect(endpoint, &timeouts).await.err();
        assert_eq!(refused, Some(Cause::OutsideNetworks));
        assert_eq!(endpoint.state.outside.count(), 1);
        listener.set_nonblocking(true).unwrap();
        let came = listener.accept().map(|_| ());
        assert_eq!(came.unwrap_err().kind(), std::io::ErrorKind::WouldBlock);

        endpoint.networks = networks(&["10.0.0.0/8", "127.0.0.0/8"]);
        assert!(connect(endpoint, &timeouts).await.is_ok());
        assert_eq!(endpoint.state.outside.count(), 0);
    }
}
