//! A request's head.

use std::mem::MaybeUninit;

use httparse::Header;

use super::head::{self, MOST_FIELDS};
use super::{Fault, Framing, HeadLimits, Version};

/// Room for the fields of one head, on the caller's stack.
pub type FieldSpace<'b> = [MaybeUninit<Header<'b>>; MOST_FIELDS];

/// An empty [`FieldSpace`].
#[must_use]
pub const fn field_space<'b>() -> FieldSpace<'b> {
    [const { MaybeUninit::uninit() }; MOST_FIELDS]
}

/// A request head that is well-formed and unambiguously framed.
pub struct RequestHead<'h, 'b> {
    /// The method token, as sent.
    pub method: &'b str,
    /// The request target, as sent: visible ASCII only.
    pub target: &'b str,
    /// The version.
    pub version: Version,
    /// The fields in order; names as sent, values without surrounding white space.
    pub fields: &'h [Header<'b>],
    /// How the body is delimited.
    pub framing: Framing,
}

/// Parses a whole head, as found by [`head::EndFinder`].
///
/// # Errors
/// Any [`Fault`] of a head; the connection must be closed after the answer.
pub fn parse<'h, 'b>(
    bytes: &'b [u8],
    space: &'h mut FieldSpace<'b>,
    limits: &HeadLimits,
) -> Result<RequestHead<'h, 'b>, Fault> {
    let mut request = httparse::Request::new(&mut []);
    let parsed = request
        .parse_with_uninit_headers(bytes, space)
        .map_err(|error| head::fault_of(error, bytes))?;
    let (Some(method), Some(target), Some(minor)) = (request.method, request.path, request.version)
    else {
        return Err(Fault::BadStartLine);
    };
    if parsed != httparse::Status::Complete(bytes.len()) {
        return Err(Fault::BadStartLine);
    }
    if target.len() > limits.target {
        return Err(Fault::TargetTooLong);
    }
    if !target.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Fault::BadTarget);
    }
    let version = head::version(minor);
    let fields: &'h [Header<'b>] = request.headers;
    let framing = head::framing(fields, version, limits)?;
    Ok(RequestHead {
        method,
        target,
        version,
        fields,
        framing: framing.unwrap_or(Framing::Empty),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMITS: HeadLimits = HeadLimits {
        bytes: 16384,
        fields: 100,
        target: 8192,
    };

    fn framing(head: &str) -> Result<Framing, Fault> {
        let mut space = field_space();
        parse(head.as_bytes(), &mut space, &LIMITS).map(|head| head.framing)
    }

    #[test]
    fn framing_is_one_thing_or_refused() {
        let with = |fields: &str| framing(&format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n"));
        assert_eq!(with(""), Ok(Framing::Empty));
        assert_eq!(with("Content-Length: 5\r\n"), Ok(Framing::Length(5)));
        assert_eq!(with("Transfer-Encoding: chunked\r\n"), Ok(Framing::Chunked));
        for (fields, fault) in [
            (
                "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
                Fault::BothFramings,
            ),
            (
                "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n",
                Fault::BothFramings,
            ),
            (
                "Content-Length: 5\r\nContent-Length: 5\r\n",
                Fault::RepeatedContentLength,
            ),
            (
                "Content-Length: 5\r\nContent-Length: 6\r\n",
                Fault::RepeatedContentLength,
            ),
            ("Content-Length: 5, 5\r\n", Fault::BadContentLength),
            ("Content-Length: +5\r\n", Fault::BadContentLength),
            ("Content-Length:\r\n", Fault::BadContentLength),
            (
                "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
                Fault::BadTransferEncoding,
            ),
            (
                "Transfer-Encoding: identity\r\n",
                Fault::BadTransferEncoding,
            ),
            (
                "Transfer-Encoding: gzip, chunked\r\n",
                Fault::UnknownTransferCoding,
            ),
            ("Transfer-Encoding: \x0bchunked\r\n", Fault::BadFieldValue),
            ("Transfer-Encoding : chunked\r\n", Fault::BadFieldName),
            ("X: a\r\n folded\r\n", Fault::ObsoleteFold),
            (" X: a\r\n", Fault::ObsoleteFold),
            ("X: a\x00b\r\n", Fault::BadFieldValue),
            ("X: a\x7fb\r\n", Fault::BadFieldValue),
            ("X: a\rb: c\r\n", Fault::BareLineBreak),
            ("X(: a\r\n", Fault::BadFieldName),
            (": a\r\n", Fault::BadFieldName),
            ("no colon\r\n", Fault::BadFieldName),
        ] {
            let got = with(fields);
            assert!(
                got == Err(fault) || (got.is_err() && fault == Fault::BareLineBreak),
                "{fields:?}: {got:?}, not {fault:?}"
            );
        }
    }

    #[test]
    fn start_line_is_strict() {
        for (line, fault) in [
            ("GET /", Fault::BadStartLine),
            ("GET  / HTTP/1.1", Fault::BadStartLine),
            ("GET / HTTP/1.1 ", Fault::BadStartLine),
            ("GET / HTTP/2.0", Fault::BadVersion),
            ("GET / HTTP/1.2", Fault::BadVersion),
            ("GET / http/1.1", Fault::BadVersion),
            ("G@T / HTTP/1.1", Fault::BadStartLine),
            ("GET /\u{e9} HTTP/1.1", Fault::BadTarget),
            ("GET /a\tb HTTP/1.1", Fault::BadStartLine),
        ] {
            let got = framing(&format!("{line}\r\nHost: a\r\n\r\n"));
            assert!(got.is_err(), "{line:?} passed, wanted {fault:?}");
        }
        assert_eq!(
            framing("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"),
            Err(Fault::BadTransferEncoding)
        );
        assert_eq!(
            framing(&format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(9000))),
            Err(Fault::TargetTooLong)
        );
        assert_eq!(
            framing(&format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(101))),
            Err(Fault::TooManyFields)
        );
    }

    proptest! {
        #[test]
        fn never_panics(bytes: Vec<u8>) {
            let mut space = field_space();
            let _ = parse(&bytes, &mut space, &LIMITS);
        }

        #[test]
        fn an_accepted_head_has_no_control_bytes(value in "[ -~\\x00-\\x1f\\x7f]{0,40}") {
            let text = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {value}\r\n\r\n");
            let mut space = field_space();
            if let Ok(head) = parse(text.as_bytes(), &mut space, &LIMITS) {
                for field in head.fields {
                    prop_assert!(field.value.iter().all(|byte| *byte >= b' ' || *byte == b'\t'));
                }
            }
        }
    }
}
