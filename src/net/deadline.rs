//! A deadline that is moved for every request and hardly ever due: the timer behind it is touched
//! only when it fires or must fire earlier, not each time the deadline moves.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

/// A movable point in time.
pub struct Deadline {
    due: Option<Instant>,
    timer: Pin<Box<Sleep>>,
}

impl Deadline {
    /// A deadline `after` from `now`.
    #[must_use]
    pub fn new(now: Instant, after: Duration) -> Self {
        let due = now + after;
        Self {
            due: Some(due),
            timer: Box::pin(tokio::time::sleep_until(due)),
        }
    }

    /// Moves it to `due`.
    pub fn set(&mut self, due: Instant) {
        self.due = Some(due);
        if due < self.timer.deadline() || self.timer.is_elapsed() {
            self.timer.as_mut().reset(due);
        }
    }

    /// Takes it away.
    pub const fn clear(&mut self) {
        self.due = None;
    }

    /// `Ready` when it is past. Must be polled in the task that waits.
    pub fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(due) = self.due else {
            return Poll::Pending;
        };
        loop {
            if self.timer.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            if self.timer.deadline() >= due {
                return Poll::Ready(());
            }
            self.timer.as_mut().reset(due);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;

    #[tokio::test(start_paused = true)]
    async fn fires_at_the_last_time_set() {
        let start = Instant::now();
        let mut deadline = Deadline::new(start, Duration::from_secs(1));
        deadline.set(start + Duration::from_secs(5));
        poll_fn(|context| deadline.poll(context)).await;
        assert_eq!(start.elapsed().as_secs(), 5);
        deadline.set(start + Duration::from_secs(60));
        deadline.set(start + Duration::from_secs(7));
        poll_fn(|context| deadline.poll(context)).await;
        assert_eq!(start.elapsed().as_secs(), 7);
    }

    #[tokio::test(start_paused = true)]
    async fn never_fires_once_cleared() {
        let mut deadline = Deadline::new(Instant::now(), Duration::from_secs(1));
        deadline.clear();
        let wait = poll_fn(|context| deadline.poll(context));
        assert!(
            tokio::time::timeout(Duration::from_secs(100), wait)
                .await
                .is_err()
        );
    }
}
