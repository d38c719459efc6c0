//! One endpoint's health: what probes say, what requests met, and how it comes back. Up until
//! somebody knows better, so that a start is not an outage.

use std::time::{Duration, Instant};

use super::ejection::EjectionRules;

/// The share of its weight, in thousandths, with which an endpoint comes back.
const FIRST_SHARE: u32 = 100;

/// All of its weight.
pub const FULL_SHARE: u32 = 1_000;

/// When probes are believed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ProbeRules {
    /// Good ones in a row until an endpoint is up.
    pub rise: u32,
    /// Bad ones in a row until it is down.
    pub fall: u32,
}

/// What an endpoint is at a moment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Standing {
    /// It takes requests.
    Up,
    /// Probes fail.
    Down,
    /// Requests failed; left alone until then.
    Ejected(Instant),
}

impl Standing {
    /// The word of logs and the admin pages.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Ejected(_) => "ejected",
        }
    }
}

/// A change of state: what a log line tells, once.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Change {
    /// Probes say that it is down.
    Down,
    /// Probes say that it is up again.
    Up,
    /// It was ejected, for so long, the so-manieth time in a row.
    Ejected(Duration, u32),
    /// Its ejection has ended.
    Returned,
}

/// The state machine.
#[derive(Clone, Debug, Default)]
pub struct Health {
    down: bool,
    /// Probes in a row that contradict `down`.
    streak: u32,
    ejected_until: Option<Instant>,
    ejections: u32,
    /// Since when it takes requests again; `None` if it always has.
    since: Option<Instant>,
}

impl Health {
    /// Takes in a probe.
    pub fn probed(&mut self, good: bool, rules: &ProbeRules, now: Instant) -> Option<Change> {
        if good != self.down {
            self.streak = 0;
            return None;
        }
        self.streak += 1;
        let wanted = if good { rules.rise } else { rules.fall };
        if self.streak < wanted.max(1) {
            return None;
        }
        self.streak = 0;
        self.down = !good;
        // What requests met before it went down says nothing of what came up.
        self.ejected_until = None;
        self.since = good.then_some(now);
        Some(if good { Change::Up } else { Change::Down })
    }

    /// Nobody probes any more: what probes said no longer holds.
    pub fn unprobed(&mut self, now: Instant) -> Option<Change> {
        let rules = ProbeRules { rise: 1, fall: 1 };
        self.streak = 0;
        self.down.then(|| self.probed(true, &rules, now)).flatten()
    }

    /// Ejects it, unless it is out already. Whether it may be, [`EjectionRules::permit`] says.
    pub fn eject(&mut self, rules: &EjectionRules, now: Instant) -> Option<Change> {
        if self.standing(now) != Standing::Up {
            return None;
        }
        let forgotten = self
            .since
            .is_none_or(|since| now.saturating_duration_since(since) >= rules.most);
        self.ejections = if forgotten {
            1
        } else {
            self.ejections.saturating_add(1)
        };
        let duration = rules.duration(self.ejections);
        let until = now + duration;
        self.ejected_until = Some(until);
        self.since = Some(until);
        Some(Change::Ejected(duration, self.ejections))
    }

    /// Notices that an ejection has ended; says so once.
    pub fn tick(&mut self, now: Instant) -> Option<Change> {
        if now < self.ejected_until? {
            return None;
        }
        self.ejected_until = None;
        Some(Change::Returned)
    }

    /// What it is now.
    #[must_use]
    pub fn standing(&self, now: Instant) -> Standing {
        match self.ejected_until {
            _ if self.down => Standing::Down,
            Some(until) if now < until => Standing::Ejected(until),
            _ => Standing::Up,
        }
    }

    /// Ejections in a row.
    #[must_use]
    pub const fn ejections(&self) -> u32 {
        self.ejections
    }

    /// Since when it takes requests again, which may be to come; `None` if it always has.
    #[must_use]
    pub const fn since(&self) -> Option<Instant> {
        self.since
    }
}

/// The thousandths of its weight that an endpoint has `elapsed` after it came back, when it has all
/// of it after `window`: caches are cold, and what failed before may fail again.
#[must_use]
pub fn share(elapsed: Duration, window: Duration) -> u32 {
    if elapsed >= window {
        return FULL_SHARE;
    }
    let grown =
        elapsed.as_micros() * u128::from(FULL_SHARE - FIRST_SHARE) / window.as_micros().max(1);
    FIRST_SHARE + u32::try_from(grown).unwrap_or(0)
}

#[cfg(test)]
mod tests;
