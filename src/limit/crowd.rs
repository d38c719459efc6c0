//! Requests in flight, by client and by network: what is slow on purpose costs its sender nothing, and
//! takes a place from somebody else for as long as it lasts.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::block::Block;
use super::connections::{ConnectionRules, Connections, Full, Place};

/// Locks, so that threads seldom wait for each other.
const SHARDS: usize = 64;

/// Those of all threads.
pub struct Crowd {
    shards: [Mutex<Connections>; SHARDS],
    hasher: RandomState,
}

/// What a request is counted under until it is given back.
#[derive(Debug)]
#[must_use = "a place that is not given back is taken for ever"]
pub struct Standing {
    shard: usize,
    place: Place,
}

impl Standing {
    /// The network that it is counted under.
    #[must_use]
    pub const fn network(&self) -> Block {
        self.place.network()
    }
}

impl Crowd {
    /// Nobody.
    #[must_use]
    pub fn new(hasher: RandomState) -> Self {
        Self {
            shards: std::array::from_fn(|_| Mutex::default()),
            hasher,
        }
    }

    /// Counts one more request of `address`, by the same rules as connections.
    ///
    /// # Errors
    /// [`Full`]: it was not counted.
    pub fn enter(&self, address: IpAddr, rules: &ConnectionRules) -> Result<Standing, Full> {
        // A network is in one shard with all its clients.
        let hash = self.hasher.hash_one(rules.network.block(address));
        let shard = usize::try_from(hash % SHARDS as u64).unwrap_or(0);
        let Some(mut inside) = self.lock(shard) else {
            return Err(Full::Network);
        };
        let place = inside.enter(address, rules)?;
        Ok(Standing { shard, place })
    }

    /// Gives a place back.
    pub fn leave(&self, standing: Standing) {
        if let Some(mut inside) = self.lock(standing.shard) {
            inside.leave(standing.place);
        }
    }

    fn lock(&self, shard: usize) -> Option<MutexGuard<'_, Connections>> {
        let shard = self.shards.get(shard)?;
        // Every step leaves the counts whole.
        Some(shard.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limit::block::Prefixes;

    #[test]
    fn who_stands_in_a_crowd_is_limited_with_its_network_and_no_other() {
        let crowd = Crowd::new(RandomState::new());
        let rules = ConnectionRules {
            client: Prefixes { v4: 32, v6: 64 },
            per_client: 2,
            network: Prefixes { v4: 24, v6: 48 },
            per_network: 3,
        };
        let enter = |address: &str| crowd.enter(address.parse().expect("an address"), &rules);
        let first = enter("192.0.2.1").expect("room");
        let second = enter("192.0.2.1").expect("room");
        assert_eq!(enter("192.0.2.1").expect_err("no room"), Full::Client);
        let third = enter("192.0.2.2").expect("room");
        assert_eq!(enter("192.0.2.3").expect_err("no room"), Full::Network);
        for number in 0..200 {
            drop(enter(&format!("198.51.{number}.1")).expect("room"));
        }
        for standing in [first, second, third] {
            crowd.leave(standing);
        }
        assert!(enter("192.0.2.1").is_ok());
    }
}
