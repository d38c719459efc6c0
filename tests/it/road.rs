//! Requests to their regions: every rule, both protocols, byte for byte.

use http::Method;

use crate::health::edit;
use crate::support::{BOTH, Client, Speak, received, world, world_with};

const BARE: &str = "onetimesecret.com";
const STATUS: &str = "/api/v1/status";

#[tokio::test]
async fn every_rule_decides() {
    let world = world();
    for protocol in BOTH {
        let mut bare = Client::open(&world, protocol, BARE).await;
        let made = bare
            .ask(
                Method::POST,
                "/api/v1/share",
                &[
                    ("o-region", "uk"),
                    ("content-type", "application/x-www-form-urlencoded"),
                ],
                "secret=known+only+to+the+United+Kingdom",
            )
            .await;
        assert_eq!(made.landed(), ("uk", "pin-header"));
        let key = made.json()["secret_key"]
            .as_str()
            .expect("a key")
            .to_owned();
        let path = format!("/api/v1/secret/{key}");
        for (headers, region, reason) in [
            (vec![("o-region", "ca")], "ca", "pin-header"),
            (vec![("cookie", "__Host-ots-region=nz")], "nz", "pin-cookie"),
            (
                vec![("authorization", "Basic ZGVtbzp4")],
                "us",
                "credentials",
            ),
            (vec![("x-forwarded-for", "203.0.113.7")], "ca", "network"),
            (vec![("x-forwarded-for", "1.186.0.1")], "uk", "geo"),
            (vec![("x-forwarded-for", "::ffff:1.186.0.1")], "uk", "geo"),
            (vec![("x-forwarded-for", "1.178.27.1")], "nz", "geo"),
            (vec![], "eu", "no-country"),
            (vec![("x-forwarded-for", "23.154.160.1")], "us", "default"),
        ] {
            let answer = bare.get(STATUS, &headers).await;
            assert_eq!(
                answer.landed(),
                (region, reason),
                "{protocol:?} {headers:?}"
            );
            assert_eq!(answer.header("x-demo-region"), region);
        }
        // The key's region beats a pin and wherever the caller is.
        let read = bare
            .ask(Method::POST, &path, &[("o-region", "us")], "")
            .await;
        assert_eq!(read.landed(), ("uk", "key"));
        assert_eq!(read.json()["value"], "known only to the United Kingdom");

        let mut own = Client::open(&world, protocol, "nz.onetimesecret.com").await;
        assert_eq!(own.get(STATUS, &[]).await.landed(), ("nz", "host"));
        let contradiction = own.get(STATUS, &[("o-region", "us")]).await;
        assert_eq!(contradiction.status, 400);
        let unknown = bare.get(STATUS, &[("o-region", "mars")]).await;
        assert_eq!(unknown.status, 400);
        assert!(
            unknown.json()["message"]
                .as_str()
                .expect("words")
                .contains("ca, eu, nz, uk, us")
        );
    }
}

#[tokio::test]
async fn the_region_sees_one_truth_and_the_client_sees_the_region() {
    let world = world();
    for protocol in BOTH {
        let mut client = Client::open(&world, protocol, BARE).await;
        let body = "a=1&b=%00\r\n\u{fffd}";
        let answer = client
            .ask(
                Method::PATCH,
                "/demo/echo?x=%2F&y",
                &[
                    ("x-forwarded-for", "6.6.6.6, 1.186.0.1"),
                    ("x-forwarded-host", "evil.example"),
                    ("x-real-ip", "6.6.6.6"),
                    ("x-request-id", "from-a-trusted-proxy"),
                    ("cf-ipcountry", "XX"),
                    ("x_forwarded_for", "6.6.6.6"),
                    ("cookie", "onetime.session=private"),
                    ("x-custom", "kept  as it is"),
                    (
                        "traceparent",
                        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                    ),
                ],
                body,
            )
            .await;
        assert_eq!(answer.landed(), ("uk", "geo"), "{protocol:?}");
        assert_eq!(answer.header("x-request-id"), "from-a-trusted-proxy");
        assert_eq!(answer.header("via"), "1.1 onetime-gateway");
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("o-delivery"), "executed");
        let echo = answer.json();
        assert_eq!(echo["method"], "PATCH");
        assert_eq!(echo["target"], "/demo/echo?x=%2F&y");
        assert_eq!(echo["body"], body);
        let seen = |name: &str| -> Vec<String> {
            let pairs = echo["headers"].as_array().expect("pairs");
            pairs
                .iter()
                .filter(|pair| pair[0].as_str().expect("a name").eq_ignore_ascii_case(name))
                .map(|pair| pair[1].as_str().expect("a value").to_owned())
                .collect()
        };
        let host = format!("uk.localhost:{}", world.https().port());
        let received = if protocol == Speak::Http1 { "1.1" } else { "2" };
        for (name, values) in [
            ("host", vec![host.clone()]),
            ("x-forwarded-host", vec![host]),
            ("x-forwarded-for", vec!["1.186.0.1".to_owned()]),
            ("x-real-ip", vec!["1.186.0.1".to_owned()]),
            ("x-forwarded-proto", vec!["https".to_owned()]),
            ("via", vec![format!("{received} onetime-gateway")]),
            ("x-request-id", vec!["from-a-trusted-proxy".to_owned()]),
            ("x-custom", vec!["kept  as it is".to_owned()]),
            ("content-length", vec![body.len().to_string()]),
            ("cookie", vec![]),
            ("cf-ipcountry", vec![]),
            ("x_forwarded_for", vec![]),
        ] {
            assert_eq!(seen(name), values, "{protocol:?} {name}");
        }
        assert_eq!(seen("traceparent").len(), 1);
    }
}

