//! A path read strictly: refused if it could mean two things, else cut into segments.
//!
//! The path is forwarded as it came. Empty segments are passed over when it is read here, since
//! the application (v0.24 on) does so too, or answers 404 (v0.23).

use percent_encoding::percent_decode_str;

/// Why a path is refused (status 400) rather than normalised into something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum PathFault {
    /// It does not begin with `/`.
    #[error("the path does not begin with /")]
    NotAbsolute,
    /// A segment is `.` or `..`, perhaps percent-encoded.
    #[error("the path has a dot segment")]
    DotSegment,
    /// `%2F`.
    #[error("the path has an encoded slash")]
    EncodedSlash,
    /// A backslash, perhaps percent-encoded.
    #[error("the path has a backslash")]
    Backslash,
    /// NUL or another control byte, perhaps percent-encoded.
    #[error("the path has a control byte")]
    Control,
    /// `%` without two hexadecimal digits.
    #[error("the path has an invalid percent-encoding")]
    Encoding,
    /// Percent-encoded bytes that are not UTF-8: the application's router drops them before it matches.
    #[error("the path has percent-encoded bytes that are not UTF-8")]
    Utf8,
    /// A byte that no path has: white space, `"`, `#`, `<`, `>`, `?` or one beyond ASCII.
    #[error("the path has a character that is not allowed")]
    Character,
}

impl PathFault {
    /// The word of logs and metrics.
    pub fn label(self) -> &'static str {
        match self {
            Self::NotAbsolute => "not-absolute",
            Self::DotSegment => "dot-segment",
            Self::EncodedSlash => "encoded-slash",
            Self::Backslash => "backslash",
            Self::Control => "control",
            Self::Encoding => "encoding",
            Self::Utf8 => "utf-8",
            Self::Character => "character",
        }
    }
}

/// Checks a path, without its query.
///
/// # Errors
/// The first fault.
pub fn check(path: &str) -> Result<(), PathFault> {
    if !path.starts_with('/') {
        return Err(PathFault::NotAbsolute);
    }
    let mut bytes = path.bytes();
    let (mut dots, mut beyond_ascii) = (false, false);
    while let Some(byte) = bytes.next() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'~' => {}
            b'.' => dots = true,
            b'%' => {
                beyond_ascii |= check_encoded(bytes.next(), bytes.next())? >= 0x80;
                dots = true;
            }
            b'\\' => return Err(PathFault::Backslash),
            0..=0x1f | 0x7f => return Err(PathFault::Control),
            b' ' | b'"' | b'#' | b'<' | b'>' | b'?' | 0x80.. => return Err(PathFault::Character),
            _ => {}
        }
    }
    if dots && segments(path).any(is_dots) {
        return Err(PathFault::DotSegment);
    }
    // Slashes are ASCII, so the whole is UTF-8 if, and only if, each segment is.
    if beyond_ascii && percent_decode_str(path).decode_utf8().is_err() {
        return Err(PathFault::Utf8);
    }
    Ok(())
}

/// The byte that two hexadecimal digits stand for, if a path may have it.
fn check_encoded(high: Option<u8>, low: Option<u8>) -> Result<u32, PathFault> {
    let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
    let (Some(high), Some(low)) = (digit(high), digit(low)) else {
        return Err(PathFault::Encoding);
    };
    match high * 16 + low {
        0..=0x1f | 0x7f => Err(PathFault::Control),
        0x2f => Err(PathFault::EncodedSlash),
        0x5c => Err(PathFault::Backslash),
        byte => Ok(byte),
    }
}

/// Whether a segment is `.` or `..`, however encoded.
fn is_dots(segment: &str) -> bool {
    segment.starts_with(['.', '%'])
        && (percent_decode_str(segment).eq(*b".") || percent_decode_str(segment).eq(*b".."))
}

/// The segments that are not empty, as they were sent.
pub fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|segment| !segment.is_empty())
}

