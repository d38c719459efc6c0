//! The v2 and v3 APIs in the current dialect: honest statuses, look-ups without side effect.

use serde_json::{Value, json};

use super::{basic, eu, regions};
use crate::demo::options::Dialect;
use crate::demo::tests::client::Client;

/// Conceals a secret; gives its key and its receipt's.
fn conceal(client: &mut Client, version: &str, secret: Value) -> (String, String) {
    let reply = client.post_json(
        &format!("/api/{version}/guest/secret/conceal"),
        &json!({ "secret": secret }),
    );
    assert_eq!(reply.status, 200, "{}", reply.text());
    let record = &reply.json()["record"];
    let key = |name: &str| record[name]["identifier"].as_str().unwrap().to_owned();
    (key("secret"), key("receipt"))
}

#[test]
fn a_secret_is_concealed_and_revealed_once_in_either_version() {
    let demo = regions(Dialect::Current);
    let mut client = eu(&demo, 1);
    for version in ["v2", "v3"] {
        let (secret, receipt) = conceal(&mut client, version, json!({"secret": "x\ny", "ttl": 90}));
        let path = format!("/api/{version}/guest/secret/{secret}");
        let body = client.get(&path).json();
        assert_eq!(body["record"]["state"], "new");
        assert_eq!(body["record"]["secret_ttl"], 90);
        assert_eq!(body["details"]["show_secret"], false);

        let reveal = format!("{path}/reveal");
        let body = client.post_json(&reveal, &json!({})).json();
        assert_eq!(body["record"].get("secret_value"), None);
        let reply = client.post_json(&reveal, &json!({"continue": true}));
        assert_eq!(reply.status, 200);
        assert_eq!(reply.json()["record"]["secret_value"], "x\ny");
        assert_eq!(reply.json()["record"]["state"], "revealed");
        assert_eq!(reply.json()["details"]["one_liner"], false);

        let reply = client.ask("POST", &reveal, &["X-Request-ID: r-2"], "continue=true");
        assert_eq!(reply.status, 404);
        let unknown = json!({
            "error": "Unknown secret",
            "error_type": "RecordNotFound",
            "request_id": "r-2",
        });
        assert_eq!(reply.json(), unknown);
        let body = client
            .get(&format!("/api/{version}/guest/receipt/{receipt}"))
            .json();
        assert_eq!(body["record"]["state"], "revealed");
        assert_eq!(body["record"]["is_destroyed"], true);
        assert_eq!(body["record"]["share_url"], Value::Null);
        assert_eq!(body["details"]["view_count"], 1);
    }
}

#[test]
fn a_get_with_continue_reads_the_secret() {
    let demo = regions(Dialect::Current);
    let mut client = eu(&demo, 1);
    let (secret, _) = conceal(&mut client, "v2", json!({"secret": "x"}));
    let path = format!("/api/v2/secret/{secret}?continue=true");
    assert_eq!(client.get(&path).json()["record"]["secret_value"], "x");
    assert_eq!(client.get(&path).status, 404);
}

#[test]
fn a_wrong_passphrase_is_422_and_then_429() {
    let demo = regions(Dialect::Current);
    let mut client = eu(&demo, 1);
    let secret = json!({"secret": "x", "passphrase": "open sesame"});
    let (secret, receipt) = conceal(&mut client, "v3", secret);
    let path = format!("/api/v3/guest/secret/{secret}/reveal");
    let wrong = json!({"continue": true, "passphrase": "no"});
    for _ in 0..4 {
        let reply = client.post_json(&path, &wrong);
        assert_eq!(reply.status, 422);
        assert_eq!(reply.json()["error"], "Incorrect passphrase");
    }
    let burn = format!("/api/v3/guest/receipt/{receipt}/burn");
    assert_eq!(client.post_json(&burn, &wrong).status, 422);
    let reply = client.post_json(
        &path,
        &json!({"continue": true, "passphrase": "open sesame"}),
    );
    assert_eq!(reply.status, 429);
    assert_eq!(reply.field("retry-after"), Some("1800"));
    assert_eq!(reply.json()["retry_after"], 1800);
    assert_eq!(reply.json()["error_type"], "LimitExceeded");
}

