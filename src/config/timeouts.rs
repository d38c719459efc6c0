//! `[timeouts]`: how long each step may take. None can be switched off, all are longer than zero.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::config::problem::Complaint;
use crate::config::read::section::Section;
use crate::config::text::measure::duration_text;

/// `[timeouts]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeouts {
    /// From the connection to the end of the TLS handshake. Default 10 s: four round trips on the worst of
    /// links.
    pub handshake: Duration,
    /// From the first byte of a request head to its last. Default 10 s: a head fits into a few packets.
    pub head: Duration,
    /// How long a connection without a request stays open. Default 60 s: a page's next click, at 30 KiB each.
    pub keep_alive: Duration,
    /// Between two bytes of a request body, and between two bytes a client takes of an answer. Default 20 s: a
    /// mobile link that changes cells.
    pub body_idle: Duration,
    /// All the time that a client may take over a body beside what `limits.body_rate` grants. Default 10 s: a
    /// link that stalls and recovers.
    pub body_grace: Duration,
    /// To connect to an endpoint, its TLS handshake included. Default 3 s: three round trips across an ocean,
    /// one packet lost.
    pub connect: Duration,
    /// From the last byte of the request to the head of the region's answer. Default 30 s: regions send mails
    /// within the request.
    pub response_head: Duration,
    /// Between two bytes of the region's answer. Default 20 s, as `body_idle`.
    pub response_idle: Duration,
    /// How long an idle connection to a region is kept for the next request. Default 15 s: below the 20 s of
    /// the application's server, so that it is never the region that closes as we write.
    pub upstream_idle: Duration,
    /// How long a connection to a region is used for further requests, at most; it ends up to a tenth before.
    /// Default 10 m: what changes behind an address (a load balancer's servers) is noticed by then.
    pub upstream_age: Duration,
    /// The whole request, from its head's last byte to the answer's last. Default 120 s: the largest body at
    /// 20 KiB a second.
    pub request: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(10),
            head: Duration::from_secs(10),
            keep_alive: Duration::from_secs(60),
            body_idle: Duration::from_secs(20),
            body_grace: Duration::from_secs(10),
            connect: Duration::from_secs(3),
            response_head: Duration::from_secs(30),
            response_idle: Duration::from_secs(20),
            upstream_idle: Duration::from_secs(15),
            upstream_age: Duration::from_secs(600),
            request: Duration::from_secs(120),
        }
    }
}

/// A step may not take no time, nor as long as no one waits.
const STEP: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(86_400);

impl Timeouts {
    pub(super) fn read(mut section: Section<'_>) -> Self {
        let default = Self::default();
        let mut read = |key, default| section.read(key, |v| v.duration(STEP)).unwrap_or(default);
        let timeouts = Self {
            handshake: read("handshake", default.handshake),
            head: read("head", default.head),
            keep_alive: read("keep_alive", default.keep_alive),
            body_idle: read("body_idle", default.body_idle),
            body_grace: read("body_grace", default.body_grace),
            connect: read("connect", default.connect),
            response_head: read("response_head", default.response_head),
            response_idle: read("response_idle", default.response_idle),
            upstream_idle: read("upstream_idle", default.upstream_idle),
            upstream_age: read("upstream_age", default.upstream_age),
            request: read("request", default.request),
        };
        timeouts.warn_of_contradictions(&section);
        section.finish();
        timeouts
    }

    /// A step that may take longer than the whole never ends by its own limit.
    fn warn_of_contradictions(&self, section: &Section<'_>) {
        let parts = [
            ("connect", self.connect),
            ("response_head", self.response_head),
            ("response_idle", self.response_idle),
            ("body_idle", self.body_idle),
        ];
        for (key, part) in parts {
            if part < self.request {
                continue;
            }
            let message = format!(
                "`{key}` ({}) never ends a request, for `request` ({}) does so first",
                duration_text(part),
                duration_text(self.request)
            );
            let place = section.place_of_written(&[key, "request"]);
            section.reading.warn(place, Complaint::new(message));
        }
    }
}
