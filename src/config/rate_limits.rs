//! `[rate_limits]`: how many requests of each kind one client may send. Who one client is, and who is
//! exempt, stands in `[limits]`.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::config::problem::Complaint;
use crate::config::read::section::Section;
use crate::config::read::value::Value;

/// So many at once, then one `every` so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    /// How many at once.
    pub burst: u32,
    /// How long until one more.
    pub every: Duration,
}

/// `[rate_limits]`. `None` (`false` in the file) is no limit. What a request does decides on its kind, as it
/// does on whether it may be sent twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateLimits {
    /// New connections, beyond which they are reset before anything is said. Default 500 and 100 a second: a
    /// company's browsers at nine o'clock, and 2 % of a core in handshakes.
    pub connect: Option<Bucket>,
    /// Requests that make something. Default 5,000 and 200 a second: what a mobile operator's customers make
    /// behind one address; the application itself counts what each caller makes, and knows them better.
    pub create: Option<Bucket>,
    /// Requests that read a secret, burn it, or count. Default as `create`: each is made to be read once.
    pub consume: Option<Bucket>,
    /// Requests that read. Default 10,000 and 1,000 a second: a page makes some five, and a region
    /// answers a few thousand a second.
    pub read: Option<Bucket>,
    /// Requests for what is the same for everybody. Default as `read`: a page has some thirty
    /// assets, and a company opens it at nine o'clock.
    pub assets: Option<Bucket>,
    /// Answers of a region that it does not know the key. With an empty bucket, calls that carry a key are refused
    /// without asking the region. Default 100 and one in 2 s: links that were read already are opened again, but
    /// nobody needs tens of thousands a day.
    pub unknown: Option<Bucket>,
    /// Answers with which the gateway itself refuses, and all answers without TLS. With an empty bucket each
    /// further one ends its connection, and so does every hundredth on one connection. Default 500 and 50 a
    /// second: a company behind one address mistypes less often.
    pub refused: Option<Bucket>,
}

impl Default for RateLimits {
    fn default() -> Self {
        let bucket = |burst, millis| {
            Some(Bucket {
                burst,
                every: Duration::from_millis(millis),
            })
        };
        Self {
            connect: bucket(500, 10),
            create: bucket(5_000, 5),
            consume: bucket(5_000, 5),
            read: bucket(10_000, 1),
            assets: bucket(10_000, 1),
            unknown: bucket(100, 2_000),
            refused: bucket(500, 20),
        }
    }
}

/// Faster is no limit, slower is a ban.
const EVERY: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(3_600);

impl RateLimits {
    pub(super) fn read(mut section: Section<'_>) -> Self {
        let default = Self::default();
        let mut read = |key, default| section.read(key, bucket).unwrap_or(default);
        let limits = Self {
            connect: read("connect", default.connect),
            create: read("create", default.create),
            consume: read("consume", default.consume),
            read: read("read", default.read),
            assets: read("static", default.assets),
            unknown: read("unknown", default.unknown),
            refused: read("refused", default.refused),
        };
        section.finish();
        limits
    }
}

/// A table with both keys, or `false`. What is wrong is reported.
fn bucket(value: &Value<'_>) -> Option<Option<Bucket>> {
    if value.raw().as_bool() == Some(false) {
        return Some(None);
    }
    if !value.raw().is_table() {
        return value.complain(
            Complaint::new("must be a table or false")
                .allowed("{ burst = ..., every = ... } or false"),
        );
    }
    table(value).map(Some)
}

/// A table with both keys. What is wrong is reported.
pub(super) fn table(value: &Value<'_>) -> Option<Bucket> {
    let mut section = value.section()?;
    let burst = section.require("burst", |v| v.integer(1..=1_000_000));
    let every = section.require("every", |v| v.duration(EVERY));
    section.finish();
    Some(Bucket {
        burst: burst?,
        every: every?,
    })
}
