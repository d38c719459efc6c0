//! Which region a request belongs to, and why.
//!
//! The room's nouns: [`Regions`] (the only mint of [`RegionId`]), [`Reason`], [`Binding`] and
//! [`Decision`]. Thinking only: no clock, no I/O; an address is located through a trait.

pub mod authority;
pub mod decide;
pub mod hosts;
pub mod key;
pub mod network;
pub mod pin;
pub mod place;
pub mod question;
mod regions;
pub mod trace;

pub use regions::{Region, RegionDefinition, RegionId, RegionName, Regions, RegionsError};

/// The rule that decided, in the order in which the rules are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// The authority names a region.
    Host,
    /// The tag of the key in the path verifies under one region's identifier secret.
    Key,
    /// The region that a look-up found to have what an untagged key is of.
    LookUp,
    /// The `O-Region` request header.
    PinHeader,
    /// The pin cookie.
    PinCookie,
    /// An `Authorization` header, which travels to one fixed region.
    Credentials,
    /// The kept first geographic decision.
    Sticky,
    /// The client's network is listed by the operator.
    Network,
    /// The client's country or continent is mapped.
    Geo,
    /// The client's country is not known.
    NoCountry,
    /// The client's country is known, but mapped nowhere.
    Default,
}

impl Reason {
    /// Every reason, in the order of the rules.
    pub const ALL: [Self; 11] = [
        Self::Host,
        Self::Key,
        Self::LookUp,
        Self::PinHeader,
        Self::PinCookie,
        Self::Credentials,
        Self::Sticky,
        Self::Network,
        Self::Geo,
        Self::NoCountry,
        Self::Default,
    ];

    /// The word of logs, metrics, `explain` and the `O-Region-Reason` header.
    pub fn label(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Key => "key",
            Self::LookUp => "look-up",
            Self::PinHeader => "pin-header",
            Self::PinCookie => "pin-cookie",
            Self::Credentials => "credentials",
            Self::Sticky => "sticky",
            Self::Network => "network",
            Self::Geo => "geo",
            Self::NoCountry => "no-country",
            Self::Default => "default",
        }
    }

    /// Position in [`Reason::ALL`], for arrays of metrics.
    pub fn index(self) -> usize {
        self as usize
    }

    /// Whether a region found by this rule may be replaced by another one.
    pub fn binding(self) -> Binding {
        match self {
            Self::Host
            | Self::Key
            | Self::LookUp
            | Self::PinHeader
            | Self::PinCookie
            | Self::Credentials => Binding::Bound,
            Self::Sticky | Self::Network | Self::Geo | Self::NoCountry | Self::Default => {
                Binding::Preferred
            }
        }
    }
}

/// How binding a decision is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Binding {
    /// If the region cannot answer, nobody may.
    Bound,
    /// The operator may have listed regions to fall back on.
    Preferred,
}

impl Binding {
    /// The word of logs, metrics and `explain`.
    pub fn label(self) -> &'static str {
        match self {
            Self::Bound => "bound",
            Self::Preferred => "preferred",
        }
    }
}

/// The region a request belongs to, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The one region that may see the request.
    pub region: RegionId,
    /// The rule that fired.
    pub reason: Reason,
}

impl Decision {
    /// Whether the region may be replaced by another one.
    pub fn binding(self) -> Binding {
        self.reason.binding()
    }
}

#[cfg(test)]
mod tests;
