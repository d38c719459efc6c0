//! The v1 API in the current dialect, status by status and member by member.

use std::time::Duration;

use serde_json::json;

use super::{basic, eu, keys, regions, share};
use crate::demo::options::Dialect;
use crate::demo::tests::client::Client;

#[test]
fn status_names_region_endpoint_and_host() {
    let demo = regions(Dialect::Current);
    for number in [1, 2] {
        let reply = eu(&demo, number).ask("GET", "/api/v1/status", &["X-Request-ID: r-1"], "");
        assert_eq!(reply.status, 200);
        assert_eq!(reply.text(), r#"{"locale":"en","status":"nominal"}"#);
        assert_eq!(reply.field("x-demo-region"), Some("eu"));
        assert_eq!(
            reply.field("x-demo-endpoint"),
            Some(number.to_string().as_str())
        );
        assert_eq!(reply.field("o-display-domain"), Some("eu.localhost"));
        assert_eq!(reply.field("o-domain-strategy"), Some("canonical"));
        assert_eq!(reply.field("x-request-id"), Some("r-1"));
        let kind = reply.field("content-type");
        assert_eq!(kind, Some("application/json; charset=utf-8"));
        assert_eq!(reply.field("set-cookie"), None);
    }
    let reply = eu(&demo, 1).get("/api/v1/status");
    assert_eq!(reply.field("x-request-id").unwrap().len(), 36);
}

#[test]
fn a_secret_is_shared_at_one_endpoint_and_read_once_at_the_other() {
    let demo = regions(Dialect::Current);
    let reply = eu(&demo, 1).post("/api/v1/share", "secret=hunter%202&ttl=3600");
    assert_eq!(reply.status, 200);
    let body = reply.json();
    let (secret, receipt) = keys(&reply);
    assert_eq!((secret.len(), receipt.len()), (62, 62));
    assert_eq!(body["custid"], "anon");
    assert_eq!(body["ttl"], 3600);
    assert_eq!(body["secret_ttl"], 3600);
    assert_eq!(body["metadata_ttl"], 7200);
    assert_eq!(body["state"], "new");
    assert_eq!(body["recipient"], json!([]));
    assert_eq!(body["share_domain"], "");
    assert_eq!(body["passphrase_required"], false);
    assert!(body["created"].is_u64() && body["updated"].is_u64());
    let url = format!("https://eu.localhost:8443/receipt/{receipt}");
    assert_eq!(body["metadata_url"], url.as_str());
    for (new, old) in [
        ("identifier", "metadata_key"),
        ("secret_identifier", "secret_key"),
        ("has_passphrase", "passphrase_required"),
        ("recipients", "recipient"),
        ("receipt_ttl", "metadata_ttl"),
        ("receipt_url", "metadata_url"),
    ] {
        assert_eq!(body[new], body[old], "{new}");
    }
    assert!(body.get("value").is_none() && body.get("received").is_none());

    let path = format!("/api/v1/secret/{secret}");
    let reply = eu(&demo, 2).post(&path, "");
    assert_eq!(reply.status, 200);
    let read = json!({
        "value": "hunter 2",
        "secret_key": secret,
        "share_domain": "https://eu.localhost:8443",
    });
    assert_eq!(reply.json(), read);
    let reply = eu(&demo, 1).post(&path, "");
    assert_eq!(reply.status, 404);
    assert_eq!(
        reply.json(),
        json!({"message": "Unknown secret", "secret_key": secret})
    );
    assert_eq!(reply.field("x-ots-intended-status"), None);

    let body = eu(&demo, 1)
        .get(&format!("/api/v1/private/{receipt}"))
        .json();
    assert_eq!(body["state"], "received");
    assert!(body["received"].is_u64());
    assert!(body.get("secret_key").is_none() && body.get("secret_ttl").is_none());
}

#[test]
fn only_one_of_many_readers_at_once_gets_the_value() {
    let demo = regions(Dialect::Current);
    let (secret, _) = share(&mut eu(&demo, 1), "secret=x");
    let path = format!("/api/v1/secret/{secret}");
    let readers: Vec<_> = (0..16)
        .map(|number| {
            let (mut client, path) = (eu(&demo, 1 + number % 2), path.clone());
            std::thread::spawn(move || client.post(&path, "").status)
        })
        .collect();
    let mut statuses: Vec<u16> = readers.into_iter().map(|one| one.join().unwrap()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses[0], 200);
    assert!(statuses[1..].iter().all(|&status| status == 404));
}

#[test]
fn another_region_does_not_know_the_secret() {
    let demo = regions(Dialect::Current);
    let (secret, receipt) = share(&mut eu(&demo, 1), "secret=x");
    let mut us = Client::connect(demo.endpoint("us", 1).unwrap());
    let reply = us.post(&format!("/api/v1/secret/{secret}"), "");
    assert_eq!(
        (reply.status, reply.json()["message"].as_str()),
        (404, Some("Unknown secret"))
    );
    let reply = us.post(&format!("/api/v1/private/{receipt}/burn"), "");
    assert_eq!(
        reply.json(),
        json!({"message": "Unknown secret", "secret_key": receipt})
    );
    assert_eq!(
        us.ask("GET", "/api/v1/status", &[], "")
            .field("x-demo-region"),
        Some("us")
    );
}

#[test]
fn a_wrong_passphrase_looks_like_an_unknown_key_byte_for_byte() {
    let demo = regions(Dialect::Current);
    let mut client = eu(&demo, 1);
    let (secret, receipt) = share(&mut client, "secret=x&passphrase=open+sesame");
    let path = format!("/api/v1/secret/{secret}");
    let id = "X-Request-ID: same";
    let form = "Content-Type: application/x-www-form-urlencoded";
    let wrong = client.ask("POST", &path, &[id, form], "passphrase=wrong");
    let missing = client.ask("POST", &path, &[id, form], "");
    let mut us = Client::connect(demo.endpoint("us", 1).unwrap());
    let unknown = us.ask("POST", &path, &[id, form], "passphrase=wrong");
    assert_eq!(wrong.body, unknown.body);
    assert_eq!(wrong, missing);
    assert_eq!(wrong.status, 404);
    let burn = client.post(
        &format!("/api/v1/receipt/{receipt}/burn"),
        "passphrase=wrong",
    );
    assert_eq!(
        burn.json(),
        json!({"message": "Double check that passphrase"})
    );
    assert_eq!(burn.field("x-ots-intended-status"), Some("400"));
    assert_eq!(
        client.post(&path, "passphrase=open+sesame").json()["value"],
        "x"
    );
}

#[test]
fn five_wrong_passphrases_lock_the_secret_behind_a_hidden_failure() {
    let demo = regions(Dialect::Current);
    let mut client = eu(&demo, 1);
    let (secret, _) = share(&mut client, "secret=x&passphrase=open+sesame");
    let path = format!("/api/v1/secret/{secret}");
    for _ in 0..5 {
        let reply = client.post(&path, "passphrase=wrong");
        assert_eq!(reply.json()["message"], "Unknown secret");
    }
    let reply = client.post(&path, "passphrase=open+sesame");
    assert_eq!(reply.status, 404);
    assert_eq!(
        reply.json(),
        json!({"message": "An unexpected error occurred :["})
    );
    assert_eq!(reply.field("x-ots-intended-status"), Some("400"));
    let form = "Content-Type: application/x-www-form-urlencoded";
    let elsewhere = "X-Forwarded-For: 203.0.113.7";
    let reply = client.ask("POST", &path, &[form, elsewhere], "passphrase=open+sesame");
    assert_eq!(reply.json()["value"], "x");
}

#[test]
fn a_burned_secret_is_gone() {
    let demo = regions(Dialect::Current);
    let mut client = eu(&demo, 1);
    let (secret, receipt) = share(&mut client, "secret=x");
    let reply = client.post(&format!("/api/v1/metadata/{receipt}/burn"), "");
    assert_eq!(reply.status, 200);
    let body = reply.json();
    assert_eq!(body["state"]["state"], "burned");
    assert_eq!(body["secret_shortkey"], &secret[..8]);
    assert_eq!(
        client.post(&format!("/api/v1/secret/{secret}"), "").status,
        404
    );
    let body = client.get(&format!("/api/v1/receipt/{receipt}")).json();
    assert_eq!(
        (&body["state"], &body["secret_key"]),
        (&json!("burned"), &json!(""))
    );
    let again = client.post(&format!("/api/v1/private/{receipt}/burn"), "");
    assert_eq!(again.status, 404);
}

#[test]
fn a_generated_value_is_shown_once_more_within_a_minute() {
    let demo = regions(Dialect::Current);
    let mut client = eu(&demo, 1);
    let reply = client.post("/api/v1/generate", "");
    let (_, receipt) = keys(&reply);
    let value = reply.json()["value"].clone();
    assert_eq!(value.as_str().unwrap().len(), 12);
    assert_eq!(reply.json()["secret_value"], value);
    let path = format!("/api/v1/private/{receipt}");
    assert_eq!(client.get(&path).json()["value"], value);
    assert_eq!(client.get(&path).json().get("value"), None);

    let (_, late) = keys(&client.post("/api/v1/generate", "length=20"));
    demo.advance(Duration::from_secs(60)).unwrap();
    let body = client.get(&format!("/api/v1/private/{late}")).json();
    assert_eq!((body.get("value"), &body["state"]), (None, &json!("new")));
}

#[test]
fn a_ttl_is_clamped_and_kept() {
    let demo = regions(Dialect::Current);
    let mut client = eu(&demo, 1);
    for (ttl, clamped) in [("1", 60), ("99999999", 604_800), ("", 60)] {
        let body = client
            .post("/api/v1/share", &format!("secret=x&ttl={ttl}"))
            .json();
        assert_eq!(body["ttl"], clamped, "{ttl}");
    }
    let (secret, receipt) = share(&mut client, "secret=x&ttl=60");
    demo.advance(Duration::from_secs(60)).unwrap();
    assert_eq!(
        client.post(&format!("/api/v1/secret/{secret}"), "").status,
        404
    );
    let path = format!("/api/v1/private/{receipt}");
    assert_eq!(client.get(&path).json()["state"], "expired");
    demo.advance(Duration::from_secs(60)).unwrap();
    assert_eq!(client.get(&path).json()["message"], "Unknown secret");
}

#[test]
fn credentials_are_known_in_their_own_region_only() {
    let demo = regions(Dialect::Current);
    let mut client = eu(&demo, 1);
    let own = basic("eu");
    assert_eq!(
        client.ask("GET", "/api/v1/authcheck", &[&own], "").status,
        200
    );
    for (path, fields) in [
        ("/api/v1/authcheck", vec![]),
        ("/api/v1/authcheck", vec![basic("us")]),
        ("/api/v1/status", vec![basic("us")]),
        (
            "/api/v1/status",
            vec!["Authorization: Bearer eu-token".to_owned()],
        ),
        ("/api/v1/private/recent", vec![]),
    ] {
        let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
        let reply = client.ask("GET", path, &fields, "");
        assert_eq!(reply.status, 404, "{path} {fields:?}");
        assert_eq!(reply.json(), json!({"message": "Not authorized"}));
        assert_eq!(reply.field("x-ots-intended-status"), Some("401"));
    }
}

#[test]
fn the_account_lists_its_own() {
    let demo = regions(Dialect::Current);
    let mut client = eu(&demo, 1);
    let own = basic("eu");
    let form = "Content-Type: application/x-www-form-urlencoded";
    share(&mut client, "secret=nobodys");
    let reply = client.ask(
        "POST",
        "/api/v1/share",
        &[&own, form],
        "secret=x&ttl=9999999&recipient=tom%40example.com",
    );
    let body = reply.json();
    assert_eq!(body["custid"], "demo@eu.example");
    assert_eq!(body["ttl"], 14 * 24 * 3600);
    assert_eq!(body["recipient"], json!(["to*****@e*****.com"]));
    for word in ["private", "metadata", "receipt"] {
        let path = format!("/api/v1/{word}/recent");
        let list = client.ask("GET", &path, &[&own], "").json();
        assert_eq!(list.as_array().unwrap().len(), 1);
        assert_eq!(list[0]["metadata_key"], body["metadata_key"]);
        assert_eq!(list[0].get("secret_key"), None);
    }
}

#[test]
fn parameters_come_by_form_multipart_json_or_query() {
    let demo = regions(Dialect::Current);
    let mut client = eu(&demo, 1);
    let multipart = "--b\r\nContent-Disposition: form-data; name=\"secret\"\r\n\r\nx\r\n--b--\r\n";
    for (target, kind, body) in [
        (
            "/api/v1/share",
            "application/x-www-form-urlencoded",
            "secret=x",
        ),
        ("/api/v1/share", "application/json", r#"{"secret":"x"}"#),
        (
            "/api/v1/share",
            "multipart/form-data; boundary=b",
            multipart,
        ),
        ("/api/v1/create?secret=x", "text/plain", ""),
    ] {
        let kind = format!("Content-Type: {kind}");
        let reply = client.ask("POST", target, &[&kind], body);
        assert_eq!(reply.status, 200, "{kind}");
        let (secret, _) = keys(&reply);
        let read = client.post(&format!("/api/v1/secret/{secret}"), "");
        assert_eq!(read.json()["value"], "x");
    }
    let reply = client.ask(
        "POST",
        "/api/v1/share",
        &["Content-Type: application/json"],
        "{",
    );
    assert_eq!(reply.status, 400);
}

#[test]
fn what_cannot_be_stored_is_a_404_that_means_400() {
    let demo = regions(Dialect::Current);
    let mut client = eu(&demo, 1);
    let large = format!("secret={}", "x".repeat(10_001));
    for (form, message) in [
        ("", "You did not provide anything to share"),
        (
            &large,
            "Secret value exceeds the maximum size of 10000 bytes",
        ),
        (
            "secret=x&passphrase=abc",
            "Passphrase must be at least 4 characters long",
        ),
        (
            "secret=x&recipient=a%40b.example",
            "An account is required to send emails.",
        ),
        (
            "secret=x&share_domain=a.example",
            "You do not have permission to use domain: a.example",
        ),
    ] {
        let reply = client.post("/api/v1/share", form);
        assert_eq!(
            (reply.status, reply.json()),
            (404, json!({ "message": message }))
        );
        assert_eq!(reply.field("x-ots-intended-status"), Some("400"));
    }
    assert_eq!(
        client
            .post("/api/v1/share", &large[..large.len() - 1])
            .status,
        200
    );
}

#[test]
fn unknown_routes_and_methods_are_404_with_an_error() {
    let demo = regions(Dialect::Current);
    let mut client = eu(&demo, 1);
    let key = "a".repeat(62);
    for (method, path) in [
        ("GET", "/api/v1/nothing".to_owned()),
        ("GET", format!("/api/v1/secret/{key}")),
        ("PUT", "/api/v1/share".to_owned()),
        ("OPTIONS", "/api/v1/share".to_owned()),
        ("DELETE", format!("/api/v1/private/{key}")),
    ] {
        let reply = client.ask(method, &path, &[], "");
        assert_eq!(reply.status, 404, "{method} {path}");
        assert_eq!(reply.text(), r#"{"error":"Not Found"}"#);
    }
    let reply = client.post("/api/v1/secret/tooshort", "");
    assert_eq!(
        (reply.status, reply.text()),
        (404, r#"{"message":"Not Found"}"#)
    );
    let head = client.ask("HEAD", "/api/v1/status", &[], "");
    assert_eq!(
        (head.status, head.field("content-length")),
        (200, Some("34"))
    );
    assert_eq!(client.get("/api//v1/status/").status, 200);
}
