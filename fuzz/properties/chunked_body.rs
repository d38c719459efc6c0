//! Bodies: the same data, the same end and the same fault however the bytes arrive, and a second,
//! simpler reader agrees on each. What passes of trailers frames and routes nothing.

use onetime_gateway::headers::response::passing_trailers;
use onetime_gateway::http1::body::{Decoder, Step, write_chunk, write_last_chunk};
use onetime_gateway::http1::{Fault, Framing};

use super::flags;
use super::simple::{is_text, is_token};

/// Data, bytes consumed, whether the end came, trailers.
#[derive(Debug, Eq, PartialEq)]
struct Read {
    data: Vec<u8>,
    consumed: usize,
    ended: bool,
    trailers: Vec<u8>,
}

pub fn holds(data: &[u8]) {
    let Some((flags, input)) = flags(data) else {
        return;
    };
    let framing = match flags & 3 {
        0 => Framing::Length(u64::from(flags >> 2)),
        1 => Framing::UntilClose,
        _ => Framing::Chunked,
    };
    let whole = decoded(framing, input, input.len().max(1));
    for step in [1, 2 + usize::from(flags >> 4)] {
        let pieces = decoded(framing, input, step);
        match (&whole, &pieces) {
            (Ok(whole), Ok(pieces)) => assert_eq!(whole, pieces, "in pieces of {step}"),
            (Err(whole), Err(pieces)) => assert_eq!(whole, pieces, "in pieces of {step}"),
            (whole, pieces) => panic!("{whole:?} at once, {pieces:?} in pieces of {step}"),
        }
    }
    match (framing, &whole) {
        (Framing::Length(length), Ok(read)) => {
            let due = usize::try_from(length).expect("small").min(input.len());
            assert_eq!(read.data, &input[..due]);
            assert_eq!(read.ended, due as u64 == length);
        }
        (Framing::UntilClose, Ok(read)) => assert_eq!(read.data, input),
        (Framing::Chunked, read) => chunked(input, read.as_ref().ok()),
        (_, Err(fault)) => panic!("{fault} without chunks"),
        (Framing::Empty, Ok(_)) => {}
    }
}

/// Feeds the decoder `step` bytes at a time, as a connection would.
fn decoded(framing: Framing, input: &[u8], step: usize) -> Result<Read, Fault> {
    let mut decoder = Decoder::new(framing);
    let (mut data, mut consumed, mut arrived) = (Vec::new(), 0, 0);
    loop {
        match decoder.step(&input[consumed..arrived])? {
            Step::Data(count) => {
                assert!(count > 0, "no data is no step");
                data.extend_from_slice(&input[consumed..consumed + count]);
                consumed += count;
                decoder.took(count);
            }
            Step::Skip(count) => {
                assert!(count > 0, "no framing is no step");
                consumed += count;
            }
            Step::More if arrived == input.len() => break,
            Step::More => arrived = (arrived + step).min(input.len()),
            Step::End => break,
        }
    }
    let ended = decoder.is_done();
    if !ended {
        let end = decoder.input_ended();
        assert_eq!(end.is_ok(), framing == Framing::UntilClose);
    }
    Ok(Read {
        data,
        consumed,
        ended,
        trailers: decoder.trailers().to_vec(),
    })
}

fn chunked(input: &[u8], read: Option<&Read>) {
    let Some(read) = read else {
        // Refused: then the simple reader has no objection only to what is too long for us.
        if let Some((.., tail)) = simple(input) {
            assert!(tail > 256, "refused without need");
        }
        return;
    };
    if !read.ended {
        return;
    }
    let (data, trailers, consumed, _) = simple(input).expect("the simple reader refuses it");
    assert_eq!(read.data, data);
    assert_eq!(read.trailers, trailers);
    assert_eq!(read.consumed, consumed);

    let passing = passing_trailers(&read.trailers);
    for line in passing.split_inclusive(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r\n").expect("a whole line");
        let name = line.split(|byte| *byte == b':').next().expect("a name");
        let name = String::from_utf8(name.to_ascii_lowercase()).expect("a token");
        assert!(!FORBIDDEN.contains(&name.as_str()), "{name} passed");
        assert!(!name.starts_with("x-forwarded-") && !name.starts_with("o-region-"));
        assert!(!name.contains('_'));
    }

    // What we write of it is read as the same.
    let mut written = Vec::new();
    for piece in read.data.chunks(7) {
        write_chunk(&mut written, piece);
    }
    write_last_chunk(&mut written, &passing);
    let again = decoded(Framing::Chunked, &written, 5).expect("what we write is well-formed");
    assert!(again.ended && again.data == read.data && again.trailers == passing);
    assert_eq!(again.consumed, written.len());
}

const FORBIDDEN: [&str; 13] = [
    "authorization",
    "connection",
    "content-length",
    "cookie",
    "forwarded",
    "host",
    "o-region",
    "proxy-authorization",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "x-request-id",
];

/// RFC 9112 section 7.1 at one go: data, trailers, bytes consumed, the longest line.
fn simple(input: &[u8]) -> Option<(Vec<u8>, Vec<u8>, usize, usize)> {
    let (mut data, mut trailers) = (Vec::new(), Vec::new());
    let (mut at, mut longest) = (0, 0);
    loop {
        let line = line(input, &mut at)?;
        longest = longest.max(line.len());
        let text = std::str::from_utf8(line).ok()?;
        let (size, extension) = match text.split_once(';') {
            Some((size, extension)) => (size, extension),
            None => (text, ""),
        };
        let fine = (1..=15).contains(&size.len())
            && size.bytes().all(|byte| byte.is_ascii_hexdigit())
            && extension
                .bytes()
                .all(|byte| is_text(byte) && byte.is_ascii());
        let size = usize::from_str_radix(size, 16).ok().filter(|_| fine)?;
        if size == 0 {
            break;
        }
        data.extend_from_slice(input.get(at..at.checked_add(size)?)?);
        at += size;
        input.get(at..)?.starts_with(b"\r\n").then_some(())?;
        at += 2;
    }
    loop {
        let line = line(input, &mut at)?;
        if line.is_empty() {
            let longest = longest.max(trailers.len());
            return Some((data, trailers, at, longest));
        }
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = &line[..colon];
        if name.is_empty() || !name.iter().all(|byte| is_token(*byte)) {
            return None;
        }
        line.iter().all(|byte| is_text(*byte)).then_some(())?;
        trailers.extend_from_slice(line);
        trailers.extend_from_slice(b"\r\n");
    }
}

/// A line that ends in CRLF and holds neither byte elsewhere.
fn line<'a>(input: &'a [u8], at: &mut usize) -> Option<&'a [u8]> {
    let rest = input.get(*at..)?;
    let end = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n'))?;
    rest.get(end..)?.starts_with(b"\r\n").then_some(())?;
    *at += end + 2;
    rest.get(..end)
}
