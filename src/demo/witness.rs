//! What an endpoint can testify of each request, byte for byte, for tests that ask who received
//! what. Off unless asked for: it keeps bodies.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;

use super::fault::Fault;
use super::record::Seen;

/// What became of one request at one endpoint.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Testimony {
    /// The number of the connection at this endpoint and of the request on it, both from 1: no two
    /// requests have the same. Also in the answer's `X-Demo-Place`, with a dot between.
    pub place: (u64, u64),
    /// The method; empty if what came was no proper request.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Its `X-Request-ID`.
    pub request_id: Option<String>,
    /// The fault it was given.
    pub fault: Option<Fault>,
    /// Whether it was a health check.
    pub probe: bool,
    /// Its body, once it had come whole.
    pub body: Option<Vec<u8>>,
    /// Status and body of its answer, as it was before a fault spoiled it; `None` if none was made.
    pub answer: Option<(u16, Vec<u8>)>,
}

/// Shows neither paths nor bodies: they hold keys and secrets.
impl fmt::Debug for Testimony {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Testimony")
            .field("place", &self.place)
            .field("method", &self.method)
            .field("request_id", &self.request_id)
            .field("fault", &self.fault)
            .field("whole", &self.body.is_some())
            .field("status", &self.answer.as_ref().map(|(status, _)| status))
            .finish_non_exhaustive()
    }
}

/// One endpoint's testimonies.
#[derive(Default)]
pub(super) struct Witness {
    is_on: Cell<bool>,
    /// Those of requests under way are shared with whoever serves them.
    given: RefCell<Vec<Rc<RefCell<Testimony>>>>,
    unread: RefCell<Vec<u8>>,
}

/// A testimony that is still being given, if anybody wants to hear it.
pub(super) struct Statement(Option<Rc<RefCell<Testimony>>>);

impl Witness {
    pub(super) fn turn_on(&self) {
        self.is_on.set(true);
    }

    /// A request's head has come, as `seen`.
    pub(super) fn begin(&self, place: (u64, u64), seen: &Seen) -> Statement {
        if !self.is_on.get() {
            return Statement(None);
        }
        let testimony = Testimony {
            place,
            method: seen.method().to_owned(),
            target: seen.path().to_owned(),
            request_id: seen.request_id().map(str::to_owned),
            fault: seen.fault(),
            probe: seen.probe(),
            ..Testimony::default()
        };
        let testimony = Rc::new(RefCell::new(testimony));
        self.given.borrow_mut().push(Rc::clone(&testimony));
        Statement(Some(testimony))
    }

    /// These bytes lay in sockets when the endpoint went down, and it never read them.
    pub(super) fn unread(&self, bytes: &[u8]) {
        if self.is_on.get() {
            self.unread.borrow_mut().extend_from_slice(bytes);
        }
    }

    /// What has been testified, and what was never read. What has ended is forgotten; what has not
    /// will be told again.
    pub(super) fn hear(&self) -> (Vec<Testimony>, Vec<u8>) {
        let mut given = self.given.borrow_mut();
        let heard = given.iter().map(|one| one.borrow().clone()).collect();
        given.retain(|one| Rc::strong_count(one) > 1);
        (heard, self.unread.take())
    }
}

impl Statement {
    /// Whether anybody listens.
    pub(super) fn is_heard(&self) -> bool {
        self.0.is_some()
    }

    pub(super) fn body(&self, body: &[u8]) {
        if let Some(testimony) = &self.0 {
            testimony.borrow_mut().body = Some(body.to_vec());
        }
    }

    pub(super) fn answer(&self, status: u16, body: impl FnOnce() -> Vec<u8>) {
        if let Some(testimony) = &self.0 {
            testimony.borrow_mut().answer = Some((status, body()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen() -> Seen {
        Seen::new("GET", "/secret/k", Some("r-1"), None, false)
    }

    #[test]
    fn nothing_is_kept_unless_asked_for() {
        let witness = Witness::default();
        let statement = witness.begin((1, 1), &seen());
        assert!(!statement.is_heard());
        witness.unread(b"x");
        assert_eq!(witness.hear(), (Vec::new(), Vec::new()));
    }

    #[test]
    fn what_is_under_way_is_told_again_and_nothing_else() {
        let witness = Witness::default();
        witness.turn_on();
        let first = witness.begin((1, 1), &seen());
        first.body(b"b");
        drop(first);
        let second = witness.begin((2, 1), &seen());
        witness.unread(b"x");
        let (heard, unread) = witness.hear();
        assert_eq!((heard.len(), unread.as_slice()), (2, &b"x"[..]));
        assert_eq!(heard[0].request_id.as_deref(), Some("r-1"));
        assert_eq!(heard[0].body.as_deref(), Some(&b"b"[..]));
        second.answer(200, || b"a".to_vec());
        drop(second);
        let (heard, unread) = witness.hear();
        assert_eq!(heard.len(), 1);
        assert_eq!(heard[0].place, (2, 1));
        assert_eq!(heard[0].answer, Some((200, b"a".to_vec())));
        assert!(unread.is_empty());
        assert_eq!(witness.hear().0, []);
    }

    #[test]
    fn a_testimony_shows_no_body() {
        let testimony = Testimony {
            target: "/secret/k".to_owned(),
            body: Some(b"classified".to_vec()),
            ..Testimony::default()
        };
        let shown = format!("{testimony:?}");
        assert!(!shown.contains("classified") && !shown.contains("/secret"));
    }
}
