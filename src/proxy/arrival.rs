//! A request as it arrived, whatever the protocol, and its target taken apart.

use httparse::Header;

use super::circuit::Circuit;
use crate::http1::Framing;

/// The protocol that the client spoke.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Protocol {
    /// HTTP/1.0.
    Http10,
    /// HTTP/1.1.
    Http11,
    /// HTTP/2.
    Http2,
}

impl Protocol {
    /// The name in metrics and logs.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Http10 => "http/1.0",
            Self::Http11 => "http/1.1",
            Self::Http2 => "http/2",
        }
    }

    /// The version as `Via` writes it (RFC 9110 §7.6.3).
    #[must_use]
    pub const fn received(self) -> &'static str {
        match self {
            Self::Http10 => "1.0",
            Self::Http11 => "1.1",
            Self::Http2 => "2",
        }
    }
}

/// What kind of listener it came in by.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Scheme {
    /// Plain HTTP: redirected to https, never forwarded.
    Http,
    /// HTTPS.
    Https,
}

/// A request, read but not yet judged. Holds people's paths and fields: it has no `Debug`.
pub struct Arrival<'b> {
    /// The method token.
    pub method: &'b str,
    /// The target: as sent in HTTP/1, `:path` in HTTP/2.
    pub target: &'b str,
    /// `:authority`, in HTTP/2.
    pub authority: Option<&'b str>,
    /// `:scheme`, in HTTP/2, where there was an `:authority` beside it.
    pub scheme: Option<&'b str>,
    /// The fields.
    pub fields: &'b [Header<'b>],
    /// The protocol.
    pub protocol: Protocol,
    /// How the body comes.
    pub framing: Framing,
    /// The connection.
    pub circuit: &'b Circuit,
}

/// A request target in one of its four forms (RFC 9112 §3.2).
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct Target<'b> {
    /// The authority of an absolute form.
    pub authority: Option<&'b str>,
    /// The path, or `*`.
    pub path: &'b str,
    /// The query without its `?`.
    pub query: Option<&'b str>,
    /// Path and query as they are forwarded.
    pub origin: &'b str,
}

impl<'b> Target<'b> {
    /// Takes a target apart; `None` if it has none of the forms or carries a fragment.
    #[must_use]
    pub fn parse(target: &'b str) -> Option<Self> {
        if target.contains('#') {
            return None;
        }
        if target == "*" {
            return Some(Self {
                authority: None,
                path: target,
                query: None,
                origin: target,
            });
        }
        if target.starts_with('/') {
            return Some(Self::origin(None, target));
        }
        let (scheme, rest) = target.split_once("://")?;
        if !is_web(scheme) {
            return None;
        }
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, origin) = rest.split_at_checked(end)?;
        match origin {
            "" => Some(Self::origin(Some(authority), "/")),
            // An empty path with a query has no origin form that is the same bytes.
            origin if origin.starts_with('?') => None,
            origin => Some(Self::origin(Some(authority), origin)),
        }
    }

    fn origin(authority: Option<&'b str>, origin: &'b str) -> Self {
        let (path, query) = match origin.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (origin, None),
        };
        Self {
            authority,
            path,
            query,
            origin,
        }
    }
}

/// Whether a scheme is one whose requests are answered here.
#[must_use]
pub fn is_web(scheme: &str) -> bool {
    scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn knows_the_forms() {
        let parsed =
            |target| Target::parse(target).map(|t| (t.authority, t.path, t.query, t.origin));
        assert_eq!(parsed("/a?b?c"), Some((None, "/a", Some("b?c"), "/a?b?c")));
        assert_eq!(
            parsed("https://h:1/a"),
            Some((Some("h:1"), "/a", None, "/a"))
        );
        assert_eq!(parsed("HTTP://h"), Some((Some("h"), "/", None, "/")));
        assert_eq!(parsed("*"), Some((None, "*", None, "*")));
        for bad in [
            "",
            "a",
            "ftp://h/",
            "h:443",
            "https://h?x",
            "/a#b",
            "https:/h/",
        ] {
            assert_eq!(parsed(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn never_panics_and_forwards_what_came(target in "\\PC{0,40}") {
            if let Some(parsed) = Target::parse(&target) {
                prop_assert!(parsed.origin == "/" || target.ends_with(parsed.origin));
            }
        }
    }
}
