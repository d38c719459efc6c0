//! `[limits]`: how much of everything is taken. None can be switched off.

use crate::config::problem::Complaint;
use crate::config::read::section::Section;

/// `[limits]`. Sizes are in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// A request's head in HTTP/1: request line and fields. Default 32 KiB: the longest URI and as much again
    /// in cookies.
    pub head_bytes: usize,
    /// Fields of a request's head. Default 100: browsers send about 20.
    pub headers: usize,
    /// The request target. Default 12 KiB: the application's server takes no more.
    pub uri_bytes: usize,
    /// A request's body. Default 256 KiB: the largest secret, escaped in the worst way, four times.
    pub body: u64,
    /// A request's body where images of domains are sent. Default 2.5 MB: the application takes 2 MB and a
    /// form around it.
    pub body_image: u64,
    /// Connections of clients, in all threads together. Default 10,000: some 300 MB when all are idle.
    pub connections: usize,
    /// HTTP/2 streams of one connection at a time. Default 128: RFC 9113 section 6.5.2 wants no less than 100.
    pub h2_streams: u32,
    /// A request's head in HTTP/2, uncompressed, with 32 bytes for each field (RFC 9113 section 6.5.2).
    /// Default 32 KiB, as `head_bytes`.
    pub h2_header_list: u32,
    /// Idle connections kept for each endpoint by each thread. Default 32: more would be idle longer than the
    /// region keeps them. 0 keeps none.
    pub pool_per_endpoint: usize,
    /// Requests at a time at each endpoint, in all threads together; beyond it the answer is 503 at once. Default 1,000: an endpoint that does not keep up has no use for more.
    pub requests_per_endpoint: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_bytes: 32 * 1024,
            headers: 100,
            uri_bytes: 12 * 1024,
            body: 256 * 1024,
            body_image: 2_500_000,
            connections: 10_000,
            h2_streams: 128,
            h2_header_list: 32 * 1024,
            pool_per_endpoint: 32,
            requests_per_endpoint: 1_000,
        }
    }
}

impl Limits {
    pub(super) fn read(mut section: Section<'_>) -> Self {
        let default = Self::default();
        let limits = Self {
            head_bytes: size(&mut section, "head_bytes", 1 << 20).unwrap_or(default.head_bytes),
            headers: count(&mut section, "headers", 1..=1_000).unwrap_or(default.headers),
            uri_bytes: size(&mut section, "uri_bytes", 1 << 20).unwrap_or(default.uri_bytes),
            body: size(&mut section, "body", 1 << 40).unwrap_or(default.body),
            body_image: size(&mut section, "body_image", 1 << 40).unwrap_or(default.body_image),
            connections: count(&mut section, "connections", 1..=10_000_000)
                .unwrap_or(default.connections),
            h2_streams: count(&mut section, "h2_streams", 1..=10_000).unwrap_or(default.h2_streams),
            h2_header_list: size(&mut section, "h2_header_list", 1 << 20)
                .unwrap_or(default.h2_header_list),
            pool_per_endpoint: count(&mut section, "pool_per_endpoint", 0..=10_000)
                .unwrap_or(default.pool_per_endpoint),
            requests_per_endpoint: count(&mut section, "requests_per_endpoint", 1..=1_000_000)
                .unwrap_or(default.requests_per_endpoint),
        };
        if limits.uri_bytes >= limits.head_bytes {
            section.reading.warn(
                section.place_of_written(&["uri_bytes", "head_bytes"]),
                Complaint::new("`uri_bytes` is never reached, for `head_bytes` is no more"),
            );
        }
        section.finish();
        limits
    }
}

/// A number of bytes up to a greatest one; below 256 not even a plain request fits.
fn size<T: TryFrom<u64>>(section: &mut Section<'_>, key: &'static str, most: u64) -> Option<T> {
    section
        .read(key, |v| v.size(256..=most))
        .and_then(|bytes| T::try_from(bytes).ok())
}

fn count<T: TryFrom<u64>>(
    section: &mut Section<'_>,
    key: &'static str,
    range: std::ops::RangeInclusive<u64>,
) -> Option<T> {
    section
        .read(key, |v| v.integer(range))
        .and_then(|count| T::try_from(count).ok())
}
