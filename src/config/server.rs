//! `[server]`: where the gateway listens, whom it believes, and what it says about itself.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use ipnet::IpNet;

use crate::config::place::FilePath;
use crate::config::problem::Complaint;
use crate::config::read::section::Section;
use crate::config::read::value::Value;
use crate::config::text::{address, header};

/// `[server]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Server {
    /// TLS listeners, at least one; a change needs a restart. Default: port 443 on every IPv4 and IPv6 address.
    pub https: Vec<SocketAddr>,
    /// Plain listeners that answer 308 to https; a change needs a restart. Default: port 80, as browsers try it
    /// first where HSTS is not known yet. May be empty.
    pub http: Vec<SocketAddr>,
    /// Those of `https` and `http` on which each connection must begin with a PROXY protocol header, version 1
    /// or 2, from one of `trusted_proxies`; a change needs a restart. Default: none.
    pub proxy_protocol: Vec<SocketAddr>,
    /// Where metrics, health and whatever changes something are; a change needs a restart. Default:
    /// `127.0.0.1:9090`, out of reach of everybody but the machine.
    pub admin: Admin,
    /// A second listener with `/metrics`, `/healthz` and `/readyz` alone, which a cluster may reach; a change
    /// needs a restart. Default: none.
    pub metrics: Option<SocketAddr>,
    /// Where a new process asks this one for its listening sockets (`run --take-over`): a Unix socket, an
    /// absolute path; a change needs a restart. Default: none, for it is needed only where no supervisor holds
    /// the sockets.
    pub handover: Option<PathBuf>,
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
    /// How long requests in flight may go on after SIGTERM. Default 30 s: what orchestrators grant before they
    /// kill.
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
            proxy_protocol: Vec::new(),
            admin: Admin::default(),
            metrics: None,
            handover: None,
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
    /// Every one.
    pub const ALL: [Self; 3] = [Self::XForwardedFor, Self::Forwarded, Self::None];

    /// The word in the file.
    pub fn label(self) -> &'static str {
        match self {
            Self::XForwardedFor => "x-forwarded-for",
            Self::Forwarded => "forwarded",
            Self::None => "none",
        }
    }
}

impl Server {
    pub(super) fn read(mut section: Section<'_>) -> Self {
        let default = Self::default();
        let mut taken = Taken::default();
        let https = section
            .read("https", |v| taken.some(v))
            .unwrap_or(default.https);
        let http = section
            .read("http", |v| taken.list(v))
            .unwrap_or(default.http);
        let listener = |value: &Value<'_>| {
            let socket = value.parsed(address::socket_address)?;
            if https.contains(&socket) || http.contains(&socket) {
                return Some(socket);
            }
            value.complain(Complaint::new("is neither in `https` nor in `http`"))
        };
        let server = Self {
            proxy_protocol: section
                .read("proxy_protocol", |v| v.list(listener))
                .unwrap_or_default(),
            https,
            http,
            admin: section
                .read("admin", |v| taken.admin(v))
                .unwrap_or(default.admin),
            metrics: section.read("metrics", |v| taken.socket(v)),
            handover: section.read("handover", |v| {
                unix_path(
                    v,
                    v.string()?,
                    "an absolute path, as in \"/run/x/handover.sock\"",
                )
            }),
            https_public_port: section
                .read("https_public_port", |v| v.integer(1..=65_535))
                .unwrap_or(default.https_public_port),
            threads: section
                .read("threads", |v| v.integer(0..=1024))
                .and_then(NonZeroUsize::new),
            trusted_proxies: section
                .read("trusted_proxies", |v| v.list(trusted_proxy))
                .unwrap_or_default(),
            client_address_header: section
                .read("client_address_header", |v| {
                    v.choice(&ClientAddressHeader::ALL.map(|one| (one.label(), one)))
                })
                .unwrap_or(default.client_address_header),
            drain: section
                .read("drain", |v| v.duration(DRAIN))
                .unwrap_or(default.drain),
            via: section
                .read("via", |v| v.parsed(header::token))
                .unwrap_or(default.via),
            acme_webroot: section.read("acme_webroot", Value::file),
            country_header: section.read("country_header", |v| v.parsed(header::free_header)),
            hsts: section.read("hsts", hsts).unwrap_or(default.hsts),
        };
        taken.check_defaults(&section, &server);
        server.advise(&section);
        section.finish();
        server
    }

    /// What does not go together.
    fn advise(&self, section: &Section<'_>) {
        let public = Self::default().https_public_port;
        if !section.has("https_public_port")
            && (self.https.iter()).all(|at| at.port() != public && at.port() != 0)
        {
            section.reading.warn(
                section.place_of("https"),
                Complaint::new(format!(
                    "redirects lead to port {public}, and nothing listens there"
                ))
                .hint("write `https_public_port`: the port by which clients come here"),
            );
        }
        if let (Admin::Unix(admin), Some(handover)) = (&self.admin, &self.handover)
            && admin == handover
        {
            section.reading.complain(
                section.place_of("handover"),
                Complaint::new("is listened on already, by server.admin"),
            );
        }
        if self.http.is_empty() && self.acme_webroot.is_some() {
            section.reading.warn(
                section.place_of("acme_webroot"),
                Complaint::new("answers nothing, for there is no plain listener (`http`)"),
            );
        }
    }
}

