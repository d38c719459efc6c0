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

/// A region's breaker.
#[derive(Debug, Default)]
pub struct Breaker {
    /// Requests in flight.
    pub requests: Count,
    line: Mutex<Line<Arc<Notify>>>,
    /// The line's length, to be read without its lock.
    waiting: AtomicUsize,
    queue_full: AtomicU64,
    queue_timeout: AtomicU64,
    /// Refusals when somebody last looked, and whether it was said that there are any.
    seen: AtomicU64,
    told: AtomicBool,
}

impl Breaker {
    /// Whether somebody waits, so that who comes now has to wait as well.
    #[must_use]
    pub fn has_line(&self) -> bool {
        self.waiting.load(SeqCst) > 0
    }

    /// How many wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.load(SeqCst)
    }

    /// A place in the line; `None`, counted, if `most` wait already.
    pub fn enter(&self, most: usize) -> Option<Place<'_>> {
        let turn = Arc::new(Notify::new());
        let mut line = self.lock();
        let Some(ticket) = line.enter(most, turn.clone()) else {
            drop(line);
            self.queue_full.fetch_add(1, Relaxed);
            return None;
        };
        self.waiting.store(line.len(), SeqCst);
        wake(&line);
        Some(Place {
            breaker: self,
            ticket,
            turn,
        })
    }

    /// A request has ended: whoever waits longest may try.
    pub fn ended(&self) {
        if self.has_line() {
            wake(&self.lock());
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

    fn lock(&self) -> MutexGuard<'_, Line<Arc<Notify>>> {
        // The line is whole after every step.
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn wake(line: &Line<Arc<Notify>>) {
    if let Some(first) = line.first() {
        // Kept for one that is not listening at the moment.
        first.notify_one();
    }
}

/// A place in a region's line; left when dropped.
pub struct Place<'a> {
    breaker: &'a Breaker,
    ticket: u64,
    turn: Arc<Notify>,
}

impl Place<'_> {
    /// Waits until this is the first place and a request may have ended.
    pub async fn turn(&self) {
        self.turn.notified().await;
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut line = self.breaker.lock();
        line.leave(self.ticket);
        self.breaker.waiting.store(line.len(), SeqCst);
        // Several requests may have ended while this one stood before the next.
        wake(&line);
    }
}
