//! Look-ups of keys that no tag places: what a region is asked, how its answer is read, and what is
//! remembered of it. Thinking only: who sends it is `proxy`.
//!
//! What is asked neither writes, reads nor counts anything at the region, and shows it the key alone.

pub mod table;

use serde_json::Value;
use zeroize::Zeroizing;

use crate::region::key::Key;

/// The shortest and longest key that is asked for: the application's have 31 or 62 characters, and
/// what cannot be one is not worth a region's time.
pub const LENGTHS: std::ops::RangeInclusive<usize> = 16..=62;

/// What a key may be of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// A secret.
    Secret,
    /// A receipt, which older generations call metadata or private.
    Receipt,
}

/// What a region says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Said {
    /// It has it.
    Here,
    /// It has it not.
    NotHere,
    /// Nothing that can be understood: it does not know the call, is down, slow or broken.
    CannotSay,
}

impl Said {
    /// The word of metrics.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Here => "here",
            Self::NotHere => "not-here",
            Self::CannotSay => "cannot-say",
        }
    }
}

/// Which generation of the application a region runs: it decides how the region can be asked.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Generation {
    /// v0.24 and later.
    #[default]
    Current,
    /// v0.23.
    V023,
}

impl Generation {
    /// The word of the configuration.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::V023 => "v0.23",
        }
    }
}

/// One look-up call as it is sent to a region. Holds a key: it has no `Debug`.
pub struct Call {
    /// The path; a GET has the key in it.
    pub path: Zeroizing<String>,
    /// Content type and content of a POST; `None` for a GET.
    pub content: Option<(&'static str, Zeroizing<Vec<u8>>)>,
}

impl Kind {
    /// The call that asks a region of this generation, with the key and nothing else. `None` if that
    /// generation has no call without a side effect: v0.23 has none for receipts.
    ///
    /// A key consists of `[A-Za-z0-9_-]`, which needs no escaping in any of the forms.
    #[must_use]
    pub fn call(self, generation: Generation, key: &Key) -> Option<Call> {
        let post = |path: &str, content_type, before: &[u8], after: &[u8]| Call {
            path: Zeroizing::new(path.to_owned()),
            content: Some((
                content_type,
                Zeroizing::new([before, key.reveal(), after].concat()),
            )),
        };
        match (self, generation) {
            (Self::Secret, Generation::Current) => Some(post(
                "/api/v3/secret/status",
                "application/x-www-form-urlencoded",
                b"identifiers=",
                b"",
            )),
            (Self::Receipt, Generation::Current) => Some(post(
                "/api/v3/guest/receipts",
                "application/json",
                b"{\"identifiers\":[\"",
                b"\"]}",
            )),
            // From v0.24 on the region records this call on the receipt: it is for v0.23 alone.
            (Self::Secret, Generation::V023) => {
                let key = std::str::from_utf8(key.reveal()).ok()?;
                let path = Zeroizing::new(format!("/api/v2/secret/{key}/status"));
                Some(Call {
                    path,
                    content: None,
                })
            }
            (Self::Receipt, Generation::V023) => None,
        }
    }
}

/// Reads an answer.
///
/// Current: `{"count": 1, "records": [{…}]}` is a yes, `{"count": 0, "records": []}` a no; v2 writes
/// numbers as text. v0.23: `{"record": {"state": "unknown"}}` is a no, a record with another state a
/// yes.
#[must_use]
pub fn said(generation: Generation, status: u16, body: &[u8]) -> Said {
    if status != 200 {
        return Said::CannotSay;
    }
    let Ok(answer) = serde_json::from_slice::<Value>(body) else {
        return Said::CannotSay;
    };
    match generation {
        Generation::Current => said_by_count(&answer),
        Generation::V023 => said_by_state(&answer),
    }
}

fn said_by_count(answer: &Value) -> Said {
    let count = match answer.get("count") {
        Some(Value::Number(count)) => count.as_u64(),
        Some(Value::String(count)) => count.parse().ok(),
        _ => None,
    };
    let records = answer.get("records").and_then(Value::as_array);
    match (count, records.map(Vec::len)) {
        (Some(1), Some(1)) => Said::Here,
        (Some(0), Some(0)) => Said::NotHere,
        _ => Said::CannotSay,
    }
}

fn said_by_state(answer: &Value) -> Said {
    let record = answer.get("record");
    let state = record.and_then(|record| record.get("state"));
    match state.and_then(Value::as_str) {
        Some("unknown") => Said::NotHere,
        Some(word) if !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase()) => {
            Said::Here
        }
        _ => Said::CannotSay,
    }
}

/// What all answers to one look-up come to. `said` are the regions that were asked, each with what it
/// said; a region that did not answer cannot say.
///
/// One "here" is believed, also beside a region that cannot say. Two are a contradiction: one of them
/// is wrong, and nothing tells which.
#[must_use]
pub fn verdict<R>(said: impl IntoIterator<Item = (R, Said)>) -> Verdict<R> {
    let (mut here, mut unclear) = (None, false);
    for (region, said) in said {
        match said {
            Said::Here if here.is_some() => return Verdict::Unclear,
            Said::Here => here = Some(region),
            Said::NotHere => {}
            Said::CannotSay => unclear = true,
        }
    }
    match here {
        Some(region) => Verdict::At(region),
        None if unclear => Verdict::Unclear,
        None => Verdict::Nowhere,
    }
}

