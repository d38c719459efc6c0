//! A request's place in a distributed trace: whether it is recorded here, and what its region is
//! told. Pure: given its dice.

use smallvec::SmallVec;

use crate::headers::request::Facts;
use crate::headers::trace::{self, LENGTH, Parent, SpanId, TraceId};

/// A request that is recorded.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Trace {
    /// The trace.
    pub id: TraceId,
    /// The caller's span, if it had one.
    pub parent: Option<SpanId>,
    /// The span from the request's head to the answer's last byte.
    pub span: SpanId,
    /// The span within it that waits for the region: the one that the region is told.
    pub onward: SpanId,
}

/// What is told of it, and to whom.
#[derive(Debug, Default)]
pub struct Course {
    /// Set if it is recorded.
    pub trace: Option<Trace>,
    /// `traceparent` for the region.
    pub told: Option<SmallVec<[u8; LENGTH]>>,
    /// Whether the client's `tracestate` goes with it.
    pub state: bool,
}

impl Course {
    /// Settles it. `share` of a thousand requests are recorded, none if nothing is; a proxy that is
    /// `trusted` has decided that already, whereas anybody else could have each of its requests
    /// recorded at our expense. What is not recorded passes as it came, so that the region is free
    /// to begin a trace of its own; what is malformed does not (§3.2, §3.3).
    #[must_use]
    pub fn of(
        facts: &Facts<'_>,
        trusted: bool,
        share: u32,
        mut random: impl FnMut(&mut [u8]),
    ) -> Self {
        let sent = facts.traceparent;
        let ends_here = facts
            .connection_names
            .iter()
            .any(|name| name.eq_ignore_ascii_case(b"traceparent"));
        let parent = Parent::read(sent).filter(|_| !ends_here);
        if share > 0 {
            let chosen = match parent {
                Some(parent) if trusted => parent.sampled,
                _ => {
                    let mut dice = [0; 4];
                    random(&mut dice);
                    u32::from_le_bytes(dice) % 1000 < share
                }
            };
            if chosen {
                return Self::recorded(parent, random);
            }
        }
        Self {
            trace: None,
            told: sent
                .one()
                .filter(|_| parent.is_some())
                .map(SmallVec::from_slice),
            state: parent.is_some(),
        }
    }

    fn recorded(parent: Option<Parent>, mut random: impl FnMut(&mut [u8])) -> Self {
        let trace = Trace {
            id: parent.map_or_else(|| fresh(&mut random), |parent| parent.trace),
            parent: parent.map(|parent| parent.span),
            span: fresh(&mut random),
            onward: fresh(&mut random),
        };
        Self {
            told: Some(SmallVec::from_slice(&trace::sampled(
                trace.id,
                trace.onward,
            ))),
            trace: Some(trace),
            state: parent.is_some(),
        }
    }
}

/// An id that nobody has; one of zeros would mean none (§3.2.2).
fn fresh<const N: usize>(random: &mut impl FnMut(&mut [u8])) -> [u8; N] {
    let mut id = [0; N];
    random(&mut id);
    if id == [0; N] {
        id.fill(1);
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::region::pin::Sent;

    const THEIRS: &[u8] = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    const UNRECORDED: &[u8] = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

    fn course(sent: Sent<'_>, trusted: bool, share: u32) -> Course {
        let facts = Facts {
            traceparent: sent,
            ..Facts::default()
        };
        let mut next = 6;
        Course::of(&facts, trusted, share, |bytes| {
            next += 1;
            bytes.fill(next);
        })
    }

    /// What the dice above come to, of a thousand.
    const ROLL: u32 = 0x0707_0707 % 1000;

    #[test]
    fn a_trace_begins_for_the_share_that_is_recorded() {
        let begun = course(Sent::Nothing, false, ROLL + 1);
        let trace = begun.trace.expect("recorded");
        assert_eq!((trace.id, trace.parent), ([8; 16], None));
        let told = Parent::read(Sent::One(&begun.told.expect("told"))).expect("well-formed");
        assert_eq!((told.trace, told.span), (trace.id, trace.onward));
        assert!(!begun.state, "a state of no trace is nobody's");
        let not = course(Sent::Nothing, false, ROLL);
        assert!(not.trace.is_none() && not.told.is_none());
    }

    #[test]
    fn a_trace_goes_on() {
        let on = course(Sent::One(THEIRS), false, 1000);
        let trace = on.trace.expect("recorded");
        assert_eq!(trace.id[..2], [0x4b, 0xf9]);
        assert_eq!(trace.parent.expect("theirs")[..2], [0x00, 0xf0]);
        assert!(on.state);
        // Whether recorded by others or not: who is not trusted does not decide it here.
        assert!(course(Sent::One(UNRECORDED), false, 1000).trace.is_some());
        assert!(course(Sent::One(THEIRS), false, ROLL).trace.is_none());
    }

    #[test]
    fn a_trusted_proxy_has_decided() {
        assert!(course(Sent::One(THEIRS), true, 1).trace.is_some());
        let not = course(Sent::One(UNRECORDED), true, 1000);
        assert!(not.trace.is_none());
        assert_eq!(not.told.as_deref(), Some(UNRECORDED));
    }

    #[test]
    fn what_is_not_recorded_passes_and_what_is_malformed_does_not() {
        let passed = course(Sent::One(THEIRS), true, 0);
        assert!(passed.trace.is_none() && passed.state);
        assert_eq!(passed.told.as_deref(), Some(THEIRS));
        for bad in [Sent::Several, Sent::One(b"00-0-0-00"), Sent::Nothing] {
            let dropped = course(bad, true, 0);
            assert!(dropped.told.is_none() && !dropped.state);
        }
    }

    #[test]
    fn no_id_is_of_zeros() {
        let facts = Facts::default();
        // The dice that show zeros for ever.
        let trace = Course::of(&facts, false, 1000, |_| {}).trace;
        let trace = trace.expect("recorded");
        assert!(trace.id != [0; 16] && trace.span != [0; 8] && trace.onward != [0; 8]);
    }
}
