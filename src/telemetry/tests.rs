//! What is rendered is valid and bounded.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::spans::Spans;
use super::worker::{Event, Gauges, Sample};
use super::*;

fn tables() -> Tables {
    Tables {
        routes: vec!["/api/v1/status", "/{page}"],
        methods: vec!["GET", "POST"],
        reasons: vec!["host", "geo"],
    }
}

const SAMPLE: Sample = Sample {
    region: Some(0),
    route: Some(0),
    method: 0,
    reason: Some(1),
    status: 200,
    total: Duration::from_millis(3),
    upstream: Some(Duration::from_millis(2)),
    overhead: Duration::from_micros(40),
    connect: None,
    received: 10,
    sent: 20,
    protocol: "HTTP/2",
    bare_host: true,
    key: Some("tagged"),
};

fn full() -> Telemetry {
    let telemetry = Telemetry::new(
        tables(),
        AccessLog::start().expect("a thread"),
        Spans::start().expect("a thread"),
    );
    assert_eq!(telemetry.region("eu"), 0);
    let (a, b) = (telemetry.worker(), telemetry.worker());
    a.record(&SAMPLE);
    b.record(&Sample {
        connect: Some(Duration::from_secs(1)),
        ..SAMPLE
    });
    b.record(&Sample {
        region: None,
        route: None,
        reason: None,
        status: 400,
        ..SAMPLE
    });
    a.count(Event::Refused, None, "bad-path");
    a.count(Event::Redirected, Some(0), "");
    a.handshake("TLSv1_3", true, Duration::from_millis(1));
    a.gauge(Gauges {
        connections: 2,
        in_flight: 1,
        pooled: 0,
    });
    telemetry.cold(|| metrics::gauge!("onetime_gateway_config_generation").set(1.0));
    telemetry
}

#[test]
fn merges_the_workers() {
    let text = full().render();
    for line in [
        "onetime_gateway_requests_total{region=\"eu\",route=\"/api/v1/status\",method=\"GET\",status=\"200\",reason=\"geo\"} 2",
        "onetime_gateway_requests_total{region=\"none\",route=\"none\",method=\"GET\",status=\"400\",reason=\"none\"} 1",
        "onetime_gateway_decisions_total{region=\"eu\",reason=\"geo\"} 2",
        "onetime_gateway_request_duration_seconds_bucket{region=\"eu\",le=\"0.0025\"} 0",
        "onetime_gateway_request_duration_seconds_bucket{region=\"eu\",le=\"0.005\"} 2",
        "onetime_gateway_request_duration_seconds_count{region=\"eu\"} 2",
        "onetime_gateway_refusals_total{region=\"none\",label=\"bad-path\"} 1",
        "onetime_gateway_redirects_total{region=\"eu\"} 1",
        "onetime_gateway_cross_region_forwards_total 0",
        "onetime_gateway_connections 2",
        "onetime_gateway_config_generation 1",
    ] {
        assert!(
            text.lines().any(|found| found == line),
            "no line {line}\n{text}"
        );
    }
}

/// Where `promtool` is absent this test says so and checks nothing; in CI it must be there.
#[test]
fn promtool_has_nothing_to_say() {
    let spawned = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = spawned else {
        assert!(
            std::env::var_os("CI").is_none(),
            "promtool must be installed in CI"
        );
        eprintln!("SKIPPED: promtool is not installed");
        return;
    };
    let text = full().render();
    child
        .stdin
        .take()
        .expect("piped")
        .write_all(text.as_bytes())
        .expect("written");
    let output = child.wait_with_output().expect("promtool ends");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && said.trim().is_empty(), "{said}");
}
