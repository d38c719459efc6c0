//! Requests put together at random from sound and rotten pieces, several on a connection, against
//! two readers: the gateway's, and the suite's own. Whatever the gateway lets through must be what
//! the other reads at that place, in that order, to the last byte of its body; what the other cannot
//! read, and all behind it, must not get through. To refuse more is the gateway's right.
//!
//! `WIRE_STORM=20000` runs so many storms instead of the usual few.

use fastrand::Rng;

use crate::harness::gateway::World;
use crate::harness::reader::{self, Message, Read, Side};
use crate::harness::shown;

const USUAL: u64 = 500;

/// One of the pieces; the first, which is sound, in most cases.
fn mostly<'a>(dice: &mut Rng, pieces: &[&'a str]) -> &'a str {
    if dice.u8(..) < 245 {
        pieces[0]
    } else {
        pieces[dice.usize(..pieces.len())]
    }
}

fn line_end(dice: &mut Rng) -> &'static str {
    mostly(
        dice,
        &[
            "\r\n", "\r\n", "\r\n", "\n", "\r", "\r\r\n", "\r\n ", "\r\n\t", "\n\r", "\0\r\n",
            "\x0b\r\n", "",
        ],
    )
}

/// A field line that says nothing of the body, sound or not.
fn any_field(dice: &mut Rng) -> &'static str {
    let all = [
        "X: y",
        "Connection: keep-alive",
        "Connection: Content-Length",
        "Connection: Transfer-Encoding, Host",
        "Content_Length: 3",
        "Transfer_Encoding: chunked",
        "X-Forwarded-For: forged",
        "Upgrade: h2c",
        "TE: trailers",
        "X:",
        "X : y",
        "X",
        ": y",
        "X: \0",
        "X: a\rb",
        "Content-Length\0: 3",
        "Expect: x",
        "Host: us.test",
    ];
    if dice.u8(..) < 200 {
        all[dice.usize(..10)]
    } else {
        all[dice.usize(..all.len())]
    }
}

/// How a body is announced: its true length first, then what is none.
fn framing(dice: &mut Rng, body: &str, out: &mut Vec<String>) -> bool {
    let length = body.len();
    let chunked = match dice.u8(..10) {
        0 if body.is_empty() => return false,
        0..=5 => {
            out.push(format!("Content-Length: {length}"));
            false
        }
        _ => {
            out.push("Transfer-Encoding: chunked".to_owned());
            true
        }
    };
    if dice.u8(..) < 60 {
        let odd = [
            format!("Content-Length: {length}"),
            format!("Content-Length: {}", length + 1),
            format!("Content-Length: {}", length.saturating_sub(1)),
            "Content-Length: 0".to_owned(),
            format!("Content-Length: +{length}"),
            format!("Content-Length: {length}, {length}"),
            format!("Content-Length : {length}"),
            format!("content-length:\t{length} "),
            "Content-Length:".to_owned(),
            "Transfer-Encoding: chunked".to_owned(),
            "Transfer-Encoding: identity".to_owned(),
            "Transfer-Encoding: chunked, chunked".to_owned(),
            "Transfer-Encoding: xchunked".to_owned(),
            "Transfer-Encoding : chunked".to_owned(),
            "Transfer-Encoding:".to_owned(),
            " Transfer-Encoding: chunked".to_owned(),
        ];
        let one = odd[dice.usize(..odd.len())].clone();
        if dice.bool() {
            out.push(one);
        } else {
            out[0] = one;
        }
    }
    chunked
}

/// A body in chunks, most of them sound.
fn chunks(dice: &mut Rng, body: &str, out: &mut String) {
    let mut rest = body;
    while !rest.is_empty() {
        let (piece, behind) = rest.split_at(dice.usize(1..=rest.len()));
        rest = behind;
        let size = piece.len();
        let sizes = [
            format!("{size:x}"),
            format!("0{size:X}"),
            format!("{:x}", size + 1),
            format!("{:x}", size - 1),
            format!("+{size:x}"),
            format!("0x{size:x}"),
            format!(" {size:x}"),
            format!("{size:x} "),
            String::new(),
        ];
        let sizes: Vec<&str> = sizes.iter().map(String::as_str).collect();
        out.push_str(mostly(dice, &sizes));
        out.push_str(line_end(dice));
        out.push_str(piece);
        out.push_str(line_end(dice));
    }
    out.push_str(mostly(dice, &["0", "00", "", "-0"]));
    out.push_str(line_end(dice));
    if dice.u8(..) < 40 {
        out.push_str(any_field(dice));
        out.push_str(line_end(dice));
    }
    out.push_str(line_end(dice));
}

