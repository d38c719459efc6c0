//! Which region minted a key: the tag inside 62-character keys, checked offline.
//!
//! A key is base 36 of 320 bits: 256 random bits, then the first 8 bytes of HMAC-SHA-256, keyed
//! with the region's identifier secret (its text), over the 64 lower-case hex digits of the
//! random bits. Nothing here prints or keeps a key; the secrets are wiped when dropped.

mod form;

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::RegionId;

/// The length of a key that may hold a tag.
pub const TAGGED: usize = 62;

/// Bytes of the random part and of the tag.
const RANDOM: usize = 32;
const TAG: usize = 8;

/// A path segment as the application reads it: percent-decoded, then everything outside
/// `[A-Za-z0-9_-]` dropped. Lives on the stack; prints as `Key(..)`.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    bytes: [u8; Self::LONGEST],
    length: usize,
}

impl Key {
    /// The longest key that is looked at; the application's are 62 characters at most.
    pub const LONGEST: usize = 128;

    /// Reads a raw path segment. `None` if nothing of it remains, or more than
    /// [`Key::LONGEST`] characters. A `%` without two hex digits stands for itself and is dropped.
    pub fn from_segment(raw: &str) -> Option<Self> {
        let mut key = Self {
            bytes: [0; Self::LONGEST],
            length: 0,
        };
        for byte in percent_encoding::percent_decode_str(raw) {
            if byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-' {
                *key.bytes.get_mut(key.length)? = byte;
                key.length += 1;
            }
        }
        (key.length > 0).then_some(key)
    }

    /// The key itself: a bearer credential, never to be written anywhere.
    pub fn reveal(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

/// One region's identifier secret, as text; wiped when dropped, prints as `IdentifierSecret(..)`.
#[derive(Clone)]
pub struct IdentifierSecret(Zeroizing<Vec<u8>>);

impl IdentifierSecret {
    /// Takes the content of a file or of a variable, without white space and byte order marks at
    /// either end: editors and shells leave them there, and no region tags keys with them.
    pub fn new(text: Vec<u8>) -> Self {
        let mut text = Zeroizing::new(text);
        let length = form::trimmed(&text).len();
        let start = text.len() - form::trimmed_start(&text).len();
        // In place: a copy would leave the secret behind.
        text.drain(..start);
        text.truncate(length);
        Self(text)
    }

    /// Whether nothing is left of it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for IdentifierSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdentifierSecret(..)")
    }
}

/// What can be wrong with the identifier secrets; positions count a region's secrets from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretFault {
    /// A secret is empty.
    #[error("an identifier secret is empty")]
    Empty {
        /// Whose it is.
        region: RegionId,
        /// Which of that region's.
        position: usize,
    },
    /// Two regions have the same secret: a key could not tell them apart.
    #[error("two regions have the same identifier secret")]
    Shared {
        /// The region that has it, and which of its secrets it is.
        first: (RegionId, usize),
        /// The region that has it too.
        second: (RegionId, usize),
    },
    /// A secret cannot be what its region uses.
    #[error("an identifier secret {what}")]
    Unusable {
        /// Whose it is.
        region: RegionId,
        /// Which of that region's.
        position: usize,
        /// What is wrong, without a word of the secret.
        what: &'static str,
    },
}

/// What is odd about an identifier secret, but harmless; positions as in [`SecretFault`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretWarning {
    /// Shorter than [`IdentifierSecrets::SHORT`] bytes: it can perhaps be guessed, and keys minted
    /// that route here.
    Short {
        /// Whose it is.
        region: RegionId,
        /// Which of that region's.
        position: usize,
    },
    /// Listed twice for one region; the second is not used.
    Repeated {
        /// Whose it is.
        region: RegionId,
        /// Which of that region's.
        position: usize,
    },
    /// It looks like something other than the bare secret.
    Odd {
        /// Whose it is.
        region: RegionId,
        /// Which of that region's.
        position: usize,
        /// Why, without a word of the secret.
        what: &'static str,
    },
}

/// The keyed state of every region's secrets, wiped when dropped.
#[derive(Clone, Default)]
pub struct IdentifierSecrets {
    /// Never grown, so that no freed block keeps a state.
    keyed: Vec<(RegionId, Hmac<Sha256>)>,
    warnings: Vec<SecretWarning>,
}

impl IdentifierSecrets {
    /// A secret below this many bytes earns a warning.
    pub const SHORT: usize = 32;

    /// Prepares the secrets: each region's list, newest first or in any order.
    ///
    /// # Errors
    /// Every secret that is empty or unusable, and every pair of regions that share one.
    pub fn new(lists: &[(RegionId, Vec<IdentifierSecret>)]) -> Result<Self, Vec<SecretFault>> {
        let mut faults = Vec::new();
        let mut warnings = Vec::new();
        let mut keyed = Vec::with_capacity(lists.iter().map(|(_, secrets)| secrets.len()).sum());
        // Two secrets are the same if they make the same tags, which is a little wider than the
        // same text: HMAC pads short keys and hashes long ones.
        let mut seen: Vec<((RegionId, usize), [u8; 32])> = Vec::new();
        for &(region, ref secrets) in lists {
            for (position, secret) in secrets.iter().enumerate() {
                let text = secret.0.as_slice();
                if text.is_empty() {
                    faults.push(SecretFault::Empty { region, position });
                    continue;
                }
                if let Some(what) = form::odd(text) {
                    warnings.push(SecretWarning::Odd {
                        region,
                        position,
                        what,
                    });
                }
                if text.len() < Self::SHORT {
                    warnings.push(SecretWarning::Short { region, position });
                }
                let mac = keyed_by(text);
                let print: [u8; 32] = mac.clone().finalize().into_bytes().into();
                let second = (region, position);
                match seen.iter().find(|(_, earlier)| *earlier == print) {
                    Some(&(first, _)) if first.0 == region => {
                        warnings.push(SecretWarning::Repeated { region, position });
                    }
                    Some(&(first, _)) => faults.push(SecretFault::Shared { first, second }),
                    None => {
                        if let Some(what) = form::unusable(text) {
                            faults.push(SecretFault::Unusable {
                                region,
                                position,
                                what,
                            });
                        }
                        seen.push((second, print));
                        keyed.push((region, mac));
                    }
                }
            }
        }
        if faults.is_empty() {
            Ok(Self { keyed, warnings })
        } else {
            Err(faults)
        }
    }

