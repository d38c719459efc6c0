//! How long to wait before another attempt: exponential with full jitter, so that the callers of an
//! endpoint that broke do not come back as one (Brooker, "Exponential Backoff and Jitter", 2015).

use std::time::Duration;

/// The time before attempt number `attempt`, of which the first retry is 1: uniform between nothing
/// and `base`, doubled with each further attempt, never more than `most`. `roll` is uniform.
#[must_use]
pub fn delay(attempt: u32, base: Duration, most: Duration, roll: u64) -> Duration {
    let doubled = base.saturating_mul(1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(0));
    let ceiling = if doubled.is_zero() && !base.is_zero() {
        most
    } else {
        doubled.min(most)
    };
    scaled(ceiling, roll)
}

/// A time between nine and eleven tenths of `interval`, so that timers that started together part.
#[must_use]
pub fn around(interval: Duration, roll: u64) -> Duration {
    interval - interval / 10 + scaled(interval / 5, roll)
}

/// The part of `whole` that `roll` is of all rolls.
#[must_use]
pub fn scaled(whole: Duration, roll: u64) -> Duration {
    let nanos = (whole.as_nanos().min(u128::from(u64::MAX)) * u128::from(roll)) >> 64;
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn stays_within_its_bounds(attempt in 0_u32..100, base in 0_u64..1_000, most in 0_u64..10_000, roll: u64) {
            let (base, most) = (Duration::from_millis(base), Duration::from_millis(most));
            let delay = delay(attempt, base, most, roll);
            prop_assert!(delay <= most);
            if attempt <= 1 {
                prop_assert!(delay <= base);
            }
        }

        #[test]
        fn jitter_is_a_tenth_to_either_side(interval in 0_u64..3_600_000, roll: u64) {
            let interval = Duration::from_millis(interval);
            let jittered = around(interval, roll);
            prop_assert!(jittered >= interval - interval / 10);
            prop_assert!(jittered <= interval + interval / 10 + Duration::from_nanos(10));
        }
    }

    #[test]
    fn doubles() {
        let ceiling = |attempt| {
            delay(
                attempt,
                Duration::from_millis(25),
                Duration::from_millis(250),
                u64::MAX,
            )
            .as_micros()
        };
        let rounded = [1, 2, 3, 9, 40].map(|attempt| (ceiling(attempt) + 500) / 1_000);
        assert_eq!(rounded, [25, 50, 100, 250, 250]);
    }
}
