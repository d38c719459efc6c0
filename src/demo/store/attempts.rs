//! Counts wrong passphrases of one secret: 5 from one network or 20 in all within ten minutes lock
//! it for half an hour.

use std::net::{IpAddr, Ipv6Addr};

const PER_CLIENT: u32 = 5;
const IN_ALL: u32 = 20;
const WINDOW: u64 = 600_000;
const LOCK: u64 = 1_800_000;

/// How many networks are counted apart; the oldest is forgotten first.
const CLIENTS: usize = 64;

/// The wrong passphrases of one secret.
#[derive(Default)]
pub(super) struct Attempts {
    all: Tier,
    clients: Vec<(IpAddr, Tier)>,
}

#[derive(Default, Clone, Copy)]
struct Tier {
    count: u32,
    since: u64,
    locked_until: u64,
}

impl Tier {
    fn fail(&mut self, now: u64, most: u32) {
        if self.count == 0 || now.saturating_sub(self.since) >= WINDOW {
            self.count = 0;
            self.since = now;
        }
        self.count += 1;
        if self.count >= most {
            self.count = 0;
            self.locked_until = now + LOCK;
        }
    }
}

impl Attempts {
    /// Seconds until this client may try again, if it may not now.
    pub(super) fn locked(&self, now: u64, client: IpAddr) -> Option<u64> {
        let network = masked(client);
        let own = self.clients.iter().find(|(other, _)| *other == network);
        let until = own
            .map_or(0, |(_, tier)| tier.locked_until)
            .max(self.all.locked_until);
        (until > now).then(|| (until - now).div_ceil(1000))
    }

    pub(super) fn fail(&mut self, now: u64, client: IpAddr) {
        self.all.fail(now, IN_ALL);
        let network = masked(client);
        if let Some((_, tier)) = self.clients.iter_mut().find(|(other, _)| *other == network) {
            tier.fail(now, PER_CLIENT);
            return;
        }
        if self.clients.len() == CLIENTS {
            self.clients.remove(0);
        }
        let mut tier = Tier::default();
        tier.fail(now, PER_CLIENT);
        self.clients.push((network, tier));
    }
}

/// The application looks at /24 and /48 only.
fn masked(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            IpAddr::from([a, b, c, 0])
        }
        IpAddr::V6(address) => {
            let bits = u128::from(address) >> 80 << 80;
            IpAddr::V6(Ipv6Addr::from(bits))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn five_of_one_network_lock_that_network_for_half_an_hour() {
        let mut attempts = Attempts::default();
        for last in 1..=4 {
            attempts.fail(0, ip(&format!("203.0.113.{last}")));
        }
        assert_eq!(attempts.locked(0, ip("203.0.113.9")), None);
        attempts.fail(1, ip("::ffff:203.0.113.5"));
        assert_eq!(attempts.locked(1, ip("203.0.113.9")), Some(1800));
        assert_eq!(attempts.locked(1, ip("203.0.114.9")), None);
        assert_eq!(attempts.locked(1_800_001, ip("203.0.113.9")), None);
    }

    #[test]
    fn twenty_in_all_lock_everybody() {
        let mut attempts = Attempts::default();
        for network in 0..19 {
            attempts.fail(0, ip(&format!("2001:db8:{network}::1")));
        }
        assert_eq!(attempts.locked(0, ip("192.0.2.1")), None);
        attempts.fail(0, ip("198.51.100.1"));
        assert_eq!(attempts.locked(0, ip("192.0.2.1")), Some(1800));
    }

    #[test]
    fn attempts_age() {
        let mut attempts = Attempts::default();
        for count in 0..20 {
            attempts.fail(count * WINDOW, ip("192.0.2.1"));
            assert_eq!(attempts.locked(count * WINDOW, ip("192.0.2.1")), None);
        }
    }

    #[test]
    fn networks_are_bounded() {
        let mut attempts = Attempts::default();
        for network in 0..=255u8 {
            attempts.fail(u64::from(network) * LOCK, IpAddr::from([10, 0, network, 1]));
        }
        assert_eq!(attempts.clients.len(), CLIENTS);
    }
}
