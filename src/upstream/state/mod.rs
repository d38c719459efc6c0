//! What all threads know of an endpoint and of a region: written when something happens, read on
//! each request's path by plain atomic loads. Survives reloads as long as the endpoint is the same.

use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use super::breaker::{Breaker, Count};
use super::endpoint::{Cluster, Endpoint};
use super::networks::Outside;
use super::resolved::Resolved;
use crate::balance::ejection::{EjectionRules, Evidence};
use crate::balance::health::{Change, FULL_SHARE, Health, ProbeRules, Standing, share};

/// [`EndpointState::closed_until`] of an endpoint that probes call down.
const DOWN: u64 = u64::MAX;

/// The longest that a region's `Retry-After` is believed.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// One endpoint's health.
#[derive(Debug, Default)]
pub struct EndpointState {
    /// In milliseconds of [`millis`]; 0 is open. Follows `health`, which is the truth.
    closed_until: AtomicU64,
    /// When it began, or begins, to take requests again; 0 is long ago.
    since: AtomicU64,
    /// Failures in a row.
    failures: AtomicU32,
    good_probes: AtomicU64,
    bad_probes: AtomicU64,
    /// What the last probe found wrong, if it did.
    finding: Mutex<Option<String>>,
    /// Addresses at which it must not be used.
    pub outside: Outside,
    health: Mutex<Health>,
    /// Requests there, each of which has a connection.
    pub requests: Count,
    /// Connections kept for further requests.
    pub idle: Count,
    /// The addresses of its name, if it has one.
    pub resolved: Resolved,
    /// Whether it has left its region.
    withdrawn: AtomicBool,
}

/// An endpoint as it may be shown.
#[derive(Clone, Copy, Debug)]
pub struct Shown {
    /// What it is.
    pub standing: Standing,
    /// Thousandths of its weight that it has.
    pub share: u32,
    /// Failures in a row.
    pub failures: u32,
    /// Ejections in a row.
    pub ejections: u32,
    /// Probes that found it well, ever.
    pub good_probes: u64,
    /// Probes that did not.
    pub bad_probes: u64,
}

impl EndpointState {
    /// Whether it takes requests, as far as health goes.
    #[must_use]
    pub fn takes_requests(&self, now: Instant) -> bool {
        let closed_until = self.closed_until.load(Relaxed);
        closed_until == 0 || (closed_until != DOWN && closed_until <= millis(now))
    }

    /// Its region has it no more: whatever still waits with an older snapshot must not be sent there.
    pub fn withdraw(&self) {
        self.withdrawn.store(true, Release);
    }

    /// Whether a reload has taken it out of its region.
    #[must_use]
    pub fn is_withdrawn(&self) -> bool {
        self.withdrawn.load(Acquire)
    }

    /// Whether probes call it down.
    #[must_use]
    pub fn is_down(&self) -> bool {
        self.closed_until.load(Relaxed) == DOWN
    }

    /// Thousandths of its weight that it has, `window` after its return all of them.
    #[must_use]
    pub fn share(&self, now: Instant, window: Duration) -> u32 {
        match self.since.load(Relaxed) {
            0 => FULL_SHARE,
            since => share(
                Duration::from_millis(millis(now).saturating_sub(since)),
                window,
            ),
        }
    }

    /// A request went well. Writes only after a failure.
    pub fn succeeded(&self) {
        if self.failures.load(Relaxed) != 0 {
            self.failures.store(0, Relaxed);
        }
    }

    /// A request failed after its answer had begun: counted here, judged by [`Cluster::look`].
    pub fn failed_late(&self) {
        self.failures.fetch_add(1, Relaxed);
    }

    /// Takes in a probe.
    pub fn probed(&self, good: bool, rules: &ProbeRules, now: Instant) -> Option<Change> {
        let count = if good {
            &self.good_probes
        } else {
            &self.bad_probes
        };
        count.fetch_add(1, Relaxed);
        self.change(|health| health.probed(good, rules, now))
    }

    /// Keeps what the last probe found wrong, for those who look.
    pub fn found(&self, wrong: Option<String>) {
        let mut finding = self.finding.lock().unwrap_or_else(PoisonError::into_inner);
        *finding = wrong;
    }

