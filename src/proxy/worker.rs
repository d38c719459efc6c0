//! What one thread has: the snapshot as it last saw it, its connections to the regions, its counts.
//! Nothing in here is shared on the request's path.

use std::cell::{Cell, RefCell};
use std::ops::Deref;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use tokio::sync::{Notify, Semaphore};
use tokio::task::AbortHandle;
use tokio::time::Instant;
use uuid::Builder;

use super::arrival::Protocol;
use super::challenge;
use super::line;
use super::lookup::Lookups;
use super::record::Record;
use super::span;
use crate::config::log::Access;
use crate::limit::crowd::Crowd;
use crate::limit::ledger::Ledger;
use crate::limit::waiting::Waiting;
use crate::region::question::KeyFinding;
use crate::snapshot::Snapshot;
use crate::telemetry::access::Outlet;
use crate::telemetry::spans::SpanOutlet;
use crate::telemetry::worker::{Event, Gauges, Sample, WorkerMetrics};
use crate::upstream::failure::Cause;
use crate::upstream::pool::Pools;
use crate::upstream::travel::Journey;

/// The snapshot that one request sees from start to end.
///
/// Counted by the thread: taking one writes to no memory that another thread reads.
#[derive(Clone)]
#[expect(
    clippy::redundant_allocation,
    reason = "the outer count is this thread's own, the inner one is shared"
)]
pub struct View(Rc<Arc<Snapshot>>);

impl Deref for View {
    type Target = Snapshot;

    fn deref(&self) -> &Snapshot {
        &self.0
    }
}

/// What a thread has a part of.
#[derive(Clone, Copy, Debug)]
pub struct Share {
    /// Requests, and connections of clients, that the process has file descriptors for.
    pub room: usize,
    /// The threads that share.
    pub threads: usize,
}

/// What all threads have together.
#[derive(Clone)]
pub struct Common {
    /// What clients have left.
    pub ledger: Arc<Ledger>,
    /// Requests in flight, by client.
    pub crowd: Arc<Crowd>,
    /// What is known of keys.
    pub lookups: Arc<Lookups>,
    /// Requests in flight.
    pub requests: Arc<AtomicUsize>,
    /// What each has a part of.
    pub share: Share,
}

/// One thread's part of the gateway.
pub struct Worker {
    live: RefCell<arc_swap::Cache<Arc<ArcSwap<Snapshot>>, Arc<Snapshot>>>,
    view: RefCell<View>,
    /// Connections to the regions.
    pub pools: Rc<Pools>,
    /// Whether new work is still welcome.
    pub drain: Step,
    /// Whether new connections are accepted no more. Not before `drain`; later, if nobody else
    /// would accept them meanwhile.
    pub shut: Step,
    /// Whether idle connections end. Some time after `drain`, so that requests on their way are served.
    pub idle_ends: Step,
    /// Whether new requests are refused, because their answers might not come before the drain is over.
    pub ending: Step,
    /// Whether the time for draining is over: what is in flight now is cut off.
    pub over: Cell<bool>,
    /// Requests in flight.
    pub in_flight: Cell<u64>,
    /// Connections of clients, and what ends each.
    pub clients: RefCell<Waiting<Option<AbortHandle>>>,
    /// This thread's metrics.
    pub metrics: Arc<WorkerMetrics>,
    tls: Arc<ArcSwap<ServerConfig>>,
    /// What clients have left, shared by all threads.
    pub ledger: Arc<Ledger>,
    /// Requests in flight by client, shared by all threads.
    pub crowd: Arc<Crowd>,
    /// What is known of keys, shared by all threads.
    pub lookups: Arc<Lookups>,
    /// Requests in flight in the whole process, shared by all threads.
    requests: Arc<AtomicUsize>,
    share: Share,
    /// How many more answers to ACME challenges may be read now.
    pub challenges: Arc<Semaphore>,
    /// Where lines of the access log go.
    pub access: Outlet,
    /// Where spans go.
    pub spans: SpanOutlet,
}

