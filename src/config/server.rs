//! `[server]`: where the gateway listens, whom it believes, and what it says about itself.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use ipnet::IpNet;

use crate::config::place::FilePath;

/// `[server]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Server {
    /// TLS listeners, at least one; a change needs a restart. Default: port 443 on every IPv4 and IPv6 address.
    pub https: Vec<SocketAddr>,
    /// Plain listeners that answer 308 to https; a change needs a restart. Default: port 80, as browsers try it
    /// first where HSTS is not known yet. May be empty.
    pub http: Vec<SocketAddr>,
    /// Where metrics, health and whatever changes something are; a change needs a restart. Default:
    /// `127.0.0.1:9090`, out of reach of everybody but the machine.
    pub admin: Admin,
    /// A second listener with `/metrics`, `/healthz` and `/readyz` alone, which a cluster may reach; a change
    /// needs a restart. Default: none.
    pub metrics: Option<SocketAddr>,
    /// The port of redirects to https, as clients see it. Default 443; differs behind a port mapping.
    pub https_public_port: u16,
    /// Worker threads, each with its own listeners and pools; a change needs a restart. `None` (0 in the file,
    /// the default) is one for each core the process may use.
    pub threads: Option<NonZeroUsize>,
    /// Peers whose word on the client's address, and whose request id, are believed. Default: none, since a
    /// gateway on the open internet must believe nobody.
    pub trusted_proxies: Vec<IpNet>,
    /// The one header that carries the client's address from a trusted proxy. Default: `x-forwarded-for`.
    pub client_address_header: ClientAddressHeader,
    /// How long requests in flight may go on after SIGTERM. Default 30 s: what orchestrators grant before they kill.
    pub drain: Duration,
    /// The pseudonym in `Via` by which the gateway knows its own requests again (RFC 9110 section 7.6.3), a
    /// token. Default: `onetime-gateway`.
    pub via: String,
    /// A directory with answers for `/.well-known/acme-challenge/` on the plain listeners. Default: none.
    pub acme_webroot: Option<FilePath>,
    /// A request header by which regions are told the client's country. Default: none, for a region that
    /// does not ask for it need not know.
    pub country_header: Option<HeaderName>,
    /// `Strict-Transport-Security` where the region set none. Default: one year without subdomains, as the
    /// application sets it; `false` in the file is off.
    pub hsts: Option<HeaderValue>,
}

impl Default for Server {
    fn default() -> Self {
        let everywhere = |port| {
            vec![
                SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port),
                SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), port),
            ]
        };
        Self {
            https: everywhere(443),
            http: everywhere(80),
            admin: Admin::default(),
            metrics: None,
            https_public_port: 443,
            threads: None,
            trusted_proxies: Vec::new(),
            client_address_header: ClientAddressHeader::XForwardedFor,
            drain: Duration::from_secs(30),
            via: "onetime-gateway".to_owned(),
            acme_webroot: None,
            country_header: None,
            hsts: Some(HeaderValue::from_static("max-age=31536000")),
        }
    }
}

/// Where the admin listener is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admin {
    /// A loopback address: what is there changes the gateway.
    Loopback(SocketAddr),
    /// A Unix socket (`unix:/run/onetime-gateway/admin.sock` in the file), an absolute path.
    Unix(PathBuf),
}

impl Default for Admin {
    fn default() -> Self {
        Self::Loopback(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9090))
    }
}

/// The header that is believed about the client's address, if a trusted proxy sent it; never more than one,
/// because whichever the proxy does not overwrite is the client's to forge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientAddressHeader {
    /// `X-Forwarded-For`.
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
    /// The peer is the client.
    None,
}

impl ClientAddressHeader {
    /// The word in the file.
    pub fn label(self) -> &'static str {
        match self {
            Self::XForwardedFor => "x-forwarded-for",
            Self::Forwarded => "forwarded",
            Self::None => "none",
        }
    }
}
