//! The access log: a line for each request, and nothing in it that is the client's own.

use http::Method;
use serde_json::Value;

use crate::support::{BOTH, Client, Speak, world_with};

fn lines(path: &std::path::Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).expect("the log");
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
        .collect()
}

#[tokio::test]
async fn every_request_has_a_line_that_says_what_became_of_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("access.log");
    let mut world = world_with(&format!("[log]\naccess = {path:?}\n"));
    let mut ids = Vec::new();
    for protocol in BOTH {
        let mut client = Client::open(&world, protocol, "onetimesecret.com").await;
        let from = [("x-forwarded-for", "203.0.113.77"), ("referer", "hush")];
        let answer = client.get("/api/v1/status?hush=1", &from).await;
        ids.push(answer.header("x-request-id").to_owned());
        let answer = client
            .ask(
                Method::POST,
                "/secret/hush",
                &[("o-region", "hush")],
                "hush",
            )
            .await;
        assert_eq!(answer.status, 400);
        client.call_itself("hush.example");
        assert_eq!(client.get("/hush", &[]).await.status, 421);
    }
    let mut plain = Client::open(&world, Speak::Http1, "eu.localhost").await;
    plain.get("/api/v1/status", &[]).await;
    drop(plain);
    world.drain();
    let lines = lines(&path);
    assert_eq!(lines.len(), 7);
    assert!(!std::fs::read_to_string(&path).unwrap().contains("hush"));
    for (protocol, id) in ["http/1.1", "http/2"].into_iter().zip(&ids) {
        let of: Vec<&Value> = lines
            .iter()
            .filter(|line| line["protocol"] == protocol)
            .collect();
        let good = of[0];
        for (member, value) in [
            ("request_id", id.as_str()),
            ("client", "203.0.113.0"),
            ("host", "onetimesecret.com"),
            ("method", "GET"),
            ("route", "/api/v1/status"),
            ("tls", "1.3"),
            ("region", "ca"),
            ("reason", "network"),
        ] {
            assert_eq!(good[member], value, "{member}: {good}");
        }
        assert_eq!(
            (&good["status"], &good["attempts"]),
            (&200.into(), &1.into())
        );
        assert!(
            good["endpoint"]
                .as_str()
                .unwrap()
                .starts_with("http://127.0.0.1:")
        );
        let time = |name: &str| good[name].as_u64().expect("a time");
        let parts = ["gateway_us", "connect_us", "region_us", "client_us"];
        let sum: u64 = parts
            .iter()
            .map(|name| good[*name].as_u64().unwrap_or(0))
            .sum();
        assert!(time("total_us").abs_diff(sum) < 10, "{good}");
        let (refused, lost) = (of[1], of[2]);
        assert_eq!(refused["refusal"], "unknown-region", "{refused}");
        assert_eq!(refused["fault"], "client");
        assert_eq!(refused["status"], 400);
        assert_eq!(
            (&lost["status"], &lost["host"]),
            (&421.into(), &Value::Null)
        );
        assert_eq!(lost["client"], "127.0.0.0");
    }
    assert_eq!(lines[6]["host"], "eu.localhost");
}

#[tokio::test]
async fn a_moved_log_is_opened_again_and_a_reload_may_turn_it_off() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("access.log");
    let log = format!("[log]\naccess = {path:?}\naccess_address = \"none\"\n");
    let mut world = world_with(&log);
    let mut client = Client::open(&world, Speak::Http1, "onetimesecret.com").await;
    client.get("/api/v1/status", &[]).await;
    while std::fs::read_to_string(&path)
        .unwrap_or_default()
        .is_empty()
    {
        tokio::task::yield_now().await;
    }
    let moved = directory.path().join("access.log.1");
    std::fs::rename(&path, &moved).expect("moved");
    let gateway = world.gateway().expect("a gateway");
    gateway.handle().reopen_log();
    client.get("/api/v2/status", &[]).await;
    while std::fs::read_to_string(&path)
        .unwrap_or_default()
        .is_empty()
    {
        tokio::task::yield_now().await;
    }
    let text = std::fs::read_to_string(&world.config).expect("the file");
    std::fs::write(&world.config, text.replace(&log, "")).expect("written");
    let _ = gateway.reload();
    client.get("/api/v3/status", &[]).await;
    world.drain();
    let routes = |path| -> Vec<Value> { lines(path).iter().map(|l| l["route"].clone()).collect() };
    assert_eq!(routes(&moved), ["/api/v1/status"]);
    assert_eq!(routes(&path), ["/api/v2/status"]);
    assert_eq!(lines(&path)[0]["client"], Value::Null);
}
