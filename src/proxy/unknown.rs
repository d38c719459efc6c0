//! Which answers say that a key is not known: what whoever guesses keys, or passphrases, is told.
//!
//! v1 says 404 for nearly everything, so there the words count, as far as they came with the head;
//! where they did not, or are coded or in chunks, the head alone does. v2, v3 and the rest mean what they say;
//! their look-ups say it in a 200.

use super::answer::Dialect;
use super::quota::asks_for_a_key;
use crate::http1::Framing;
use crate::http1::response::ResponseHead;
use crate::route::classify::RouteMatch;

/// v1's words, for a wrong passphrase too.
const WORDS: &[u8] = b"Unknown secret";

/// What look-ups say.
const LOOKED_UP: [&[u8]; 2] = [b"\"state\":\"unknown\"", b"\"count\":0"];

/// They stand at the beginning of a short answer, if at all.
const WITHIN: usize = 512;

/// How this request's answer would say it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Unknown {
    /// Not at all: no key was asked for.
    #[default]
    Never,
    /// As v1 does.
    Hidden,
    /// By 404, or in the words of a look-up.
    Honest,
}

/// What the head of an answer says.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Hint {
    /// That the key is known, or nothing about it.
    #[default]
    Known,
    /// That it is not.
    Unknown,
    /// That it is not, unless the body says something else.
    UnknownUnless,
    /// Nothing, but the body may.
    Perhaps,
}

impl Unknown {
    /// For a request to this route.
    #[must_use]
    pub fn of(route: &RouteMatch<'_>, dialect: Dialect) -> Self {
        match dialect {
            _ if !asks_for_a_key(route) => Self::Never,
            Dialect::Message => Self::Hidden,
            Dialect::Error => Self::Honest,
            Dialect::Html | Dialect::Problem => Self::Never,
        }
    }

    /// What the head says.
    #[must_use]
    pub fn hint(self, head: &ResponseHead<'_, '_>) -> Hint {
        let has = |name: &str| {
            head.fields
                .iter()
                .any(|field| field.name.eq_ignore_ascii_case(name))
        };
        let readable = matches!(head.framing, Framing::Length(_)) && !has("content-encoding");
        match (self, head.status) {
            // With it, another status was meant.
            (Self::Hidden, 404) if has("x-ots-intended-status") => Hint::Known,
            (Self::Hidden, 404) if readable => Hint::UnknownUnless,
            (Self::Hidden | Self::Honest, 404) => Hint::Unknown,
            (Self::Honest, 200) if readable => Hint::Perhaps,
            _ => Hint::Known,
        }
    }
}

impl Hint {
    /// Whether head and beginning of the body together say that the key is not known.
    #[must_use]
    pub fn with<'b>(self, body: impl FnOnce() -> &'b [u8]) -> bool {
        // A body of another framing must not be looked at before its turn.
        if !matches!(self, Self::UnknownUnless | Self::Perhaps) {
            return self == Self::Unknown;
        }
        let body = body();
        let beginning = body.get(..WITHIN).unwrap_or(body);
        let says = |words| memchr::memmem::find(beginning, words).is_some();
        match self {
            Self::UnknownUnless => body.is_empty() || says(WORDS),
            _ => LOOKED_UP.into_iter().any(says),
        }
    }
}

#[cfg(test)]
mod tests {
    use httparse::Header;

    use super::*;
    use crate::http1::Version;
    use crate::route::classify::classify;

    fn said(path: &str, dialect: Dialect, status: u16, field: &str, body: &str) -> bool {
        said_in(Framing::Length(99), path, dialect, status, field, body)
    }

    fn said_in(
        framing: Framing,
        path: &str,
        dialect: Dialect,
        status: u16,
        field: &str,
        body: &str,
    ) -> bool {
        let unknown = Unknown::of(&classify(path).expect("a path"), dialect);
        let field = [Header {
            name: field,
            value: b"x",
        }];
        let head = ResponseHead {
            status,
            fields: &field,
            version: Version::Http11,
            framing,
            announced: None,
        };
        unknown.hint(&head).with(|| {
            assert_ne!(framing, Framing::Chunked, "it was looked at");
            body.as_bytes()
        })
    }

    #[test]
    fn v1_is_believed_by_its_words() {
        let says = |status, field, body| {
            let path = "/api/v1/secret/abcdefghijklmnopqrstuvwxyz01234";
            said(path, Dialect::Message, status, field, body)
        };
        for (status, field, body, expected) in [
            (404, "date", "{\"message\":\"Unknown secret\"}", true),
            (404, "date", "", true),
            (404, "content-encoding", "\x1f", true),
            (404, "date", "{\"message\":\"Not authorized\"}", false),
            (404, "X-OTS-Intended-Status", "Unknown secret", false),
            (200, "date", "{\"value\":\"Unknown secret\"}", false),
            (500, "date", "Unknown secret", false),
        ] {
            assert_eq!(
                says(status, field, body),
                expected,
                "{status} {field} {body}"
            );
        }
    }

    #[test]
    fn the_others_by_status_and_look_ups_by_what_they_found() {
        let key = "/api/v3/guest/secret/abcdefghijklmnopqrstuvwxyz01234/status";
        let batch = "/api/v3/secret/status";
        let says = |path, status, body| said(path, Dialect::Error, status, "date", body);
        assert!(says(key, 404, "{}"));
        assert!(says(key, 200, "{\"record\":{\"state\":\"unknown\"}}"));
        assert!(!says(key, 200, "{\"record\":{\"state\":\"new\"}}"));
        assert!(!says(key, 422, ""));
        assert!(says(batch, 200, "{\"count\":0,\"records\":[]}"));
        assert!(!says(batch, 200, "{\"count\":1,\"records\":[{}]}"));
    }

    #[test]
    fn chunks_are_not_looked_into() {
        let key = "/api/v1/secret/abcdefghijklmnopqrstuvwxyz01234";
        let chunked = Framing::Chunked;
        assert!(said_in(chunked, key, Dialect::Message, 404, "date", ""));
        let key = "/api/v2/secret/abcdefghijklmnopqrstuvwxyz01234/status";
        assert!(!said_in(chunked, key, Dialect::Error, 200, "date", ""));
    }

    #[test]
    fn what_carries_no_key_guesses_none() {
        assert!(!said("/api/v2/nothing", Dialect::Error, 404, "date", ""));
        assert!(!said("/api/v1/share", Dialect::Message, 404, "date", ""));
        assert!(!said("/secret/abcdefghij", Dialect::Html, 404, "date", ""));
    }
}
