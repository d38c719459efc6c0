//! PEM (RFC 7468) into DER. Every BEGIN and END marker counts: a block is taken, is skipped because
//! it belongs to the file's other purpose, or is an error that names its line. Nothing vanishes.
//!
//! Markers are found wherever they stand, so that files which were joined or copied carelessly can
//! be read: glued lines, indentation, byte order marks, any line end, text between blocks.
//!
//! No error repeats the file's text: it can be a private key whose line breaks were lost.

use memchr::memmem::find;
use rustls::pki_types::pem::{Error, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use thiserror::Error;
use zeroize::Zeroizing;

use super::der;

/// What is wrong with a file; lines count from 1.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub(super) enum Fault {
    #[error("a PEM block has no END line (it begins in line {0})")]
    NoEnd(usize),
    #[error("a PEM block has no BEGIN line (it ends in line {0})")]
    NoBegin(usize),
    #[error("the BEGIN and END lines of a PEM block differ (line {0})")]
    Differ(usize),
    #[error("a BEGIN or END line of PEM is damaged (line {0})")]
    Marker(usize),
    #[error("a PEM block is not base64 (it begins in line {0})")]
    Base64(usize),
    #[error("a PEM block holds more than one certificate (it begins in line {0})")]
    Trailing(usize),
    #[error("a PEM block that is not used here: {1} (line {0})")]
    Unused(usize, &'static str),
    #[error("a PEM block of an unknown kind (line {0})")]
    Unknown(usize),
    #[error("base64 outside of a PEM block (line {0})")]
    Bare(usize),
    #[error("binary data (DER) in place of PEM (line {0})")]
    Der(usize),
    #[error("text in UTF-16 (line {0}): save the file as UTF-8")]
    Utf16(usize),
    #[error("a second private key (line {0})")]
    SecondKey(usize),
    #[error("the private key is encrypted (line {0})")]
    Encrypted(usize),
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Certificate,
    /// A certificate with OpenSSL's settings behind it.
    Trusted,
    /// A private key, by the label under which the library reads it.
    Key(&'static str),
    EncryptedKey,
    /// Parameters of elliptic curves and of Diffie-Hellman, which stand beside keys.
    Parameters,
    Unused(&'static str),
    Unknown,
}

/// Kinds by their labels (RFC 7468 section 4 and its appendices, `openssl/pem.h`).
const KINDS: &[(&str, Kind)] = &[
    ("CERTIFICATE", Kind::Certificate),
    ("X509 CERTIFICATE", Kind::Certificate),
    ("X.509 CERTIFICATE", Kind::Certificate),
    ("TRUSTED CERTIFICATE", Kind::Trusted),
    ("PRIVATE KEY", Kind::Key("PRIVATE KEY")),
    ("RSA PRIVATE KEY", Kind::Key("RSA PRIVATE KEY")),
    ("EC PRIVATE KEY", Kind::Key("EC PRIVATE KEY")),
    ("ENCRYPTED PRIVATE KEY", Kind::EncryptedKey),
    ("EC PARAMETERS", Kind::Parameters),
    ("DH PARAMETERS", Kind::Parameters),
    ("X9.42 DH PARAMETERS", Kind::Parameters),
    (
        "CERTIFICATE REQUEST",
        Kind::Unused("a certificate request, which is not a certificate"),
    ),
    (
        "NEW CERTIFICATE REQUEST",
        Kind::Unused("a certificate request, which is not a certificate"),
    ),
    ("X509 CRL", Kind::Unused("a revocation list")),
    ("PUBLIC KEY", Kind::Unused("a public key")),
    ("RSA PUBLIC KEY", Kind::Unused("a public key")),
    (
        "PKCS7",
        Kind::Unused("PKCS #7: unpack it with openssl pkcs7 -print_certs"),
    ),
    (
        "CMS",
        Kind::Unused("PKCS #7: unpack it with openssl pkcs7 -print_certs"),
    ),
    ("DSA PRIVATE KEY", Kind::Unused("a DSA key")),
    (
        "OPENSSH PRIVATE KEY",
        Kind::Unused("a key of OpenSSH: convert it to PKCS #8"),
    ),
];

struct Block<'a> {
    kind: Kind,
    /// Of its BEGIN marker.
    line: usize,
    body: &'a [u8],
}

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";
const DASHES: &[u8] = b"-----";

/// All certificates of a file, each with the line in which it begins; none if it has none. Private
/// keys and parameters may stand beside them.
///
/// # Errors
/// [`Fault`], the first one.
pub(super) fn certificates(pem: &[u8]) -> Result<Vec<(usize, CertificateDer<'static>)>, Fault> {
    let mut certificates = Vec::new();
    for block in blocks(pem)? {
        match block.kind {
            Kind::Certificate | Kind::Trusted => {
                let one: CertificateDer<'static> = block.decode("CERTIFICATE")?;
                certificates.push((block.line, alone(one, &block)?));
            }
            Kind::Key(_) | Kind::EncryptedKey | Kind::Parameters => {}
            Kind::Unused(what) => return Err(Fault::Unused(block.line, what)),
            Kind::Unknown => return Err(Fault::Unknown(block.line)),
        }
    }
    Ok(certificates)
}

/// The private key of a file; `None` if it has none. Certificates and parameters may stand beside
/// it.
///
/// # Errors
/// [`Fault`], the first one.
pub(super) fn private_key(pem: &[u8]) -> Result<Option<PrivateKeyDer<'static>>, Fault> {
    let mut found: Option<Zeroizing<PrivateKeyDer<'static>>> = None;
    for block in blocks(pem)? {
        let label = match block.kind {
            Kind::Key(label) => label,
            Kind::EncryptedKey => return Err(Fault::Encrypted(block.line)),
            Kind::Certificate | Kind::Trusted | Kind::Parameters => continue,
            Kind::Unused(what) => return Err(Fault::Unused(block.line, what)),
            Kind::Unknown => return Err(Fault::Unknown(block.line)),
        };
        if find(block.body, b"ENCRYPTED").is_some() && block.body.contains(&b':') {
            return Err(Fault::Encrypted(block.line));
        }
        let key = Zeroizing::new(block.decode::<PrivateKeyDer<'static>>(label)?);
        match &found {
            // The same key twice is no question.
            Some(first) if first.secret_der() != key.secret_der() => {
                return Err(Fault::SecondKey(block.line));
            }
            _ => found = Some(key),
        }
    }
    Ok(found.map(|key| key.clone_key()))
}

impl Block<'_> {
    /// Decodes by the library, whose base64 takes the same time for every key, from a block of the
    /// strict form.
    fn decode<T: PemObject>(&self, label: &str) -> Result<T, Fault> {
        let mut strict = Zeroizing::new(Vec::with_capacity(self.body.len() + 128));
        strict.extend_from_slice(format!("-----BEGIN {label}-----\n").as_bytes());
        for line in without_headers(self.body) {
            strict.extend(line.iter().filter(|byte| !byte.is_ascii_whitespace()));
        }
        strict.extend_from_slice(format!("\n-----END {label}-----\n").as_bytes());
        T::from_pem_slice(&strict).map_err(|error| match error {
            Error::Base64Decode(_) => Fault::Base64(self.line),
            _ => Fault::Marker(self.line),
        })
    }
}

/// The body's lines behind RFC 1421 headers (`Name: value`, then an empty line).
fn without_headers(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    let has_headers = body.contains(&b':');
    let is_empty = |line: &&[u8]| line.trim_ascii().is_empty();
    lines(body)
        .skip_while(is_empty)
        .skip_while(move |line| has_headers && !is_empty(line))
}

/// The certificate without what OpenSSL keeps behind a trusted one. Data behind any other is an
/// error: it would be a certificate whose markers were lost.
fn alone(
    certificate: CertificateDer<'static>,
    block: &Block<'_>,
) -> Result<CertificateDer<'static>, Fault> {
    match der::first_sequence(&certificate) {
        Some((_, [])) | None => Ok(certificate),
        Some((first, _)) if block.kind == Kind::Trusted => Ok(CertificateDer::from(first.to_vec())),
        Some(_) => Err(Fault::Trailing(block.line)),
    }
}

