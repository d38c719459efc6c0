//! `[regions.NAME]`: a region, its endpoints, and how its health is asked for.

use std::net::IpAddr;
use std::time::Duration;

use http::StatusCode;

use crate::config::name::{HostName, RegionName};
use crate::config::place::{FilePath, Place};

/// `[regions.NAME]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Region {
    /// The NAME of the table.
    pub name: RegionName,
    /// The region's own public host: where redirects lead, and what `Host` and SNI say upstream.
    pub host: HostName,
    /// The law the region is under, 1 to 32 visible ASCII characters. Default: the name in upper case.
    pub jurisdiction: String,
    /// The addresses of the region, at least one, in the order of the file; each address occurs once in the whole file.
    pub endpoints: Vec<Endpoint>,
    /// Where the secrets are by which the region tags its keys; newest first by convention. Default: none.
    pub identifier_secrets: Vec<SecretSource>,
    /// How endpoints are probed; `None` (`health = false` in the file) is not at all. Default: [`Health::default`].
    pub health: Option<Health>,
    /// The regions that may answer instead, in this order, while the decision is only preferred. Default: none.
    pub failover: Vec<RegionName>,
    /// Whether `failover` may name regions of another jurisdiction. Default: false; sovereignty is given up in
    /// writing or not at all.
    pub allow_crossing: bool,
    /// Whether the region gets no new requests. Default: false.
    pub drain: bool,
    /// The table's header in the file.
    pub place: Place,
}

/// One endpoint of a region: `"https://10.1.0.10:8443"`, or a table with `url` and more.
#[derive(Debug, Clone, PartialEq)]
pub struct Endpoint {
    /// Whether TLS is spoken to it (`https` in the URL).
    pub tls: bool,
    /// Where it is.
    pub address: EndpointAddress,
    /// Its port. Default: 443 for https, 80 for http.
    pub port: u16,
    /// Its share of the region's requests, 1 to 1000, relative to the others'. Default 1.
    pub weight: u16,
    /// Whether it gets no new requests. Default: false.
    pub drain: bool,
    /// The name in SNI, and the one its certificate must show. Default: the region's host, since that is the
    /// certificate a region's ingress has.
    pub sni: HostName,
    /// What `Host` says to it (`host`). Default: the region's `host_header`.
    pub host_header: HostHeader,
    /// PEM bundle of the authorities that may have signed its certificate. Default: the region's `ca`; `None` is
    /// those of the operating system.
    pub ca: Option<FilePath>,
    /// The value in the file.
    pub place: Place,
}

/// The host part of an endpoint's URL.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EndpointAddress {
    /// An address, used as it is.
    Ip(IpAddr),
    /// A name to resolve, lower case; underscores are taken, as container networks use them.
    Name(String),
}

/// What `Host` (and `X-Forwarded-Host`) say to a region.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum HostHeader {
    /// The region's own host, the default: a region's ingress serves no other. A host of kind alias is kept all the same.
    #[default]
    Region,
    /// What the client asked for.
    Client,
    /// This authority, with or without a port.
    Literal(String),
}

/// Where an identifier secret is; the secret itself is never in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// The environment variable of this name, `[A-Z_][A-Z0-9_]*`. It changes only with a restart.
    Env {
        /// The variable.
        name: String,
        /// The value in the file.
        place: Place,
    },
    /// The content of this file, without one trailing newline.
    File(FilePath),
}

/// `health = { ... }`: how the endpoints of a region are probed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// The path asked for. Default `/api/v2/status`: open to all and without a session.
    pub path: String,
    /// What the body must contain; empty asks for nothing. Default `nominal`.
    pub contains: String,
    /// The status that is healthy. Default 200.
    pub status: StatusCode,
    /// The time between two probes. Default 5 s: a dead endpoint is noticed within about ten.
    pub interval: Duration,
    /// The same while an endpoint is down. Default 1 s: what came back is used at once.
    pub fast_interval: Duration,
    /// How long one probe may take, connecting included. Default 3 s: three round trips across an ocean, one packet lost.
    pub timeout: Duration,
    /// Good probes in a row until an endpoint is up. Default 2.
    pub rise: u32,
    /// Bad probes in a row until an endpoint is down. Default 2.
    pub fall: u32,
}

impl Default for Health {
    fn default() -> Self {
        Self {
            path: "/api/v2/status".to_owned(),
            contains: "nominal".to_owned(),
            status: StatusCode::OK,
            interval: Duration::from_secs(5),
            fast_interval: Duration::from_secs(1),
            timeout: Duration::from_secs(3),
            rise: 2,
            fall: 2,
        }
    }
}
