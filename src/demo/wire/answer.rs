//! An answer: status, headers and body, and its head as bytes.

use std::borrow::Cow;
use std::io;

use serde::Serialize;

use super::socket::Socket;

/// How many bytes of a pattern go out in one write.
const SLICE: usize = 64 * 1024;

/// What an endpoint or the control answers.
pub(in crate::demo) struct Answer {
    pub(in crate::demo) status: u16,
    pub(in crate::demo) fields: Vec<(Cow<'static, str>, String)>,
    pub(in crate::demo) body: Body,
}

/// A body, or how to make it.
pub(in crate::demo) enum Body {
    Full(Vec<u8>),
    /// So many bytes of [`pattern`].
    Pattern {
        length: u64,
        chunked: bool,
    },
    /// One chunk and a declared trailer field.
    Trailered {
        body: Vec<u8>,
        trailer: (&'static str, String),
    },
}

/// What the head of one answer says besides the answer itself.
pub(in crate::demo) struct Plan<'a> {
    /// Fields of the endpoint, not of the answer.
    pub(in crate::demo) common: &'a [(&'static str, &'a str)],
    /// The request was a HEAD: no body.
    pub(in crate::demo) head_only: bool,
    /// The connection ends with this answer.
    pub(in crate::demo) last: bool,
    pub(in crate::demo) lengths: Lengths,
}

/// What a head says about the body's length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::demo) enum Lengths {
    Honest,
    /// Two lengths that differ.
    Double,
    /// A length and the chunked coding.
    Both,
}

impl Plan<'_> {
    /// Whether no body may follow an answer of this status (RFC 9112 section 6.3).
    pub(in crate::demo) fn bodiless(&self, status: u16) -> bool {
        self.head_only || matches!(status, 204 | 304)
    }
}

impl Answer {
    /// An answer with a body of this type.
    pub(in crate::demo) fn new(status: u16, content_type: &'static str, body: Vec<u8>) -> Self {
        Self {
            status,
            fields: vec![("content-type".into(), content_type.to_owned())],
            body: Body::Full(body),
        }
    }

    /// An answer without a body, and so without a type.
    pub(in crate::demo) fn empty(status: u16) -> Self {
        Self {
            status,
            fields: Vec::new(),
            body: Body::Full(Vec::new()),
        }
    }

    /// A JSON answer, typed as the application types it.
    pub(in crate::demo) fn json(status: u16, value: &impl Serialize) -> Self {
        let body = serde_json::to_vec(value).unwrap_or_default();
        Self::new(status, "application/json; charset=utf-8", body)
    }

    /// The same with one more field.
    #[must_use]
    pub(in crate::demo) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.fields.push((name.into(), value.into()));
        self
    }

    /// The body as bytes, for faults that spoil it; a pattern only up to `SLICE` of it.
    pub(in crate::demo) fn body(&self) -> Vec<u8> {
        match &self.body {
            Body::Full(body) | Body::Trailered { body, .. } => body.clone(),
            Body::Pattern { length, .. } => {
                let length = usize::try_from(*length).map_or(SLICE, |length| length.min(SLICE));
                (0..length as u64).map(pattern).collect()
            }
        }
    }

    /// The head as it should be, or with the lengths that `plan` asks for.
    pub(in crate::demo) fn head(&self, plan: &Plan<'_>) -> Vec<u8> {
        let mut head = Vec::with_capacity(512);
        self.status_line(&mut head);
        for (name, value) in &self.fields {
            field(&mut head, name, value);
        }
        for (name, value) in plan.common {
            field(&mut head, name, value);
        }
        if plan.last {
            field(&mut head, "connection", "close");
        }
        self.framing(&mut head, plan);
        head.extend_from_slice(b"\r\n");
        head
    }

    fn status_line(&self, head: &mut Vec<u8>) {
        let reason = http::StatusCode::from_u16(self.status)
            .ok()
            .and_then(|status| status.canonical_reason())
            .unwrap_or("Status");
        head.extend_from_slice(b"HTTP/1.1 ");
        head.extend_from_slice(self.status.to_string().as_bytes());
        head.push(b' ');
        head.extend_from_slice(reason.as_bytes());
        head.extend_from_slice(b"\r\n");
    }

    fn framing(&self, head: &mut Vec<u8>, plan: &Plan<'_>) {
        let length = match &self.body {
            Body::Full(body) => Some(body.len() as u64),
            Body::Pattern {
                length,
                chunked: false,
            } => Some(*length),
            Body::Pattern { chunked: true, .. } => None,
            Body::Trailered { trailer, .. } => {
                field(head, "trailer", trailer.0);
                None
            }
        };
        match (plan.lengths, length) {
            // RFC 9110 section 8.6: no length with 204; a 304 may leave it out.
            (Lengths::Honest, _) if matches!(self.status, 204 | 304) => {}
            (Lengths::Honest, Some(length)) => field(head, "content-length", &length.to_string()),
            (Lengths::Honest, None) => field(head, "transfer-encoding", "chunked"),
            (Lengths::Double, length) => {
                let length = length.unwrap_or(0);
                field(head, "content-length", &length.to_string());
                field(head, "content-length", &(length + 7).to_string());
            }
            (Lengths::Both, length) => {
                field(head, "content-length", &length.unwrap_or(0).to_string());
                field(head, "transfer-encoding", "chunked");
            }
        }
    }
}

