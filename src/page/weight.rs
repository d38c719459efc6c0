//! Lists whose members have weights (RFC 9110 §12.4.2): `Accept` and `Accept-Language`.

/// The weight of a member that says nothing of it, in thousandths.
pub(super) const FULL: u16 = 1000;

/// A member of a list, without its parameters, and its weight in thousandths.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Weighted<'a> {
    /// What is wanted.
    pub(super) item: &'a [u8],
    /// How much: 0 (not at all) to 1000.
    pub(super) weight: u16,
}

/// The members of all fields of one name, in order. A member whose weight is malformed says nothing
/// and is left out, as is an empty one.
pub(super) fn weighted<'a>(
    values: impl Iterator<Item = &'a [u8]>,
) -> impl Iterator<Item = Weighted<'a>> {
    values
        .flat_map(|value| Parts::new(value, b','))
        .filter_map(member)
}

fn member(text: &[u8]) -> Option<Weighted<'_>> {
    let mut parts = Parts::new(text, b';');
    let item = parts.next()?;
    if item.is_empty() {
        return None;
    }
    let mut weight = FULL;
    for part in parts {
        if let Some(value) = part
            .strip_prefix(b"q=")
            .or_else(|| part.strip_prefix(b"Q="))
        {
            weight = parse(value)?;
        }
    }
    Some(Weighted { item, weight })
}

/// `0`, `1` and up to three decimals, in thousandths.
fn parse(text: &[u8]) -> Option<u16> {
    let (whole, decimals) = match text {
        [whole] => (whole, [].as_slice()),
        [whole, b'.', decimals @ ..] if decimals.len() <= 3 => (whole, decimals),
        _ => return None,
    };
    let mut sum = digit(*whole)?;
    for at in 0..3 {
        sum = sum * 10 + decimals.get(at).map_or(Some(0), |byte| digit(*byte))?;
    }
    (sum <= FULL).then_some(sum)
}

fn digit(byte: u8) -> Option<u16> {
    byte.is_ascii_digit().then(|| u16::from(byte - b'0'))
}

/// The trimmed parts of a text between separators that stand outside of quoted strings (RFC 9110
/// §5.6.4).
struct Parts<'a> {
    rest: Option<&'a [u8]>,
    separator: u8,
}

impl<'a> Parts<'a> {
    const fn new(text: &'a [u8], separator: u8) -> Self {
        Self {
            rest: Some(text),
            separator,
        }
    }
}

impl<'a> Iterator for Parts<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.rest.take()?;
        let (mut quoted, mut escaped) = (false, false);
        let end = rest.iter().position(|&byte| {
            if escaped {
                escaped = false;
                return false;
            }
            match byte {
                b'"' => quoted = !quoted,
                b'\\' if quoted => escaped = true,
                _ => return byte == self.separator && !quoted,
            }
            false
        });
        let Some(end) = end else {
            return Some(rest.trim_ascii());
        };
        let (part, after) = rest.split_at_checked(end).unwrap_or((rest, b""));
        self.rest = after.get(1..);
        Some(part.trim_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(value: &str) -> Vec<(String, u16)> {
        weighted([value.as_bytes()].into_iter())
            .map(|member| {
                let item = String::from_utf8_lossy(member.item).into_owned();
                (item, member.weight)
            })
            .collect()
    }

    #[test]
    fn reads_weights() {
        let pair = |item: &str, weight| (item.to_owned(), weight);
        assert_eq!(
            read("fr;q=0.9, en , ,de;q=1.000;x=y , it ; q=0.05,*;Q=0"),
            [
                pair("fr", 900),
                pair("en", 1000),
                pair("de", 1000),
                pair("it", 50),
                pair("*", 0),
            ]
        );
    }

    #[test]
    fn a_malformed_weight_says_nothing() {
        for weight in ["", ".5", "2", "1.001", "0.1234", "-1", "0,5", "a", "1.0.0"] {
            assert!(
                !read(&format!("fr;q={weight}")).contains(&("fr".to_owned(), FULL)),
                "{weight}"
            );
        }
        assert_eq!(read("fr;q=0."), [("fr".to_owned(), 0)]);
    }

    #[test]
    fn a_quoted_comma_ends_nothing() {
        assert_eq!(
            read(r#"text/html;a="x,\"y;q=0";q=0.5, b"#),
            [("text/html".to_owned(), 500), ("b".to_owned(), FULL)]
        );
    }

    proptest! {
        #[test]
        fn a_written_weight_is_read_back(thousandths in 0u16..=1000, item in "[a-z]{1,8}") {
            let text = format!("{item};q={}.{:03}", thousandths / 1000, thousandths % 1000);
            prop_assert_eq!(read(&text), [(item, thousandths)]);
        }

        #[test]
        fn anything_at_all_has_weights_up_to_one(value in prop::collection::vec(any::<u8>(), 0..60)) {
            for member in weighted([value.as_slice()].into_iter()) {
                prop_assert!(member.weight <= FULL && !member.item.is_empty());
            }
        }
    }
}
