//! `ejection = { ... }`: when requests that fail take an endpoint out for a while.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::config::problem::Complaint;
use crate::config::read::section::Section;
use crate::config::read::value::Value;
use crate::config::text::measure::duration_text;

/// `ejection = { ... }`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ejection {
    /// Failures in a row, of whatever kind. Default 5: one may be an accident, five are none.
    pub consecutive: u32,
    /// The first ejection; each further one is twice as long. Default 10 s: two probes.
    pub base: Duration,
    /// The longest ejection, and how long an endpoint must do well for its past to be forgotten. Default 5 min.
    pub most: Duration,
    /// Percent of the region's endpoints that may be ejected at a time, rounded down; the last one that takes
    /// requests never is. Default 50: the other half carries what one half has carried.
    pub share: u32,
}

impl Default for Ejection {
    fn default() -> Self {
        Self {
            consecutive: 5,
            base: Duration::from_secs(10),
            most: Duration::from_secs(300),
            share: 50,
        }
    }
}

/// Shorter is none, longer is an outage.
const LENGTH: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(3_600);

impl Ejection {
    /// A table, or `false`. What is wrong is reported.
    pub(super) fn read(value: &Value<'_>) -> Option<Self> {
        if value.raw().as_bool() == Some(false) {
            return None;
        }
        if !value.raw().is_table() {
            return value.complain(
                Complaint::new("must be a table or false")
                    .allowed("{ consecutive = ..., base = ... } or false"),
            );
        }
        let mut section = value.section()?;
        let default = Self::default();
        let ejection = Self {
            consecutive: section
                .read("consecutive", |v| v.integer(1..=1_000))
                .unwrap_or(default.consecutive),
            base: section
                .read("base", |v| v.duration(LENGTH))
                .unwrap_or(default.base),
            most: section
                .read("most", |v| v.duration(LENGTH))
                .unwrap_or(default.most),
            share: section
                .read("share", |v| v.integer(1..=100))
                .unwrap_or(default.share),
        };
        ejection.warn_of_contradictions(&section);
        section.finish();
        Some(ejection)
    }

    fn warn_of_contradictions(&self, section: &Section<'_>) {
        if self.base > self.most {
            let message = format!(
                "`base` ({}) is never reached, for `most` is {}",
                duration_text(self.base),
                duration_text(self.most)
            );
            section.reading.warn(
                section.place_of_written(&["base", "most"]),
                Complaint::new(message),
            );
        }
    }
}
