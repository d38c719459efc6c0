//! A deadline that is moved for every request and hardly ever due: the timer behind it is touched
//! only when it fires or must fire earlier, not each time the deadline moves.
//!
//! A process that was stopped for longer than a time-out (SIGSTOP, a frozen cgroup, a suspended machine)
//! wakes up with expired timers and sockets that nothing has been read from. So the first expiry does
//! not count before the runtime has looked at the sockets once more.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

/// A movable point in time. What it limits must be polled before it.
pub struct Deadline {
    due: Option<Instant>,
    timer: Pin<Box<Sleep>>,
    /// Set while the time is over.
    look: Option<Arc<Look>>,
}

/// Notices that the runtime has looked at its sockets.
struct Look {
    done: AtomicBool,
    task: Waker,
}

impl Wake for Look {
    fn wake(self: Arc<Self>) {
        self.done.store(true, Relaxed);
        self.task.wake_by_ref();
    }
}

/// `Ready` once sockets were looked at since `look` was empty. That the task is polled again does not
/// show it, because something else may have woken it.
fn poll_look(look: &mut Option<Arc<Look>>, context: &Context<'_>) -> Poll<()> {
    if let Some(look) = look {
        return if look.done.load(Relaxed) {
            Poll::Ready(())
        } else {
            Poll::Pending
        };
    }
    let task = context.waker().clone();
    let done = AtomicBool::new(false);
    let waker = look.insert(Arc::new(Look { done, task })).clone().into();
    // The runtime wakes what yields after it has polled its drivers.
    let _ = pin!(tokio::task::yield_now()).poll(&mut Context::from_waker(&waker));
    Poll::Pending
}

impl Deadline {
    /// A deadline `after` from `now`.
    #[must_use]
    pub fn new(now: Instant, after: Duration) -> Self {
        let due = now + after;
        Self {
            due: Some(due),
            timer: Box::pin(tokio::time::sleep_until(due)),
            look: None,
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
                self.look = None;
                return Poll::Pending;
            }
            if self.timer.deadline() >= due {
                return poll_look(&mut self.look, context);
            }
            self.timer.as_mut().reset(due);
        }
    }
}

/// As `tokio::time::timeout_at`, by a [`Deadline`].
///
/// # Errors
/// [`Late`] if `due` came first.
pub async fn within<F: Future>(due: Instant, future: F) -> Result<F::Output, Late> {
    let mut future = pin!(future);
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
