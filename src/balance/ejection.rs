//! Outlier ejection: an endpoint that fails request after request is left alone for a while. How
//! many failures, for how long, and when it is refused because too few would be left.
//!
//! Evidence is what requests met, so a caller may provoke some of it. Three rules bound what that
//! can do: an ejection ends, the share of a region's endpoints that are ejected is limited (rounded
//! down: half of three is one), and the last endpoint that takes requests is never ejected. Should
//! that last one be found down by probes later, the ejections of the others no longer count:
//! ejection says "others do better", and then there are no others.

use std::time::Duration;

/// What an attempt met that speaks against its endpoint.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Evidence {
    /// No connection: refused, no TLS, no address, no time left.
    Connect,
    /// The connection broke, or brought no HTTP, before the answer was whole.
    Reset,
    /// The answer did not come in time.
    TimeOut,
    /// A status from 500 on, but for those that say that the request is not supported.
    Status,
    /// An answer whose text admits to an error that its status hides.
    Hidden,
}

impl Evidence {
    /// The kebab-case name in metrics and logs.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Reset => "reset",
            Self::TimeOut => "time-out",
            Self::Status => "status",
            Self::Hidden => "hidden-failure",
        }
    }

    /// What a status says: 501 and 505 are about the request, all others from 500 on about the
    /// endpoint.
    #[must_use]
    pub const fn of_status(status: u16) -> Option<Self> {
        match status {
            501 | 505 => None,
            500.. => Some(Self::Status),
            _ => None,
        }
    }
}

/// When and for how long.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct EjectionRules {
    /// Failures in a row, of whatever kind.
    pub consecutive: u32,
    /// The first ejection; each further one is twice as long.
    pub base: Duration,
    /// The longest ejection, and how long an endpoint must do well for its past to be forgotten.
    pub most: Duration,
    /// Percent of a region's endpoints that may be ejected at a time, rounded down.
    pub share: u32,
}

impl EjectionRules {
    /// The duration of ejection number `nth`, counted from 1.
    #[must_use]
    pub fn duration(&self, nth: u32) -> Duration {
        match 1_u32.checked_shl(nth.saturating_sub(1)) {
            Some(factor) => self.base.saturating_mul(factor).min(self.most),
            None => self.most,
        }
    }

    /// Whether one more of `total` endpoints may be ejected, when `ejected` are and `takers` others
    /// would still take requests.
    #[must_use]
    pub const fn permit(&self, total: usize, ejected: usize, takers: usize) -> bool {
        takers > 0 && (ejected + 1) * 100 <= total * self.share as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rules(share: u32) -> EjectionRules {
        EjectionRules {
            consecutive: 5,
            base: Duration::from_secs(10),
            most: Duration::from_secs(300),
            share,
        }
    }

    #[test]
    fn grows_and_is_capped() {
        let seconds = [1, 2, 3, 5, 6, 40, u32::MAX].map(|nth| rules(50).duration(nth).as_secs());
        assert_eq!(seconds, [10, 20, 40, 160, 300, 300, 300]);
    }

    #[test]
    fn shares_are_rounded_down() {
        let most = |total: usize, share| {
            (0..total)
                .take_while(|ejected| rules(share).permit(total, *ejected, total - ejected - 1))
                .count()
        };
        assert_eq!(most(1, 100), 0, "the last one stays");
        assert_eq!(most(2, 50), 1);
        assert_eq!(most(3, 50), 1);
        assert_eq!(most(3, 100), 2);
        assert_eq!(most(5, 10), 0);
        assert_eq!(most(10, 10), 1);
    }

    #[test]
    fn what_is_not_supported_is_the_callers_affair() {
        let counts = [200, 404, 429, 499, 500, 501, 502, 503, 504, 505, 599]
            .map(|status| Evidence::of_status(status).is_some());
        let expected = [
            false, false, false, false, true, false, true, true, true, false, true,
        ];
        assert_eq!(counts, expected);
    }

    proptest! {
        #[test]
        fn a_longer_past_is_never_a_shorter_ejection(nth in 1_u32..100, base in 0_u64..100, most in 0_u64..1_000) {
            let rules = EjectionRules {
                base: Duration::from_secs(base),
                most: Duration::from_secs(most),
                ..rules(50)
            };
            prop_assert!(rules.duration(nth) <= rules.duration(nth + 1));
            prop_assert!(rules.duration(nth) <= rules.most);
        }
    }
}