fn field(head: &mut Vec<u8>, name: &str, value: &str) {
    head.extend_from_slice(name.as_bytes());
    head.extend_from_slice(b": ");
    head.extend_from_slice(value.as_bytes());
    head.extend_from_slice(b"\r\n");
}

/// The byte at `position` of `/demo/bytes/N`: position modulo 251, a prime, so that no power of
/// two shifts it onto itself.
pub(in crate::demo) fn pattern(position: u64) -> u8 {
    (position % 251).to_le_bytes()[0]
}

/// Bytes as one chunk of the chunked coding.
pub(in crate::demo) fn chunk(bytes: &[u8]) -> Vec<u8> {
    let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
    chunk.extend_from_slice(bytes);
    chunk.extend_from_slice(b"\r\n");
    chunk
}

/// Sends `length` bytes of the pattern, plain or in chunks.
pub(super) async fn send_pattern(socket: &Socket, length: u64, chunked: bool) -> io::Result<()> {
    // A whole number of periods, so that every slice but the last is the same.
    let slice: Vec<u8> = (0..251 * (SLICE as u64 / 251)).map(pattern).collect();
    let mut left = length;
    while left > 0 {
        let take = usize::try_from(left).map_or(slice.len(), |left| left.min(slice.len()));
        let part = slice.get(..take).unwrap_or_default();
        match chunked {
            true => socket.write_all(&chunk(part)).await?,
            false => socket.write_all(part).await?,
        }
        left -= take as u64;
    }
    match chunked {
        true => socket.write_all(b"0\r\n\r\n").await,
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(answer: &Answer, lengths: Lengths) -> String {
        let plan = Plan {
            common: &[("X-Demo-Region", "eu")],
            head_only: false,
            last: true,
            lengths,
        };
        String::from_utf8(answer.head(&plan)).unwrap()
    }

    #[test]
    fn a_head_says_what_follows() {
        let answer = Answer::json(404, &[1, 2]).with("x-a", "b");
        assert_eq!(
            head(&answer, Lengths::Honest),
            "HTTP/1.1 404 Not Found\r\ncontent-type: application/json; charset=utf-8\r\n\
             x-a: b\r\nX-Demo-Region: eu\r\nconnection: close\r\ncontent-length: 5\r\n\r\n"
        );
    }

    #[test]
    fn a_head_can_lie_about_what_follows() {
        let answer = Answer::json(200, &[1, 2]);
        let double = head(&answer, Lengths::Double);
        assert!(double.contains("content-length: 5\r\ncontent-length: 12\r\n"));
        let both = head(&answer, Lengths::Both);
        assert!(both.contains("content-length: 5\r\ntransfer-encoding: chunked\r\n"));
    }

    #[test]
    fn statuses_without_a_body_announce_none() {
        assert!(!head(&Answer::empty(204), Lengths::Honest).contains("content-length"));
        assert!(head(&Answer::empty(299), Lengths::Honest).starts_with("HTTP/1.1 299 Status\r\n"));
    }

    #[test]
    fn the_pattern_is_position_modulo_251() {
        assert_eq!(pattern(0), 0);
        assert_eq!(pattern(250), 250);
        assert_eq!(pattern(251), 0);
        assert_eq!(chunk(b"abc"), b"3\r\nabc\r\n");
    }
}
