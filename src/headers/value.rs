//! Reading lists inside field values.

use std::hash::{DefaultHasher, Hasher};

use smallvec::SmallVec;

/// The members of a comma-separated list (RFC 9110 §5.6.1), trimmed, empty ones left out.
pub fn members(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value
        .split(|byte| *byte == b',')
        .map(<[u8]>::trim_ascii)
        .filter(|member| !member.is_empty())
}

/// A request id that may be passed on and logged: 1 to 128 of `[A-Za-z0-9._-]`.
#[must_use]
pub fn is_request_id(value: &[u8]) -> bool {
    (1..=128).contains(&value.len())
        && value
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

/// A request id as a number, to be compared with others of this process.
#[must_use]
pub fn number(id: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(id);
    hasher.finish()
}

/// How many more intermediaries `Max-Forwards` lets a request pass (RFC 9110 §7.6.2), at most what a
/// `u32` holds; `None` if it says nothing like that.
#[must_use]
pub fn max_forwards(value: &[u8]) -> Option<u32> {
    let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    digits.then(|| {
        value.iter().fold(0, |sum: u32, digit| {
            sum.saturating_mul(10)
                .saturating_add(u32::from(digit - b'0'))
        })
    })
}

/// Whether a `Via` value names `pseudonym` as one of the proxies (RFC 9110 §7.6.3).
#[must_use]
pub fn via_names(value: &[u8], pseudonym: &str) -> bool {
    members(value).any(|member| {
        member
            .split(|byte| matches!(byte, b' ' | b'\t'))
            .filter(|word| !word.is_empty())
            .nth(1)
            .is_some_and(|received_by| received_by.eq_ignore_ascii_case(pseudonym.as_bytes()))
    })
}

/// Whether a `Proxy-Status` value (RFC 9209 section 2, a list of RFC 9651) has an entry of
/// `pseudonym`, or is no such list, so that it might have one.
#[must_use]
pub fn proxy_status_names(value: &[u8], pseudonym: &str) -> bool {
    let (mut name, mut at_name, mut quoted) = (SmallVec::<[u8; 64]>::new(), true, false);
    let is_ours = |name: &[u8]| name.eq_ignore_ascii_case(pseudonym.as_bytes());
    let mut bytes = value.iter();
    while let Some(&byte) = bytes.next() {
        match byte {
            b'\\' if quoted => {
                let Some(&escaped) = bytes.next() else {
                    return true;
                };
                if at_name {
                    name.push(escaped);
                }
            }
            b'"' => quoted = !quoted,
            b',' if !quoted => {
                if is_ours(&name) {
                    return true;
                }
                name.clear();
                at_name = true;
            }
            b';' if !quoted => at_name = false,
            b' ' | b'\t' if !quoted => {}
            byte if at_name => name.push(byte),
            _ => {}
        }
    }
    quoted || is_ours(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_of_ours_is_found_however_it_is_written() {
        for ours in [
            "onetime-gateway",
            "onetime-gateway; error=proxy_internal_error",
            "\"onetime-gateway\";error=dns_error",
            "\"onetime\\-gateway\"",
            "caddy; details=\"a, b\", onetime-gateway",
            "caddy , Onetime-Gateway ; received-status=200",
            "  onetime-gateway",
            "caddy; details=\"cut off, onetime-gateway",
            "\"cut off\\",
        ] {
            assert!(
                proxy_status_names(ours.as_bytes(), "onetime-gateway"),
                "{ours}"
            );
        }
        for theirs in [
            "",
            "caddy; error=dns_error",
            "onetime-gateway-2, x",
            "caddy; details=\"onetime-gateway\"",
            "caddy; details=\", onetime-gateway, \"",
            "caddy; next-hop=onetime-gateway",
        ] {
            assert!(
                !proxy_status_names(theirs.as_bytes(), "onetime-gateway"),
                "{theirs}"
            );
        }
    }

    #[test]
    fn via_is_read_as_a_list() {
        assert!(via_names(b"1.1 onetime-gateway", "onetime-gateway"));
        assert!(via_names(
            b"2 cdn, HTTP/1.1  Onetime-Gateway (x)",
            "onetime-gateway"
        ));
        assert!(!via_names(
            b"1.1 onetime-gateway-2, 1.0 other",
            "onetime-gateway"
        ));
        assert!(!via_names(b"onetime-gateway", "onetime-gateway"));
    }

    #[test]
    fn forwards_are_counted_as_far_as_they_can_be() {
        for (value, forwards) in [
            ("0", Some(0)),
            ("007", Some(7)),
            ("4294967295", Some(u32::MAX)),
            ("99999999999999999999", Some(u32::MAX)),
            ("", None),
            ("-1", None),
            ("+1", None),
            ("1, 1", None),
            ("1.0", None),
        ] {
            assert_eq!(max_forwards(value.as_bytes()), forwards, "{value}");
        }
    }

    #[test]
    fn request_ids_are_plain() {
        assert!(is_request_id(b"0190-a.B_c"));
        for bad in [
            b"".as_slice(),
            b"a b",
            b"a\"",
            b"a\r\nX: y",
            &[b'a'; 129],
            "é".as_bytes(),
        ] {
            assert!(!is_request_id(bad));
        }
    }
}
