//! What is measured, and how it is told: metrics for Prometheus, lines for operators.
//!
//! Two kinds, one text. What happens on the request's path is counted in each worker's own arrays
//! (`worker`): the `metrics` crate's histogram is a list shared by all threads that grows until
//! somebody drains it. Everything else (reloads, certificates, the process) goes through the
//! `metrics` crate and its Prometheus exporter.

pub mod access;
pub mod breakers;
pub mod certificates;
pub mod endpoints;
pub mod histogram;
mod lines;
pub mod log;
mod process;
pub mod spans;
mod text;
pub mod worker;

use std::sync::{Arc, Mutex, PoisonError};

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use access::AccessLog;
use spans::Spans;
use worker::{Counts, WorkerMetrics};

/// Names of regions are kept for the life of the process; beyond so many they are counted as one.
const MOST_REGIONS: usize = 512;

/// The texts behind the numbers of labels.
#[derive(Clone, Debug)]
pub struct Tables {
    /// Routes by index.
    pub routes: Vec<&'static str>,
    /// Methods by index.
    pub methods: Vec<&'static str>,
    /// Reasons by index.
    pub reasons: Vec<&'static str>,
}

/// One gateway's metrics. Several gateways in one process (tests) never mix.
pub struct Telemetry {
    tables: Tables,
    regions: Mutex<Vec<Arc<str>>>,
    workers: Mutex<Vec<Arc<WorkerMetrics>>>,
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
    /// The access log.
    pub access: AccessLog,
    /// The spans.
    pub spans: Spans,
}

impl Telemetry {
    /// Metrics with these labels.
    #[must_use]
    pub fn new(tables: Tables, access: AccessLog, spans: Spans) -> Self {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        let telemetry = Self {
            tables,
            regions: Mutex::default(),
            workers: Mutex::default(),
            recorder,
            handle,
            access,
            spans,
        };
        telemetry.cold(describe);
        for result in ["given", "taken", "failed"] {
            telemetry.handed_over(result, 0);
        }
        telemetry
    }

    /// The number of a region's name, the same for the life of the process.
    #[must_use]
    pub fn region(&self, name: &str) -> u16 {
        let mut regions = self.regions.lock().unwrap_or_else(PoisonError::into_inner);
        let place = regions
            .iter()
            .position(|known| &**known == name)
            .unwrap_or_else(|| {
                if regions.len() < MOST_REGIONS {
                    let label = if regions.len() + 1 == MOST_REGIONS {
                        "other"
                    } else {
                        name
                    };
                    regions.push(label.into());
                }
                regions.len() - 1
            });
        u16::try_from(place).unwrap_or(u16::MAX - 1)
    }

    /// The metrics of one more worker.
    #[must_use]
    pub fn worker(&self) -> Arc<WorkerMetrics> {
        let worker = Arc::new(WorkerMetrics::default());
        self.workers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(worker.clone());
        worker
    }

    /// Runs `emit` with the `metrics` crate's macros going to this gateway's recorder.
    pub fn cold<T>(&self, emit: impl FnOnce() -> T) -> T {
        metrics::with_local_recorder(&self.recorder, emit)
    }

    /// Counts a hand-over: `given` to another process, `taken` from one, or `failed`, which has changed
    /// nothing.
    pub fn handed_over(&self, result: &'static str, times: u64) {
        self.cold(|| {
            metrics::counter!("onetime_gateway_handovers_total", "result" => result)
                .increment(times);
        });
    }

    /// Must be called now and then, scraped or not: the exporter keeps samples of its histograms
    /// until somebody does.
    pub fn upkeep(&self) {
        self.handle.run_upkeep();
    }

    /// Everything, in the Prometheus text format 0.0.4.
    #[must_use]
    pub fn render(&self) -> String {
        let workers = self
            .workers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let mut counts = Counts::default();
        for worker in workers {
            counts.merge(&worker.counts());
        }
        let regions = self
            .regions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let mut out = text::render(&counts, &self.tables, &regions);
        process::render(&mut out);
        self.cold(|| {
            metrics::counter!("onetime_gateway_access_log_dropped_total")
                .absolute(self.access.dropped());
            metrics::counter!("onetime_gateway_spans_exported_total")
                .absolute(self.spans.exported());
            metrics::counter!("onetime_gateway_spans_dropped_total").absolute(self.spans.dropped());
        });
        out.push_str(&self.handle.render());
        out
    }
}

/// HELP of what goes through the `metrics` crate.
fn describe() {
    use metrics::{describe_counter, describe_gauge};
    describe_counter!(
        "onetime_gateway_access_log_dropped_total",
        "Lines of the access log that could not be written as fast as requests came, or at all."
    );
    describe_counter!(
        "onetime_gateway_spans_exported_total",
        "Spans of recorded requests that the collector took."
    );
    describe_counter!(
        "onetime_gateway_spans_dropped_total",
        "Spans that the collector did not take, or not as fast as requests came."
    );
    describe_counter!(
        "onetime_gateway_handovers_total",
        "Hand-overs of listening sockets, by result: given to another process, taken from one, or failed, which changed nothing."
    );
    describe_counter!(
        "onetime_gateway_reloads_total",
        "Reloads by result and trigger."
    );
    describe_gauge!(
        "onetime_gateway_last_reload_successful",
        "Whether the last reload took effect (1) or was refused (0)."
    );
    describe_gauge!(
        "onetime_gateway_last_successful_reload_timestamp_seconds",
        "When the live configuration took effect."
    );
    describe_gauge!(
        "onetime_gateway_config_hash",
        "The first 48 bits of the SHA-256 of the live configuration file."
    );
    describe_gauge!(
        "onetime_gateway_config_generation",
        "Snapshots made since the start."
    );
    describe_gauge!(
        "onetime_gateway_geoip_build_timestamp_seconds",
        "When the country database was built; 0 without one."
    );
    describe_gauge!(
        "onetime_gateway_geoip_covered_ratio",
        "Share of an address family's public addresses that have a country in the database, from 0 to 1. For ipv6 of all that the registries can give out, so that complete databases show a few hundredths; 0 without a database."
    );
    describe_gauge!(
        "onetime_gateway_build_info",
        "1, with the version as a label."
    );
    describe_gauge!(
        "onetime_gateway_draining",
        "Whether the process is on its way out."
    );
}

#[cfg(test)]
mod tests;