/// All blocks of a text, in order.
fn blocks(text: &[u8]) -> Result<Vec<Block<'_>>, Fault> {
    let mut scan = Scan {
        text,
        at: 0,
        line: 1,
    };
    let mut blocks = Vec::new();
    let (mut text_at, mut text_line) = (0, 1);
    while let Some(length) = find(scan.rest(), BEGIN) {
        scan.pass(length);
        if scan.is_commented_out() {
            scan.pass(BEGIN.len());
            continue;
        }
        outside(text.get(text_at..scan.at).unwrap_or_default(), text_line)?;
        blocks.push(scan.block()?);
        (text_at, text_line) = (scan.at, scan.line);
    }
    outside(text.get(text_at..).unwrap_or_default(), text_line)?;
    Ok(blocks)
}

/// A position in a text, and its line.
struct Scan<'a> {
    text: &'a [u8],
    at: usize,
    line: usize,
}

impl<'a> Scan<'a> {
    fn rest(&self) -> &'a [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn take(&self, length: usize) -> &'a [u8] {
        self.rest().get(..length).unwrap_or_default()
    }

    fn pass(&mut self, length: usize) {
        let passed = self.take(length);
        self.at += passed.len();
        // CR LF is one line end, CR alone as well.
        let follows = self.rest().first() == Some(&b'\n');
        self.line += lines(passed).count() - 1;
        if follows && passed.last() == Some(&b'\r') {
            self.line -= 1;
        }
    }

