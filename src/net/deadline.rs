//! A deadline that is moved for every request and hardly ever due: the timer behind it is touched
//! only when it fires or must fire earlier, not each time the deadline moves.
//!
//! A process that was stopped for longer than a time-out (SIGSTOP, a frozen cgroup, a suspended machine)
//! wakes up with expired timers and sockets that nothing has been read from. So the first expiry does
//! not count before the runtime has looked at the sockets once more.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

/// A movable point in time. What it limits must be polled before it.
pub struct Deadline {
    due: Option<Instant>,
    timer: Pin<Box<Sleep>>,
    look: Look,
}

/// One more turn of the runtime's driver, once the time is over.
enum Look {
    Due,
    Begun(Pin<Box<dyn Future<Output = ()> + Send>>),
    Done,
}

impl Deadline {
    /// A deadline `after` from `now`.
    #[must_use]
    pub fn new(now: Instant, after: Duration) -> Self {
        let due = now + after;
        Self {
            due: Some(due),
            timer: Box::pin(tokio::time::sleep_until(due)),
            look: Look::Due,
        }
    }

    /// Moves it to `due`.
    pub fn set(&mut self, due: Instant) {
        self.due = Some(due);
        // A time that is over stays over when it is set again.
        if due > self.timer.deadline() || !self.timer.is_elapsed() {
            self.look = Look::Due;
        }
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
                return self.poll_look(context);
            }
            self.timer.as_mut().reset(due);
        }
    }

    fn poll_look(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if matches!(self.look, Look::Due) {
            // It wakes its task after the driver has had a turn.
            self.look = Look::Begun(Box::pin(tokio::task::yield_now()));
        }
        if let Look::Begun(turn) = &mut self.look {
            ready!(turn.as_mut().poll(context));
            self.look = Look::Done;
        }
        Poll::Ready(())
    }
}

/// As `tokio::time::timeout_at`, by a [`Deadline`].
///
/// # Errors
/// [`Late`] if `due` came first.
pub async fn within<F: Future>(due: Instant, future: F) -> Result<F::Output, Late> {
    let mut future = std::pin::pin!(future);
    let mut deadline: Option<Deadline> = None;
    std::future::poll_fn(|context| {
        if let Poll::Ready(output) = future.as_mut().poll(context) {
            return Poll::Ready(Ok(output));
        }
        let now = Instant::now();
        let deadline =
            deadline.get_or_insert_with(|| Deadline::new(now, due.saturating_duration_since(now)));
        deadline.poll(context).map(|()| Err(Late))
    })
    .await
}

/// A deadline has passed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Late;

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
