//! One request's turn on its connection: its body as a region reads it, the answer's head as the
//! client does.

use std::task::{Context, Poll, ready};

use tokio::time::Instant;

use super::Connection;
use crate::headers::request::write_field;
use crate::http1::body::Step;
use crate::http1::response::ResponseHead;
use crate::http1::{Fault, Framing, Version};
use crate::limit::pace::Pace;
use crate::proxy::answer::Answer;
use crate::proxy::forward::Down;
use crate::proxy::refusal::phrase;
use crate::upstream::client::Client;
use crate::upstream::failure::Cause;
use crate::upstream::outgoing::RequestBody;

impl Connection {
    /// How many bytes at the front of the input are body data; `None` at the end.
    pub(super) fn poll_body(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Option<usize>, Cause>> {
        loop {
            match self
                .body
                .step(self.input.filled())
                .map_err(Cause::BadBody)?
            {
                Step::Data(count) => {
                    if self.body_read + count as u64 > self.body_limit {
                        return Poll::Ready(Err(Cause::BodyTooLarge));
                    }
                    return Poll::Ready(Ok(Some(count)));
                }
                Step::End => return Poll::Ready(Ok(None)),
                Step::Skip(count) => self.input.consume(count),
                Step::More => match ready!(self.input.poll_fill(&mut self.stream, context)) {
                    Ok(0) => return Poll::Ready(Err(Cause::BadBody(Fault::Truncated))),
                    Ok(_) => {}
                    Err(_) => return Poll::Ready(Err(Cause::ClientGone)),
                },
            }
        }
    }

    pub(super) fn consume_body(&mut self, count: usize) {
        self.input.consume(count);
        self.body.took(count);
        self.body_read += count as u64;
    }
}

/// A request that is being forwarded: its connection, and what its client will be told.
pub(super) struct Turn<'a> {
    pub(super) connection: &'a mut Connection,
    pub(super) down: &'a Down,
    /// Whether the connection ends after the answer.
    pub(super) close: bool,
    /// How the answer's body is framed for the client.
    pub(super) framing: Framing,
    /// The answer's status, once its head was written.
    pub(super) status: u16,
    /// Whether the answer's last byte is in the output.
    pub(super) ended: bool,
    /// Why the answer breaks off, once it does.
    pub(super) broken: Option<Cause>,
    /// How slowly the client takes the answer.
    pub(super) pace: Pace,
    /// Whether an informational answer has not gone out yet.
    pub(super) told: bool,
    /// Since when it has taken none of it.
    pub(super) stalled: Option<Instant>,
    /// When it is looked next whether a client that takes nothing has to give way.
    pub(super) look: Option<Instant>,
}

impl RequestBody for Turn<'_> {
    fn poll_data(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<&[u8]>, Cause>> {
        let count = ready!(self.connection.poll_body(context))?;
        Poll::Ready(Ok(count.map(|count| {
            self.connection
                .input
                .filled()
                .get(..count)
                .unwrap_or_default()
        })))
    }

    fn consume(&mut self, count: usize) {
        self.connection.consume_body(count);
    }

    fn trailers(&self) -> &[u8] {
        self.connection.body.trailers()
    }
}

