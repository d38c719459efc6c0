//! Buckets of many clients in memory that is fixed, by one rule of replacement that never forgives.
//!
//! A client has one of the eight places of the set that a keyed hash gives it. If all are taken, the
//! newcomer takes the place of whoever owes least *and takes over what that one owes*. The least
//! that is owed in a set therefore never shrinks but by time, and whoever was put out and comes back
//! owes at least what it owed: it can only be served too little, never too much. To be served too
//! little somebody else must keep eight clients of the same set at their limits; the hash is keyed,
//! so that takes as many requests as the rule allows to 65,536 clients.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::block::Block;
use super::bucket::{Full, Rule};

/// Clients in a set: as many as lie in two cache lines.
const WAYS: usize = 8;

/// Sets under one lock: threads hardly ever meet at one of the 64.
const SETS: usize = 128;

const SHARDS: usize = 64;

/// Clients that a table knows at a time; it has a megabyte.
pub const MOST_CLIENTS: usize = SHARDS * SETS * WAYS;

#[derive(Clone, Copy, Default)]
struct Set {
    /// Hashes of the clients; 0 is nobody.
    marks: [u64; WAYS],
    buckets: [Full; WAYS],
}

/// The buckets of one rule.
pub struct Table {
    shards: Box<[Mutex<Box<[Set]>>]>,
    hasher: RandomState,
    epoch: Instant,
}

impl Table {
    /// Everybody's bucket full; no time before `epoch` is told apart from it.
    #[must_use]
    pub fn new(hasher: RandomState, epoch: Instant) -> Self {
        let shard = || Mutex::new(vec![Set::default(); SETS].into_boxed_slice());
        Self {
            shards: (0..SHARDS).map(|_| shard()).collect(),
            hasher,
            epoch,
        }
    }

    /// Takes one token of a client's.
    ///
    /// # Errors
    /// How long until there is one.
    pub fn take(&self, rule: Rule, client: Block, now: Instant) -> Result<(), Duration> {
        let now = self.nanos(now);
        self.with(client, |set, mark| {
            let (place, mut bucket) = set.find(mark);
            let taken = rule.take(&mut bucket, now);
            if taken.is_ok() {
                set.put(place, mark, bucket);
            }
            taken
        })
        .unwrap_or(Ok(()))
    }

    /// How long until a client has a token; `None` if it has one.
    #[must_use]
    pub fn wait(&self, rule: Rule, client: Block, now: Instant) -> Option<Duration> {
        let now = self.nanos(now);
        self.with(client, |set, mark| rule.wait(set.find(mark).1, now))
            .flatten()
    }

    /// Takes one token of a client's, as far as there is one, for what has been done already.
    pub fn charge(&self, rule: Rule, client: Block, now: Instant) {
        let now = self.nanos(now);
        self.with(client, |set, mark| {
            let (place, mut bucket) = set.find(mark);
            rule.charge(&mut bucket, now);
            set.put(place, mark, bucket);
        });
    }

    fn nanos(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.epoch).as_nanos()).unwrap_or(u64::MAX)
    }

    /// Lends the set of a client; `None` never comes, for the numbers are within their ranges.
    fn with<T>(&self, client: Block, act: impl FnOnce(&mut Set, u64) -> T) -> Option<T> {
        let mark = self.hasher.hash_one(client).max(1);
        let (shard, set) = place(mark);
        let mut shard: MutexGuard<'_, _> = self
            .shards
            .get(shard)?
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        Some(act(shard.get_mut(set)?, mark))
    }
}

fn place(mark: u64) -> (usize, usize) {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the parts are cut out on purpose"
    )]
    let low = mark as usize;
    (low % SHARDS, low / SHARDS % SETS)
}

