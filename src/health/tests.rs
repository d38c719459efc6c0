//! Probes against endpoints that answer in every way that there is.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::probe::{self, Finding, probe};
use super::*;
use crate::balance::health::Standing;
use crate::upstream::testing::cluster;

const GOOD: &str = "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{\"status\":\"nominal\"}";

/// A listener that answers each connection with the next of `answers`, the last one for ever; an
/// empty one is a reset. The requests come out of the channel.
async fn endpoint(
    answers: Vec<String>,
) -> (SocketAddr, tokio::sync::mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (tell, told) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        for i in 0.. {
            let Ok((mut socket, _)) = listener.accept().await else {
                return;
            };
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                if socket.read_buf(&mut request).await.unwrap_or(0) == 0 {
                    break;
                }
            }
            let _ = tell.send(String::from_utf8_lossy(&request).into_owned());
            let answer = &answers[i.min(answers.len() - 1)];
            let _ = socket.write_all(answer.as_bytes()).await;
        }
    });
    (address, told)
}

async fn found(answer: &str) -> Result<(), Finding> {
    let (address, _told) = endpoint(vec![answer.to_owned()]).await;
    let cluster = cluster(&[address.port()]);
    probe(&cluster.endpoints[0], &Health::default(), &cluster.timeouts).await
}

#[tokio::test]
async fn only_what_a_healthy_region_says_is_well() {
    assert_eq!(found(GOOD).await, Ok(()));
    let chunked =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nnomi\r\n3\r\nnal\r\n0\r\n\r\n";
    assert_eq!(found(chunked).await, Ok(()), "across chunks");
    assert_eq!(
        found("HTTP/1.1 200 OK\r\n\r\nnominal").await,
        Ok(()),
        "until the end"
    );
    let early = format!("HTTP/1.1 103 Early Hints\r\n\r\n{GOOD}");
    assert_eq!(found(&early).await, Ok(()));
    let status = GOOD.replace("200 OK", "503 Service Unavailable");
    assert_eq!(found(&status).await, Err(Finding::Status(503)));
    assert_eq!(
        found(&GOOD.replace("nominal", "unwell!")).await,
        Err(Finding::Text)
    );
    assert_eq!(found(&GOOD[..GOOD.len() - 1]).await, Err(Finding::Closed));
    assert_eq!(found("").await, Err(Finding::Closed));
    assert_eq!(
        found("SSH-2.0-OpenSSH\r\n\r\n").await,
        Err(Finding::Garbled)
    );
    let other = GOOD.replace("200 OK", "101 Switching Protocols");
    assert_eq!(
        found(&format!("{other}{GOOD}")).await,
        Err(Finding::Garbled)
    );
    let storm = |count| format!("{}{GOOD}", "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(count));
    assert_eq!(found(&storm(16)).await, Ok(()));
    assert_eq!(found(&storm(17)).await, Err(Finding::Garbled), "a storm");
    let long = format!("HTTP/1.1 200 OK\r\n\r\n{}nominal", "x".repeat(200_000));
    assert_eq!(found(&long).await, Err(Finding::Garbled));
}

/// Three in the morning: what was asked, what came, and what should have.
#[test]
fn a_failed_probe_says_what_came() {
    let health = Health::default();
    let words = probe::words(Finding::Status(404), &health);
    let path = &health.path;
    assert_eq!(
        words,
        format!("unexpected-status: GET {path} answered 404, not 200")
    );
    let words = probe::words(Finding::TimedOut, &health);
    assert_eq!(words, format!("probe-timeout: GET {path}"));
    let words = probe::words(Finding::Unreachable(Cause::Tls), &health);
    assert_eq!(words, "tls");
}

#[tokio::test]
async fn nobody_there_and_nobody_answering() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let health = Health {
        timeout: Duration::from_millis(50),
        ..Health::default()
    };
    let cluster = cluster(&[port]);
    let silent = probe(&cluster.endpoints[0], &health, &cluster.timeouts).await;
    assert_eq!(
        silent,
        Err(Finding::TimedOut),
        "accepted by the kernel, answered by nobody"
    );
    drop(listener);
    let gone = probe(&cluster.endpoints[0], &health, &cluster.timeouts).await;
    assert!(matches!(gone, Err(Finding::Unreachable(_))), "{gone:?}");
}

#[tokio::test]
async fn says_what_it_is() {
    let (address, mut told) = endpoint(vec![GOOD.to_owned()]).await;
    let cluster = cluster(&[address.port()]);
    let found = probe(&cluster.endpoints[0], &Health::default(), &cluster.timeouts).await;
    assert_eq!(found, Ok(()));
    let request = told.recv().await.expect("a request");
    assert!(request.starts_with("GET /api/v2/status HTTP/1.1\r\nHost: eu.example\r\n"));
    assert!(request.contains("\r\nUser-Agent: onetime-gateway-probe/"));
    assert!(request.contains("\r\nX-Gateway-Probe: 1\r\n"));
}

#[tokio::test]
async fn an_endpoint_falls_and_rises() {
    let bad = "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n".to_owned();
    let answers = vec![GOOD.to_owned(), bad.clone(), bad, GOOD.to_owned()];
    let (address, mut told) = endpoint(answers).await;
    let cluster = Arc::new(cluster(&[address.port()]));
    let endpoint = cluster.endpoints[0].clone();
    let health = Health {
        interval: Duration::from_millis(1),
        fast_interval: Duration::from_millis(1),
        ..Health::default()
    };
    let prober = tokio::spawn(run(cluster.clone(), endpoint.clone(), health));
    let mut seen = Vec::new();
    // What the probe before led to is known when the next one comes.
    for _ in 0..8 {
        told.recv().await.expect("a probe");
        let now = Instant::now().into_std();
        seen.push(endpoint.state.shown(now, Duration::ZERO).standing);
    }
    prober.abort();
    let (up, down) = (Standing::Up, Standing::Down);
    assert_eq!(seen, [up, up, up, down, down, up, up, up]);
}
