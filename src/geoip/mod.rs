//! From an address to a country, by an mmdb that was read whole: a mapped file
//! that is truncated under us would kill the process.
//!
//! Opening reads every record and folds the search tree down to what is asked of it. That finds a
//! damaged file before it is used, and leaves nothing that could fail to a look-up.

mod coverage;
mod record;
mod tree;

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use maxminddb::{MaxMindDbError, Reader};
use thiserror::Error;

pub use self::coverage::Coverage;
use self::tree::{Shape, Tree, TreeFault};

/// Why a file is no country database.
#[derive(Debug, Error)]
pub enum OpenError {
    /// It cannot be read.
    #[error("cannot read the country database: {0}")]
    Read(#[from] std::io::Error),
    /// It is still packed.
    #[error("the country database is a gzip archive: unpack it and name the .mmdb inside")]
    Packed,
    /// It is no mmdb, or a damaged one.
    #[error("not a valid mmdb: {0}")]
    Invalid(#[from] MaxMindDbError),
    /// Its search tree is damaged.
    #[error("not a valid mmdb: {0}")]
    Tree(#[from] TreeFault),
    /// It is an mmdb without countries.
    #[error("this mmdb ({0}) has neither country.iso_code nor country_code")]
    NoCountries(String),
}

/// What a record says, as it says it: two upper-case letters each.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Location {
    /// The country's code. Databases also say `EU` or `AP` here, which are no countries.
    pub country: Option<[u8; 2]>,
    /// The continent's code, where the database has it.
    pub continent: Option<[u8; 2]>,
}

/// A country database.
#[derive(Debug)]
pub struct Database {
    tree: Tree,
    locations: Vec<Location>,
    built: SystemTime,
    kind: String,
    coverage: Coverage,
}

impl Database {
    /// Checks a file's content. Takes some 100 ms.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, OpenError> {
        if bytes.starts_with(b"\x1f\x8b") {
            return Err(OpenError::Packed);
        }
        let reader = Reader::from_source(bytes)?;
        let metadata = reader.metadata();
        let shape = Shape {
            nodes: metadata.node_count,
            record_bits: metadata.record_size,
            is_v4: metadata.ip_version == 4,
        };
        let mut numbers = HashMap::new();
        let mut locations = Vec::new();
        let tree = Tree::fold(bytes, shape, |address| -> Result<_, OpenError> {
            let location = record::location(&reader.lookup(address)?)?;
            if location == Location::default() {
                return Ok(None);
            }
            Ok(Some(*numbers.entry(location).or_insert_with(|| {
                locations.push(location);
                locations.len() - 1
            })))
        })?;
        if locations.iter().all(|location| location.country.is_none()) {
            return Err(OpenError::NoCountries(metadata.database_type.clone()));
        }
        let has_country =
            |number: usize| (locations.get(number)).is_some_and(|one| one.country.is_some());
        Ok(Self {
            coverage: Coverage::of(&tree, has_country),
            tree,
            locations,
            built: metadata.build_time().unwrap_or(UNIX_EPOCH),
            kind: metadata.database_type.clone(),
        })
    }

    /// Where an address is, if the database says anything of it. IPv4-mapped IPv6 counts as IPv4;
    /// a database of IPv4 knows nothing of IPv6.
    #[must_use]
    pub fn country(&self, address: IpAddr) -> Option<Location> {
        let number = self.tree.find(address.to_canonical())?;
        self.locations.get(number).copied()
    }

    /// When the database was built.
    #[must_use]
    pub fn built(&self) -> SystemTime {
        self.built
    }

    /// How old it is; none if it is from the future.
    #[must_use]
    pub fn age(&self, now: SystemTime) -> Duration {
        now.duration_since(self.built).unwrap_or_default()
    }

    /// How much of each address family it knows.
    #[must_use]
    pub fn coverage(&self) -> Coverage {
        self.coverage
    }

    /// What it calls itself.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// Bytes of memory that it takes.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.tree.memory() + self.locations.len() * size_of::<Location>()
    }
}

#[cfg(test)]
mod tests;
