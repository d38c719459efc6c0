//! Where something is: sockets, networks, hosts, endpoints.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ipnet::IpNet;

use crate::config::endpoint::EndpointAddress;
use crate::config::hide::echo;
use crate::config::name::{HostName, HostPattern};
use crate::config::problem::Complaint;

/// `0.0.0.0:443`, `[::]:443`.
pub(in crate::config) fn socket_address(text: &str) -> Result<SocketAddr, Complaint> {
    text.parse().map_err(|_| {
        let complaint = Complaint::new(format!("`{}` is no address with a port", echo(text)))
            .allowed("\"address:port\", such as \"0.0.0.0:443\" or \"[::]:443\"");
        match (text.strip_prefix(':'), text.parse::<IpAddr>()) {
            (Some(port), _) => complaint.hint(format!(
                "for every IPv4 address: \"0.0.0.0:{0}\", for every IPv6 address: \"[::]:{0}\"",
                echo(port)
            )),
            (_, Ok(IpAddr::V4(address))) => {
                complaint.hint(format!("the port is missing: \"{address}:443\"?"))
            }
            (_, Ok(IpAddr::V6(address))) => {
                complaint.hint(format!("the port is missing: \"[{address}]:443\"?"))
            }
            _ if text.starts_with(|c: char| c.is_ascii_alphabetic()) => {
                complaint.hint("names are not resolved here: give the address itself")
            }
            _ => complaint,
        }
    })
}

/// A socket address that can be listened on. An IPv4-mapped one cannot: sockets of IPv6 are for IPv6
/// alone here.
pub(in crate::config) fn listener(text: &str) -> Result<SocketAddr, Complaint> {
    let socket = socket_address(text)?;
    let complaint = |why| Complaint::new(format!("cannot listen on `{}`: {why}", echo(text)));
    match embedded(socket.ip()) {
        ip if ip != socket.ip() => {
            let plain = SocketAddr::new(ip, socket.port());
            Err(complaint("it is an IPv4 address in the form of IPv6")
                .hint(format!("write \"{plain}\"")))
        }
        ip if ip.is_multicast() || ip == Ipv4Addr::BROADCAST => {
            Err(complaint("it is an address of many machines"))
        }
        IpAddr::V6(ip) if ip.is_unicast_link_local() && !has_scope(&socket) => Err(complaint(
            "a link-local address needs its interface",
        )
        .hint(format!(
            "with the interface's number: \"[{ip}%2]:{}\"",
            socket.port()
        ))),
        _ => Ok(socket),
    }
}

/// The IPv4 address in an IPv4-mapped or IPv4-compatible one (RFC 4291 section 2.5.5); every other
/// address as it is.
fn embedded(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V6(v6) if !v6.is_unspecified() && !v6.is_loopback() => {
            v6.to_ipv4().map_or(ip, IpAddr::V4)
        }
        _ => ip,
    }
}

const fn has_scope(socket: &SocketAddr) -> bool {
    match socket {
        SocketAddr::V4(_) => true,
        SocketAddr::V6(socket) => socket.scope_id() != 0,
    }
}

/// `10.0.0.0/8`, `2001:db8::/32`: no bit set that the prefix leaves out.
pub(in crate::config) fn network(text: &str) -> Result<IpNet, Complaint> {
    let complaint = Complaint::new(format!("`{}` is no network", echo(text)))
        .allowed("\"address/prefix\", such as \"10.0.0.0/8\" or \"2001:db8::/32\"");
    let Ok(network) = text.parse::<IpNet>() else {
        return Err(match text.parse::<IpAddr>() {
            Ok(address) => complaint.hint(format!("for one address: \"{}\"", IpNet::from(address))),
            Err(_) => complaint,
        });
    };
    if network.trunc() != network {
        let complaint = Complaint::new(format!("`{}` has bits set beyond its prefix", echo(text)));
        return Err(complaint.hint(format!("the network is \"{}\"", network.trunc())));
    }
    match network {
        IpNet::V6(v6) if v6.addr().to_ipv4_mapped().is_some() => Err(Complaint::new(
            "an IPv4-mapped network never matches, for such clients count as IPv4",
        )
        .hint("write the IPv4 network")),
        network => Ok(network),
    }
}

/// A host of `[hosts]`: a name, an address, or a name after `*.`.
pub(in crate::config) fn host_pattern(text: &str) -> Result<HostPattern, Complaint> {
    HostPattern::parse(text).ok_or_else(|| {
        host_complaint(text)
            .allowed("a name, an address, or a name after \"*.\", such as \"*.example.com\"")
    })
}

