//! The way back: a path of this very site, to which a choice returns. Whatever a browser could
//! take for another site is none, however often it is decoded on the way.

use std::borrow::Cow;
use std::fmt;

use percent_encoding::percent_decode;

/// No path that we lead back to is longer.
const LONGEST: usize = 2048;

/// Nothing honest is percent-encoded more often than this.
const MOST_ROUNDS: usize = 8;

/// A path, perhaps with a query, that stays on the site that it was given to. It can hold a key.
#[derive(Clone, Eq, PartialEq)]
pub struct ReturnPath(String);

/// A path can hold a key: it is not shown.
impl fmt::Debug for ReturnPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReturnPath(..)")
    }
}

impl ReturnPath {
    /// Reads the value of `return`, its form encoding already undone.
    ///
    /// `None` unless it begins with exactly one `/`, holds only what RFC 3986 §3.3 and §3.4 allow,
    /// and has neither empty nor dot segments, backslashes nor control bytes, also after any number
    /// of percent-decodings.
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<Self> {
        if value.len() > LONGEST || !value.iter().all(|byte| is_written(*byte)) {
            return None;
        }
        let mut decoded = Cow::Borrowed(value);
        for _ in 0..MOST_ROUNDS {
            if !stays(&decoded) {
                return None;
            }
            let next = Cow::from(percent_decode(&decoded)).into_owned();
            if next == *decoded {
                let text = String::from_utf8(value.to_vec()).ok()?;
                return Some(Self(text));
            }
            decoded = Cow::Owned(next);
        }
        None
    }

    /// The path and query, fit for `Location`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether no reading of these bytes leaves the site.
fn stays(bytes: &[u8]) -> bool {
    let path = bytes
        .split(|byte| matches!(byte, b'?' | b'#'))
        .next()
        .unwrap_or_default();
    let Some(below) = path.strip_prefix(b"/") else {
        return false;
    };
    // Browsers read a backslash as a slash, and leave tabs and line ends out.
    let plain = |byte: &u8| !byte.is_ascii_control() && *byte != b'\\';
    let mut segments = below.split(|byte| *byte == b'/').peekable();
    let mut fine = true;
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        fine &= !matches!(segment, b"." | b"..") && (last || !segment.is_empty());
    }
    fine && bytes.iter().all(plain)
}

/// The bytes of a path and query as they are written.
const fn is_written(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'-' | b'.'
                | b'_'
                | b'~'
                | b'!'
                | b'$'
                | b'&'
                | b'\''
                | b'('
                | b')'
                | b'*'
                | b'+'
                | b','
                | b';'
                | b'='
                | b':'
                | b'@'
                | b'/'
                | b'?'
                | b'%'
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use url::Url;

    fn parse(value: &str) -> Option<String> {
        ReturnPath::parse(value.as_bytes()).map(|path| path.as_str().to_owned())
    }

    #[test]
    fn paths_of_this_site_pass_as_they_are() {
        for path in [
            "/",
            "/region",
            "/secret/3x8fpxn7w",
            "/recent?page=2&sort=a%20b",
            "/a/",
            "/login?next=https://example.org//x",
            "/caf%C3%A9",
            "/a:b@c",
        ] {
            assert_eq!(parse(path).as_deref(), Some(path));
        }
    }

    #[test]
    fn everything_else_is_no_way_back() {
        for path in [
            "",
            "region",
            "?a",
            "//example.org",
            "///example.org",
            "/\\example.org",
            "\\/example.org",
            "/%2Fexample.org",
            "/%2fexample.org",
            "/%5Cexample.org",
            "/%252Fexample.org",
            "/%25252Fexample.org",
            "/%09/example.org",
            "/\t/example.org",
            "/a\r\nSet-Cookie: a=b",
            "/a%0d%0aSet-Cookie:%20a=b",
            "/a%00",
            " /a",
            "/a b",
            "/.//example.org",
            "/..//example.org",
            "/%2e%2e/%2fexample.org",
            "/a//b",
            "/a\\b",
            "/a#b",
            "/é",
            "https://example.org/",
            "https:/example.org",
            "javascript:alert(1)",
            "data:text/html,x",
        ] {
            assert_eq!(parse(path), None, "{path}");
        }
        assert_eq!(parse(&format!("/{}", "a".repeat(LONGEST))), None);
        assert_eq!(parse(&format!("/%{}41", "25".repeat(MOST_ROUNDS))), None);
    }

    #[test]
    fn it_is_never_shown() {
        let path = ReturnPath::parse(b"/secret/abc").expect("a path");
        assert!(!format!("{path:?}").contains("abc"));
    }

    /// Pieces from which ways out are made, beside harmless ones.
    fn pieces() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            "/",
            "//",
            "\\",
            "%2f",
            "%5c",
            "%25",
            "25",
            "2f",
            "5C",
            "..",
            ".",
            "%2e",
            "\t",
            "%09",
            "\n",
            "%0a",
            "\r",
            " ",
            "@",
            ":",
            "?",
            "#",
            "example.org",
            "https:",
            "javascript:",
            "a",
            "%",
            "é",
            "\0",
        ]);
        prop::collection::vec(piece, 0..9).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        /// The oracle reads addresses as browsers do.
        #[test]
        fn what_passes_stays_on_the_site_however_often_it_is_decoded(value in pieces()) {
            let base = Url::parse("https://onetimesecret.com/region").expect("an address");
            if let Some(path) = parse(&value) {
                let mut text = path;
                for _ in 0..4 {
                    let url = base.join(&text).expect("a reference");
                    prop_assert_eq!(url.origin(), base.origin(), "{}", text);
                    text = percent_encoding::percent_decode_str(&text).decode_utf8_lossy().into_owned();
                }
            }
        }

        #[test]
        fn every_plain_path_passes(path in "/([a-z0-9_~-]{1,8}/?){0,4}(\\?[a-z0-9=&/]{0,12})?") {
            let passed = parse(&path);
            prop_assert_eq!(passed, Some(path));
        }

        #[test]
        fn never_panics(value in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = ReturnPath::parse(&value);
        }
    }
}
