//! One thread's metrics. Only that thread writes them, and a scrape reads them now and then: the
//! lock is never contended on the request's path, and no memory is shared between the threads.
//!
//! All of a request is recorded under one lock at its end. Labels are small numbers; texts are
//! looked up when a scrape asks. What is kept is bounded by the labels there are.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::histogram::Histogram;

/// What is counted of one request. Numbers of labels are those of [`super::Tables`] and
/// [`super::Telemetry::region`].
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// The region's number.
    pub region: Option<u16>,
    /// The route's index.
    pub route: Option<u16>,
    /// The method's index.
    pub method: u8,
    /// The reason's index.
    pub reason: Option<u8>,
    /// The status given to the client; 0 if there was none.
    pub status: u16,
    /// From the head's last byte to the answer's last.
    pub total: Duration,
    /// The region's part, connecting excepted.
    pub upstream: Option<Duration>,
    /// The gateway's own part.
    pub overhead: Duration,
    /// Connecting, where a connection was made.
    pub connect: Option<Duration>,
    /// Bytes of the request's body.
    pub received: u64,
    /// Bytes of the answer.
    pub sent: u64,
    /// The protocol's name.
    pub protocol: &'static str,
    /// Whether the bare host was asked.
    pub bare_host: bool,
    /// What the key's tag said, where there was a key.
    pub key: Option<&'static str>,
}

/// A counter that is seldom touched.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Event {
    /// An answer of the gateway's own, by label.
    Refused,
    /// The same, by whose fault it is.
    Fault,
    /// An answer broken off half-way, by cause.
    Broken,
    /// An attempt at an endpoint that failed before anything was sent, by cause.
    AttemptFailed,
    /// A request that may have been sent was sent again, by what had happened.
    Retried,
    /// A request that might have been sent again was not, by the reason.
    RetryRefused,
    /// An endpoint was ejected, by what requests met.
    Ejected,
    /// Another region stood in for this one.
    FailedOver,
    /// A redirect to a region's own host.
    Redirected,
    /// A caller who may be in the wrong region was pointed to the page where regions are chosen.
    Pointed,
    /// A look-up of a key, by what came of it.
    LookedUp,
    /// A region's answer to a look-up.
    Inquired,
    /// A region said that it does not know a key.
    UnknownKey,
    /// A caller chose a region on that page.
    PinSet,
    /// A caller forgot a choice there.
    PinCleared,
    /// A TLS handshake that failed, by reason.
    HandshakeFailed,
    /// A connection without the PROXY protocol header that its listener demands, by reason.
    ProxyHeaderRefused,
    /// An HTTP/2 connection ended for frames that make work and no request, by kind.
    Flooded,
    /// A connection ended because its client was refused too often.
    Dismissed,
    /// A connection could not be accepted: the process has run out of something.
    AcceptFailed,
    /// A connection beyond the limit.
    ConnectionRefused,
    /// A connection that waited, ended to make room for another.
    Displaced,
    /// A connection of another region was about to be used. Must stay 0.
    CrossRegion,
}

/// The label set of one request counter.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) struct RequestKey {
    pub(super) region: u16,
    pub(super) route: u16,
    pub(super) status: u16,
    pub(super) method: u8,
    pub(super) reason: u8,
}

/// "None" for a label that is a number.
pub(super) const NONE: u16 = u16::MAX;

/// One thread's counts.
#[derive(Debug, Default)]
pub struct WorkerMetrics(Mutex<Counts>);

/// What a scrape merges.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    pub(super) requests: HashMap<u64, u64, BuildHasherDefault<Multiply>>,
    pub(super) regions: Vec<RegionCounts>,
    pub(super) protocols: HashMap<&'static str, u64>,
    pub(super) keys: HashMap<&'static str, u64>,
    pub(super) bare_host: [u64; 16],
    pub(super) events: HashMap<(Event, u16, &'static str), u64>,
    pub(super) handshakes: HashMap<(&'static str, bool), Histogram>,
    pub(super) gauges: Gauges,
}

/// What is counted by region.
#[derive(Clone, Debug, Default)]
pub(super) struct RegionCounts {
    pub(super) total: Histogram,
    pub(super) upstream: Histogram,
    pub(super) overhead: Histogram,
    pub(super) connect: Histogram,
    pub(super) received: u64,
    pub(super) sent: u64,
}

/// What is so at the moment.
#[derive(Clone, Copy, Debug, Default)]
pub struct Gauges {
    /// Open client connections.
    pub connections: u64,
    /// Requests in flight.
    pub in_flight: u64,
    /// Unused connections to regions.
    pub pooled: u64,
}

impl RequestKey {
    const fn pack(self) -> u64 {
        (self.region as u64) << 48
            | (self.route as u64) << 32
            | (self.status as u64) << 16
            | (self.method as u64) << 8
            | self.reason as u64
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "the parts are cut out on purpose"
    )]
    pub(super) const fn unpack(packed: u64) -> Self {
        Self {
            region: (packed >> 48) as u16,
            route: (packed >> 32) as u16,
            status: (packed >> 16) as u16,
            method: (packed >> 8) as u8,
            reason: packed as u8,
        }
    }
}

