//! Header blocks (RFC 7541), read for what a request must not hold. A malformed block is replaced by
//! one that changes the reader's dynamic table in the same way and that the reader rejects by stream.

use std::collections::VecDeque;

use super::huffman;

/// The dynamic table's size that both sides begin with, and that we never change (RFC 9113 section
/// 6.5.2).
const TABLE: usize = 4_096;

/// What each entry costs beside its octets (RFC 7541 section 4.1).
const OVERHEAD: usize = 32;

/// Entries of the static table (RFC 7541 appendix A).
const STATIC: usize = 61;

/// The lengths of the static table's names.
const STATIC_NAMES: [u8; STATIC] = [
    10, 7, 7, 5, 5, 7, 7, 7, 7, 7, 7, 7, 7, 7, 14, 15, 15, 13, 6, 27, 3, 5, 13, 13, 19, 16, 16, 14,
    16, 13, 12, 6, 4, 4, 6, 7, 4, 4, 8, 17, 13, 8, 19, 13, 4, 8, 12, 18, 19, 5, 7, 7, 11, 6, 10,
    25, 17, 10, 4, 3, 16,
];

/// Ends a replaced block: a field that the reader calls malformed for its stream alone.
const REJECTED: &[u8] = b"\0\x02te\x01x";

const NAME: u8 = 1;
const VALUE: u8 = 2;
const METHOD: u8 = 4;
const TARGET: u8 = 8;

/// What each byte may be part of: lower-case names and methods (RFC 9110 section 5.6.2), values
/// (section 5.5), and the pseudo-header fields of a target. `#` begins a fragment, which no target has.
static CLASSES: [u8; 256] = classes();

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const fn classes() -> [u8; 256] {
    let mut classes = [0; 256];
    let mut at = 0_usize;
    while at < 256 {
        let byte = at as u8;
        if byte == b'\t' || (byte >= b' ' && byte != 0x7f) {
            classes[at] |= VALUE;
        }
        let is_mark = matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        );
        if is_mark || byte.is_ascii_alphanumeric() {
            classes[at] |= METHOD;
            if !byte.is_ascii_uppercase() {
                classes[at] |= NAME;
            }
        }
        if byte.is_ascii_graphic() && byte != b'#' {
            classes[at] |= TARGET;
        }
        at += 1;
    }
    classes
}

/// What a name is to a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Field,
    /// Only `trailers` is allowed.
    Te,
    Authority,
    Method,
    Path,
    Scheme,
    /// Malformed wherever it stands: no name, of a connection, or an unknown pseudo-header field.
    Bad,
}

impl Kind {
    fn of(name: &[u8]) -> Self {
        match name {
            b":authority" => Self::Authority,
            b":method" => Self::Method,
            b":path" => Self::Path,
            b":scheme" => Self::Scheme,
            b"te" => Self::Te,
            b"connection" | b"keep-alive" | b"proxy-connection" | b"transfer-encoding"
            | b"upgrade" => Self::Bad,
            _ => Self::Field,
        }
    }

    const fn value_class(self) -> u8 {
        match self {
            Self::Authority | Self::Path | Self::Scheme => TARGET,
            Self::Method => METHOD,
            Self::Field | Self::Te | Self::Bad => VALUE,
        }
    }
}

/// An entry of either table, without its octets.
#[derive(Clone, Copy, Debug)]
struct Entry {
    kind: Kind,
    name: usize,
    value: usize,
    is_value_good: bool,
}

impl Entry {
    const fn size(self) -> usize {
        self.name + self.value + OVERHEAD
    }
}

/// An entry that a block inserts, and where it says so.
#[derive(Clone, Copy, Debug)]
struct Insertion {
    start: usize,
    value_at: usize,
    end: usize,
    entry: Entry,
}

/// What is no header block: the connection's compression is lost.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Undecodable;

impl From<huffman::Broken> for Undecodable {
    fn from(_: huffman::Broken) -> Self {
        Self
    }
}

/// One connection's header blocks, in their order.
#[derive(Debug)]
pub struct Blocks {
    entries: VecDeque<Entry>,
    size: usize,
    most: usize,
    /// Of the block that was read last.
    insertions: Vec<Insertion>,
    updates_end: usize,
}

impl Default for Blocks {
    fn default() -> Self {
        Self {
            entries: VecDeque::new(),
            size: 0,
            most: TABLE,
            insertions: Vec::new(),
            updates_end: 0,
        }
    }
}

