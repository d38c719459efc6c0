//! The least loaded of two random choices (Mitzenmacher, "The Power of Two Choices in Randomized
//! Load Balancing", 2001), weighted. Thinking only: loads and dice in, an index out.

/// One candidate.
#[derive(Clone, Copy, Debug)]
pub struct Candidate {
    /// Requests in flight there.
    pub load: u32,
    /// Its share; 0 is never chosen.
    pub weight: u32,
}

/// The index of the chosen candidate, or `None` if none may be chosen. `dice` are two independent
/// uniform 64-bit rolls.
#[must_use]
pub fn pick(candidates: &[Candidate], dice: [u64; 2]) -> Option<usize> {
    let total: u64 = candidates
        .iter()
        .map(|candidate| u64::from(candidate.weight))
        .sum();
    let [first, second] = dice;
    let a = by_weight(candidates, total, None, first)?;
    let others = total
        - candidates
            .get(a)
            .map_or(0, |candidate| u64::from(candidate.weight));
    // The second choice is among the others, so that two endpoints are always compared.
    let b = by_weight(candidates, others, Some(a), second).unwrap_or(a);
    // What is under way, not what would be with this request: else the lighter of two idle ones
    // would never be chosen, however small the difference.
    let load = |i: usize| {
        candidates.get(i).map_or(f64::INFINITY, |candidate| {
            f64::from(candidate.load) / f64::from(candidate.weight.max(1))
        })
    };
    Some(if load(b) < load(a) { b } else { a })
}

/// The candidate at a random point of the line on which each but `skipped` lies with its weight as
/// length.
fn by_weight(
    candidates: &[Candidate],
    total: u64,
    skipped: Option<usize>,
    roll: u64,
) -> Option<usize> {
    // Multiply-shift maps the roll to 0..total without a bias that matters here.
    let mut point = u64::try_from((u128::from(roll) * u128::from(total)) >> 64).unwrap_or(0);
    for (i, candidate) in candidates.iter().enumerate() {
        let weight = if skipped == Some(i) {
            0
        } else {
            u64::from(candidate.weight)
        };
        if point < weight {
            return Some(i);
        }
        point -= weight;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn candidates() -> impl Strategy<Value = Vec<Candidate>> {
        prop::collection::vec((0_u32..100, 0_u32..5), 0..6).prop_map(|pairs| {
            pairs
                .into_iter()
                .map(|(load, weight)| Candidate { load, weight })
                .collect()
        })
    }

    proptest! {
        #[test]
        fn chooses_one_that_may_be_chosen(candidates in candidates(), dice: [u64; 2]) {
            let any = candidates.iter().any(|candidate| candidate.weight > 0);
            match pick(&candidates, dice) {
                Some(i) => prop_assert!(candidates[i].weight > 0),
                None => prop_assert!(!any),
            }
        }

        #[test]
        fn idle_ones_have_their_shares(a in 1_u32..50, b in 1_u32..50) {
            let two = [Candidate { load: 0, weight: a }, Candidate { load: 0, weight: b }];
            let rolls = (0..1_000_u64).map(|i| i << 54 | 1 << 53);
            let firsts = rolls.filter(|roll| pick(&two, [*roll, 0]) == Some(0)).count();
            let expected = 1_024.0 * f64::from(a) / f64::from(a + b);
            prop_assert!((firsts as f64 - expected).abs() <= 25.0, "{firsts} {expected}");
        }

        #[test]
        fn of_two_the_less_loaded_wins(a in 0_u32..100, b in 0_u32..100, dice: [u64; 2]) {
            let two = [Candidate { load: a, weight: 1 }, Candidate { load: b, weight: 1 }];
            let chosen = pick(&two, dice).expect("both may be chosen");
            prop_assert_eq!(two[chosen].load, a.min(b));
        }
    }
}
