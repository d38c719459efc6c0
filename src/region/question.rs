//! What a decision is asked and what it answers: the facts of a request, and the outcome.

use std::fmt;
use std::net::IpAddr;

use super::hosts::HostKind;
use super::pin::Sent;
use super::{Decision, RegionId};

/// The facts of a request that bear on its region.
#[derive(Clone, Copy)]
pub struct Question<'a> {
    /// What the authority is.
    pub host: HostKind,
    /// The path segment in a key's position, as it was sent.
    pub key: Option<&'a str>,
    /// The pin header.
    pub pin_header: Sent<'a>,
    /// The pin cookie.
    pub pin_cookie: Sent<'a>,
    /// The sticky cookie.
    pub sticky: Sent<'a>,
    /// Whether there is an `Authorization` header.
    pub credentials: bool,
    /// Whom we believe to be asking.
    pub client: IpAddr,
}

/// Leaves out the key; the other members keep silent by themselves.
impl fmt::Debug for Question<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Question")
            .field("host", &self.host)
            .field("key", &self.key.map(|_| ".."))
            .field("pin_header", &self.pin_header)
            .field("pin_cookie", &self.pin_cookie)
            .field("sticky", &self.sticky)
            .field("credentials", &self.credentials)
            .finish_non_exhaustive()
    }
}

/// A decision, and what else came to light on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The region and the reason.
    pub decision: Decision,
    /// What the key's tag said.
    pub key: KeyFinding,
    /// Whether the key is to be looked up, which may replace the decision.
    pub look_up: bool,
    /// The pin cookie names no region of this snapshot: the answer expires it.
    pub expire_pin: bool,
    /// The sticky cookie names no region of this snapshot: the answer expires it.
    pub expire_sticky: bool,
    /// The decision is geographic and `sticky` is on: the answer may keep it in the sticky cookie.
    pub keep: bool,
}

/// What rule 2 found, for metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyFinding {
    /// The path carries no key, or the host had decided already.
    NotAsked,
    /// The key has no tag that verifies.
    Untagged,
    /// The tag is this region's.
    Tagged(RegionId),
    /// The key has no tag that verifies, but a look-up found its region.
    LookedUp,
}

impl KeyFinding {
    /// The word of metrics and `explain`.
    pub fn label(self) -> &'static str {
        match self {
            Self::NotAsked => "not-asked",
            Self::Untagged => "untagged",
            Self::Tagged(_) => "tagged",
            Self::LookedUp => "looked-up",
        }
    }
}

/// Why there is no decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Rejection {
    /// Status 400: more than one `O-Region` field.
    #[error("more than one O-Region header")]
    PinHeaderRepeated,
    /// Status 400, naming the regions: `O-Region` names none of them.
    #[error("the O-Region header names no region")]
    PinHeaderUnknown,
    /// Status 400: the host names a region, and `O-Region` another one.
    #[error("the O-Region header contradicts the host")]
    PinHeaderContradictsHost {
        /// The region that the header names.
        pinned: RegionId,
        /// The region that the host names.
        host: RegionId,
    },
    /// Status 400: credentials without a host, key or pin that names a region, and the operator
    /// refuses them.
    #[error("credentials need a region to be named")]
    CredentialsWithoutRegion,
}

impl Rejection {
    /// The word of logs and metrics.
    pub fn label(self) -> &'static str {
        match self {
            Self::PinHeaderRepeated => "pin-header-repeated",
            Self::PinHeaderUnknown => "pin-header-unknown",
            Self::PinHeaderContradictsHost { .. } => "pin-header-contradicts-host",
            Self::CredentialsWithoutRegion => "credentials-without-region",
        }
    }
}
