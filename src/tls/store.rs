//! Certificates by name. A store is built whole from PEM bytes and checked: every key matches its
//! certificate, every chain can be read.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::SystemTime;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use thiserror::Error;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

/// What is wrong with a chain or a key.
#[derive(Debug, Error)]
pub enum CertError {
    /// No certificate in the file.
    #[error("no certificate (a PEM block CERTIFICATE) in this file")]
    NoCertificate,
    /// The chain's first certificate cannot be read.
    #[error("the first certificate cannot be read: {0}")]
    Malformed(String),
    /// A PEM block that is cut short or not base64.
    #[error("not valid PEM: {0}")]
    Pem(String),
    /// No private key in the file.
    #[error(
        "no private key (a PEM block PRIVATE KEY, RSA PRIVATE KEY or EC PRIVATE KEY) in this file"
    )]
    NoKey,
    /// A key of a kind that is not supported.
    #[error("the private key cannot be used: {0}")]
    UnusableKey(rustls::Error),
    /// A key that belongs to another certificate.
    #[error("the private key does not belong to the certificate")]
    Mismatch,
    /// A certificate without names.
    #[error("the certificate has no subject alternative name that is a host")]
    NoNames,
}

/// One certificate with its key.
pub struct Certificate {
    /// Names, lower case; wildcards with their `*`.
    pub names: Vec<String>,
    /// From when it is valid, in seconds since 1970.
    pub not_before: i64,
    /// Until when it is valid, in seconds since 1970.
    pub not_after: i64,
    key: Arc<CertifiedKey>,
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("names", &self.names)
            .field("not_after", &self.not_after)
            .finish_non_exhaustive()
    }
}

impl Certificate {
    /// A certificate from a PEM chain, leaf first.
    ///
    /// # Errors
    /// [`CertError`] about the chain.
    pub fn chain(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, CertError> {
        let chain: Vec<_> = CertificateDer::pem_slice_iter(pem)
            .collect::<Result<_, _>>()
            .map_err(|error| CertError::Pem(error.to_string()))?;
        if chain.is_empty() {
            Err(CertError::NoCertificate)
        } else {
            Ok(chain)
        }
    }

    /// Joins a chain with its PEM key.
    ///
    /// # Errors
    /// [`CertError`] about the key, or about names and dates of the leaf.
    pub fn new(chain: Vec<CertificateDer<'static>>, key_pem: &[u8]) -> Result<Self, CertError> {
        let key = PrivateKeyDer::from_pem_slice(key_pem).map_err(|error| match error {
            rustls::pki_types::pem::Error::NoItemsFound => CertError::NoKey,
            other => CertError::Pem(other.to_string()),
        })?;
        let signing = aws_lc_rs::sign::any_supported_type(&key).map_err(CertError::UnusableKey)?;
        let leaf = chain.first().ok_or(CertError::NoCertificate)?;
        let (names, not_before, not_after) = facts(leaf)?;
        let key = CertifiedKey::new(chain, signing);
        match key.keys_match() {
            Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => {}
            Err(_) => return Err(CertError::Mismatch),
        }
        Ok(Self {
            names,
            not_before,
            not_after,
            key: Arc::new(key),
        })
    }

    /// Whether one of its names is `host`, or a wildcard for its first label.
    fn speaks_for(&self, host: &str) -> bool {
        let parent = host.split_once('.').map(|(_, parent)| parent);
        self.names.iter().any(|name| match name.strip_prefix("*.") {
            Some(name) => parent.is_some_and(|parent| parent.eq_ignore_ascii_case(name)),
            None => name.eq_ignore_ascii_case(host),
        })
    }

    /// What an operator should know of its dates.
    #[must_use]
    pub fn warning(&self, now: SystemTime) -> Option<String> {
        let now = now
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs();
        let now = i64::try_from(now).unwrap_or(i64::MAX);
        let names = self.names.join(", ");
        if now >= self.not_after {
            Some(format!("the certificate of {names} has expired"))
        } else if now < self.not_before {
            Some(format!("the certificate of {names} is not valid yet"))
        } else {
            None
        }
    }
}

/// Names and dates of a certificate.
fn facts(leaf: &CertificateDer<'_>) -> Result<(Vec<String>, i64, i64), CertError> {
    let malformed = |error: String| CertError::Malformed(error);
    let (_, parsed) = X509Certificate::from_der(leaf).map_err(|e| malformed(e.to_string()))?;
    let names = parsed
        .subject_alternative_name()
        .map_err(|e| malformed(e.to_string()))?;
    let names: Vec<String> = names
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
    let validity = parsed.validity();
    Ok((
        names,
        validity.not_before.timestamp(),
        validity.not_after.timestamp(),
    ))
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    <[u8; 4]>::try_from(bytes)
        .map(IpAddr::from)
        .or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from))
        .ok()
}

/// All certificates of a snapshot.
#[derive(Debug)]
pub struct CertStore {
    certificates: Vec<Certificate>,
    by_name: HashMap<String, usize>,
}

