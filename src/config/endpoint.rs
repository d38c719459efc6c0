//! An endpoint: one address of a region, and what is said to it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

use crate::balance::addresses::{canonical, canonical_name};
use crate::config::hide::echo;
use crate::config::name::HostName;
use crate::config::place::{FilePath, Place};
use crate::config::problem::Complaint;
use crate::config::read::section::Section;
use crate::config::read::value::Value;
use crate::config::text::address;

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
    /// The name in SNI. Default: the region's host, since that is the certificate a region's ingress has.
    pub sni: HostName,
    /// The name its certificate must show. Default: the one in SNI.
    pub certificate_name: Option<HostName>,
    /// The networks it must resolve into, else it is not used; empty is any. Default: any.
    pub networks: Vec<IpNet>,
    /// What `Host` says to it (`host`). Default: the region's `host_header`.
    pub host_header: HostHeader,
    /// PEM bundle of the authorities that may have signed its certificate. Default: the region's `ca`; `None`
    /// is those of the operating system. Always `None` without TLS.
    pub ca: Option<FilePath>,
    /// The value in the file.
    pub place: Place,
}

/// The host part of an endpoint's URL.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EndpointAddress {
    /// An address, used as it is.
    Ip(IpAddr),
    /// A name to resolve, lower case; underscores are taken, as container networks use them. One label
    /// may have a dot at its end, which says that no search list is used; a longer name never has.
    Name(String),
}

impl EndpointAddress {
    /// What two spellings of one address have in common. `localhost` and the names below it are the
    /// loopback address (RFC 6761 section 6.3).
    pub fn canonical(&self) -> Self {
        match self {
            Self::Ip(address) => Self::Ip(canonical(*address)),
            Self::Name(name) => {
                let name = canonical_name(name);
                match name == "localhost" || name.ends_with(".localhost") {
                    true => Self::Ip(Ipv4Addr::LOCALHOST.into()),
                    false => Self::Name(name),
                }
            }
        }
    }
}

/// What `Host` (and `X-Forwarded-Host`) say to a region.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum HostHeader {
    /// The region's own host, the default: a region's ingress serves no other. A host of kind alias is kept
    /// all the same.
    #[default]
    Region,
    /// What the client asked for.
    Client,
    /// This authority, with or without a port.
    Literal(String),
}

impl fmt::Display for EndpointAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(IpAddr::V4(address)) => write!(formatter, "{address}"),
            Self::Ip(IpAddr::V6(address)) => write!(formatter, "[{address}]"),
            Self::Name(name) => formatter.write_str(name),
        }
    }
}

impl Endpoint {
    /// The endpoint's URL, the port always written: how logs, metrics and complaints call it.
    pub fn url(&self) -> String {
        url(self.tls, &self.address, self.port)
    }
}

fn url(tls: bool, address: &EndpointAddress, port: u16) -> String {
    let scheme = if tls { "https" } else { "http" };
    format!("{scheme}://{address}:{port}")
}

/// An endpoint as it was written, before its region's values fill what it leaves out.
pub(super) struct Draft {
    pub(super) tls: bool,
    pub(super) address: EndpointAddress,
    pub(super) port: u16,
    weight: u16,
    pub(super) drain: bool,
    pub(super) sni: Option<HostName>,
    certificate_name: Option<HostName>,
    networks: Vec<IpNet>,
    host_header: Option<HostHeader>,
    ca: Option<FilePath>,
    pub(super) place: Place,
}

/// Reads `endpoints`.
pub(super) fn read(value: &Value<'_>) -> Option<Vec<Draft>> {
    if value.items()?.is_empty() {
        return value.complain(Complaint::new("at least one endpoint is needed"));
    }
    value.list(|item| {
        if item.raw().is_table() {
            Draft::read(item.section()?)
        } else {
            Draft::of_url(item)
        }
    })
}

impl Draft {
    /// An endpoint of which only the URL is given.
    fn of_url(value: &Value<'_>) -> Option<Self> {
        let (tls, address, port) = value.parsed(address::endpoint)?;
        if let (false, EndpointAddress::Ip(ip)) = (tls, &address)
            && is_public(&canonical(*ip))
        {
            value.warn(Complaint::new(
                "http to a public address: whoever is on the way reads the secrets",
            ));
        }
        Some(Self {
            tls,
            address,
            port,
            weight: 1,
            drain: false,
            sni: None,
            certificate_name: None,
            networks: Vec::new(),
            host_header: None,
            ca: None,
            place: value.place(),
        })
    }