    /// Whether this line and the next one are comments. If only this one is, then its line end was
    /// lost.
    fn is_commented_out(&self) -> bool {
        let before = self.text.get(..self.at).unwrap_or_default();
        let mut next = lines(self.rest()).skip(1);
        lines(before).last().is_some_and(is_comment) && next.next().is_some_and(is_comment)
    }

    /// A block from its BEGIN marker on.
    fn block(&mut self) -> Result<Block<'a>, Fault> {
        let line = self.line;
        self.pass(BEGIN.len());
        let label = self.label()?;
        if self.rest().first() == Some(&b'-') {
            return Err(Fault::Marker(line));
        }
        let length = find(self.rest(), END).ok_or(Fault::NoEnd(line))?;
        let body = self.take(length);
        if find(body, BEGIN).is_some() {
            return Err(Fault::NoEnd(line));
        }
        self.pass(length + END.len());
        let last = self.line;
        if self.label()? != label {
            return Err(Fault::Differ(last));
        }
        let mut kinds = KINDS.iter();
        let known = kinds.find(|(name, _)| name.as_bytes() == label);
        let kind = known.map_or(Kind::Unknown, |(_, kind)| *kind);
        Ok(Block { kind, line, body })
    }

    /// A marker's label, and the dashes behind it.
    fn label(&mut self) -> Result<&'a [u8], Fault> {
        let line = lines(self.rest()).next().unwrap_or_default();
        let length = find(line, DASHES).ok_or(Fault::Marker(self.line))?;
        let label = self.take(length).trim_ascii();
        self.pass(length + DASHES.len());
        Ok(label)
    }
}

/// Lines, whichever way they end: LF, CR LF or CR.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut after_cr = false;
    text.split(move |byte| {
        let is_end = *byte == b'\r' || (*byte == b'\n' && !after_cr);
        after_cr = *byte == b'\r';
        is_end
    })
    .map(|line| line.strip_prefix(b"\n").unwrap_or(line))
}

fn is_comment(line: &[u8]) -> bool {
    line.trim_ascii_start().starts_with(b"#")
}

/// Looks for what should have been a block in text between blocks.
fn outside(text: &[u8], first: usize) -> Result<(), Fault> {
    // A SEQUENCE with a length of two bytes, of a SEQUENCE or an INTEGER. Text has no such byte
    // behind a digit.
    let is_der = |bytes: &[u8]| matches!(bytes, [0x30, 0x82, _, _, 0x30 | 0x02]);
    if let Some(at) = text.windows(5).position(is_der) {
        let before = text.get(..at).unwrap_or_default();
        return Err(Fault::Der(first + lines(before).count() - 1));
    }
    for (number, line) in (first..).zip(lines(text)) {
        if is_comment(line) {
            continue;
        }
        if find(line, END).is_some() {
            return Err(Fault::NoBegin(number));
        }
        if find(line, b"B\0E\0G\0I\0N").is_some() {
            return Err(Fault::Utf16(number));
        }
        let line = String::from_utf8_lossy(line);
        if is_marker_like(&line) {
            return Err(Fault::Marker(number));
        }
        let bare = line.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
        let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte);
        if bare.len() >= 40 && bare.starts_with("MI") && bare.bytes().all(is_base64) {
            return Err(Fault::Bare(number));
        }
    }
    Ok(())
}

/// Whether a line was meant as a marker: two dashes, of whatever kind, and BEGIN or END before a
/// label.
fn is_marker_like(line: &str) -> bool {
    let is_dash = |c: char| matches!(c, '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{ff0d}');
    if !line.contains("--") && !line.contains(is_dash) {
        return false;
    }
    let line = line.replace(is_dash, "-").to_ascii_uppercase();
    let mut words = line
        .split(|c: char| c == '-' || c.is_whitespace())
        .filter(|word| !word.is_empty());
    words.any(|word| word == "BEGIN" || word == "END")
        && words.next().is_some_and(|word| {
            let mut labels = KINDS
                .iter()
                .filter_map(|(label, _)| label.split(' ').next());
            labels.any(|label| label == word)
        })
}

#[cfg(test)]
mod tests;
