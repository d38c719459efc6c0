//! `[hosts]`: the names the gateway answers for.

use std::collections::BTreeMap;

use toml::de::DeValue;

use crate::config::name::{HostName, HostPattern, RegionName};
use crate::config::place::Place;
use crate::config::problem::Complaint;
use crate::config::read::section::{Entry, Section};
use crate::config::read::value::Value;
use crate::config::text::{address, measure};

/// One line of `[hosts]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Host {
    /// The name, or the names, it is about.
    pub pattern: HostPattern,
    /// Where its requests belong.
    pub target: Target,
    /// What API callers of this host are told about its future. Default: nothing.
    pub notice: Option<Notice>,
    /// The key in the file.
    pub place: Place,
}

/// Where requests of a host belong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// `"auto"`: each request's region is decided by the other rules.
    Auto,
    /// A region's name, where the pattern is that region's own `host` (or the table says `kind = "region"`).
    Region(RegionName),
    /// A region's name, where the pattern is any other (or the table says `kind = "alias"`).
    Alias(RegionName),
}

impl Target {
    /// The region the host names, if it names one.
    pub fn region(&self) -> Option<&RegionName> {
        match self {
            Self::Auto => None,
            Self::Region(region) | Self::Alias(region) => Some(region),
        }
    }

    /// The kind of host.
    pub fn kind(&self) -> HostKind {
        match self {
            Self::Auto => HostKind::Auto,
            Self::Region(_) => HostKind::Region,
            Self::Alias(_) => HostKind::Alias,
        }
    }
}

/// The kinds of host, by which routes differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HostKind {
    /// The bare host and its like: the region is decided.
    Auto,
    /// A region's own host.
    Region,
    /// Another name for one region.
    Alias,
}

impl HostKind {
    /// Every kind, in the order of the documentation.
    pub const ALL: [Self; 3] = [Self::Auto, Self::Region, Self::Alias];

    /// The word in the file, in logs and in `explain`.
    pub fn label(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Region => "region",
            Self::Alias => "alias",
        }
    }
}

/// What API callers of a host are told about its future.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Since when the host is deprecated, in seconds since 1970 UTC (`Deprecation`, RFC 9745).
    pub deprecation: Option<u64>,
    /// When it may stop to answer, in seconds since 1970 UTC (`Sunset`, RFC 8594); never before `deprecation`.
    pub sunset: Option<u64>,
    /// Whether a `Link` names the origin of the region that answered. Default: true, since it tells what to
    /// use instead.
    pub link: bool,
}

/// One line of `[hosts]` as far as it could be understood.
pub(super) enum Draft {
    /// The value means something.
    Host(Host),
    /// It does not, and has been reported.
    Wrong { pattern: HostPattern, place: Place },
}

impl Draft {
    pub(super) fn pattern(&self) -> &HostPattern {
        match self {
            Self::Host(host) => &host.pattern,
            Self::Wrong { pattern, .. } => pattern,
        }
    }

    fn place(&self) -> &Place {
        match self {
            Self::Host(host) => &host.place,
            Self::Wrong { place, .. } => place,
        }
    }

    pub(super) fn host(self) -> Option<Host> {
        match self {
            Self::Host(host) => Some(host),
            Self::Wrong { .. } => None,
        }
    }
}

/// Reads `[hosts]`; `own` are the regions' own hosts. Sorted by pattern, each once.
pub(super) fn read(section: Section<'_>, own: &BTreeMap<RegionName, HostName>) -> Vec<Draft> {
    let reading = section.reading;
    let place = section.place();
    let mut entries = section.entries().peekable();
    if entries.peek().is_none() && !reading.is_broken() {
        reading.complain(place, Complaint::new("at least one host is needed"));
    }
    let draft = |entry: Entry<'_>| match address::host_pattern(entry.key) {
        Ok(pattern) => {
            let place = entry.place();
            let read = read_value(&pattern, &entry.value, own);
            Some(match read {
                Some((target, notice)) => Draft::Host(Host {
                    pattern,
                    target,
                    notice,
                    place,
                }),
                None => Draft::Wrong { pattern, place },
            })
        }
        Err(complaint) => {
            entry.complain(complaint);
            None
        }
    };
    let mut drafts: Vec<_> = entries.filter_map(draft).collect();
    // Stable: of the same pattern, the first in the file stays first.
    drafts.sort_by(|a, b| a.pattern().cmp(b.pattern()));
    drafts.dedup_by(|second, first| {
        let same = second.pattern() == first.pattern();
        if same {
            let (pattern, line) = (first.pattern(), first.place().line);
            let message = format!("`{pattern}` is there twice, see line {line}");
            reading.complain(second.place().clone(), Complaint::new(message));
        }
        same
    });
    drafts
}

