//! The line of requests before a region that has as many as it may: bounded, first come first served.
//!
//! The limits beside it are fixed. AIMD on latency (a tenth less above twice the least latency seen,
//! one more per round trip otherwise) was simulated against them in `tests.rs`: figures and verdict
//! stand there, at `a_fixed_limit_serves_a_changed_mix_that_aimd_refuses`.

use std::collections::VecDeque;

/// Those that wait, each with what wakes it.
#[derive(Debug)]
pub struct Line<T> {
    waiting: VecDeque<(u64, T)>,
    next: u64,
}

impl<T> Default for Line<T> {
    fn default() -> Self {
        Self {
            waiting: VecDeque::new(),
            next: 0,
        }
    }
}

impl<T> Line<T> {
    /// Goes to the end and gets a ticket; `None` if `most` wait already.
    pub fn enter(&mut self, most: usize, waker: T) -> Option<u64> {
        if self.waiting.len() >= most {
            return None;
        }
        let ticket = self.next;
        self.next += 1;
        self.waiting.push_back((ticket, waker));
        Some(ticket)
    }

    /// Leaves, from wherever it stands.
    pub fn leave(&mut self, ticket: u64) {
        self.waiting.retain(|(one, _)| *one != ticket);
    }

    /// Whose turn it is.
    #[must_use]
    pub fn first(&self) -> Option<&T> {
        self.waiting.front().map(|(_, waker)| waker)
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether nobody waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests;
