//! The breaker's limits, which are the endpoint's, as each thread sees them.

/// One thread's part of `whole`, rounded up: together the threads allow at most `threads - 1` more
/// than `whole`, and none is left with nothing.
#[must_use]
pub fn part_of(whole: usize, threads: usize) -> usize {
    whole.div_ceil(threads.max(1)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_parts_make_up_the_whole(whole in 1_usize..1_000_000, threads in 1_usize..1_024) {
            let together = part_of(whole, threads) * threads;
            prop_assert!(together >= whole);
            prop_assert!(together < whole + threads);
        }
    }
}
