//! A client's stream of bytes, in which each malformed header block is replaced before a library reads
//! it. Everything else passes as it came.

use super::block::Blocks;

/// What a client says first (RFC 9113 section 3.4).
const PREFACE: usize = 24;

/// A frame's head (RFC 9113 section 4.1).
const HEAD: usize = 9;

/// The largest payload that we allow (RFC 9113 section 4.2).
const MOST_PAYLOAD: usize = 16_384;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const PUSH_PROMISE: u8 = 5;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;
const PRIORITY: u8 = 32;

/// RST_STREAM with this code takes back a request (RFC 9113 section 7).
const CANCEL: [u8; 4] = [0, 0, 0, 8];

/// A frame that no reader takes: CONTINUATION of nothing. It ends the connection.
const STRAY: [u8; HEAD] = [0, 0, 0, CONTINUATION, 0, 0, 0, 0, 0];

/// Streams that are remembered as not ended: more than may be open at a time.
const MOST_UNENDED: usize = 1_024;

/// What becomes of the next bytes.
enum Next {
    /// So many pass as they are.
    Passes(usize),
    /// So many were taken in.
    Taken(usize),
}

/// A frame's head, read.
#[derive(Clone, Copy)]
struct Head {
    length: usize,
    kind: u8,
    flags: u8,
    stream: u32,
}

impl Head {
    fn read(bytes: &[u8]) -> Option<Self> {
        let [high, middle, low, kind, flags, a, b, c, d, ..] = *bytes else {
            return None;
        };
        Some(Self {
            length: u32::from_be_bytes([0, high, middle, low]) as usize,
            kind,
            flags,
            stream: u32::from_be_bytes([a, b, c, d]) & 0x7fff_ffff,
        })
    }

