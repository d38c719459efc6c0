//! Metrics that nobody scrapes must not grow the process. Alone in its binary: other tests beside it
//! would be measured with it.

#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::time::Duration;

use onetime_gateway::telemetry::access::AccessLog;
use onetime_gateway::telemetry::spans::Spans;
use onetime_gateway::telemetry::worker::Sample;
use onetime_gateway::telemetry::{Tables, Telemetry};

fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages = statm
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse::<usize>().ok());
    pages.expect("pages") * 4096
}

/// Ten million recordings: neither our own counts nor the exporter's histograms may grow, as long as
/// its upkeep runs, which the control thread sees to.
#[test]
fn memory_stays_flat_when_nobody_scrapes() {
    let telemetry = Telemetry::new(
        Tables {
            routes: vec!["/{page}"],
            methods: vec!["GET"],
            reasons: vec!["geo"],
        },
        AccessLog::start().expect("a thread"),
        Spans::start().expect("a thread"),
    );
    let worker = telemetry.worker();
    let histogram = telemetry.cold(|| metrics::histogram!("onetime_gateway_test_seconds"));
    let spend = |count: u32| {
        for i in 0..count {
            // Fixed arrays cannot grow by being counted up: a tenth shows as much.
            if i % 10 == 0 {
                worker.record(&Sample {
                    region: Some(0),
                    route: Some(0),
                    method: 0,
                    reason: Some(0),
                    status: 200,
                    total: Duration::from_micros(u64::from(i)),
                    upstream: None,
                    overhead: Duration::from_micros(40),
                    connect: None,
                    received: 10,
                    sent: 20,
                    protocol: "http/2",
                    bare_host: true,
                    key: None,
                });
            }
            histogram.record(f64::from(i));
            if i % 50_000 == 0 {
                telemetry.upkeep();
            }
        }
    };
    spend(500_000);
    let before = resident();
    spend(10_000_000);
    let grown = resident().saturating_sub(before);
    assert!(grown < 8 * 1024 * 1024, "grew by {grown} bytes");
}
