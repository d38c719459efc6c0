//! When a region's answer may mean "not here, but perhaps in another region": a caller whose region
//! was only preferred is then pointed to the page where regions are chosen, and to nothing else.
//!
//! Decided by the answer's head alone: its body is neither waited for nor read. v1 says 404 for
//! nearly everything, so there the status that was meant tells an unknown key and missing
//! credentials from a mistake in the request. The classic dialect names none; its burn with a wrong
//! passphrase is pointed to the page too, and learns nothing false from it.

use http::Method;
use httparse::Header;

use super::answer::Dialect;
use crate::page::region::PATH;
use crate::region::{Binding, Decision};
use crate::route::classify::RouteMatch;
use crate::route::template::DeliveryClass;

/// v1's field for the status that was meant.
const INTENDED: &str = "x-ots-intended-status";

/// Which answers say so.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Elsewhere {
    /// None: the region is bound, or nothing was asked for that a region has or has not.
    #[default]
    Never,
    /// 404, unless another status than 401 was meant: v1.
    Hidden,
    /// 401 and 404: v2, v3 and the rest.
    Honest,
}

impl Elsewhere {
    /// For a request that was decided like this.
    #[must_use]
    pub fn of(
        decision: Decision,
        route: &RouteMatch<'_>,
        method: &Method,
        dialect: Dialect,
    ) -> Self {
        let asks = matches!(
            route.class(method),
            DeliveryClass::Consume | DeliveryClass::Read
        );
        if decision.binding() == Binding::Bound || !route.template().is_known() || !asks {
            return Self::Never;
        }
        match dialect {
            Dialect::Message => Self::Hidden,
            Dialect::Error => Self::Honest,
            Dialect::Html | Dialect::Problem => Self::Never,
        }
    }

    /// Whether this answer says so.
    #[must_use]
    pub fn is_said_by(self, status: u16, fields: &[Header<'_>]) -> bool {
        let meant = || {
            let field = |field: &&Header<'_>| field.name.eq_ignore_ascii_case(INTENDED);
            fields.iter().find(field).map(|field| field.value)
        };
        match (self, status) {
            (Self::Hidden, 404) => meant().is_none_or(|meant| meant == b"401"),
            (Self::Honest, 401 | 404) => true,
            _ => false,
        }
    }
}

/// The value of `Link` (RFC 8288): always the same, so that nothing of a request can be in it.
#[must_use]
pub fn link() -> String {
    format!("<{PATH}>; rel=\"related\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(elsewhere: Elsewhere, status: u16, meant: Option<&str>) -> bool {
        let field = meant.map(|meant| Header {
            name: "X-OTS-Intended-Status",
            value: meant.as_bytes(),
        });
        elsewhere.is_said_by(status, field.as_slice())
    }

    #[test]
    fn v1_is_believed_by_what_it_meant() {
        for (status, meant, expected) in [
            (404, None, true),
            (404, Some("401"), true),
            (404, Some("400"), false),
            (401, None, false),
            (200, None, false),
            (500, None, false),
        ] {
            let said = said(Elsewhere::Hidden, status, meant);
            assert_eq!(said, expected, "{status} {meant:?}");
        }
    }

    #[test]
    fn honest_statuses_are_believed() {
        for status in 100..600 {
            let expected = matches!(status, 401 | 404);
            assert_eq!(said(Elsewhere::Honest, status, None), expected, "{status}");
            assert!(!said(Elsewhere::Never, status, None));
        }
    }
}
