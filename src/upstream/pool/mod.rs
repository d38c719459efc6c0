//! Connections to endpoints, kept per thread: taking one contends with nobody.
//!
//! How many requests are where is counted for all threads together, with the endpoint and the region:
//! limits and balance see the whole.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Context;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::asked::Asked;
use super::breaker::Rank;
use super::endpoint::{Cluster, Endpoint, PoolLimits, Timeouts};
use super::failure::Cause;
use super::hosts::{Host, Visit};
use super::state::{EndpointState, RegionState};
use crate::balance::budget::Budget;
use crate::balance::pick::{Candidate, pick};
use crate::limit::block::Block;
use crate::limit::shares::Held;
use crate::net::stream::Stream;

/// A connection ends up to one part in so many of its greatest age before it.
const JITTER: f64 = 10.0;

/// This thread's connections to all endpoints.
#[derive(Default)]
pub struct Pools {
    slots: RefCell<HashMap<u32, Slot>>,
    /// Retry budgets by the number of the region's state. Each thread has its own: together they
    /// allow what one would, shared out as the kernel shares out the requests.
    budgets: RefCell<Vec<Budget>>,
}

#[derive(Default)]
struct Slot {
    idle: Vec<Idle>,
}

/// A connection, and what it was asked.
pub struct Connected {
    /// The connection.
    pub stream: Stream,
    /// The last requests on it.
    pub asked: Asked,
    /// Where it goes, and for how long.
    pub origin: Origin,
}

/// Where a connection goes, and until when it may be used again.
pub struct Origin {
    /// The address, if its endpoint has a name.
    host: Option<Arc<Host>>,
    until: Instant,
}

impl Origin {
    /// Of a connection that is made now. They end at somewhat different times: those that were made
    /// at once are not all made anew at once.
    #[must_use]
    pub fn new(host: Option<Arc<Host>>, now: Instant, age: Duration) -> Self {
        let jitter = age.mul_f64(fastrand::f64() / JITTER);
        Self {
            host,
            until: now + age.saturating_sub(jitter),
        }
    }

    /// Whether another request may go there: name servers still give that address.
    fn is_good(&self, now: Instant) -> bool {
        now < self.until && !self.host.as_ref().is_some_and(|host| host.is_gone())
    }

    fn is_at(&self, host: &Host) -> bool {
        let mine = self.host.as_deref();
        mine.is_some_and(|mine| std::ptr::eq(mine, host))
    }
}

struct Idle {
    connected: Connected,
    since: Instant,
    _counted: Counted,
}

/// An unused connection in its endpoint's count.
struct Counted(Arc<EndpointState>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.idle.give();
    }
}

/// A request's place at an endpoint; gives itself back when dropped.
pub struct Lease {
    pools: Rc<Pools>,
    /// The endpoint.
    pub endpoint: Arc<Endpoint>,
    limits: PoolLimits,
    region: Arc<RegionState>,
    held: Option<Held>,
    /// The address of its name that was chosen, where there is a choice.
    visit: Option<Visit>,
}

/// Why there is no place.
enum NoPlace {
    /// All are taken.
    Full,
    /// The network holds what it may while others want places too.
    Crowded,
    /// No endpoint takes it.
    Other(Cause),
}

impl From<NoPlace> for Cause {
    fn from(why: NoPlace) -> Self {
        match why {
            NoPlace::Full | NoPlace::Crowded => Self::Overloaded,
            NoPlace::Other(cause) => cause,
        }
    }
}

impl Pools {
    /// As [`Pools::lease`], but waits for a place in the region's line where the limits are reached.
    ///
    /// # Errors
    /// As there; [`Cause::Overloaded`] also if the line is full or the wait too long, both counted.
    pub async fn lease_in_line(
        self: &Rc<Self>,
        cluster: &Cluster,
        network: Option<Block>,
        now: Instant,
    ) -> Result<Lease, Cause> {
        let breaker = &cluster.state.breaker;
        if !breaker.has_line() {
            match self.lease(cluster, &[], network, now) {
                Err(Cause::Overloaded) => {}
                found => return found,
            }
        }
        let limits = &cluster.limits;
        let later = |network| breaker.shares.is_later(network, cluster.places(now));
        let rank = if network.is_some_and(later) {
            Rank::Later
        } else {
            Rank::First
        };
        // Those that wait may all be of networks that hold their share.
        if breaker.has_line() && !breaker.has_line_before(rank) {
            match self.lease(cluster, &[], network, now) {
                Err(Cause::Overloaded) => {}
                found => return found,
            }
        }
        let mut place = breaker.enter(rank, limits.queue).ok_or(Cause::Overloaded)?;
        let first_to_end = async {
            loop {
                place.turn().await;
                match self.try_lease(cluster, &[], network, Instant::now()) {
                    Ok(lease) => return Ok(lease),
                    Err(NoPlace::Other(cause)) => return Err(cause),
                    // It would keep the others from places that are free for them.
                    Err(NoPlace::Crowded) if place.is_first() => {
                        drop(place);
                        let later = breaker.enter(Rank::Later, limits.queue);
                        place = later.ok_or(Cause::Overloaded)?;
                    }
                    Err(NoPlace::Full | NoPlace::Crowded) => {}
                }
            }
        };
        timeout_at(now + limits.wait, first_to_end)
            .await
            .unwrap_or_else(|_| {
                breaker.waited_too_long();
                Err(Cause::Overloaded)
            })
    }

