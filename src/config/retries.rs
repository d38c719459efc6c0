//! `[retries]`: how many requests of class `static` may be sent again after a failure. What was
//! never sent may always be; what is of another class and may have been sent never is.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::config::read::section::Section;

/// `[retries]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retries {
    /// Percent of a region's requests of the last ten seconds. Default 20; 0 leaves what `per_second` allows.
    pub share: u32,
    /// Retries by the second that each region may have whatever its requests. Default 3; 0 and a share of 0
    /// switch retries off.
    pub per_second: u32,
    /// The longest wait before a first retry; doubled for a second, and always jittered. Default 25 ms: a
    /// connection that broke is not mended sooner.
    pub backoff: Duration,
}

impl Default for Retries {
    fn default() -> Self {
        Self {
            share: 20,
            per_second: 3,
            backoff: Duration::from_millis(25),
        }
    }
}

/// Longer is a time-out.
const WAIT: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(10);

impl Retries {
    pub(super) fn read(mut section: Section<'_>) -> Self {
        let default = Self::default();
        let retries = Self {
            share: section
                .read("share", |v| v.integer(0..=100))
                .unwrap_or(default.share),
            per_second: section
                .read("per_second", |v| v.integer(0..=10_000))
                .unwrap_or(default.per_second),
            backoff: section
                .read("backoff", |v| v.duration(WAIT))
                .unwrap_or(default.backoff),
        };
        section.finish();
        retries
    }
}
