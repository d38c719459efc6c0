//! Names that the whole program compares: regions and hosts, checked and in lower case from here on.

use std::borrow::Borrow;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

/// The name of a region: `[a-z][a-z0-9-]{0,31}`, for it stands in headers, cookies, metrics and logs.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RegionName(Arc<str>);

impl RegionName {
    /// The region name that `text` is, or `None` where it is none.
    ///
    /// `auto` and `refuse` are no names: they mean something in the places where a region may stand.
    pub fn parse(text: &str) -> Option<Self> {
        let first = text.as_bytes().first()?.is_ascii_lowercase();
        let rest = text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        let free = !matches!(text, "auto" | "refuse");
        (first && rest && free && text.len() <= 32).then(|| Self(text.into()))
    }

    /// The name's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for RegionName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for RegionName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RegionName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for RegionName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A host as a client may name it in `Host` without a port: a DNS name in lower case without a trailing
/// dot, an IPv4 address, or an IPv6 address in brackets.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostName(Arc<str>);

impl HostName {
    /// The host that `text` names, lower-cased, or `None` where it names none.
    pub fn parse(text: &str) -> Option<Self> {
        let lower: Arc<str> = if text.bytes().any(|b| b.is_ascii_uppercase()) {
            text.to_ascii_lowercase().into()
        } else {
            text.into()
        };
        if let Some(inner) = lower.strip_prefix('[') {
            let address: Ipv6Addr = inner.strip_suffix(']')?.parse().ok()?;
            return Some(Self(format!("[{address}]").into()));
        }
        // What ends in a number is an IPv4 address or nothing (WHATWG URL, "ends in a number").
        let last = lower.rsplit('.').next()?;
        let valid = if last.bytes().all(|b| b.is_ascii_digit()) {
            lower.parse::<Ipv4Addr>().is_ok()
        } else {
            lower.len() <= 253 && lower.split('.').all(is_label)
        };
        valid.then_some(Self(lower))
    }

    /// The same for a host that clients name. They may name one with an underscore, which RFC 1123
    /// does not allow and resolvers take; below a wildcard it is served as well.
    fn of_clients(text: &str) -> Option<Self> {
        Self::parse(text).or_else(|| {
            Self::parse(&text.replace('_', "x"))?;
            Some(Self(text.to_ascii_lowercase().into()))
        })
    }

    /// The host's text, lower case, IPv6 in brackets.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is an address and not a DNS name.
    pub fn is_address(&self) -> bool {
        self.0.starts_with('[') || self.0.parse::<Ipv4Addr>().is_ok()
    }
}

impl Borrow<str> for HostName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for HostName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for HostName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// One host, or all below one: `onetimesecret.com`, `*.secrets.example.com`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HostPattern {
    /// This host alone.
    Exact(HostName),
    /// Every name that ends in a dot and this one, at any depth, but not this one itself.
    Below(HostName),
}

impl HostPattern {
    /// The pattern that `text` is, or `None` where it is none.
    pub fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix("*.") {
            Some(parent) => HostName::of_clients(parent)
                .filter(|host| !host.is_address())
                .map(Self::Below),
            None => HostName::of_clients(text).map(Self::Exact),
        }
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(host) => write!(formatter, "{host}"),
            Self::Below(host) => write!(formatter, "*.{host}"),
        }
    }
}

/// RFC 1123 section 2.1: letters, digits and hyphens, no hyphen at either end, at most 63.
fn is_label(label: &str) -> bool {
    !label.is_empty()
        && label.len() <= 63
        && label
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn regions_are_short_lower_case_words() {
        for text in ["eu", "us-east-1", "a", &"a".repeat(32)] {
            assert_eq!(RegionName::parse(text).unwrap().as_str(), text);
        }
        for text in [
            "",
            "EU",
            "1a",
            "-a",
            "a_b",
            "a.b",
            "auto",
            "refuse",
            "é",
            &"a".repeat(33),
        ] {
            assert_eq!(RegionName::parse(text), None, "{text}");
        }
    }

    #[test]
    fn hosts_are_names_or_addresses_in_one_spelling() {
        let good = [
            ("OneTimeSecret.COM", "onetimesecret.com"),
            ("localhost", "localhost"),
            ("127.0.0.1", "127.0.0.1"),
            ("[0:0::1]", "[::1]"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
            ("1.example", "1.example"),
        ];
        for (text, expected) in good {
            assert_eq!(HostName::parse(text).unwrap().as_str(), expected, "{text}");
        }
        let long = format!("{}.example", "a".repeat(64));
        let bad = [
            "",
            ".",
            "a.",
            ".a",
            "a..b",
            "-a",
            "a-",
            "a_b",
            "a b",
            "*.a",
            "a:1",
            "::1",
            "[::1",
            "[a]",
            "1.2.3",
            "1.2.3.4.5",
            "256.1.1.1",
            "a.1",
            "é",
            "[1.2.3.4]",
            &long,
        ];
        for text in bad {
            assert_eq!(HostName::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_host_with_an_underscore_is_written_as_it_is_served() {
        for (text, expected) in [
            ("My_Shop.example", "my_shop.example"),
            ("_dmarc.example", "_dmarc.example"),
            ("*.my_shop.example", "*.my_shop.example"),
        ] {
            assert_eq!(HostPattern::parse(text).unwrap().to_string(), expected);
        }
        for text in ["_.1", "a_b:1", "a_b..c", "_27.0.0.1", "[_]", "*._.1"] {
            assert_eq!(HostPattern::parse(text), None, "{text}");
        }
    }

    #[test]
    fn wildcards_stand_before_a_name() {
        assert_eq!(HostPattern::parse("*.A.b").unwrap().to_string(), "*.a.b");
        for text in ["*", "*.", "*.*.a", "a.*", "*a", "*.127.0.0.1", "*.[::1]"] {
            assert_eq!(HostPattern::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_a_name_says_is_that_name(text in "[a-zA-Z0-9.:*\\[\\]-]{0,20}") {
            if let Some(pattern) = HostPattern::parse(&text) {
                prop_assert_eq!(HostPattern::parse(&pattern.to_string()), Some(pattern));
            }
            if let Some(name) = RegionName::parse(&text) {
                prop_assert_eq!(name.to_string(), text);
            }
        }
    }
}