#[test]
fn burning_needs_continue() {
    let demo = regions(Dialect::Current);
    let mut client = eu(&demo, 1);
    let (secret, receipt) = conceal(&mut client, "v2", json!({"secret": "x"}));
    let path = format!("/api/v2/private/{receipt}/burn");
    assert_eq!(client.post_json(&path, &json!({})).json()["success"], false);
    let body = client.post_json(&path, &json!({"continue": true})).json();
    assert_eq!(
        (&body["success"], &body["record"]["state"]),
        (&json!(true), &json!("burned"))
    );
    assert_eq!(client.get(&format!("/api/v2/secret/{secret}")).status, 404);
}

#[test]
fn look_ups_answer_and_change_nothing() {
    let demo = regions(Dialect::Current);
    let mut client = eu(&demo, 1);
    let (secret, receipt) = conceal(&mut client, "v3", json!({"secret": "x"}));
    let before = client.get(&format!("/api/v3/guest/receipt/{receipt}")).body;
    for version in ["v2", "v3"] {
        let path = format!("/api/{version}/secret/status");
        let body = client.post(&path, &format!("identifiers={secret}")).json();
        assert_eq!(
            (&body["count"], &body["records"][0]["state"]),
            (&json!(1), &json!("new"))
        );
        assert_eq!(body["records"][0]["has_passphrase"], false);
        let body = client
            .post(&path, &format!("identifiers={}", "a".repeat(62)))
            .json();
        assert_eq!(body, json!({"count": 0, "records": []}));
    }
    let path = "/api/v3/guest/receipts";
    let body = client
        .post_json(path, &json!({"identifiers": [receipt, "unknown"]}))
        .json();
    assert_eq!(
        (&body["count"], &body["records"][0]["key"]),
        (&json!(1), &json!(receipt))
    );
    let many = json!({"identifiers": vec!["a"; 26]});
    assert_eq!(client.post_json(path, &many).status, 422);
    let after = client.get(&format!("/api/v3/guest/receipt/{receipt}")).body;
    assert_eq!(before, after);
}

#[test]
fn a_single_status_look_up_leaves_a_trace_on_the_receipt() {
    let demo = regions(Dialect::Current);
    let mut client = eu(&demo, 1);
    let (secret, receipt) = conceal(&mut client, "v2", json!({"secret": "x"}));
    let body = client
        .get(&format!("/api/v2/secret/{secret}/status"))
        .json();
    assert_eq!(body["details"]["current_expiration"], 604_800);
    let body = client.get(&format!("/api/v2/receipt/{receipt}")).json();
    assert_eq!(body["record"]["is_previewed"], true);
    let body = client
        .get(&format!("/api/v2/secret/{}/status", "a".repeat(62)))
        .json();
    assert_eq!(body, json!({"record": {"state": "unknown"}}));
}

