//! One hop of `X-Forwarded-For` or `Forwarded`, read from bytes without surrounding white space.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use smallvec::SmallVec;

/// What one hop says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hop {
    /// An address, never IPv4-mapped.
    Address(IpAddr),
    /// An empty list element, which is no hop (RFC 9110 section 5.6.1.2).
    Empty,
    /// No address, an obfuscated one, or nonsense.
    Unreadable,
}

impl From<Option<IpAddr>> for Hop {
    fn from(address: Option<IpAddr>) -> Self {
        address.map_or(Self::Unreadable, Self::Address)
    }
}

/// A hop of `X-Forwarded-For`, which no standard defines: an address, perhaps with a port. An
/// empty one is an empty list element, as in every other list.
pub(super) fn x_forwarded_for(text: &[u8]) -> Hop {
    if text.is_empty() {
        return Hop::Empty;
    }
    let bare = |text| str::from_utf8(text).ok()?.parse::<Ipv6Addr>().ok();
    Hop::from(match bare(text) {
        // Most proxies write IPv6 without brackets; a port needs them.
        Some(address) => Some(IpAddr::V6(address).to_canonical()),
        None => node(text, is_port),
    })
}

/// A hop of `Forwarded` (RFC 7239 section 4): pairs between semicolons, of which `for` counts.
///
/// More than the grammar allows, an address that should be quoted may stand without quotes.
pub(super) fn forwarded(text: &[u8]) -> Hop {
    if text.is_empty() {
        return Hop::Empty;
    }
    Hop::from(forwarded_for(text))
}

fn forwarded_for(mut text: &[u8]) -> Option<IpAddr> {
    let mut found = None;
    loop {
        if let Some(rest) = text.trim_ascii_start().strip_prefix(b";") {
            text = rest;
            continue;
        }
        if text.trim_ascii().is_empty() {
            return found;
        }
        let (name, value, rest) = pair(text.trim_ascii_start())?;
        if name.eq_ignore_ascii_case(b"for") {
            // A parameter may occur once (section 4): of two, which would be true?
            if found.is_some() {
                return None;
            }
            found = Some(node(&value, |port| is_port(port) || is_obfuscated(port))?);
        }
        text = rest;
    }
}

/// A pair's name, its value without quotes, and what follows it: nothing or a semicolon.
type Pair<'a> = (&'a [u8], SmallVec<[u8; 64]>, &'a [u8]);

fn pair(text: &[u8]) -> Option<Pair<'_>> {
    let (name, after) = text.split_at_checked(text.iter().position(|&byte| byte == b'=')?)?;
    let after = after.get(1..)?;
    if name.is_empty() || !name.iter().all(|&byte| is_token(byte)) {
        return None;
    }
    let (value, rest) = match after.strip_prefix(b"\"") {
        Some(quoted) => unquoted(quoted)?,
        None => {
            let end = after.iter().position(|&byte| byte == b';');
            let (value, rest) = after.split_at(end.unwrap_or(after.len()));
            let value = value.trim_ascii_end();
            let is_foreign =
                |byte: &u8| matches!(byte, b'"' | b'\\' | b'=') || !byte.is_ascii_graphic();
            if value.is_empty() || value.iter().any(is_foreign) {
                return None;
            }
            (SmallVec::from_slice(value), rest)
        }
    };
    let rest = rest.trim_ascii_start();
    matches!(rest.first(), None | Some(b';')).then_some((name, value, rest))
}

/// The text of a quoted-string (RFC 9110 section 5.6.4) behind its first quote, and what follows
/// its last.
fn unquoted(text: &[u8]) -> Option<(SmallVec<[u8; 64]>, &[u8])> {
    let mut value = SmallVec::new();
    let mut bytes = text.iter();
    while let Some(&byte) = bytes.next() {
        value.push(match byte {
            b'"' => return Some((value, bytes.as_slice())),
            b'\\' => *bytes.next()?,
            byte => byte,
        });
    }
    None
}

/// An address (RFC 7239 section 6), IPv6 in brackets, with a port that `accepts` agrees to, or
/// without one. `unknown` and obfuscated names are none.
fn node(text: &[u8], accepts: impl Fn(&[u8]) -> bool) -> Option<IpAddr> {
    let (address, port): (IpAddr, _) = match text.strip_prefix(b"[") {
        Some(text) => {
            let (address, rest) = text.split_at_checked(text.iter().position(|&b| b == b']')?)?;
            let address: Ipv6Addr = str::from_utf8(address).ok()?.parse().ok()?;
            (address.into(), rest.get(1..)?)
        }
        None => {
            let end = text.iter().position(|&byte| byte == b':');
            let (address, port) = text.split_at(end.unwrap_or(text.len()));
            let address: Ipv4Addr = str::from_utf8(address).ok()?.parse().ok()?;
            (address.into(), port)
        }
    };
    let is_good = port.is_empty() || port.strip_prefix(b":").is_some_and(accepts);
    is_good.then(|| address.to_canonical())
}

fn is_port(text: &[u8]) -> bool {
    // "+80" is a number to the standard library.
    text.iter().all(u8::is_ascii_digit)
        && str::from_utf8(text).is_ok_and(|text| text.parse::<u16>().is_ok())
}

/// `_` and at least one of letters, digits, `.`, `_` and `-` (section 6.3).
fn is_obfuscated(text: &[u8]) -> bool {
    text.strip_prefix(b"_").is_some_and(|rest| {
        !rest.is_empty()
            && rest
                .iter()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
    })
}

/// A byte of a token (RFC 9110 section 5.6.2).
const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

#[cfg(test)]
mod tests;
