//! `[decision]`: the rules of the decision that are neither hosts nor geography.

use crate::config::name::RegionName;
use crate::config::problem::Complaint;
use crate::config::read::section::Section;
use crate::config::read::value::Value;
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
}

/// What happens to credentials whose region nobody said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credentials {
    /// They go to this region.
    Region(RegionName),
    /// The request is refused.
    Refuse,
}

impl Decision {
    /// Reads the section; `default` is the region of `geo.default`, if it is known.
    pub(super) fn read(mut section: Section<'_>, default: Option<&RegionName>) -> Option<Self> {
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
        })
    }
}

fn credentials(value: &Value<'_>) -> Option<Credentials> {
    if value.raw().as_str() == Some("refuse") {
        return Some(Credentials::Refuse);
    }
    value.region_or(&["refuse"]).map(Credentials::Region)
}
