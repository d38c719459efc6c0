//! `X-Forwarded-For` and `Forwarded`: nothing that a client writes in front of what a trusted proxy
//! wrote changes who the client is, and the answer is the peer or somebody who was named.

use std::net::{IpAddr, SocketAddr};

use onetime_gateway::client::trusted::TrustedProxies;
use onetime_gateway::client::{HeaderSource, identify};

use super::flags;

pub fn holds(data: &[u8]) {
    let Some((flags, text)) = flags(data) else {
        return;
    };
    let networks = ["10.0.0.0/8", "fd00::/8", "::ffff:192.168.0.0/112"];
    let networks = networks.map(|text| text.parse().expect("a network"));
    let trusted = TrustedProxies::new(&networks);
    let (name, source) = if flags & 1 == 0 {
        ("x-forwarded-for", HeaderSource::XForwardedFor)
    } else {
        ("forwarded", HeaderSource::Forwarded)
    };
    let proxy: IpAddr = "10.1.2.3".parse().expect("an address");
    let stranger: IpAddr = "::ffff:203.0.113.7".parse().expect("an address");
    // Several fields of one name: cut where the input says so.
    let values: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();

    let ask = |peer, values: &[&[u8]]| identify(peer, source, values.iter().copied(), &trusted);
    let client = ask(proxy, &values);
    assert_eq!(client, client.to_canonical());
    assert_eq!(ask(stranger, &values), stranger.to_canonical(), "{name}");
    let nobody = identify(proxy, HeaderSource::None, values.iter().copied(), &trusted);
    assert_eq!(nobody, proxy);

    // One list or several fields: the same hops.
    let joined = values.join(&b","[..]);
    assert_eq!(ask(proxy, &[&joined]), client, "{name}: joined");

    // An untrusted answer stands, whatever is written in front of it.
    let lies: [&[u8]; 5] = [
        b"198.51.100.1",
        b"for=198.51.100.1",
        b"\"",
        b"\\",
        b"for=\"[::1]",
    ];
    for lie in lies {
        let mut more = vec![lie];
        more.extend(&values);
        let after = ask(proxy, &more);
        assert!(
            after == client || trusted.contains(client),
            "{name}: {client}, then {after}"
        );
        let glued = [lie, b",", &joined].concat();
        assert_eq!(ask(proxy, &[&glued]), after, "{name}: glued");
    }
    if source == HeaderSource::XForwardedFor {
        assert_eq!(client, walked(proxy, &joined, &trusted));
    }
}

/// The same walk by the standard library's readers.
fn walked(peer: IpAddr, text: &[u8], trusted: &TrustedProxies) -> IpAddr {
    let mut client = peer;
    for hop in text.rsplit(|byte| *byte == b',') {
        if !trusted.contains(client) {
            break;
        }
        if hop.trim_ascii().is_empty() {
            continue;
        }
        let Some(address) = std::str::from_utf8(hop.trim_ascii()).ok().and_then(address) else {
            break;
        };
        client = address.to_canonical();
    }
    client
}

fn address(text: &str) -> Option<IpAddr> {
    // Zones (`%1`) mean something on one machine only.
    if text.contains('%') {
        return None;
    }
    let bracketed = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let bracketed = bracketed.and_then(|text| text.parse().ok()).map(IpAddr::V6);
    let with_port = || text.parse::<SocketAddr>().ok().map(|socket| socket.ip());
    text.parse().ok().or(bracketed).or_else(with_port)
}
