//! What is done with a path: proxied, redirected, answered or denied, by kind of host.
//!
//! A built-in table and the operator's rules. The longest prefix wins, on whole segments; of two
//! that are as long, the operator's rule beats the built-in one, and a rule for some kinds of host
//! beats one for all. What administers a region (`/colonel`, `/api/colonel`, `/api/internal`) is
//! denied on auto hosts and aliases whatever the operator says.

use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode};

use super::classify::RouteMatch;
use super::path::{PathFault, check, is, segments};
use super::template::Id;
use crate::region::hosts::HostKind;

/// The kinds of host that routes depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HostClass {
    /// The bare host.
    Auto,
    /// A region's own host.
    Own,
    /// Another name of a region.
    Alias,
}

impl HostClass {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Auto, Self::Own, Self::Alias];

    /// The kind of a host.
    pub const fn of(kind: HostKind) -> Self {
        match kind {
            HostKind::Auto => Self::Auto,
            HostKind::Own(_) => Self::Own,
            HostKind::Alias(_) => Self::Alias,
        }
    }

    /// The word of configuration and `explain`.
    pub fn label(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Own => "own",
            Self::Alias => "alias",
        }
    }
}

/// What is done with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action<'t> {
    /// Forwarded to the region decided.
    Proxy,
    /// Sent to the own host of the region decided or, on a region's own host, of the region that
    /// the page's key names.
    Redirect,
    /// Answered with a fixed response.
    Respond(&'t FixedResponse),
    /// Answered 404.
    Deny,
    /// Answered with the gateway's `robots.txt`.
    Robots,
    /// Answered with the gateway's region page.
    RegionPage,
}

impl Action<'_> {
    /// The word of logs, metrics and `explain`.
    pub fn label(self) -> &'static str {
        match self {
            Self::Proxy => "proxy",
            Self::Redirect => "redirect",
            Self::Respond(_) => "respond",
            Self::Deny => "deny",
            Self::Robots => "robots",
            Self::RegionPage => "region-page",
        }
    }
}

/// The status of a redirect: 302 for GET and HEAD, else 307, which keeps method and body.
pub fn redirect_status(method: &Method) -> StatusCode {
    match *method {
        Method::GET | Method::HEAD => StatusCode::FOUND,
        _ => StatusCode::TEMPORARY_REDIRECT,
    }
}

/// An answer that the operator wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FixedResponse {
    /// Its status.
    pub status: StatusCode,
    /// Its media type.
    pub content_type: HeaderValue,
    /// Its body.
    pub body: Bytes,
}

/// What an operator's rule does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleAction {
    /// See [`Action::Proxy`].
    Proxy,
    /// See [`Action::Redirect`]. A region's own host is never redirected to itself: there, a rule
    /// that redirects does not apply.
    Redirect,
    /// See [`Action::Respond`].
    Respond(FixedResponse),
    /// See [`Action::Deny`].
    Deny,
}

/// A rule of the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteRule {
    /// A path, matched on whole segments: `/api/v1` has `/api/v1/share`, not `/api/v10`.
    pub prefix: String,
    /// The kinds of host it is for; empty for all.
    pub hosts: Vec<HostClass>,
    /// What it does.
    pub action: RuleAction,
}

/// What can be wrong with the rules; indices count from 0.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RouteRuleError {
    /// The prefix is no path.
    #[error("route {prefix:?}: {fault}")]
    Path {
        /// Which rule.
        index: usize,
        /// As it was written.
        prefix: String,
        /// What is wrong with it.
        fault: PathFault,
    },
    /// Two rules say something of the same paths on the same kind of host.
    #[error("routes {first_prefix:?} and {second_prefix:?} are for the same paths on {} hosts", .host.label())]
    Duplicate {
        /// Which rule came first.
        first: usize,
        /// As it was written.
        first_prefix: String,
        /// Which rule repeats it.
        second: usize,
        /// As it was written.
        second_prefix: String,
        /// On which kind of host.
        host: HostClass,
    },
    /// A rule for regions' own hosts that redirects: each would be sent to itself.
    #[error("route {prefix:?}: a region's own host cannot be redirected to itself")]
    Loop {
        /// Which rule.
        index: usize,
        /// As it was written.
        prefix: String,
    },
}

/// The operator's rules over the built-in table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouteTable {
    rules: Box<[Compiled]>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Compiled {
    segments: Box<[Box<[u8]>]>,
    hosts: Vec<HostClass>,
    action: RuleAction,
}

