//! Networks that an endpoint must resolve into: what resolves elsewhere is not connected to, and both
//! the caller and the operator are told.

use http::Method;
use onetime_gateway::demo::world::World;
use onetime_gateway::reload::Verdict;

use crate::health::metric;
use crate::support::{BOTH, Client, Speak, received, world};

const EU: &str = "eu.onetimesecret.com";

/// The world's file with both endpoints of eu by name, in these networks.
fn declare(world: &World, original: &str, networks: &str) {
    let mut text = original.to_owned();
    let eu = original.split("[regions.eu]").nth(1).expect("eu");
    let line = eu
        .lines()
        .find(|line| line.starts_with("endpoints"))
        .expect("a line");
    let mut declared = line.to_owned();
    for url in line.split('"').filter(|part| part.starts_with("http")) {
        let by_name = url.replace("127.0.0.1", "localhost");
        let table = format!("{{ url = \"{by_name}\", networks = [\"{networks}\"] }}");
        declared = declared.replace(&format!("\"{url}\""), &table);
    }
    text = text.replacen(line, &declared, 1);
    std::fs::write(&world.config, text).expect("written");
    let verdict = world.gateway().expect("a gateway").reload();
    assert!(matches!(verdict, Verdict::Applied { .. }), "{verdict:?}");
}

#[tokio::test]
async fn an_endpoint_that_resolves_elsewhere_is_not_used() {
    let world = world();
    let original = std::fs::read_to_string(&world.config).expect("the file");
    declare(&world, &original, "10.0.0.0/8");
    for protocol in BOTH {
        let mut client = Client::open(&world, protocol, EU).await;
        world.regions.reset().expect("regions");
        let answer = client
            .ask(Method::POST, "/api/v2/secret/conceal", &[], "secret=x")
            .await;
        assert_eq!(answer.status.as_u16(), 503);
        assert_eq!(answer.header("o-delivery"), "not-sent");
        assert_eq!(answer.json()["error_type"], "outside-networks");
        assert_eq!(received(&world, "eu"), 0);
    }
    let outside = "endpoint_addresses_outside_networks";
    assert!(metric(&world, &[outside, "region=\"eu\"", "localhost"]) > 0.5);

    declare(&world, &original, "127.0.0.0/8");
    let mut client = Client::open(&world, Speak::Http1, EU).await;
    assert_eq!(
        client.get("/api/v2/status", &[]).await.landed(),
        ("eu", "host")
    );
}
