//! The demo regions over real sockets.

mod classic;
mod client;
mod control;
mod crossing;
mod debug;
mod faults;
mod pages;
mod v1;
mod v2;

use self::client::{Client, Reply};
use super::DemoRegions;
use super::options::{DemoOptions, Dialect, RegionOptions};

/// Regions eu and us on ports of the system's choice.
pub(super) fn regions(dialect: Dialect) -> DemoRegions {
    let options = DemoOptions {
        regions: vec![
            RegionOptions::new("eu", "EU"),
            RegionOptions::new("us", "US"),
        ],
        ..DemoOptions::ephemeral()
    };
    DemoRegions::start(options.with_dialect(dialect)).unwrap()
}

/// A connection to an endpoint of region eu.
pub(super) fn eu(demo: &DemoRegions, number: usize) -> Client {
    Client::connect(demo.endpoint("eu", number).unwrap())
}

/// The credentials of a region's account.
pub(super) fn basic(region: &str) -> String {
    use base64::Engine;
    let text = format!("demo@{region}.example:{region}-token");
    let encoded = base64::prelude::BASE64_STANDARD.encode(text);
    format!("Authorization: Basic {encoded}")
}

/// Shares a secret by v1; gives its key and its receipt's.
pub(super) fn share(client: &mut Client, fields: &str) -> (String, String) {
    let reply = client.post("/api/v1/share", fields);
    assert_eq!(reply.status, 200);
    keys(&reply)
}

/// Both keys of a v1 answer.
pub(super) fn keys(reply: &Reply) -> (String, String) {
    let body = reply.json();
    let key = |name: &str| body[name].as_str().unwrap().to_owned();
    (key("secret_key"), key("metadata_key"))
}
