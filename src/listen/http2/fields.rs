//! An answer's fields as h2 takes them.

use bytes::BytesMut;
use http::{HeaderMap, HeaderName, HeaderValue};

/// Names that every answer has and that `http` does not know: these need no memory of their own.
static OWN: [(&str, HeaderName); 4] = [
    ("O-Region", HeaderName::from_static("o-region")),
    (
        "O-Region-Reason",
        HeaderName::from_static("o-region-reason"),
    ),
    ("O-Delivery", HeaderName::from_static("o-delivery")),
    ("X-Request-ID", HeaderName::from_static("x-request-id")),
];

/// Room for the values of most answers.
const VALUES: usize = 512;

/// Fields, whose values share one piece of memory.
pub(super) struct Fields {
    map: HeaderMap,
    values: BytesMut,
}

impl Fields {
    /// None yet, and room for so many.
    pub(super) fn with_room_for(count: usize) -> Self {
        Self {
            map: HeaderMap::with_capacity(count),
            values: BytesMut::with_capacity(VALUES),
        }
    }

    /// One more, unless it is none.
    pub(super) fn append(&mut self, name: &str, value: &[u8]) {
        self.values.extend_from_slice(value);
        let value = HeaderValue::from_maybe_shared(self.values.split().freeze());
        if let (Some(name), Ok(value)) = (field_name(name), value) {
            self.map.append(name, value);
        }
    }

    /// All of them.
    pub(super) fn into_map(self) -> HeaderMap {
        self.map
    }
}

fn field_name(name: &str) -> Option<HeaderName> {
    let own = OWN.iter().find(|(own, _)| *own == name);
    own.map(|(_, known)| known.clone())
        .or_else(|| HeaderName::from_bytes(name.as_bytes()).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_field_is_as_it_was_given_and_what_is_none_is_left_out() {
        let mut fields = Fields::with_room_for(2);
        let long = "x".repeat(2 * VALUES);
        for (name, value) in [
            ("O-Region", "eu"),
            ("Set-Cookie", "a=1"),
            ("Set-Cookie", "b=2"),
            ("X-Long", &long),
            ("o region", "bad name"),
            ("X-Bad", "a\nb"),
            ("X-Empty", ""),
        ] {
            fields.append(name, value.as_bytes());
        }
        let map = fields.into_map();
        let values = |name: &str| -> Vec<&str> {
            let all = map.get_all(name).iter();
            all.map(|value| value.to_str().expect("text")).collect()
        };
        assert_eq!(values("o-region"), ["eu"]);
        assert_eq!(values("set-cookie"), ["a=1", "b=2"]);
        assert_eq!(values("x-long"), [long.as_str()]);
        assert_eq!(values("x-empty"), [""]);
        assert_eq!(map.len(), 5);
    }

    /// A name in that list is spelled as it is elsewhere, or it would never be found.
    #[test]
    fn own_names_are_their_own_lower_case() {
        for (own, known) in &OWN {
            assert_eq!(own.to_ascii_lowercase(), known.as_str());
        }
    }
}