    /// What the last probe found wrong.
    #[must_use]
    pub fn finding(&self) -> Option<String> {
        let finding = self.finding.lock().unwrap_or_else(PoisonError::into_inner);
        finding.clone()
    }

    /// Nobody probes it: what probes said no longer holds.
    pub fn unprobed(&self, now: Instant) -> Option<Change> {
        if !self.is_down() {
            return None;
        }
        self.change(|health| health.unprobed(now))
    }

    /// All that is known.
    #[must_use]
    pub fn shown(&self, now: Instant, window: Duration) -> Shown {
        let health = self.lock();
        Shown {
            standing: health.standing(now),
            share: self.share(now, window),
            failures: self.failures.load(Relaxed),
            ejections: health.ejections(),
            good_probes: self.good_probes.load(Relaxed),
            bad_probes: self.bad_probes.load(Relaxed),
        }
    }

    fn change(&self, change: impl FnOnce(&mut Health) -> Option<Change>) -> Option<Change> {
        let mut health = self.lock();
        let changed = change(&mut health)?;
        if changed != Change::Returned {
            self.failures.store(0, Relaxed);
        }
        // Two stores that another thread may see one without the other: for that moment an endpoint
        // has the weight of before.
        self.since.store(health.since().map_or(0, millis), Relaxed);
        let closed_until = match changed {
            Change::Down => DOWN,
            Change::Ejected(..) => health.since().map_or(0, millis),
            Change::Up | Change::Returned => 0,
        };
        self.closed_until.store(closed_until, Relaxed);
        Some(changed)
    }

    fn lock(&self) -> MutexGuard<'_, Health> {
        // The state is whole after every step: a panic elsewhere does not spoil it.
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is known of a region as a whole.
#[derive(Debug)]
pub struct RegionState {
    /// Its number, for each thread's own counts.
    pub id: u32,
    /// Held while an endpoint is ejected, so that two threads cannot eject one too many.
    ejecting: Mutex<()>,
    /// No retries before then.
    paused_until: AtomicU64,
    /// What is in flight and who waits.
    pub breaker: Breaker,
}

impl RegionState {
    /// The state of a region that nothing is known of.
    #[must_use]
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        Self {
            id: NEXT.fetch_add(1, Relaxed),
            ejecting: Mutex::new(()),
            paused_until: AtomicU64::new(0),
            breaker: Breaker::default(),
        }
    }

    /// The region asked for no further attempts for `seconds`.
    pub fn pause_retries(&self, seconds: u32, now: Instant) {
        let pause = Duration::from_secs(seconds.into()).min(LONGEST_PAUSE);
        self.paused_until.fetch_max(millis(now + pause), Relaxed);
    }

    /// Whether it did, and the time is not over.
    #[must_use]
    pub fn retries_paused(&self, now: Instant) -> bool {
        millis(now) < self.paused_until.load(Relaxed)
    }
}

impl Default for RegionState {
    fn default() -> Self {
        Self::new()
    }
}

impl Cluster {
    /// A request at `endpoint` failed; ejects it, logged once, if that was one too many and the
    /// region can do without it.
    pub fn failed(&self, endpoint: &Endpoint, evidence: Evidence, now: Instant) -> bool {
        // What is still under way when an endpoint is ejected says nothing new.
        if !endpoint.state.takes_requests(now) {
            return false;
        }
        let failures = endpoint
            .state
            .failures
            .fetch_add(1, Relaxed)
            .saturating_add(1);
        self.judge(endpoint, failures, evidence.label(), now)
    }

    /// Looks after what no request noticed: ejections that have ended, failures of answers that had
    /// begun. Called now and then by one thread; `true` for each endpoint that it ejected.
    pub fn look(&self, now: Instant) -> usize {
        let region = &*self.region;
        match self.state.breaker.turned() {
            Some(true) => tracing::warn!(region, "region is at its limit, requests are refused"),
            Some(false) => tracing::info!(region, "region takes all requests again"),
            None => {}
        }
        let mut ejected = 0;
        for endpoint in &self.endpoints {
            let state = &endpoint.state;
            if state.closed_until.load(Relaxed) != 0 && state.takes_requests(now) {
                let change = state.change(|health| health.tick(now));
                announce(change, endpoint, "");
            }
            let failures = state.failures.load(Relaxed);
            if state.takes_requests(now) {
                ejected +=
                    usize::from(self.judge(endpoint, failures, Evidence::Reset.label(), now));
            }
        }
        ejected
    }

