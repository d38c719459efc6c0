//! Every decision with everything that a request can carry, while one region after another is absent:
//! whoever can end up with it.
//!
//! Which regions are absent matters only by who is asked first that is not, so the states of health
//! are as many as there are regions to be asked, and one more in which nobody answers; a region that
//! fails or comes back meanwhile changes nothing about that.

use smallvec::{SmallVec, smallvec};

use super::Prover;
use super::tables::{RouteSample, shown};
use crate::headers::request::Facts;
use crate::region::{Decision, Reason, RegionId};
use crate::sovereignty::fallback::Carried;
use crate::sovereignty::promise;
use crate::sovereignty::samples::Carries;

/// Fields and query, and what of them keeps a request where it is.
struct Luggage {
    facts: Facts<'static>,
    query: Option<&'static str>,
    tie: Option<&'static str>,
}

impl Prover<'_> {
    /// Walks every fallback to its end.
    pub(super) fn standing_in(&mut self, routes: &[RouteSample<'_>]) {
        let luggage: Vec<Luggage> = (0..16u8).map(Luggage::new).collect();
        let ids: Vec<RegionId> = self.regions.iter().map(|(id, _)| id).collect();
        for &region in &ids {
            for reason in Reason::ALL {
                for sample in routes {
                    let decision = Decision { region, reason };
                    for carried in &luggage {
                        self.walk(decision, sample, carried);
                    }
                }
            }
        }
    }

    fn walk(&mut self, decision: Decision, sample: &RouteSample<'_>, luggage: &Luggage) {
        let carried = Carried {
            facts: &luggage.facts,
            route: &sample.route,
            query: luggage.query,
        };
        let bound = promise::is_bound(decision.reason);
        let bound = bound.then_some("its region was chosen, not guessed");
        let tie = bound.or(luggage.tie).or_else(|| of_path(sample.carries));
        let home = self.name(decision.region);
        // The region itself, and the state in which nobody answers.
        self.classes += 2;
        let mut absent: SmallVec<[&str; 4]> = smallvec![home];
        for other in self.road.fallback(decision, &carried) {
            self.classes += 1;
            let other = self.name(other);
            if let Err(why) = promise::may_answer(self.config, home, other, tie) {
                let words = format!(
                    "a request for {} that belongs to {home} by the rule `{}` would be answered by \
                     {other} while {} cannot be reached, {why}",
                    shown(sample.path),
                    decision.reason.label(),
                    absent.join(" and "),
                );
                self.found(Some(home), words);
                return;
            }
            absent.push(other);
            if absent.len() > self.regions.len() {
                let words = format!("a request of {home} would be passed on in a circle");
                self.found(Some(home), words);
                return;
            }
        }
    }
}

/// What the path, and what is sent under it, keep where they are.
const fn of_path(carries: Carries) -> Option<&'static str> {
    match carries {
        Carries::Nothing => None,
        Carries::Key | Carries::PageKey => Some("it carries a key"),
        Carries::KeysInBody => Some("its body holds keys"),
        Carries::UnknownRoute | Carries::Administration => {
            Some("its path may hold a token, and its body keys")
        }
    }
}

impl Luggage {
    /// By the bits of `which`: credentials, a CSRF token, a cookie, a query.
    fn new(which: u8) -> Self {
        let has = |bit: u8| which & bit != 0;
        let mut facts = Facts {
            authorization: has(1),
            csrf_token: has(2),
            ..Facts::default()
        };
        if has(4) {
            facts.cookies.push(b"a=b");
        }
        let ties = [
            (1, "it carries credentials"),
            (2, "it carries a CSRF token"),
            (4, "it carries a cookie"),
            (8, "its query may hold a key"),
        ];
        Self {
            facts,
            query: has(8).then_some(""),
            tie: ties.iter().find(|(bit, _)| has(*bit)).map(|(_, why)| *why),
        }
    }
}
