//! A caller's explicit choice: the `O-Region` header and the pin cookie; and the sticky cookie, a
//! kept geographic decision, which is never mistaken for a choice.
//!
//! Values are region names, compared exactly (names are lower case): `EU` is unknown.

use std::fmt;

use cookie::{Cookie, SameSite, time};

use super::RegionName;

/// The name of the pin header.
pub const HEADER: &str = "o-region";

/// The default name of the pin cookie.
pub const PIN_COOKIE: &str = "__Host-ots-region";

/// The default name of the sticky cookie.
pub const STICKY_COOKIE: &str = "__Host-ots-sticky";

/// The prefix that makes a browser refuse a cookie set from a sibling host or for a domain.
const PREFIX: &str = "__Host-";

/// How long a choice is kept.
const KEPT: time::Duration = time::Duration::days(365);

/// A value that a client should send once, and what it sent.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub enum Sent<'a> {
    /// Nothing.
    #[default]
    Nothing,
    /// One value.
    One(&'a [u8]),
    /// Several header fields, or cookies of one name with different values: no choice at all.
    Several,
}

impl<'a> Sent<'a> {
    /// Reads the values of the pin header's fields, without white space at their ends. A list
    /// (`eu, us`) is one value, which names no region.
    pub fn header(mut values: impl Iterator<Item = &'a [u8]>) -> Self {
        match (values.next(), values.next()) {
            (None, _) => Self::Nothing,
            (Some(value), None) => Self::One(trim(value)),
            (Some(_), Some(_)) => Self::Several,
        }
    }

    /// The one value, if there is exactly one.
    #[must_use]
    pub const fn one(self) -> Option<&'a [u8]> {
        match self {
            Self::One(value) => Some(value),
            Self::Nothing | Self::Several => None,
        }
    }

    fn and(&mut self, value: &'a [u8]) {
        *self = match *self {
            Self::Nothing => Self::One(value),
            Self::One(earlier) if earlier == value => Self::One(value),
            Self::One(_) | Self::Several => Self::Several,
        };
    }
}

/// Tells how many values there are, never what they are.
impl fmt::Debug for Sent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => "Nothing",
            Self::One(_) => "One(..)",
            Self::Several => "Several",
        })
    }
}

/// What a request's `Cookie` fields say to the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct OwnCookies<'a> {
    /// The pin cookie.
    pub pin: Sent<'a>,
    /// The sticky cookie.
    pub sticky: Sent<'a>,
    /// Whether there are cookies of anybody else.
    pub foreign: bool,
}

/// Why a cookie cannot be named so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CookieNameError {
    /// Not `__Host-` and at least one token character.
    #[error("cookie name {name:?} is not {PREFIX} followed by letters, digits, - or _")]
    Form {
        /// As it was written.
        name: String,
    },
    /// One name for both cookies: a kept decision would pass for a choice.
    #[error("the pin cookie and the sticky cookie are both named {name:?}")]
    Same {
        /// The name.
        name: String,
    },
}

/// The names of the gateway's own cookies, and all that is done with them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CookieNames {
    pin: Box<str>,
    sticky: Box<str>,
}

impl Default for CookieNames {
    fn default() -> Self {
        Self {
            pin: PIN_COOKIE.into(),
            sticky: STICKY_COOKIE.into(),
        }
    }
}

impl CookieNames {
    /// Checks the names: both with the `__Host-` prefix, since without it any sibling host could
    /// plant a choice.
    ///
    /// # Errors
    /// A name of another form, or the same name twice.
    pub fn new(pin: &str, sticky: &str) -> Result<Self, CookieNameError> {
        for name in [pin, sticky] {
            let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
            let rest = name.strip_prefix(PREFIX).unwrap_or_default();
            if rest.is_empty() || !rest.bytes().all(plain) {
                return Err(CookieNameError::Form {
                    name: name.to_owned(),
                });
            }
        }
        // Names are compared exactly, but two that differ in case only would fool their reader.
        if pin.eq_ignore_ascii_case(sticky) {
            return Err(CookieNameError::Same {
                name: pin.to_owned(),
            });
        }
        Ok(Self {
            pin: pin.into(),
            sticky: sticky.into(),
        })
    }

    /// The pin cookie's name.
    pub fn pin(&self) -> &str {
        &self.pin
    }

    /// The sticky cookie's name.
    pub fn sticky(&self) -> &str {
        &self.sticky
    }

    /// Reads the gateway's cookies from the values of all `Cookie` fields, without allocating.
    pub fn read<'a>(&self, fields: impl Iterator<Item = &'a [u8]>) -> OwnCookies<'a> {
        let mut own = OwnCookies::default();
        for pair in fields.flat_map(pairs) {
            let (name, value) = split(pair);
            if name == self.pin.as_bytes() {
                own.pin.and(value);
            } else if name == self.sticky.as_bytes() {
                own.sticky.and(value);
            } else {
                own.foreign = true;
            }
        }
        own
    }

    /// Appends to `out` one `Cookie` value of all cookies that are not the gateway's, byte for
    /// byte, joined by `"; "` (RFC 9113 section 8.2.3). Says whether there are any.
    pub fn foreign<'a>(&self, fields: impl Iterator<Item = &'a [u8]>, out: &mut Vec<u8>) -> bool {
        let mut any = false;
        for pair in fields.flat_map(pairs) {
            let (name, _) = split(pair);
            if name == self.pin.as_bytes() || name == self.sticky.as_bytes() {
                continue;
            }
            if any {
                out.extend_from_slice(b"; ");
            }
            out.extend_from_slice(pair);
            any = true;
        }
        any
    }

    /// The `Set-Cookie` value that keeps a choice for a year.
    pub fn set_pin(&self, region: &RegionName) -> String {
        set_cookie(&self.pin, region.as_str(), KEPT)
    }

    /// The `Set-Cookie` value that forgets a choice.
    pub fn clear_pin(&self) -> String {
        set_cookie(&self.pin, "", time::Duration::ZERO)
    }

    /// The `Set-Cookie` value that keeps a geographic decision for a year.
    pub fn set_sticky(&self, region: &RegionName) -> String {
        set_cookie(&self.sticky, region.as_str(), KEPT)
    }

    /// The `Set-Cookie` value that forgets a geographic decision.
    pub fn clear_sticky(&self) -> String {
        set_cookie(&self.sticky, "", time::Duration::ZERO)
    }
}

fn set_cookie(name: &str, value: &str, age: time::Duration) -> String {
    Cookie::build((name, value))
        .secure(true)
        .http_only(true)
        .same_site(SameSite::Lax)
        .path("/")
        .max_age(age)
        .to_string()
}

/// The pairs of one `Cookie` value (RFC 6265 section 4.2.1), trimmed; empty ones are skipped.
fn pairs(field: &[u8]) -> impl Iterator<Item = &[u8]> {
    field
        .split(|&byte| byte == b';')
        .map(trim)
        .filter(|pair| !pair.is_empty())
}

/// Name and value of a pair; a pair without `=` is a name without a value.
fn split(pair: &[u8]) -> (&[u8], &[u8]) {
    let equals = pair
        .iter()
        .position(|&byte| byte == b'=')
        .unwrap_or(pair.len());
    let (name, value) = pair.split_at_checked(equals).unwrap_or((pair, b""));
    (trim(name), trim(value.strip_prefix(b"=").unwrap_or(value)))
}

/// Without OWS (RFC 9110 section 5.6.3) at both ends.
fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

#[cfg(test)]
mod tests;
