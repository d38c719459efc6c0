//! Finding the end of a head, and the fields common to requests and answers.

use httparse::Header;
use memchr::memchr;

use super::{Fault, Framing, HeadLimits, Version};

/// The most field lines that any configuration may allow: they are parsed into an array of this
/// size on the stack.
pub const MOST_FIELDS: usize = 128;

/// Empty lines tolerated before a request line (RFC 9112 §2.2).
const MOST_EMPTY_LINES: usize = 2;

/// Looks for the end of a head in bytes that arrive piece by piece, each byte once.
#[derive(Clone, Copy, Debug, Default)]
pub struct EndFinder {
    scanned: usize,
    line_start: usize,
    empty_lines: usize,
    head_start: usize,
}

/// Where a whole head lies.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct HeadSpan {
    /// First byte of the start line.
    pub start: usize,
    /// First byte after the empty line.
    pub end: usize,
}

impl EndFinder {
    /// The head's place in `input`, or `None` while it is incomplete.
    ///
    /// `input` must begin with the bytes of the previous calls.
    ///
    /// # Errors
    /// [`Fault::BareLineBreak`] as soon as a line ends in LF alone; [`Fault::HeadTooLarge`] once
    /// `limit` bytes hold no end.
    pub fn find(&mut self, input: &[u8], limit: usize) -> Result<Option<HeadSpan>, Fault> {
        while let Some(at) = input
            .get(self.scanned..)
            .and_then(|rest| memchr(b'\n', rest))
            .map(|offset| self.scanned + offset)
        {
            if at == 0 || input.get(at - 1) != Some(&b'\r') {
                return Err(Fault::BareLineBreak);
            }
            self.scanned = at + 1;
            let empty = at - self.line_start == 1;
            if empty && self.line_start == self.head_start {
                self.empty_lines += 1;
                if self.empty_lines > MOST_EMPTY_LINES {
                    return Err(Fault::BadStartLine);
                }
                self.head_start = at + 1;
            } else if empty {
                let span = HeadSpan {
                    start: self.head_start,
                    end: at + 1,
                };
                return if span.end > limit {
                    Err(Fault::HeadTooLarge)
                } else {
                    Ok(Some(span))
                };
            }
            self.line_start = at + 1;
        }
        self.scanned = input.len();
        if input.len() >= limit {
            Err(Fault::HeadTooLarge)
        } else {
            Ok(None)
        }
    }

    /// Whether any byte of a head has been seen.
    #[must_use]
    pub const fn started(&self) -> bool {
        self.scanned > self.head_start
    }
}

/// The version of a head whose start line httparse took, which knows 1.0 and 1.1.
pub(super) const fn version(minor: u8) -> Version {
    if minor == 0 {
        Version::Http10
    } else {
        Version::Http11
    }
}