impl Set {
    /// A client's place and bucket; or the place, and the bucket, of whoever owes least.
    fn find(&self, mark: u64) -> (usize, Full) {
        let entries = || self.marks.iter().zip(self.buckets).enumerate();
        let own = entries().find(|(_, (other, _))| **other == mark);
        let least = || entries().min_by_key(|(_, (_, bucket))| *bucket);
        own.or_else(least)
            .map_or_else(Default::default, |(place, (_, bucket))| (place, bucket))
    }

    fn put(&mut self, place: usize, mark: u64, bucket: Full) {
        if let (Some(to), Some(full)) = (self.marks.get_mut(place), self.buckets.get_mut(place)) {
            *to = mark;
            *full = bucket;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limit::block::Prefixes;
    use proptest::prelude::*;
    use std::collections::HashMap;
    use std::net::IpAddr;

    fn client(number: u32) -> Block {
        let whole = Prefixes { v4: 32, v6: 64 };
        whole.block(IpAddr::from(number.to_be_bytes()))
    }

    /// Clients that share the set of the first.
    fn neighbours(table: &Table, count: usize) -> Vec<Block> {
        let set = |block| place(table.hasher.hash_one(block).max(1));
        let first = set(client(0));
        (0..)
            .map(client)
            .filter(|block| set(*block) == first)
            .take(count)
            .collect()
    }

    #[test]
    fn clients_do_not_share_a_bucket() {
        let now = Instant::now();
        let table = Table::new(RandomState::new(), now);
        let rule = Rule::new(2, Duration::from_secs(1));
        for number in 0..1_000 {
            assert_eq!(table.take(rule, client(number), now), Ok(()));
        }
        assert_eq!(table.take(rule, client(7), now), Ok(()));
        let wait = table.take(rule, client(7), now);
        assert_eq!(wait, Err(Duration::from_secs(1)));
        assert_eq!(table.wait(rule, client(7), now), wait.err());
        assert_eq!(table.wait(rule, client(8), now), None);
    }

    #[test]
    fn being_put_out_forgives_nothing() {
        let now = Instant::now();
        let table = Table::new(RandomState::new(), now);
        let rule = Rule::new(10, Duration::from_secs(1));
        let crowd = neighbours(&table, 40);
        let busy = crowd[0];
        while table.take(rule, busy, now).is_ok() {}
        // Those who owe one token each put each other out, never the one who owes ten.
        for other in &crowd[1..] {
            let _ = table.take(rule, *other, now);
        }
        assert!(table.take(rule, busy, now).is_err());
        // With all at their limit, whoever comes is at it too, until time has passed.
        for _ in 0..20 {
            for other in &crowd {
                let _ = table.take(rule, *other, now);
            }
        }
        assert!(
            crowd
                .iter()
                .all(|one| table.wait(rule, *one, now).is_some())
        );
        let later = now + Duration::from_secs(1);
        assert_eq!(table.take(rule, busy, later), Ok(()));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// However a set is crowded: nobody has more in any window than the rule says.
        #[test]
        fn no_crowd_gets_anybody_more(
            burst in 1_u32..6,
            every in 1_u64..20,
            steps in proptest::collection::vec((0_usize..24, 0_u64..4, any::<bool>()), 1..400),
        ) {
            let epoch = Instant::now();
            let table = Table::new(RandomState::new(), epoch);
            let crowd = neighbours(&table, 24);
            let rule = Rule::new(burst, Duration::from_nanos(every));
            let mut taken: HashMap<usize, Vec<u64>> = HashMap::new();
            let mut now = 0;
            for (who, gap, charges) in steps {
                now += gap;
                let at = epoch + Duration::from_nanos(now);
                if charges {
                    table.charge(rule, crowd[who], at);
                } else if table.take(rule, crowd[who], at).is_ok() {
                    taken.entry(who).or_default().push(now);
                }
            }
            for times in taken.values() {
                for (i, from) in times.iter().enumerate() {
                    for (j, to) in times.iter().enumerate().skip(i) {
                        prop_assert!((j - i + 1) as u64 <= u64::from(burst) + (to - from) / every);
                    }
                }
            }
        }
    }
}