impl WorkerMetrics {
    /// Records a request that has ended.
    pub fn record(&self, sample: &Sample) {
        let mut counts = self.lock();
        let key = RequestKey {
            region: sample.region.unwrap_or(NONE),
            route: sample.route.unwrap_or(NONE),
            status: sample.status,
            method: sample.method,
            reason: sample.reason.unwrap_or(u8::MAX),
        };
        *counts.requests.entry(key.pack()).or_default() += 1;
        *counts.protocols.entry(sample.protocol).or_default() += 1;
        if let Some(key) = sample.key {
            *counts.keys.entry(key).or_default() += 1;
        }
        if let (true, Some(reason)) = (sample.bare_host, sample.reason)
            && let Some(count) = counts.bare_host.get_mut(usize::from(reason))
        {
            *count += 1;
        }
        // Requests of no region are counted in the place after the last region's.
        let place = sample.region.map_or(0, |region| usize::from(region) + 1);
        if counts.regions.len() <= place {
            counts.regions.resize_with(place + 1, RegionCounts::default);
        }
        let Some(region) = counts.regions.get_mut(place) else {
            return;
        };
        region.total.record(sample.total);
        region.overhead.record(sample.overhead);
        if let Some(upstream) = sample.upstream {
            region.upstream.record(upstream);
        }
        if let Some(connect) = sample.connect {
            region.connect.record(connect);
        }
        region.received += sample.received;
        region.sent += sample.sent;
    }

    /// Counts something that happens seldom.
    pub fn count(&self, event: Event, region: Option<u16>, label: &'static str) {
        let key = (event, region.unwrap_or(NONE), label);
        *self.lock().events.entry(key).or_default() += 1;
    }

    /// Records a finished handshake.
    pub fn handshake(&self, version: &'static str, resumed: bool, duration: Duration) {
        self.lock()
            .handshakes
            .entry((version, resumed))
            .or_default()
            .record(duration);
    }

    /// Says what is so at the moment.
    pub fn gauge(&self, gauges: Gauges) {
        self.lock().gauges = gauges;
    }

    pub(super) fn counts(&self) -> Counts {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        // Counts are whole after every step: a panic elsewhere does not spoil them.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    /// Adds another thread's.
    pub(super) fn merge(&mut self, other: &Self) {
        for (key, count) in &other.requests {
            *self.requests.entry(*key).or_default() += count;
        }
        if self.regions.len() < other.regions.len() {
            self.regions
                .resize_with(other.regions.len(), RegionCounts::default);
        }
        for (to, from) in self.regions.iter_mut().zip(&other.regions) {
            to.total.merge(&from.total);
            to.upstream.merge(&from.upstream);
            to.overhead.merge(&from.overhead);
            to.connect.merge(&from.connect);
            to.received += from.received;
            to.sent += from.sent;
        }
        for (key, count) in &other.protocols {
            *self.protocols.entry(key).or_default() += count;
        }
        for (key, count) in &other.keys {
            *self.keys.entry(key).or_default() += count;
        }
        for (to, from) in self.bare_host.iter_mut().zip(other.bare_host) {
            *to += from;
        }
        for (key, count) in &other.events {
            *self.events.entry(*key).or_default() += count;
        }
        for (key, histogram) in &other.handshakes {
            self.handshakes.entry(*key).or_default().merge(histogram);
        }
        self.gauges.connections += other.gauges.connections;
        self.gauges.in_flight += other.gauges.in_flight;
        self.gauges.pooled += other.gauges.pooled;
    }
}

/// A hash for packed labels: one multiplication. The keys are ours, nobody can choose them to
/// collide.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Multiply(u64);

impl Hasher for Multiply {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, value: u64) {
        // Fibonacci hashing (Knuth, TAOCP 6.4): the high bits are well mixed.
        self.0 = (self.0 ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn packing_is_reversible(region: u16, route: u16, status: u16, method: u8, reason: u8) {
            let key = RequestKey { region, route, status, method, reason };
            prop_assert_eq!(RequestKey::unpack(key.pack()), key);
        }
    }
}
