//! `[decision]`: the rules of the decision that are neither hosts nor geography.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::config::hide::echo;
use crate::config::name::RegionName;
use crate::config::problem::Complaint;
use crate::config::read::section::Section;
use crate::config::read::value::Value;
use crate::config::region::Draft;
use crate::config::text::header;
use crate::region::pin::{PIN_COOKIE, STICKY_COOKIE};

/// `[decision]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Where a request with credentials goes that chose no region: a token never travels by geography. Default:
    /// the region of `geo.default`.
    pub credentials_region: Credentials,
    /// The cookie of an explicit choice. Its name begins with `__Host-`, so that no other host can set it.
    pub pin_cookie: String,
    /// Whether a first geographic decision is kept, so that a traveller stays where they were. Default: false,
    /// as it sets a cookie on people who chose nothing.
    pub sticky: bool,
    /// The cookie of that decision; another than `pin_cookie`, so that it is never mistaken for a choice.
    pub sticky_cookie: String,
    /// The jurisdictions whose regions may be asked for a key that has no tag (`lookup` and
    /// `lookup_jurisdictions`). Default: none, since such a key is shown to all of them.
    pub lookup: Vec<String>,
    /// How long they have to answer. Default 500 ms: a region that is later cannot say.
    pub lookup_timeout: Duration,
    /// How long it is remembered that a region has it. Default 5 minutes.
    pub lookup_found: Duration,
    /// How long it is remembered that none has. Default 1 s, and no longer: a receipt is read right after it
    /// was made.
    pub lookup_missing: Duration,
    /// Look-ups by the second, and as many at once; each asks every region that may be asked. A network may
    /// use a fifth of them, a client a tenth. Default 50: guesses of keys cannot make the regions busier.
    pub lookup_per_second: u32,
}

/// The times that the look-up's keys take.
const ANSWER: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(10);
const FOUND: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(3_600);
const MISSING: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(1);

/// What happens to credentials whose region nobody said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credentials {
    /// They go to this region.
    Region(RegionName),
    /// The request is refused.
    Refuse,
}

impl Decision {
    /// Reads the section; `default` is the region of `geo.default`, if it is known, as are `regions`.
    pub(super) fn read(
        mut section: Section<'_>,
        default: Option<&RegionName>,
        regions: Option<&[Draft]>,
    ) -> Option<Self> {
        let credentials = section.read("credentials_region", credentials);
        let credentials = credentials.or_else(|| default.cloned().map(Credentials::Region));
        let mut cookie = |key, default: &str| {
            section
                .read(key, |v| v.parsed(header::cookie_name))
                .unwrap_or_else(|| default.to_owned())
        };
        let pin_cookie = cookie("pin_cookie", PIN_COOKIE);
        let sticky_cookie = cookie("sticky_cookie", STICKY_COOKIE);
        let sticky = section.read("sticky", Value::boolean).unwrap_or(false);
        let lookup = lookup(&mut section, regions);
        let mut duration = |key, range: RangeInclusive<Duration>, default| {
            section.read(key, |v| v.duration(range)).unwrap_or(default)
        };
        let lookup_timeout = duration("lookup_timeout", ANSWER, Duration::from_millis(500));
        let lookup_found = duration("lookup_found", FOUND, Duration::from_secs(300));
        let lookup_missing = duration("lookup_missing", MISSING, Duration::from_secs(1));
        let lookup_per_second = section
            .read("lookup_per_second", |v| v.integer(1..=100_000))
            .unwrap_or(50);
        if pin_cookie == sticky_cookie {
            section.reading.complain(
                section.place_of_written(&["sticky_cookie", "pin_cookie"]),
                Complaint::new("a choice and a kept decision cannot share one cookie"),
            );
        }
        section.finish();
        Some(Self {
            credentials_region: credentials?,
            pin_cookie,
            sticky,
            sticky_cookie,
            lookup,
            lookup_timeout,
            lookup_found,
            lookup_missing,
            lookup_per_second,
        })
    }
}

/// A jurisdiction that some region is under.
fn jurisdiction(value: &Value<'_>, regions: Option<&[Draft]>) -> Option<String> {
    let named = value.string()?;
    let mut all = regions.into_iter().flatten();
    // A region of which nothing could be read may be under it.
    let known = |region: &Draft| {
        region
            .jurisdiction
            .as_deref()
            .is_none_or(|one| one == named)
    };
    if regions.is_none() || all.any(known) {
        return Some(named.to_owned());
    }
    value.complain(Complaint::new(format!(
        "no region is under jurisdiction `{}`",
        echo(named)
    )))
}

/// Who asks regions for keys says whose.
fn lookup(section: &mut Section<'_>, regions: Option<&[Draft]>) -> Vec<String> {
    let place = section.place_of_written(&["lookup"]);
    let on = section.read("lookup", Value::boolean).unwrap_or(false);
    let mut count = 0;
    let named = section.read("lookup_jurisdictions", |v| {
        count = v.items()?.len();
        v.list(|one| jurisdiction(one, regions))
    });
    if on && count == 0 {
        section.reading.complain(
            place,
            Complaint::new("needs `lookup_jurisdictions`").hint(
                "a key without a tag is shown to all regions that are asked: name the jurisdictions that may see it",
            ),
        );
    }
    named.filter(|_| on).unwrap_or_default()
}

fn credentials(value: &Value<'_>) -> Option<Credentials> {
    if value.raw().as_str() == Some("refuse") {
        return Some(Credentials::Refuse);
    }
    value.region_or(&["refuse"]).map(Credentials::Region)
}
