//! Failures that the application's v1 hides behind a 404.

use memchr::memmem;

/// v1 answers 404 to errors of its own, and says so in these words only.
const WORDS: &[u8] = b"An unexpected error occurred";

/// They stand within this many bytes at the beginning of a short answer.
const WITHIN: usize = 512;

/// Whether the body's first bytes, framing and all, say that a 404 hides a failure; `None` if more of
/// them have to come. `left` is the body's length, as far as it is known.
pub(super) fn hides_failure(at_hand: &[u8], left: Option<u64>) -> Option<bool> {
    let beginning = at_hand.get(..WITHIN).unwrap_or(at_hand);
    let is_whole = left.is_some_and(|left| left <= beginning.len() as u64);
    match memmem::find(beginning, WORDS) {
        Some(_) => Some(true),
        None if is_whole || beginning.len() == WITHIN => Some(false),
        None => None,
    }
}

/// The beginning of a 404's body, collected as it passes. No `Debug`: it holds a region's words.
#[derive(Default)]
pub(super) struct Opening(Vec<u8>);

impl Opening {
    /// Takes in the next bytes of the body. Whether they hide a failure, once that is known.
    pub(super) fn pass(&mut self, data: &[u8]) -> Option<bool> {
        let room = WITHIN.saturating_sub(self.0.len());
        self.0.extend_from_slice(data.get(..room).unwrap_or(data));
        match memmem::find(&self.0, WORDS) {
            Some(_) => Some(true),
            None if self.0.len() >= WITHIN => Some(false),
            None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_found_however_the_body_is_cut() {
        let body = [b"{\"message\":\"", WORDS, b" :[\"}"].concat();
        for at in 0..body.len() {
            let (first, rest) = body.split_at(at);
            let mut opening = Opening::default();
            let known = opening.pass(first);
            assert_eq!(known.or_else(|| opening.pass(rest)), Some(true), "{at}");
        }
        assert_eq!(Opening::default().pass(&[b'x'; 600]), Some(false));
        assert_eq!(hides_failure(b"Not Found", Some(9)), Some(false));
        assert_eq!(hides_failure(b"An unexp", None), None);
    }
}
