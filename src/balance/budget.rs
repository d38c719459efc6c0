//! The retry budget: retries may be a share of the recent requests, and a few more by the second,
//! so that an endpoint in trouble is not buried under second attempts (Finagle's `RetryBudget`; a
//! fixed number of retries per request multiplies an outage by that number).

use std::time::{Duration, Instant};

/// What counts as recent, in slices of a second.
const SLICES: usize = 10;

/// How many retries there may be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BudgetRules {
    /// Percent of the recent requests.
    pub share: u32,
    /// Thousandths of a retry by the second that are allowed whatever the requests.
    pub milli_per_second: u32,
}

/// One budget. Never negative: what is not there is not given.
#[derive(Clone, Debug)]
pub struct Budget {
    slices: [Slice; SLICES],
    /// The start of the newest slice.
    newest: Option<Instant>,
    /// The place of the newest slice.
    at: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slice {
    requests: u32,
    retries: u32,
}

impl Default for Budget {
    fn default() -> Self {
        Self::new()
    }
}

impl Budget {
    /// A budget of a process that has seen nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            slices: [Slice {
                requests: 0,
                retries: 0,
            }; SLICES],
            newest: None,
            at: 0,
        }
    }

    /// Counts a request's first attempt.
    pub fn request(&mut self, now: Instant) {
        self.advance(now);
        if let Some(slice) = self.slices.get_mut(self.at) {
            slice.requests = slice.requests.saturating_add(1);
        }
    }

    /// Takes one retry, if there is one.
    pub fn retry(&mut self, rules: &BudgetRules, now: Instant) -> bool {
        self.advance(now);
        if self.left(rules) == 0 {
            return false;
        }
        if let Some(slice) = self.slices.get_mut(self.at) {
            slice.retries = slice.retries.saturating_add(1);
        }
        true
    }

    /// Whole retries left, as of the last call that was given a time.
    #[must_use]
    pub fn left(&self, rules: &BudgetRules) -> u64 {
        let sum = |part: fn(&Slice) -> u32| -> u64 {
            self.slices.iter().map(|slice| u64::from(part(slice))).sum()
        };
        let shared = sum(|slice| slice.requests) * u64::from(rules.share) * 10;
        let steady = u64::from(rules.milli_per_second) * SLICES as u64;
        ((shared + steady) / 1_000).saturating_sub(sum(|slice| slice.retries))
    }

    /// Makes the slice of `now` the newest; what has grown old is forgotten. A clock that goes back
    /// changes nothing.
    fn advance(&mut self, now: Instant) {
        let newest = *self.newest.get_or_insert(now);
        let passed = now.saturating_duration_since(newest).as_secs();
        let turns = usize::try_from(passed).unwrap_or(SLICES).min(SLICES);
        for _ in 0..turns {
            self.at = (self.at + 1) % SLICES;
            if let Some(slice) = self.slices.get_mut(self.at) {
                *slice = Slice::default();
            }
        }
        self.newest = Some(newest + Duration::from_secs(passed));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RULES: BudgetRules = BudgetRules {
        share: 20,
        milli_per_second: 1_000,
    };

    #[test]
    fn a_quiet_process_has_its_minimum_and_gets_it_back() {
        let mut budget = Budget::new();
        let now = Instant::now();
        let taken = (0..100).filter(|_| budget.retry(&RULES, now)).count();
        assert_eq!(taken, 10);
        assert!(!budget.retry(&RULES, now + Duration::from_secs(9)));
        assert!(budget.retry(&RULES, now + Duration::from_secs(10)));
    }

    #[test]
    fn a_share_of_the_requests_may_be_repeated() {
        let mut budget = Budget::new();
        let now = Instant::now();
        let rules = BudgetRules {
            share: 20,
            milli_per_second: 0,
        };
        assert!(!budget.retry(&rules, now));
        (0..50).for_each(|_| budget.request(now));
        let taken = (0..100).filter(|_| budget.retry(&rules, now)).count();
        assert_eq!(taken, 10);
        budget.request(now + Duration::from_secs(3_600));
        assert_eq!(budget.left(&rules), 0, "an hour ago is not recent");
    }

    proptest! {
        /// Against a list of everything that ever happened.
        #[test]
        fn never_more_than_its_rules_allow(
            steps in prop::collection::vec((any::<bool>(), 0_u64..3_000), 1..400),
            share in 0_u32..=100,
            milli_per_second in 0_u32..5_000,
        ) {
            let rules = BudgetRules { share, milli_per_second };
            let start = Instant::now();
            let (mut budget, mut now) = (Budget::new(), start);
            budget.advance(start);
            let mut log: Vec<(u64, bool)> = Vec::new();
            for (is_retry, millis) in steps {
                now += Duration::from_millis(millis);
                let second = (now - start).as_secs();
                let recent = |kind: bool| {
                    log.iter().filter(|(at, retry)| *retry == kind && second - at < 10).count() as u64
                };
                let allowed = (recent(false) * u64::from(share) * 10 + u64::from(milli_per_second) * 10) / 1_000;
                if is_retry {
                    let granted = budget.retry(&rules, now);
                    prop_assert_eq!(granted, recent(true) < allowed);
                    if granted {
                        log.push((second, true));
                    }
                } else {
                    budget.request(now);
                    log.push((second, false));
                }
            }
        }
    }
}