    /// Chooses an endpoint of `cluster` that is not in `avoid` and counts one request there. An
    /// ejection counts as long as another endpoint takes requests; what probes call down never does.
    ///
    /// # Errors
    /// [`Cause::NoEndpoint`] if none takes requests, [`Cause::Overloaded`] if all are full or the
    /// region is.
    pub fn lease(
        self: &Rc<Self>,
        cluster: &Cluster,
        avoid: &[u32],
        network: Option<Block>,
        now: Instant,
    ) -> Result<Lease, Cause> {
        let found = self.try_lease(cluster, avoid, network, now);
        if found.is_err() {
            // A place was held for a moment: whoever waits may have looked just then.
            cluster.state.breaker.ended();
        }
        found.map_err(Cause::from)
    }

    fn try_lease(
        self: &Rc<Self>,
        cluster: &Cluster,
        avoid: &[u32],
        network: Option<Block>,
        now: Instant,
    ) -> Result<Lease, NoPlace> {
        let region = &cluster.state;
        let breaker = &region.breaker;
        if !breaker.requests.take(cluster.limits.requests) {
            return Err(NoPlace::Full);
        }
        let held = match network {
            Some(network) if cluster.is_busy() => {
                breaker.shares.enter(network, cluster.places(now))
            }
            _ => Ok(None),
        };
        let Ok(held) = held else {
            breaker.requests.give();
            return Err(NoPlace::Crowded);
        };
        match choose(cluster, avoid, now.into_std()) {
            Ok(endpoint) => Ok(Lease {
                pools: self.clone(),
                endpoint: endpoint.clone(),
                limits: cluster.limits,
                region: region.clone(),
                held,
                visit: endpoint.visit(now.into_std()),
            }),
            Err(cause) => {
                if let Some(held) = held {
                    breaker.shares.leave(held);
                }
                breaker.requests.give();
                Err(match cause {
                    Cause::Overloaded => NoPlace::Full,
                    other => NoPlace::Other(other),
                })
            }
        }
    }

    /// Counts a request to a region, of which a share may be sent again.
    pub fn count(&self, cluster: &Cluster, now: Instant) {
        self.with_budget(cluster, |budget| budget.request(now.into_std()));
    }

    /// Takes one retry from the region's budget, if there is one.
    #[must_use]
    pub fn may_retry(&self, cluster: &Cluster, now: Instant) -> bool {
        let rules = &cluster.rules.retries;
        self.with_budget(cluster, |budget| budget.retry(rules, now.into_std()))
            .unwrap_or(false)
    }

    fn with_budget<T>(&self, cluster: &Cluster, act: impl FnOnce(&mut Budget) -> T) -> Option<T> {
        let mut budgets = self.budgets.borrow_mut();
        let place = cluster.state.id as usize;
        if budgets.len() <= place {
            budgets.resize_with(place + 1, Budget::new);
        }
        budgets.get_mut(place).map(act)
    }

    /// Closes connections that have been unused for too long, are too old, or go to an address that
    /// has left.
    pub fn sweep(&self, now: Instant, kept: Duration) {
        let mut slots = self.slots.borrow_mut();
        for slot in slots.values_mut() {
            slot.idle
                .retain(|idle| now - idle.since < kept && idle.connected.origin.is_good(now));
        }
        slots.retain(|_, slot| !slot.idle.is_empty());
    }

    /// Closes the unused connections to endpoints for which `keep` says no.
    pub fn forget(&self, keep: impl Fn(u32) -> bool) {
        for (id, slot) in self.slots.borrow_mut().iter_mut() {
            if !keep(*id) {
                slot.idle.clear();
            }
        }
    }

