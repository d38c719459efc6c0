//! HTTP/2 frames written by hand, so that nothing on our side corrects them (RFC 9113, RFC 7541).

use super::client::{Client, Door};
use super::shown;

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const PRIORITY: u8 = 2;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PUSH_PROMISE: u8 = 5;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;
pub(crate) const PADDED: u8 = 8;
pub(crate) const PRIORITIZED: u8 = 32;
pub(crate) const ACK: u8 = 1;

pub(crate) const NO_ERROR: u32 = 0;
pub(crate) const PROTOCOL_ERROR: u32 = 1;
pub(crate) const FLOW_CONTROL_ERROR: u32 = 3;
pub(crate) const STREAM_CLOSED: u32 = 5;
pub(crate) const FRAME_SIZE_ERROR: u32 = 6;
pub(crate) const REFUSED_STREAM: u32 = 7;
pub(crate) const CANCEL: u32 = 8;
pub(crate) const COMPRESSION_ERROR: u32 = 9;

/// A frame as it came.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

/// How one stream ended.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Outcome {
    /// The status of the final answer's head, if one came.
    pub(crate) status: Option<u16>,
    pub(crate) body: Vec<u8>,
    /// Whether END_STREAM came.
    pub(crate) ended: bool,
    /// The code of RST_STREAM.
    pub(crate) reset: Option<u32>,
    /// The code of GOAWAY, or that the connection closed.
    pub(crate) gone: Option<u32>,
}

/// A connection that has said hello.
pub(crate) struct Frames {
    client: Client,
}

/// What a client says first (RFC 9113 section 3.4).
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

impl Frames {
    /// A connection on which nothing was said yet.
    pub(crate) fn silent(door: &Door) -> Self {
        Self {
            client: door.open_h2(),
        }
    }

    pub(crate) fn open(door: &Door) -> Self {
        let mut frames = Self::silent(door);
        frames.send_raw(PREFACE);
        frames.send(SETTINGS, 0, 0, &[]);
        // Room for every answer of these tests.
        frames.send(WINDOW_UPDATE, 0, 0, &0x0100_0000_u32.to_be_bytes());
        frames
    }

    pub(crate) fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        self.client.send(&frame(kind, flags, stream, payload));
    }

    /// Sends bytes that are frames already.
    pub(crate) fn send_raw(&mut self, bytes: &[u8]) {
        self.client.send(bytes);
    }

    /// The next frame, whatever it is; `None` when the connection ends.
    pub(crate) fn next_of_all(&mut self) -> Option<Frame> {
        let head = self.client.take(9)?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        Some(Frame {
            kind: head[3],
            flags: head[4],
            stream: u32::from_be_bytes([head[5], head[6], head[7], head[8]]),
            payload: self.client.take(length)?,
        })
    }

    /// The next frame; `None` when the connection ends. Settings and pings are answered.
    pub(crate) fn next(&mut self) -> Option<Frame> {
        loop {
            let frame = self.next_of_all()?;
            match frame.kind {
                SETTINGS if frame.flags & ACK == 0 => self.send(SETTINGS, ACK, 0, &[]),
                PING if frame.flags & ACK == 0 => {
                    let payload = frame.payload.clone();
                    self.send(PING, ACK, 0, &payload);
                }
                _ => return Some(frame),
            }
        }
    }

    /// The body of a stream that ends well, whatever its status.
    pub(crate) fn body(&mut self, stream: u32) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let frame = self.next().expect("the connection goes on");
            if frame.stream != stream {
                continue;
            }
            assert!(matches!(frame.kind, HEADERS | DATA), "{frame:?}");
            if frame.kind == DATA {
                body.extend_from_slice(&frame.payload);
            }
            if frame.flags & END_STREAM != 0 {
                return body;
            }
        }
    }

    /// Reads on until the connection ends.
    pub(crate) fn rest(&mut self) {
        self.client.rest();
    }

    /// Waits until `stream` or the connection has ended.
    pub(crate) fn outcome(&mut self, stream: u32) -> Outcome {
        let mut outcome = Outcome::default();
        loop {
            let Some(frame) = self.next() else {
                outcome.gone.get_or_insert(NO_ERROR);
                return outcome;
            };
            if frame.kind == GOAWAY {
                outcome.gone = Some(code(&frame.payload[4..]));
                return outcome;
            }
            if frame.stream == stream && take_in(&mut outcome, &frame) {
                return outcome;
            }
        }
    }
}

