//! The connection's own frames: settings, pings, GOAWAY and windows, sections 6.5 to 6.9, and 8.2.

use super::Reach::{Counted, Never, Once, Perhaps};
use super::generic::acknowledged;
use super::talk::{Done, Talk, WRONG_SIZE};
use super::{Case, case};
use crate::harness::frames::{
    ACK, DATA, END_HEADERS, FLOW_CONTROL_ERROR, GOAWAY, PING, PROTOCOL_ERROR, PUSH_PROMISE,
    SETTINGS, WINDOW_UPDATE,
};

const BAD: &[u32] = &[PROTOCOL_ERROR];
const WINDOW: &[u32] = &[FLOW_CONTROL_ERROR];
/// `SETTINGS_INITIAL_WINDOW_SIZE`.
const WINDOWS: u16 = 4;

pub(super) fn cases() -> Vec<Case> {
    let mut all = settings();
    all.extend(pings());
    all.extend(windows());
    all
}

fn settings() -> Vec<Case> {
    vec![
        case("http2/6.5/1", Never, |t| {
            t.send(SETTINGS, ACK, 0, b"\0");
            t.is_gone(WRONG_SIZE)
        }),
        case("http2/6.5/2", Never, |t| {
            t.send(SETTINGS, 0, 1, b"\0\x03\0\0\0\x64");
            t.is_gone(BAD)
        }),
        case("http2/6.5/3", Never, |t| {
            t.send(SETTINGS, 0, 0, b"\0\x03\0");
            t.is_gone(WRONG_SIZE)
        }),
        case("http2/6.5.2/1", Never, |t| {
            t.settings(&[(2, 2)]);
            t.is_gone(BAD)
        }),
        case("http2/6.5.2/2", Never, |t| {
            t.settings(&[(WINDOWS, 0x8000_0000)]);
            t.is_gone(&[FLOW_CONTROL_ERROR, PROTOCOL_ERROR])
        }),
        case("http2/6.5.2/3", Never, |t| {
            t.settings(&[(5, 16_383)]);
            t.is_gone(BAD)
        }),
        case("http2/6.5.2/4", Never, |t| {
            t.settings(&[(5, 16_777_216)]);
            t.is_gone(BAD)
        }),
        case("http2/6.5.2/5", Counted, |t| {
            t.settings(&[(0xff, 1)]);
            t.alive()
        }),
        case("http2/6.5.3/1", Once, |t| {
            t.settings(&[(WINDOWS, 100), (WINDOWS, 1)]);
            t.get(1);
            piece(t, 1)?;
            t.window(1, 1000);
            rest(t, 1)
        }),
        case("http2/6.5.3/2", Counted, |t| {
            t.settings(&[(WINDOWS, 100)]);
            acknowledged(t)
        }),
        case("http2/8.2/1", Never, |t| {
            let fields = t.fields("GET", &[]);
            let payload = [b"\0\0\0\x02", fields.as_slice()].concat();
            t.send(PUSH_PROMISE, END_HEADERS, 1, &payload);
            t.is_gone(BAD)
        }),
    ]
}

fn pings() -> Vec<Case> {
    vec![
        case("http2/6.7/1", Counted, Talk::alive),
        case("http2/6.7/2", Counted, |t| {
            // Answered, it would be the first to come back.
            t.send(PING, ACK, 0, b"no reply");
            t.send(PING, 0, 0, b"are you?");
            loop {
                let frame = t.honest()?;
                if frame.kind == PING {
                    return match frame.payload.as_slice() {
                        b"are you?" => Ok(()),
                        other => Err(format!("{other:?}")),
                    };
                }
            }
        }),
        case("http2/6.7/3", Never, |t| {
            t.send(PING, 0, 1, &[0; 8]);
            t.is_gone(BAD)
        }),
        case("http2/6.7/4", Never, |t| {
            t.send(PING, 0, 0, &[0; 6]);
            t.is_gone(WRONG_SIZE)
        }),
        case("http2/6.8/1", Never, |t| {
            t.send(GOAWAY, 0, 1, &[0; 8]);
            t.is_gone(BAD)
        }),
        case("http2/6.9/1", Never, |t| {
            t.window(0, 0);
            t.is_gone(BAD)
        }),
        case("http2/6.9/2", Never, |t| {
            t.post(1, &[]);
            t.window(1, 0);
            t.is_gone(BAD)
        }),
        case("http2/6.9/3", Never, |t| {
            t.send(WINDOW_UPDATE, 0, 0, b"\0\0\x01");
            t.is_gone(WRONG_SIZE)
        }),
    ]
}

fn windows() -> Vec<Case> {
    vec![
        case("http2/6.9.1/1", Once, |t| {
            t.settings(&[(WINDOWS, 1)]);
            t.get(1);
            piece(t, 1)?;
            t.window(1, 1000);
            rest(t, 1)
        }),
        case("http2/6.9.1/2", Never, |t| {
            t.window(0, 0x7fff_ffff);
            t.window(0, 0x7fff_ffff);
            t.is_gone(WINDOW)
        }),
        case("http2/6.9.1/3", Perhaps, |t| {
            t.post(1, &[]);
            t.window(1, 0x7fff_ffff);
            t.window(1, 0x7fff_ffff);
            t.is_reset(1, WINDOW)
        }),
        case("http2/6.9.2/1", Once, |t| {
            t.settings(&[(WINDOWS, 0)]);
            t.get(1);
            t.settings(&[(WINDOWS, 1)]);
            piece(t, 1)?;
            t.window(1, 1000);
            rest(t, 1)
        }),
        case("http2/6.9.2/2", Once, |t| {
            // Three bytes leave, the window shrinks below what has left, and opens by just so much.
            t.settings(&[(WINDOWS, 3)]);
            t.get(1);
            piece(t, 3)?;
            t.settings(&[(WINDOWS, 2)]);
            t.window(1, 2);
            piece(t, 1)?;
            t.window(1, 1000);
            rest(t, 4)
        }),
        case("http2/6.9.2/3", Never, |t| {
            t.settings(&[(WINDOWS, 0x8000_0000)]);
            t.is_gone(&[FLOW_CONTROL_ERROR, PROTOCOL_ERROR])
        }),
    ]
}

/// The next DATA has exactly so many bytes.
fn piece(t: &mut Talk, length: usize) -> Done {
    loop {
        let frame = t.honest()?;
        if frame.kind == DATA {
            return if frame.payload.len() == length {
                Ok(())
            } else {
                Err(format!("DATA of {} bytes", frame.payload.len()))
            };
        }
    }
}

/// The rest of the answer, so many bytes having come, is the rest of the path.
fn rest(t: &mut Talk, come: usize) -> Done {
    let body = t.answered(1)?;
    if body == t.path.as_bytes()[come..] {
        Ok(())
    } else {
        Err(format!("another rest: {body:?}"))
    }
}
