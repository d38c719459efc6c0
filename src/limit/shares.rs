//! Who holds the places of something that many share: counts by network, and the rule by which a
//! network gets one more while places are scarce.
//!
//! The rule is that of dynamic thresholds in shared-memory switches (Choudhury and Hahne, 1998): a
//! network gets a place while it holds fewer than a part of those that are free. Each network that
//! takes what it can leaves most of the rest to the next, so one that holds nothing is served at once.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::block::Block;

/// Locks, so that threads seldom wait for each other.
const SHARDS: usize = 32;

/// Until this part of the places is taken, nobody is counted.
const UNCOUNTED: usize = 4;

/// A network holds at most this part of the free places. The first of many that take what they can
/// gets 15 of 100 places, and after ten of them 8 are still free.
const OF_FREE: usize = 4;

/// A network that holds this part of the places has its share: it waits behind those that hold less.
const SHARE: usize = 10;

/// After another network was seen, one that holds all counted places is not taken for alone, in
/// milliseconds.
const MEMORY: u64 = 10_000;

/// Counts by network.
#[derive(Debug, Default)]
pub struct Shares {
    shards: [Mutex<HashMap<Block, u32>>; SHARDS],
    hasher: RandomState,
    counted: AtomicU32,
    others_until: AtomicU64,
}

/// The places, at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Places {
    /// How many there are.
    pub all: usize,
    /// How many are taken, the one in question included.
    pub taken: usize,
    /// The time, in milliseconds.
    pub now: u64,
}

impl Places {
    /// A network that holds this many gets no further one.
    fn most(self) -> usize {
        let free = (self.all + 1).saturating_sub(self.taken);
        free.div_ceil(OF_FREE).max(1)
    }
}

/// A network that holds what it may for now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Crowded;

/// A counted place. `has_share` is whether its network had its share without it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Held {
    network: Block,
    /// Whether its network held its share already.
    pub has_share: bool,
}

impl Shares {
    /// Counts a place of a network, if places are scarce; `None` if they are not. A network that is
    /// alone may have them all.
    ///
    /// # Errors
    /// [`Crowded`]: the network has to wait; nothing was counted.
    pub fn enter(&self, network: Block, places: Places) -> Result<Option<Held>, Crowded> {
        let Places { all, taken, now } = places;
        if taken <= all / UNCOUNTED {
            return Ok(None);
        }
        let mut counts = self.shard(network);
        let own = counts.get(&network).copied().unwrap_or(0);
        let is_alone = own == self.counted.load(Relaxed);
        if !is_alone {
            self.others_until.store(now + MEMORY, Relaxed);
        }
        let held = own as usize;
        let may = held < places.most() || (is_alone && now >= self.others_until.load(Relaxed));
        if !may {
            return Err(Crowded);
        }
        counts.insert(network, own + 1);
        self.counted.fetch_add(1, Relaxed);
        Ok(Some(Held {
            network,
            has_share: held >= share(all),
        }))
    }

    /// Whether a network holds so many that it has to wait behind others.
    #[must_use]
    pub fn is_later(&self, network: Block, places: Places) -> bool {
        let own = self.shard(network).get(&network).copied();
        own.unwrap_or(0) as usize >= places.most().min(share(places.all))
    }

    /// Gives a place back.
    pub fn leave(&self, held: Held) {
        let mut counts = self.shard(held.network);
        if let Some(count) = counts.get_mut(&held.network) {
            self.counted.fetch_sub(1, Relaxed);
            *count -= 1;
            if *count == 0 {
                counts.remove(&held.network);
            }
        }
    }

