//! Regions and endpoints as they are now: for the admin page and for a scrape.

use std::time::Instant;

use serde_json::{Value, json};

use crate::balance::health::{FULL_SHARE, Standing};
use crate::reload::Reloader;
use crate::telemetry::breakers::{self, BreakerSample};
use crate::telemetry::endpoints::{self, EndpointSample, NameSample};
use crate::telemetry::{Telemetry, certificates};
use crate::upstream::endpoint::{Cluster, Endpoint, Place};
use crate::upstream::state::Shown;

/// All metrics as text.
pub(super) fn metrics(reloader: &Reloader, telemetry: &Telemetry) -> String {
    let now = Instant::now();
    let snapshot = reloader.live.load_full();
    let mut samples = Vec::new();
    for cluster in snapshot.clusters() {
        for endpoint in &cluster.endpoints {
            let shown = endpoint.state.shown(now, cluster.rules.slow_start);
            samples.push(EndpointSample {
                region: &cluster.region,
                endpoint: &endpoint.url,
                up: shown.standing != Standing::Down,
                ejected: matches!(shown.standing, Standing::Ejected(_)),
                share: share(endpoint, &shown),
                good_probes: shown.good_probes,
                bad_probes: shown.bad_probes,
                outside: endpoint.state.outside.count(),
                requests: endpoint.state.requests.now(),
                idle: endpoint.state.idle.now(),
                name: name(endpoint, now),
            });
        }
    }
    let mut text = telemetry.render();
    text.push_str(&endpoints::render(&samples));
    let samples: Vec<_> = snapshot.clusters().map(|one| breaker(one)).collect();
    text.push_str(&breakers::render(&samples));
    let held = snapshot.certificates.certificates().iter();
    text.push_str(&certificates::render(held.map(|one| {
        (one.names.first().map_or("", String::as_str), one.not_after)
    })));
    text
}

/// What `GET /regions` shows.
pub(super) fn regions(reloader: &Reloader) -> Value {
    let now = Instant::now();
    let snapshot = reloader.live.load_full();
    let regions = snapshot.regions().iter().map(|(_, region)| {
        let name = region.name().as_str();
        let cluster = snapshot.clusters().find(|cluster| &*cluster.region == name);
        let endpoints = cluster.map(|cluster| {
            let shown = cluster.endpoints.iter();
            shown
                .map(|one| endpoint(cluster, one, now))
                .collect::<Vec<_>>()
        });
        json!({
            "region": name,
            "jurisdiction": region.jurisdiction(),
            "host": region.host(),
            "available": cluster.is_some_and(|cluster| cluster.is_available()),
            "breaker": cluster.map(|cluster| {
                let now = breaker(cluster);
                json!({
                    "open": now.open,
                    "requests": now.requests,
                    "limit": cluster.limits.requests,
                    "waiting": now.waiting,
                    "refused": { "queue_full": now.queue_full, "queue_timeout": now.queue_timeout },
                })
            }),
            "endpoints": endpoints.unwrap_or_default(),
        })
    });
    json!({ "generation": snapshot.generation, "regions": regions.collect::<Vec<_>>() })
}

fn endpoint(cluster: &Cluster, endpoint: &Endpoint, now: Instant) -> Value {
    let shown = endpoint.state.shown(now, cluster.rules.slow_start);
    let ejected_for = match shown.standing {
        Standing::Ejected(until) => Some((until - now).as_secs_f64()),
        Standing::Up | Standing::Down => None,
    };
    json!({
        "url": endpoint.url,
        "weight": endpoint.weight,
        "drain": endpoint.drain,
        "state": shown.standing.label(),
        "share": share(endpoint, &shown),
        "failures_in_a_row": shown.failures,
        "ejections_in_a_row": shown.ejections,
        "ejected_for_seconds": ejected_for,
        "addresses_outside_networks": endpoint.state.outside.count(),
        "requests": endpoint.state.requests.now(),
        "limit": cluster.limits.connections,
        "idle_connections": endpoint.state.idle.now(),
        "addresses": resolved(endpoint, now),
        "probes": {
            "good": shown.good_probes,
            "bad": shown.bad_probes,
            "wrong": endpoint.state.finding(),
        },
    })
}

/// A region's breaker as it is now.
fn breaker(cluster: &Cluster) -> BreakerSample<'_> {
    let breaker = &cluster.state.breaker;
    let (queue_full, queue_timeout) = breaker.refused();
    BreakerSample {
        region: &cluster.region,
        open: cluster.is_full(),
        requests: breaker.requests.now(),
        waiting: breaker.waiting(),
        queue_full,
        queue_timeout,
    }
}

/// What is known of an endpoint's name; `None` for an address.
fn name(endpoint: &Endpoint, now: Instant) -> Option<NameSample> {
    if !matches!(endpoint.place, Place::Name(_)) {
        return None;
    }
    let known = endpoint.state.resolved.shown();
    let (good, failed) = known.counts();
    Some(NameSample {
        addresses: known.addresses().len(),
        age: known
            .answered()
            .map(|at| now.saturating_duration_since(at).as_secs_f64()),
        good,
        failed,
    })
}

/// The same for the admin page, with the addresses themselves.
fn resolved(endpoint: &Endpoint, now: Instant) -> Option<Value> {
    let name = name(endpoint, now)?;
    let known = endpoint.state.resolved.shown();
    Some(json!({
        "known": known.addresses().iter().map(ToString::to_string).collect::<Vec<_>>(),
        "age_seconds": name.age,
        "failures_in_a_row": known.failures(),
    }))
}

/// The share of its weight that an endpoint has.
fn share(endpoint: &Endpoint, shown: &Shown) -> f64 {
    if endpoint.is_in_use() && shown.standing == Standing::Up {
        f64::from(shown.share) / f64::from(FULL_SHARE)
    } else {
        0.0
    }
}
