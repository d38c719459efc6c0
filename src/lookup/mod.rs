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

impl Kind {
    /// The path of the call.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::Secret => "/api/v3/secret/status",
            Self::Receipt => "/api/v3/guest/receipts",
        }
    }

    /// The type of what is sent there.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Secret => "application/x-www-form-urlencoded",
            Self::Receipt => "application/json",
        }
    }

    /// What is sent there: the key, and nothing else. A key is of `[A-Za-z0-9_-]`, which needs no
    /// escaping in either form.
    #[must_use]
    pub fn body(self, key: &Key) -> Zeroizing<Vec<u8>> {
        let (before, after): (&[u8], &[u8]) = match self {
            Self::Secret => (b"identifiers=", b""),
            Self::Receipt => (b"{\"identifiers\":[\"", b"\"]}"),
        };
        Zeroizing::new([before, key.reveal(), after].concat())
    }
}

/// Reads an answer. `{"count": 1, "records": [{…}]}` is a yes, `{"count": 0, "records": []}` a no;
/// v2 writes numbers as text.
#[must_use]
pub fn said(status: u16, body: &[u8]) -> Said {
    if status != 200 {
        return Said::CannotSay;
    }
    let Ok(answer) = serde_json::from_slice::<Value>(body) else {
        return Said::CannotSay;
    };
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_asked_holds_the_key_alone() {
        let key = Key::from_segment("%61bc-d_e").expect("a key");
        assert_eq!(*Kind::Secret.body(&key), *b"identifiers=abc-d_e");
        let list = b"{\"identifiers\":[\"abc-d_e\"]}";
        assert_eq!(*Kind::Receipt.body(&key), *list);
    }

    #[test]
    fn only_a_plain_answer_counts() {
        let text = |text: &str| said(200, text.as_bytes());
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
            assert_eq!(said(status, no), Said::CannotSay, "{status}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(status: u16, body: Vec<u8>) {
            let _ = said(status, &body);
        }
    }
}