#[tokio::test]
async fn every_method_and_dialect_passes_untouched() {
    let world = world();
    for protocol in BOTH {
        let mut client = Client::open(&world, protocol, BARE).await;
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
            let method = Method::from_bytes(method.as_bytes()).expect("a method");
            let answer = client.ask(method.clone(), "/demo/echo", &[], "").await;
            assert_eq!(answer.json()["method"], method.as_str(), "{protocol:?}");
        }
        let head = client.ask(Method::HEAD, "/demo/bytes/1234", &[], "").await;
        assert_eq!(
            (head.status.as_u16(), head.header("content-length")),
            (200, "1234")
        );
        assert!(head.body.is_empty());
        for (path, member) in [
            ("/api/v1/secret/nothing-of-this-name-anywhere", "message"),
            (
                "/api/v2/secret/nothing-of-this-name-anywhere/reveal",
                "error",
            ),
            (
                "/api/v3/guest/secret/nothing-of-this-name-anywhere/reveal",
                "error",
            ),
        ] {
            let answer = client.ask(Method::POST, path, &[], "").await;
            assert_eq!(answer.status, 404, "{path}");
            assert!(
                answer.json()[member].is_string(),
                "{path}: {:?}",
                answer.body
            );
        }
        let asked = "/demo/answer?status=418&header=x-otS-Intended-Status:401&header=Retry-After:7\
                     &header=O-Region:mars&body=tea";
        let answer = client.get(asked, &[]).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.body[..]),
            (418, &b"tea"[..])
        );
        assert_eq!(answer.header("x-ots-intended-status"), "401");
        assert_eq!(answer.header("retry-after"), "7");
        assert_eq!(answer.header("o-region"), "eu");
    }
}

#[tokio::test]
async fn bodies_stream_whole_in_both_directions() {
    let world = world_with("[limits]\nbody = \"8MiB\"\n");
    for protocol in BOTH {
        let mut client = Client::open(&world, protocol, BARE).await;
        for path in ["/demo/bytes/5000000", "/demo/bytes/5000000?chunked=1"] {
            let answer = client.get(path, &[]).await;
            assert_eq!(answer.body.len(), 5_000_000, "{protocol:?} {path}");
            let right = |(i, byte): (usize, &u8)| *byte == onetime_gateway::demo::pattern(i as u64);
            assert!(
                answer.body.iter().enumerate().all(right),
                "{protocol:?} {path}"
            );
        }
        let large = "0123456789abcdef".repeat(200_000);
        let answer = client.ask(Method::POST, "/demo/echo", &[], &large).await;
        assert_eq!(answer.json()["body_length"], large.len(), "{protocol:?}");
        let answer = client.get("/demo/trailers", &[("te", "trailers")]).await;
        let trailers = answer.trailers.expect("trailers");
        assert!(trailers.contains_key("x-demo-sha256"), "{protocol:?}");
    }
}

#[tokio::test]
async fn pages_are_sent_to_the_regions_own_host() {
    let world = world();
    let port = world.https().port();
    for protocol in BOTH {
        let mut bare = Client::open(&world, protocol, BARE).await;
        let made = bare
            .ask(
                Method::POST,
                "/api/v1/share?secret=x",
                &[("o-region", "ca")],
                "",
            )
            .await;
        let key = made.json()["secret_key"]
            .as_str()
            .expect("a key")
            .to_owned();
        for (path, location) in [
            (
                format!("/secret/{key}?a=b"),
                format!("https://ca.localhost:{port}/secret/{key}?a=b"),
            ),
            (
                format!("/private/{key}"),
                format!("https://ca.localhost:{port}/receipt/{key}"),
            ),
            (
                "/signin".to_owned(),
                format!("https://eu.localhost:{port}/signin"),
            ),
        ] {
            let answer = bare.get(&path, &[]).await;
            assert_eq!(answer.status, 302);
            assert_eq!(answer.header("location"), location);
            assert_eq!(answer.header("cache-control"), "no-store");
            assert_eq!(answer.header("referrer-policy"), "no-referrer");
        }
        let posted = bare.ask(Method::POST, "/signin", &[], "u=1").await;
        assert_eq!(posted.status, 307);
        // On another region's own host the page of a key goes where the key lives ...
        let mut own = Client::open(&world, protocol, "nz.localhost").await;
        let page = own.get(&format!("/secret/{key}"), &[]).await;
        assert_eq!(
            page.header("location"),
            format!("https://ca.localhost:{port}/secret/{key}")
        );
        // ... its own pages are its own, with cookies ...
        let page = own.get("/", &[]).await;
        assert_eq!((page.status.as_u16(), page.landed()), (200, ("nz", "host")));
        assert!(page.headers.contains_key("set-cookie"));
        // ... and an API call goes where the host says.
        let call = own
            .ask(Method::POST, &format!("/api/v1/secret/{key}"), &[], "")
            .await;
        assert_eq!((call.status.as_u16(), call.landed()), (404, ("nz", "host")));
    }
}

