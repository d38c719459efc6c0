//! `[limits]`: how much of everything is taken. None can be switched off.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;
use std::time::Duration;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::config::problem::Complaint;
use crate::config::rate_limits::{self, Bucket};
use crate::config::read::section::Section;
use crate::config::text::address;
use crate::http1::head::MOST_FIELDS;

/// `[limits]`. Sizes are in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// A request's head in HTTP/1: request line and fields. Default 32 KiB: the longest URI and as much again
    /// in cookies.
    pub head_bytes: usize,
    /// Fields of a request's head, 128 at most. Default 100: browsers send about 20.
    pub headers: usize,
    /// The request target. Default 12 KiB: the application's server takes no more.
    pub uri_bytes: usize,
    /// A request's body. Default 256 KiB: the largest secret, escaped in the worst way, four times.
    pub body: u64,
    /// A request's body where images of domains are sent. Default 2.5 MB: the application takes 2 MB and a
    /// form around it.
    pub body_image: u64,
    /// Connections of clients, in all threads together. Default 10,000: some 90 MB when all are idle.
    pub connections: usize,
    /// Connections of one client, which is an address or, in IPv6, the network that one customer has. Default
    /// 1,000, a tenth of all: a company of some thousands behind one address has fewer.
    pub connections_per_address: usize,
    /// Connections of one wider network. Default 3,000: no one network takes the place of all others.
    pub connections_per_network: usize,
    /// Resident memory of the process, beyond which idle connections are closed and new ones refused. Default 0: 80 %
    /// of what the cgroup, or the machine, has.
    pub memory: u64,
    /// Requests in flight of one client. Default 250, an eighth of what a region takes: who is slow on purpose
    /// keeps a place for as long as that lasts.
    pub requests_per_address: usize,
    /// Requests in flight of one wider network. Default 500.
    pub requests_per_network: usize,
    /// Bits of an IPv4 address that make one client. Default 32: the address.
    pub client_v4: u8,
    /// Bits of an IPv6 address that make one client. Default 64: a customer has all addresses of its /64.
    pub client_v6: u8,
    /// Bits of an IPv4 address that make one wider network. Default 24: the smallest that is routed.
    pub network_v4: u8,
    /// Bits of an IPv6 address that make one wider network. Default 48: the smallest that is routed.
    pub network_v6: u8,
    /// Networks that no limit by client or network holds for. Default: loopback, for what runs on this machine
    /// is its operator's.
    pub exempt: Vec<IpNet>,
    /// Requests on one connection, the last of which ends it. Default a million: no connection stays with one
    /// thread for ever, while few clients of HTTP/2 take a connection that ends under their requests as well as
    /// they should.
    pub requests_per_connection: u64,
    /// Requests in flight, in all threads together; beyond it the answer is 503 at once. Default 4,096: as many as
    /// four endpoints take, at some 64 KiB each.
    pub requests: usize,
    /// HTTP/2 streams of one connection at a time. Default 128: RFC 9113 section 6.5.2 wants no less than 100.
    pub h2_streams: u32,
    /// A request's head in HTTP/2, uncompressed, with 32 bytes for each field (RFC 9113 section 6.5.2).
    /// Default 32 KiB, as `head_bytes`.
    pub h2_header_list: u32,
    /// HTTP/2 frames of one connection that make work and no request: PING, SETTINGS, RST_STREAM, PRIORITY, empty
    /// DATA, small CONTINUATION. Beyond it the connection is closed. Default 500 and 50 a second: a page that is
    /// left cancels what it has asked for, some hundred at once.
    pub h2_control_frames: Bucket,
    /// Bytes by the second at which a client must send a body, and take one, beside `timeouts.body_grace`. Default
    /// 1 KiB: a tenth of the slowest mobile link.
    pub body_rate: u64,
    /// Idle connections kept for each endpoint by each thread. Default 32: more would be idle longer than the
    /// region keeps them. 0 keeps none.
    pub pool_per_endpoint: usize,
    /// Requests at a time at each endpoint, each on a connection of its own, in all threads together. Default
    /// 1,000: an endpoint that does not keep up has no use for more.
    pub requests_per_endpoint: usize,
    /// Requests at a time at all endpoints of a region, in all threads together. Default 2,000. Twice what the
    /// region works at at a time is best: more only waits there.
    pub requests_per_region: usize,
    /// Requests of a region that wait while either limit is reached; the next is answered 503 at once. Default
    /// 64; 0 lets none wait.
    pub queue_per_region: usize,
    /// How long they wait before they are answered 503. Default 250 ms: a peak passes, an overload does not.
    pub queue_wait: Duration,
}

