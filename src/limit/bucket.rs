//! A token bucket as one number: the moment at which it will be full again (the generic cell rate
//! algorithm of ITU-T I.371). Nothing has to be refilled, so nothing has to be looked through.

use std::time::Duration;

/// How much a bucket holds, and how fast it fills.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rule {
    /// Tokens of a full bucket, at least 1.
    pub burst: u32,
    /// Until one more has come, in nanoseconds, at least 1.
    every: u64,
}

/// When a bucket will be full, in nanoseconds of the caller's clock. The default is full already.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct Full(u64);

impl Rule {
    /// `burst` tokens at once, then one `every` so long.
    #[must_use]
    pub fn new(burst: u32, every: Duration) -> Self {
        let every = u64::try_from(every.as_nanos()).unwrap_or(u64::MAX);
        Self {
            burst: burst.max(1),
            every: every.max(1),
        }
    }

    /// Takes one token at `now`.
    ///
    /// # Errors
    /// How long until there is one; the bucket is as it was.
    pub const fn take(self, full: &mut Full, now: u64) -> Result<(), Duration> {
        match self.wait(*full, now) {
            Some(wait) => Err(wait),
            None => {
                self.charge(full, now);
                Ok(())
            }
        }
    }

    /// How long until there is a token; `None` if there is one.
    #[must_use]
    pub const fn wait(self, full: Full, now: u64) -> Option<Duration> {
        let after = full.after(now).saturating_add(self.every);
        let most = self.every.saturating_mul(self.burst as u64);
        match after.saturating_sub(now).saturating_sub(most) {
            0 => None,
            wait => Some(Duration::from_nanos(wait)),
        }
    }

    /// Takes a token that was used already, as far as the bucket holds one: what is charged
    /// after the fact never leaves a debt.
    pub const fn charge(self, full: &mut Full, now: u64) {
        let most = now.saturating_add(self.every.saturating_mul(self.burst as u64));
        let after = full.after(now).saturating_add(self.every);
        // A bucket that another rule left emptier stays so.
        if after <= most {
            full.0 = after;
        } else if full.0 < most {
            full.0 = most;
        }
    }
}

impl Full {
    /// Of a bucket that is full.
    pub const NOW: Self = Self(0);

    /// Itself, or `now` if that is past.
    const fn after(self, now: u64) -> u64 {
        if self.0 > now { self.0 } else { now }
    }

    /// Whether a bucket is full at `now`.
    #[must_use]
    pub const fn is_now(self, now: u64) -> bool {
        self.0 <= now
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_burst_then_one_at_a_time_and_says_when() {
        let rule = Rule::new(3, Duration::from_nanos(10));
        let mut full = Full::default();
        for _ in 0..3 {
            assert_eq!(rule.take(&mut full, 100), Ok(()));
        }
        assert_eq!(rule.take(&mut full, 100), Err(Duration::from_nanos(10)));
        assert_eq!(rule.take(&mut full, 106), Err(Duration::from_nanos(4)));
        assert_eq!(rule.take(&mut full, 110), Ok(()));
        assert!(rule.take(&mut full, 110).is_err());
        assert_eq!(rule.take(&mut full, 1_000), Ok(()), "long after");
    }

    #[test]
    fn what_is_charged_after_the_fact_leaves_no_debt() {
        let rule = Rule::new(2, Duration::from_nanos(10));
        let mut full = Full::default();
        for _ in 0..100 {
            rule.charge(&mut full, 0);
        }
        assert_eq!(rule.wait(full, 0), Some(Duration::from_nanos(10)));
        assert_eq!(rule.wait(full, 10), None);
    }

    proptest! {
        /// In any window of length t: at most burst + t / every, and a wait that is said is true.
        #[test]
        fn no_window_has_more_than_the_rule_says(
            burst in 1_u32..20,
            every in 1_u64..50,
            gaps in proptest::collection::vec(0_u64..60, 1..200),
        ) {
            let rule = Rule::new(burst, Duration::from_nanos(every));
            let mut full = Full::default();
            let (mut now, mut taken) = (0, Vec::new());
            for gap in gaps {
                now += gap;
                match rule.take(&mut full, now) {
                    Ok(()) => taken.push(now),
                    Err(wait) => {
                        let wait = u64::try_from(wait.as_nanos()).expect("short");
                        prop_assert!(wait > 0);
                        prop_assert!(rule.wait(full, now + wait - 1).is_some());
                        prop_assert!(rule.wait(full, now + wait).is_none());
                    }
                }
            }
            for (i, from) in taken.iter().enumerate() {
                for (j, to) in taken.iter().enumerate().skip(i) {
                    let count = (j - i + 1) as u64;
                    prop_assert!(count <= u64::from(burst) + (to - from) / every);
                }
            }
        }

        /// Whoever keeps to the rate is never refused.
        #[test]
        fn the_rate_itself_is_always_served(burst in 1_u32..20, every in 1_u64..50, extra in proptest::collection::vec(0_u64..9, 1..100)) {
            let rule = Rule::new(burst, Duration::from_nanos(every));
            let (mut full, mut now) = (Full::default(), 7);
            for more in extra {
                prop_assert_eq!(rule.take(&mut full, now), Ok(()));
                now += every + more;
            }
        }
    }
}
