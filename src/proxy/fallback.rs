//! Which other regions a request may reach if its own cannot be: none, unless everything about it
//! says so. This is the only place where such a list is made, and it cannot be made otherwise.

use smallvec::SmallVec;

use super::worker::View;
use crate::headers::request::Facts;
use crate::http1::Framing;
use crate::region::{Binding, Decision, RegionId};
use crate::route::classify::RouteMatch;

/// Regions that may answer instead, in order. Empty for whatever is bound.
#[derive(Clone, Debug, Default)]
pub struct Fallback(SmallVec<[RegionId; 2]>);

impl Fallback {
    /// The operator's list for a request whose region is only preferred and which carries nothing
    /// that belongs to one region: no credentials, no cookie, no CSRF token, no key in path, query
    /// or body. A query may hold a key under any name, and the body of a route that nobody knows
    /// too, so these count as one.
    pub(super) fn of(
        view: &View,
        decision: Decision,
        facts: &Facts<'_>,
        route: &RouteMatch<'_>,
        query: Option<&str>,
        framing: Framing,
    ) -> Self {
        let bound = decision.reason.binding() == Binding::Bound
            || facts.authorization
            || facts.csrf_token
            || !facts.cookies.is_empty()
            || query.is_some()
            || route.key().is_some()
            || route.template().keys_in_body()
            || (framing != Framing::Empty && !route.template().is_known());
        if bound {
            return Self::default();
        }
        Self(SmallVec::from_slice(view.failover(decision.region)))
    }

    /// The next one.
    pub(super) fn next(&mut self) -> Option<RegionId> {
        (!self.0.is_empty()).then(|| self.0.remove(0))
    }
}
