//! Certificates by name.

use std::collections::HashMap;
use std::net::IpAddr;
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
    /// Whether a certificate other than the default names an address.
    has_addresses: bool,
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
        let has_addresses = by_name.iter().any(|(name, positions)| {
            positions.iter().any(|at| *at != 0) && name.parse::<IpAddr>().is_ok()
        });
        Some(Self {
            certificates,
            by_name,
            has_addresses,
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

    /// The server name of a connection to this local address whose client sends none: the address,
    /// if a certificate names it. `local` is asked for only if a certificate other than the default
    /// names any address.
    pub fn address_name(&self, local: impl FnOnce() -> Option<IpAddr>) -> Option<Box<str>> {
        let name = self.has_addresses.then(local)??.to_canonical().to_string();
        self.by_name.contains_key(&name).then(|| name.into())
    }

    /// Whether only a certificate other than the default names this address, so that clients which
    /// connect to it through address translation get the wrong one.
    #[must_use]
    pub fn is_not_by_default(&self, address: IpAddr) -> bool {
        let positions = self.by_name.get(&address.to_string());
        positions.is_some_and(|positions| !positions.contains(&0))
    }

    /// Whether the certificate that [`resolve`](Self::resolve) gives for a server name speaks for
    /// this host as well; where the client's signatures choose among several, whether each does.
    /// The only certificate speaks for all: no other could speak better. Nor is a client that sent
    /// no name refused what the default speaks for: health checks of load balancers connect to an
    /// address, verify nothing and ask for a name.
    #[must_use]
    pub fn covers(&self, server_name: Option<&str>, host: &str) -> bool {
        let all_of = |server_name| {
            let mut named = self.named(server_name);
            named.all(|certificate: &Certificate| certificate.speaks_for(host))
        };
        // No client's name is an address: see `address_name`.
        let is_unnamed = || server_name.is_some_and(|name| name.parse::<IpAddr>().is_ok());
        self.certificates.len() == 1 || all_of(server_name) || (is_unnamed() && all_of(None))
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