/// The one framing that a head's fields announce, if any; the law for requests and answers alike.
pub(super) fn framing(
    fields: &[Header<'_>],
    version: Version,
    limits: &HeadLimits,
) -> Result<Option<Framing>, Fault> {
    if fields.len() > limits.fields {
        return Err(Fault::TooManyFields);
    }
    let mut framing = FramingFields::default();
    for field in fields {
        if !is_field_value(field.value) {
            return Err(Fault::BadFieldValue);
        }
        framing.take(field.name, field.value)?;
    }
    let framing = framing.framing()?;
    // HTTP/1.0 has no transfer codings: who sends one is not understood by all (RFC 9112 §6.1).
    if framing == Some(Framing::Chunked) && version == Version::Http10 {
        return Err(Fault::BadTransferEncoding);
    }
    Ok(framing)
}

/// The framing fields of a head, collected field by field.
#[derive(Clone, Copy, Debug, Default)]
struct FramingFields {
    length: Option<u64>,
    chunked: bool,
}

impl FramingFields {
    /// Takes in one field.
    fn take(&mut self, name: &str, value: &[u8]) -> Result<(), Fault> {
        if name.len() == 14 && name.eq_ignore_ascii_case("content-length") {
            if self.length.replace(content_length(value)?).is_some() {
                return Err(Fault::RepeatedContentLength);
            }
        } else if name.len() == 17 && name.eq_ignore_ascii_case("transfer-encoding") {
            if self.chunked {
                return Err(Fault::BadTransferEncoding);
            }
            transfer_encoding(value)?;
            self.chunked = true;
        }
        Ok(())
    }

    /// The one framing that was announced, if any.
    fn framing(self) -> Result<Option<Framing>, Fault> {
        match (self.length, self.chunked) {
            (Some(_), true) => Err(Fault::BothFramings),
            (Some(length), false) => Ok(Some(Framing::Length(length))),
            (None, true) => Ok(Some(Framing::Chunked)),
            (None, false) => Ok(None),
        }
    }
}

/// RFC 9110 §8.6: digits only; a list of equal values is refused as well.
fn content_length(value: &[u8]) -> Result<u64, Fault> {
    if value.is_empty() || value.len() > 19 || !value.iter().all(u8::is_ascii_digit) {
        return Err(Fault::BadContentLength);
    }
    Ok(value
        .iter()
        .fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')))
}

/// Exactly `chunked`. A list of tokens that ends in `chunked` is understood but not implemented.
fn transfer_encoding(value: &[u8]) -> Result<(), Fault> {
    if value.eq_ignore_ascii_case(b"chunked") {
        return Ok(());
    }
    let mut tokens = value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    let known = |token: &[u8]| {
        [
            b"gzip".as_slice(),
            b"x-gzip",
            b"deflate",
            b"compress",
            b"x-compress",
        ]
        .iter()
        .any(|coding| token.eq_ignore_ascii_case(coding))
    };
    let last_is_chunked = tokens
        .next_back()
        .is_some_and(|token| token.eq_ignore_ascii_case(b"chunked"));
    if last_is_chunked && tokens.all(known) {
        Err(Fault::UnknownTransferCoding)
    } else {
        Err(Fault::BadTransferEncoding)
    }
}

/// What httparse objects to, in our words. `head` is the head it was given.
pub(super) fn fault_of(error: httparse::Error, head: &[u8]) -> Fault {
    match error {
        httparse::Error::HeaderName if has_fold(head) => Fault::ObsoleteFold,
        httparse::Error::HeaderName => Fault::BadFieldName,
        httparse::Error::HeaderValue => Fault::BadFieldValue,
        httparse::Error::NewLine => Fault::BareLineBreak,
        httparse::Error::Status | httparse::Error::Token => Fault::BadStartLine,
        httparse::Error::TooManyHeaders => Fault::TooManyFields,
        httparse::Error::Version if names_a_version(head) => Fault::BadVersion,
        httparse::Error::Version => Fault::BadStartLine,
    }
}

/// Whether the start line begins or ends with a version, be it one that nobody speaks: anything
/// else there is no matter of versions (RFC 9112 §2.3, §3).
fn names_a_version(head: &[u8]) -> bool {
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let parts: smallvec::SmallVec<[&[u8]; 4]> = line.split(|byte| *byte == b' ').collect();
    let is_version = |part: &[u8]| {
        matches!(part, [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
            if major.is_ascii_digit() && minor.is_ascii_digit())
    };
    match parts.as_slice() {
        [_, _, version] => is_version(version) || parts.first().copied().is_some_and(is_version),
        [version, ..] => is_version(version),
        [] => false,
    }
}

/// Whether a field line begins with white space (RFC 9112 §5.2).
fn has_fold(head: &[u8]) -> bool {
    head.windows(3)
        .any(|bytes| matches!(bytes, [b'\r', b'\n', b' ' | b'\t']))
}

/// Whether `value` holds nothing that a field value must not (RFC 9110 §5.5).
///
/// httparse already refuses control bytes but for HTAB; DEL is one it lets pass in some builds.
pub(super) fn is_field_value(value: &[u8]) -> bool {
    value
        .iter()
        .all(|byte| matches!(byte, b'\t' | b' '..=b'~' | 0x80..))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn finds_the_end_wherever_the_bytes_are_split() {
        let head = b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\nrest";
        let whole = EndFinder::default().find(head, 1024);
        assert_eq!(
            whole,
            Ok(Some(HeadSpan {
                start: 2,
                end: head.len() - 4
            }))
        );
        for split in 0..head.len() - 4 {
            let mut finder = EndFinder::default();
            assert_eq!(
                finder.find(&head[..split], 1024),
                Ok(None),
                "split at {split}"
            );
            assert_eq!(finder.find(head, 1024), whole, "split at {split}");
        }
    }

    #[test]
    fn refuses_bare_line_breaks_and_oversize() {
        let find = |bytes: &[u8], limit| EndFinder::default().find(bytes, limit);
        assert_eq!(
            find(b"GET / HTTP/1.1\nHost: a\n\n", 99),
            Err(Fault::BareLineBreak)
        );
        assert_eq!(find(b"\n", 99), Err(Fault::BareLineBreak));
        assert_eq!(
            find(b"GET / HTTP/1.1\r\nHost: a\r\n\n", 99),
            Err(Fault::BareLineBreak)
        );
        assert_eq!(
            find(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 10),
            Err(Fault::HeadTooLarge)
        );
        assert_eq!(find(b"GET / HTTP/1.1", 10), Err(Fault::HeadTooLarge));
        assert_eq!(find(b"\r\n\r\n\r\n\r\n", 99), Err(Fault::BadStartLine));
    }

    #[test]
    fn only_a_well_formed_version_is_an_unsupported_one() {
        let fault = |line: &str| fault_of(httparse::Error::Version, line.as_bytes());
        for line in [
            "GET / HTTP/2.0\r\n",
            "GET / HTTP/0.9\r\n",
            "HTTP/3.0 200 OK\r\n",
        ] {
            assert_eq!(fault(line), Fault::BadVersion, "{line}");
        }
        for line in [
            "GET /  HTTP/1.1\r\n",
            "GET / x HTTP/1.1\r\n",
            "GET / HTTP/11.1\r\n",
            "GET / http/1.1\r\n",
            "GET / HTTP/1.\r\n",
        ] {
            assert_eq!(fault(line), Fault::BadStartLine, "{line}");
        }
    }

    #[test]
    fn content_length_is_digits_only() {
        for bad in [
            "",
            "+1",
            "-1",
            "1,1",
            "1 1",
            "0x1",
            "1.0",
            "99999999999999999999",
            "١",
        ] {
            assert_eq!(
                content_length(bad.as_bytes()),
                Err(Fault::BadContentLength),
                "{bad}"
            );
        }
        assert_eq!(content_length(b"007"), Ok(7));
    }

    #[test]
    fn transfer_encoding_is_exactly_chunked() {
        assert_eq!(transfer_encoding(b"Chunked"), Ok(()));
        assert_eq!(
            transfer_encoding(b"gzip, chunked"),
            Err(Fault::UnknownTransferCoding)
        );
        for bad in [
            "",
            "chunked, chunked",
            "chunked, gzip",
            "identity",
            "xchunked",
            "chunked;q=1",
        ] {
            assert_eq!(
                transfer_encoding(bad.as_bytes()),
                Err(Fault::BadTransferEncoding),
                "{bad}"
            );
        }
    }

    proptest! {
        #[test]
        fn never_panics_and_never_looks_back(bytes: Vec<u8>, cuts: Vec<usize>) {
            let whole = EndFinder::default().find(&bytes, 4096);
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut % (bytes.len() + 1)).collect();
            cuts.sort_unstable();
            let mut finder = EndFinder::default();
            let mut answer = Ok(None);
            for cut in cuts.into_iter().chain([bytes.len()]) {
                answer = finder.find(&bytes[..cut], 4096);
                if answer != Ok(None) {
                    break;
                }
            }
            prop_assert_eq!(answer, whole);
        }
    }
}
