//! PEM (RFC 7468) into DER, with faults in words of our own: the library's repeat the line at
//! fault, and that can be a private key whose line breaks were lost.

use rustls::pki_types::pem::{Error, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// All certificates of a file; none if it has none.
///
/// # Errors
/// What is wrong with a block, in words.
pub(super) fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, &'static str> {
    CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|error| words(&error))
}

/// The first private key of a file; `None` if it has none.
///
/// # Errors
/// What is wrong with a block, in words.
pub(super) fn private_key(pem: &[u8]) -> Result<Option<PrivateKeyDer<'static>>, &'static str> {
    match PrivateKeyDer::from_pem_slice(pem) {
        Ok(key) => Ok(Some(key)),
        Err(Error::NoItemsFound) => Ok(None),
        Err(error) => Err(words(&error)),
    }
}

const fn words(error: &Error) -> &'static str {
    match error {
        Error::MissingSectionEnd { .. } => "a PEM block has no END line",
        Error::IllegalSectionStart { .. } => "a BEGIN line is not alone on its line",
        Error::Base64Decode(_) => "a PEM block is not base64",
        Error::SectionTooLarge => "a PEM block is too large",
        _ => "a PEM block cannot be read",
    }
}