#[tokio::test]
async fn what_is_not_offered_is_refused_in_the_callers_dialect() {
    let world = world();
    let mut client = Client::open(&world, Speak::Http1, BARE).await;
    for (path, status) in [
        ("/colonel", 404),
        ("/api/colonel/x", 404),
        ("/api/internal/acme/ask", 404),
        ("/api/v1/../colonel", 400),
        ("/api/v1/%2e%2e/colonel", 400),
        ("/api/v1/secret/a%2Fb", 400),
        ("/api/v1/secret/a%00", 400),
    ] {
        let mut client = Client::open(&world, Speak::Http1, BARE).await;
        let answer = client.get(path, &[]).await;
        assert_eq!(answer.status.as_u16(), status, "{path}");
        assert_eq!(answer.header("o-delivery"), "not-sent", "{path}");
        assert!(
            answer
                .header("proxy-status")
                .starts_with("onetime-gateway; error="),
            "{path}"
        );
    }
    assert_eq!(client.get("/robots.txt", &[]).await.status, 200);
    let unknown = client.get(STATUS, &[("via", "1.1 onetime-gateway")]).await;
    assert_eq!(unknown.status, 508);
    assert!(unknown.json()["message"].is_string());
    let expects = client
        .get("/api/v2/status", &[("expect", "the-unexpected")])
        .await;
    assert_eq!(expects.status, 417);
    assert_eq!(expects.json()["error_type"], "expectation-failed");
    for region in ["us", "eu", "ca", "nz", "uk"] {
        assert_eq!(received(&world, region), 0, "{region}");
    }
}

#[tokio::test]
async fn robots_txt_is_only_read() {
    let world = world();
    for protocol in BOTH {
        let mut client = Client::open(&world, protocol, BARE).await;
        for (method, status) in [
            (Method::GET, 200),
            (Method::HEAD, 200),
            (Method::POST, 405),
            (Method::DELETE, 405),
            (Method::OPTIONS, 405),
        ] {
            let answer = client.ask(method.clone(), "/robots.txt", &[], "").await;
            let allow = if status == 405 { "GET, HEAD" } else { "" };
            assert_eq!(answer.status, status, "{protocol:?} {method}");
            assert_eq!(answer.header("allow"), allow, "{protocol:?} {method}");
        }
    }
}

#[tokio::test]
async fn a_host_that_nobody_configured_is_421() {
    let world = world();
    for protocol in BOTH {
        let config = crate::support::tls(&world, protocol);
        let mut client = Client::try_open(world.https(), config, protocol, "uk.localhost")
            .await
            .expect("TLS");
        client.call_itself("nobody.example");
        let answer = client.get("/", &[("accept", "text/html")]).await;
        assert_eq!(answer.status, 421, "{protocol:?}");
        assert!(answer.header("content-type").starts_with("text/html"));
    }
}

#[tokio::test]
async fn plain_http_leads_to_https() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let world = world();
    let mut socket = tokio::net::TcpStream::connect(world.http())
        .await
        .expect("a connection");
    let request = "POST /api/v1/share?a=b HTTP/1.1\r\nHost: onetimesecret.com\r\nContent-Length: 2\r\nConnection: close\r\n\r\nx=";
    socket.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.expect("an answer");
    let port = world.https().port();
    assert!(answer.starts_with("HTTP/1.1 308 "), "{answer}");
    assert!(
        answer.contains(&format!(
            "Location: https://onetimesecret.com:{port}/api/v1/share?a=b\r\n"
        )),
        "{answer}"
    );
    assert!(
        !answer.contains("Strict-Transport-Security"),
        "not over plain HTTP"
    );
}

