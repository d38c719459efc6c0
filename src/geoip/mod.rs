//! From an address to a country, by a database read whole into memory: a mapped file that is
//! truncated under us would kill the process.
//!
//! Every record is decoded once when the file is opened. That finds a corrupt file before it is
//! used, and leaves a look-up with a walk down the tree and one glance into a table.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::net::IpAddr;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use maxminddb::{MaxMindDbError, PathElement, Reader, WithinOptions};
use thiserror::Error;

/// Distinct records that a country database may have. The real ones have some 250; a file with
/// millions is a city database, which says the same in a thousandfold of memory.
const MOST_RECORDS: usize = 1_000_000;

/// Why a file is no country database.
#[derive(Debug, Error)]
pub enum OpenError {
    /// It cannot be read.
    #[error("cannot read the country database: {0}")]
    Read(#[from] std::io::Error),
    /// It is no mmdb, or a damaged one.
    #[error("not a valid mmdb: {0}")]
    Invalid(#[from] MaxMindDbError),
    /// It is an mmdb without countries.
    #[error("this mmdb ({0}) has neither country.iso_code nor country_code")]
    NoCountries(String),
    /// It has too many records.
    #[error("this mmdb ({0}) has too many records for a country database")]
    TooLarge(String),
}

/// What a record says, as it says it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Location {
    /// The country's code.
    pub country: Option<[u8; 2]>,
    /// The continent's code, where the database has it.
    pub continent: Option<[u8; 2]>,
}

/// A country database.
pub struct Database {
    reader: Reader<Vec<u8>>,
    records: HashMap<usize, Location, BuildHasherDefault<Offset>>,
}

impl Database {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        Self::from_bytes(std::fs::read(path)?)
    }

    /// Checks a file's content.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, OpenError> {
        let reader = Reader::from_source(bytes)?;
        let mut records: HashMap<usize, Location, BuildHasherDefault<Offset>> = HashMap::default();
        for network in reader.networks(WithinOptions::default())? {
            let found = network?;
            let Some(offset) = found.offset() else {
                continue;
            };
            if records.contains_key(&offset) {
                continue;
            }
            if records.len() == MOST_RECORDS {
                return Err(OpenError::TooLarge(reader.metadata().database_type.clone()));
            }
            let code = |path: &[PathElement<'_>]| -> Result<Option<[u8; 2]>, MaxMindDbError> {
                let text: Option<&str> = found.decode_path(path)?;
                Ok(text.and_then(|text| text.as_bytes().try_into().ok()))
            };
            let (country, continent) = (PathElement::Key("country"), PathElement::Key("continent"));
            let nested = code(&[country, PathElement::Key("iso_code")]).or_else(flat)?;
            let location = match nested {
                Some(_) => Location {
                    country: nested,
                    continent: code(&[continent, PathElement::Key("code")]).or_else(flat)?,
                },
                None => Location {
                    country: code(&[PathElement::Key("country_code")])?,
                    continent: match code(&[PathElement::Key("continent_code")])? {
                        Some(code) => Some(code),
                        None => code(&[continent, PathElement::Key("code")]).or_else(flat)?,
                    },
                },
            };
            records.insert(offset, location);
        }
        if records.values().all(|location| location.country.is_none()) {
            return Err(OpenError::NoCountries(
                reader.metadata().database_type.clone(),
            ));
        }
        Ok(Self { reader, records })
    }

    /// Where an address is. IPv4-mapped IPv6 counts as IPv4.
    #[must_use]
    pub fn country(&self, address: IpAddr) -> Option<Location> {
        let found = self.reader.lookup(address.to_canonical()).ok()?;
        self.records.get(&found.offset()?).copied()
    }

    /// When the database was built.
    #[must_use]
    pub fn built(&self) -> SystemTime {
        self.reader.metadata().build_time().unwrap_or(UNIX_EPOCH)
    }

    /// How old it is.
    #[must_use]
    pub fn age(&self, now: SystemTime) -> Duration {
        now.duration_since(self.built()).unwrap_or_default()
    }

    /// What it calls itself.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.reader.metadata().database_type
    }
}

/// A member of another kind than the path expects (`"country": "DE"`) says nothing; everything
/// else is damage.
fn flat(error: MaxMindDbError) -> Result<Option<[u8; 2]>, MaxMindDbError> {
    match error {
        MaxMindDbError::Decoding { .. } => Ok(None),
        other => Err(other),
    }
}

/// A hash for offsets: one multiplication, as nobody chooses them to collide.
#[derive(Clone, Copy, Debug, Default)]
struct Offset(u64);

impl std::hash::Hasher for Offset {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        }
    }

    fn write_usize(&mut self, value: usize) {
        self.0 = (value as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }
}

#[cfg(test)]
mod tests;