/// Longer, and clients have gone.
const QUEUE_WAIT: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(10);

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_bytes: 32 * 1024,
            headers: 100,
            uri_bytes: 12 * 1024,
            body: 256 * 1024,
            body_image: 2_500_000,
            connections: 10_000,
            connections_per_address: 1_000,
            connections_per_network: 3_000,
            memory: 0,
            requests_per_address: 250,
            requests_per_network: 500,
            client_v4: 32,
            client_v6: 64,
            network_v4: 24,
            network_v6: 48,
            exempt: vec![
                IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8)),
                IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128)),
            ],
            requests_per_connection: 1_000_000,
            requests: 4_096,
            h2_streams: 128,
            h2_header_list: 32 * 1024,
            h2_control_frames: Bucket {
                burst: 500,
                every: Duration::from_millis(20),
            },
            body_rate: 1024,
            pool_per_endpoint: 32,
            requests_per_endpoint: 1_000,
            requests_per_region: 2_000,
            queue_per_region: 64,
            queue_wait: Duration::from_millis(250),
        }
    }
}

impl Limits {
    pub(super) fn read(mut section: Section<'_>) -> Self {
        let default = Self::default();
        let limits = Self {
            head_bytes: size(&mut section, "head_bytes", 1 << 20).unwrap_or(default.head_bytes),
            headers: count(&mut section, "headers", 1..=MOST_FIELDS as u64)
                .unwrap_or(default.headers),
            uri_bytes: size(&mut section, "uri_bytes", 1 << 20).unwrap_or(default.uri_bytes),
            body: size(&mut section, "body", 1 << 40).unwrap_or(default.body),
            body_image: size(&mut section, "body_image", 1 << 40).unwrap_or(default.body_image),
            connections: count(&mut section, "connections", 1..=10_000_000)
                .unwrap_or(default.connections),
            connections_per_address: count(&mut section, "connections_per_address", 1..=10_000_000)
                .unwrap_or(default.connections_per_address),
            connections_per_network: count(&mut section, "connections_per_network", 1..=10_000_000)
                .unwrap_or(default.connections_per_network),
            memory: section
                .read("memory", |v| v.size(0..=1 << 50))
                .unwrap_or(default.memory),
            requests_per_address: count(&mut section, "requests_per_address", 1..=10_000_000)
                .unwrap_or(default.requests_per_address),
            requests_per_network: count(&mut section, "requests_per_network", 1..=10_000_000)
                .unwrap_or(default.requests_per_network),
            client_v4: count(&mut section, "client_v4", 8..=32).unwrap_or(default.client_v4),
            client_v6: count(&mut section, "client_v6", 16..=128).unwrap_or(default.client_v6),
            network_v4: count(&mut section, "network_v4", 8..=32).unwrap_or(default.network_v4),
            network_v6: count(&mut section, "network_v6", 16..=128).unwrap_or(default.network_v6),
            exempt: section
                .read("exempt", |v| v.list(|one| one.parsed(address::network)))
                .unwrap_or(default.exempt),
            requests_per_connection: count(
                &mut section,
                "requests_per_connection",
                1..=1_000_000_000,
            )
            .unwrap_or(default.requests_per_connection),
            requests: count(&mut section, "requests", 1..=10_000_000).unwrap_or(default.requests),
            h2_streams: count(&mut section, "h2_streams", 1..=10_000).unwrap_or(default.h2_streams),
            h2_header_list: size(&mut section, "h2_header_list", 1 << 20)
                .unwrap_or(default.h2_header_list),
            h2_control_frames: section
                .read("h2_control_frames", rate_limits::table)
                .unwrap_or(default.h2_control_frames),
            body_rate: section
                .read("body_rate", |v| v.size(1..=1 << 30))
                .unwrap_or(default.body_rate),
            pool_per_endpoint: count(&mut section, "pool_per_endpoint", 0..=10_000)
                .unwrap_or(default.pool_per_endpoint),
            requests_per_endpoint: count(&mut section, "requests_per_endpoint", 1..=1_000_000)
                .unwrap_or(default.requests_per_endpoint),
            requests_per_region: count(&mut section, "requests_per_region", 1..=1_000_000)
                .unwrap_or(default.requests_per_region),
            queue_per_region: count(&mut section, "queue_per_region", 0..=100_000)
                .unwrap_or(default.queue_per_region),
            queue_wait: section
                .read("queue_wait", |v| v.duration(QUEUE_WAIT))
                .unwrap_or(default.queue_wait),
        };
        if limits.uri_bytes >= limits.head_bytes {
            section.reading.warn(
                section.place_of_written(&["uri_bytes", "head_bytes"]),
                Complaint::new("`uri_bytes` is never reached, for `head_bytes` is no more"),
            );
        }
        for (keys, (network, client)) in [
            (
                ["network_v4", "client_v4"],
                (limits.network_v4, limits.client_v4),
            ),
            (
                ["network_v6", "client_v6"],
                (limits.network_v6, limits.client_v6),
            ),
        ] {
            if network > client {
                let message = format!("`{}` is narrower than `{}`", keys[0], keys[1]);
                let place = section.place_of_written(&keys);
                section.reading.warn(place, Complaint::new(message));
            }
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
    range: RangeInclusive<u64>,
) -> Option<T> {
    section
        .read(key, |v| v.integer(range))
        .and_then(|count| T::try_from(count).ok())
}
