//! Requests that are malformed though their frames are not: section 8.1.2.

use super::Reach::Never;
use super::talk::{Done, Talk};
use super::{Case, case};
use crate::harness::frames::{END_HEADERS, END_STREAM, HEADERS, PROTOCOL_ERROR, block};

const BAD: &[u32] = &[PROTOCOL_ERROR];

const METHOD: (&str, &str) = (":method", "GET");
const SCHEME: (&str, &str) = (":scheme", "https");
const AUTHORITY: (&str, &str) = (":authority", "eu.test");

fn with(t: &mut Talk, name: &str, value: &str) -> Done {
    t.get_with(1, name, value);
    t.is_reset(1, BAD)
}

/// A request of these fields, and this case's path where `path` says so.
fn of(t: &mut Talk, fields: &[(&str, &str)], paths: usize) -> Done {
    let path = t.path.clone();
    let mut all = fields.to_vec();
    all.extend(std::iter::repeat_n((":path", path.as_str()), paths));
    t.get_of(&all);
    t.is_reset(1, BAD)
}

/// A body that is not as long as was said.
fn mismatched(t: &mut Talk, pieces: &[&[u8]]) -> Done {
    t.post(1, &[("content-length", "1")]);
    for (i, piece) in pieces.iter().enumerate() {
        let last = i + 1 == pieces.len();
        t.data(if last { END_STREAM } else { 0 }, 1, piece);
    }
    t.is_reset(1, BAD)
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        case("http2/8.1.2/1", Never, |t| with(t, "X-TEST", "ok")),
        case("http2/8.1.2.1/1", Never, |t| with(t, ":test", "ok")),
        case("http2/8.1.2.1/2", Never, |t| with(t, ":status", "200")),
        case("http2/8.1.2.1/3", Never, |t| {
            t.post(1, &[]);
            t.data(0, 1, b"test");
            // As h2spec has it, without END_STREAM; for the other kind see `http2`.
            let trailers = block(&[(b":method", b"GET")]);
            t.send(HEADERS, END_HEADERS, 1, &trailers);
            t.is_reset(1, BAD)
        }),
        case("http2/8.1.2.1/4", Never, |t| {
            let path = t.path.clone();
            t.get_of(&[METHOD, SCHEME, AUTHORITY, ("x", "y"), (":path", &path)]);
            t.is_reset(1, BAD)
        }),
        case("http2/8.1.2.2/1", Never, |t| {
            with(t, "connection", "keep-alive")
        }),
        case("http2/8.1.2.2/2", Never, |t| {
            with(t, "te", "trailers, deflate")
        }),
        case("http2/8.1.2.3/1", Never, |t| {
            of(t, &[METHOD, SCHEME, AUTHORITY, (":path", "")], 0)
        }),
        case("http2/8.1.2.3/2", Never, |t| of(t, &[SCHEME, AUTHORITY], 1)),
        case("http2/8.1.2.3/3", Never, |t| of(t, &[METHOD, AUTHORITY], 1)),
        case("http2/8.1.2.3/4", Never, |t| {
            of(t, &[METHOD, SCHEME, AUTHORITY], 0)
        }),
        case("http2/8.1.2.3/5", Never, |t| {
            of(t, &[METHOD, METHOD, SCHEME, AUTHORITY], 1)
        }),
        case("http2/8.1.2.3/6", Never, |t| {
            of(t, &[METHOD, SCHEME, SCHEME, AUTHORITY], 1)
        }),
        case("http2/8.1.2.3/7", Never, |t| {
            of(t, &[METHOD, SCHEME, AUTHORITY], 2)
        }),
        case("http2/8.1.2.6/1", Never, |t| mismatched(t, &[b"test"])),
        case("http2/8.1.2.6/2", Never, |t| mismatched(t, &[b"te", b"st"])),
    ]
}