    fn shard(&self, network: Block) -> MutexGuard<'_, HashMap<Block, u32>> {
        let hash = usize::try_from(self.hasher.hash_one(network) % SHARDS as u64).unwrap_or(0);
        let [first, ..] = &self.shards;
        let shard = self.shards.get(hash).unwrap_or(first);
        // Every step leaves the counts whole.
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn share(all: usize) -> usize {
    (all / SHARE).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limit::block::Prefixes;
    use proptest::prelude::*;
    use std::net::IpAddr;

    fn network(number: u8) -> Block {
        let whole = Prefixes { v4: 24, v6: 48 };
        whole.block(IpAddr::from([10, 0, number, 1]))
    }

    /// Networks that take what they can, in turn, of `all` places; what each holds in the end.
    fn fill(shares: &Shares, all: usize, networks: u8) -> Vec<usize> {
        let mut holds = vec![0; networks.into()];
        let mut taken = 0;
        loop {
            let before = taken;
            for number in 0..networks {
                let places = Places {
                    all,
                    taken: taken + 1,
                    now: 1,
                };
                if taken < all && shares.enter(network(number), places).is_ok() {
                    holds[usize::from(number)] += 1;
                    taken += 1;
                }
            }
            if taken == before {
                return holds;
            }
        }
    }

    #[test]
    fn a_network_that_is_alone_has_all_places() {
        for all in [1, 2, 20, 2_000] {
            assert_eq!(fill(&Shares::default(), all, 1), [all]);
        }
    }

    #[test]
    fn however_many_networks_take_what_they_can_the_next_one_is_served_at_once() {
        for (all, networks) in [
            (2_000, 2),
            (2_000, 5),
            (2_000, 20),
            (2_000, 60),
            (100, 5),
            (20, 3),
        ] {
            let shares = Shares::default();
            let holds = fill(&shares, all, networks);
            let taken: usize = holds.iter().sum();
            let least = (all - all / UNCOUNTED) / (usize::from(networks) + OF_FREE);
            assert!(all - taken >= least.max(1), "{all} {holds:?}");
            let places = Places {
                all,
                taken: taken + 1,
                now: 1,
            };
            assert!(
                shares.enter(network(200), places).is_ok(),
                "{all} {holds:?}"
            );
        }
    }

    /// Each takes what it can before the next one comes.
    #[test]
    fn ten_networks_one_after_another_leave_a_twelfth() {
        let (shares, all, mut taken) = (Shares::default(), 2_000, all_uncounted(2_000));
        shares.others_until.store(u64::MAX, Relaxed);
        for number in 0..10 {
            let places = |taken| Places {
                all,
                taken: taken + 1,
                now: 1,
            };
            while shares.enter(network(number), places(taken)).is_ok() {
                taken += 1;
            }
        }
        assert!(all - taken > all / 13, "{taken}");
    }

    const fn all_uncounted(all: usize) -> usize {
        all / UNCOUNTED
    }

    #[test]
    fn a_network_that_was_seen_lately_keeps_its_room() {
        let shares = Shares::default();
        let enter = |number, taken, now| {
            shares
                .enter(
                    network(number),
                    Places {
                        all: 20,
                        taken,
                        now,
                    },
                )
                .map(|held| held.is_some())
        };
        for taken in 6..=12 {
            assert_eq!(enter(1, taken, 1), Ok(true));
        }
        let seen = Places {
            all: 20,
            taken: 13,
            now: 1,
        };
        let held = shares
            .enter(network(2), seen)
            .expect("room")
            .expect("counted");
        shares.leave(held);
        // It holds 7 of the places that are counted, and 8 are free.
        assert_eq!(enter(1, 13, 2), Err(Crowded));
        assert_eq!(enter(1, 13, 1 + MEMORY), Ok(true));
        let places = Places {
            all: 20,
            taken: 14,
            now: 2,
        };
        assert!(shares.is_later(network(1), places) && !shares.is_later(network(2), places));
    }

    proptest! {
        #[test]
        fn counts_end_with_nothing(steps: Vec<(u8, bool, u8)>) {
            let shares = Shares::default();
            let mut inside = Vec::new();
            for (number, leaves, which) in steps {
                if leaves && !inside.is_empty() {
                    let held = inside.swap_remove(usize::from(which) % inside.len());
                    shares.leave(held);
                } else {
                    let places = Places { all: 40, taken: 12 + inside.len().min(28), now: 1 };
                    if let Ok(Some(held)) = shares.enter(network(number % 5), places) {
                        inside.push(held);
                    }
                }
                let counted = shares.counted.load(Relaxed) as usize;
                prop_assert_eq!(counted, inside.len());
            }
            for held in inside {
                shares.leave(held);
            }
            prop_assert!(shares.shards.iter().all(|shard| shard.lock().expect("whole").is_empty()));
        }
    }
}
