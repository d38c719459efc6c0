//! What one thread has: the snapshot as it last saw it, its connections to the regions, its counts.
//! Nothing in here is shared on the request's path.

use std::cell::{Cell, RefCell};
use std::ops::Deref;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use tokio::sync::Notify;
use tokio::time::Instant;
use uuid::Builder;

use super::record::Record;
use crate::snapshot::Snapshot;
use crate::telemetry::worker::WorkerMetrics;
use crate::upstream::pool::Pools;

/// The snapshot that one request sees from start to end.
///
/// Counted by the thread: taking one writes to no memory that another thread reads.
#[derive(Clone)]
pub struct View(Rc<Arc<Snapshot>>);

impl Deref for View {
    type Target = Snapshot;

    fn deref(&self) -> &Snapshot {
        &self.0
    }
}

/// One thread's part of the gateway.
pub struct Worker {
    live: RefCell<arc_swap::Cache<Arc<ArcSwap<Snapshot>>, Arc<Snapshot>>>,
    view: RefCell<View>,
    /// Connections to the regions.
    pub pools: Rc<Pools>,
    /// Whether new work is still welcome.
    pub drain: Drain,
    /// Requests in flight.
    pub in_flight: Cell<u64>,
    /// Connections of clients.
    pub connections: Cell<u64>,
    /// This thread's metrics.
    pub metrics: Arc<WorkerMetrics>,
    tls: Arc<ArcSwap<ServerConfig>>,
}

impl Worker {
    /// A thread's part, over the live snapshot.
    #[must_use]
    pub fn new(
        live: Arc<ArcSwap<Snapshot>>,
        metrics: Arc<WorkerMetrics>,
        tls: Arc<ArcSwap<ServerConfig>>,
    ) -> Rc<Self> {
        let view = View(Rc::new(live.load_full()));
        Rc::new(Self {
            live: RefCell::new(arc_swap::Cache::new(live)),
            view: RefCell::new(view),
            pools: Rc::new(Pools::default()),
            drain: Drain::default(),
            in_flight: Cell::new(0),
            connections: Cell::new(0),
            metrics,
            tls,
        })
    }

    /// The snapshot as it is now.
    #[must_use]
    pub fn view(&self) -> View {
        let mut live = self.live.borrow_mut();
        let latest = live.load();
        let mut view = self.view.borrow_mut();
        if !Arc::ptr_eq(latest, &view.0) {
            *view = View(Rc::new(latest.clone()));
            let endpoints = view.endpoint_ids();
            self.pools.forget(|id| endpoints.contains(&id));
        }
        view.clone()
    }

    /// How TLS is spoken with clients now.
    #[must_use]
    pub fn tls(&self) -> Arc<ServerConfig> {
        self.tls.load_full()
    }

    /// A fresh UUIDv7 (RFC 9562 §5.7). The random part only tells requests apart; it guards nothing.
    #[must_use]
    pub fn fresh_id(&self) -> String {
        let elapsed = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let millis = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        let mut random = [0_u8; 10];
        fastrand::fill(&mut random);
        Builder::from_unix_timestamp_millis(millis, &random)
            .into_uuid()
            .to_string()
    }

    /// Takes in a request that has ended.
    pub fn remember(&self, record: &Record, now: Instant) {
        let _ = (record, now);
    }
}

/// Whether the process is going down, as this thread knows it.
#[derive(Default)]
pub struct Drain {
    begun: Cell<bool>,
    notify: Notify,
}

impl Drain {
    /// Begins it.
    pub fn begin(&self) {
        self.begun.set(true);
        self.notify.notify_waiters();
    }

    /// Whether it has begun.
    #[must_use]
    pub fn is_begun(&self) -> bool {
        self.begun.get()
    }

    /// Waits until it begins.
    pub async fn begun(&self) {
        while !self.is_begun() {
            self.notify.notified().await;
        }
    }
}
