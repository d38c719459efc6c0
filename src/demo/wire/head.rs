//! Reads a request's head and says how its body is framed (RFC 9112). Refuses what a good client
//! never sends: bare line feeds, doubtful framing, a missing or doubled `Host`.

use std::str;

use bytes::{Bytes, BytesMut};
use smallvec::SmallVec;

/// The most header fields of a request.
const MOST_FIELDS: usize = 128;

/// Why what came is no request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::demo) struct Malformed(pub(in crate::demo) &'static str);

/// How a request's body is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::demo) enum Framing {
    Length(u64),
    Chunked,
}

/// A part of the head's bytes.
#[derive(Clone, Copy, Default)]
struct Span {
    start: usize,
    end: usize,
}

impl Span {
    /// Where `part`, which lies in `whole`, lies in it.
    fn of(whole: &[u8], part: &[u8]) -> Self {
        let start = (part.as_ptr() as usize).saturating_sub(whole.as_ptr() as usize);
        Self {
            start,
            end: start + part.len(),
        }
    }
}

/// A request's head.
pub(in crate::demo) struct Head {
    bytes: Bytes,
    method: Span,
    target: Span,
    fields: SmallVec<[(Span, Span); 24]>,
    framing: Framing,
    minor: u8,
}

impl Head {
    /// Takes a whole head off the front of `buffer`; `None` if it has not all come yet.
    pub(in crate::demo) fn take(buffer: &mut BytesMut) -> Result<Option<Self>, Malformed> {
        // RFC 9112 section 2.2: empty lines before a request are ignored.
        while buffer.starts_with(b"\r\n") {
            let _ = buffer.split_to(2);
        }
        let mut fields = [httparse::EMPTY_HEADER; MOST_FIELDS];
        let mut request = httparse::Request::new(&mut fields);
        let length = match request.parse(buffer) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(_) => return Err(Malformed("no HTTP/1 request")),
        };
        let whole = buffer.get(..length).unwrap_or_default();
        let span = |part: &[u8]| Span::of(whole, part);
        let mut head = Self {
            bytes: Bytes::new(),
            method: span(request.method.unwrap_or_default().as_bytes()),
            target: span(request.path.unwrap_or_default().as_bytes()),
            fields: request
                .headers
                .iter()
                .map(|field| (span(field.name.as_bytes()), span(field.value)))
                .collect(),
            framing: Framing::Length(0),
            minor: request.version.unwrap_or_default(),
        };
        head.bytes = buffer.split_to(length).freeze();
        head.refuse_bare_line_feeds()?;
        head.framing = head.find_framing()?;
        head.refuse_doubtful_targets()?;
        Ok(Some(head))
    }

    fn part(&self, span: Span) -> &[u8] {
        self.bytes.get(span.start..span.end).unwrap_or_default()
    }

    fn text(&self, span: Span) -> &str {
        str::from_utf8(self.part(span)).unwrap_or_default()
    }

    pub(in crate::demo) fn method(&self) -> &str {
        self.text(self.method)
    }

    /// Path and query, as sent.
    pub(in crate::demo) fn target(&self) -> &str {
        self.text(self.target)
    }

    /// The target without its query.
    pub(in crate::demo) fn path(&self) -> &str {
        let target = self.target();
        target.split_once('?').map_or(target, |(path, _)| path)
    }

    /// What follows the `?`.
    pub(in crate::demo) fn query(&self) -> Option<&str> {
        self.target().split_once('?').map(|(_, query)| query)
    }

    /// The minor version: 0 or 1.
    pub(in crate::demo) fn minor(&self) -> u8 {
        self.minor
    }

    /// Every field in order, names as sent.
    pub(in crate::demo) fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.fields
            .iter()
            .map(|&(name, value)| (self.text(name), self.part(value)))
    }

    /// The value of the first field called `name` that is text.
    pub(in crate::demo) fn field(&self, name: &str) -> Option<&str> {
        self.fields()
            .find(|(other, _)| other.eq_ignore_ascii_case(name))
            .and_then(|(_, value)| str::from_utf8(value).ok())
    }

    pub(in crate::demo) fn framing(&self) -> Framing {
        self.framing
    }

    /// Whether the client waits for leave to send its body.
    pub(in crate::demo) fn expects_continue(&self) -> bool {
        self.minor == 1
            && self.framing != Framing::Length(0)
            && self
                .field("expect")
                .is_some_and(|value| value.eq_ignore_ascii_case("100-continue"))
    }

    /// Whether the connection ends with this exchange (RFC 9112 section 9.3).
    pub(in crate::demo) fn last(&self) -> bool {
        self.minor == 0
            || self
                .fields()
                .filter(|(name, _)| name.eq_ignore_ascii_case("connection"))
                .any(|(_, value)| {
                    value
                        .split(|&byte| byte == b',')
                        .any(|option| option.trim_ascii().eq_ignore_ascii_case(b"close"))
                })
    }

    fn refuse_bare_line_feeds(&self) -> Result<(), Malformed> {
        let mut before = 0;
        for &byte in &self.bytes {
            if byte == b'\n' && before != b'\r' {
                return Err(Malformed("a bare line feed"));
            }
            before = byte;
        }
        Ok(())
    }

    /// RFC 9112 section 6.3, with every doubtful case refused.
    fn find_framing(&self) -> Result<Framing, Malformed> {
        let (mut length, mut chunked) = (None, false);
        for (name, value) in self.fields() {
            if name.eq_ignore_ascii_case("content-length") {
                let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
                let value = str::from_utf8(value).ok().filter(|_| digits);
                let value = value
                    .and_then(|value| value.parse::<u64>().ok())
                    .ok_or(Malformed("a Content-Length that is no number"))?;
                if length.replace(value).is_some() {
                    return Err(Malformed("two Content-Length fields"));
                }
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                if chunked || !value.eq_ignore_ascii_case(b"chunked") {
                    return Err(Malformed("a Transfer-Encoding other than chunked"));
                }
                chunked = true;
            }
        }
        match (length, chunked) {
            (Some(_), true) => Err(Malformed("Content-Length beside Transfer-Encoding")),
            (None, true) if self.minor == 0 => Err(Malformed("Transfer-Encoding in HTTP/1.0")),
            (None, true) => Ok(Framing::Chunked),
            (length, false) => Ok(Framing::Length(length.unwrap_or(0))),
        }
    }

    /// RFC 9112 section 3.2: one `Host`, and from a gateway nothing but the origin form.
    fn refuse_doubtful_targets(&self) -> Result<(), Malformed> {
        if !self.target().starts_with('/') && self.target() != "*" {
            return Err(Malformed("a target that is not in origin form"));
        }
        let hosts = self
            .fields()
            .filter(|(name, _)| name.eq_ignore_ascii_case("host"))
            .count();
        match hosts {
            1 => Ok(()),
            0 if self.minor == 0 => Ok(()),
            0 => Err(Malformed("no Host")),
            _ => Err(Malformed("two Host fields")),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn take(text: &str) -> Result<Option<Head>, Malformed> {
        Head::take(&mut BytesMut::from(text))
    }

    fn refused(text: &str) -> &'static str {
        match take(text) {
            Err(Malformed(why)) => why,
            Ok(_) => "",
        }
    }

    #[test]
    fn a_head_is_taken_whole_and_its_rest_is_left() {
        let text = "\r\nPOST /a?b=c HTTP/1.1\r\nHost: eu\r\nX-A: 1\r\nx-a:  2 \r\nContent-Length: 3\r\n\r\nxyz";
        let mut buffer = BytesMut::from(text);
        let head = Head::take(&mut buffer).unwrap().unwrap();
        assert_eq!(&buffer[..], b"xyz");
        assert_eq!(head.method(), "POST");
        assert_eq!(head.target(), "/a?b=c");
        assert_eq!(head.path(), "/a");
        assert_eq!(head.query(), Some("b=c"));
        assert_eq!(head.field("x-A"), Some("1"));
        let fields: Vec<_> = head.fields().map(|(name, _)| name).collect();
        assert_eq!(fields, ["Host", "X-A", "x-a", "Content-Length"]);
        assert_eq!(head.framing(), Framing::Length(3));
        assert!(!head.last());
    }

    #[test]
    fn doubtful_requests_are_refused() {
        let get = "GET / HTTP/1.1\r\nHost: eu\r\n";
        for (rest, why) in [
            (
                "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
                "beside",
            ),
            ("Content-Length: 1\r\nContent-Length: 1\r\n\r\n", "two"),
            ("Content-Length: +1\r\n\r\n", "no number"),
            ("Content-Length: \r\n\r\n", "no number"),
            ("Transfer-Encoding: gzip, chunked\r\n\r\n", "other than"),
            (
                "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
                "other than",
            ),
            ("X: 1\n\r\n", "bare"),
            ("Host: us\r\n\r\n", "two Host"),
            ("X : 1\r\n\r\n", "no HTTP"),
        ] {
            let refusal = refused(&format!("{get}{rest}"));
            assert!(refusal.contains(why), "{rest:?} gives {refusal:?}");
        }
        assert_eq!(refused("GET / HTTP/1.1\r\n\r\n"), "no Host");
        assert!(refused("GET http://eu/ HTTP/1.1\r\nHost: eu\r\n\r\n").contains("origin form"));
        assert!(take("GET / HTTP/1.0\r\n\r\n").unwrap().unwrap().last());
    }

    #[test]
    fn close_is_found_among_other_options() {
        let last = |value: &str| {
            let text = format!("GET / HTTP/1.1\r\nHost: eu\r\nConnection: {value}\r\n\r\n");
            take(&text).unwrap().unwrap().last()
        };
        assert!(last("te, Close"));
        assert!(!last("keep-alive"));
        assert!(!last("closed"));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_and_no_prefix_is_refused(cut in 0usize..60) {
            let text = "GET /x HTTP/1.1\r\nHost: eu\r\nContent-Length: 0\r\n\r\n";
            let cut = cut.min(text.len() - 1);
            prop_assert!(take(&text[..cut]).unwrap().is_none());
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Head::take(&mut BytesMut::from(&bytes[..]));
        }
    }
}