/// Takes in a frame of a stream; whether the stream has ended.
pub(crate) fn take_in(outcome: &mut Outcome, frame: &Frame) -> bool {
    match frame.kind {
        HEADERS if outcome.status.is_none_or(|status| status < 200) => {
            outcome.status = Some(status(&frame.payload));
        }
        DATA => outcome.body.extend_from_slice(&frame.payload),
        RST_STREAM => {
            outcome.reset = Some(code(&frame.payload));
            return true;
        }
        _ => {}
    }
    outcome.ended = matches!(frame.kind, DATA | HEADERS) && frame.flags & END_STREAM != 0;
    outcome.ended
}

/// The number that a payload begins with: of RST_STREAM, its code.
pub(crate) fn code(payload: &[u8]) -> u32 {
    u32::from_be_bytes([payload[0], payload[1], payload[2], payload[3]])
}

/// A frame's bytes.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len())
        .expect("a short payload")
        .to_be_bytes();
    let mut bytes = length[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// Fields as a header block: literals without indexing, no Huffman code.
pub(crate) fn block(fields: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, value) in fields {
        bytes.push(0);
        for text in [name, value] {
            integer(&mut bytes, text.len());
            bytes.extend_from_slice(text);
        }
    }
    bytes
}

/// An integer with a prefix of seven bits (RFC 7541 section 5.1).
fn integer(bytes: &mut Vec<u8>, mut number: usize) {
    if number < 127 {
        bytes.push(u8::try_from(number).expect("seven bits"));
        return;
    }
    bytes.push(127);
    number -= 127;
    while number >= 128 {
        bytes.push(u8::try_from(number % 128).expect("seven bits") | 128);
        number /= 128;
    }
    bytes.push(u8::try_from(number).expect("seven bits"));
}

/// The status that an answer's header block begins with: indexed, or a literal of the static name.
/// Only the first answer of a connection can be read so, since the table is not kept here.
fn status(block: &[u8]) -> u16 {
    let indexed = [200, 204, 206, 304, 400, 404, 500];
    match block {
        [first @ 0x88..=0x8e, ..] => indexed[usize::from(first - 0x88)],
        [0x48 | 0x08, length, rest @ ..] => {
            let text = &rest[..usize::from(length & 0x7f)];
            let digits = if length & 0x80 == 0 {
                text.to_vec()
            } else {
                huffman_digits(text)
            };
            String::from_utf8_lossy(&digits).parse().expect("a status")
        }
        _ => panic!("no status in {}", shown(block)),
    }
}

/// Digits in the Huffman code of RFC 7541: `0` to `2` have five bits, the others six.
fn huffman_digits(bytes: &[u8]) -> Vec<u8> {
    let bits: Vec<u8> = bytes
        .iter()
        .flat_map(|byte| (0..8).rev().map(move |i| byte >> i & 1))
        .collect();
    let number = |bits: &[u8]| bits.iter().fold(0, |sum, bit| sum * 2 + bit);
    let (mut digits, mut at) = (Vec::new(), 0);
    while let Some(five) = bits.get(at..at + 5).map(number) {
        if five < 3 {
            digits.push(b'0' + five);
            at += 5;
        } else {
            let Some(six) = bits
                .get(at..at + 6)
                .map(number)
                .filter(|six| (0x19..=0x1f).contains(six))
            else {
                break;
            };
            digits.push(b'3' + six - 0x19);
            at += 6;
        }
    }
    digits
}
