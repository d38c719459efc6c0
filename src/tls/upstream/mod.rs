//! TLS towards regions. Verification is never off: an operator with a private authority names it.

use std::sync::{Arc, OnceLock};

use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use thiserror::Error;

use super::pem;

/// Why there is no way to verify a region.
#[derive(Debug, Error)]
pub enum RootsError {
    /// The bundle has no certificate that can be used.
    #[error("no certificate authority (a PEM block CERTIFICATE) in this file, or none usable")]
    Empty,
    /// The bundle is no PEM.
    #[error("the certificate authorities cannot be read: {0}")]
    Pem(&'static str),
    /// The operating system has none either.
    #[error("the operating system has no certificate authorities; name a bundle by `ca`")]
    NoNative,
    /// The cryptographic provider refuses.
    #[error("TLS cannot be set up: {0}")]
    Setup(#[from] rustls::Error),
}

/// How TLS is spoken with endpoints: 1.2 or 1.3, HTTP/1.1, sessions resumed, the certificate
/// verified against `ca` (a PEM bundle) or the operating system's authorities.
///
/// # Errors
/// [`RootsError`].
pub fn client_config(ca: Option<&[u8]>) -> Result<Arc<ClientConfig>, RootsError> {
    let roots = match ca {
        Some(pem) => bundle(pem)?,
        None => native()?,
    };
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn bundle(pem: &[u8]) -> Result<Arc<RootCertStore>, RootsError> {
    let mut roots = RootCertStore::empty();
    // Bundles of whole systems hold oddities that nobody can use; one good authority is enough.
    let certificates = pem::certificates(pem).map_err(RootsError::Pem)?;
    let (added, _) = roots.add_parsable_certificates(certificates);
    if added == 0 {
        Err(RootsError::Empty)
    } else {
        Ok(Arc::new(roots))
    }
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
