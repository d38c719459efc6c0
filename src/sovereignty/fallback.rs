//! Which other regions a request may reach if its own cannot be: none, unless everything about it
//! says so. This is the only place where such a list is made, and it cannot be made otherwise.

use smallvec::SmallVec;

use crate::headers::request::Facts;
use crate::region::{Binding, Decision, RegionId};
use crate::route::classify::RouteMatch;

/// What the operator wrote under `failover`, for each region. Only a [`Fallback`] reads it.
#[derive(Clone, Debug, Default)]
pub struct Failovers(Box<[Box<[RegionId]>]>);

impl Failovers {
    /// The lists, in the order of the regions' indices.
    pub fn new(lists: impl IntoIterator<Item = Vec<RegionId>>) -> Self {
        Self(lists.into_iter().map(Vec::into_boxed_slice).collect())
    }

    fn listed(&self, region: RegionId) -> &[RegionId] {
        self.0.get(region.index()).map_or(&[], |list| list)
    }
}

/// What of a request bears on whether another region may see it.
#[derive(Clone, Copy)]
pub struct Carried<'a, 'b> {
    /// Its fields.
    pub facts: &'a Facts<'b>,
    /// Its path.
    pub route: &'a RouteMatch<'a>,
    /// Its query, an empty one too.
    pub query: Option<&'a str>,
}

/// What keeps a request with its region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tie {
    /// The decision is bound.
    Bound,
    /// `Authorization`.
    Credentials,
    /// `X-CSRF-Token`.
    CsrfToken,
    /// Any cookie, the gateway's own too.
    Cookie,
    /// A query: it may hold a key under any name.
    Query,
    /// A key in the path.
    Key,
    /// The route takes keys in its body.
    KeysInBody,
    /// A route that nobody knows: its path may hold a token, its body keys.
    UnknownRoute,
}

impl Tie {
    /// The first thing that ties a request to its region; `None` if nothing does.
    #[must_use]
    pub fn of(decision: Decision, carried: &Carried<'_, '_>) -> Option<Self> {
        let Carried {
            facts,
            route,
            query,
        } = carried;
        let template = route.template();
        let ties = [
            (decision.binding() == Binding::Bound, Self::Bound),
            (facts.authorization, Self::Credentials),
            (facts.csrf_token, Self::CsrfToken),
            (!facts.cookies.is_empty(), Self::Cookie),
            (query.is_some(), Self::Query),
            (route.key().is_some(), Self::Key),
            (template.keys_in_body(), Self::KeysInBody),
            (!template.is_known(), Self::UnknownRoute),
        ];
        ties.iter().find(|(ties, _)| *ties).map(|(_, tie)| *tie)
    }

    /// The word of `explain`.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Bound => "bound",
            Self::Credentials => "credentials",
            Self::CsrfToken => "csrf-token",
            Self::Cookie => "cookie",
            Self::Query => "query",
            Self::Key => "key",
            Self::KeysInBody => "keys-in-body",
            Self::UnknownRoute => "unknown-route",
        }
    }

    /// Why no other region may answer, for people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Bound => "the decision is bound",
            Self::Credentials => "it carries credentials",
            Self::CsrfToken => "it carries a CSRF token",
            Self::Cookie => "it carries a cookie",
            Self::Query => "it has a query, which may hold a key",
            Self::Key => "its path carries a key",
            Self::KeysInBody => "its body may hold keys",
            Self::UnknownRoute => {
                "its route is not known: path and body may hold what only its region may see"
            }
        }
    }
}

/// Regions that may answer instead, in order. Empty for whatever is tied.
#[derive(Clone, Debug, Default)]
pub struct Fallback(SmallVec<[RegionId; 2]>);

impl Fallback {
    /// The operator's list for a request that nothing ties to its region.
    #[must_use]
    pub fn of(failovers: &Failovers, decision: Decision, carried: &Carried<'_, '_>) -> Self {
        match Tie::of(decision, carried) {
            Some(_) => Self::default(),
            None => Self(SmallVec::from_slice(failovers.listed(decision.region))),
        }
    }
}

impl Iterator for Fallback {
    type Item = RegionId;

    fn next(&mut self) -> Option<RegionId> {
        (!self.0.is_empty()).then(|| self.0.remove(0))
    }
}
