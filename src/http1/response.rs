//! An answer's head, held to the same law as a request's.

use httparse::Header;

use super::head;
use super::request::FieldSpace;
use super::{Fault, Framing, HeadLimits, Version};

/// Informational answers before the final one. Two are plausible (100, 103); a storm is a fault.
pub const MOST_INFORMATIONAL: u32 = 16;

/// An answer's head that is well-formed and unambiguously framed.
pub struct ResponseHead<'h, 'b> {
    /// The status, 100 to 599.
    pub status: u16,
    /// The version.
    pub version: Version,
    /// The fields in order; values without surrounding white space.
    pub fields: &'h [Header<'b>],
    /// How the body is delimited, given the request's method.
    pub framing: Framing,
    /// The Content-Length that was announced, also where no body follows (HEAD, 304).
    pub announced: Option<u64>,
}

/// Parses a whole head, as found by [`head::EndFinder`]; `to_head` when the request was a HEAD.
///
/// # Errors
/// Any [`Fault`] of a head: the connection is of no further use.
pub fn parse<'h, 'b>(
    bytes: &'b [u8],
    space: &'h mut FieldSpace<'b>,
    limits: &HeadLimits,
    to_head: bool,
) -> Result<ResponseHead<'h, 'b>, Fault> {
    let mut response = httparse::Response::new(&mut []);
    let parsed = httparse::ParserConfig::default()
        .parse_response_with_uninit_headers(&mut response, bytes, space)
        .map_err(|error| head::fault_of(error, bytes))?;
    let (Some(status), Some(minor)) = (response.code, response.version) else {
        return Err(Fault::BadStartLine);
    };
    if parsed != httparse::Status::Complete(bytes.len()) || !(100..600).contains(&status) {
        return Err(Fault::BadStartLine);
    }
    let fields: &'h [Header<'b>] = response.headers;
    let version = head::version(minor);
    let announced = head::framing(fields, version, limits)?;
    // RFC 9112 §6.3, rules 1 and 2.
    let bodiless = to_head || status < 200 || status == 204 || status == 304;
    Ok(ResponseHead {
        status,
        version,
        fields,
        framing: if bodiless {
            Framing::Empty
        } else {
            announced.unwrap_or(Framing::UntilClose)
        },
        announced: match announced {
            Some(Framing::Length(length)) => Some(length),
            _ => None,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::super::request::field_space;
    use super::*;
    use proptest::prelude::*;

    const LIMITS: HeadLimits = HeadLimits {
        bytes: 65536,
        fields: 100,
        target: 0,
    };

    fn framing(head: &str, to_head: bool) -> Result<Framing, Fault> {
        let mut space = field_space();
        parse(head.as_bytes(), &mut space, &LIMITS, to_head).map(|head| head.framing)
    }

    #[test]
    fn framing_follows_rfc_9112_6_3() {
        let ok = "HTTP/1.1 200 OK\r\n";
        assert_eq!(
            framing(&format!("{ok}\r\n"), false),
            Ok(Framing::UntilClose)
        );
        assert_eq!(
            framing(&format!("{ok}Content-Length: 3\r\n\r\n"), false),
            Ok(Framing::Length(3))
        );
        assert_eq!(
            framing(&format!("{ok}Content-Length: 3\r\n\r\n"), true),
            Ok(Framing::Empty)
        );
        assert_eq!(
            framing(&format!("{ok}Transfer-Encoding: chunked\r\n\r\n"), false),
            Ok(Framing::Chunked)
        );
        assert_eq!(
            framing("HTTP/1.1 304 Not Modified\r\n\r\n", false),
            Ok(Framing::Empty)
        );
        assert_eq!(framing("HTTP/1.1 204\r\n\r\n", false), Ok(Framing::Empty));
        assert_eq!(
            framing(
                &format!("{ok}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"),
                false
            ),
            Err(Fault::BothFramings)
        );
        assert_eq!(
            framing(
                &format!("{ok}Content-Length: 3\r\nContent-Length: 3\r\n\r\n"),
                false
            ),
            Err(Fault::RepeatedContentLength)
        );
        assert!(framing("HTTP/1.1 099 Odd\r\n\r\n", false).is_err());
        assert!(framing("HTTP/1.1 999 Odd\r\n\r\n", false).is_err());
        assert!(framing("ICY 200 OK\r\n\r\n", false).is_err());
    }

    proptest! {
        #[test]
        fn never_panics(bytes: Vec<u8>, to_head: bool) {
            let mut space = field_space();
            let _ = parse(&bytes, &mut space, &LIMITS, to_head);
        }
    }
}
