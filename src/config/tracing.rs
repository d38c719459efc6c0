//! `[tracing]`: whether spans of requests are exported, and of how many.

use crate::config::endpoint::EndpointAddress;
use crate::config::problem::Complaint;
use crate::config::read::section::Section;
use crate::config::read::value::Value;
use crate::config::text::address;

/// `[tracing]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tracing {
    /// The collector's origin; spans go to `/v1/traces` there, as protobuf over HTTP. Default `off`.
    pub otlp: Option<String>,
    /// Of a thousand requests, how many are recorded. Default 10. What a trusted proxy has decided holds
    /// instead.
    pub per_thousand: u32,
}

impl Default for Tracing {
    fn default() -> Self {
        Self {
            otlp: None,
            per_thousand: 10,
        }
    }
}

impl Tracing {
    pub(super) fn read(mut section: Section<'_>) -> Self {
        let default = Self::default();
        let tracing = Self {
            otlp: section.read("otlp", collector).unwrap_or_default(),
            per_thousand: section
                .read("per_thousand", |v| v.integer(1..=1000))
                .unwrap_or(default.per_thousand),
        };
        section.finish();
        tracing
    }

    /// How many of a thousand requests are recorded: none if nobody takes spans.
    #[must_use]
    pub fn share(&self) -> u32 {
        match self.otlp {
            Some(_) => self.per_thousand,
            None => 0,
        }
    }
}

fn collector(value: &Value<'_>) -> Option<Option<String>> {
    if value.raw().as_str() == Some("off") {
        return Some(None);
    }
    let (tls, host, port) = value.parsed(address::endpoint)?;
    if tls {
        return value.complain(
            Complaint::new("must be http")
                .hint("a collector beside the gateway can take spans further over TLS"),
        );
    }
    Some(Some(match host {
        EndpointAddress::Ip(std::net::IpAddr::V6(host)) => format!("http://[{host}]:{port}"),
        EndpointAddress::Ip(host) => format!("http://{host}:{port}"),
        EndpointAddress::Name(host) => format!("http://{host}:{port}"),
    }))
}
