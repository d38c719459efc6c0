//! `[decision]`: the rules of the decision that are neither hosts nor geography.

use crate::config::name::RegionName;

/// `[decision]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Where a request with credentials goes that chose no region: a token never travels by geography. Default:
    /// the region of `geo.default`.
    pub credentials_region: Credentials,
    /// The cookie of an explicit choice. Its name begins with `__Host-`, so that no other host can set it.
    pub pin_cookie: String,
    /// Whether a first geographic decision is kept, so that a traveller stays where they were. Default: false, as
    /// it sets a cookie on people who chose nothing.
    pub sticky: bool,
    /// The cookie of that decision; another than `pin_cookie`, so that it is never mistaken for a choice.
    pub sticky_cookie: String,
}

/// The default of `decision.pin_cookie`.
pub const PIN_COOKIE: &str = "__Host-ots-region";

/// The default of `decision.sticky_cookie`.
pub const STICKY_COOKIE: &str = "__Host-ots-sticky";

/// What happens to credentials whose region nobody said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credentials {
    /// They go to this region.
    Region(RegionName),
    /// The request is refused.
    Refuse,
}
