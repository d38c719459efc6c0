//! `[hosts]`: the names the gateway answers for.

use crate::config::name::{HostPattern, RegionName};
use crate::config::place::Place;

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
    /// Whether a `Link` names the origin of the region that answered. Default: true, since it tells what to use instead.
    pub link: bool,
}