#[test]
fn a_generated_value_is_in_the_receipt_once() {
    let demo = regions(Dialect::Current);
    let mut client = eu(&demo, 1);
    let reply = client.post("/api/v3/guest/secret/generate", "");
    let receipt = reply.json()["record"]["receipt"]["key"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("/api/v3/guest/receipt/{receipt}");
    assert!(client.get(&path).json()["details"]["secret_value"].is_string());
    assert_eq!(
        client.get(&path).json()["details"]["secret_value"],
        Value::Null
    );
}

#[test]
fn who_may_call_what() {
    let demo = regions(Dialect::Current);
    let mut client = eu(&demo, 1);
    let (secret, receipt) = conceal(&mut client, "v2", json!({"secret": "x"}));
    let (own, foreign) = (basic("eu"), basic("us"));
    for (method, path, fields, status) in [
        ("GET", format!("/api/v2/secret/{secret}"), vec![], 200),
        (
            "GET",
            format!("/api/v2/secret/{secret}"),
            vec![&*foreign],
            401,
        ),
        ("GET", format!("/api/v3/secret/{secret}"), vec![], 401),
        (
            "GET",
            format!("/api/v3/secret/{secret}/status"),
            vec![],
            200,
        ),
        ("GET", "/api/v2/receipt/recent".to_owned(), vec![], 401),
        ("GET", "/api/v2/receipt/recent".to_owned(), vec![&*own], 200),
        ("GET", "/api/v3/receipt/recent".to_owned(), vec![&*own], 401),
        (
            "PATCH",
            format!("/api/v2/receipt/{receipt}"),
            vec![&*own],
            401,
        ),
        (
            "GET",
            format!("/api/v2/guest/private/{receipt}"),
            vec![],
            404,
        ),
        ("POST", "/api/v2/guest/receipts".to_owned(), vec![], 404),
        ("POST", "/api/v3/feedback".to_owned(), vec![], 200),
    ] {
        let reply = client.ask(method, &path, &fields, "");
        assert_eq!(reply.status, status, "{method} {path}");
        if status == 401 {
            assert_eq!(reply.json()["error_type"], "Unauthorized");
        }
    }
}

#[test]
fn the_account_lists_and_annotates_its_own() {
    let demo = regions(Dialect::Current);
    let mut client = eu(&demo, 1);
    let own = basic("eu");
    let json_type = "Content-Type: application/json";
    let body = json!({"secret": {"secret": "x", "recipient": "a@b.example"}}).to_string();
    let reply = client.ask("POST", "/api/v2/secret/conceal", &[&own, json_type], &body);
    let receipt = reply.json()["record"]["metadata"]["key"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("/api/v2/receipt/{receipt}");
    let memo = client.ask("PATCH", &path, &[&own, json_type], r#"{"memo":"for Tom"}"#);
    assert_eq!(memo.json()["record"]["memo"], "for Tom");
    let list = client
        .ask("GET", "/api/v2/private/recent", &[&own], "")
        .json();
    assert_eq!(
        (&list["count"], &list["records"][0]["memo"]),
        (&json!(1), &json!("for Tom"))
    );
    assert_eq!(
        list["details"]["pending_receipts"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let reply = client.post_json(
        "/api/v2/secret/conceal",
        &serde_json::from_str(&body).unwrap(),
    );
    assert_eq!(reply.status, 401);
}

#[test]
fn static_routes_and_errors() {
    let demo = regions(Dialect::Current);
    let mut client = eu(&demo, 1);
    let status = client.get("/api/v2/status");
    assert_eq!(
        status.text(),
        r#"{"locale":"en","status":"nominal","success":true}"#
    );
    assert_eq!(status.field("x-csrf-token"), None);
    assert_eq!(
        client.get("/api/v3/status").json(),
        json!({"locale": "en", "status": "nominal"})
    );
    assert_eq!(
        client.get("/api/v2/version").json()["version"],
        json!(["0", "26", "6"])
    );
    assert_eq!(
        client.get("/api/v3/supported-locales").json()["default_locale"],
        "en"
    );
    assert_eq!(
        client
            .ask("OPTIONS", "/api/v2/secret/conceal", &[], "")
            .status,
        204
    );
    let reply = client.ask("DELETE", "/api/v2/secret/conceal", &[], "");
    assert_eq!(reply.status, 404);
    assert_eq!(
        reply.json(),
        json!({"error": "Not Found", "error_type": "NotFound"})
    );
    let reply = client.post_json("/api/v2/guest/secret/conceal", &json!({"secret": "x"}));
    assert_eq!(
        (reply.status, reply.json()["error"].as_str()),
        (422, Some("Incorrect payload format"))
    );
}

#[test]
fn answers_of_a_session_set_its_cookie_over_https_only() {
    let demo = regions(Dialect::Current);
    let mut client = eu(&demo, 1);
    let path = "/api/v2/supported-locales";
    let plain = client.get(path);
    assert_eq!(plain.field("set-cookie"), None);
    let secure = client.ask("GET", path, &["X-Forwarded-Proto: https"], "");
    let cookie = secure.field("set-cookie").unwrap();
    assert!(cookie.starts_with("onetime.session="));
    assert!(cookie.contains("httponly") && cookie.contains("samesite=lax"));
    assert_ne!(plain.field("x-csrf-token"), secure.field("x-csrf-token"));
    let sent = format!("Cookie: a=b; {}", cookie.split(';').next().unwrap());
    let again = client.ask("GET", path, &["X-Forwarded-Proto: https", &sent], "");
    assert_eq!(again.field("set-cookie"), Some(cookie));
    let own = basic("eu");
    let stateless = client.ask("GET", path, &["X-Forwarded-Proto: https", &own], "");
    assert_eq!(stateless.field("set-cookie"), None);
}