/// What a look-up comes to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict<R> {
    /// This region has it.
    At(R),
    /// All regions that were asked said that they do not have it.
    Nowhere,
    /// It is not known: a region could not say, or two said that they have it.
    Unclear,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_asked_holds_the_key_alone() {
        let key = Key::from_segment("%61bc-d_e").expect("a key");
        let call = |kind: Kind, generation| {
            let call = kind.call(generation, &key)?;
            let content = call.content.map(|(_, content)| content.to_vec());
            Some((call.path.to_string(), content))
        };
        let post = |path: &str, content: &[u8]| Some((path.to_owned(), Some(content.to_vec())));
        assert_eq!(
            call(Kind::Secret, Generation::Current),
            post("/api/v3/secret/status", b"identifiers=abc-d_e")
        );
        let list = b"{\"identifiers\":[\"abc-d_e\"]}";
        assert_eq!(
            call(Kind::Receipt, Generation::Current),
            post("/api/v3/guest/receipts", list)
        );
        assert_eq!(
            call(Kind::Secret, Generation::V023),
            Some(("/api/v2/secret/abc-d_e/status".to_owned(), None))
        );
        assert_eq!(call(Kind::Receipt, Generation::V023), None);
    }

    #[test]
    fn two_regions_that_claim_a_key_are_not_believed() {
        use Said::{CannotSay, Here, NotHere};
        for (said, expected) in [
            (vec![], Verdict::Nowhere),
            (vec![NotHere, NotHere], Verdict::Nowhere),
            (vec![NotHere, Here, NotHere], Verdict::At(1)),
            (vec![CannotSay, Here], Verdict::At(1)),
            (vec![Here, CannotSay], Verdict::At(0)),
            (vec![Here, NotHere, Here], Verdict::Unclear),
            (vec![Here, Here, CannotSay], Verdict::Unclear),
            (vec![NotHere, CannotSay], Verdict::Unclear),
            (vec![CannotSay, CannotSay], Verdict::Unclear),
        ] {
            assert_eq!(
                verdict(said.iter().copied().enumerate()),
                expected,
                "{said:?}"
            );
        }
    }

    #[test]
    fn a_region_of_v0_23_says_it_by_the_state() {
        let text = |text: &str| said(Generation::V023, 200, text.as_bytes());
        assert_eq!(text(r#"{"record":{"state":"unknown"}}"#), Said::NotHere);
        for state in ["new", "viewed"] {
            let body = format!("{{\"record\":{{\"state\":\"{state}\"}},\"details\":{{}}}}");
            assert_eq!(text(&body), Said::Here, "{state}");
        }
        for odd in [
            "",
            "null",
            "{}",
            r#"{"record":null}"#,
            r#"{"record":{}}"#,
            r#"{"record":{"state":null}}"#,
            r#"{"record":{"state":""}}"#,
            r#"{"record":{"state":"UNKNOWN"}}"#,
            r#"{"record":{"state":1}}"#,
            r#"{"record":[{"state":"new"}]}"#,
            r#"{"count":1,"records":[{}]}"#,
            "<html>",
        ] {
            assert_eq!(text(odd), Said::CannotSay, "{odd}");
        }
        let unknown = br#"{"record":{"state":"unknown"}}"#;
        assert_eq!(said(Generation::V023, 404, unknown), Said::CannotSay);
        assert_eq!(said(Generation::Current, 200, unknown), Said::CannotSay);
    }

    #[test]
    fn only_a_plain_answer_counts() {
        let text = |text: &str| said(Generation::Current, 200, text.as_bytes());
        assert_eq!(
            text(r#"{"count":1,"records":[{"state":"new"}]}"#),
            Said::Here
        );
        assert_eq!(text(r#"{"records":[{}],"count":"1","x":2}"#), Said::Here);
        assert_eq!(text(r#"{"count":0,"records":[]}"#), Said::NotHere);
        for odd in [
            "",
            "[]",
            "null",
            "{}",
            r#"{"count":0}"#,
            r#"{"records":[]}"#,
            r#"{"count":1,"records":[]}"#,
            r#"{"count":0,"records":[{}]}"#,
            r#"{"count":2,"records":[{},{}]}"#,
            r#"{"count":-1,"records":[]}"#,
            r#"{"count":0,"records":{}}"#,
            r#"{"count":0,"records":[]} trailing"#,
            "<html>",
        ] {
            assert_eq!(text(odd), Said::CannotSay, "{odd}");
        }
        for status in [201, 204, 302, 400, 404, 422, 500, 503] {
            let no = br#"{"count":0,"records":[]}"#;
            assert_eq!(
                said(Generation::Current, status, no),
                Said::CannotSay,
                "{status}"
            );
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(status: u16, body: Vec<u8>) {
            let _ = said(Generation::Current, status, &body);
            let _ = said(Generation::V023, status, &body);
        }
    }
}
