//! The addresses of endpoints that have a name: asked for by one task for the process, on the
//! control thread, again and again as the answers run out. Requests never ask; they find what was
//! answered last.

mod resolver;

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use crate::balance::addresses::{Change, Rules};
use crate::config::dns::Dns;
use crate::snapshot::Snapshot;
use crate::upstream::endpoint::{Endpoint, Place};

/// How often new snapshots are noticed.
const LOOK: Duration = Duration::from_millis(250);

/// Resolves the names of the live snapshot's endpoints until it is dropped.
pub async fn watch(live: Arc<ArcSwap<Snapshot>>) {
    let mut names = JoinSet::new();
    let mut generation = 0;
    let mut asked: Option<Dns> = None;
    loop {
        let snapshot = live.load_full();
        if snapshot.generation != generation {
            generation = snapshot.generation;
            names.shutdown().await;
            let dns = &snapshot.config.dns;
            // Other servers may know other answers.
            let at_once = asked.as_ref() != Some(dns);
            for endpoint in snapshot.clusters().flat_map(|cluster| &cluster.endpoints) {
                if matches!(endpoint.place, Place::Name(_)) {
                    names.spawn(keep(endpoint.clone(), dns.clone(), at_once));
                }
            }
            asked = Some(dns.clone());
        }
        drop(snapshot);
        sleep(LOOK).await;
    }
}

/// Keeps one endpoint's addresses fresh for ever.
async fn keep(endpoint: Arc<Endpoint>, dns: Dns, mut at_once: bool) {
    let Place::Name(name) = &endpoint.place else {
        return;
    };
    let rules = Rules {
        least: dns.min_ttl,
        most: dns.max_ttl,
    };
    loop {
        // What an earlier snapshot's task found out lasts as long as it would have.
        let due = endpoint.state.resolved.shown().due();
        if let Some(due) = due.filter(|_| !at_once) {
            sleep_until(due.into()).await;
        }
        at_once = false;
        let answers = resolver::ask(name, &dns.servers).await;
        let now = Instant::now().into_std();
        let change = endpoint.state.resolved.settle(answers, rules, now);
        announce(change, name, &endpoint);
    }
}

/// One log line for a change.
fn announce(change: Option<Change>, name: &str, endpoint: &Endpoint) {
    let (region, url) = (&*endpoint.region, &*endpoint.url);
    let known = endpoint.state.resolved.shown();
    let addresses = known.addresses();
    match change {
        None => {}
        Some(Change::Addresses) => {
            tracing::info!(
                region,
                endpoint = url,
                ?addresses,
                "endpoint's name resolved"
            );
        }
        Some(Change::Failing) if addresses.is_empty() => {
            tracing::warn!(
                region,
                endpoint = url,
                name,
                "endpoint's name does not resolve"
            );
        }
        Some(Change::Failing) => tracing::warn!(
            region,
            endpoint = url,
            name,
            ?addresses,
            "endpoint's name does not resolve any more, its last addresses stay"
        ),
        Some(Change::Recovered) => {
            tracing::info!(
                region,
                endpoint = url,
                ?addresses,
                "endpoint's name resolves again"
            );
        }
    }
}
