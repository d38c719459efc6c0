//! Snapshots that cannot be loaded, so they are put in place of the live one: one in which an endpoint
//! stands under the wrong region, for the last check before another region's server; and one whose
//! regions' names came when metrics had numbers for no more.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::SystemTime;

use crate::demo::world::{World, WorldOptions};
use crate::reload::{Source, load};

fn status(world: &World) -> String {
    let ca = std::fs::read(&world.ca).unwrap();
    let tls = crate::tls::upstream::client_config(Some(&ca), None).unwrap();
    let name = "eu.onetimesecret.com".try_into().unwrap();
    let mut tls = rustls::ClientConnection::new(tls, name).unwrap();
    let mut socket = TcpStream::connect(world.https()).unwrap();
    let mut stream = rustls::Stream::new(&mut tls, &mut socket);
    let request = "POST /api/v1/share HTTP/1.1\r\nHost: eu.onetimesecret.com\r\n\
                   Content-Length: 0\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    answer.lines().next().unwrap_or_default().to_owned()
}

#[test]
fn an_endpoint_of_another_region_is_not_used_and_counted() {
    let world = World::start(WorldOptions::ephemeral()).unwrap();
    let gateway = world.gateway().unwrap();
    let counted = |number: u8| {
        let line = format!("onetime_gateway_cross_region_forwards_total {number}");
        gateway.metrics().lines().any(|found| found == line)
    };
    assert!(!status(&world).contains(" 500 ") && counted(0));

    let live = gateway.live().load_full();
    let label = |name: &str| {
        let id = live.regions().by_name(name.as_bytes()).unwrap();
        live.region_label(id)
    };
    let source = Source::File(world.config.clone());
    let mut snapshot = load(&source, None, SystemTime::now(), &label)
        .unwrap()
        .snapshot;
    let part = snapshot
        .parts
        .iter_mut()
        .find(|part| &*part.cluster.region == "eu");
    let cluster = Arc::get_mut(&mut part.unwrap().cluster).unwrap();
    for endpoint in &mut cluster.endpoints {
        Arc::get_mut(endpoint).unwrap().region = "us".into();
    }
    gateway.live().store(Arc::new(snapshot));
    world.regions.reset().unwrap();
    assert_eq!(status(&world), "HTTP/1.1 500 Internal Server Error");
    assert!(counted(1), "{}", gateway.metrics());
}

#[test]
fn the_access_log_names_the_region_that_metrics_have_no_number_for() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("access.log");
    let mut world = World::start(WorldOptions {
        more: format!("[log]\naccess = {path:?}\n"),
        ..WorldOptions::ephemeral()
    })
    .unwrap();
    let source = Source::File(world.config.clone());
    let snapshot = load(&source, None, SystemTime::now(), &|_| 511).unwrap();
    let gateway = world.gateway().unwrap();
    gateway.live().store(Arc::new(snapshot.snapshot));
    assert!(status(&world).starts_with("HTTP/1.1 "));
    world.drain();
    let log = std::fs::read_to_string(&path).unwrap();
    assert!(log.contains("\"region\":\"eu\""), "{log}");
}
