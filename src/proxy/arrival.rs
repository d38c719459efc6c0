//! A request as it arrived, whatever the protocol, and its target taken apart.

use std::borrow::Cow;

use http::Method;
use httparse::Header;

use super::circuit::Circuit;
use super::refusal::Refusal;
use crate::headers::request::Facts;
use crate::http1::{Fault, Framing, HeadLimits};

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

impl Arrival<'_> {
    /// One law for both protocols: what `http1` refuses in a head, and the h2 crate lets pass.
    /// Crumbs of a cookie are one field (RFC 9113 section 8.2.3).
    pub(super) fn fits_http1(&self, facts: &Facts<'_>, limits: &HeadLimits) -> Result<(), Fault> {
        let crumbs = facts.cookies.len().saturating_sub(1);
        let scheme = self.scheme.unwrap_or("https");
        Err(if self.target.len() > limits.target {
            Fault::TargetTooLong
        } else if self.fields.len().saturating_sub(crumbs) > limits.fields {
            Fault::TooManyFields
        } else if facts.length_repeated {
            Fault::RepeatedContentLength
        } else if facts.unfit_for_http2 {
            Fault::BadFieldValue
        } else if !is_web(scheme) {
            Fault::BadTarget
        } else {
            return Ok(());
        })
    }
}

/// A request target in one of its four forms (RFC 9112 §3.2).
#[derive(Clone, Eq, PartialEq)]
pub struct Target<'b> {
    /// The authority of an absolute form.
    pub authority: Option<&'b str>,
    /// The path, or `*`.
    pub path: &'b str,
    /// The query without its `?`.
    pub query: Option<&'b str>,
    /// Path and query as they are forwarded.
    pub origin: Cow<'b, str>,
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
                origin: Cow::Borrowed(target),
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
            // An empty path is the same as `/` (RFC 9110 section 4.2.3).
            origin if origin.starts_with('?') => Some(Self {
                authority: Some(authority),
                path: "/",
                query: origin.get(1..),
                origin: Cow::Owned(format!("/{origin}")),
            }),
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
            origin: Cow::Borrowed(origin),
        }
    }
}

/// Whether a scheme is one whose requests are answered here.
#[must_use]
pub fn is_web(scheme: &str) -> bool {
    scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http")
}

/// An authority whose name does not end in a dot: `example.com.:8443` is `example.com:8443` to a
/// region, which knows its customers' names without it.
#[must_use]
pub fn without_last_dot(authority: &str) -> String {
    let end = authority.rfind(':').filter(|_| !authority.ends_with(']'));
    let (host, port) = authority.split_at(end.unwrap_or(authority.len()));
    format!("{}{port}", host.strip_suffix('.').unwrap_or(host))
}

/// A method of the application's.
///
/// # Errors
/// [`Refusal::MethodNotAllowed`] and [`Refusal::MethodUnknown`].
pub fn known_method(method: &str) -> Result<Method, Refusal> {
    match method {
        "GET" => Ok(Method::GET),
        "HEAD" => Ok(Method::HEAD),
        "POST" => Ok(Method::POST),
        "PUT" => Ok(Method::PUT),
        "PATCH" => Ok(Method::PATCH),
        "DELETE" => Ok(Method::DELETE),
        "OPTIONS" => Ok(Method::OPTIONS),
        "TRACE" | "CONNECT" => Err(Refusal::MethodNotAllowed),
        _ => Err(Refusal::MethodUnknown),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn knows_the_forms() {
        let parsed =
            |target| Target::parse(target).map(|t| (t.authority, t.path, t.query, t.origin));
        assert_eq!(
            parsed("/a?b?c"),
            Some((None, "/a", Some("b?c"), "/a?b?c".into()))
        );
        assert_eq!(
            parsed("https://h:1/a"),
            Some((Some("h:1"), "/a", None, "/a".into()))
        );
        assert_eq!(parsed("HTTP://h"), Some((Some("h"), "/", None, "/".into())));
        assert_eq!(parsed("*"), Some((None, "*", None, "*".into())));
        for (target, query, origin) in [
            ("https://h?a=b", "a=b", "/?a=b"),
            ("http://h:80?", "", "/?"),
            ("https://h??/x", "?/x", "/??/x"),
        ] {
            let parsed = parsed(target).expect(target);
            assert_eq!((parsed.1, parsed.2, &*parsed.3), ("/", Some(query), origin));
        }
        for bad in [
            "",
            "a",
            "ftp://h/",
            "h:443",
            "https://h?x#y",
            "/a#b",
            "https:/h/",
        ] {
            assert_eq!(parsed(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_last_dot_of_a_name_is_not_forwarded() {
        for (written, forwarded) in [
            ("alias.test", "alias.test"),
            ("Alias.Test.", "Alias.Test"),
            ("alias.test.:8443", "alias.test:8443"),
            ("alias.test.:", "alias.test:"),
            ("[::1]", "[::1]"),
            ("[::1]:443", "[::1]:443"),
        ] {
            assert_eq!(without_last_dot(written), forwarded);
        }
    }

    proptest! {
        #[test]
        fn never_panics_and_forwards_what_came(target in "\\PC{0,40}") {
            if let Some(parsed) = Target::parse(&target) {
                prop_assert!(parsed.origin == "/"
                    || target.ends_with(&*parsed.origin)
                    || target.ends_with(parsed.origin.trim_start_matches('/')));
            }
        }
    }
}