impl Client for Turn<'_> {
    fn informational(&mut self, head: &ResponseHead<'_, '_>) {
        // RFC 9110 §15.2: never to an HTTP/1.0 client.
        if self.connection.version == Version::Http11 {
            self.told = true;
            self.connection.output.append_with(|out| {
                write_status(out, head.status);
                if head.status == 103 {
                    for field in head
                        .fields
                        .iter()
                        .filter(|field| field.name.eq_ignore_ascii_case("link"))
                    {
                        write_field(out, field.name, field.value);
                    }
                }
                out.extend_from_slice(b"\r\n");
            });
        }
    }

    fn go_on(&mut self) {
        self.told = true;
        self.connection.output.push(CONTINUE);
    }

    fn poll_informational(&mut self, context: &mut Context<'_>) {
        if self.told {
            let connection = &mut *self.connection;
            let drained = connection
                .output
                .poll_drain(&mut connection.stream, context);
            // What does not go out now goes out with the answer.
            if drained.is_ready() {
                let flushed = connection.stream.poll_flush_counted(context, &mut 0);
                self.told = flushed.is_pending();
            }
        }
    }

    fn poll_left(&mut self, context: &mut Context<'_>) -> Poll<bool> {
        self.connection.poll_left(context)
    }

    fn head(&mut self, head: &ResponseHead<'_, '_>) {
        let http11 = self.connection.version == Version::Http11;
        self.status = head.status;
        self.framing = match head.framing {
            Framing::Chunked | Framing::UntilClose if http11 => Framing::Chunked,
            Framing::Chunked | Framing::UntilClose => Framing::UntilClose,
            other => other,
        };
        // The rest of a body that the region did not wait for is not forwarded once the answer is out.
        let cut = !self.connection.body.is_done();
        self.close |= cut
            || self.framing == Framing::UntilClose
            // The drain may have begun since the request came.
            || self.connection.worker.drain.is_begun();
        let (close, framing, down) = (self.close, self.framing, self.down);
        self.connection.output.append_with(|out| {
            write_status(out, head.status);
            down.each(head, framing == Framing::Chunked, |name, value| {
                write_field(out, name, value);
            });
            write_framing(out, framing, head.announced, head.status);
            write_connection(out, close, !http11);
        });
    }
}

/// What a client is told that waits for it (RFC 9110 section 15.2.1).
pub(super) const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

fn write_status(out: &mut Vec<u8>, status: u16) {
    out.extend_from_slice(b"HTTP/1.1 ");
    write_number(out, u64::from(status));
    out.push(b' ');
    out.extend_from_slice(phrase(status).as_bytes());
    out.extend_from_slice(b"\r\n");
}

fn write_framing(out: &mut Vec<u8>, framing: Framing, announced: Option<u64>, status: u16) {
    match framing {
        Framing::Chunked => out.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
        Framing::Length(length) => write_length(out, length),
        // What a HEAD or a 304 announces; RFC 9110 §8.6 forbids it with 1xx and 204.
        Framing::Empty if status != 204 => announced.into_iter().for_each(|n| write_length(out, n)),
        Framing::Empty | Framing::UntilClose => {}
    }
}

fn write_length(out: &mut Vec<u8>, length: u64) {
    out.extend_from_slice(b"Content-Length: ");
    write_number(out, length);
    out.extend_from_slice(b"\r\n");
}

fn write_connection(out: &mut Vec<u8>, close: bool, old: bool) {
    if close {
        out.extend_from_slice(b"Connection: close\r\n\r\n");
    } else if old {
        out.extend_from_slice(b"Connection: keep-alive\r\n\r\n");
    } else {
        out.extend_from_slice(b"\r\n");
    }
}

/// Decimal digits, without the machinery of formatting.
fn write_number(out: &mut Vec<u8>, number: u64) {
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    let mut rest = number;
    loop {
        at -= 1;
        if let Some(digit) = digits.get_mut(at) {
            *digit = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        }
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(at..).unwrap_or_default());
}

/// Writes an answer of the gateway's own; without its body to a HEAD.
pub(super) fn write_answer(
    out: &mut Vec<u8>,
    answer: &Answer,
    head_only: bool,
    close: bool,
    old: bool,
) {
    write_status(out, answer.status);
    for (name, value) in &answer.fields {
        write_field(out, name, value.as_bytes());
    }
    write_field(out, "Date", crate::proxy::date::now().as_bytes());
    if answer.status != 204 && answer.status != 304 {
        write_length(out, answer.body.len() as u64);
    }
    write_connection(out, close, old);
    if !head_only {
        out.extend_from_slice(&answer.body);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_are_decimal(number: u64) {
            let mut out = Vec::new();
            write_number(&mut out, number);
            prop_assert_eq!(String::from_utf8(out).expect("digits"), number.to_string());
        }
    }
}