/// A host without a port.
pub(in crate::config) fn host_name(text: &str) -> Result<HostName, Complaint> {
    HostName::parse(text).ok_or_else(|| {
        host_complaint(text).allowed("a name or an address, such as \"eu.onetimesecret.com\"")
    })
}

/// What is wrong with a text that is no host.
fn host_complaint(text: &str) -> Complaint {
    let complaint = Complaint::new(format!("`{}` is no host", echo(text)));
    let without_dot = text.strip_suffix('.').and_then(HostPattern::parse);
    let port = text.rsplit_once(':').and_then(|(host, port)| {
        port.parse::<u16>()
            .ok()
            .and_then(|_| HostPattern::parse(host))
    });
    let scheme = text
        .split_once("://")
        .map(|(_, host)| host.trim_end_matches('/'));
    if let Some(host) = without_dot {
        complaint.hint(format!("without the dot at the end: \"{host}\""))
    } else if let Some(host) = port {
        complaint.hint(format!("hosts are matched without a port: \"{host}\""))
    } else if let Some(host) = scheme.and_then(HostPattern::parse) {
        complaint.hint(format!("without a scheme: \"{host}\""))
    } else if !text.is_ascii() {
        complaint.hint("write the name as clients send it, each label in its \"xn--\" form (IDNA)")
    } else if text.contains('*') {
        complaint
            .hint("a wildcard is one \"*.\" at the beginning, and stands for any number of labels")
    } else if text.parse::<Ipv6Addr>().is_ok() {
        complaint.hint(format!("IPv6 in brackets: \"[{text}]\""))
    } else {
        complaint
    }
}

/// The URL of an endpoint: whether TLS is spoken, to whom, at which port.
pub(in crate::config) fn endpoint(text: &str) -> Result<(bool, EndpointAddress, u16), Complaint> {
    let form = "\"https://host:port\" or \"http://host:port\"";
    // The text is not repeated before it is known to have no user and password.
    let bad = |message: &str| Complaint::new(message.to_owned()).allowed(form);
    let (tls, rest) = match text.split_once("://") {
        Some(("https", rest)) => (true, rest),
        Some(("http", rest)) => (false, rest),
        Some((other, _)) => {
            let other = echo(other);
            return Err(bad(&format!("`{other}` is no scheme of an endpoint")));
        }
        None => return Err(bad("an endpoint is a URL").hint("begin it with \"https://\"")),
    };
    if rest.contains('@') {
        return Err(bad("an endpoint has no user and no password"));
    }
    let authority = rest.strip_suffix('/').unwrap_or(rest);
    if authority.contains(['/', '?', '#']) {
        return Err(bad("an endpoint has no path, query or fragment")
            .hint("requests keep the path that the client asked for"));
    }
    let port_follows = authority
        .rsplit_once(':')
        .filter(|(_, port)| !port.contains(']'));
    let (host, port) = match port_follows {
        Some((host, port)) => {
            let digits = port.bytes().all(|b| b.is_ascii_digit());
            let port = port.parse::<u16>().ok().filter(|port| digits && *port > 0);
            (
                host,
                port.ok_or_else(|| bad("the port must be a number from 1 to 65535"))?,
            )
        }
        None => (authority, if tls { 443 } else { 80 }),
    };
    let address = endpoint_address(host)
        .ok_or_else(|| bad(&format!("`{}` is no name and no address", echo(host))))?;
    Ok((tls, address, port))
}

fn endpoint_address(host: &str) -> Option<EndpointAddress> {
    if let Ok(v4) = host.parse() {
        return Some(EndpointAddress::Ip(IpAddr::V4(v4)));
    }
    if let Some(inner) = host.strip_prefix('[') {
        let v6 = inner.strip_suffix(']')?.parse().ok()?;
        return Some(EndpointAddress::Ip(IpAddr::V6(v6)));
    }
    // Resolvers take underscores and container networks use them, though no public host has any.
    let plain = host.strip_suffix('.').unwrap_or(host);
    let name = HostName::parse(&plain.replace('_', "x"))?;
    // A name with a dot is absolute anyway; one label is so by a dot at its end only.
    let shown = if plain.contains('.') { plain } else { host };
    (!name.is_address()).then(|| EndpointAddress::Name(shown.to_ascii_lowercase()))
}

/// An authority for `Host`: a host, with or without a port, lower-cased.
pub(in crate::config) fn authority(text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let split = lower
        .rsplit_once(':')
        .filter(|(_, port)| !port.contains(']'));
    match split {
        Some((host, port)) => {
            let port = port
                .parse::<u16>()
                .ok()
                .filter(|_| !port.starts_with('+'))?;
            HostName::parse(host).map(|host| format!("{host}:{port}"))
        }
        None => HostName::parse(&lower).map(|host| host.to_string()),
    }
}

#[cfg(test)]
mod tests;
