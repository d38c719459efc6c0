//! What a region and its endpoints have in flight, in all threads together, and who waits for a place.
//!
//! The counts are shared, not split by thread: a limit is the region's, and one thread may get most
//! of the connections. That is two additions and two subtractions of shared words a request; the line
//! with its lock is touched only while the region is at its limit.

use std::sync::atomic::{
    AtomicBool, AtomicU32, AtomicU64, AtomicUsize,
    Ordering::{Relaxed, SeqCst},
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::balance::line::Line;
use crate::limit::shares::Shares;

/// Requests whose clients wait for a 100 have this part of the places at most.
const EXPECTING: usize = 4;

/// A count that does not pass a limit.
#[derive(Debug, Default)]
pub struct Count(AtomicU32);

impl Count {
    /// Adds one, unless the limit is reached.
    #[must_use]
    pub fn take(&self, limit: usize) -> bool {
        let limit = u32::try_from(limit).unwrap_or(u32::MAX);
        let more = |count: u32| (count < limit).then(|| count + 1);
        self.0.fetch_update(SeqCst, SeqCst, more).is_ok()
    }

    /// Takes one away.
    pub fn give(&self) {
        self.0.fetch_sub(1, SeqCst);
    }

    /// How many there are.
    #[must_use]
    pub fn now(&self) -> u32 {
        self.0.load(SeqCst)
    }
}

/// Which line a request waits in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Rank {
    /// Its network holds less than its share of the places.
    First,
    /// Its network holds its share: it waits behind the others.
    Later,
}

#[derive(Debug, Default)]
struct Lines {
    first: Line<Arc<Notify>>,
    later: Line<Arc<Notify>>,
}

impl Lines {
    const fn of(&mut self, rank: Rank) -> &mut Line<Arc<Notify>> {
        match rank {
            Rank::First => &mut self.first,
            Rank::Later => &mut self.later,
        }
    }

    fn len(&self) -> usize {
        self.first.len() + self.later.len()
    }

    /// Wakes the one whose turn it is.
    fn wake(&self) {
        if let Some(next) = self.first.first().or_else(|| self.later.first()) {
            // Kept for one that is not listening at the moment.
            next.notify_one();
        }
    }
}

/// A region's breaker.
#[derive(Debug, Default)]
pub struct Breaker {
    /// Requests in flight.
    pub requests: Count,
    /// Those of them whose client sends no body before it is told to go on.
    expecting: Count,
    /// Requests by network, while places are scarce.
    pub shares: Shares,
    lines: Mutex<Lines>,
    /// The lines' lengths, to be read without their lock.
    waiting: AtomicUsize,
    waiting_first: AtomicUsize,
    /// Requests in the first line for which no slow answer was given up yet.
    wanted: AtomicUsize,
    queue_full: AtomicU64,
    queue_timeout: AtomicU64,
    /// Refusals when somebody last looked, and whether it was said that there are any.
    seen: AtomicU64,
    told: AtomicBool,
}

impl Breaker {
    /// Whether a request waits.
    #[must_use]
    pub fn has_line(&self) -> bool {
        self.waiting.load(SeqCst) > 0
    }

    /// Whether a request waits that goes before a new one of this rank.
    #[must_use]
    pub fn has_line_before(&self, rank: Rank) -> bool {
        let line = match rank {
            Rank::First => &self.waiting_first,
            Rank::Later => &self.waiting,
        };
        line.load(SeqCst) > 0
    }

    /// A place for a request whose client waits for a 100; `None` if such requests have their part.
    pub fn expect(&self, places: usize) -> Option<Expecting<'_>> {
        let most = (places / EXPECTING).max(1);
        self.expecting.take(most).then(|| Expecting(self))
    }

    /// Takes on the wish of one request in the first line: whether there was one. The caller has to
    /// give a place back.
    #[must_use]
    pub fn gives_way(&self) -> bool {
        let less = |wanted: usize| wanted.checked_sub(1);
        self.wanted.fetch_update(SeqCst, SeqCst, less).is_ok()
    }

    /// How many wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.load(SeqCst)
    }

    /// A place in a line; `None`, counted, if `most` wait there already.
    pub fn enter(&self, rank: Rank, most: usize) -> Option<Place<'_>> {
        let turn = Arc::new(Notify::new());
        let mut lines = self.lock();
        let Some(ticket) = lines.of(rank).enter(most, turn.clone()) else {
            drop(lines);
            self.queue_full.fetch_add(1, Relaxed);
            return None;
        };
        self.note(&lines);
        if rank == Rank::First {
            self.wanted.fetch_add(1, SeqCst);
        }
        lines.wake();
        Some(Place {
            breaker: self,
            rank,
            ticket,
            turn,
        })
    }

    fn note(&self, lines: &Lines) {
        self.waiting.store(lines.len(), SeqCst);
        self.waiting_first.store(lines.first.len(), SeqCst);
    }

    /// A request has ended: the one that waits longest may try, in the first line if there is one.
    pub fn ended(&self) {
        if self.has_line() {
            self.lock().wake();
        }
    }

    /// Counts a request that waited for too long.
    pub fn waited_too_long(&self) {
        self.queue_timeout.fetch_add(1, Relaxed);
    }

    /// Requests refused because the line was full, and because they stood in it for too long.
    #[must_use]
    pub fn refused(&self) -> (u64, u64) {
        (
            self.queue_full.load(Relaxed),
            self.queue_timeout.load(Relaxed),
        )
    }

    /// Whether requests are being refused, if that has changed since it was last asked.
    pub fn turned(&self) -> Option<bool> {
        let (full, late) = self.refused();
        let refuses = self.seen.swap(full + late, Relaxed) != full + late;
        // It takes a moment without refusals and without a line to be over.
        let open = refuses || (self.told.load(Relaxed) && self.has_line());
        (self.told.swap(open, Relaxed) != open).then_some(open)
    }

    fn lock(&self) -> MutexGuard<'_, Lines> {
        // The lines are whole after every step.
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request whose client waits for a 100, until this is dropped.
pub struct Expecting<'a>(&'a Breaker);

impl Drop for Expecting<'_> {
    fn drop(&mut self) {
        self.0.expecting.give();
    }
}

/// A place in a region's line; left when dropped.
pub struct Place<'a> {
    breaker: &'a Breaker,
    rank: Rank,
    ticket: u64,
    turn: Arc<Notify>,
}

impl Place<'_> {
    /// Whether it is in the first line.
    #[must_use]
    pub fn is_first(&self) -> bool {
        self.rank == Rank::First
    }

    /// Waits until this is the first place and a request may have ended.
    pub async fn turn(&self) {
        self.turn.notified().await;
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut lines = self.breaker.lock();
        lines.of(self.rank).leave(self.ticket);
        self.breaker.note(&lines);
        let most = lines.first.len();
        self.breaker.wanted.fetch_min(most, SeqCst);
        // Several requests may have ended while this one stood before the next.
        lines.wake();
    }
}
