//! An authority (`Host` or `:authority`) read strictly: host and port, RFC 9110 section 4.2.
//!
//! Stricter than RFC 3986 on purpose: a host is a name of letters, digits, `-`, `_` and `.`, an
//! IPv4 address or a bracketed IPv6 address. Userinfo, percent-encoding, zones and sub-delimiters
//! are refused, never guessed at.

use std::net::Ipv6Addr;

/// The longest host name in bytes, a trailing dot not counted (RFC 1123 section 2.1).
pub const LONGEST: usize = 255;

/// A well-formed authority.
#[derive(Clone, Copy, Debug)]
pub struct Authority<'a> {
    host: Host<'a>,
    port: Option<u16>,
}

/// The host of an authority.
#[derive(Clone, Copy, Debug)]
pub enum Host<'a> {
    /// A name or an IPv4 address as it was sent, but without the one trailing dot that makes a
    /// name absolute: `example.com.` is `example.com`. Compared without regard to ASCII case.
    Name(&'a [u8]),
    /// A bracketed IPv6 address.
    V6(Ipv6Addr),
}

impl PartialEq for Host<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Name(one), Self::Name(two)) => one.eq_ignore_ascii_case(two),
            (Self::V6(one), Self::V6(two)) => one == two,
            (Self::Name(_), Self::V6(_)) | (Self::V6(_), Self::Name(_)) => false,
        }
    }
}

/// Why an authority is malformed (status 400, as against 421 for a well-formed unknown one).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum AuthorityFault {
    /// No host, or an empty label in it.
    #[error("the host or one of its labels is empty")]
    Empty,
    /// More than [`LONGEST`] bytes.
    #[error("the host is longer than {LONGEST} bytes")]
    TooLong,
    /// `user@host`.
    #[error("an authority must not hold user information")]
    UserInfo,
    /// The port is no number up to 65535.
    #[error("the port is not a number up to 65535")]
    Port,
    /// Brackets without an IPv6 address.
    #[error("the brackets do not hold an IPv6 address")]
    Brackets,
    /// Any other byte that no host has.
    #[error("the host holds a character that is not allowed")]
    Character,
}

impl AuthorityFault {
    /// The word of logs and metrics.
    pub fn label(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::TooLong => "too-long",
            Self::UserInfo => "user-info",
            Self::Port => "port",
            Self::Brackets => "brackets",
            Self::Character => "character",
        }
    }
}

impl<'a> Authority<'a> {
    /// Reads `host [ ":" port ]`. An empty port is allowed and means none (RFC 3986 section
    /// 3.2.3).
    ///
    /// # Errors
    /// What is wrong with it; white space is never trimmed here.
    pub fn parse(raw: &'a [u8]) -> Result<Self, AuthorityFault> {
        if let Some(bracketed) = raw.strip_prefix(b"[") {
            return Self::bracketed(bracketed);
        }
        let colon = raw
            .iter()
            .position(|&byte| byte == b':')
            .unwrap_or(raw.len());
        let (name, rest) = raw.split_at_checked(colon).unwrap_or((raw, b""));
        if raw.contains(&b'@') {
            return Err(AuthorityFault::UserInfo);
        }
        let name = name.strip_suffix(b".").unwrap_or(name);
        check_name(name)?;
        Ok(Self {
            host: Host::Name(name),
            port: port(rest)?,
        })
    }

    fn bracketed(raw: &'a [u8]) -> Result<Self, AuthorityFault> {
        let close = raw
            .iter()
            .position(|&byte| byte == b']')
            .ok_or(AuthorityFault::Brackets)?;
        let (inner, rest) = raw.split_at_checked(close).unwrap_or((raw, b""));
        let address = str::from_utf8(inner)
            .ok()
            .and_then(|text| text.parse::<Ipv6Addr>().ok())
            .ok_or(AuthorityFault::Brackets)?;
        let port = port(rest.strip_prefix(b"]").unwrap_or(rest))?;
        Ok(Self {
            host: Host::V6(address),
            port,
        })
    }

    /// The host.
    pub fn host(&self) -> Host<'a> {
        self.host
    }

    /// The port, if there is one.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// Whether both name the same host and port, a missing port being `default` (443 for https).
    pub fn agrees_with(&self, other: &Authority<'_>, default: u16) -> bool {
        self.host == other.host && self.port.unwrap_or(default) == other.port.unwrap_or(default)
    }
}

/// Checks a name without its trailing dot.
pub(super) fn check_name(name: &[u8]) -> Result<(), AuthorityFault> {
    if name.len() > LONGEST {
        return Err(AuthorityFault::TooLong);
    }
    let mut label = 0usize;
    for &byte in name {
        match byte {
            b'.' if label == 0 => return Err(AuthorityFault::Empty),
            b'.' => label = 0,
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => label += 1,
            _ => return Err(AuthorityFault::Character),
        }
    }
    if label == 0 {
        Err(AuthorityFault::Empty)
    } else {
        Ok(())
    }
}