    fn read(mut section: Section<'_>) -> Option<Self> {
        let url = section.require("url", Self::of_url);
        let weight = section.read("weight", |v| v.integer(1..=1000));
        let drain = section.read("drain", Value::boolean);
        let sni = section.read("sni", |v| v.parsed(sni));
        let certificate_name = section.read("certificate_name", |v| v.parsed(absolute_host));
        let networks = section.read("networks", networks).unwrap_or_default();
        let host_header = section.read("host", |v| v.parsed(host_header));
        let ca = section.read("ca", Value::file);
        if url.as_ref().is_some_and(|url| !url.tls) {
            let ours = [
                ("sni", sni.is_some()),
                ("certificate_name", certificate_name.is_some()),
                ("ca", ca.is_some()),
            ];
            for (key, _) in ours.into_iter().filter(|(_, given)| *given) {
                let complaint = Complaint::new("means nothing to an endpoint without TLS");
                section.reading.complain(section.place_of(key), complaint);
            }
        }
        if let Some(EndpointAddress::Ip(ip)) = url.as_ref().map(|url| &url.address)
            && !networks.is_empty()
            && !networks
                .iter()
                .any(|network| network.contains(&ip.to_canonical()))
        {
            let complaint = Complaint::new(format!("{ip} is in none of these networks"));
            section
                .reading
                .complain(section.place_of("networks"), complaint);
        }
        section.finish();
        Some(Self {
            weight: weight.unwrap_or(1),
            drain: drain.unwrap_or(false),
            sni,
            certificate_name,
            networks,
            host_header,
            ca,
            ..url?
        })
    }

    pub(super) fn url(&self) -> String {
        url(self.tls, &self.address, self.port)
    }

    /// The endpoint, with its region's host, `host_header` and `ca` where it has none of its own.
    pub(super) fn build(
        self,
        host: &HostName,
        header: &HostHeader,
        ca: Option<&FilePath>,
    ) -> Endpoint {
        Endpoint {
            tls: self.tls,
            address: self.address,
            port: self.port,
            weight: self.weight,
            drain: self.drain,
            sni: self.sni.unwrap_or_else(|| host.clone()),
            certificate_name: self.certificate_name,
            networks: self.networks,
            host_header: self.host_header.unwrap_or_else(|| header.clone()),
            ca: self.ca.or_else(|| ca.cloned()).filter(|_| self.tls),
            place: self.place,
        }
    }
}

/// Networks, at least one: none at all would be a way to say that nothing may be used.
fn networks(value: &Value<'_>) -> Option<Vec<IpNet>> {
    if value.items()?.is_empty() {
        let complaint = Complaint::new("at least one network is needed");
        return value.complain(complaint.hint("without the key, any address is used"));
    }
    value.list(|item| item.parsed(address::network))
}

/// A host that may be written as an absolute name: certificates and `Host` have no dot at the end (RFC
/// 6066 section 3, RFC 9525 section 6.3).
fn absolute_host(text: &str) -> Result<HostName, Complaint> {
    let plain = text.strip_suffix('.');
    let name = plain.filter(|name| HostName::parse(name).is_some_and(|host| !host.is_address()));
    address::host_name(name.unwrap_or(text))
}

/// The name in SNI; RFC 6066 section 3 has no addresses there.
fn sni(text: &str) -> Result<HostName, Complaint> {
    let host = absolute_host(text)?;
    if host.is_address() {
        return Err(Complaint::new("SNI says a name, not an address"));
    }
    Ok(host)
}

pub(super) fn host_header(text: &str) -> Result<HostHeader, Complaint> {
    match text {
        "region" => Ok(HostHeader::Region),
        "client" => Ok(HostHeader::Client),
        other => address::authority(&without_dot(other))
            .map(HostHeader::Literal)
            .ok_or_else(|| {
                Complaint::new(format!("`{}` is no host", echo(other)))
                    .allowed("\"region\", \"client\", or a host with or without a port")
            }),
    }
}

/// An authority whose name may be written as an absolute one, without that dot.
fn without_dot(authority: &str) -> String {
    let (name, port) = match authority.split_once(':') {
        Some((name, port)) => (name, format!(":{port}")),
        None => (authority, String::new()),
    };
    match name.strip_suffix('.') {
        Some(plain) if HostName::parse(plain).is_some_and(|host| !host.is_address()) => {
            format!("{plain}{port}")
        }
        _ => authority.to_owned(),
    }
}

/// Whether an address may be anywhere on the internet.
fn is_public(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            // 100.64.0.0/10: RFC 6598.
            let shared = u32::from(*v4) >> 22 == u32::from(Ipv4Addr::new(100, 64, 0, 0)) >> 22;
            !(v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_documentation()
                || shared)
        }
        IpAddr::V6(v6) => !(v6.is_unique_local() || v6.is_loopback() || v6.is_unicast_link_local()),
    }
}