/// A certificate authority finds its answer over plain HTTP, and nothing else in that directory.
#[tokio::test]
async fn acme_challenges_are_answered_from_the_operators_directory() {
    let directory = tempfile::tempdir().expect("a directory");
    let challenges = directory.path().join(".well-known/acme-challenge");
    std::fs::create_dir_all(&challenges).expect("made");
    std::fs::write(challenges.join("a-token_1"), "a-token_1.thumbprint").expect("written");
    std::fs::write(directory.path().join("private"), "not for you").expect("written");
    let world = world();
    let text = std::fs::read_to_string(&world.config).expect("the file");
    let webroot = format!(
        "[server]\nacme_webroot = \"{}\"\n",
        directory.path().display()
    );
    std::fs::write(&world.config, text.replace("[server]\n", &webroot)).expect("written");
    let verdict = world.gateway().expect("a gateway").reload();
    assert!(
        matches!(verdict, onetime_gateway::reload::Verdict::Applied { .. }),
        "{verdict:?}"
    );
    for (path, status, body) in [
        (
            "/.well-known/acme-challenge/a-token_1",
            "200",
            "a-token_1.thumbprint",
        ),
        ("/.well-known/acme-challenge/another", "404", ""),
        ("/.well-known/acme-challenge/..%2Fprivate", "404", ""),
        ("/.well-known/acme-challenge/", "404", ""),
        ("/api/v1/status", "308", ""),
    ] {
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: onetimesecret.com\r\nConnection: close\r\n\r\n");
        let answer = crate::observe::raw(world.http(), &request).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{path}: {answer}"
        );
        assert!(
            answer.ends_with(body) && !answer.contains("not for you"),
            "{path}: {answer}"
        );
    }
}

/// Secrets are read once, whoever asks and however often.
#[tokio::test]
async fn a_secret_is_read_once() {
    let world = world();
    let mut client = Client::open(&world, Speak::Http2, BARE).await;
    for country in ["1.186.0.1", "1.178.27.1", "23.154.160.1", "203.0.113.9"] {
        let from = [("x-forwarded-for", country)];
        let made = client
            .ask(
                Method::POST,
                "/api/v3/guest/secret/conceal",
                &[from[0], ("content-type", "application/json")],
                "{\"secret\":{\"kind\":\"conceal\",\"secret\":\"once\"}}",
            )
            .await;
        let made = if made.status == 200 {
            made
        } else {
            client
                .ask(Method::POST, "/api/v1/share?secret=once", &from, "")
                .await
        };
        let text = String::from_utf8_lossy(&made.body).into_owned();
        let key = find_key(&text);
        let path = format!("/api/v1/secret/{key}");
        let first = client
            .ask(
                Method::POST,
                &path,
                &[("x-forwarded-for", "1.178.10.1")],
                "",
            )
            .await;
        assert_eq!(
            (first.status.as_u16(), first.landed().1),
            (200, "key"),
            "{text}"
        );
        assert_eq!(first.landed().0, made.landed().0);
        let second = client.ask(Method::POST, &path, &from, "").await;
        assert_eq!(second.status, 404);
    }
}

fn find_key(text: &str) -> String {
    let json: serde_json::Value = serde_json::from_str(text).expect("JSON");
    let key = [
        "/secret_key",
        "/record/secret/key",
        "/record/secret/identifier",
    ];
    let found = key
        .iter()
        .find_map(|pointer| json.pointer(pointer)?.as_str());
    found
        .unwrap_or_else(|| panic!("no key in {text}"))
        .to_owned()
}

/// Of two endpoints of a region, one wants to see the client's host and the other its region's.
#[tokio::test]
async fn each_endpoint_is_told_the_host_that_it_wants() {
    let world = world();
    let at = |number| world.regions.endpoint("ca", number).expect("an endpoint");
    let plain = format!("endpoints = [\"http://{}\", \"http://{}\"]", at(1), at(2));
    let mixed = format!(
        "endpoints = [{{ url = \"http://{}\", host = \"client\" }}, \"http://{}\"]",
        at(1),
        at(2)
    );
    edit(&world, &plain, &mixed);
    let port = world.https().port();
    for protocol in BOTH {
        for (down, host) in [(2, BARE), (1, "ca.localhost")] {
            world.regions.down("ca", down).expect("an endpoint");
            let mut client = Client::open(&world, protocol, BARE).await;
            let echo = client.get("/demo/echo", &[("o-region", "ca")]).await.json();
            for name in ["host", "x-forwarded-host"] {
                let pairs = echo["headers"].as_array().expect("pairs");
                let is = |pair: &&serde_json::Value| {
                    pair[0]
                        .as_str()
                        .is_some_and(|one| one.eq_ignore_ascii_case(name))
                };
                let told = pairs.iter().find(is).expect("told");
                assert_eq!(told[1], format!("{host}:{port}"), "{protocol:?} {name}");
            }
            world.regions.up("ca", down).expect("an endpoint");
        }
    }
}
