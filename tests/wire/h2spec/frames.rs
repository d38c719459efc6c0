//! Frames that are no frames, or come where none may: sections 3.5, 4, 5.4, 5.5, 6.1 to 6.4 and
//! 6.10.

use super::Reach::{Counted, Never, Once, Perhaps};
use super::generic::in_pieces;
use super::hpack::UNDECODED;
use super::talk::{Done, OF_A_CLOSED_STREAM, Talk, WRONG_SIZE};
use super::{Case, case};
use crate::harness::frames::{
    ACK, CANCEL, CONTINUATION, DATA, END_HEADERS, END_STREAM, Frames, HEADERS, PADDED, PING,
    PRIORITY, PROTOCOL_ERROR, RST_STREAM, SETTINGS,
};

const UNKNOWN: u8 = 0x16;
const BAD: &[u32] = &[PROTOCOL_ERROR];

pub(super) fn cases() -> Vec<Case> {
    let mut all = starts();
    all.extend(formats());
    all.extend(bodies_and_heads());
    all.extend(continuations());
    all
}

/// A HEADERS frame without its end, and then something else.
fn amid(t: &mut Talk, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Done {
    let fields = t.fields("GET", &[]);
    t.send(HEADERS, END_STREAM, 1, &fields);
    t.send(kind, flags, stream, payload);
    t.is_gone(BAD)
}

/// A HEADERS frame for another stream amid the first one's.
fn another_amid(t: &mut Talk) -> Done {
    let fields = t.fields("GET", &[]);
    amid(t, HEADERS, END_STREAM | END_HEADERS, 3, &fields)
}

fn starts() -> Vec<Case> {
    vec![
        case("http2/3.5/1", Counted, |t| {
            let first = t.frames.next_of_all().ok_or("the connection ended")?;
            if first.kind == SETTINGS && first.flags & ACK == 0 && first.stream == 0 {
                Ok(())
            } else {
                Err(format!("{first:?}"))
            }
        }),
        case("http2/3.5/2", Never, |t| {
            t.frames = Frames::silent(&t.door);
            t.frames.send_raw(b"INVALID CONNECTION PREFACE\r\n\r\n");
            t.is_closed()
        }),
        case("http2/5.4.1/1", Never, |t| {
            t.send(PING, 0, 3, &[0; 8]);
            t.is_closed()
        }),
        case("http2/5.4.1/2", Never, |t| {
            t.send(PING, 0, 3, &[0; 8]);
            t.is_gone(BAD)
        }),
        case("http2/5.5/1", Once, |t| {
            t.send(UNKNOWN, 0, 0, &[0; 8]);
            t.get(1);
            t.served(1)
        }),
        case("http2/5.5/2", Never, |t| amid(t, UNKNOWN, 0, 0, &[0; 8])),
    ]
}

fn formats() -> Vec<Case> {
    vec![
        case("http2/4.1/1", Counted, |t| {
            t.send(UNKNOWN, 0, 0, &[0; 8]);
            t.alive()
        }),
        case("http2/4.1/2", Once, |t| {
            // PING with every flag but ACK, and a request with every flag that has no meaning.
            t.send(PING, 0xfe, 0, &[0; 8]);
            let fields = t.fields("GET", &[]);
            t.send(HEADERS, END_STREAM | END_HEADERS | 0xd2, 1, &fields);
            t.served(1)
        }),
        case("http2/4.1/3", Once, |t| {
            t.send(PING, 0, 0x8000_0000, &[0; 8]);
            let fields = t.fields("GET", &[]);
            t.send(HEADERS, END_STREAM | END_HEADERS, 0x8000_0001, &fields);
            t.served(1)
        }),
        case("http2/4.2/1", Once, |t| {
            t.post(1, &[]);
            t.data(END_STREAM, 1, &[b'a'; 16_384]);
            t.served(1)?;
            if t.arrived()? == [b'a'; 16_384] {
                Ok(())
            } else {
                Err("another body".into())
            }
        }),
        case("http2/4.2/2", Never, |t| {
            t.post(1, &[]);
            t.data(END_STREAM, 1, &[b'a'; 16_385]);
            t.is_gone(WRONG_SIZE)
        }),
        case("http2/4.2/3", Never, |t| {
            let long = "a".repeat(16_384);
            t.get_with(1, "x", &long);
            t.is_gone(WRONG_SIZE)
        }),
        case("http2/4.3/1", Never, |t| {
            // A literal whose value is announced and does not come.
            t.send(HEADERS, END_STREAM | END_HEADERS, 1, b"\x40\x01x\x05tes");
            t.is_gone(UNDECODED)
        }),
        case("http2/4.3/2", Never, |t| {
            amid(t, PRIORITY, 0, 1, b"\0\0\0\0\xff")
        }),
        case("http2/4.3/3", Never, another_amid),
    ]
}

fn bodies_and_heads() -> Vec<Case> {
    vec![
        case("http2/6.1/1", Never, |t| {
            t.data(END_STREAM, 0, b"test");
            t.is_gone(BAD)
        }),
        case("http2/6.1/2", Perhaps, |t| {
            t.hold();
            t.get(1);
            t.data(END_STREAM, 1, b"test");
            t.is_gone(OF_A_CLOSED_STREAM)
        }),
        case("http2/6.1/3", Never, |t| {
            t.post(1, &[("content-length", "4")]);
            t.data(END_STREAM | PADDED, 1, b"\x05test");
            t.is_gone(BAD)
        }),
        case("http2/6.2/1", Never, |t| {
            amid(t, PRIORITY, 0, 1, b"\0\0\0\0\xff")
        }),
        case("http2/6.2/2", Never, another_amid),
        case("http2/6.2/3", Never, |t| {
            let fields = t.fields("GET", &[]);
            t.send(HEADERS, END_STREAM | END_HEADERS, 0, &fields);
            t.is_gone(BAD)
        }),
        case("http2/6.2/4", Never, |t| {
            let fields = t.fields("GET", &[]);
            let payload = [&[0xff], fields.as_slice()].concat();
            t.send(HEADERS, END_STREAM | END_HEADERS | PADDED, 1, &payload);
            t.is_gone(BAD)
        }),
        case("http2/6.3/1", Never, |t| {
            t.priority(0, 0, 255);
            t.is_gone(BAD)
        }),
        case("http2/6.3/2", Never, |t| {
            t.send(PRIORITY, 0, 1, b"\0\0\0\x01");
            t.is_gone(WRONG_SIZE)
        }),
        case("http2/6.4/1", Never, |t| {
            t.reset(0, CANCEL);
            t.is_gone(BAD)
        }),
        case("http2/6.4/2", Never, |t| {
            t.reset(1, CANCEL);
            t.is_gone(BAD)
        }),
        case("http2/6.4/3", Never, |t| {
            t.post(1, &[]);
            t.send(RST_STREAM, 0, 1, b"\0\0\0");
            t.is_gone(WRONG_SIZE)
        }),
    ]
}

fn continuations() -> Vec<Case> {
    vec![
        case("http2/6.10/1", Once, |t| in_pieces(t, 3)),
        case("http2/6.10/2", Never, |t| {
            let fields = t.fields("GET", &[]);
            t.send(HEADERS, END_STREAM, 1, &fields);
            t.continuation(0, 1, &[]);
            t.data(END_STREAM, 1, b"test");
            t.is_gone(BAD)
        }),
        case("http2/6.10/3", Never, |t| {
            amid(t, CONTINUATION, END_HEADERS, 0, b"\0\x01x\x01y")
        }),
        case("http2/6.10/4", Perhaps, |t| {
            t.hold();
            t.get(1);
            t.continuation(END_HEADERS, 1, b"\0\x01x\x01y");
            t.is_gone(BAD)
        }),
        case("http2/6.10/5", Perhaps, |t| {
            t.hold();
            let fields = t.fields("GET", &[]);
            t.send(HEADERS, END_STREAM, 1, &fields);
            t.continuation(END_HEADERS, 1, b"\0\x01x\x01y");
            t.continuation(END_HEADERS, 1, b"\0\x01x\x01y");
            t.is_gone(BAD)
        }),
        case("http2/6.10/6", Never, |t| {
            t.post(1, &[]);
            t.send(DATA, 0, 1, b"test");
            t.continuation(END_HEADERS, 1, b"\0\x01x\x01y");
            t.is_gone(BAD)
        }),
    ]
}
