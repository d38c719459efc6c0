//! One certificate with its chain and key, read from PEM and checked: everything can be parsed,
//! the leaf comes first, and the key is the leaf's.

use std::fmt::{self, Write};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SigningKey};
use rustls::{Error, InconsistentKeys, SignatureScheme};
use sha2::{Digest, Sha256};
use thiserror::Error;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};
use zeroize::Zeroizing;

use super::der;
use super::pem::{self, Fault};

/// What is wrong with a chain or a key. No message repeats anything of a key.
#[derive(Debug, Error)]
pub enum CertError {
    /// No certificate in the chain's file.
    #[error("no certificate (a PEM block CERTIFICATE) in this file")]
    NoCertificate,
    /// The chain's file is no PEM.
    #[error("the certificates cannot be read: {0}")]
    ChainPem(String),
    /// One of the chain's certificates cannot be parsed.
    #[error("certificate {position} of this file cannot be read: {reason}")]
    Malformed {
        /// Which one, from 1.
        position: usize,
        /// In the parser's words.
        reason: String,
    },
    /// The leaf names nothing that a client could ask for.
    #[error("the certificate has no subject alternative name that is a host")]
    NoNames,
    /// The leaf is not the first.
    #[error("the private key is that of certificate {0} of this file, which must come first")]
    NotFirst(usize),
    /// No private key in the key's file.
    #[error(
        "no private key (a PEM block PRIVATE KEY, RSA PRIVATE KEY or EC PRIVATE KEY) in this file"
    )]
    NoKey,
    /// A key that wants a passphrase.
    #[error("the private key is encrypted: the gateway has no passphrase to open it with")]
    Encrypted,
    /// The key's file is no PEM.
    #[error("the private key cannot be read: {0}")]
    KeyPem(String),
    /// A key of a kind that is not supported.
    #[error(
        "the private key cannot be used: {0} (usable are RSA of 2048 to 8192 bits, ECDSA on P-256, \
         P-384 or P-521, and Ed25519)"
    )]
    UnusableKey(Error),
    /// An RSA key of a length that clients or the library refuse.
    #[error("the RSA key has {0} bits: it must have between 2048 and 8192")]
    RsaLength(usize),
    /// A key that belongs to another certificate.
    #[error("the private key does not belong to the certificate")]
    Mismatch,
}

impl CertError {
    /// Whether the key's file is to blame; else the chain's is.
    #[must_use]
    pub const fn is_of_key(&self) -> bool {
        match self {
            Self::NoCertificate
            | Self::ChainPem(_)
            | Self::Malformed { .. }
            | Self::NoNames
            | Self::NotFirst(_) => false,
            Self::NoKey
            | Self::Encrypted
            | Self::KeyPem(_)
            | Self::UnusableKey(_)
            | Self::RsaLength(_)
            | Self::Mismatch => true,
        }
    }
}

const DAY: i64 = 86_400;

/// An expiry that is so close is worth a word.
const SOON: i64 = 14 * DAY;

/// One certificate with its chain and key.
pub struct Certificate {
    /// Host names and addresses, lower case; wildcards with their `*`.
    pub names: Vec<String>,
    /// From when it is valid, in seconds since 1970.
    pub not_before: i64,
    /// Until when it is valid, in seconds since 1970.
    pub not_after: i64,
    /// SHA-256 of the certificate in lower-case hexadecimal digits.
    pub fingerprint: String,
    /// Issuers in the wrong order or with dates of their own, to warn of.
    chain: Vec<Link>,
    pub(super) key: Arc<CertifiedKey>,
}

/// What is worth knowing of one of the chain's certificates.
struct Link {
    subject: Vec<u8>,
    issuer: Vec<u8>,
    not_after: i64,
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("names", &self.names)
            .field("not_after", &self.not_after)
            .field("fingerprint", &self.fingerprint)
            .finish_non_exhaustive()
    }
}

impl Certificate {
    /// A certificate from its PEM chain, leaf first, and its PEM key.
    ///
    /// # Errors
    /// [`CertError`]. Dates are none: see [`Certificate::warnings`].
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, CertError> {
        let chain: Vec<CertificateDer<'static>> = pem::certificates(chain)
            .map_err(|fault| CertError::ChainPem(fault.to_string()))?
            .into_iter()
            .map(|(_, certificate)| certificate)
            .collect();
        let parsed = chain
            .iter()
            .enumerate()
            .map(|(at, certificate)| parse(at + 1, certificate))
            .collect::<Result<Vec<_>, _>>()?;
        let (Some(first), Some(der)) = (parsed.first(), chain.first()) else {
            return Err(CertError::NoCertificate);
        };
        // Before the leaf's names: what comes first in a file of the wrong order has none.
        let key = certified(chain.clone(), signing_key(key)?)?;
        let names = names(first)?;
        let validity = first.validity();
        let (not_before, not_after) = (
            validity.not_before.timestamp(),
            validity.not_after.timestamp(),
        );
        let fingerprint = fingerprint(der);
        let links = parsed.iter().map(Link::of).collect();
        Ok(Self {
            names,
            not_before,
            not_after,
            fingerprint,
            chain: links,
            key: Arc::new(key),
        })
    }

