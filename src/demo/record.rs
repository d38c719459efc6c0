//! What an endpoint has seen: every request, in order, bounded.

use std::collections::VecDeque;

use serde::Serialize;
use serde::ser::SerializeMap;

use super::fault::Fault;

/// How many requests an endpoint remembers; older ones are forgotten first.
pub const REMEMBERED: usize = 100_000;

/// One request, as noted when its head had arrived.
#[derive(Clone, PartialEq, Eq)]
pub struct Seen {
    /// Method, path and id one after the other: one allocation a request.
    text: Box<str>,
    method_end: usize,
    path_end: usize,
    identified: bool,
    fault: Option<Fault>,
    probe: bool,
}

impl Seen {
    /// Notes a request. `probe` marks a health check.
    pub(super) fn new(
        method: &str,
        path: &str,
        request_id: Option<&str>,
        fault: Option<Fault>,
        probe: bool,
    ) -> Self {
        Self {
            text: [method, path, request_id.unwrap_or_default()]
                .concat()
                .into_boxed_str(),
            method_end: method.len(),
            path_end: method.len() + path.len(),
            identified: request_id.is_some(),
            fault,
            probe,
        }
    }

    /// The request's method; empty, as all the rest, if what came was no proper request.
    pub fn method(&self) -> &str {
        self.text.get(..self.method_end).unwrap_or_default()
    }

    /// The request's target: path and query.
    pub fn path(&self) -> &str {
        self.text
            .get(self.method_end..self.path_end)
            .unwrap_or_default()
    }

    /// Its `X-Request-ID`.
    pub fn request_id(&self) -> Option<&str> {
        self.text.get(self.path_end..).filter(|_| self.identified)
    }

    /// The fault it was given.
    pub fn fault(&self) -> Option<Fault> {
        self.fault
    }

    /// Whether it was a health check.
    pub fn probe(&self) -> bool {
        self.probe
    }
}

/// Shows no path: it can hold a key.
impl std::fmt::Debug for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Seen")
            .field("method", &self.method())
            .field("request_id", &self.request_id())
            .field("fault", &self.fault)
            .field("probe", &self.probe)
            .finish_non_exhaustive()
    }
}

/// The object of the control's `seen`: `probe` appears on health checks only.
impl Serialize for Seen {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("request_id", &self.request_id())?;
        map.serialize_entry("method", self.method())?;
        map.serialize_entry("path", self.path())?;
        map.serialize_entry("fault", &self.fault.map(|fault| fault.to_string()))?;
        if self.probe {
            map.serialize_entry("probe", &true)?;
        }
        map.end()
    }
}

/// The last [`REMEMBERED`] requests of one endpoint.
#[derive(Default)]
pub(super) struct Record(VecDeque<Seen>);

impl Record {
    pub(super) fn push(&mut self, seen: Seen) {
        if self.0.len() == REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back(seen);
    }

    pub(super) fn forget(&mut self) {
        self.0 = VecDeque::new();
    }

    /// Oldest first.
    pub(super) fn all(&self) -> &VecDeque<Seen> {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_is_the_documented_one() {
        let seen = Seen::new(
            "POST",
            "/api/v1/share?ttl=60",
            Some("r-1"),
            Some(Fault::Hang),
            false,
        );
        assert_eq!(
            serde_json::to_string(&seen).unwrap(),
            r#"{"request_id":"r-1","method":"POST","path":"/api/v1/share?ttl=60","fault":"hang"}"#
        );
        let seen = Seen::new("GET", "/api/v2/status", None, None, true);
        assert_eq!(
            serde_json::to_string(&seen).unwrap(),
            r#"{"request_id":null,"method":"GET","path":"/api/v2/status","fault":null,"probe":true}"#
        );
    }

    #[test]
    fn the_oldest_is_forgotten_first() {
        let mut record = Record::default();
        for number in 0..=REMEMBERED {
            record.push(Seen::new("GET", &format!("/{number}"), None, None, false));
        }
        assert_eq!(record.all().len(), REMEMBERED);
        assert_eq!(record.all()[0].path(), "/1");
        assert_eq!(record.all()[REMEMBERED - 1].path(), "/100000");
        record.forget();
        assert!(record.all().is_empty());
    }

    #[test]
    fn an_empty_id_is_not_a_missing_one() {
        let seen = Seen::new("GET", "/", Some(""), None, false);
        assert_eq!(seen.request_id(), Some(""));
        assert!(!format!("{seen:?}").contains('/'));
    }
}
