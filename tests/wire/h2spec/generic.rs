//! h2spec's group "generic": what every server must simply take.

use super::Reach::{Counted, Once, Perhaps};
use super::talk::{Done, Talk};
use super::{Case, case};
use crate::harness::frames::{
    ACK, CANCEL, END_HEADERS, END_STREAM, GOAWAY, HEADERS, NO_ERROR, PADDED, PING, PRIORITIZED,
    SETTINGS,
};

/// A request behind it is served.
fn then_served(talk: &mut Talk) -> Done {
    talk.get(1);
    talk.served(1)
}

/// A POST arrives with exactly this body.
fn arrives(talk: &mut Talk, body: &[u8]) -> Done {
    talk.served(1)?;
    let arrived = talk.arrived()?;
    if arrived == body {
        Ok(())
    } else {
        Err(format!("{arrived:?} arrived"))
    }
}

pub(super) fn cases() -> Vec<Case> {
    let mut all = frames();
    all.extend(exchanges());
    all
}

fn frames() -> Vec<Case> {
    vec![
        case("generic/1/1", Once, then_served),
        case("generic/2/1", Once, |t| {
            t.priority(1, 0, 255);
            then_served(t)
        }),
        case("generic/2/2", Once, |t| {
            t.get(1);
            t.window(1, 100);
            t.served(1)
        }),
        case("generic/2/3", Once, |t| {
            t.get(1);
            t.priority(1, 0, 255);
            t.served(1)
        }),
        case("generic/2/4", Perhaps, |t| {
            t.get(1);
            t.reset(1, CANCEL);
            t.alive()
        }),
        case("generic/2/5", Once, |t| {
            then_served(t)?;
            t.priority(1, 0, 255);
            t.alive()
        }),
        case("generic/3.1/1", Once, |t| {
            t.post(1, &[]);
            t.data(END_STREAM, 1, b"test");
            arrives(t, b"test")
        }),
        case("generic/3.1/2", Once, |t| {
            t.post(1, &[]);
            t.data(0, 1, b"te");
            t.data(END_STREAM, 1, b"st");
            arrives(t, b"test")
        }),
        case("generic/3.1/3", Once, |t| {
            t.post(1, &[]);
            t.data(END_STREAM | PADDED, 1, b"\x06test\0\0\0\0\0\0");
            arrives(t, b"test")
        }),
        case("generic/3.2/1", Once, then_served),
        case("generic/3.2/2", Once, |t| {
            let fields = t.fields("GET", &[]);
            let payload = [b"\x06", fields.as_slice(), &[0; 6]].concat();
            t.send(HEADERS, END_STREAM | END_HEADERS | PADDED, 1, &payload);
            t.served(1)
        }),
        case("generic/3.2/3", Once, |t| {
            let fields = t.fields("GET", &[]);
            let payload = [b"\0\0\0\0\xff", fields.as_slice()].concat();
            t.send(HEADERS, END_STREAM | END_HEADERS | PRIORITIZED, 1, &payload);
            t.served(1)
        }),
        case("generic/3.3/1", Once, |t| {
            t.priority(1, 0, 0);
            then_served(t)
        }),
        case("generic/3.3/2", Once, |t| {
            t.priority(1, 0, 255);
            then_served(t)
        }),
        case("generic/3.3/3", Once, |t| {
            t.priority(1, 0, 255);
            t.priority(3, 1, 255);
            then_served(t)
        }),
        case("generic/3.3/4", Once, |t| {
            t.priority(1, 0x8000_0000, 255);
            then_served(t)
        }),
        case("generic/3.3/5", Once, |t| {
            t.priority(3, 0, 255);
            then_served(t)
        }),
        case("generic/3.4/1", Perhaps, |t| {
            t.post(1, &[]);
            t.reset(1, CANCEL);
            t.alive()
        }),
        case("generic/3.5/1", Counted, |t| {
            t.settings(&[(3, 100)]);
            acknowledged(t)
        }),
        case("generic/3.7/1", Counted, Talk::alive),
        case("generic/3.8/1", Counted, |t| {
            t.send(GOAWAY, 0, 0, b"\0\0\0\0\0\0\0\0bye");
            gone_or_alive(t)
        }),
        case("generic/3.9/1", Once, |t| {
            t.window(0, 1);
            then_served(t)
        }),
        case("generic/3.9/2", Once, |t| {
            t.post(1, &[]);
            t.window(1, 1);
            t.data(END_STREAM, 1, b"test");
            arrives(t, b"test")
        }),
        case("generic/3.10/1", Once, |t| in_pieces(t, 2)),
        case("generic/3.10/2", Once, |t| in_pieces(t, 4)),
    ]
}

fn exchanges() -> Vec<Case> {
    vec![
        case("generic/4/1", Once, then_served),
        case("generic/4/2", Once, |t| {
            let fields = t.fields("HEAD", &[]);
            t.send(HEADERS, END_STREAM | END_HEADERS, 1, &fields);
            if t.answered(1)?.is_empty() {
                Ok(())
            } else {
                Err("a body for a HEAD".into())
            }
        }),
        case("generic/4/3", Once, |t| {
            t.post(1, &[("content-length", "4")]);
            t.data(END_STREAM, 1, b"test");
            arrives(t, b"test")
        }),
        case("generic/4/4", Once, |t| {
            t.post(1, &[("trailer", "x-sum")]);
            t.data(0, 1, b"test");
            let trailers = crate::harness::frames::block(&[(b"x-sum", b"1")]);
            t.send(HEADERS, END_STREAM | END_HEADERS, 1, &trailers);
            arrives(t, b"test")
        }),
    ]
}

/// A request's fields in a HEADERS frame and CONTINUATIONs, cut anywhere.
pub(super) fn in_pieces(t: &mut Talk, pieces: usize) -> Done {
    let fields = t.fields("GET", &[]);
    let each = fields.len() / pieces;
    for piece in 0..pieces {
        let last = piece + 1 == pieces;
        let end = if last {
            fields.len()
        } else {
            (piece + 1) * each
        };
        let bytes = &fields[piece * each..end];
        match (piece, last) {
            (0, _) => t.send(HEADERS, END_STREAM, 1, bytes),
            (_, false) => t.continuation(0, 1, bytes),
            (_, true) => t.continuation(END_HEADERS, 1, bytes),
        }
    }
    t.served(1)
}

/// The client's settings are acknowledged: those of its hello, and those that followed.
pub(super) fn acknowledged(t: &mut Talk) -> Done {
    for _ in 0..2 {
        while {
            let frame = t.honest()?;
            frame.kind != SETTINGS || frame.flags & ACK == 0
        } {}
    }
    t.alive()
}

/// After a GOAWAY of the client's, a server may answer a ping or end in peace.
pub(super) fn gone_or_alive(t: &mut Talk) -> Done {
    t.send(PING, 0, 0, b"are you?");
    loop {
        match t.frames.next() {
            None => return Ok(()),
            Some(frame) if frame.kind == PING => return Ok(()),
            Some(frame) if frame.kind == GOAWAY => {
                let code = crate::harness::frames::code(&frame.payload[4..]);
                if code != NO_ERROR {
                    return Err(format!("GOAWAY {code}"));
                }
            }
            Some(_) => {}
        }
    }
}