/// The octets of a literal.
#[derive(Clone, Copy)]
struct Octets<'a> {
    bytes: &'a [u8],
    is_huffman: bool,
}

/// What literals begin with: enough for every name and value that is told apart.
struct Front {
    bytes: [u8; 20],
    length: usize,
}

impl Front {
    const fn new() -> Self {
        Self {
            bytes: [0; 20],
            length: 0,
        }
    }

    fn push(&mut self, byte: u8) {
        if let Some(room) = self.bytes.get_mut(self.length) {
            *room = byte;
        }
        self.length += 1;
    }

    /// Everything, if it is short.
    fn whole(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

impl Octets<'_> {
    /// How many octets there are, and the classes that all of them belong to.
    fn measure(self, front: Option<&mut Front>) -> Result<(usize, u8), Undecodable> {
        let class = |byte: u8| CLASSES.get(usize::from(byte)).copied().unwrap_or_default();
        if !self.is_huffman {
            if let Some(front) = front {
                for byte in self.bytes.iter().take(front.bytes.len()) {
                    front.push(*byte);
                }
                front.length = self.bytes.len();
            }
            let all = self
                .bytes
                .iter()
                .fold(u8::MAX, |all, byte| all & class(*byte));
            return Ok((self.bytes.len(), all));
        }
        let (mut count, mut all) = (0, u8::MAX);
        if let Some(front) = front {
            huffman::decode(self.bytes, |byte| {
                front.push(byte);
                all &= class(byte);
            })?;
            count = front.length;
        } else {
            huffman::decode(self.bytes, |byte| {
                count += 1;
                all &= class(byte);
            })?;
        }
        Ok((count, all))
    }
}

impl Blocks {
    /// Reads the next block, of a request or of its trailers; whether it is well-formed.
    ///
    /// # Errors
    /// It cannot be decoded, which ends the connection (RFC 7541 section 2.1).
    pub fn read(&mut self, block: &[u8], trailers: bool) -> Result<bool, Undecodable> {
        self.insertions.clear();
        self.updates_end = 0;
        let (mut at, mut good) = (0, true);
        let (mut pseudo, mut regular) = (0_u8, trailers);
        while let Some(first) = block.get(at).copied() {
            let start = at;
            if first & 0xe0 == 0x20 {
                if self.updates_end != at {
                    return Err(Undecodable);
                }
                let size = integer(block, &mut at, 5)?;
                if size > TABLE {
                    return Err(Undecodable);
                }
                self.most = size;
                self.evict(0);
                self.updates_end = at;
                continue;
            }
            let entry = if first & 0x80 != 0 {
                let index = integer(block, &mut at, 7)?;
                self.entry(index)?
            } else {
                let is_inserted = first & 0x40 != 0;
                let index = integer(block, &mut at, if is_inserted { 6 } else { 4 })?;
                let (kind, name) = self.name(index, block, &mut at)?;
                let value_at = at;
                let value = octets(block, &mut at)?;
                let mut front = Front::new();
                let wanted = (kind == Kind::Te).then_some(&mut front);
                let (length, classes) = value.measure(wanted)?;
                let is_value_good = classes & kind.value_class() != 0
                    && (kind != Kind::Te || front.whole() == b"trailers")
                    && (kind != Kind::Method || length > 0);
                let mut entry = Entry {
                    kind,
                    name,
                    value: length,
                    is_value_good,
                };
                // The reader holds such a name with no value but a good one.
                if !is_value_good && matches!(kind, Kind::Method | Kind::Te) {
                    entry.kind = Kind::Bad;
                }
                if is_inserted {
                    self.insert(entry);
                    self.insertions.push(Insertion {
                        start,
                        value_at,
                        end: at,
                        entry,
                    });
                }
                entry
            };
            let mark = match entry.kind {
                Kind::Field | Kind::Te => {
                    regular = true;
                    0
                }
                Kind::Authority => 1,
                Kind::Method => 2,
                Kind::Path => 4,
                Kind::Scheme => 8,
                Kind::Bad => u8::MAX,
            };
            good &= entry.is_value_good && mark & pseudo == 0 && (mark == 0 || !regular);
            good &= entry.kind != Kind::Bad;
            pseudo |= mark;
        }
        Ok(good)
    }

