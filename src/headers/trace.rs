//! W3C Trace Context: reading `traceparent`, and writing the one that a region is given.

use crate::region::pin::Sent;

/// Bytes of a `traceparent` of version 00 (W3C Trace Context §3.2).
pub const LENGTH: usize = 55;

/// A caller's place in a trace that somebody else began.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Parent {
    /// The trace.
    pub trace: TraceId,
    /// The caller's span.
    pub span: SpanId,
    /// Whether the caller records it.
    pub sampled: bool,
}

/// Which trace.
pub type TraceId = [u8; 16];

/// Which span of a trace.
pub type SpanId = [u8; 8];

impl Parent {
    /// Reads the field. Several fields, capitals, ids of zeros and version `ff` are none (§3.2.2); a
    /// later version is read as far as version 00 goes (§4.1).
    #[must_use]
    pub fn read(sent: Sent<'_>) -> Option<Self> {
        let Sent::One(value) = sent else { return None };
        let (known, rest) = value.split_at_checked(LENGTH)?;
        let mut parts = known.split(|byte| *byte == b'-');
        let [version] = hex::<1>(parts.next()?)?;
        let trace = hex::<16>(parts.next()?)?;
        let span = hex::<8>(parts.next()?)?;
        let [flags] = hex::<1>(parts.next()?)?;
        let rest_fits = match version {
            0 => rest.is_empty(),
            0xff => false,
            _ => rest.is_empty() || rest.starts_with(b"-"),
        };
        let good = rest_fits && trace != [0; 16] && span != [0; 8];
        good.then_some(Self {
            trace,
            span,
            sampled: flags & 1 == 1,
        })
    }
}

/// The value of `traceparent` for whoever is called from `span`, which is recorded.
#[must_use]
pub fn sampled(trace: TraceId, span: SpanId) -> [u8; LENGTH] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let bytes = [0].into_iter().chain(trace).chain(span).chain([1]);
    let mut out = [b'-'; LENGTH];
    // The dashes stay where they are.
    let places = (0..LENGTH).filter(|at| !matches!(at, 2 | 35 | 52));
    let digits = bytes.flat_map(|byte| [byte >> 4, byte & 15]);
    for (place, digit) in places.zip(digits) {
        if let (Some(to), Some(from)) = (out.get_mut(place), DIGITS.get(usize::from(digit))) {
            *to = *from;
        }
    }
    out
}

/// Exactly `N` bytes in lower-case hexadecimal.
fn hex<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let digit = |byte: &u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    if text.len() != N * 2 {
        return None;
    }
    let mut out = [0; N];
    for (to, pair) in out.iter_mut().zip(text.chunks_exact(2)) {
        let [high, low] = pair else { return None };
        *to = digit(high)? << 4 | digit(low)?;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn read(value: &str) -> Option<Parent> {
        Parent::read(Sent::One(value.as_bytes()))
    }

    #[test]
    fn reads_what_the_standard_allows() {
        let parent = read(GOOD).expect("the standard's example");
        assert_eq!(parent.trace[..2], [0x4b, 0xf9]);
        assert_eq!(parent.span[6..], [0x02, 0xb7]);
        assert!(parent.sampled);
        assert!(
            !read(&GOOD.replace("-01", "-00"))
                .expect("not sampled")
                .sampled
        );
        assert!(
            read(&GOOD.replace("-01", "-03"))
                .expect("unknown flags")
                .sampled
        );
        assert!(read(&format!("cc{}", &GOOD[2..])).is_some());
        assert!(read(&format!("cc{}-and-more", &GOOD[2..])).is_some());
    }

    #[test]
    fn refuses_what_it_does_not() {
        for bad in [
            String::new(),
            GOOD.to_uppercase(),
            format!("{GOOD}-"),
            format!("{GOOD}0"),
            format!("ff{}", &GOOD[2..]),
            format!("cc{}.more", &GOOD[2..]),
            GOOD.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
            GOOD.replace("00f067aa0ba902b7", &"0".repeat(16)),
            GOOD.replace("-00f", "_00f"),
            GOOD.replace('4', "g"),
            GOOD[..54].to_owned(),
        ] {
            assert_eq!(read(&bad), None, "{bad}");
        }
        assert_eq!(Parent::read(Sent::Several), None);
        assert_eq!(Parent::read(Sent::Nothing), None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(trace: TraceId, span: SpanId) {
            prop_assume!(trace != [0; 16] && span != [0; 8]);
            let parent = Parent { trace, span, sampled: true };
            prop_assert_eq!(Parent::read(Sent::One(&sampled(trace, span))), Some(parent));
        }

        #[test]
        fn nothing_panics(value: Vec<u8>) {
            let _ = Parent::read(Sent::One(&value));
        }
    }
}
