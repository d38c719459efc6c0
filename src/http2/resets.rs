//! Resets that the library sends for what a client did wrong. It ends a connection that causes too
//! many, and the answers in flight with it: whoever counts them here can let those end first.

/// A frame's head and the code of RST_STREAM (RFC 9113 section 6.4).
const KNOWN: usize = 13;

const HEAD: usize = 9;

const RST_STREAM: u8 = 3;

/// Codes of stream errors (RFC 9113 section 7): PROTOCOL_ERROR, FLOW_CONTROL_ERROR, STREAM_CLOSED,
/// FRAME_SIZE_ERROR and REFUSED_STREAM. Others are for what we ourselves break off.
const ERRORS: [u8; 5] = [1, 3, 5, 6, 7];

/// Follows the bytes that are written to one client.
#[derive(Debug, Default)]
pub struct Resets {
    front: [u8; KNOWN],
    known: usize,
    skip: usize,
    count: usize,
}

impl Resets {
    /// How many there were.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.count
    }

    /// Takes in what was written next.
    pub fn wrote(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let skipped = self.skip.min(bytes.len());
            self.skip -= skipped;
            bytes = bytes.get(skipped..).unwrap_or_default();
            let is_reset = self.known >= HEAD;
            let wanted = if is_reset { KNOWN } else { HEAD };
            let taken = (wanted - self.known).min(bytes.len());
            let (front, rest) = bytes.split_at(taken);
            if let Some(room) = self.front.get_mut(self.known..self.known + taken) {
                room.copy_from_slice(front);
            }
            self.known += taken;
            bytes = rest;
            let [high, middle, low, kind, .., code] = self.front;
            if self.known == HEAD && kind != RST_STREAM {
                self.known = 0;
                self.skip = u32::from_be_bytes([0, high, middle, low]) as usize;
            } else if self.known == KNOWN {
                self.known = 0;
                self.count += usize::from(ERRORS.contains(&code));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resets_for_errors_are_counted_however_the_bytes_are_cut() {
        let mut bytes = vec![0, 0, 3, 0, 0, 0, 0, 0, 1, 3, 3, 3];
        for code in [0, 1, 2, 3, 5, 6, 7, 8] {
            bytes.extend([0, 0, 4, 3, 0, 0, 0, 0, 1, 0, 0, 0, code]);
            bytes.extend([0, 0, 0, 4, 1, 0, 0, 0, 0]);
        }
        for size in 1..40 {
            let mut resets = Resets::default();
            bytes.chunks(size).for_each(|piece| resets.wrote(piece));
            assert_eq!(resets.count(), 5, "{size}");
        }
    }
}
