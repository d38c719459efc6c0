//! What is known of keys for a while, what is being asked, and how much may be asked. Keys are not in
//! it, only their keyed digests. Memory is bounded by [`MOST`]; who guesses keys fills it no faster
//! than the budget allows.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::limit::bucket::{Full, Rule};

/// Answers that are remembered at most: some megabytes.
pub const MOST: usize = 65_536;

/// A key and its kind under a secret of this process: nobody outside can tell what it is of, or make
/// two that are the same.
pub type Digest = [u8; 16];

/// What is remembered: the name of the region that has it, or that none has.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Known {
    /// This one.
    At(Arc<str>),
    /// None of those that were asked.
    Nowhere,
}

/// How long answers are remembered, and how many questions there may be.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// That a region has it. It stays there until it is gone everywhere.
    pub found: Duration,
    /// That none has it: short, since receipts are read right after they were made.
    pub nowhere: Duration,
    /// Questions of all clients together, each of which goes to every region that may be asked.
    pub budget: Rule,
    /// Questions of one client.
    pub client: Rule,
    /// Questions of one network: less than `budget`, so that no network spends what all have together.
    pub network: Rule,
}

/// What to do about a key. `W` is how one waits for an answer.
#[derive(Debug, Eq, PartialEq)]
pub enum Step<W> {
    /// It is known.
    Known(Known),
    /// Somebody is asking.
    Wait(W),
    /// Ask: whoever comes meanwhile waits.
    Ask,
    /// Nothing: a budget is spent, or too many keys are being asked for.
    Refused,
}

enum Entry<W> {
    Asked(W),
    Known(Known, Instant),
}

/// The table.
pub struct Table<W> {
    entries: HashMap<Digest, Entry<W>>,
    /// Digests in the order in which they were found, and until when that is remembered.
    found: VecDeque<(Instant, Digest)>,
    /// The same of those that no region has.
    nowhere: VecDeque<(Instant, Digest)>,
    /// Entries that are being asked for.
    asked: usize,
    spent: Full,
    epoch: Instant,
}

impl<W: Clone> Table<W> {
    /// An empty table; `epoch` is not later than any `now`.
    #[must_use]
    pub fn new(epoch: Instant) -> Self {
        Self {
            entries: HashMap::new(),
            found: VecDeque::new(),
            nowhere: VecDeque::new(),
            asked: 0,
            spent: Full::default(),
            epoch,
        }
    }

    /// What to do about a key now. `wait` is for those who come while it is asked; `admit` takes the
    /// question from the caller's own budgets, and is called only if it would be asked.
    pub fn step(
        &mut self,
        digest: Digest,
        now: Instant,
        rules: &Rules,
        admit: impl FnOnce() -> bool,
        wait: impl FnOnce() -> W,
    ) -> Step<W> {
        self.forget(now);
        match self.entries.get(&digest) {
            Some(Entry::Asked(wait)) => return Step::Wait(wait.clone()),
            Some(Entry::Known(known, until)) if now < *until => return Step::Known(known.clone()),
            _ => {}
        }
        let since = now.saturating_duration_since(self.epoch).as_nanos();
        let since = u64::try_from(since).unwrap_or(u64::MAX);
        // The caller's own budgets come first: a caller without one must not spend the common one.
        if self.asked >= MOST
            || rules.budget.wait(self.spent, since).is_some()
            || !admit()
            || rules.budget.take(&mut self.spent, since).is_err()
        {
            return Step::Refused;
        }
        self.entries.insert(digest, Entry::Asked(wait()));
        self.asked += 1;
        Step::Ask
    }

    /// Ends what [`Step::Ask`] began; `None` if nothing can be said.
    pub fn settle(&mut self, digest: Digest, known: Option<Known>, now: Instant, rules: &Rules) {
        if let Some(Entry::Asked(_)) = self.entries.remove(&digest) {
            self.asked = self.asked.saturating_sub(1);
        }
        let Some(known) = known else { return };
        if self.found.len() + self.nowhere.len() >= MOST {
            let oldest = self.nowhere.pop_front().or_else(|| self.found.pop_front());
            self.drop_known(oldest);
        }
        let (until, queue) = match known {
            Known::At(_) => (now + rules.found, &mut self.found),
            Known::Nowhere => (now + rules.nowhere, &mut self.nowhere),
        };
        queue.push_back((until, digest));
        self.entries.insert(digest, Entry::Known(known, until));
    }

    /// Forgets an answer that is of no use any more, so that the next caller asks anew.
    pub fn discard(&mut self, digest: Digest) {
        if matches!(self.entries.get(&digest), Some(Entry::Known(..))) {
            self.entries.remove(&digest);
        }
    }

    /// How many keys are known or asked for.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Drops what is no longer remembered.
    fn forget(&mut self, now: Instant) {
        loop {
            let is_over = |queue: &VecDeque<(Instant, Digest)>| {
                queue.front().is_some_and(|(until, _)| *until <= now)
            };
            let oldest = if is_over(&self.nowhere) {
                self.nowhere.pop_front()
            } else if is_over(&self.found) {
                self.found.pop_front()
            } else {
                return;
            };
            self.drop_known(oldest);
        }
    }

