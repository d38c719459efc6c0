//! The Huffman code of HPACK (RFC 7541 appendix B), as far as a reader needs it.
#![expect(
    clippy::indexing_slicing,
    reason = "tables of fixed size, indexed by what cannot exceed them"
)]

/// Bits of each symbol's code. The code is canonical, so that the lengths say all of it.
const LENGTHS: [u8; 256] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28,
    28, 28, 28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5,
    5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6,
    6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22,
    23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22,
    21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20,
    22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19,
    21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22,
    22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
];

const LONGEST: usize = 30;

/// The symbols in the order of their codes; where each length begins, and with which code.
struct Code {
    symbols: [u8; 256],
    first: [u32; LONGEST + 1],
    count: [u32; LONGEST + 1],
    offset: [usize; LONGEST + 1],
    /// By the next eight bits: symbol and length of the codes that are no longer.
    short: [(u8, u8); 256],
}

static CODE: Code = build();

const fn build() -> Code {
    let mut code = Code {
        symbols: [0; 256],
        first: [0; LONGEST + 1],
        count: [0; LONGEST + 1],
        offset: [0; LONGEST + 1],
        short: [(0, 0); 256],
    };
    let (mut next, mut known, mut length) = (0_u32, 0_usize, 1_usize);
    while length <= LONGEST {
        next <<= 1;
        code.first[length] = next;
        code.offset[length] = known;
        let mut symbol = 0_usize;
        while symbol < 256 {
            if LENGTHS[symbol] as usize == length {
                code.symbols[known] = symbol as u8;
                if length <= 8 {
                    let step = 1_usize << (8 - length);
                    let mut at = (next as usize) * step;
                    let end = at + step;
                    while at < end {
                        code.short[at] = (symbol as u8, length as u8);
                        at += 1;
                    }
                }
                known += 1;
                next += 1;
                code.count[length] += 1;
            }
            symbol += 1;
        }
        length += 1;
    }
    code
}

/// Gives each decoded byte to `each`.
///
/// # Errors
/// The padding is too long or not of ones, or the end-of-string symbol is spelled (RFC 7541
/// section 5.2).
pub fn decode(bytes: &[u8], mut each: impl FnMut(u8)) -> Result<(), Broken> {
    let (mut bits, mut known) = (0_u64, 0_u32);
    let mut rest = bytes.iter();
    loop {
        while known <= 56 {
            let Some(byte) = rest.next() else { break };
            bits |= u64::from(*byte) << (56 - known);
            known += 8;
        }
        if known < 8 && bits >> (64 - 8) == u64::from(0xff_00_u16 >> known & 0xff) {
            return Ok(());
        }
        let (symbol, length) = CODE.short[(bits >> 56) as usize];
        let (symbol, length) = if length > 0 {
            (symbol, u32::from(length))
        } else {
            long(bits).ok_or(Broken)?
        };
        if length > known {
            return Err(Broken);
        }
        each(symbol);
        bits <<= length;
        known -= length;
    }
}

/// A symbol whose code is longer than eight bits.
fn long(bits: u64) -> Option<(u8, u32)> {
    (9..=LONGEST).zip(9..).find_map(|(length, shift)| {
        let code = u32::try_from(bits >> (64 - shift)).ok()?;
        let past = code.wrapping_sub(CODE.first[length]);
        (past < CODE.count[length])
            .then(|| (CODE.symbols[CODE.offset[length] + past as usize], shift))
    })
}

/// What is no Huffman code.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Broken;
