//! Who the client is: the peer of the connection or, if that is a proxy which the operator trusts,
//! whom the proxy names, and so on from right to left through all trusted ones.
//!
//! Whatever cannot be read ends the walk at the last hop that was believed. Only what trusted hops
//! wrote is looked at, so nothing that a client puts in front of it changes the answer.

mod hop;
pub mod proxy_protocol;
pub mod trusted;

use std::net::IpAddr;

use self::hop::Hop;
use self::trusted::TrustedProxies;

/// The one header field that carries the addresses of clients and proxies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderSource {
    /// `X-Forwarded-For`: addresses, with or without a port, between commas.
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
    /// No field: the peer is the client.
    None,
}

/// The client's address, never IPv4-mapped.
///
/// `values` are those of the field that `source` names, in the order in which they arrived; each
/// hop appends itself on the right. The answer is the rightmost address outside of `trusted`; if
/// all are within, the leftmost; if one cannot be read, the one to its right. A peer outside of
/// `trusted` is the client, whatever it says.
#[must_use]
pub fn identify<'a, V>(
    peer: IpAddr,
    source: HeaderSource,
    values: V,
    trusted: &TrustedProxies,
) -> IpAddr
where
    V: IntoIterator<Item = &'a [u8], IntoIter: DoubleEndedIterator>,
{
    let read = match source {
        HeaderSource::XForwardedFor => hop::x_forwarded_for,
        HeaderSource::Forwarded => hop::forwarded,
        HeaderSource::None => return peer.to_canonical(),
    };
    let mut client = peer.to_canonical();
    // A comma always separates hops, even within quotes: seen from the right there is no telling
    // whether a quote was opened by a proxy or by the client in front of it.
    let mut hops = values
        .into_iter()
        .rev()
        .flat_map(|value| value.rsplit(|&byte| byte == b','));
    while trusted.contains(client) {
        match hops.next().map(|text| read(text.trim_ascii())) {
            Some(Hop::Address(address)) => client = address,
            Some(Hop::Empty) => {}
            Some(Hop::Unreadable) | None => break,
        }
    }
    client
}

#[cfg(test)]
mod tests;
