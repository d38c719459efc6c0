//! A body as it passes: a decoder without I/O that says which bytes are data, and the chunked
//! coding of what we send (RFC 9112 §7.1).

use super::{Fault, Framing};

/// A chunk-size line with its extensions may be this long. Extensions are read and dropped; nobody
/// we know sends any, and long ones have been used to starve servers.
const LONGEST_SIZE_LINE: usize = 256;

/// All extensions of a body together may be this long: what they cost is not counted as the body's.
const LONGEST_EXTENSIONS: usize = 16 * 1024;

/// All trailer fields together may be this long.
const LONGEST_TRAILERS: usize = 4096;

/// What the next bytes are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Step {
    /// So many bytes at the front are data. Tell the decoder with [`Decoder::took`] how many of
    /// them were taken.
    Data(usize),
    /// The body is complete; what follows belongs to the next message.
    End,
    /// More input is needed.
    More,
    /// So many bytes at the front are framing: drop them and ask again.
    Skip(usize),
}

/// Tells data from framing, byte by byte, in order.
#[derive(Debug)]
pub struct Decoder {
    state: State,
    /// Bytes of chunk extensions so far.
    extensions: usize,
    trailers: Vec<u8>,
    size_lines: SizeLines,
}

/// How strictly chunk-size lines are read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum SizeLines {
    /// A request's: two parsers that disagree about its end let requests be smuggled.
    Strict,
    /// An answer's: to refuse it loses a secret that the region has consumed already.
    Lenient,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    ChunkData(u64),
    ChunkEnd,
    ChunkSize,
    Done,
    Length(u64),
    Trailers,
    UntilClose,
}

impl Decoder {
    /// A decoder at the start of a request's body.
    #[must_use]
    pub const fn new(framing: Framing) -> Self {
        Self::with(framing, SizeLines::Strict)
    }

    /// A decoder at the start of an answer's body. White space is allowed after a chunk size (RFC 9110
    /// section 5.6.3 before an extension, and some servers pad with it), and so are leading zeros and
    /// bytes beyond ASCII in an extension (RFC 9110 section 5.6.4).
    #[must_use]
    pub const fn of_answer(framing: Framing) -> Self {
        Self::with(framing, SizeLines::Lenient)
    }

    const fn with(framing: Framing, size_lines: SizeLines) -> Self {
        let state = match framing {
            Framing::Empty | Framing::Length(0) => State::Done,
            Framing::Length(length) => State::Length(length),
            Framing::Chunked => State::ChunkSize,
            Framing::UntilClose => State::UntilClose,
        };
        Self {
            state,
            extensions: 0,
            trailers: Vec::new(),
            size_lines,
        }
    }

    /// What `input`, the bytes not yet dropped, begins with.
    ///
    /// # Errors
    /// [`Fault::BadChunk`] or [`Fault::BadTrailers`]: framing is lost, the connection must end.
    pub fn step(&mut self, input: &[u8]) -> Result<Step, Fault> {
        match self.state {
            State::Done => Ok(Step::End),
            _ if input.is_empty() => Ok(Step::More),
            State::Length(left) | State::ChunkData(left) => Ok(Step::Data(within(input, left))),
            State::UntilClose => Ok(Step::Data(input.len())),
            State::ChunkSize => self.size_line(input),
            State::ChunkEnd => self.chunk_end(input),
            State::Trailers => self.trailer_line(input),
        }
    }

    /// Notes that `count` bytes of the last [`Step::Data`] were taken.
    pub fn took(&mut self, count: usize) {
        let count = count as u64;
        self.state = match self.state {
            State::Length(left) if left > count => State::Length(left - count),
            State::Length(_) => State::Done,
            State::ChunkData(left) if left > count => State::ChunkData(left - count),
            State::ChunkData(_) => State::ChunkEnd,
            other => other,
        };
    }

    /// What the end of the input means here.
    ///
    /// # Errors
    /// [`Fault::Truncated`] unless the body is complete or ends by closing.
    pub const fn input_ended(&mut self) -> Result<(), Fault> {
        match self.state {
            State::Done => Ok(()),
            State::UntilClose => {
                self.state = State::Done;
                Ok(())
            }
            _ => Err(Fault::Truncated),
        }
    }

    /// Whether the whole body has passed.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Bytes of data that are still to come; `None` while that is not known.
    #[must_use]
    pub const fn left(&self) -> Option<u64> {
        match self.state {
            State::Done => Some(0),
            State::Length(left) => Some(left),
            _ => None,
        }
    }

    /// The trailer lines that came, each with its CRLF; empty before the end.
    #[must_use]
    pub fn trailers(&self) -> &[u8] {
        &self.trailers
    }

    fn size_line(&mut self, input: &[u8]) -> Result<Step, Fault> {
        let Some(line) = line(input, LONGEST_SIZE_LINE, Fault::BadChunk)? else {
            return Ok(Step::More);
        };
        let (size, extension) = chunk_size(line, self.size_lines)?;
        self.extensions += extension.len();
        if self.extensions > LONGEST_EXTENSIONS {
            return Err(Fault::BadChunk);
        }
        self.state = if size == 0 {
            State::Trailers
        } else {
            State::ChunkData(size)
        };
        Ok(Step::Skip(line.len() + 2))
    }

