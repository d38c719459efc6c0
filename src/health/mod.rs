//! Active health checks: one prober for the process, on the control thread. What it finds goes into
//! the endpoints' shared state, where all threads read it.
//!
//! Every endpoint has a task of its own, which ends with the snapshot that it was started for: a
//! reload starts them anew, within a second, while what they have found stays with the endpoints.

pub mod probe;

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::balance::backoff::{around, scaled};
use crate::balance::health::ProbeRules;
use crate::config::health::Health;
use crate::snapshot::Snapshot;
use crate::upstream::endpoint::{Cluster, Endpoint, Timeouts};
use crate::upstream::failure::Cause;
use crate::upstream::state::announce;

/// How often ejections that ended and new snapshots are noticed.
const LOOK: Duration = Duration::from_millis(250);

/// A new endpoint is probed for the first time within so long, not all at the same moment.
const FIRST_WITHIN: Duration = Duration::from_secs(1);

/// Probes the live snapshot's endpoints until it is dropped. `ejected` is told of ejections that
/// no request was there to count: the region's name, and how many.
pub async fn watch(live: Arc<ArcSwap<Snapshot>>, ejected: impl Fn(&str, usize)) {
    let mut probers = JoinSet::new();
    let mut generation = 0;
    loop {
        let snapshot = live.load_full();
        if snapshot.generation != generation {
            generation = snapshot.generation;
            // A probe that is cut short says nothing.
            probers.shutdown().await;
            start(&snapshot, &mut probers);
        }
        let now = Instant::now().into_std();
        for cluster in snapshot.clusters() {
            match cluster.look(now) {
                0 => {}
                count => ejected(&cluster.region, count),
            }
        }
        drop(snapshot);
        sleep(LOOK).await;
    }
}

fn start(snapshot: &Snapshot, probers: &mut JoinSet<()>) {
    for cluster in snapshot.clusters() {
        let mut regions = snapshot.config.regions.values();
        let health = regions
            .find(|region| region.name.as_str() == &*cluster.region)
            .and_then(|region| region.health.clone());
        for endpoint in &cluster.endpoints {
            match &health {
                Some(health) => {
                    let prober = run(cluster.clone(), endpoint.clone(), health.clone());
                    probers.spawn(prober);
                }
                None => {
                    let now = Instant::now().into_std();
                    announce(endpoint.state.unprobed(now), endpoint, "");
                }
            }
        }
    }
}

/// Probes one endpoint for ever.
async fn run(cluster: Arc<Cluster>, endpoint: Arc<Endpoint>, health: Health) {
    let rules = ProbeRules {
        rise: health.rise,
        fall: health.fall,
    };
    let timeouts = Timeouts {
        connect: health.timeout,
        ..cluster.timeouts
    };
    sleep(scaled(health.interval.min(FIRST_WITHIN), fastrand::u64(..))).await;
    loop {
        let found = probe::probe(&endpoint, &health, &timeouts).await;
        if found == Err(probe::Finding::Unreachable(Cause::Overloaded)) {
            // It is this process that had no descriptor left: nothing was learnt.
            sleep(around(health.interval, fastrand::u64(..))).await;
            continue;
        }
        let now = Instant::now().into_std();
        let cause = found.err().map(|finding| probe::words(finding, &health));
        let change = endpoint.state.probed(found.is_ok(), &rules, now);
        announce(change, &endpoint, cause.as_deref().unwrap_or_default());
        endpoint.state.found(cause);
        let interval = if endpoint.state.is_down() {
            health.fast_interval.min(health.interval)
        } else {
            health.interval
        };
        sleep(around(interval, fastrand::u64(..))).await;
    }
}

#[cfg(test)]
mod tests;
