//! The control, by HTTP and by method.

use std::io::ErrorKind;
use std::net::TcpStream;

use serde_json::{Value, json};

use super::client::Client;
use super::{eu, regions};
use crate::demo::fault::Fault;
use crate::demo::options::{DemoOptions, Dialect, KeyStyle};
use crate::demo::record::REMEMBERED;
use crate::demo::{ControlError, DemoRegions};

fn control(demo: &DemoRegions) -> Client {
    Client::connect(demo.control())
}

#[test]
fn what_was_seen_is_told_in_order() {
    let demo = regions(Dialect::Current);
    let mut client = eu(&demo, 1);
    client.ask("GET", "/api/v1/status?x=1", &["X-Request-ID: r-1"], "");
    client.ask(
        "POST",
        "/api/v1/share?secret=x",
        &["X-Demo-Fault: status-500"],
        "",
    );
    client.ask(
        "GET",
        "/api/v2/status",
        &["User-Agent: onetime-gateway-probe/1"],
        "",
    );
    client.ask("GET", "/api/v2/status", &["X-Gateway-Probe: 1"], "");
    eu(&demo, 2).get("/");
    let seen = control(&demo).get("/eu/1/seen");
    assert_eq!(seen.status, 200);
    let expected = json!([
        {"request_id": "r-1", "method": "GET", "path": "/api/v1/status?x=1", "fault": null},
        {"request_id": null, "method": "POST", "path": "/api/v1/share?secret=x", "fault": "status-500"},
        {"request_id": null, "method": "GET", "path": "/api/v2/status", "fault": null, "probe": true},
        {"request_id": null, "method": "GET", "path": "/api/v2/status", "fault": null, "probe": true},
    ]);
    assert_eq!(seen.json(), expected);
    assert_eq!(demo.seen("eu", 2).unwrap().len(), 1);
    assert_eq!(
        control(&demo).post("/reset", "").json(),
        json!({"ok": true})
    );
    assert_eq!(control(&demo).get("/eu/1/seen").json(), json!([]));
    assert!(demo.seen("eu", 2).unwrap().is_empty());
}

#[test]
fn a_request_is_seen_before_it_is_answered() {
    let demo = regions(Dialect::Current);
    let mut client = eu(&demo, 1);
    client.start("GET", "/", &["X-Demo-Fault: hang"], "");
    let mut seen = Vec::new();
    while seen.is_empty() {
        seen = demo.seen("eu", 1).unwrap();
    }
    assert_eq!((seen[0].path(), seen[0].fault()), ("/", Some(Fault::Hang)));
}