    fn chunk_end(&mut self, input: &[u8]) -> Result<Step, Fault> {
        match input {
            [b'\r', b'\n', ..] => {
                self.state = State::ChunkSize;
                Ok(Step::Skip(2))
            }
            [b'\r'] => Ok(Step::More),
            _ => Err(Fault::BadChunk),
        }
    }

    fn trailer_line(&mut self, input: &[u8]) -> Result<Step, Fault> {
        let room = LONGEST_TRAILERS.saturating_sub(self.trailers.len());
        let Some(line) = line(input, room, Fault::BadTrailers)? else {
            return Ok(Step::More);
        };
        if line.is_empty() {
            self.state = State::Done;
        } else {
            if !is_field_line(line) {
                return Err(Fault::BadTrailers);
            }
            self.trailers.extend_from_slice(line);
            self.trailers.extend_from_slice(b"\r\n");
        }
        Ok(Step::Skip(line.len() + 2))
    }
}

/// How much of `input` belongs to the `left` bytes that are due.
fn within(input: &[u8], left: u64) -> usize {
    usize::try_from(left).unwrap_or(usize::MAX).min(input.len())
}

/// The first line of `input` without its CRLF, `None` while it is incomplete.
fn line(input: &[u8], longest: usize, fault: Fault) -> Result<Option<&[u8]>, Fault> {
    match memchr::memchr(b'\n', input) {
        Some(at) if at > longest + 1 => Err(fault),
        Some(at) => match input.get(..at) {
            Some([line @ .., b'\r']) if !line.contains(&b'\r') => Ok(Some(line)),
            _ => Err(fault),
        },
        None if input.len() > longest + 1 => Err(fault),
        None => Ok(None),
    }
}

/// A chunk-size line: hexadecimal digits, then perhaps `;` and an extension.
fn chunk_size(line: &[u8], mode: SizeLines) -> Result<(u64, &[u8]), Fault> {
    let digits = line
        .iter()
        .take_while(|byte| byte.is_ascii_hexdigit())
        .count();
    let (size, extension) = line.split_at(digits);
    let is_lenient = mode == SizeLines::Lenient;
    let (significant, rest) = if is_lenient {
        let zeros = size.iter().take_while(|digit| **digit == b'0').count();
        let significant = size.get(zeros..).unwrap_or_default();
        let is_space = |byte: &&u8| matches!(**byte, b' ' | b'\t');
        let spaces = extension.iter().take_while(is_space).count();
        (significant, extension.get(spaces..).unwrap_or_default())
    } else {
        (size, extension)
    };
    // 15 digits: sums of sizes stay far from overflow, and no body is that large.
    if size.is_empty() || significant.len() > 15 {
        return Err(Fault::BadChunk);
    }
    let fine = match rest {
        [] => true,
        [b';', rest @ ..] => rest
            .iter()
            .all(|byte| matches!(byte, b'\t' | b' '..=b'~') || (is_lenient && *byte >= 0x80)),
        _ => false,
    };
    if !fine {
        return Err(Fault::BadChunk);
    }
    let size = significant
        .iter()
        .fold(0, |sum, digit| sum * 16 + u64::from(hex_value(*digit)));
    Ok((size, rest))
}

const fn hex_value(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => digit - b'A' + 10,
    }
}

/// Whether a line is `token ":" value` (RFC 9112 §5).
fn is_field_line(line: &[u8]) -> bool {
    let Some(colon) = memchr::memchr(b':', line) else {
        return false;
    };
    let (name, value) = line.split_at(colon);
    !name.is_empty()
        && name.iter().all(|byte| is_token(*byte))
        && super::head::is_field_value(value)
}

/// RFC 9110 §5.6.2.
#[must_use]
pub const fn is_token(byte: u8) -> bool {
    matches!(byte,
        b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`'
        | b'|' | b'~' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z')
}

/// Appends `data` as one chunk. An empty slice appends nothing: an empty chunk would end the body.
pub fn write_chunk(out: &mut Vec<u8>, data: &[u8]) {
    if !data.is_empty() {
        write_chunk_head(out, data.len());
        out.extend_from_slice(data);
        out.extend_from_slice(b"\r\n");
    }
}

/// The data of chunks that [`write_chunk`] wrote, as far as they are whole.
#[must_use]
pub fn unchunked(mut chunks: &[u8]) -> Vec<u8> {
    let mut data = Vec::with_capacity(chunks.len());
    while let Some((chunk, rest)) = first_chunk(chunks).filter(|(chunk, _)| !chunk.is_empty()) {
        data.extend_from_slice(chunk);
        chunks = rest;
    }
    data
}

fn first_chunk(chunks: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr::memmem::find(chunks, b"\r\n")?;
    let (size, rest) = chunks.split_at_checked(end)?;
    let size = usize::from_str_radix(std::str::from_utf8(size).ok()?, 16).ok()?;
    let (data, rest) = rest.get(2..)?.split_at_checked(size)?;
    Some((data, rest.strip_prefix(b"\r\n")?))
}

/// Appends the size line of a chunk of `length` bytes.
pub fn write_chunk_head(out: &mut Vec<u8>, length: usize) {
    use std::io::Write;
    // Writing to a Vec cannot fail.
    let _ = write!(out, "{length:x}\r\n");
}

/// Appends the last chunk and `trailers`: field lines, each with its CRLF.
pub fn write_last_chunk(out: &mut Vec<u8>, trailers: &[u8]) {
    out.extend_from_slice(b"0\r\n");
    out.extend_from_slice(trailers);
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests;
