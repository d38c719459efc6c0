//! The Prometheus text format (version 0.0.4) of what the workers counted.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use super::Tables;
use super::histogram::Histogram;
use super::worker::{Counts, Event, NONE, RegionCounts, RequestKey};

/// Each seldom counter: name, help, and the name of its own label, if it has one.
const EVENTS: &[(Event, &str, &str, Option<&str>)] = &[
    (
        Event::Refused,
        "refusals_total",
        "Requests that the gateway answered by itself with an error.",
        Some("label"),
    ),
    (
        Event::Fault,
        "refusals_by_fault_total",
        "The same, by whose fault it was: client, gateway or region.",
        Some("fault"),
    ),
    (
        Event::Broken,
        "broken_answers_total",
        "Answers broken off before their end, by cause.",
        Some("cause"),
    ),
    (
        Event::AttemptFailed,
        "upstream_failed_attempts_total",
        "Attempts that failed before anything was sent, by cause.",
        Some("cause"),
    ),
    (
        Event::Retried,
        "upstream_retries_total",
        "Requests of class static that were sent again after a failure, by cause.",
        Some("cause"),
    ),
    (
        Event::RetryRefused,
        "upstream_retries_refused_total",
        "Requests of class static that were not sent again, by the reason: no budget, no attempts or no time left, or a region that asked for a pause.",
        Some("reason"),
    ),
    (
        Event::Ejected,
        "endpoint_ejections_total",
        "Endpoints left alone for what requests met there, by cause.",
        Some("cause"),
    ),
    (
        Event::FailedOver,
        "failovers_total",
        "Requests that went to another region in the stead of this one.",
        None,
    ),
    (
        Event::Redirected,
        "redirects_total",
        "Redirects to a region's own host.",
        None,
    ),
    (
        Event::Pointed,
        "region_hints_total",
        "Answers of a region that may lack what was asked for, pointing to the region page.",
        None,
    ),
    (
        Event::LookedUp,
        "lookups_total",
        "Keys without a tag that regions were to be asked for, by what came of it.",
        Some("outcome"),
    ),
    (
        Event::Inquired,
        "lookup_answers_total",
        "What regions said when they were asked for a key.",
        Some("answer"),
    ),
    (
        Event::UnknownKey,
        "unknown_keys_total",
        "Answers of a region that it does not know the key: read already, expired, wrong, or guessed.",
        None,
    ),
    (
        Event::PinSet,
        "pins_set_total",
        "Regions chosen on the region page, by the region that was chosen.",
        None,
    ),
    (
        Event::PinCleared,
        "pins_cleared_total",
        "Choices forgotten on the region page.",
        None,
    ),
    (
        Event::HandshakeFailed,
        "tls_handshake_failures_total",
        "TLS handshakes with clients that failed, by reason.",
        Some("reason"),
    ),
    (
        Event::ProxyHeaderRefused,
        "proxy_protocol_failures_total",
        "Connections closed for want of a PROXY protocol header from a trusted peer, by reason.",
        Some("reason"),
    ),
    (
        Event::Flooded,
        "http2_floods_total",
        "HTTP/2 connections ended for too many frames that make work and no request, by kind.",
        Some("kind"),
    ),
    (
        Event::Dismissed,
        "connections_dismissed_total",
        "Connections ended because their client was refused too often.",
        None,
    ),
    (
        Event::AcceptFailed,
        "accept_failures_total",
        "Connections that could not be accepted, for want of file descriptors or memory.",
        None,
    ),
    (
        Event::ConnectionRefused,
        "connections_refused_total",
        "Client connections beyond a limit, by which: all, address, network or rate.",
        Some("limit"),
    ),
    (
        Event::Displaced,
        "connections_displaced_total",
        "Client connections that waited longest, ended to make room for new ones.",
        None,
    ),
    (
        Event::CrossRegion,
        "cross_region_forwards_total",
        "Requests that were about to leave their region. Must stay 0.",
        None,
    ),
];

pub(super) fn render(counts: &Counts, tables: &Tables, regions: &[Arc<str>]) -> String {
    let mut text = Text {
        out: String::with_capacity(16 * 1024),
        tables,
        regions,
    };
    text.requests(counts);
    text.by_region(counts);
    text.events(counts);
    text.handshakes(counts);
    text.plain(counts);
    text.out
}

