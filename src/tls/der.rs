//! As much of DER (ITU-T X.690) as files of keys and certificates need before a library reads them.

use rustls::pki_types::PrivateKeyDer;

const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
const SEQUENCE: u8 = 0x30;

/// The first element if it is a SEQUENCE, header included, and what follows it.
pub(super) fn first_sequence(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (_, rest) = tagged(bytes, SEQUENCE)?;
    bytes.split_at_checked(bytes.len() - rest.len())
}

/// The first element's tag and content, and what follows it.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = bytes.split_first()?;
    let (short, rest) = rest.split_first()?;
    let (length, rest) = match short {
        0..=0x7f => (usize::from(*short), rest),
        0x81..=0x84 => {
            let (length, rest) = rest.split_at_checked(usize::from(short & 0x7f))?;
            let length = length
                .iter()
                .fold(0, |sum, byte| sum << 8 | usize::from(*byte));
            (length, rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}

/// The content of the first element if it has this tag, and what follows it.
fn tagged(bytes: &[u8], wanted: u8) -> Option<(&[u8], &[u8])> {
    let (tag, content, rest) = element(bytes)?;
    (tag == wanted).then_some((content, rest))
}

/// Bits of an RSA key's modulus (RFC 8017 appendix A.1.2); `None` for keys of other kinds.
pub(super) fn rsa_bits(key: &PrivateKeyDer<'_>) -> Option<usize> {
    let pkcs1 = match key {
        PrivateKeyDer::Pkcs1(key) => key.secret_pkcs1_der(),
        PrivateKeyDer::Pkcs8(key) => {
            // Version, algorithm, key (RFC 5958 section 2).
            let (content, _) = tagged(key.secret_pkcs8_der(), SEQUENCE)?;
            let (_, rest) = tagged(content, INTEGER)?;
            let (algorithm, rest) = tagged(rest, SEQUENCE)?;
            // rsaEncryption, 1.2.840.113549.1.1.1; rsassaPss, …1.10.
            let is_rsa = |last: u8| {
                algorithm.starts_with(&[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, last])
            };
            if !is_rsa(1) && !is_rsa(10) {
                return None;
            }
            tagged(rest, OCTET_STRING)?.0
        }
        _ => return None,
    };
    let (content, _) = tagged(pkcs1, SEQUENCE)?;
    let (_, rest) = tagged(content, INTEGER)?;
    let (modulus, _) = tagged(rest, INTEGER)?;
    let zeros = modulus.iter().take_while(|byte| **byte == 0).count();
    let top = modulus.get(zeros)?;
    Some((modulus.len() - zeros) * 8 - top.leading_zeros() as usize)
}