/// Whether a segment, decoded, is this text.
pub fn is(segment: &str, text: &[u8]) -> bool {
    if segment.contains('%') {
        percent_decode_str(segment).eq(text.iter().copied())
    } else {
        segment.as_bytes() == text
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ambiguous_paths_are_refused_with_their_cause() {
        for (path, fault) in [
            ("", PathFault::NotAbsolute),
            ("*", PathFault::NotAbsolute),
            ("api/v1", PathFault::NotAbsolute),
            ("/.", PathFault::DotSegment),
            ("/a/../b", PathFault::DotSegment),
            ("/a/./b", PathFault::DotSegment),
            ("/a/..", PathFault::DotSegment),
            ("/%2e", PathFault::DotSegment),
            ("/%2E%2e/a", PathFault::DotSegment),
            ("/.%2E/a", PathFault::DotSegment),
            ("/%2e./a", PathFault::DotSegment),
            ("/a%2fb", PathFault::EncodedSlash),
            ("/a%2Fb", PathFault::EncodedSlash),
            ("/a\\b", PathFault::Backslash),
            ("/a%5cb", PathFault::Backslash),
            ("/a%5Cb", PathFault::Backslash),
            ("/a\0b", PathFault::Control),
            ("/a%00b", PathFault::Control),
            ("/a\r\nb", PathFault::Control),
            ("/a%0d%0ab", PathFault::Control),
            ("/a\x7fb", PathFault::Control),
            ("/a%7Fb", PathFault::Control),
            ("/a%", PathFault::Encoding),
            ("/a%2", PathFault::Encoding),
            ("/a%zz", PathFault::Encoding),
            ("/a%+1", PathFault::Encoding),
            ("/a b", PathFault::Character),
            ("/a?b", PathFault::Character),
            ("/a#b", PathFault::Character),
            ("/\"a\"", PathFault::Character),
            ("/é", PathFault::Character),
            // A byte of no sequence, overlong forms, a surrogate, beyond U+10FFFF, cut off, alone.
            ("/api/v1/sec%FFret/x", PathFault::Utf8),
            ("/col%ffonel", PathFault::Utf8),
            ("/%FE", PathFault::Utf8),
            ("/%C0%80", PathFault::Utf8),
            ("/%C1%A1", PathFault::Utf8),
            ("/%E0%80%AF", PathFault::Utf8),
            ("/%F0%80%80%80", PathFault::Utf8),
            ("/%ED%A0%80", PathFault::Utf8),
            ("/%F4%90%80%80", PathFault::Utf8),
            ("/%F5%80%80%80", PathFault::Utf8),
            ("/%E2%82", PathFault::Utf8),
            ("/%E2%82/%AC", PathFault::Utf8),
            ("/%C3a%A9", PathFault::Utf8),
            ("/a%80", PathFault::Utf8),
            ("/%C3%A9/%BF", PathFault::Utf8),
        ] {
            assert_eq!(check(path), Err(fault), "{path:?}");
        }
    }

    #[test]
    fn everything_else_passes() {
        for path in [
            "/",
            "//",
            "/a//b/",
            "/...",
            "/..a",
            "/.a",
            "/%2e%2e%2e",
            "/a:b@c;d=e,f+g!",
        ] {
            assert_eq!(check(path), Ok(()), "{path:?}");
        }
        assert_eq!(check("/%C3%A9/%25/a[1]|{2}^`~"), Ok(()));
        // Encoded twice: the application unescapes once, so no byte of it goes missing.
        assert_eq!(check("/%25FF/%E2%82%AC/%F0%9F%94%91/%EF%BF%BD"), Ok(()));
    }

    proptest! {
        /// Whatever passes means the same decoded once as it does raw: as many segments, none of
        /// them dots.
        #[test]
        fn decoding_never_changes_the_structure(path in "(/|[.%a2eE5cCfF0\\\\]){0,12}") {
            let path = format!("/{path}");
            if check(&path).is_ok() {
                let decoded: Vec<u8> = percent_decode_str(&path).collect();
                let count = decoded.split(|&byte| byte == b'/').count();
                prop_assert_eq!(count, path.split('/').count());
                for segment in decoded.split(|&byte| byte == b'/') {
                    prop_assert!(segment != b"." && segment != b"..");
                    prop_assert!(!segment.contains(&b'\\') && !segment.contains(&0));
                }
            }
        }

        /// The application's router unescapes a path and then drops what is not UTF-8. What passes
        /// loses nothing by it: gateway and application see the same segments.
        #[test]
        fn the_applications_router_sees_the_same_path(
            path in "(/|%[0-9A-Fa-f][0-9A-Fa-f]|%C3%A9|%FF|secret|api|v1|[a-z.]){0,12}",
        ) {
            let path = format!("/{path}");
            if check(&path).is_ok() {
                let unescaped: Vec<u8> = percent_decode_str(&path).collect();
                let kept: String = unescaped.utf8_chunks().map(|chunk| chunk.valid()).collect();
                prop_assert_eq!(kept.into_bytes(), unescaped);
            }
        }

        #[test]
        fn checking_is_total(path in "\\PC*") {
            let _ = check(&path);
        }
    }
}
