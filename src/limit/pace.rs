//! How slowly somebody may take or give bytes: a time of grace, and a rate beyond it. Only the time
//! counts in which we waited for them.

use std::time::{Duration, Instant};

/// How slow is too slow.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PaceRule {
    /// Bytes by the second.
    pub rate: u64,
    /// Time that anybody may take beside that.
    pub grace: Duration,
}

/// One body on its way.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    rule: PaceRule,
    moved: u64,
    waited: Duration,
    since: Option<Instant>,
}

impl Pace {
    /// One of which nothing has moved.
    #[must_use]
    pub const fn new(rule: PaceRule) -> Self {
        Self {
            rule,
            moved: 0,
            waited: Duration::ZERO,
            since: None,
        }
    }

    /// We wait from `now` on, unless we do already; the moment at which it has been too long.
    pub fn waits(&mut self, now: Instant) -> Instant {
        let since = *self.since.get_or_insert(now);
        since + self.allowed().saturating_sub(self.waited)
    }

    /// So many bytes moved, and we wait no longer.
    pub fn moves(&mut self, bytes: u64, now: Instant) {
        self.moved = self.moved.saturating_add(bytes);
        if let Some(since) = self.since.take() {
            self.waited += now.saturating_duration_since(since);
        }
    }

    /// How long all waiting together may be.
    fn allowed(&self) -> Duration {
        let millis = self.moved.saturating_mul(1_000) / self.rule.rate.max(1);
        // Nothing is waited for longer than a day, and times must not overflow.
        self.rule.grace + Duration::from_millis(millis.min(86_400_000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RULE: PaceRule = PaceRule {
        rate: 100,
        grace: Duration::from_secs(5),
    };

    #[test]
    fn crumbs_do_not_help() {
        let start = Instant::now();
        let mut pace = Pace::new(RULE);
        let mut now = start;
        // A byte a second.
        while pace.waits(now) > now {
            now += Duration::from_secs(1);
            pace.moves(1, now);
        }
        assert!(now - start <= Duration::from_secs(6), "{:?}", now - start);
    }

    #[test]
    fn our_own_time_does_not_count() {
        let mut now = Instant::now();
        let mut pace = Pace::new(RULE);
        for _ in 0..1_000 {
            now += Duration::from_secs(60);
            assert_eq!(
                pace.waits(now),
                now + RULE.grace + pace.allowed() - RULE.grace - pace.waited
            );
            now += Duration::from_millis(9);
            assert!(pace.waits(now) > now);
            pace.moves(1, now);
        }
    }

    proptest! {
        /// Whoever keeps to the rate is never too slow, and nobody gets more than it and the grace.
        #[test]
        fn too_slow_is_below_the_rate_beyond_the_grace(
            steps in proptest::collection::vec((0_u64..500, 0_u64..8_000), 1..100),
        ) {
            let mut now = Instant::now();
            let mut pace = Pace::new(RULE);
            let (mut moved, mut waited) = (0_u64, 0_u64);
            for (bytes, millis) in steps {
                let due = pace.waits(now);
                now += Duration::from_millis(millis);
                waited += millis;
                let allowed = moved * 1_000 / RULE.rate + 5_000;
                prop_assert_eq!(due <= now, waited >= allowed);
                pace.moves(bytes, now);
                moved += bytes;
            }
        }
    }
}