    /// Unused connections of this thread.
    #[must_use]
    pub fn idle(&self) -> usize {
        self.slots
            .borrow()
            .values()
            .map(|slot| slot.idle.len())
            .sum()
    }
}

impl Lease {
    /// The region, if this place is one beyond its network's share: then a client that does not take
    /// its answer has to give it up for a request that waits (`Breaker::gives_way`).
    #[must_use]
    pub fn beyond_share(&self) -> Option<&Arc<RegionState>> {
        self.held
            .is_some_and(|held| held.has_share)
            .then_some(&self.region)
    }

    /// The address of its endpoint's name that was chosen.
    #[must_use]
    pub fn host(&self) -> Option<&Host> {
        self.visit.as_ref().map(Visit::host)
    }

    /// A kept connection to the chosen address that is still open as far as anybody knows, newest
    /// first: the older ones may then grow old and be closed.
    pub fn kept(
        &self,
        context: &mut Context<'_>,
        now: Instant,
        timeouts: &Timeouts,
    ) -> Option<Connected> {
        let mut slots = self.pools.slots.borrow_mut();
        let slot = slots.get_mut(&self.endpoint.id)?;
        let host = self.host();
        loop {
            let fits = |idle: &Idle| host.is_none_or(|host| idle.connected.origin.is_at(host));
            let mut idle = slot.idle.remove(slot.idle.iter().rposition(fits)?);
            if now - idle.since < timeouts.pool_idle
                && idle.connected.origin.is_good(now)
                && !idle.connected.stream.is_disturbed(context)
            {
                return Some(idle.connected);
            }
        }
    }

    /// Keeps a connection that can serve another request.
    pub fn keep(&self, connected: Connected, now: Instant) {
        let mut slots = self.pools.slots.borrow_mut();
        let slot = slots.entry(self.endpoint.id).or_default();
        if slot.idle.len() < self.limits.idle && connected.origin.is_good(now) {
            let state = &self.endpoint.state;
            // Bounded by the pools already.
            let _ = state.idle.take(usize::MAX);
            slot.idle.push(Idle {
                connected,
                since: now,
                _counted: Counted(state.clone()),
            });
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.endpoint.state.requests.give();
        if let Some(held) = self.held.take() {
            self.region.breaker.shares.leave(held);
        }
        self.region.breaker.requests.give();
        self.region.breaker.ended();
    }
}

/// Whether the endpoint may have new requests, as far as its health does not matter.
fn may_have(endpoint: &Endpoint, avoid: &[u32]) -> bool {
    endpoint.is_in_use() && !avoid.contains(&endpoint.id) && !endpoint.state.is_withdrawn()
}

/// An endpoint of `cluster` that is not in `avoid`, with one request more.
fn choose<'a>(
    cluster: &'a Cluster,
    avoid: &[u32],
    now: std::time::Instant,
) -> Result<&'a Arc<Endpoint>, Cause> {
    loop {
        let mut full = false;
        let mut candidates: smallvec::SmallVec<[Candidate; 8]> = cluster
            .endpoints
            .iter()
            .map(|endpoint| {
                let load = endpoint.state.requests.now();
                let is_full = load as usize >= cluster.limits.connections;
                full |= is_full;
                let out = is_full || !may_have(endpoint, avoid);
                let share = if out || !endpoint.state.takes_requests(now) {
                    0
                } else {
                    endpoint.state.share(now, cluster.rules.slow_start)
                };
                Candidate {
                    load,
                    weight: endpoint.weight * share,
                }
            })
            .collect();
        if candidates.iter().all(|candidate| candidate.weight == 0) {
            for (candidate, endpoint) in candidates.iter_mut().zip(&cluster.endpoints) {
                let is_full = candidate.load as usize >= cluster.limits.connections;
                let out = is_full || !may_have(endpoint, avoid);
                if !out && !endpoint.state.is_down() {
                    candidate.weight = endpoint.weight;
                }
            }
        }
        let chosen = pick(&candidates, [fastrand::u64(..), fastrand::u64(..)]);
        let Some(endpoint) = chosen.and_then(|i| cluster.endpoints.get(i)) else {
            return Err(if full {
                Cause::Overloaded
            } else {
                Cause::NoEndpoint
            });
        };
        if endpoint.region != cluster.region {
            return Err(Cause::WrongRegion);
        }
        // Another thread may have taken the last place meanwhile; then it is seen as full.
        if endpoint.state.requests.take(cluster.limits.connections) {
            return Ok(endpoint);
        }
    }
}

#[cfg(test)]
mod tests;