    /// What was odd, but harmless.
    pub fn warnings(&self) -> &[SecretWarning] {
        &self.warnings
    }

    /// One key for each secret, tagged as its region would tag it; none of them was ever handed to
    /// anybody. They stand for a region's keys where a configuration is proved, and are wiped when
    /// dropped.
    pub fn samples(&self) -> impl Iterator<Item = (RegionId, Zeroizing<String>)> {
        self.keyed
            .iter()
            .map(|(region, keyed)| (*region, mint_by(keyed.clone(), &[0; RANDOM])))
    }

    /// Whether no region has a secret, so that no key has a region.
    pub fn is_empty(&self) -> bool {
        self.keyed.is_empty()
    }

    /// The region whose secret verifies the key's tag.
    ///
    /// All secrets are tried, whichever fits, and each comparison takes constant time.
    pub fn region_of(&self, key: &Key) -> Option<RegionId> {
        let number = decode(key.reveal())?;
        let (random, tag) = number.split_at_checked(RANDOM)?;
        let mut digits = [0u8; 2 * RANDOM];
        for (pair, byte) in digits.chunks_exact_mut(2).zip(random) {
            pair.copy_from_slice(&[hex_digit(byte >> 4), hex_digit(byte & 15)]);
        }
        let mut found = None;
        for (region, keyed) in &self.keyed {
            let verdict = keyed
                .clone()
                .chain_update(digits)
                .verify_truncated_left(tag);
            found = if verdict.is_ok() {
                Some(*region)
            } else {
                found
            };
        }
        found
    }
}

impl fmt::Debug for IdentifierSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IdentifierSecrets({} secrets)", self.keyed.len())
    }
}

/// Mints a key under a secret as a region does, from 256 random bits. For demo regions and tests.
pub fn mint(secret: &IdentifierSecret, random: &[u8; RANDOM]) -> String {
    mint_by(keyed_by(&secret.0), random).to_string()
}

fn mint_by(mut mac: Hmac<Sha256>, random: &[u8; RANDOM]) -> Zeroizing<String> {
    for byte in random {
        mac.update(&[hex_digit(byte >> 4), hex_digit(byte & 15)]);
    }
    let tag = mac.finalize().into_bytes();
    let mut number: Vec<u8> = random.iter().chain(tag.iter().take(TAG)).copied().collect();
    let mut digits = [0u8; TAGGED];
    for digit in digits.iter_mut().rev() {
        let mut rest = 0u32;
        for byte in &mut number {
            rest = rest << 8 | u32::from(*byte);
            *byte = (rest / 36).to_le_bytes()[0];
            rest %= 36;
        }
        *digit = char::from_digit(rest, 36).map_or(b'0', |digit| digit as u8);
    }
    let mut key = Zeroizing::new(String::with_capacity(TAGGED));
    key.extend(digits.into_iter().map(char::from));
    key
}

#[expect(
    clippy::expect_used,
    reason = "HMAC takes a key of any length (RFC 2104 section 2)"
)]
fn keyed_by(secret: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(secret).expect("a key of any length")
}

/// Reads 62 digits of base 36 (lower case only) as 320 bits, big end first; `None` for any other
/// text and for numbers of more than 320 bits, which no minting yields.
fn decode(text: &[u8]) -> Option<[u8; RANDOM + TAG]> {
    if text.len() != TAGGED {
        return None;
    }
    // Little end first. 36^12 is the largest power of 36 in a u64, so twelve digits a step.
    let mut limbs = [0u64; 5];
    for chunk in text.chunks(12) {
        let (mut factor, mut addend) = (1u64, 0u64);
        for &byte in chunk {
            let digit = match byte {
                b'0'..=b'9' => byte - b'0',
                b'a'..=b'z' => byte - b'a' + 10,
                _ => return None,
            };
            factor *= 36;
            addend = addend * 36 + u64::from(digit);
        }
        let mut carry = u128::from(addend);
        for limb in &mut limbs {
            carry += u128::from(*limb) * u128::from(factor);
            *limb = low(carry);
            carry >>= 64;
        }
        if carry != 0 {
            return None;
        }
    }
    let mut number = [0u8; RANDOM + TAG];
    for (bytes, limb) in number.chunks_exact_mut(8).zip(limbs.iter().rev()) {
        bytes.copy_from_slice(&limb.to_be_bytes());
    }
    Some(number)
}

/// The low 64 bits.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the truncation is the purpose"
)]
fn low(wide: u128) -> u64 {
    wide as u64
}

fn hex_digit(nibble: u8) -> u8 {
    match nibble {
        0..=9 => b'0' + nibble,
        _ => b'a' + (nibble - 10),
    }
}

#[cfg(test)]
mod tests;
