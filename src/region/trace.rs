//! What `explain` sees of a decision: each rule that was asked, and why it fired or did not.

use std::fmt;

use super::Reason;

/// Follows a decision. The request's road uses [`Silent`], which costs nothing.
pub trait Trace {
    /// The rule did not fire. `why` is a short sentence without keys or cookie values.
    fn passed(&mut self, rule: Reason, why: fmt::Arguments<'_>);

    /// The rule fired; no later rule is asked.
    fn fired(&mut self, rule: Reason, why: fmt::Arguments<'_>);
}

/// Follows nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Trace for Silent {
    #[inline]
    fn passed(&mut self, _: Reason, _: fmt::Arguments<'_>) {}

    #[inline]
    fn fired(&mut self, _: Reason, _: fmt::Arguments<'_>) {}
}

/// One rule that was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The rule.
    pub rule: Reason,
    /// Whether it decided.
    pub fired: bool,
    /// Why, as a short sentence.
    pub why: String,
}

/// Every rule that was asked, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Explanation {
    /// The steps.
    pub steps: Vec<Step>,
}

impl Trace for Explanation {
    fn passed(&mut self, rule: Reason, why: fmt::Arguments<'_>) {
        self.steps.push(Step {
            rule,
            fired: false,
            why: why.to_string(),
        });
    }

    fn fired(&mut self, rule: Reason, why: fmt::Arguments<'_>) {
        self.steps.push(Step {
            rule,
            fired: true,
            why: why.to_string(),
        });
    }
}
