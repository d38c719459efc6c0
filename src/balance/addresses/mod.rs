//! What a name stands for: the addresses of its last good answer, when to ask again, and in which
//! order they are tried. An answer that does not come leaves the addresses as they are.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The longest time between two questions after the first that was not answered.
const MOST_BACKOFF: Duration = Duration::from_secs(30);

/// As many addresses of one family are used, the lowest ones: whoever connects tries one after the
/// other, and an answer over TCP has room for thousands.
const MOST_ADDRESSES: usize = 32;

/// How long answers are believed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rules {
    /// No shorter, whatever an answer says.
    pub least: Duration,
    /// No longer.
    pub most: Duration,
}

/// What a name server said of one family of addresses.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Answer {
    /// These, for so long. None is an answer too.
    Addresses(Vec<IpAddr>, Duration),
    /// Nothing that could be used.
    Missing,
}

/// What is worth a line in the log.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Change {
    /// The name stands for other addresses.
    Addresses,
    /// The first question in a row that was not answered, or whose answer has no address.
    Failing,
    /// Answered again, with the addresses of before.
    Recovered,
}

/// One name.
#[derive(Clone, Debug, Default)]
pub struct Resolution {
    addresses: Arc<[IpAddr]>,
    answered: Option<Instant>,
    due: Option<Instant>,
    failures: u32,
    good: u64,
    failed: u64,
}

impl Resolution {
    /// Takes in the answers to one question, IPv6 and IPv4. A family without an answer keeps its
    /// addresses; with no answer, or no address at all, the question has failed.
    pub fn settle(&mut self, answers: [Answer; 2], rules: Rules, now: Instant) -> Option<Change> {
        let [v6, v4] = answers;
        let (mut found, mut ttl) = (Vec::new(), rules.most);
        let nothing = v6 == Answer::Missing && v4 == Answer::Missing;
        for (is_v6, answer) in [(true, v6), (false, v4)] {
            match answer {
                Answer::Addresses(mut addresses, lasts) => {
                    // How long the lack of a family is to be believed says nothing about the rest.
                    if !addresses.is_empty() {
                        ttl = ttl.min(lasts);
                    }
                    addresses.sort_unstable();
                    addresses.dedup();
                    found.extend(addresses.into_iter().take(MOST_ADDRESSES));
                }
                Answer::Missing => {
                    found.extend(self.addresses.iter().filter(|one| one.is_ipv6() == is_v6));
                    ttl = rules.least;
                }
            }
        }
        // Name servers rotate their answers; that is no change.
        found.sort_unstable();
        found.dedup();
        if nothing || found.is_empty() {
            self.failed += 1;
            self.failures = self.failures.saturating_add(1);
            let doublings = (self.failures - 1).min(10);
            let wait = (rules.least * (1 << doublings)).min(MOST_BACKOFF.max(rules.least));
            self.due = Some(now + wait);
            return (self.failures == 1).then_some(Change::Failing);
        }
        self.good += 1;
        self.answered = Some(now);
        self.due = Some(now + ttl.max(rules.least).min(rules.most));
        let recovered = std::mem::take(&mut self.failures) > 0;
        if *found != *self.addresses {
            self.addresses = found.into();
            return Some(Change::Addresses);
        }
        recovered.then_some(Change::Recovered)
    }

    /// The addresses of the last good answer, without order.
    #[must_use]
    pub const fn addresses(&self) -> &Arc<[IpAddr]> {
        &self.addresses
    }

    /// When to ask again; `None` before the first time.
    #[must_use]
    pub const fn due(&self) -> Option<Instant> {
        self.due
    }

    /// When the last good answer came.
    #[must_use]
    pub const fn answered(&self) -> Option<Instant> {
        self.answered
    }

    /// Questions ever that had a good answer, and that had none.
    #[must_use]
    pub const fn counts(&self) -> (u64, u64) {
        (self.good, self.failed)
    }

    /// Questions in a row without a good answer.
    #[must_use]
    pub const fn failures(&self) -> u32 {
        self.failures
    }
}

/// The address that is reached, whatever the spelling: the IPv4 address in an IPv4-mapped one (RFC
/// 4291 section 2.5.5.2) and in one of the well-known prefix of NAT64 (RFC 6052 section 2.1), and the
/// loopback address for the unspecified one, as Linux connects.
#[must_use]
pub fn canonical(address: IpAddr) -> IpAddr {
    let address = match address.to_canonical() {
        IpAddr::V6(v6) => match v6.segments() {
            [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
                Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)).into()
            }
            _ => v6.into(),
        },
        v4 => v4,
    };
    match address {
        IpAddr::V4(v4) if v4.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(v6) if v6.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        other => other,
    }
}

/// A name as it is compared: lower case, and without the dot that only says that it is absolute.
#[must_use]
pub fn canonical_name(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

/// The addresses in the order in which to try them (RFC 8305 section 4): the families by turns,
/// IPv6 first, each beginning one further at every `turn`, so that all are used alike.
#[must_use]
pub fn in_order(addresses: &[IpAddr], turn: usize) -> Vec<IpAddr> {
    let family = |is_v6: bool| {
        let members = addresses.iter().filter(move |one| one.is_ipv6() == is_v6);
        let count = members.clone().count();
        let first = turn.checked_rem(count).unwrap_or(0);
        members.cycle().skip(first).take(count).copied()
    };
    let (mut v6, mut v4) = (family(true), family(false));
    let mut ordered = Vec::with_capacity(addresses.len());
    while ordered.len() < addresses.len() {
        ordered.extend(v6.next());
        ordered.extend(v4.next());
    }
    ordered
}

#[cfg(test)]
mod tests;