/// What the built-in table says, and by how long a prefix.
enum BuiltIn {
    /// Nothing overrides it.
    Final(Action<'static>),
    /// A rule of at least that many segments overrides it.
    Depth(usize, Action<'static>),
}

impl RouteTable {
    /// Compiles the rules.
    ///
    /// # Errors
    /// Every rule whose prefix is no path, that repeats another, or that loops.
    pub fn new(rules: &[RouteRule]) -> Result<Self, Vec<RouteRuleError>> {
        let mut faults = Vec::new();
        let mut compiled: Vec<(usize, Compiled)> = Vec::new();
        for (index, rule) in rules.iter().enumerate() {
            let prefix = rule.prefix.clone();
            if let Err(fault) = check(&rule.prefix) {
                faults.push(RouteRuleError::Path {
                    index,
                    prefix,
                    fault,
                });
                continue;
            }
            if rule.action == RuleAction::Redirect && rule.hosts.contains(&HostClass::Own) {
                faults.push(RouteRuleError::Loop {
                    index,
                    prefix: prefix.clone(),
                });
            }
            let rule = Compiled::new(rule);
            for (first, earlier) in &compiled {
                if let Some(host) = rule.repeats(earlier) {
                    faults.push(RouteRuleError::Duplicate {
                        first: *first,
                        first_prefix: rules
                            .get(*first)
                            .map(|r| r.prefix.clone())
                            .unwrap_or_default(),
                        second: index,
                        second_prefix: prefix.clone(),
                        host,
                    });
                    break;
                }
            }
            compiled.push((index, rule));
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        // Longest first; of equals, the one for some hosts first.
        compiled.sort_by_key(|(_, rule)| {
            (
                std::cmp::Reverse(rule.segments.len()),
                rule.hosts.is_empty(),
            )
        });
        Ok(Self {
            rules: compiled.into_iter().map(|(_, rule)| rule).collect(),
        })
    }

    /// What is done with a path on a kind of host. `key_elsewhere` says that the key in the path
    /// is tagged by another region than the one that the host names.
    pub fn action(
        &self,
        host: HostClass,
        route: &RouteMatch<'_>,
        key_elsewhere: bool,
    ) -> Action<'_> {
        match built_in(host, route, key_elsewhere) {
            BuiltIn::Final(action) => action,
            BuiltIn::Depth(depth, action) => self
                .rule(host, route.path(), depth)
                .map_or(action, Compiled::action),
        }
    }

    fn rule(&self, host: HostClass, path: &str, depth: usize) -> Option<&Compiled> {
        self.rules
            .iter()
            .take_while(|rule| rule.segments.len() >= depth)
            .find(|rule| rule.is_for(host) && rule.has(path))
    }
}

impl Compiled {
    fn new(rule: &RouteRule) -> Self {
        let decoded = |segment| {
            percent_encoding::percent_decode_str(segment)
                .collect::<Vec<u8>>()
                .into()
        };
        Self {
            segments: segments(&rule.prefix).map(decoded).collect(),
            hosts: rule.hosts.clone(),
            action: rule.action.clone(),
        }
    }

    /// A kind of host on which both rules say something of the same paths with the same right.
    fn repeats(&self, earlier: &Self) -> Option<HostClass> {
        if self.segments != earlier.segments || self.hosts.is_empty() != earlier.hosts.is_empty() {
            return None;
        }
        HostClass::ALL
            .into_iter()
            .find(|&host| self.is_for(host) && earlier.is_for(host))
    }

    fn is_for(&self, host: HostClass) -> bool {
        let looping = host == HostClass::Own && self.action == RuleAction::Redirect;
        !looping && (self.hosts.is_empty() || self.hosts.contains(&host))
    }

    fn has(&self, path: &str) -> bool {
        let mut sent = segments(path);
        self.segments
            .iter()
            .all(|own| sent.next().is_some_and(|segment| is(segment, own)))
    }

    fn action(&self) -> Action<'_> {
        match &self.action {
            RuleAction::Proxy => Action::Proxy,
            RuleAction::Redirect => Action::Redirect,
            RuleAction::Respond(response) => Action::Respond(response),
            RuleAction::Deny => Action::Deny,
        }
    }
}

fn built_in(host: HostClass, route: &RouteMatch<'_>, key_elsewhere: bool) -> BuiltIn {
    let administration = matches!(
        route.template().id,
        Id::Colonel | Id::ApiColonel | Id::ApiInternal
    );
    match host {
        HostClass::Auto | HostClass::Alias if administration => BuiltIn::Final(Action::Deny),
        HostClass::Alias => BuiltIn::Depth(0, Action::Proxy),
        HostClass::Own if key_elsewhere && route.key_place().is_some_and(|at| at.is_page()) => {
            BuiltIn::Depth(1, Action::Redirect)
        }
        HostClass::Own => BuiltIn::Depth(0, Action::Proxy),
        HostClass::Auto => match route.template().id {
            Id::Robots => BuiltIn::Depth(1, Action::Robots),
            Id::Region => BuiltIn::Depth(1, Action::RegionPage),
            _ if route.is_api() => BuiltIn::Depth(1, Action::Proxy),
            _ => BuiltIn::Depth(0, Action::Redirect),
        },
    }
}

#[cfg(test)]
mod tests;