struct Text<'a> {
    out: String,
    tables: &'a Tables,
    regions: &'a [Arc<str>],
}

impl Text<'_> {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.out, "# HELP onetime_gateway_{name} {help}");
        let _ = writeln!(self.out, "# TYPE onetime_gateway_{name} {kind}");
    }

    fn line(&mut self, name: &str, labels: &[(&str, &str)], value: impl std::fmt::Display) {
        let _ = write!(self.out, "onetime_gateway_{name}");
        let mut separator = '{';
        for (label, text) in labels {
            // Label values are words of ours or validated names: nothing in them needs escaping.
            let _ = write!(self.out, "{separator}{label}=\"{text}\"");
            separator = ',';
        }
        if separator == ',' {
            self.out.push('}');
        }
        let _ = writeln!(self.out, " {value}");
    }

    fn region(&self, number: u16) -> Arc<str> {
        match self.regions.get(usize::from(number)) {
            Some(name) => name.clone(),
            None => "none".into(),
        }
    }

    fn requests(&mut self, counts: &Counts) {
        let mut decisions: BTreeMap<(u16, u8), u64> = BTreeMap::new();
        let sorted: BTreeMap<RequestKey, u64> = counts
            .requests
            .iter()
            .map(|(key, count)| (RequestKey::unpack(*key), *count))
            .collect();
        self.head(
            "requests_total",
            "counter",
            "Requests by region, route, method, status and reason. Status 0: no answer was given.",
        );
        for (key, count) in &sorted {
            let tables = self.tables;
            let word = |table: &[&'static str], i: usize| table.get(i).copied().unwrap_or("none");
            let region = self.region(key.region);
            let labels = [
                ("region", &*region),
                ("route", word(&tables.routes, usize::from(key.route))),
                ("method", word(&tables.methods, usize::from(key.method))),
                ("status", &key.status.to_string()),
                ("reason", word(&tables.reasons, usize::from(key.reason))),
            ];
            self.line("requests_total", &labels, count);
            if key.region != NONE {
                *decisions.entry((key.region, key.reason)).or_default() += count;
            }
        }
        self.head(
            "decisions_total",
            "counter",
            "Decisions by region and reason.",
        );
        for ((region, reason), count) in decisions {
            let region = self.region(region);
            let reason = self
                .tables
                .reasons
                .get(usize::from(reason))
                .copied()
                .unwrap_or("none");
            self.line(
                "decisions_total",
                &[("region", &region), ("reason", reason)],
                count,
            );
        }
    }

    fn by_region(&mut self, counts: &Counts) {
        type Part = fn(&RegionCounts) -> &Histogram;
        let histograms: [(&str, &str, Part); 4] = [
            (
                "request_duration_seconds",
                "From a request's head to the last byte of its answer.",
                |part| &part.total,
            ),
            (
                "upstream_duration_seconds",
                "From sending a request to the head of the region's answer, connecting excepted.",
                |part| &part.upstream,
            ),
            (
                "overhead_seconds",
                "The gateway's own share: deciding, and relaying the answer.",
                |part| &part.overhead,
            ),
            (
                "upstream_connect_duration_seconds",
                "Connecting to an endpoint, TLS included.",
                |part| &part.connect,
            ),
        ];
        for (name, help, part) in histograms {
            self.head(name, "histogram", help);
            for (place, region) in counts.regions.iter().enumerate() {
                let label = self.place(place);
                if part(region).count() > 0 {
                    self.histogram(name, &[("region", &label)], part(region));
                }
            }
        }
        type Bytes = fn(&RegionCounts) -> u64;
        let bytes: [(&str, &str, Bytes); 2] = [
            (
                "received_bytes_total",
                "Bytes of request bodies from clients.",
                |part| part.received,
            ),
            ("sent_bytes_total", "Bytes of answers to clients.", |part| {
                part.sent
            }),
        ];
        for (name, help, part) in bytes {
            self.head(name, "counter", help);
            for (place, region) in counts.regions.iter().enumerate() {
                let label = self.place(place);
                self.line(name, &[("region", &label)], part(region));
            }
        }
    }

    /// The region counted in a place; see [`super::worker::WorkerMetrics::record`].
    fn place(&self, place: usize) -> Arc<str> {
        match place
            .checked_sub(1)
            .and_then(|number| self.regions.get(number))
        {
            Some(name) => name.clone(),
            None => "none".into(),
        }
    }

    fn histogram(&mut self, name: &str, labels: &[(&str, &str)], histogram: &Histogram) {
        for (bound, count) in histogram.cumulative() {
            let bound = bound.map_or_else(|| "+Inf".to_owned(), |bound| bound.to_string());
            let mut all = labels.to_vec();
            all.push(("le", &bound));
            self.line(&format!("{name}_bucket"), &all, count);
        }
        self.line(&format!("{name}_sum"), labels, histogram.sum());
        self.line(&format!("{name}_count"), labels, histogram.count());
    }

    fn events(&mut self, counts: &Counts) {
        let sorted: BTreeMap<_, _> = counts.events.iter().collect();
        for (event, name, help, own) in EVENTS.iter().copied() {
            self.head(name, "counter", help);
            let mut any = false;
            for ((_, region, word), count) in sorted.iter().filter(|((kind, ..), _)| *kind == event)
            {
                let region = self.region(*region);
                let mut labels: Vec<(&str, &str)> = Vec::new();
                if !matches!(
                    event,
                    Event::HandshakeFailed
                        | Event::ProxyHeaderRefused
                        | Event::Flooded
                        | Event::Dismissed
                        | Event::AcceptFailed
                        | Event::ConnectionRefused
                        | Event::Displaced
                        | Event::CrossRegion
                        | Event::PinCleared
                ) {
                    labels.push(("region", &region));
                }
                labels.extend(own.map(|own| (own, *word)));
                self.line(name, &labels, count);
                any = true;
            }
            let by_region = matches!(
                event,
                Event::Redirected
                    | Event::FailedOver
                    | Event::Pointed
                    | Event::UnknownKey
                    | Event::PinSet
            );
            // What must stay 0 is there to be watched from the first scrape on.
            if !any && own.is_none() && !by_region {
                self.line(name, &[], 0);
            }
        }
    }

    fn handshakes(&mut self, counts: &Counts) {
        let name = "tls_handshake_duration_seconds";
        self.head(
            name,
            "histogram",
            "TLS handshakes with clients, by version and whether they resumed a session.",
        );
        let sorted: BTreeMap<_, _> = counts.handshakes.iter().collect();
        for ((version, resumed), histogram) in sorted {
            let resumed = if *resumed { "yes" } else { "no" };
            self.histogram(
                name,
                &[("version", version), ("resumed", resumed)],
                histogram,
            );
        }
    }

    fn plain(&mut self, counts: &Counts) {
        self.head(
            "requests_by_protocol_total",
            "counter",
            "Requests by protocol.",
        );
        for (protocol, count) in counts.protocols.iter().collect::<BTreeMap<_, _>>() {
            self.line(
                "requests_by_protocol_total",
                &[("protocol", protocol)],
                count,
            );
        }
        self.head(
            "keys_total",
            "counter",
            "Keys in paths by what their tag said.",
        );
        for (outcome, count) in counts.keys.iter().collect::<BTreeMap<_, _>>() {
            self.line("keys_total", &[("outcome", outcome)], count);
        }
        self.head(
            "bare_host_requests_total",
            "counter",
            "Requests for a host that names no region, by the reason that decided.",
        );
        for (reason, count) in self.tables.reasons.clone().iter().zip(counts.bare_host) {
            if count > 0 {
                self.line("bare_host_requests_total", &[("reason", reason)], count);
            }
        }
        let gauges = counts.gauges;
        for (name, help, value) in [
            (
                "connections",
                "Open client connections.",
                gauges.connections,
            ),
            (
                "requests_in_flight",
                "Requests being worked on.",
                gauges.in_flight,
            ),
            (
                "upstream_idle_connections",
                "Unused connections to regions.",
                gauges.pooled,
            ),
        ] {
            self.head(name, "gauge", help);
            self.line(name, &[], value);
        }
    }
}
