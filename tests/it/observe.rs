//! Metrics and the admin listener, as Prometheus and an operator see them.

use std::io::Write;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{BOTH, Client, world};

/// Sends bytes to the admin listener and reads the whole answer.
pub(crate) async fn raw(admin: SocketAddr, request: &str) -> String {
    let mut socket = TcpStream::connect(admin).await.expect("the admin listener");
    socket.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.expect("an answer");
    answer
}

pub(crate) async fn scrape(admin: SocketAddr) -> String {
    raw(
        admin,
        "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    )
    .await
}

/// Whether an optional tool is there; in CI it must be.
fn has(tool: &str) -> bool {
    let there = Command::new(tool)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    assert!(
        there || std::env::var_os("CI").is_none(),
        "{tool} must be installed in CI"
    );
    if !there {
        eprintln!("SKIPPED: {tool} is not installed");
    }
    there
}

#[tokio::test]
async fn metrics_tell_what_happened() {
    let world = world();
    for protocol in BOTH {
        let mut client = Client::open(&world, protocol, "onetimesecret.com").await;
        client
            .get("/api/v1/status", &[("x-forwarded-for", "1.186.0.1")])
            .await;
        client
            .get("/secret/abcdefghijklmnopqrstuvwxyz01234", &[])
            .await;
        client.get("/api/v1/status", &[("o-region", "mars")]).await;
    }
    let text = scrape(world.admin()).await;
    for line in [
        "onetime_gateway_requests_total{region=\"uk\",route=\"/api/v1/status\",method=\"GET\",status=\"200\",reason=\"geo\"} 2",
        "onetime_gateway_requests_total{region=\"eu\",route=\"/secret/{key}\",method=\"GET\",status=\"302\",reason=\"no-country\"} 2",
        "onetime_gateway_decisions_total{region=\"uk\",reason=\"geo\"} 2",
        "onetime_gateway_refusals_total{region=\"none\",label=\"unknown-region\"} 2",
        "onetime_gateway_request_duration_seconds_count{region=\"uk\"} 2",
        "onetime_gateway_upstream_duration_seconds_count{region=\"uk\"} 2",
        "onetime_gateway_overhead_seconds_count{region=\"uk\"} 2",
        "onetime_gateway_requests_by_protocol_total{protocol=\"http/2\"} 3",
        "onetime_gateway_cross_region_forwards_total 0",
        "onetime_gateway_last_reload_successful 1",
        "onetime_gateway_config_generation 1",
    ] {
        assert!(
            text.lines().any(|found| found == line),
            "no line {line}\n{text}"
        );
    }
    assert!(text.contains(
        "onetime_gateway_tls_certificate_expiry_timestamp_seconds{name=\"onetimesecret.com\"}"
    ));
    assert!(text.contains("onetime_gateway_build_info{version="));
    for line in ["{family=\"ipv4\"} 0.99", "{family=\"ipv6\"} 0.05"] {
        let line = format!("onetime_gateway_geoip_covered_ratio{line}");
        assert!(text.contains(&line), "{line}: {text}");
    }
    assert!(!text.contains("abcdefghijklmnop"), "a key in the metrics");
    if has("promtool") {
        let (_, body) = text.split_once("\r\n\r\n").expect("a body");
        let mut child = Command::new("promtool")
            .args(["check", "metrics"])
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("promtool");
        child
            .stdin
            .take()
            .expect("piped")
            .write_all(body.as_bytes())
            .expect("written");
        let output = child.wait_with_output().expect("promtool ends");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && said.trim().is_empty(), "{said}");
    }
}

#[tokio::test]
async fn only_a_deliberate_caller_reloads() {
    let world = world();
    let post = |headers: &str| {
        format!("POST /reload HTTP/1.1\r\n{headers}Content-Length: 0\r\nConnection: close\r\n\r\n")
    };
    let good = raw(
        world.admin(),
        &post("Host: localhost\r\nX-Gateway-Admin: 1\r\n"),
    )
    .await;
    assert!(
        good.starts_with("HTTP/1.1 200 ") && good.contains("\"applied\""),
        "{good}"
    );
    for bad in [
        "Host: localhost\r\n",
        "Host: evil.example\r\nX-Gateway-Admin: 1\r\n",
    ] {
        let refused = raw(world.admin(), &post(bad)).await;
        assert!(refused.starts_with("HTTP/1.1 403 "), "{refused}");
    }
    std::fs::write(&world.config, "[server]\nhttsp = []\n").expect("written");
    let broken = raw(
        world.admin(),
        &post("Host: localhost\r\nX-Gateway-Admin: 1\r\n"),
    )
    .await;
    assert!(
        broken.starts_with("HTTP/1.1 422 ") && broken.contains("httsp"),
        "{broken}"
    );
    let ready = "GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    assert!(raw(world.admin(), ready).await.starts_with("HTTP/1.1 200 "));
    let regions = "GET /regions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    assert!(
        raw(world.admin(), regions)
            .await
            .contains("\"jurisdiction\":\"EU\"")
    );
    let config = raw(
        world.admin(),
        "GET /config HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    )
    .await;
    assert!(config.contains("eu.localhost"), "{config}");
    let secret = &world.regions.region("eu").expect("eu").identifier_secret;
    assert!(!config.contains(secret.as_str()));
}

/// A real Prometheus finds the gateway up.
#[tokio::test]
async fn a_real_prometheus_scrapes_it() {
    if !has("prometheus") {
        return;
    }
    let world = world();
    let directory = tempfile::tempdir().expect("a directory");
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .expect("a port")
        .local_addr()
        .expect("it")
        .port();
    let config = format!(
        "global:\n  scrape_interval: 1s\nscrape_configs:\n  - job_name: onetime-gateway\n    static_configs:\n      - targets: ['{}']\n",
        world.admin()
    );
    std::fs::write(directory.path().join("prometheus.yml"), config).expect("written");
    let mut prometheus = Command::new("prometheus")
        .arg(format!(
            "--config.file={}",
            directory.path().join("prometheus.yml").display()
        ))
        .arg(format!(
            "--storage.tsdb.path={}",
            directory.path().join("data").display()
        ))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("prometheus");
    let query = format!(
        "GET /api/v1/query?query=onetime_gateway_config_generation HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"
    );
    let begun = Instant::now();
    let found = loop {
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        if let Ok(mut socket) = TcpStream::connect(address).await {
            let _ = socket.write_all(query.as_bytes()).await;
            let mut answer = String::new();
            let _ = socket.read_to_string(&mut answer).await;
            if answer.contains("\"onetime_gateway_config_generation\"") {
                break true;
            }
        }
        if begun.elapsed() > Duration::from_secs(40) {
            break false;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    prometheus.kill().expect("ours to end");
    let _ = prometheus.wait();
    assert!(found, "Prometheus never had a sample");
}
