//! The buckets of all clients: one for new connections, one for each kind of request,
//! one for keys that are not known, one for refusals.

use std::hash::RandomState;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::block::Prefixes;
use super::bucket::Rule;
use super::table::Table;

/// What is limited.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// New connections.
    Connect,
    /// Requests that create something.
    Create,
    /// Requests that consume something.
    Consume,
    /// Requests that read.
    Read,
    /// Requests for what is the same for everybody.
    Static,
    /// Keys that their region does not know.
    Unknown,
    /// Answers with which the gateway itself refuses.
    Refused,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Connect,
        Self::Create,
        Self::Consume,
        Self::Read,
        Self::Static,
        Self::Unknown,
        Self::Refused,
    ];

    /// The word of answers and metrics for having had too many.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Connect => "too-many-connections",
            Self::Create => "too-many-creates",
            Self::Consume => "too-many-consumes",
            Self::Read => "too-many-reads",
            Self::Static => "too-many-requests",
            Self::Unknown => "too-many-unknown-keys",
            Self::Refused => "too-many-refusals",
        }
    }
}

/// The rules by kind, and who is one client. A kind without a rule is not limited.
#[derive(Clone, Copy, Debug)]
pub struct Rates {
    /// In the order of [`Kind::ALL`].
    pub rules: [Option<Rule>; Kind::ALL.len()],
    /// Who is one client.
    pub client: Prefixes,
}

impl Rates {
    /// Whether there is a rule for a kind.
    #[must_use]
    pub fn limit(&self, kind: Kind) -> bool {
        self.rules.get(kind as usize).is_some_and(Option::is_some)
    }
}

/// Everybody's buckets, of all threads and under whatever rules: they outlive a reload.
pub struct Ledger {
    tables: [Table; Kind::ALL.len()],
}

impl Ledger {
    /// All buckets full.
    #[must_use]
    pub fn new(epoch: Instant) -> Self {
        Self {
            tables: Kind::ALL.map(|_| Table::new(RandomState::new(), epoch)),
        }
    }

    /// Takes one token.
    ///
    /// # Errors
    /// How long until there is one.
    pub fn take(
        &self,
        rates: &Rates,
        kind: Kind,
        client: IpAddr,
        now: Instant,
    ) -> Result<(), Duration> {
        match self.of(rates, kind) {
            Some((rule, table)) => table.take(rule, rates.client.block(client), now),
            None => Ok(()),
        }
    }

    /// How long until there is a token; `None` if there is one.
    #[must_use]
    pub fn wait(
        &self,
        rates: &Rates,
        kind: Kind,
        client: IpAddr,
        now: Instant,
    ) -> Option<Duration> {
        let (rule, table) = self.of(rates, kind)?;
        table.wait(rule, rates.client.block(client), now)
    }

    /// Takes one token, as far as there is one, for what has been done already.
    pub fn charge(&self, rates: &Rates, kind: Kind, client: IpAddr, now: Instant) {
        if let Some((rule, table)) = self.of(rates, kind) {
            table.charge(rule, rates.client.block(client), now);
        }
    }

    fn of(&self, rates: &Rates, kind: Kind) -> Option<(Rule, &Table)> {
        let place = kind as usize;
        Some(((*rates.rules.get(place)?)?, self.tables.get(place)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_do_not_share_and_one_without_a_rule_is_free() {
        let now = Instant::now();
        let ledger = Ledger::new(now);
        let rule = Rule::new(1, Duration::from_secs(1));
        let rates = Rates {
            rules: Kind::ALL.map(|kind| (kind != Kind::Read).then_some(rule)),
            client: Prefixes { v4: 32, v6: 64 },
        };
        let client = IpAddr::from([192, 0, 2, 1]);
        for kind in Kind::ALL {
            let first = ledger.take(&rates, kind, client, now);
            let second = ledger.take(&rates, kind, client, now);
            assert_eq!(first, Ok(()), "{kind:?}");
            assert_eq!(second.is_ok(), kind == Kind::Read, "{kind:?}");
            assert_eq!(
                ledger.wait(&rates, kind, client, now).is_none(),
                kind == Kind::Read
            );
        }
    }
}
