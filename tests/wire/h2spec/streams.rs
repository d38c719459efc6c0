//! Streams and their states: sections 5.1, 5.3 and 7.

use super::Reach::{Counted, Never, Once, Perhaps};
use super::generic::gone_or_alive;
use super::talk::{Done, OF_A_CLOSED_STREAM, Talk};
use super::{Case, case};
use crate::harness::frames::{
    CANCEL, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PRIORITIZED, PROTOCOL_ERROR, REFUSED_STREAM,
    RST_STREAM, STREAM_CLOSED, block, code,
};

const BAD: &[u32] = &[PROTOCOL_ERROR];
const CLOSED: &[u32] = &[STREAM_CLOSED];

pub(super) fn cases() -> Vec<Case> {
    let mut all = idle_and_half_closed();
    all.extend(closed());
    all.extend(others());
    all
}

fn idle_and_half_closed() -> Vec<Case> {
    vec![
        case("http2/5.1/1", Never, |t| {
            t.data(END_STREAM, 1, b"test");
            t.is_gone(BAD)
        }),
        case("http2/5.1/2", Never, |t| {
            t.reset(1, CANCEL);
            t.is_gone(BAD)
        }),
        case("http2/5.1/3", Never, |t| {
            t.window(1, 100);
            t.is_gone(BAD)
        }),
        case("http2/5.1/4", Never, |t| {
            let fields = t.fields("GET", &[]);
            t.continuation(END_HEADERS, 1, &fields);
            t.is_gone(BAD)
        }),
        case("http2/5.1/5", Perhaps, |t| {
            t.hold();
            t.get(1);
            t.data(END_STREAM, 1, b"test");
            t.is_gone(OF_A_CLOSED_STREAM)
        }),
        case("http2/5.1/6", Perhaps, |t| {
            t.hold();
            t.get(1);
            t.get(1);
            t.is_gone(OF_A_CLOSED_STREAM)
        }),
        case("http2/5.1/7", Perhaps, |t| {
            t.hold();
            t.get(1);
            let fields = t.fields("GET", &[]);
            t.continuation(END_HEADERS, 1, &fields);
            t.is_gone(BAD)
        }),
    ]
}

fn closed() -> Vec<Case> {
    vec![
        case("http2/5.1/8", Never, |t| {
            t.post(1, &[]);
            t.reset(1, CANCEL);
            t.data(END_STREAM, 1, b"test");
            t.is_reset(1, CLOSED)
        }),
        case("http2/5.1/9", Never, |t| {
            t.post(1, &[]);
            t.reset(1, CANCEL);
            t.get(1);
            t.is_gone(OF_A_CLOSED_STREAM)
        }),
        case("http2/5.1/10", Never, |t| {
            t.post(1, &[]);
            t.reset(1, CANCEL);
            t.continuation(END_HEADERS, 1, b"\0\x01x\x01y");
            t.is_gone(BAD)
        }),
        case("http2/5.1/11", Once, |t| {
            t.get(1);
            t.served(1)?;
            t.data(END_STREAM, 1, b"test");
            t.is_reset(1, CLOSED)
        }),
        case("http2/5.1/12", Once, |t| {
            t.get(1);
            t.served(1)?;
            t.get(1);
            t.is_gone(OF_A_CLOSED_STREAM)
        }),
        case("http2/5.1/13", Once, |t| {
            t.get(1);
            t.served(1)?;
            t.continuation(END_HEADERS, 1, b"\0\x01x\x01y");
            t.is_gone(BAD)
        }),
    ]
}

/// As many streams as the gateway takes at once, and one more.
fn too_many(t: &mut Talk) -> Done {
    let hello = t.frames.next_of_all().ok_or("the connection ended")?;
    let most = hello
        .payload
        .chunks(6)
        .find(|pair| pair[..2] == [0, 3])
        .map(|pair| code(&pair[2..]))
        .ok_or("no SETTINGS_MAX_CONCURRENT_STREAMS")?;
    // No answer's body can leave, so no stream ends.
    t.settings(&[(4, 0)]);
    let own = t.path.clone();
    for i in 0..=most {
        t.path = format!("{own}?{i}");
        t.get(i * 2 + 1);
    }
    t.path.clone_from(&own);
    let last = most * 2 + 1;
    loop {
        let frame = t.frames.next().ok_or("the connection ended")?;
        let said = (frame.kind == RST_STREAM).then(|| code(&frame.payload));
        match (frame.kind, said) {
            (RST_STREAM, Some(PROTOCOL_ERROR | REFUSED_STREAM)) if frame.stream == last => break,
            (GOAWAY | RST_STREAM, _) => return Err(format!("{frame:?}")),
            _ => {}
        }
    }
    t.alive()?;
    let refused = format!("{own}?{most}");
    let seen = t.eu.seen(&own);
    if seen.iter().any(|seen| seen.request.target() == refused) {
        return Err("a region saw what was refused".into());
    }
    Ok(())
}

fn others() -> Vec<Case> {
    vec![
        case("http2/5.1.1/1", Never, |t| {
            t.get(2);
            t.is_gone(BAD)
        }),
        case("http2/5.1.1/2", Perhaps, |t| {
            t.hold();
            t.get(5);
            t.get(3);
            t.is_gone(BAD)
        }),
        case("http2/5.1.2/1", Counted, too_many),
        case("http2/5.3.1/1", Never, |t| {
            let fields = t.fields("GET", &[]);
            let payload = [b"\0\0\0\x01\xff", fields.as_slice()].concat();
            t.send(HEADERS, END_STREAM | END_HEADERS | PRIORITIZED, 1, &payload);
            t.is_reset(1, BAD)
        }),
        case("http2/5.3.1/2", Never, |t| {
            t.priority(2, 2, 255);
            t.is_reset(2, BAD)
        }),
        case("http2/7/1", Counted, |t| {
            t.send(GOAWAY, 0, 0, b"\0\0\0\0\0\0\0\xff");
            gone_or_alive(t)
        }),
        case("http2/7/2", Never, |t| {
            t.post(1, &[]);
            t.reset(1, 0xff);
            t.alive()
        }),
        case("http2/8.1/1", Never, |t| {
            t.post(1, &[]);
            t.data(0, 1, b"test");
            t.send(HEADERS, END_HEADERS, 1, &block(&[(b"x-sum", b"1")]));
            t.is_reset(1, BAD)
        }),
    ]
}
