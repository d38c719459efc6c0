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
    /// `Authorization`, or another field that carries credentials.
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
            (facts.authorization || facts.credentials, Self::Credentials),
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

/// How much of a body is searched, in bytes.
const SEARCHED: usize = 16 * 1024;

/// The application's CSRF token as a parameter, which is bound to a session of one region.
const SHRIMP: &[u8] = b"shrimp";

/// Whether a body may hold the CSRF token `shrimp`, by its beginning and whether that is all of it:
/// as a parameter of a form, of a multipart form or of JSON, however it is escaped. The type of the
/// content is not asked, because the application corrects wrong ones.
#[must_use]
pub fn body_ties(start: &[u8], is_all: bool) -> bool {
    if !is_all && start.len() < SEARCHED {
        return true;
    }
    let start = start.get(..SEARCHED).unwrap_or(start);
    let has = |text: &[u8], words: &[u8]| memchr::memmem::find(text, words).is_some();
    has(start, SHRIMP)
        // JSON may write any character as \u0073.
        || has(start, b"\\u00")
        || (start.contains(&b'%') && {
            let decoded: Vec<u8> = percent_encoding::percent_decode(start).collect();
            has(&decoded, SHRIMP)
        })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_csrf_token_in_a_body_ties_it() {
        for body in [
            "shrimp=abc&secret=x",
            "secret=x&shrimp=abc",
            "secret=x&%73hrimp=abc",
            "secret=x&shri%6Dp=abc",
            "secret=x&%73%68%72%69%6d%70=abc",
            "--b\r\nContent-Disposition: form-data; name=\"shrimp\"\r\n\r\nabc\r\n--b--\r\n",
            "{\"shrimp\":\"abc\"}",
            "{\"\\u0073hrimp\":\"abc\"}",
        ] {
            assert!(body_ties(body.as_bytes(), true), "{body}");
        }
        for body in [
            "",
            "secret=x&ttl=3600",
            "secret=100%25",
            "{\"secret\":\"x\"}",
        ] {
            assert!(!body_ties(body.as_bytes(), true), "{body}");
        }
    }

    #[test]
    fn what_was_not_seen_of_a_body_ties_it_up_to_a_limit() {
        assert!(body_ties(b"", false));
        assert!(body_ties(b"secret=x", false));
        let mut long = vec![b'x'; SEARCHED];
        assert!(!body_ties(&long, false));
        long.extend_from_slice(b"&shrimp=abc");
        assert!(!body_ties(&long, true));
        assert!(body_ties(long.get(12..).unwrap_or_default(), true));
    }
}