/// Longer than a day nobody waits for an old process.
const DRAIN: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(86_400);

/// The addresses that are listened on already, and by which keys.
#[derive(Default)]
struct Taken(Vec<(SocketAddr, String)>);

impl Taken {
    /// At least one listener.
    fn some(&mut self, value: &Value<'_>) -> Option<Vec<SocketAddr>> {
        if value.items()?.is_empty() {
            return value.complain(Complaint::new(
                "without a TLS listener nothing can be forwarded",
            ));
        }
        self.list(value)
    }

    fn list(&mut self, value: &Value<'_>) -> Option<Vec<SocketAddr>> {
        value.list(|item| self.socket(item))
    }

    fn socket(&mut self, value: &Value<'_>) -> Option<SocketAddr> {
        let socket = value.parsed(address::listener)?;
        if let Some(complaint) = self.clash(socket) {
            return value.complain(complaint);
        }
        self.0.push((socket, value.place().path));
        Some(socket)
    }

    /// What is wrong with one more listener. A wildcard takes its port of every address of its
    /// family; port 0 is another port each time.
    fn clash(&self, socket: SocketAddr) -> Option<Complaint> {
        let takes = |other: &SocketAddr| {
            other.port() == socket.port()
                && socket.port() != 0
                && other.is_ipv4() == socket.is_ipv4()
                && (other.ip() == socket.ip()
                    || other.ip().is_unspecified()
                    || socket.ip().is_unspecified())
        };
        let (other, key) = self.0.iter().find(|(other, _)| takes(other))?;
        let message = format!("{socket} is listened on already, by {key}");
        let complaint = Complaint::new(message);
        Some(if *other == socket {
            complaint
        } else {
            complaint.hint(format!("{other} and {socket} cannot both be listened on"))
        })
    }

    /// Defaults that take what the file names elsewhere.
    fn check_defaults(&self, section: &Section<'_>, server: &Server) {
        let admin = match &server.admin {
            Admin::Unix(_) => &[][..],
            Admin::Loopback(address) => std::slice::from_ref(address),
        };
        let kinds = [
            ("https", &server.https[..]),
            ("http", &server.http),
            ("admin", admin),
        ];
        for (key, addresses) in kinds {
            let mut clashes = addresses.iter().filter_map(|at| self.clash(*at));
            if !section.has(key)
                && let Some(complaint) = clashes.next()
            {
                let complaint = complaint.hint(format!("`{key}` has this address by default"));
                section.reading.complain(section.place_of(key), complaint);
            }
        }
    }

    fn admin(&mut self, value: &Value<'_>) -> Option<Admin> {
        let text = value.string()?;
        let allowed = "a loopback address with a port, or \"unix:\" and an absolute path";
        if let Some(path) = text.strip_prefix("unix:") {
            return unix_path(value, path, allowed).map(Admin::Unix);
        }
        let socket = self.socket(value)?;
        if socket.ip().is_loopback() {
            return Some(Admin::Loopback(socket));
        }
        value.complain(
            Complaint::new("whoever reaches the admin listener can change the gateway")
                .allowed(allowed)
                .hint("`metrics` is the listener that others may reach"),
        )
    }
}

/// The longest path that a socket's address has room for (unix(7)).
const LONGEST_SOCKET_PATH: usize = 107;

/// Where a Unix socket may be.
fn unix_path(value: &Value<'_>, text: &str, allowed: &'static str) -> Option<PathBuf> {
    if text.len() > LONGEST_SOCKET_PATH {
        let message = format!("a socket's path may have {LONGEST_SOCKET_PATH} bytes");
        return value.complain(Complaint::new(message));
    }
    let path = PathBuf::from(text);
    if path.is_absolute() && !text.contains('\0') {
        return Some(path);
    }
    value.complain(Complaint::new("the path of a socket must be absolute").allowed(allowed))
}

fn trusted_proxy(value: &Value<'_>) -> Option<IpNet> {
    let network = value.parsed(address::network)?;
    if network.prefix_len() == 0 {
        value.warn(Complaint::new(
            "every client is believed about its own address",
        ));
    }
    Some(network)
}

/// A value of the header, or `false`.
fn hsts(value: &Value<'_>) -> Option<Option<HeaderValue>> {
    if value.raw().as_bool() == Some(false) {
        return Some(None);
    }
    if !value.raw().is_str() {
        return value.complain(Complaint::new("must be a value of the header, or false"));
    }
    value.parsed(header::hsts).map(Some)
}
