//! Header compression (RFC 7541): h2spec's group "hpack", and "generic/5".

use super::Reach::{Never, Once};
use super::talk::{Done, Talk};
use super::{Case, case};
use crate::harness::frames::{COMPRESSION_ERROR, END_HEADERS, END_STREAM, HEADERS, PROTOCOL_ERROR};

/// What becomes of a block that cannot be decoded: the connection ends, since its table is lost.
pub(super) const UNDECODED: &[u32] = &[COMPRESSION_ERROR, PROTOCOL_ERROR];

/// A string in the Huffman code; only its ten letters of five bits (RFC 7541 appendix B).
fn huffman(text: &str) -> Vec<u8> {
    let mut bits = Vec::new();
    for letter in text.chars() {
        let code = "012aceiost".find(letter).expect("a letter of five bits");
        bits.extend((0..5).rev().map(|i| code >> i & 1 == 1));
    }
    bits.resize(bits.len().next_multiple_of(8), true);
    let mut bytes = vec![0x80 | u8::try_from(bits.len() / 8).expect("a short string")];
    bytes.extend(
        bits.chunks(8)
            .map(|bits| bits.iter().fold(0, |byte, bit| byte << 1 | u8::from(*bit))),
    );
    bytes
}

/// A string as it is.
fn plain(text: &str) -> Vec<u8> {
    let mut bytes = vec![u8::try_from(text.len()).expect("a short string")];
    bytes.extend_from_slice(text.as_bytes());
    bytes
}

/// The request with this behind its fields.
fn get_and(t: &mut Talk, more: &[u8]) {
    let fields = [t.fields("GET", &[]), more.to_vec()].concat();
    t.send(HEADERS, END_STREAM | END_HEADERS, 1, &fields);
}

/// The field reaches its region.
fn told(t: &mut Talk, parts: &[Vec<u8>], name: &str, value: &str) -> Done {
    get_and(t, &parts.concat());
    t.served(1)?;
    let seen = t.eu.seen(&t.path);
    let told = seen.first().and_then(|seen| seen.request.field(name));
    if told == Some(value) {
        Ok(())
    } else {
        Err(format!("{name}: {told:?}"))
    }
}

/// The request behind this is served.
fn after(t: &mut Talk, before: &[u8]) -> Done {
    let fields = [before.to_vec(), t.fields("GET", &[])].concat();
    t.send(HEADERS, END_STREAM | END_HEADERS, 1, &fields);
    t.served(1)
}

fn undecoded(t: &mut Talk, more: &[u8]) -> Done {
    get_and(t, more);
    t.is_gone(UNDECODED)
}

pub(super) fn cases() -> Vec<Case> {
    let mut all = representations();
    all.extend([
        // Beyond the static table of 61, with nothing in the dynamic one.
        case("hpack/2.3.3/1", Never, |t| undecoded(t, &[0x80 | 70])),
        case("hpack/2.3.3/2", Never, |t| {
            undecoded(t, &[&[0x7f, 70 - 63][..], &plain("x")].concat())
        }),
        // A table's size may change at the beginning of a block only.
        case("hpack/4.2/1", Never, |t| undecoded(t, &[0x20])),
        // Padding of more than seven bits, of zeros, and the end-of-string symbol.
        case("hpack/5.2/1", Never, |t| {
            undecoded(t, &[&[0][..], &plain("x"), &[0x82, 0x1f, 0xff]].concat())
        }),
        case("hpack/5.2/2", Never, |t| {
            undecoded(t, &[&[0][..], &plain("x"), &[0x81, 0x18]].concat())
        }),
        case("hpack/5.2/3", Never, |t| {
            let end_of_string = [0x84, 0xff, 0xff, 0xff, 0xff];
            undecoded(t, &[&[0][..], &plain("x"), &end_of_string].concat())
        }),
        case("hpack/6.1/1", Never, |t| undecoded(t, &[0x80])),
        // 4096 is what we allow; this is 4097.
        case("hpack/6.3/1", Never, |t| {
            let fields = [vec![0x3f, 0xe2, 0x1f], t.fields("GET", &[])].concat();
            t.send(HEADERS, END_STREAM | END_HEADERS, 1, &fields);
            t.is_gone(UNDECODED)
        }),
    ]);
    all
}

/// A field's name in the static table: `user-agent` is 58.
const USER_AGENT: u8 = 58;

fn representations() -> Vec<Case> {
    vec![
        // `accept-encoding: gzip, deflate` is 16.
        case("generic/5/1", Once, |t| {
            told(t, &[vec![0x80 | 16]], "accept-encoding", "gzip, deflate")
        }),
        case("generic/5/2", Once, |t| {
            let parts = [vec![0x40 | USER_AGENT], plain("test")];
            told(t, &parts, "user-agent", "test")
        }),
        case("generic/5/3", Once, |t| {
            let parts = [vec![0x40 | USER_AGENT], huffman("test")];
            told(t, &parts, "user-agent", "test")
        }),
        case("generic/5/4", Once, |t| {
            told(t, &[vec![0x40], plain("x-y"), plain("test")], "x-y", "test")
        }),
        case("generic/5/5", Once, |t| {
            let parts = [vec![0x40], huffman("seat"), huffman("test")];
            told(t, &parts, "seat", "test")
        }),
        case("generic/5/6", Once, |t| {
            let parts = [vec![0x0f, USER_AGENT - 15], plain("test")];
            told(t, &parts, "user-agent", "test")
        }),
        case("generic/5/7", Once, |t| {
            let parts = [vec![0x0f, USER_AGENT - 15], huffman("test")];
            told(t, &parts, "user-agent", "test")
        }),
        case("generic/5/8", Once, |t| {
            told(t, &[vec![0], plain("x-y"), plain("test")], "x-y", "test")
        }),
        case("generic/5/9", Once, |t| {
            let parts = [vec![0], huffman("seat"), huffman("test")];
            told(t, &parts, "seat", "test")
        }),
        case("generic/5/10", Once, |t| {
            let parts = [vec![0x1f, USER_AGENT - 15], plain("test")];
            told(t, &parts, "user-agent", "test")
        }),
        case("generic/5/11", Once, |t| {
            let parts = [vec![0x1f, USER_AGENT - 15], huffman("test")];
            told(t, &parts, "user-agent", "test")
        }),
        case("generic/5/12", Once, |t| {
            told(t, &[vec![0x10], plain("x-y"), plain("test")], "x-y", "test")
        }),
        case("generic/5/13", Once, |t| {
            let parts = [vec![0x10], huffman("seat"), huffman("test")];
            told(t, &parts, "seat", "test")
        }),
        // To 128, and to 128 by way of 0.
        case("generic/5/14", Once, |t| after(t, &[0x3f, 0x61])),
        case("generic/5/15", Once, |t| after(t, &[0x20, 0x3f, 0x61])),
    ]
}
