//! What hyper leaves to others: streams whose clients take their answers too slowly, and connections
//! on which nothing is asked any more.

use std::cell::{Cell, OnceCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::super::seat::Seat;
use crate::net::deadline::Deadline;
use crate::upstream::client::{LOOK, MOST_STALL};
use crate::upstream::state::RegionState;

tokio::task_local! {
    static PATIENCE: Rc<Patience>;
}

/// How long this stream may still wait for its client. hyper asks nobody while it waits for a window
/// to open, so whoever gives it data says here until when it must be gone.
#[derive(Default)]
pub(super) struct Patience {
    due: Cell<Option<Instant>>,
    /// When it is looked next whether this stream has to give way.
    look: Cell<Option<Instant>>,
    /// The region, if this stream's place there is one beyond its network's share.
    beyond_share: OnceCell<Arc<RegionState>>,
    over: Cell<bool>,
}

impl Patience {
    /// This stream's; one of its own outside of any.
    pub(super) fn here() -> Rc<Self> {
        PATIENCE.try_with(Rc::clone).unwrap_or_default()
    }

    /// The client must have taken all by then; `None` while it is not its turn.
    pub(super) fn until(&self, due: Option<Instant>) {
        self.due.set(due);
    }

    /// From `now` on a client that takes nothing gives its place at the region to one that waits.
    pub(super) fn yields(&self, region: &Arc<RegionState>, now: Instant) {
        let _ = self.beyond_share.set(region.clone());
        self.look.set(Some(now + MOST_STALL));
    }

    /// It has no place there any more.
    pub(super) fn left(&self) {
        self.look.set(None);
    }

    fn gives_way(&self) -> bool {
        let region = self.beyond_share.get();
        region.is_some_and(|region| region.breaker.gives_way())
    }

    /// Whether the client was too slow.
    pub(super) fn is_over(&self) -> bool {
        self.over.get()
    }
}

/// The streams of one connection.
pub(super) struct Activity {
    open: Cell<usize>,
    since: Cell<Instant>,
    seat: Seat,
    /// Whether what streams have left may still be on its way to the client.
    unsent: Cell<bool>,
    /// Whether anything was asked yet.
    asked: Cell<bool>,
    /// Since when a frame has been coming that is no part of a body.
    frame: Cell<Option<Instant>>,
    changed: Notify,
    flooded: Notify,
    finished: Notify,
}

/// How long a connection may have no stream.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    /// Before the first one, and while a frame comes.
    pub(super) head: Duration,
    /// After the last one.
    pub(super) idle: Duration,
}

impl Activity {
    pub(super) fn new(now: Instant, seat: Seat) -> Rc<Self> {
        Rc::new(Self {
            open: Cell::new(0),
            since: Cell::new(now),
            seat,
            unsent: Cell::new(false),
            asked: Cell::new(false),
            frame: Cell::new(None),
            changed: Notify::new(),
            flooded: Notify::new(),
            finished: Notify::new(),
        })
    }

    /// Waits until there has been no stream for too long. Whether anything was asked before, and whole.
    pub(super) async fn ceased(&self, limits: Limits) -> bool {
        loop {
            let now = Instant::now();
            let is_whole = self.asked.get() && self.frame.get().is_none();
            let (mut from, mut limit) = (self.since.get(), limits.idle);
            if !self.asked.get() {
                limit = limits.head.min(limits.idle);
            } else if let Some(begun) = self.frame.get() {
                // A stream may have kept the connection meanwhile.
                (from, limit) = (begun, limits.head.min(limits.idle));
            }
            if self.open.get() > 0 {
                from = now;
            }
            if from + limit <= now {
                return is_whole;
            }
            tokio::select! {
                () = sleep_until(from + limit) => {}
                // What wakes this polls the connection too, which flushes what is left.
                () = self.changed.notified() => {}
            }
        }
    }

    /// Whether a frame has begun and not come whole, after bytes came.
    pub(super) fn within_frame(&self, is_within: bool, is_fresh: bool) {
        if !is_within {
            self.frame.set(None);
        } else if is_fresh || self.frame.get().is_none() {
            self.frame.set(Some(Instant::now()));
            self.changed.notify_one();
        }
    }

    /// The client sends too much that is no request.
    pub(super) fn flood(&self) {
        self.flooded.notify_one();
    }

    /// Waits for that.
    pub(super) async fn flooded(&self) {
        self.flooded.notified().await;
    }

    /// Waits until no stream is open and all is written, what is written from now on included.
    pub(super) async fn finished(&self) {
        while self.open.get() > 0 || self.unsent.get() {
            self.finished.notified().await;
        }
    }

    /// There is more to write, which belongs to no stream.
    pub(super) fn writes(&self) {
        self.unsent.set(true);
    }

    /// Whether no stream is open.
    pub(super) fn is_idle(&self) -> bool {
        self.open.get() == 0
    }

    /// All that was written has gone out: where no stream is open, the connection waits for the next.
    pub(super) fn flushed(&self) {
        if self.open.get() == 0 && self.unsent.replace(false) {
            self.seat.waits();
            self.finished.notify_one();
        }
    }

    /// The client does not take what there is: it is not to lose that to somebody who wants its place.
    pub(super) fn blocked(&self) {
        self.unsent.set(true);
        self.seat.works();
    }
}

/// One of them.
struct Open(Rc<Activity>);

impl Open {
    fn new(activity: Rc<Activity>) -> Self {
        activity.open.set(activity.open.get() + 1);
        activity.asked.set(true);
        activity.unsent.set(true);
        activity.seat.works();
        Self(activity)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let open = self.0.open.get().saturating_sub(1);
        self.0.open.set(open);
        self.0.since.set(Instant::now());
        if open == 0 {
            self.0.changed.notify_one();
        }
    }
}

/// hyper's way to run streams beside the connection: as local tasks of this thread, each dropped
/// (which resets the stream) when its client's time is over.
#[derive(Clone)]
pub(super) struct Local(pub(super) Rc<Activity>);

impl<F: Future + 'static> hyper::rt::Executor<F> for Local
where
    F::Output: 'static,
{
    fn execute(&self, future: F) {
        let open = Open::new(self.0.clone());
        let patience = Rc::<Patience>::default();
        // On the heap at once: what a future is given and then pins it has room for twice.
        let mut stream = Box::pin(PATIENCE.scope(patience.clone(), future));
        tokio::task::spawn_local(async move {
            let mut deadline: Option<Deadline> = None;
            poll_fn(|context| {
                if stream.as_mut().poll(context).is_ready() {
                    return Poll::Ready(());
                }
                let Some(due) = patience.due.get() else {
                    return Poll::Pending;
                };
                let deadline = deadline.get_or_insert_with(|| {
                    let now = Instant::now();
                    Deadline::new(now, due.saturating_duration_since(now))
                });
                loop {
                    let look = patience.look.get();
                    deadline.set(look.unwrap_or(due).min(due));
                    ready!(deadline.poll(context));
                    let now = Instant::now();
                    if due <= now || patience.gives_way() {
                        patience.over.set(true);
                        return Poll::Ready(());
                    }
                    patience.look.set(Some(now + LOOK));
                }
            })
            .await;
            drop(open);
        });
    }
}