    fn judge(&self, endpoint: &Endpoint, failures: u32, cause: &str, now: Instant) -> bool {
        let Some(rules) = &self.rules.ejection else {
            return false;
        };
        if failures < rules.consecutive || !self.can_spare(endpoint, rules, now) {
            return false;
        }
        let _one_at_a_time = self
            .state
            .ejecting
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if !self.can_spare(endpoint, rules, now) {
            return false;
        }
        let change = endpoint.state.change(|health| health.eject(rules, now));
        announce(change, endpoint, cause);
        change.is_some()
    }

    fn can_spare(&self, endpoint: &Endpoint, rules: &EjectionRules, now: Instant) -> bool {
        let in_use = self.endpoints.iter().filter(|one| one.is_in_use());
        let (mut total, mut ejected, mut takers) = (0, 0, 0);
        for one in in_use {
            total += 1;
            let takes = one.state.takes_requests(now);
            ejected += usize::from(!takes && !one.state.is_down());
            takers += usize::from(takes && one.id != endpoint.id);
        }
        rules.permit(total, ejected, takers)
    }

    /// Whether a request would find an endpoint. Ejections do not matter here: they count only as
    /// long as another endpoint takes requests.
    #[must_use]
    pub fn is_available(&self) -> bool {
        let mut in_use = self.endpoints.iter().filter(|one| one.is_in_use());
        in_use.any(|one| !one.state.is_down())
    }

    /// Whether a request would have to wait, or be refused: the region is at its limit, or each of
    /// its endpoints that is not down.
    #[must_use]
    pub fn is_full(&self) -> bool {
        let full = |count: &Count, limit: usize| count.now() as usize >= limit;
        let mut takers = self.endpoints.iter();
        self.state.breaker.has_line()
            || full(&self.state.breaker.requests, self.limits.requests)
            || (self.is_available()
                && takers.all(|one| {
                    !one.is_in_use()
                        || one.state.is_down()
                        || full(&one.state.requests, self.limits.connections)
                }))
    }

    /// Seconds after which it is worth asking again, when no endpoint takes requests: the first
    /// ejection's end, or the time that probes need to find an endpoint well.
    #[must_use]
    pub fn retry_after(&self, now: Instant) -> Option<u32> {
        let in_use = self.endpoints.iter().filter(|one| one.is_in_use());
        let soonest = in_use.filter_map(|one| match one.state.closed_until.load(Relaxed) {
            DOWN => self.rules.recovery,
            until => Some(Duration::from_millis(until.saturating_sub(millis(now)))),
        });
        let seconds = soonest.min()?.as_secs_f64().ceil().max(1.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "configured times are at most some days"
        )]
        Some(seconds as u32)
    }
}

/// One log line for a change of state.
pub fn announce(change: Option<Change>, endpoint: &Endpoint, cause: &str) {
    let (region, url) = (&*endpoint.region, &*endpoint.url);
    match change {
        None => {}
        Some(Change::Down) => tracing::warn!(region, endpoint = url, cause, "endpoint is down"),
        Some(Change::Up) => tracing::info!(region, endpoint = url, "endpoint is up"),
        Some(Change::Ejected(duration, nth)) => {
            let seconds = duration.as_secs_f64();
            tracing::warn!(
                region,
                endpoint = url,
                cause,
                seconds,
                nth,
                "endpoint ejected"
            );
        }
        Some(Change::Returned) => {
            tracing::info!(region, endpoint = url, "endpoint's ejection has ended");
        }
    }
}

/// Milliseconds since this process first asked, counted from 1, so that 0 is free for "never". The
/// first to ask may ask about a time to come: what is counted from is the clock's, not theirs.
fn millis(instant: Instant) -> u64 {
    static FIRST: OnceLock<Instant> = OnceLock::new();
    let first = *FIRST.get_or_init(Instant::now);
    let elapsed = instant.saturating_duration_since(first).as_millis();
    u64::try_from(elapsed).unwrap_or(DOWN - 2) + 1
}

#[cfg(test)]
mod tests;