/// One request; its target names the storm and its place in it.
fn request(dice: &mut Rng, storm: u64, number: usize, out: &mut String) {
    let method = mostly(dice, &["POST", "GET", "PUT", "DELETE", "P T", "post", ""]);
    let gap = mostly(dice, &[" ", " ", "  ", "\t"]);
    let version = mostly(
        dice,
        &[
            "HTTP/1.1", "HTTP/1.1", "HTTP/1.2", "HTTP/11", "http/1.1", "",
        ],
    );
    out.push_str(&format!(
        "{method}{gap}/api/v2/s{storm}r{number} {version}{}",
        line_end(dice)
    ));
    let inner = format!("GET /api/v2/s{storm}r{number}inner HTTP/1.1\r\nHost: eu.test\r\n\r\n");
    let body = match dice.u8(..4) {
        0 => "",
        1 => "ab",
        2 => inner.as_str(),
        _ => "0\r\n\r\n",
    };
    let mut fields = Vec::new();
    let chunked = framing(dice, body, &mut fields);
    fields.push(
        mostly(
            dice,
            &["Host: eu.test", "Host: eu.test", "Host:", "X: no host"],
        )
        .to_owned(),
    );
    for _ in 0..dice.u8(..3) {
        fields.push(any_field(dice).to_owned());
    }
    dice.shuffle(&mut fields);
    for field in fields {
        out.push_str(&field);
        out.push_str(line_end(dice));
    }
    out.push_str(line_end(dice));
    if chunked {
        chunks(dice, body, out);
    } else {
        out.push_str(body);
    }
}

/// What an honest reader finds, up to where it finds nothing more.
fn honest(mut bytes: &[u8]) -> Vec<Message> {
    let mut all = Vec::new();
    loop {
        // Empty lines before a request are passed over (RFC 9112 section 2.2).
        while let Some(rest) = bytes.strip_prefix(b"\r\n") {
            bytes = rest;
        }
        match reader::read(bytes, Side::Request) {
            Read::Whole(message, taken) => {
                all.push(message);
                bytes = &bytes[taken..];
            }
            _ => return all,
        }
    }
}

#[test]
fn nothing_gets_through_that_an_honest_reader_does_not_read() {
    let world = World::new();
    let storms = std::env::var("WIRE_STORM").map_or(USUAL, |count| count.parse().expect("a count"));
    let (mut failures, mut passed, mut refused) = (Vec::new(), 0, 0);
    for storm in 0..storms {
        let mut dice = Rng::with_seed(storm);
        let mut text = String::new();
        for number in 0..dice.usize(1..4) {
            request(&mut dice, storm, number, &mut text);
        }
        let mut client = world.door.open();
        let (first, second) = text.as_bytes().split_at(dice.usize(..text.len()));
        client.send(first);
        client.send(second);
        client.half_close();
        let answers = client.answers();
        let before = passed;
        let read = honest(text.as_bytes());
        let mut left = read.iter();
        for seen in world.eu.take_seen() {
            passed += 1;
            let same = |message: &&Message| {
                (message.method(), message.target(), &message.body)
                    == (
                        seen.request.method(),
                        seen.request.target(),
                        &seen.request.body,
                    )
            };
            if left.find(same).is_none() {
                failures.push(format!("{storm}: {} arrived", seen.request.start));
            }
        }
        refused += usize::from(passed - before < read.len());
        if let Err(wrong) = answers {
            failures.push(format!("{storm}: {wrong}"));
        }
        if failures.len() > 5 {
            break;
        }
        if failures
            .iter()
            .any(|what| what.starts_with(&format!("{storm}:")))
        {
            failures.push(shown(text.as_bytes()));
        }
    }
    println!("{storms} storms: {passed} requests passed, {refused} storms lost some");
    failures.extend(world.end());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    // A storm that sinks everything, or nothing, would prove nothing.
    assert!(passed > storms as usize / 4 && refused > storms as usize / 50);
}
