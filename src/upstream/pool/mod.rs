//! Connections to endpoints, kept per thread: taking one contends with nobody.
//!
//! How many requests are where is counted for all threads together, with the endpoint and the region:
//! limits and balance see the whole.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Context;

use tokio::time::{Instant, timeout_at};

use super::asked::Asked;
use super::endpoint::{Cluster, Endpoint, PoolLimits, Timeouts};
use super::failure::Cause;
use super::state::{EndpointState, RegionState};
use crate::balance::budget::Budget;
use crate::balance::pick::{Candidate, pick};
use crate::net::stream::Stream;

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
}

impl Pools {
    /// As [`Pools::lease`], but waits for a place in the region's line where the limits are reached.
    ///
    /// # Errors
    /// As there; [`Cause::Overloaded`] also if the line is full or the wait too long, both counted.
    pub async fn lease_in_line(
        self: &Rc<Self>,
        cluster: &Cluster,
        now: Instant,
    ) -> Result<Lease, Cause> {
        let breaker = &cluster.state.breaker;
        if !breaker.has_line() {
            match self.lease(cluster, &[], now) {
                Err(Cause::Overloaded) => {}
                found => return found,
            }
        }
        let limits = &cluster.limits;
        let place = breaker.enter(limits.queue).ok_or(Cause::Overloaded)?;
        let first_to_end = async {
            loop {
                place.turn().await;
                match self.try_lease(cluster, &[], Instant::now()) {
                    Err(Cause::Overloaded) => {}
                    found => return found,
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
        now: Instant,
    ) -> Result<Lease, Cause> {
        let found = self.try_lease(cluster, avoid, now);
        if found.is_err() {
            // A place was held for a moment: whoever waits may have looked just then.
            cluster.state.breaker.ended();
        }
        found
    }

    fn try_lease(
        self: &Rc<Self>,
        cluster: &Cluster,
        avoid: &[u32],
        now: Instant,
    ) -> Result<Lease, Cause> {
        let region = &cluster.state;
        if !region.breaker.requests.take(cluster.limits.requests) {
            return Err(Cause::Overloaded);
        }
        match choose(cluster, avoid, now.into_std()) {
            Ok(endpoint) => Ok(Lease {
                pools: self.clone(),
                endpoint: endpoint.clone(),
                limits: cluster.limits,
                region: region.clone(),
            }),
            Err(cause) => {
                region.breaker.requests.give();
                Err(cause)
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

    /// Closes connections that have been unused for too long.
    pub fn sweep(&self, now: Instant, kept: std::time::Duration) {
        let mut slots = self.slots.borrow_mut();
        for slot in slots.values_mut() {
            slot.idle.retain(|idle| now - idle.since < kept);
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
    /// A kept connection that is still open as far as anybody knows, newest first: the older ones
    /// may then grow old and be closed.
    pub fn kept(
        &self,
        context: &mut Context<'_>,
        now: Instant,
        timeouts: &Timeouts,
    ) -> Option<Connected> {
        let mut slots = self.pools.slots.borrow_mut();
        let slot = slots.get_mut(&self.endpoint.id)?;
        while let Some(mut idle) = slot.idle.pop() {
            if now - idle.since < timeouts.pool_idle && !idle.connected.stream.is_disturbed(context)
            {
                return Some(idle.connected);
            }
        }
        None
    }

    /// Keeps a connection that can serve another request.
    pub fn keep(&self, connected: Connected, now: Instant) {
        let mut slots = self.pools.slots.borrow_mut();
        let slot = slots.entry(self.endpoint.id).or_default();
        if slot.idle.len() < self.limits.idle {
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
