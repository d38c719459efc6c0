//! Who the client is: the peer of the connection or, if that is a proxy which the operator trusts,
//! whom the proxy names, and so on from right to left through all trusted ones.
//!
//! Whatever cannot be read ends the walk at the last hop that was believed. Only what trusted hops
//! wrote is looked at, so nothing that a client puts in front of it changes the answer.

mod hop;
pub mod proxy_protocol;
pub mod trusted;

use std::net::IpAddr;

use smallvec::SmallVec;

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
    let peer = peer.to_canonical();
    if source == HeaderSource::None || !trusted.contains(peer) {
        return peer;
    }
    let values = values.into_iter().rev();
    if source == HeaderSource::XForwardedFor {
        let hops = values.flat_map(|value| value.rsplit(|&byte| byte == b','));
        return walk(
            peer,
            trusted,
            hops.map(|text| hop::x_forwarded_for(text.trim_ascii())),
        );
    }
    // Fields of one name are one list (RFC 9110 section 5.3), so a quote may go on in the next.
    let mut list = SmallVec::<[u8; 256]>::new();
    for value in values.rev() {
        list.extend_from_slice(value);
        list.push(b',');
    }
    list.pop();
    let hops = FromRight(Some(&list));
    walk(
        peer,
        trusted,
        hops.map(|text| hop::forwarded(text.trim_ascii())),
    )
}

/// The last hop that is believed, given all from right to left.
fn walk(peer: IpAddr, trusted: &TrustedProxies, mut hops: impl Iterator<Item = Hop>) -> IpAddr {
    let mut client = peer;
    while trusted.contains(client) {
        match hops.next() {
            Some(Hop::Address(address)) => client = address,
            Some(Hop::Empty) => {}
            Some(Hop::Unreadable) | None => break,
        }
    }
    client
}

/// The elements of a list from right to left; a comma within quotes separates none.
///
/// What a trusted proxy appends is well-formed, so seen from the right its quotes come in pairs,
/// whatever a client in front of it wrote.
struct FromRight<'a>(Option<&'a [u8]>);

impl<'a> Iterator for FromRight<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let text = self.0.take()?;
        let mut quoted = false;
        for (at, &byte) in text.iter().enumerate().rev() {
            let (before, from) = text.split_at_checked(at)?;
            match byte {
                b'"' if !is_escaped(before) => quoted = !quoted,
                b',' if !quoted => {
                    self.0 = Some(before);
                    return from.get(1..);
                }
                _ => {}
            }
        }
        Some(text)
    }
}

/// Whether the byte behind `before` is escaped: an odd number of backslashes stands in front of it.
fn is_escaped(before: &[u8]) -> bool {
    let slashes = before.iter().rev().take_while(|&&byte| byte == b'\\');
    slashes.count() % 2 == 1
}

#[cfg(test)]
mod tests;
