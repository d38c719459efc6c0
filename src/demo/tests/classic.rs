//! What the classic dialect does differently.

use serde_json::json;

use super::{basic, eu, keys, regions, share};
use crate::demo::options::Dialect;

#[test]
fn keys_have_31_characters_and_no_twins() {
    let demo = regions(Dialect::Classic);
    let mut client = eu(&demo, 1);
    let reply = client.post("/api/v1/share", "secret=x");
    let (secret, receipt) = keys(&reply);
    assert_eq!((secret.len(), receipt.len()), (31, 31));
    let body = reply.json();
    for name in [
        "metadata_url",
        "identifier",
        "secret_identifier",
        "receipt_url",
    ] {
        assert_eq!(body.get(name), None, "{name}");
    }
    let read = client.post(&format!("/api/v1/secret/{secret}"), "").json();
    assert_eq!(read["value"], "x");
}

#[test]
fn errors_hold_a_shrimp_and_no_intended_status() {
    let demo = regions(Dialect::Classic);
    let mut client = eu(&demo, 1);
    let reply = client.post("/api/v1/share", "");
    assert_eq!(reply.status, 404);
    assert_eq!(
        reply.json()["message"],
        "You did not provide anything to share"
    );
    assert_eq!(reply.json()["shrimp"].as_str().unwrap().len(), 40);
    assert_eq!(reply.field("x-ots-intended-status"), None);
    let reply = client.ask("GET", "/api/v1/authcheck", &[&basic("us")], "");
    assert_eq!(reply.json(), json!({"message": "Not authorized"}));
    assert_eq!(reply.field("x-ots-intended-status"), None);
    let reply = client.post("/api/v1/share", "secret=x&passphrase=seven77");
    assert_eq!(
        reply.json()["message"],
        "Passphrase must be at least 8 characters long"
    );
}

#[test]
fn json_bodies_are_not_read() {
    let demo = regions(Dialect::Classic);
    let reply = eu(&demo, 1).post_json("/api/v1/share", &json!({"secret": "x"}));
    assert_eq!(
        reply.json()["message"],
        "You did not provide anything to share"
    );
    let large = format!("secret={}", "x".repeat(20_000));
    assert_eq!(eu(&demo, 1).post("/api/v1/share", &large).status, 200);
}

#[test]
fn a_receipt_shows_a_new_secret_to_its_first_viewer() {
    let demo = regions(Dialect::Classic);
    let mut client = eu(&demo, 1);
    let (_, receipt) = share(&mut client, "secret=x");
    let path = format!("/api/v1/private/{receipt}");
    let first = client.get(&path).json();
    assert_eq!(
        (&first["state"], &first["value"]),
        (&json!("new"), &json!("x"))
    );
    let second = client.get(&path).json();
    assert_eq!(
        (&second["state"], second.get("value")),
        (&json!("viewed"), None)
    );
    let generated = client.post("/api/v1/generate", "");
    assert_eq!(generated.json()["state"], "new");
    let (_, receipt) = keys(&generated);
    let body = client.get(&format!("/api/v1/metadata/{receipt}")).json();
    assert_eq!(
        (&body["state"], body.get("value")),
        (&json!("viewed"), None)
    );
}

#[test]
fn some_routes_do_not_exist_or_are_broken() {
    let demo = regions(Dialect::Classic);
    let mut client = eu(&demo, 1);
    let (secret, receipt) = share(&mut client, "secret=x");
    for (method, path) in [
        ("GET", format!("/api/v1/receipt/{receipt}")),
        ("POST", format!("/api/v1/metadata/{receipt}/burn")),
        ("GET", "/api/v1/status/".to_owned()),
        ("GET", "/api/v3/status".to_owned()),
    ] {
        let reply = client.ask(method, &path, &[], "");
        assert_eq!(
            (reply.status, &reply.json()["error"]),
            (404, &json!("Not Found")),
            "{path}"
        );
    }
    let recent = client.ask("GET", "/api/v1/private/recent", &[&basic("eu")], "");
    assert_eq!(recent.status, 404);
    assert_eq!(recent.json()["message"], "An unexpected error occurred :[");
    let status = client.post("/api/v2/secret/status", &format!("identifiers={secret}"));
    assert_eq!(status.status, 500);
    let burned = client.post(&format!("/api/v1/private/{receipt}/burn"), "");
    assert_eq!(burned.json()["secret_shortkey"], &secret[..6]);
}

#[test]
fn looking_at_a_secret_by_v2_marks_it_viewed() {
    let demo = regions(Dialect::Classic);
    let mut client = eu(&demo, 1);
    let (secret, _) = share(&mut client, "secret=x");
    let path = format!("/api/v2/secret/{secret}");
    let body = client.get(&path).json();
    assert_eq!(
        (&body["success"], &body["record"]["state"]),
        (&json!(true), &json!("viewed"))
    );
    let status = client.get(&format!("{path}/status")).json();
    assert_eq!(status["record"]["is_viewed"], true);
    let unknown = client.get("/api/v2/secret/0123456789012345678901234567890");
    assert_eq!(
        (unknown.status, &unknown.json()["message"]),
        (404, &json!("Unknown secret"))
    );
}

#[test]
fn the_session_cookie_is_the_old_one() {
    let demo = regions(Dialect::Classic);
    let reply = eu(&demo, 1).ask("GET", "/health", &["X-Forwarded-Proto: https"], "");
    assert_eq!(reply.json()["status"], "nominal");
    let cookie = reply.field("set-cookie").unwrap();
    assert!(cookie.starts_with("sess=") && !cookie.contains("httponly"));
    assert_eq!(reply.field("x-csrf-token"), None);
}