impl Worker {
    /// A thread's part, over the live snapshot.
    #[must_use]
    pub fn new(
        live: Arc<ArcSwap<Snapshot>>,
        metrics: Arc<WorkerMetrics>,
        tls: Arc<ArcSwap<ServerConfig>>,
        access: Outlet,
        spans: SpanOutlet,
        common: Common,
    ) -> Rc<Self> {
        let Common {
            ledger,
            crowd,
            lookups,
            requests,
            share,
        } = common;
        let view = View(Rc::new(live.load_full()));
        Rc::new(Self {
            live: RefCell::new(arc_swap::Cache::new(live)),
            view: RefCell::new(view),
            pools: Rc::new(Pools::default()),
            drain: Step::default(),
            shut: Step::default(),
            idle_ends: Step::default(),
            ending: Step::default(),
            over: Cell::new(false),
            in_flight: Cell::new(0),
            clients: RefCell::default(),
            metrics,
            tls,
            ledger,
            crowd,
            lookups,
            requests,
            share,
            challenges: Arc::new(Semaphore::new(challenge::MOST_READS)),
            access,
            spans,
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

    /// Counts a request that begins.
    pub fn begin_request(&self) {
        self.in_flight.set(self.in_flight.get() + 1);
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a request that has ended.
    pub fn end_request(&self) {
        self.in_flight.set(self.in_flight.get().saturating_sub(1));
        self.requests.fetch_sub(1, Ordering::Relaxed);
    }

    /// Whether the process has more requests in flight than it takes. All threads count together:
    /// one busy HTTP/2 connection has its thread to itself and may use what the others leave.
    #[must_use]
    pub fn is_full(&self, view: &Snapshot) -> bool {
        let most = view.config.limits.requests.min(self.share.room);
        self.requests.load(Ordering::Relaxed) > most
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
        let region = (record.decided).map(|(region, _)| record.view().region_label(region));
        let journey = record.travelled();
        self.metrics.record(&Sample {
            region,
            route: record
                .route
                .and_then(|route| u16::try_from(route.index()).ok()),
            method: record.method as u8,
            reason: record
                .decided
                .and_then(|(_, reason)| u8::try_from(reason.index()).ok()),
            status: record.status,
            total: now - record.started,
            upstream: record.region_time(),
            overhead: record.own_time(now),
            connect: journey.connect,
            received: record.bytes_in,
            sent: record.bytes_out,
            protocol: record.protocol.map_or("unread", Protocol::label),
            bare_host: record.bare_host,
            key: record
                .key
                .map(KeyFinding::label)
                .filter(|label| *label != "not-asked"),
        });
        if let Some(refusal) = record.refusal {
            self.metrics.count(Event::Refused, region, refusal.label());
            self.metrics
                .count(Event::Fault, region, refusal.fault().label());
        }
        if let Some(cause) = record.broken {
            self.metrics.count(Event::Broken, region, cause.label());
        }
        if record.redirect {
            self.metrics.count(Event::Redirected, region, "");
        }
        if record.unknown_key {
            self.metrics.count(Event::UnknownKey, region, "");
        }
        if record.pointed {
            self.metrics.count(Event::Pointed, region, "");
        }
        if let Some(chosen) = record.pinned {
            let event = chosen.map_or(Event::PinCleared, |_| Event::PinSet);
            self.metrics.count(event, chosen, "");
        }
        self.remember_journey(record, region);
        if record.view().config.log.access != Access::Off {
            self.access
                .line(|out| line::write(out, record, now, SystemTime::now()));
        }
        if let Some(trace) = record.trace {
            span::spans(record, trace, now, SystemTime::now(), |span| {
                self.spans.send(span);
            });
        }
    }

    /// Takes in what a way, of a request or of a look-up, says of a region's endpoints.
    pub fn remember_endpoints(&self, journey: &Journey, region: Option<u16>) {
        for cause in &journey.failed {
            self.metrics
                .count(Event::AttemptFailed, region, cause.label());
            if *cause == Cause::WrongRegion {
                self.metrics.count(Event::CrossRegion, region, "");
            }
        }
        for evidence in &journey.ejected {
            self.metrics.count(Event::Ejected, region, evidence.label());
        }
    }

    /// Takes in what retries, ejections and other regions had to do with it, and what it says of
    /// its endpoint.
    fn remember_journey(&self, record: &Record, region: Option<u16>) {
        let journey = record.travelled();
        if let Some(region) = record.replaced {
            let region = Some(record.view().region_label(region));
            self.metrics.count(Event::FailedOver, region, "");
        }
        for cause in &journey.retried {
            self.metrics.count(Event::Retried, region, cause.label());
        }
        if let Some(reason) = journey.retry_refused {
            self.metrics.count(Event::RetryRefused, region, reason);
        }
        self.remember_endpoints(journey, region);
        if let Some(endpoint) = &journey.endpoint {
            // The answer's head was judged on the way; here, whether all of it came.
            match record.broken.and_then(Cause::evidence) {
                Some(_) => endpoint.state.failed_late(),
                None if journey.went_well => endpoint.state.succeeded(),
                None => {}
            }
        }
    }

    /// Says what is so at the moment.
    pub fn publish(&self) {
        self.metrics.gauge(Gauges {
            connections: self.clients.borrow().len() as u64,
            in_flight: self.in_flight.get(),
            pooled: self.pools.idle() as u64,
        });
    }
}

/// A step of the process on its way down, as this thread knows it.
#[derive(Default)]
pub struct Step {
    begun: Cell<bool>,
    notify: Notify,
}

impl Step {
    /// One that was not taken.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            begun: Cell::new(false),
            notify: Notify::const_new(),
        }
    }

    /// Takes it.
    pub fn begin(&self) {
        self.begun.set(true);
        self.notify.notify_waiters();
    }

    /// Whether it was taken.
    #[must_use]
    pub fn is_begun(&self) -> bool {
        self.begun.get()
    }

    /// Waits until it is taken.
    pub async fn begun(&self) {
        while !self.is_begun() {
            self.notify.notified().await;
        }
    }
}