    /// What an operator should know: dates, and an order of the chain that clients may refuse.
    #[must_use]
    pub fn warnings(&self, now: SystemTime) -> Vec<String> {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let now = i64::try_from(now).unwrap_or(i64::MAX);
        let names = self.names.join(", ");
        let mut warnings = Vec::new();
        if now > self.not_after {
            warnings.push(format!("the certificate of {names} has expired"));
        } else if now > self.not_after.saturating_sub(SOON) {
            let left = (self.not_after - now) / DAY;
            warnings.push(format!("the certificate of {names} expires in {left} days"));
        } else if now < self.not_before {
            warnings.push(format!("the certificate of {names} is not valid yet"));
        }
        for (at, link) in self.chain.iter().enumerate().skip(1) {
            if now > link.not_after {
                warnings.push(format!(
                    "certificate {} in the chain of {names} has expired",
                    at + 1
                ));
            }
        }
        for (at, pair) in self.chain.windows(2).enumerate() {
            if let [of, by] = pair
                && of.issuer != by.subject
            {
                warnings.push(format!(
                    "certificate {} in the chain of {names} is not the issuer of the one before",
                    at + 2
                ));
            }
        }
        warnings
    }

    /// Whether one of its names is `host`, or a wildcard for its first label.
    pub(super) fn speaks_for(&self, host: &str) -> bool {
        let parent = host.split_once('.').map(|(_, parent)| parent);
        self.names.iter().any(|name| match name.strip_prefix("*.") {
            Some(name) => parent.is_some_and(|parent| parent.eq_ignore_ascii_case(name)),
            None => name.eq_ignore_ascii_case(host),
        })
    }

    /// Whether clients that offer these signatures can verify one of this key's.
    pub(super) fn suits(&self, offered: &[SignatureScheme]) -> bool {
        self.key.key.choose_scheme(offered).is_some()
    }
}

impl Link {
    fn of(certificate: &X509Certificate<'_>) -> Self {
        Self {
            subject: certificate.subject().as_raw().to_vec(),
            issuer: certificate.issuer().as_raw().to_vec(),
            not_after: certificate.validity().not_after.timestamp(),
        }
    }
}

fn parse<'a>(
    position: usize,
    der: &'a CertificateDer<'_>,
) -> Result<X509Certificate<'a>, CertError> {
    let (_, parsed) = X509Certificate::from_der(der).map_err(|error| CertError::Malformed {
        position,
        reason: error.to_string(),
    })?;
    Ok(parsed)
}

/// Only subject alternative names count (RFC 9110 section 4.3.4, RFC 9525 section 6.3).
fn names(leaf: &X509Certificate<'_>) -> Result<Vec<String>, CertError> {
    let extension = leaf
        .subject_alternative_name()
        .map_err(|error| CertError::Malformed {
            position: 1,
            reason: error.to_string(),
        })?;
    let names: Vec<String> = extension
        .iter()
        .flat_map(|extension| &extension.value.general_names)
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
            GeneralName::IPAddress(bytes) => address(bytes).map(|address| address.to_string()),
            _ => None,
        })
        .collect();
    if names.is_empty() {
        return Err(CertError::NoNames);
    }
    Ok(names)
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    <[u8; 4]>::try_from(bytes)
        .map(IpAddr::from)
        .or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from))
        .ok()
}

fn fingerprint(der: &[u8]) -> String {
    Sha256::digest(der)
        .iter()
        .fold(String::new(), |mut digits, byte| {
            // Writing to a string cannot fail.
            let _ = write!(digits, "{byte:02x}");
            digits
        })
}

fn signing_key(text: &[u8]) -> Result<Arc<dyn SigningKey>, CertError> {
    let key = match pem::private_key(text) {
        Ok(Some(key)) => Zeroizing::<PrivateKeyDer<'static>>::new(key),
        Ok(None) => return Err(CertError::NoKey),
        Err(Fault::Encrypted(_)) => return Err(CertError::Encrypted),
        Err(fault) => return Err(CertError::KeyPem(fault.to_string())),
    };
    aws_lc_rs::sign::any_supported_type(&key).map_err(|error| match der::rsa_bits(&key) {
        Some(bits) if !(2048..=8192).contains(&bits) => CertError::RsaLength(bits),
        _ => CertError::UnusableKey(error),
    })
}

/// Joins chain and key, which must be the first certificate's.
fn certified(
    chain: Vec<CertificateDer<'static>>,
    signing: Arc<dyn SigningKey>,
) -> Result<CertifiedKey, CertError> {
    let key = CertifiedKey::new(chain, signing);
    match key.keys_match() {
        Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(key),
        Err(Error::InconsistentKeys(_)) => {
            let is_of = |one: &CertificateDer<'static>| {
                CertifiedKey::new(vec![one.clone()], key.key.clone())
                    .keys_match()
                    .is_ok()
            };
            Err(match key.cert.iter().position(is_of) {
                Some(at) => CertError::NotFirst(at + 1),
                None => CertError::Mismatch,
            })
        }
        Err(error) => Err(CertError::Malformed {
            position: 1,
            reason: error.to_string(),
        }),
    }
}

#[cfg(test)]
mod tests;
