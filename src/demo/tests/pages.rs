//! Pages, assets and health.

use super::{eu, regions, share};
use crate::demo::options::Dialect;

#[test]
fn the_page_of_a_key_is_the_same_for_any_key_and_reads_nothing() {
    let demo = regions(Dialect::Current);
    let mut client = eu(&demo, 1);
    let (secret, _) = share(&mut client, "secret=x");
    let known = client.get(&format!("/secret/{secret}"));
    let unknown = client.get(&format!("/secret/{}", "a".repeat(62)));
    assert_eq!((known.status, unknown.status), (200, 200));
    assert_eq!(known.body.len(), unknown.body.len());
    assert!(known.text().contains("region <strong>eu</strong>"));
    assert!(!known.text().contains(&secret));
    assert_eq!(
        known.field("content-type"),
        Some("text/html; charset=utf-8")
    );
    assert!(known.field("x-csrf-token").is_some());
    let read = client.post(&format!("/api/v1/secret/{secret}"), "");
    assert_eq!(read.json()["value"], "x");
}

#[test]
fn what_the_page_loads_is_there_and_never_changes() {
    let demo = regions(Dialect::Current);
    let mut client = eu(&demo, 1);
    let page = client.get("/");
    let (_, rest) = page.text().split_once("src=\"").unwrap();
    let script = client.get(rest.split('"').next().unwrap());
    assert_eq!(script.status, 200);
    assert!(script.field("cache-control").unwrap().contains("immutable"));
    assert_eq!(client.get("/dist/unknown.js").status, 404);
}

#[test]
fn paths_lead_where_the_application_leads() {
    let demo = regions(Dialect::Current);
    let mut client = eu(&demo, 1);
    for (path, status) in [
        ("/receipt/x/burn", 200),
        ("/private/x", 404),
        ("/account/email/confirm/t", 200),
        ("/account", 302),
        ("/colonel", 302),
        ("/nothing", 404),
        ("/robots.txt", 200),
        ("/favicon.ico", 200),
        ("/bootstrap/me", 200),
        ("/health", 200),
        ("/health/advanced", 200),
    ] {
        assert_eq!(client.get(path).status, status, "{path}");
        let head = client.ask("HEAD", path, &[], "");
        assert_eq!(head.status, status, "HEAD {path}");
    }
    assert_eq!(client.post("/secret/x", "").status, 404);
    assert_eq!(client.get("/colonel").field("location"), Some("/signin"));
    let far = client.ask("GET", "/health", &["X-Forwarded-For: 203.0.113.7"], "");
    assert_eq!(far.status, 403);
    let classic = regions(Dialect::Classic);
    assert_eq!(eu(&classic, 1).get("/private/x").status, 200);
}