    const fn is(self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// Follows one connection's bytes.
pub struct Guard {
    blocks: Blocks,
    /// Bytes of a frame that may pass unread.
    skip: usize,
    /// Whether those belong to a body.
    in_data: bool,
    /// A head, or frames of a block, that have not come whole.
    held: Vec<u8>,
    /// Where the last frame in there begins.
    frame: usize,
    /// What the library reads next, before it reads what passes.
    out: Vec<u8>,
    /// The highest stream that was opened.
    highest: u32,
    /// Streams whose requests have not ended.
    unended: Vec<u32>,
    malformed: usize,
    most_held: usize,
    is_over: bool,
    /// Whether a frame has come whole since that was asked last.
    is_fresh: bool,
}

impl Guard {
    /// A connection that has not said a byte, and how large its heads may be when decoded.
    #[must_use]
    pub fn new(header_list: usize) -> Self {
        Self {
            blocks: Blocks::default(),
            skip: PREFACE,
            in_data: false,
            held: Vec::new(),
            frame: 0,
            out: Vec::new(),
            highest: 0,
            unended: Vec::new(),
            malformed: 0,
            // The Huffman code has up to 30 bits for a byte. Beyond that no library goes on either.
            most_held: 4 * header_list + 2 * MOST_PAYLOAD,
            is_over: false,
            is_fresh: false,
        }
    }

    /// How many blocks were malformed.
    #[must_use]
    pub const fn malformed(&self) -> usize {
        self.malformed
    }

    /// Whether a frame has begun that has not come whole, and that is no part of a body.
    #[must_use]
    pub const fn is_within_frame(&self) -> bool {
        !self.held.is_empty() || (self.skip > 0 && !self.in_data)
    }

    /// Whether a frame, or a whole block, was completed since the last call.
    pub const fn is_fresh(&mut self) -> bool {
        std::mem::replace(&mut self.is_fresh, false)
    }

    /// What is to be read before anything else. The reader empties it.
    pub const fn out(&mut self) -> &mut Vec<u8> {
        &mut self.out
    }

    /// Takes back each request that has not ended: nothing more will come of it.
    pub fn cancel_unended(&mut self) {
        // The reader is within a frame: it would take this for the rest of it.
        if self.skip > 0 {
            return;
        }
        for stream in std::mem::take(&mut self.unended) {
            self.out.extend_from_slice(&[0, 0, 4, RST_STREAM, 0]);
            self.out.extend_from_slice(&stream.to_be_bytes());
            self.out.extend_from_slice(&CANCEL);
        }
    }

    /// Takes in the next bytes. So many of them pass as they are; what follows those is in
    /// [`Self::out`] or comes there later.
    pub fn take(&mut self, bytes: &[u8]) -> usize {
        let (mut at, mut passed) = (0, 0);
        let mut direct = self.held.is_empty();
        while !self.is_over {
            let rest = bytes.get(at..).unwrap_or_default();
            if rest.is_empty() {
                break;
            }
            let next = if self.skip > 0 {
                let count = self.skip.min(rest.len());
                self.skip -= count;
                self.is_fresh |= self.skip == 0;
                Next::Passes(count)
            } else {
                self.next(rest)
            };
            match next {
                Next::Passes(count) if direct => {
                    passed += count;
                    at += count;
                }
                Next::Passes(count) => {
                    let bytes = rest.get(..count).unwrap_or_default();
                    self.out.extend_from_slice(bytes);
                    at += count;
                }
                Next::Taken(count) => {
                    direct = false;
                    at += count;
                }
            }
        }
        passed
    }

    /// What becomes of the frame that begins here, or goes on here.
    fn next(&mut self, bytes: &[u8]) -> Next {
        let head = if self.held.is_empty() {
            Head::read(bytes)
        } else {
            None
        };
        let Some(head) = head else {
            return Next::Taken(self.hold(bytes));
        };
        if !matches!(head.kind, HEADERS | PUSH_PROMISE | CONTINUATION) {
            self.other(head);
            return Next::Passes(HEAD);
        }
        let size = HEAD + head.length;
        if head.kind != HEADERS || head.length > MOST_PAYLOAD || !head.is(END_HEADERS) {
            return Next::Taken(self.hold(bytes));
        }
        let Some(frame) = bytes.get(..size) else {
            return Next::Taken(self.hold(bytes));
        };
        let payload = frame.get(HEAD..).unwrap_or_default();
        let Some(block) = fragment(head, payload) else {
            self.stop(0);
            return Next::Taken(size);
        };
        if self.judge(head, block, depends_on_itself(head, payload), frame) {
            Next::Passes(size)
        } else {
            Next::Taken(size)
        }
    }

    /// A frame without a header block, whose head passes.
    fn other(&mut self, head: Head) {
        self.skip = head.length;
        self.in_data = head.kind == DATA;
        if head.kind == RST_STREAM || (head.kind == DATA && head.is(END_STREAM)) {
            self.ended(head.stream);
        }
    }

    fn ended(&mut self, stream: u32) {
        if let Some(at) = self.unended.iter().rposition(|known| *known == stream) {
            self.unended.swap_remove(at);
        }
    }

    /// Takes what is wanted to complete a frame; how many bytes of these.
    fn hold(&mut self, bytes: &[u8]) -> usize {
        let known = self.held.len() - self.frame;
        let head = self.held.get(self.frame..).and_then(Head::read);
        let whole = head.map_or(HEAD, |head| HEAD + head.length);
        let taken = (whole - known).min(bytes.len());
        self.held
            .extend_from_slice(bytes.get(..taken).unwrap_or_default());
        let Some(head) = self.held.get(self.frame..).and_then(Head::read) else {
            return taken;
        };
        let is_first = self.frame == 0;
        match head.kind {
            HEADERS if is_first && head.stream > 0 => {}
            CONTINUATION if !is_first && Some(head.stream) == self.stream() => {}
            HEADERS | PUSH_PROMISE | CONTINUATION => {
                self.stop(self.frame);
                return taken;
            }
            _ if is_first => {
                self.other(head);
                self.out.append(&mut self.held);
                return taken;
            }
            _ => {
                self.stop(self.frame);
                return taken;
            }
        }
        if head.length > MOST_PAYLOAD {
            self.stop(self.frame + HEAD);
        } else if self.frame + HEAD + head.length > self.most_held {
            // Within a frame the library would wait for the rest of it.
            self.stop(self.frame);
        } else if self.held.len() == self.frame + HEAD + head.length {
            if head.is(END_HEADERS) {
                self.complete();
            } else {
                self.frame = self.held.len();
            }
        }
        taken
    }

    fn stream(&self) -> Option<u32> {
        Head::read(&self.held).map(|head| head.stream)
    }

    /// A block has come whole that came in pieces.
    fn complete(&mut self) {
        let held = std::mem::take(&mut self.held);
        self.frame = 0;
        match joined(&held) {
            None => self.stop(0),
            Some((head, block, is_refused)) => {
                if self.judge(head, &block, is_refused, &held) {
                    self.out.extend_from_slice(&held);
                }
            }
        }
    }

    /// Whether a block passes; if not, what stands for it is in [`Self::out`].
    fn judge(&mut self, head: Head, block: &[u8], is_refused: bool, frames: &[u8]) -> bool {
        self.is_fresh = true;
        // A block on a stream that has ended is the library's affair: it ends the connection.
        let trailers = head.stream <= self.highest && self.unended.contains(&head.stream);
        match self.blocks.read(block, trailers) {
            Ok(good) if good && !is_refused => {
                if trailers && head.is(END_STREAM) {
                    self.ended(head.stream);
                } else if head.stream > self.highest && !head.is(END_STREAM) {
                    self.unended.push(head.stream);
                    if self.unended.len() > MOST_UNENDED {
                        self.unended.remove(0);
                    }
                }
                self.highest = self.highest.max(head.stream);
                true
            }
            Ok(_) => {
                self.malformed += 1;
                self.ended(head.stream);
                self.highest = self.highest.max(head.stream);
                match self.blocks.substitute(block) {
                    Ok(block) => write_block(&mut self.out, head, &block),
                    Err(_) => self.stop(0),
                }
                false
            }
            Err(_) => {
                self.out.extend_from_slice(frames);
                self.stop(0);
                false
            }
        }
    }

    /// The connection is of no more use: so much of what is held passes, and nothing behind it.
    fn stop(&mut self, passing: usize) {
        self.held.truncate(passing);
        self.out.append(&mut self.held);
        self.out.extend_from_slice(&STRAY);
        self.frame = 0;
        self.is_over = true;
    }
}

/// A frame's part of its block, without padding and priority (RFC 9113 section 6.2).
fn fragment(head: Head, mut payload: &[u8]) -> Option<&[u8]> {
    if head.stream == 0 {
        return None;
    }
    let mut padding = 0;
    if head.is(PADDED) {
        let (length, rest) = payload.split_first()?;
        (padding, payload) = (usize::from(*length), rest);
    }
    if head.is(PRIORITY) {
        payload = payload.get(5..)?;
    }
    payload.get(..payload.len().checked_sub(padding)?)
}

/// A stream error (RFC 9113 section 5.3.1), which some libraries find before they read the block, so
/// that they lose the table.
fn depends_on_itself(head: Head, payload: &[u8]) -> bool {
    let at = usize::from(head.is(PADDED));
    let Some(&[a, b, c, d]) = payload.get(at..at + 4) else {
        return false;
    };
    head.is(PRIORITY) && u32::from_be_bytes([a, b, c, d]) & 0x7fff_ffff == head.stream
}

/// The frames of a block: the first one's head, the whole block, and whether it is refused for its
/// priority.
fn joined(frames: &[u8]) -> Option<(Head, Vec<u8>, bool)> {
    let first = Head::read(frames)?;
    let payload = frames.get(HEAD..HEAD + first.length)?;
    let mut block = fragment(first, payload)?.to_vec();
    let mut rest = frames.get(HEAD + first.length..)?;
    while let Some(head) = Head::read(rest) {
        block.extend_from_slice(rest.get(HEAD..HEAD + head.length)?);
        rest = rest.get(HEAD + head.length..)?;
    }
    Some((first, block, depends_on_itself(first, payload)))
}

/// A block as frames of its stream.
fn write_block(out: &mut Vec<u8>, head: Head, block: &[u8]) {
    let mut pieces = block.chunks(MOST_PAYLOAD).peekable();
    let (mut kind, mut flags) = (HEADERS, head.flags & END_STREAM);
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            flags |= END_HEADERS;
        }
        let length = u32::try_from(piece.len()).unwrap_or_default().to_be_bytes();
        out.extend_from_slice(length.get(1..).unwrap_or_default());
        out.extend_from_slice(&[kind, flags]);
        out.extend_from_slice(&head.stream.to_be_bytes());
        out.extend_from_slice(piece);
        (kind, flags) = (CONTINUATION, 0);
    }
}
