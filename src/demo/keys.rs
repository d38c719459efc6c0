//! Makes the keys of demo secrets and receipts, and draws whatever else must be unguessable.
//!
//! A tagged key is base 36 of 320 bits: 256 random bits, then the first 8 bytes of HMAC-SHA-256,
//! keyed with the identifier secret's text, over the 64 lower-case hex digits of the random part.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use rustls::crypto::SecureRandom;
use sha2::Sha256;

use super::options::KeyStyle;

/// The value that v0.24 and v0.25 regions share: tags made with it verify in all of them alike.
const SHARED: &str = "the same identifier secret in every demo region";

/// Characters of a tagged key.
const TAGGED: usize = 62;

/// Characters of a key of the old line.
const SHORT: usize = 31;

/// Mints a tagged key under `secret` from 256 random bits.
fn mint(secret: &str, random: &[u8; 32]) -> String {
    let mut number = [0u8; 40];
    let (head, tail) = number.split_at_mut(32);
    head.copy_from_slice(random);
    let mac = keyed_by(secret)
        .chain_update(hex(random))
        .finalize()
        .into_bytes();
    for (to, from) in tail.iter_mut().zip(mac) {
        *to = from;
    }
    base36(&number, TAGGED)
}

#[expect(
    clippy::expect_used,
    reason = "HMAC takes a key of any length (RFC 2104 section 2)"
)]
fn keyed_by(secret: &str) -> Hmac<Sha256> {
    Hmac::new_from_slice(secret.as_bytes()).expect("a key of any length")
}

/// The number, big end first in whole groups of four bytes, as `length` digits of base 36, the
/// highest cut off if there are more.
fn base36(number: &[u8], length: usize) -> String {
    let mut limbs: Vec<u32> = number
        .chunks(4)
        .map(|bytes| {
            bytes
                .iter()
                .fold(0, |limb, byte| (limb << 8) | u32::from(*byte))
        })
        .collect();
    let mut digits = vec![b'0'; length];
    for digit in digits.iter_mut().rev() {
        let mut rest = 0u32;
        for limb in &mut limbs {
            let wide = (u64::from(rest) << 32) | u64::from(*limb);
            // Below 2^32, since the rest is below 36.
            *limb = u32::try_from(wide / 36).unwrap_or(0);
            rest = u32::try_from(wide % 36).unwrap_or(0);
        }
        *digit = char::from_digit(rest, 36).map_or(b'0', |digit| digit as u8);
    }
    digits.into_iter().map(char::from).collect()
}

/// Bytes as lower-case hex digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

/// Random bytes that nobody can guess.
#[derive(Clone, Copy)]
pub(super) struct Random(&'static dyn SecureRandom);

impl Random {
    pub(super) fn new() -> Self {
        Self(rustls::crypto::aws_lc_rs::default_provider().secure_random)
    }

    #[expect(
        clippy::expect_used,
        reason = "a system without random numbers can run no demo"
    )]
    pub(super) fn bytes<const N: usize>(self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.fill(&mut bytes).expect("random bytes");
        bytes
    }

    /// 64 random hex digits: an identifier secret, a session or a CSRF value.
    pub(super) fn token(self) -> String {
        hex(&self.bytes::<32>())
    }
}

/// Makes one region's keys.
pub(super) struct Minter {
    random: Random,
    style: KeyStyle,
    secret: String,
}

impl Minter {
    pub(super) fn new(random: Random, style: KeyStyle, secret: String) -> Self {
        Self {
            random,
            style,
            secret,
        }
    }

    /// A new key, never given out before.
    pub(super) fn mint(&self) -> String {
        let random = self.random.bytes::<32>();
        match self.style {
            KeyStyle::Tagged => mint(&self.secret, &random),
            KeyStyle::SharedTag => mint(SHARED, &random),
            KeyStyle::Short => base36(&random, SHORT),
        }
    }
}

impl fmt::Debug for Minter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Minter")
            .field("style", &self.style)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A key of the application's own library with its region's (made-up) identifier secret.
    const SECRET: &str = "4f1d0c7a9be3285166d4a0f7c2b98e31557a0d9c4be6f812a3907dc5e1f4b628";
    const KEY: &str = "gbexbxw247g0cinp1ia1ogu5nc31g72s4j3reusv6ufo4ju7hqrcx8fsll4omg";

    /// The 320 bits of a key, digit by digit.
    fn decode(key: &str) -> [u8; 40] {
        let mut number = [0u8; 40];
        for digit in key.chars() {
            let mut carry = digit.to_digit(36).unwrap();
            for byte in number.iter_mut().rev() {
                carry += u32::from(*byte) * 36;
                *byte = (carry & 255) as u8;
                carry >>= 8;
            }
        }
        number
    }

    #[test]
    fn a_key_of_the_application_is_minted_again_from_its_random_part() {
        let random: [u8; 32] = decode(KEY)[..32].try_into().unwrap();
        assert_eq!(mint(SECRET, &random), KEY);
        assert_ne!(mint(SHARED, &random), KEY);
    }

    #[test]
    fn small_numbers_are_padded() {
        assert!(mint(SECRET, &[0; 32]).starts_with("0000000000000000000000000"));
        assert_eq!(base36(&[0, 0, 0, 36], 4), "0010");
        assert_eq!(base36(&[0, 255, 255, 255], 2), "dr");
    }

    #[test]
    fn each_style_has_its_length_and_alphabet() {
        for (style, length) in [
            (KeyStyle::Tagged, 62),
            (KeyStyle::SharedTag, 62),
            (KeyStyle::Short, 31),
        ] {
            let minter = Minter::new(Random::new(), style, SECRET.to_owned());
            let (one, two) = (minter.mint(), minter.mint());
            assert_ne!(one, two);
            assert_eq!(one.len(), length);
            assert!(
                one.bytes()
                    .all(|b| b.is_ascii_digit() || b.is_ascii_lowercase())
            );
        }
    }

    #[test]
    fn hex_is_lower_case_and_padded() {
        assert_eq!(hex(&[0, 15, 171]), "000fab");
        assert_eq!(Random::new().token().len(), 64);
    }
}
