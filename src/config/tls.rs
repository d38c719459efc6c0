//! `[tls]`: the oldest protocol, and the certificates.

use crate::config::place::FilePath;
use crate::config::problem::Complaint;
use crate::config::read::section::Section;
use crate::config::read::value::Value;

/// `[tls]`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tls {
    /// The oldest protocol a client may speak. Default 1.2: some HTTP clients of long-lived systems still need
    /// it.
    pub min_version: MinVersion,
    /// The certificates in the order of the file, at least one; the first answers clients whose SNI is missing
    /// or matches none.
    pub certificates: Vec<Certificate>,
}

/// The oldest TLS version that is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MinVersion {
    /// TLS 1.2 (RFC 5246) and 1.3.
    #[default]
    Tls12,
    /// TLS 1.3 (RFC 8446) alone.
    Tls13,
}

impl MinVersion {
    /// Every one.
    pub const ALL: [Self; 2] = [Self::Tls12, Self::Tls13];

    /// The word in the file.
    pub fn label(self) -> &'static str {
        match self {
            Self::Tls12 => "1.2",
            Self::Tls13 => "1.3",
        }
    }
}

/// `[[tls.certificates]]`: one chain and its key, both PEM.
#[derive(Debug, Clone, PartialEq)]
pub struct Certificate {
    /// The end-entity certificate, then its intermediates.
    pub chain: FilePath,
    /// The private key.
    pub key: FilePath,
}

impl Tls {
    pub(super) fn read(mut section: Section<'_>) -> Self {
        let words = MinVersion::ALL.map(|one| (one.label(), one));
        let tls = Self {
            min_version: section
                .read("min_version", |v| v.choice(&words))
                .unwrap_or_default(),
            certificates: section
                .require("certificates", certificates)
                .unwrap_or_default(),
        };
        section.finish();
        tls
    }
}

fn certificates(value: &Value<'_>) -> Option<Vec<Certificate>> {
    if value.items()?.is_empty() {
        return value.complain(Complaint::new("at least one certificate is needed"));
    }
    value.list(|item| {
        let mut section = item.section()?;
        let chain = section.require("chain", Value::file);
        let key = section.require("key", Value::file);
        section.finish();
        Some(Certificate {
            chain: chain?,
            key: key?,
        })
    })
}