fn read_value(
    pattern: &HostPattern,
    value: &Value<'_>,
    own: &BTreeMap<RegionName, HostName>,
) -> Option<(Target, Option<Notice>)> {
    let guess = |region: &RegionName| match pattern {
        HostPattern::Exact(host) if own.get(region) == Some(host) => HostKind::Region,
        _ => HostKind::Alias,
    };
    if value.raw().is_str() {
        let target = match region_or_auto(value)? {
            None => Target::Auto,
            Some(region) => target(guess(&region), region),
        };
        return Some((target, None));
    }
    if !value.raw().is_table() {
        return value.complain(
            Complaint::new("a host is \"auto\", the name of a region, or a table")
                .allowed("{ region = ..., kind = ..., notice = ... }"),
        );
    }
    let mut section = value.section()?;
    let region = section.require("region", region_or_auto);
    let kinds = [HostKind::Region, HostKind::Alias].map(|kind| (kind.label(), kind));
    let kind = section.read("kind", |v| v.choice(&kinds).map(|kind| (kind, v.clone())));
    let notice = section.read("notice", |v| v.section().map(Notice::read));
    section.finish();
    let target = match (region?, kind) {
        (None, Some((_, value))) => {
            return value.complain(Complaint::new("a host that is \"auto\" has no other kind"));
        }
        (None, None) => Target::Auto,
        (Some(region), Some((kind, _))) => target(kind, region),
        (Some(region), None) => target(guess(&region), region),
    };
    Some((target, notice))
}

fn target(kind: HostKind, region: RegionName) -> Target {
    match kind {
        HostKind::Auto => Target::Auto,
        HostKind::Region => Target::Region(region),
        HostKind::Alias => Target::Alias(region),
    }
}

/// A region's name, or `auto`: `Some(None)`.
fn region_or_auto(value: &Value<'_>) -> Option<Option<RegionName>> {
    if value.raw().as_str() == Some("auto") {
        return Some(None);
    }
    value.region_or(&["auto"]).map(Some)
}

impl Notice {
    fn read(mut section: Section<'_>) -> Self {
        let notice = Self {
            deprecation: section.read("deprecation", moment),
            sunset: section.read("sunset", moment),
            link: section.read("link", Value::boolean).unwrap_or(true),
        };
        // RFC 8594 section 3 read with RFC 9745 section 4: what ends was deprecated before.
        if notice
            .deprecation
            .zip(notice.sunset)
            .is_some_and(|(since, until)| until < since)
        {
            section.reading.complain(
                section.place_of("sunset"),
                Complaint::new("the sunset is before the deprecation"),
            );
        }
        section.finish();
        notice
    }
}

/// A date, or seconds since 1970.
fn moment(value: &Value<'_>) -> Option<u64> {
    match value.raw() {
        // The year 9999, beyond which no date can be written.
        DeValue::Integer(_) => value.integer(0..=253_402_300_799),
        DeValue::Datetime(date) => match measure::unix_time(date) {
            Ok(seconds) => Some(seconds),
            Err(complaint) => value.complain(complaint),
        },
        _ => value.complain(
            Complaint::new("must be a date or a number of seconds since 1970")
                .allowed("2027-01-31T00:00:00Z, 2027-01-31 or 1801353600, none of them in quotes"),
        ),
    }
}
