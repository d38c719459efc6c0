//! shim
pub mod trusted;
use std::net::IpAddr;
use trusted::TrustedProxies;
#[derive(Clone, Copy, Debug)]
pub enum HeaderSource {
    XForwardedFor,
    Forwarded,
    None,
}
pub fn identify<'a>(
    peer: IpAddr,
    _source: HeaderSource,
    values: impl IntoIterator<Item = &'a [u8]>,
    trusted: &TrustedProxies,
) -> IpAddr {
    if !trusted.contains(peer) {
        return peer;
    }
    values
        .into_iter()
        .last()
        .and_then(|v| std::str::from_utf8(v).ok())
        .and_then(|v| v.trim().parse().ok())
        .unwrap_or(peer)
}