impl CertStore {
    /// A store; the first certificate is the default. `None` without any.
    ///
    /// Of two certificates for one name the earlier is used.
    #[must_use]
    pub fn new(certificates: Vec<Certificate>) -> Option<Self> {
        if certificates.is_empty() {
            return None;
        }
        let mut by_name = HashMap::new();
        for (i, certificate) in certificates.iter().enumerate() {
            for name in &certificate.names {
                by_name.entry(name.clone()).or_insert(i);
            }
        }
        Some(Self {
            certificates,
            by_name,
        })
    }

    /// The certificates, the default first.
    #[must_use]
    pub fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }

    /// The key for a server name: exact, then a wildcard for its first label (RFC 6125 §6.4.3),
    /// then the default. A `Host` that it does not cover is answered 421 later.
    #[must_use]
    #[expect(
        clippy::indexing_slicing,
        reason = "a store has at least one, and positions are its own"
    )]
    pub fn resolve(&self, server_name: Option<&str>) -> Arc<CertifiedKey> {
        let position = server_name
            .and_then(|name| self.position(name))
            .unwrap_or(0);
        self.certificates[position].key.clone()
    }

    /// Whether the certificate that [`resolve`](Self::resolve) gives for a server name speaks for
    /// this host as well. The only certificate speaks for all: no other could speak better.
    #[must_use]
    pub fn covers(&self, server_name: Option<&str>, host: &str) -> bool {
        if self.certificates.len() == 1 {
            return true;
        }
        let position = server_name
            .and_then(|name| self.position(name))
            .unwrap_or(0);
        self.certificates
            .get(position)
            .is_some_and(|certificate| certificate.speaks_for(host))
    }

    fn position(&self, name: &str) -> Option<usize> {
        let name = name.to_ascii_lowercase();
        self.by_name.get(&name).copied().or_else(|| {
            let (_, parent) = name.split_once('.')?;
            self.by_name.get(&format!("*.{parent}")).copied()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(names: &[&str]) -> (Vec<u8>, Vec<u8>) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let made = rcgen::generate_simple_self_signed(names).expect("a certificate");
        (
            made.cert.pem().into_bytes(),
            made.signing_key.serialize_pem().into_bytes(),
        )
    }

    fn certificate(names: &[&str]) -> Certificate {
        let (chain, key) = made(names);
        Certificate::new(Certificate::chain(&chain).expect("a chain"), &key).expect("a match")
    }

    #[test]
    fn resolves_exact_then_wildcard_then_default() {
        let store = CertStore::new(vec![
            certificate(&["default.example"]),
            certificate(&["*.example.com"]),
            certificate(&["a.example.com", "127.0.0.1"]),
        ])
        .expect("a store");
        let position = |name| {
            let key = store.resolve(name);
            store
                .certificates
                .iter()
                .position(|one| Arc::ptr_eq(&one.key, &key))
        };
        assert_eq!(position(Some("A.example.com")), Some(2));
        assert_eq!(position(Some("b.example.com")), Some(1));
        assert_eq!(position(Some("a.b.example.com")), Some(0), "one label only");
        assert_eq!(position(Some("example.com")), Some(0));
        assert_eq!(position(None), Some(0));
    }

    #[test]
    fn a_certificate_covers_its_own_names_alone() {
        let store = CertStore::new(vec![
            certificate(&["default.example", "*.wild.example", "127.0.0.1"]),
            certificate(&["a.example.com"]),
        ])
        .expect("a store");
        for (server_name, host, covered) in [
            (None, "Default.example", true),
            (None, "x.wild.example", true),
            (None, "x.y.wild.example", false),
            (None, "127.0.0.1", true),
            (None, "a.example.com", false),
            (Some("unknown.example"), "default.example", true),
            (Some("unknown.example"), "a.example.com", false),
            (Some("unknown.example"), "unknown.example", false),
            (Some("a.example.com"), "A.example.com", true),
            (Some("a.example.com"), "default.example", false),
        ] {
            assert_eq!(
                store.covers(server_name, host),
                covered,
                "{server_name:?} {host}"
            );
        }
        let one = CertStore::new(vec![certificate(&["a.example"])]).expect("a store");
        assert!(one.covers(Some("b.example"), "c.example"));
    }

    #[test]
    fn says_what_is_wrong() {
        let (chain, key) = made(&["a.example"]);
        let (_, other) = made(&["b.example"]);
        let leaf = || Certificate::chain(&chain).expect("a chain");
        assert!(matches!(
            Certificate::chain(b"nothing"),
            Err(CertError::NoCertificate)
        ));
        assert!(matches!(
            Certificate::chain(&key),
            Err(CertError::NoCertificate)
        ));
        assert!(matches!(
            Certificate::new(leaf(), b""),
            Err(CertError::NoKey)
        ));
        assert!(matches!(
            Certificate::new(leaf(), &other),
            Err(CertError::Mismatch)
        ));
        let cut = &chain[..chain.len() / 2];
        assert!(Certificate::chain(cut).is_err());
    }

    #[test]
    fn warns_of_dates_and_never_shows_a_key() {
        let certificate = certificate(&["a.example"]);
        assert_eq!(
            certificate.warning(SystemTime::UNIX_EPOCH),
            Some("the certificate of a.example is not valid yet".to_owned())
        );
        let shown = format!("{certificate:?}");
        assert!(
            shown.contains("a.example") && !shown.contains("key"),
            "{shown}"
        );
    }
}
