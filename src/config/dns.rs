//! `[dns]`: who is asked for the addresses of endpoints that have a name, and how often.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::config::problem::Complaint;
use crate::config::read::section::Section;
use crate::config::text::address;

/// `[dns]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dns {
    /// Name servers. Default: none, which is those of the system's resolv.conf. Its hosts file is read in
    /// either case.
    pub servers: Vec<SocketAddr>,
    /// An answer is believed no shorter, whatever its TTL. Default 5 s: a name with a TTL of 0 is not asked
    /// about all the time.
    pub min_ttl: Duration,
    /// An answer is believed no longer. Default 5 min: an address that was moved in spite of its TTL is found.
    pub max_ttl: Duration,
}

impl Default for Dns {
    fn default() -> Self {
        Self {
            servers: Vec::new(),
            min_ttl: Duration::from_secs(5),
            max_ttl: Duration::from_secs(300),
        }
    }
}

/// Below, name servers would take it for an attack; above, it might as well be an address.
const TTL: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(86_400);

impl Dns {
    pub(super) fn read(mut section: Section<'_>) -> Self {
        let default = Self::default();
        let dns = Self {
            servers: section
                .read("servers", |v| {
                    v.list(|one| one.parsed(address::socket_address))
                })
                .unwrap_or_default(),
            min_ttl: section
                .read("min_ttl", |v| v.duration(TTL))
                .unwrap_or(default.min_ttl),
            max_ttl: section
                .read("max_ttl", |v| v.duration(TTL))
                .unwrap_or(default.max_ttl),
        };
        if dns.min_ttl > dns.max_ttl {
            section.reading.complain(
                section.place_of_written(&["min_ttl", "max_ttl"]),
                Complaint::new("`min_ttl` is longer than `max_ttl`"),
            );
        }
        section.finish();
        dns
    }
}
