//! Regions and endpoints as they are now: for the admin page and for a scrape.

use std::time::Instant;

use serde_json::{Value, json};

use crate::balance::health::{FULL_SHARE, Standing};
use crate::reload::Reloader;
use crate::telemetry::endpoints::{self, EndpointSample};
use crate::telemetry::{Telemetry, certificates};
use crate::upstream::endpoint::{Cluster, Endpoint};
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
            });
        }
    }
    let mut text = telemetry.render();
    text.push_str(&endpoints::render(&samples));
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
        "probes": { "good": shown.good_probes, "bad": shown.bad_probes },
    })
}

/// The share of its weight that an endpoint has.
fn share(endpoint: &Endpoint, shown: &Shown) -> f64 {
    if endpoint.is_in_use() && shown.standing == Standing::Up {
        f64::from(shown.share) / f64::from(FULL_SHARE)
    } else {
        0.0
    }
}