/// Reads what follows the host: nothing, or `:` and at most five digits.
fn port(rest: &[u8]) -> Result<Option<u16>, AuthorityFault> {
    if rest.is_empty() {
        return Ok(None);
    }
    let digits = rest.strip_prefix(b":").ok_or(AuthorityFault::Port)?;
    if digits.is_empty() {
        return Ok(None);
    }
    if digits.len() > 5 || !digits.iter().all(u8::is_ascii_digit) {
        return Err(AuthorityFault::Port);
    }
    let number = digits
        .iter()
        .fold(0u32, |sum, &digit| sum * 10 + u32::from(digit - b'0'));
    u16::try_from(number)
        .map(Some)
        .map_err(|_| AuthorityFault::Port)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fault(raw: &str) -> AuthorityFault {
        Authority::parse(raw.as_bytes()).expect_err(raw)
    }

    fn agree(one: &str, two: &str) -> bool {
        let two = Authority::parse(two.as_bytes()).unwrap();
        Authority::parse(one.as_bytes())
            .unwrap()
            .agrees_with(&two, 443)
    }

    #[test]
    fn names_addresses_and_ports_are_read() {
        for (raw, port) in [
            ("onetimesecret.com", None),
            ("onetimesecret.com:443", Some(443)),
            ("onetimesecret.com.", None),
            ("onetimesecret.com.:8443", Some(8443)),
            ("EU.localhost:", None),
            ("127.0.0.1:0", Some(0)),
            ("[::1]", None),
            ("[2001:db8::1]:65535", Some(65535)),
            ("a_b-c.d", None),
        ] {
            let authority = Authority::parse(raw.as_bytes()).expect(raw);
            assert_eq!(authority.port(), port, "{raw}");
        }
    }

    #[test]
    fn malformed_authorities_are_refused_with_their_cause() {
        for (raw, cause) in [
            ("", AuthorityFault::Empty),
            (".", AuthorityFault::Empty),
            ("..", AuthorityFault::Empty),
            (":443", AuthorityFault::Empty),
            (".example.com", AuthorityFault::Empty),
            ("example..com", AuthorityFault::Empty),
            ("example.com..", AuthorityFault::Empty),
            ("user@example.com", AuthorityFault::UserInfo),
            ("user:pass@example.com:443", AuthorityFault::UserInfo),
            ("example.com:65536", AuthorityFault::Port),
            ("example.com:000443", AuthorityFault::Port),
            ("example.com:80:80", AuthorityFault::Port),
            ("example.com:+80", AuthorityFault::Port),
            ("example.com:8o", AuthorityFault::Port),
            ("::1", AuthorityFault::Empty),
            ("a::1", AuthorityFault::Port),
            ("[::1", AuthorityFault::Brackets),
            ("[]", AuthorityFault::Brackets),
            ("[127.0.0.1]", AuthorityFault::Brackets),
            ("[fe80::1%eth0]", AuthorityFault::Brackets),
            ("[v1.a]", AuthorityFault::Brackets),
            ("[::1]x", AuthorityFault::Port),
            (" example.com", AuthorityFault::Character),
            ("example.com ", AuthorityFault::Character),
            ("exam%70le.com", AuthorityFault::Character),
            ("example.com/", AuthorityFault::Character),
            ("a,b", AuthorityFault::Character),
            ("*.example.com", AuthorityFault::Character),
            ("exämple.com", AuthorityFault::Character),
        ] {
            assert_eq!(fault(raw), cause, "{raw}");
        }
        assert_eq!(fault(&"a".repeat(256)), AuthorityFault::TooLong);
        assert!(Authority::parse("a".repeat(255).as_bytes()).is_ok());
    }

    #[test]
    fn agreement_folds_case_dot_default_port_and_spelling_of_addresses() {
        assert!(agree("Example.com", "example.COM.:443"));
        assert!(agree("[::1]:443", "[0:0::1]"));
        assert!(!agree("example.com", "example.com:8443"));
        assert!(!agree("example.com", "www.example.com"));
    }

    proptest! {
        #[test]
        fn reading_is_total_and_finds_what_was_written(
            name in "[a-zA-Z0-9_-]{1,20}(\\.[a-zA-Z0-9_-]{1,20}){0,5}",
            port in proptest::option::of(any::<u16>()),
        ) {
            let raw = port.map_or_else(|| name.clone(), |port| format!("{name}:{port}"));
            let authority = Authority::parse(raw.as_bytes()).unwrap();
            prop_assert_eq!(authority.port(), port);
            prop_assert_eq!(authority.host(), Host::Name(name.as_bytes()));
        }

        #[test]
        fn no_bytes_make_it_panic_and_a_good_name_has_only_allowed_bytes(
            raw in proptest::collection::vec(any::<u8>(), 0..300),
        ) {
            if let Ok(authority) = Authority::parse(&raw)
                && let Host::Name(name) = authority.host()
            {
                prop_assert!(!name.is_empty() && name.len() <= LONGEST);
                prop_assert!(name.iter().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(b)));
            }
        }
    }
}
