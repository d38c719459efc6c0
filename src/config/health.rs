//! `health = { ... }`: how the endpoints of a region are probed.

use std::ops::RangeInclusive;
use std::time::Duration;

use http::StatusCode;

use crate::config::hide::echo;
use crate::config::problem::Complaint;
use crate::config::read::section::Section;
use crate::config::read::value::Value;
use crate::config::text::measure::duration_text;

/// `health = { ... }`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// The path asked for. Default `/api/v2/status`: open to all and without a session.
    pub path: String,
    /// What the body must contain; empty asks for nothing. Default `nominal`.
    pub contains: String,
    /// The status that is healthy. Default 200.
    pub status: StatusCode,
    /// The time between two probes. Default 5 s: a dead endpoint is noticed within about ten.
    pub interval: Duration,
    /// The same while an endpoint is down. Default 1 s: what came back is used at once.
    pub fast_interval: Duration,
    /// How long one probe may take, connecting included. Default 3 s: three round trips across an ocean, one
    /// packet lost.
    pub timeout: Duration,
    /// Good probes in a row until an endpoint is up. Default 2.
    pub rise: u32,
    /// Bad probes in a row until an endpoint is down. Default 2.
    pub fall: u32,
}

impl Default for Health {
    fn default() -> Self {
        Self {
            path: "/api/v2/status".to_owned(),
            contains: "nominal".to_owned(),
            status: StatusCode::OK,
            interval: Duration::from_secs(5),
            fast_interval: Duration::from_secs(1),
            timeout: Duration::from_secs(3),
            rise: 2,
            fall: 2,
        }
    }
}

/// Shorter is a load, longer is no check.
const PACE: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(3_600);

impl Health {
    /// A table, or `false`. What is wrong is reported.
    pub(super) fn read(value: &Value<'_>) -> Option<Self> {
        if value.raw().as_bool() == Some(false) {
            return None;
        }
        if !value.raw().is_table() {
            return value.complain(
                Complaint::new("must be a table or false")
                    .allowed("{ path = ..., interval = ... } or false"),
            );
        }
        let mut section = value.section()?;
        let default = Self::default();
        let health = Self {
            path: section
                .read("path", |v| v.parsed(path))
                .unwrap_or(default.path),
            contains: section
                .read("contains", |v| v.string().map(str::to_owned))
                .unwrap_or(default.contains),
            status: section
                .read("status", Value::status)
                .unwrap_or(default.status),
            interval: section
                .read("interval", |v| v.duration(PACE))
                .unwrap_or(default.interval),
            fast_interval: section
                .read("fast_interval", |v| v.duration(PACE))
                .unwrap_or(default.fast_interval),
            timeout: section
                .read("timeout", |v| v.duration(PACE))
                .unwrap_or(default.timeout),
            rise: section
                .read("rise", |v| v.integer(1..=100))
                .unwrap_or(default.rise),
            fall: section
                .read("fall", |v| v.integer(1..=100))
                .unwrap_or(default.fall),
        };
        health.warn_of_contradictions(&section);
        section.finish();
        Some(health)
    }

    fn warn_of_contradictions(&self, section: &Section<'_>) {
        let interval = duration_text(self.interval);
        let warn = |key, value: Duration, what: &str| {
            let message = format!(
                "`{key}` ({}) {what} `interval` ({interval})",
                duration_text(value)
            );
            section.reading.warn(
                section.place_of_written(&[key, "interval"]),
                Complaint::new(message),
            );
        };
        if self.fast_interval > self.interval {
            warn("fast_interval", self.fast_interval, "is slower than");
        }
        if self.timeout > self.interval {
            warn(
                "timeout",
                self.timeout,
                "lets probes overlap, for it is longer than",
            );
        }
    }
}

/// The path of a probe: an absolute path with or without a query, as a request target can carry it.
fn path(text: &str) -> Result<String, Complaint> {
    let plain = |b: u8| b.is_ascii_graphic() && !b"#\"<>\\^`{|}".contains(&b);
    if text.starts_with('/') && text.len() <= 1024 && text.bytes().all(plain) {
        return Ok(text.to_owned());
    }
    Err(
        Complaint::new(format!("`{}` is no path of a probe", echo(text)))
            .allowed("a path that begins with `/`, such as \"/api/v2/status\""),
    )
}
