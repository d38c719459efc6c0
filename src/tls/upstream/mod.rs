//! TLS towards regions. Verification is never off: an operator with a private authority names it.

use std::sync::{Arc, OnceLock};

use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use thiserror::Error;

use super::pem;
use named::Named;

mod named;

/// Why there is no way to verify a region.
#[derive(Debug, Error)]
pub enum RootsError {
    /// The bundle has no certificate that can be used.
    #[error("no certificate authority (a PEM block CERTIFICATE) in this file, or none usable")]
    Empty,
    /// The bundle is no PEM.
    #[error("the certificate authorities cannot be read: {0}")]
    Pem(String),
    /// The operating system has none either.
    #[error("the operating system has no certificate authorities; name a bundle by `ca`")]
    NoNative,
    /// The cryptographic provider refuses.
    #[error("TLS cannot be set up: {0}")]
    Setup(#[from] rustls::Error),
    /// A certificate could never show this name.
    #[error("no certificate can show the name {0}")]
    Name(String),
}

/// How TLS is spoken with endpoints: 1.2 or 1.3, HTTP/1.1, sessions resumed, the certificate
/// verified against `ca` (a PEM bundle) or the operating system's authorities. The certificate must
/// show `certificate_name` or, without one, what is sent as SNI.
///
/// # Errors
/// [`RootsError`].
pub fn client_config(
    ca: Option<&[u8]>,
    certificate_name: Option<&str>,
) -> Result<Arc<ClientConfig>, RootsError> {
    let roots = match ca {
        Some(pem) => bundle(pem)?,
        None => native()?,
    };
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?;
    let mut config = match certificate_name {
        None => builder.with_root_certificates(roots),
        Some(name) => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Named::new(name, roots, provider)?)),
    }
    .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn bundle(pem: &[u8]) -> Result<Arc<RootCertStore>, RootsError> {
    let mut roots = RootCertStore::empty();
    // Bundles of whole systems hold oddities that nobody can use; one good authority is enough.
    let certificates =
        pem::certificates(pem).map_err(|fault| RootsError::Pem(fault.to_string()))?;
    let certificates = certificates.into_iter().map(|(_, certificate)| certificate);
    let (added, _) = roots.add_parsable_certificates(certificates);
    if added == 0 {
        Err(RootsError::Empty)
    } else {
        Ok(Arc::new(roots))
    }
}

/// The lines in which certificates of a bundle begin that cannot be used as authorities.
#[must_use]
pub fn unusable(pem: &[u8]) -> Vec<usize> {
    // A bundle that cannot be read is an error of [`client_config`].
    let certificates = pem::certificates(pem).unwrap_or_default();
    certificates
        .into_iter()
        .filter(|(_, certificate)| RootCertStore::empty().add(certificate.clone()).is_err())
        .map(|(line, _)| line)
        .collect()
}

/// The operating system's authorities, read once: some have hundreds of files.
fn native() -> Result<Arc<RootCertStore>, RootsError> {
    static ROOTS: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    let roots = ROOTS.get_or_init(|| {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        Arc::new(roots)
    });
    if roots.is_empty() {
        Err(RootsError::NoNative)
    } else {
        Ok(roots.clone())
    }
}

#[cfg(test)]
mod tests;
