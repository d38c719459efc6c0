//! Certificates by name.

use std::collections::HashMap;
use std::sync::Arc;

use rustls::SignatureScheme;
use rustls::sign::CertifiedKey;

use super::certificate::Certificate;

/// All certificates of a snapshot, at least one.
#[derive(Debug)]
pub struct CertStore {
    certificates: Vec<Certificate>,
    /// Positions by name, wildcards with their `*`.
    by_name: HashMap<String, Vec<usize>>,
}

impl CertStore {
    /// A store; the first certificate is the default. `None` without any.
    ///
    /// Of several certificates for one name the first is used whose signatures the client can
    /// verify: an ECDSA and an RSA certificate may stand beside one another.
    #[must_use]
    pub fn new(certificates: Vec<Certificate>) -> Option<Self> {
        if certificates.is_empty() {
            return None;
        }
        let mut by_name: HashMap<String, Vec<usize>> = HashMap::new();
        for (at, certificate) in certificates.iter().enumerate() {
            for name in &certificate.names {
                let positions = by_name.entry(name.clone()).or_default();
                if positions.last() != Some(&at) {
                    positions.push(at);
                }
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

    /// What an operator should know: names for which a certificate is never used, because an
    /// earlier one with a key of the same kind has them too.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings: Vec<String> = self
            .by_name
            .iter()
            .filter(|(_, positions)| self.shadows(positions))
            .map(|(name, _)| {
                format!("{name} is in several certificates of one kind: the first is used")
            })
            .collect();
        warnings.sort_unstable();
        warnings
    }

    fn shadows(&self, positions: &[usize]) -> bool {
        let kind = |at: &usize| Some(self.certificates.get(*at)?.key.key.algorithm());
        positions.iter().enumerate().any(|(n, at)| {
            positions
                .iter()
                .take(n)
                .any(|earlier| kind(earlier) == kind(at))
        })
    }

    /// The key for a server name: exact, then a wildcard for its first label (RFC 9525 section
    /// 6.3), then the default. A `Host` that it does not cover is answered 421 later.
    #[must_use]
    pub fn resolve(
        &self,
        server_name: Option<&str>,
        offered: &[SignatureScheme],
    ) -> Option<Arc<CertifiedKey>> {
        let named = self.named(server_name);
        let best = named
            .clone()
            .find(|certificate| certificate.suits(offered))
            // The handshake fails then, for a reason that names signatures.
            .or_else(|| named.clone().next())?;
        Some(best.key.clone())
    }

    /// Whether the certificate that [`resolve`](Self::resolve) gives for a server name speaks for
    /// this host as well; where the client's signatures choose among several, whether each does.
    /// The only certificate speaks for all: no other could speak better.
    #[must_use]
    pub fn covers(&self, server_name: Option<&str>, host: &str) -> bool {
        self.certificates.len() == 1
            || self
                .named(server_name)
                .all(|certificate| certificate.speaks_for(host))
    }

    /// Whether a certificate is for this host, and not only the default.
    #[must_use]
    pub fn names(&self, host: &str) -> bool {
        self.positions(host).is_some()
    }

    /// The certificates for a server name, or else the default; at least one.
    fn named(&self, server_name: Option<&str>) -> impl Iterator<Item = &Certificate> + Clone {
        server_name
            .and_then(|name| self.positions(name))
            .unwrap_or(&[0])
            .iter()
            .filter_map(|at| self.certificates.get(*at))
    }

    fn positions(&self, name: &str) -> Option<&[usize]> {
        let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        let found = self.by_name.get(&name).or_else(|| {
            let (_, parent) = name.split_once('.')?;
            self.by_name.get(&format!("*.{parent}"))
        });
        found.map(Vec::as_slice)
    }
}

#[cfg(test)]
mod tests;