    /// What stands for the malformed block that was read last.
    ///
    /// # Errors
    /// It inserts an entry without any octets, which no reader's table can hold.
    pub fn substitute(&self, block: &[u8]) -> Result<Vec<u8>, Undecodable> {
        let part = |from: usize, to: usize| block.get(from..to).unwrap_or_default();
        let mut out = part(0, self.updates_end).to_vec();
        for Insertion {
            start,
            value_at,
            end,
            entry,
        } in &self.insertions
        {
            if entry.kind == Kind::Bad {
                let octets = entry.name + entry.value;
                out.extend_from_slice(b"\x40\x01x");
                filler(&mut out, octets.checked_sub(1).ok_or(Undecodable)?);
            } else if entry.is_value_good {
                out.extend_from_slice(part(*start, *end));
            } else {
                out.extend_from_slice(part(*start, *value_at));
                filler(&mut out, entry.value);
            }
        }
        out.extend_from_slice(REJECTED);
        Ok(out)
    }

    /// The size of each entry in the table, the newest first.
    #[cfg(test)]
    pub(super) fn sizes(&self) -> Vec<usize> {
        self.entries.iter().map(|entry| entry.size()).collect()
    }

    /// The name of a literal, and its length.
    fn name(
        &self,
        index: usize,
        block: &[u8],
        at: &mut usize,
    ) -> Result<(Kind, usize), Undecodable> {
        if index > 0 {
            let entry = self.entry(index)?;
            return Ok((entry.kind, entry.name));
        }
        let mut front = Front::new();
        let (length, classes) = octets(block, at)?.measure(Some(&mut front))?;
        let kind = Kind::of(front.whole());
        let is_pseudo = matches!(
            kind,
            Kind::Authority | Kind::Method | Kind::Path | Kind::Scheme
        );
        if is_pseudo || (length > 0 && classes & NAME != 0) {
            Ok((kind, length))
        } else {
            Ok((Kind::Bad, length))
        }
    }

    fn entry(&self, index: usize) -> Result<Entry, Undecodable> {
        let index = index.checked_sub(1).ok_or(Undecodable)?;
        let Some(name) = STATIC_NAMES.get(index) else {
            return self.entries.get(index - STATIC).copied().ok_or(Undecodable);
        };
        let kind = match index + 1 {
            1 => Kind::Authority,
            2 | 3 => Kind::Method,
            4 | 5 => Kind::Path,
            6 | 7 => Kind::Scheme,
            // `:status` and `transfer-encoding`.
            8..=14 | 57 => Kind::Bad,
            _ => Kind::Field,
        };
        Ok(Entry {
            kind,
            name: usize::from(*name),
            value: 0,
            is_value_good: true,
        })
    }

    fn insert(&mut self, entry: Entry) {
        self.evict(entry.size());
        if entry.size() <= self.most {
            self.size += entry.size();
            self.entries.push_front(entry);
        }
    }

    /// Makes room for so many octets (RFC 7541 section 4.4).
    fn evict(&mut self, room: usize) {
        while self.size + room > self.most {
            let Some(entry) = self.entries.pop_back() else {
                return;
            };
            self.size -= entry.size();
        }
    }
}

/// A value of so many octets.
fn filler(out: &mut Vec<u8>, length: usize) {
    if length < 127 {
        out.push(u8::try_from(length).unwrap_or_default());
    } else {
        out.push(127);
        let mut left = length - 127;
        while left >= 128 {
            out.push(u8::try_from(left % 128).unwrap_or_default() | 128);
            left /= 128;
        }
        out.push(u8::try_from(left).unwrap_or_default());
    }
    out.resize(out.len() + length, b'x');
}

/// An integer behind a prefix of so many bits (RFC 7541 section 5.1), of five bytes at most.
fn integer(block: &[u8], at: &mut usize, prefix: u32) -> Result<usize, Undecodable> {
    let mask = (1_usize << prefix) - 1;
    let mut next = || {
        let byte = block.get(*at).copied().ok_or(Undecodable)?;
        *at += 1;
        Ok::<_, Undecodable>(usize::from(byte))
    };
    let mut number = next()? & mask;
    if number < mask {
        return Ok(number);
    }
    for shift in [0, 7, 14, 21] {
        let byte = next()?;
        number += (byte & 127) << shift;
        if byte < 128 {
            return Ok(number);
        }
    }
    Err(Undecodable)
}

fn octets<'a>(block: &'a [u8], at: &mut usize) -> Result<Octets<'a>, Undecodable> {
    let is_huffman = block.get(*at).is_some_and(|byte| byte & 128 != 0);
    let length = integer(block, at, 7)?;
    let rest = block.get(*at..).ok_or(Undecodable)?;
    let bytes = rest.get(..length).ok_or(Undecodable)?;
    *at += length;
    Ok(Octets { bytes, is_huffman })
}