#[test]
fn down_refuses_and_resets_and_up_takes_the_same_port() {
    let demo = regions(Dialect::Current);
    let address = demo.endpoint("eu", 1).unwrap();
    let mut idle = eu(&demo, 1);
    assert_eq!(idle.get("/api/v1/status").status, 200);
    let mut hanging = eu(&demo, 1);
    hanging.start("GET", "/", &["X-Demo-Fault: hang"], "");
    while demo.seen("eu", 1).unwrap().len() < 2 {}

    let reply = control(&demo).post("/eu/1/down", "");
    assert_eq!(
        (&reply.json()["ok"], &reply.json()["up"]),
        (&json!(true), &json!(false))
    );
    let refused = TcpStream::connect(address).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    assert_eq!(idle.rest().1, ErrorKind::ConnectionReset);
    assert_eq!(hanging.rest().1, ErrorKind::ConnectionReset);
    assert_eq!(eu(&demo, 2).get("/api/v1/status").status, 200);
    assert_eq!(control(&demo).post("/eu/1/down", "").status, 200);

    let reply = control(&demo).post("/eu/1/up", "");
    assert_eq!(
        (&reply.json()["ok"], &reply.json()["up"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(eu(&demo, 1).get("/api/v1/status").status, 200);
    demo.down("eu", 1).unwrap();
    assert!(TcpStream::connect(address).is_err());
    demo.up("eu", 1).unwrap();
    demo.up("eu", 1).unwrap();
    assert_eq!(eu(&demo, 1).get("/api/v1/status").status, 200);
}

#[test]
fn up_says_so_if_its_port_was_taken() {
    let demo = regions(Dialect::Current);
    let address = demo.endpoint("eu", 1).unwrap();
    demo.down("eu", 1).unwrap();
    let _taker = std::net::TcpListener::bind(address).unwrap();
    let error = demo.up("eu", 1).unwrap_err();
    assert!(error.to_string().contains(&address.to_string()), "{error}");
    let reply = control(&demo).post("/eu/1/up", "");
    assert_eq!((reply.status, &reply.json()["ok"]), (503, &json!(false)));
}

#[test]
fn faults_are_given_and_healed() {
    let demo = regions(Dialect::Current);
    let mut control = control(&demo);
    let reply = control.post("/eu/1/fault?name=status-500", "");
    assert_eq!(reply.json()["fault"], "status-500");
    assert_eq!(eu(&demo, 1).get("/").status, 500);
    for name in ["slow=5", "slow%3D5"] {
        let reply = control.post(&format!("/eu/1/fault?name={name}"), "");
        assert_eq!(reply.json()["fault"], "slow=5", "{name}");
    }
    let body = control.post("/eu/1/heal", "").json();
    assert_eq!((&body["ok"], &body["fault"]), (&json!(true), &Value::Null));
    assert_eq!(eu(&demo, 1).get("/").status, 200);
    for target in ["/eu/1/fault", "/eu/1/fault?name=explode"] {
        let reply = control.post(target, "");
        assert_eq!((reply.status, &reply.json()["ok"]), (400, &json!(false)));
    }
}

#[test]
fn help_regions_and_what_is_unknown() {
    let demo = regions(Dialect::Current);
    let mut control = control(&demo);
    let help = control.get("/");
    assert_eq!(
        help.field("content-type"),
        Some("text/plain; charset=utf-8")
    );
    for line in ["/REGION/N/seen", "/reset", "slow=MS", "eu/2 at 127.0.0.1:"] {
        assert!(help.text().contains(line), "{line}");
    }
    let list = control.get("/regions").json();
    assert_eq!(
        (&list[0]["name"], &list[0]["dialect"]),
        (&json!("eu"), &json!("current"))
    );
    assert_eq!(list[0]["endpoints"][1]["up"], true);
    for path in [
        "/de/1/seen",
        "/eu/3/seen",
        "/eu/0/seen",
        "/eu/x/seen",
        "/eu/1/explode",
        "/x",
    ] {
        let reply = control.get(path);
        assert_eq!(
            (reply.status, &reply.json()["ok"]),
            (404, &json!(false)),
            "{path}"
        );
    }
    let reply = control.get("/eu/1/down");
    assert_eq!((reply.status, reply.field("allow")), (405, Some("POST")));
    let reply = control.post("/eu/1/seen", "");
    assert_eq!(
        (reply.status, reply.field("allow")),
        (405, Some("GET, HEAD"))
    );
    assert_eq!(control.post("/advance?seconds=soon", "").status, 400);
    assert_eq!(control.post("/advance?seconds=5", "").json()["seconds"], 5);
    let unknown = demo.down("de", 1).unwrap_err();
    assert!(matches!(unknown, ControlError::UnknownEndpoint { .. }));
}

#[test]
fn the_record_is_bounded() {
    let demo = regions(Dialect::Current);
    let mut client = eu(&demo, 1);
    let batch = "GET /robots.txt HTTP/1.1\r\nHost: eu\r\n\r\n".repeat(100);
    for _ in 0..=REMEMBERED / 100 {
        client.send(&batch);
        for _ in 0..100 {
            assert_eq!(client.reply().unwrap().status, 200);
        }
    }
    assert_eq!(demo.seen("eu", 1).unwrap().len(), REMEMBERED);
}

#[test]
fn ports_are_free_again_when_it_is_dropped() {
    let demo = regions(Dialect::Current);
    let mut open = eu(&demo, 1);
    assert_eq!(open.get("/api/v1/status").status, 200);
    let (address, control) = (demo.endpoint("eu", 1).unwrap(), demo.control());
    drop(demo);
    for address in [address, control] {
        let refused = TcpStream::connect(address).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    }
}

#[test]
fn a_busy_port_is_named_with_what_should_listen_there() {
    let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = held.local_addr().unwrap().port();
    let options = DemoOptions {
        base_port: port,
        ..DemoOptions::default()
    };
    let error = DemoRegions::start(options).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
    let words = format!("the demo's control cannot listen on 127.0.0.1:{port}: the port is in use");
    assert_eq!(error.to_string(), words);
}

#[test]
fn contradictory_options_are_refused() {
    let mut options = DemoOptions::ephemeral();
    options.regions[1].name = "us".to_owned();
    let error = DemoRegions::start(options).unwrap_err();
    assert_eq!(error.to_string(), "two demo regions are called us");
    for (name, endpoints) in [("", 2), ("E", 2), ("a/b", 2), ("eu", 0), ("eu", 100)] {
        let mut options = DemoOptions::ephemeral();
        options.regions[1].name = name.to_owned();
        options.regions[1].endpoints = endpoints;
        let error = DemoRegions::start(options).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{name} {endpoints}");
    }
    let options = DemoOptions {
        base_port: 65_500,
        ..DemoOptions::default()
    };
    let error = DemoRegions::start(options).unwrap_err();
    assert!(matches!(
        error.kind(),
        ErrorKind::InvalidInput | ErrorKind::AddrInUse
    ));
}

#[test]
fn what_the_gateway_must_know_is_told() {
    let mut options = DemoOptions::ephemeral();
    options.region_mut("eu").unwrap().identifier_secret = Some("given".to_owned());
    options.region_mut("ca").unwrap().keys = Some(KeyStyle::Short);
    let demo = DemoRegions::start(options).unwrap();
    assert_eq!(demo.regions().len(), 5);
    let eu = demo.region("eu").unwrap();
    assert_eq!(
        (eu.identifier_secret.as_str(), eu.site.as_str()),
        ("given", "eu.localhost:8443")
    );
    assert_eq!(
        (eu.user.as_str(), eu.token.as_str()),
        ("demo@eu.example", "eu-token")
    );
    assert_eq!(demo.region("us").unwrap().identifier_secret.len(), 64);
    assert!(!format!("{demo:?}").contains("given"));
    let mut ca = Client::connect(demo.endpoint("ca", 1).unwrap());
    let body = ca.post("/api/v1/share", "secret=x").json();
    assert_eq!(body["secret_key"].as_str().unwrap().len(), 31);
    demo.set_site_port(9443).unwrap();
    let body = ca.post("/api/v1/share", "secret=x").json();
    assert!(
        body["metadata_url"]
            .as_str()
            .unwrap()
            .starts_with("https://ca.localhost:9443/")
    );
}