    /// Drops an answer, unless it was asked for anew since.
    fn drop_known(&mut self, oldest: Option<(Instant, Digest)>) {
        if let Some((until, digest)) = oldest
            && matches!(self.entries.get(&digest), Some(Entry::Known(_, of)) if *of == until)
        {
            self.entries.remove(&digest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rules() -> Rules {
        Rules {
            found: Duration::from_secs(300),
            nowhere: Duration::from_secs(1),
            budget: Rule::new(5, Duration::from_millis(100)),
            client: Rule::new(5, Duration::from_millis(100)),
            network: Rule::new(5, Duration::from_millis(100)),
        }
    }

    fn digest(number: u32) -> Digest {
        let mut digest = [0; 16];
        digest[..4].copy_from_slice(&number.to_le_bytes());
        digest
    }

    #[test]
    fn asked_once_and_then_remembered() {
        let start = Instant::now();
        let at = |seconds: f64| start + Duration::from_secs_f64(seconds);
        let mut table = Table::new(start);
        let key = digest(1);
        assert_eq!(
            table.step(key, at(0.0), &rules(), || true, || 'a'),
            Step::Ask
        );
        assert_eq!(
            table.step(key, at(0.0), &rules(), || true, || 'b'),
            Step::Wait('a')
        );
        table.settle(key, Some(Known::At("eu".into())), at(0.1), &rules());
        let known = Step::Known(Known::At("eu".into()));
        assert_eq!(table.step(key, at(300.0), &rules(), || true, || 'c'), known);
        assert_eq!(
            table.step(key, at(300.2), &rules(), || true, || 'c'),
            Step::Ask
        );
    }

    #[test]
    fn what_is_nowhere_may_be_there_in_a_moment() {
        let start = Instant::now();
        let mut table = Table::new(start);
        let key = digest(1);
        assert_eq!(table.step(key, start, &rules(), || true, || ()), Step::Ask);
        table.settle(key, Some(Known::Nowhere), start, &rules());
        let known = Step::Known(Known::Nowhere);
        assert_eq!(table.step(key, start, &rules(), || true, || ()), known);
        let later = start + Duration::from_secs(1);
        assert_eq!(table.step(key, later, &rules(), || true, || ()), Step::Ask);
        // Whoever cannot say leaves nothing behind.
        table.settle(key, None, later, &rules());
        assert!(table.is_empty());
        assert_eq!(table.step(key, later, &rules(), || true, || ()), Step::Ask);
    }

    #[test]
    fn who_guesses_spends_the_budget_and_no_memory() {
        let start = Instant::now();
        let mut table = Table::new(start);
        let mut asked = 0;
        for number in 0..100_000 {
            // A second in all.
            let now = start + Duration::from_micros(10) * number;
            if table.step(digest(number), now, &rules(), || true, || ()) == Step::Ask {
                asked += 1;
                table.settle(digest(number), Some(Known::Nowhere), now, &rules());
            }
        }
        assert_eq!(asked, 14, "five at once and nine in the rest of a second");
        assert!(table.len() <= 14);
    }

    #[test]
    fn a_caller_without_a_budget_does_not_spend_that_of_all() {
        let now = Instant::now();
        let mut table = Table::new(now);
        for number in 0..100 {
            let step = table.step(digest(number), now, &rules(), || false, || ());
            assert_eq!(step, Step::Refused);
        }
        for number in 0..5 {
            let step = table.step(digest(number), now, &rules(), || true, || ());
            assert_eq!(step, Step::Ask);
        }
        let never = || -> bool { unreachable!("the budget of all is spent") };
        let step = table.step(digest(5), now, &rules(), never, || ());
        assert_eq!(step, Step::Refused);
    }

    #[test]
    fn no_more_than_the_most_are_asked_for_at_a_time() {
        let now = Instant::now();
        let many = Rules {
            budget: Rule::new(u32::MAX, Duration::from_nanos(1)),
            ..rules()
        };
        let mut table = Table::new(now);
        let most = u32::try_from(MOST).expect("few");
        for number in 0..most {
            assert_eq!(
                table.step(digest(number), now, &many, || true, || ()),
                Step::Ask
            );
        }
        let one_more = |table: &mut Table<()>| table.step(digest(most), now, &many, || true, || ());
        assert_eq!(one_more(&mut table), Step::Refused);
        table.settle(digest(0), None, now, &many);
        assert_eq!(one_more(&mut table), Step::Ask);
    }

    proptest! {
        #[test]
        fn never_more_than_the_most(numbers in prop::collection::vec((0..50_u32, any::<Option<bool>>()), 0..400)) {
            let start = Instant::now();
            let many = Rules { budget: Rule::new(1000, Duration::from_nanos(1)), ..rules() };
            let mut table = Table::new(start);
            for (step, (number, answer)) in numbers.into_iter().enumerate() {
                let now = start + Duration::from_millis(50) * u32::try_from(step).expect("few");
                let asked = table.step(digest(number), now, &many, || true, || ());
                prop_assert_ne!(&asked, &Step::Wait(()));
                if asked == Step::Ask {
                    let known = answer.map(|here| if here { Known::At("eu".into()) } else { Known::Nowhere });
                    table.settle(digest(number), known, now, &many);
                }
                prop_assert!(table.len() <= 50);
                prop_assert!(table.found.len() + table.nowhere.len() >= table.len());
            }
            // All of it is forgotten in the end.
            table.forget(start + Duration::from_secs(10_000));
            prop_assert!(table.is_empty() && table.found.is_empty() && table.nowhere.is_empty());
        }
    }
}
