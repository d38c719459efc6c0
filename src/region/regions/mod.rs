//! The regions there are: names, jurisdictions, hosts, and the ids that stand for them.

use std::collections::HashMap;
use std::fmt;
use std::num::NonZeroU8;

use super::authority::{Authority, AuthorityFault};

/// A region of one [`Regions`] table; meaningless in another one.
///
/// Whatever outlives a snapshot (a pin, a log line, a metric) carries the name instead.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RegionId(NonZeroU8);

impl RegionId {
    /// Position in the table, dense from 0, for arrays that are kept beside it.
    pub fn index(self) -> usize {
        usize::from(self.0.get() - 1)
    }
}

impl fmt::Debug for RegionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RegionId({})", self.index())
    }
}

/// A region's name: 1 to 32 of `a-z`, `0-9` and `-`, beginning and ending with a letter or digit.
///
/// `auto` and `refuse` are words of the configuration and name no region.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RegionName(Box<str>);

impl RegionName {
    /// Checks a name.
    ///
    /// # Errors
    /// If the name has another form or is a reserved word.
    pub fn new(name: &str) -> Result<Self, RegionsError> {
        let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let well_formed = (1..=32).contains(&name.len())
            && name.bytes().all(inner)
            && !name.starts_with('-')
            && !name.ends_with('-');
        if !well_formed {
            return Err(RegionsError::BadName {
                name: name.to_owned(),
            });
        }
        if matches!(name, "auto" | "refuse") {
            return Err(RegionsError::ReservedName {
                name: name.to_owned(),
            });
        }
        Ok(Self(name.into()))
    }

    /// The name as it stands in configuration, pins, logs and metrics.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RegionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RegionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What the operator says of one region.
#[derive(Clone, Debug)]
pub struct RegionDefinition {
    /// Its name, see [`RegionName`].
    pub name: String,
    /// The law it is under. Two regions share a jurisdiction if the text is the same.
    pub jurisdiction: String,
    /// The authority of its own host, `eu.onetimesecret.com` or `eu.localhost:8443`: callers are
    /// redirected there.
    pub host: String,
}

/// One region of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    name: RegionName,
    jurisdiction: Box<str>,
    host: Box<str>,
}

impl Region {
    /// Its name.
    pub fn name(&self) -> &RegionName {
        &self.name
    }

    /// The law it is under.
    pub fn jurisdiction(&self) -> &str {
        &self.jurisdiction
    }

    /// The authority of its own host, lower case, with a port if the operator gave one.
    pub fn host(&self) -> &str {
        &self.host
    }
}

/// The regions of one snapshot; the only source of [`RegionId`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Regions {
    list: Box<[Region]>,
}

impl Regions {
    /// The most regions that a table holds.
    pub const MOST: usize = 255;

    /// Checks the definitions and numbers the regions in the order given.
    ///
    /// # Errors
    /// Everything that is wrong with the definitions, not only the first fault.
    pub fn new(definitions: &[RegionDefinition]) -> Result<Self, Vec<RegionsError>> {
        let mut faults = Vec::new();
        let mut list = Vec::with_capacity(definitions.len());
        if definitions.is_empty() {
            faults.push(RegionsError::None);
        }
        if definitions.len() > Self::MOST {
            faults.push(RegionsError::TooMany {
                count: definitions.len(),
            });
        }
        let mut hosts: HashMap<String, &str> = HashMap::new();
        for definition in definitions {
            match Self::region(definition) {
                Ok(region) => {
                    if list
                        .iter()
                        .any(|earlier: &Region| earlier.name == region.name)
                    {
                        faults.push(RegionsError::DuplicateName {
                            name: region.name.clone(),
                        });
                    } else if let Some(first) =
                        hosts.insert(region.host.to_string(), &definition.name)
                    {
                        faults.push(RegionsError::DuplicateHost {
                            host: region.host.to_string(),
                            first: first.to_owned(),
                            second: definition.name.clone(),
                        });
                    }
                    list.push(region);
                }
                Err(fault) => faults.push(fault),
            }
        }
        if faults.is_empty() {
            Ok(Self { list: list.into() })
        } else {
            Err(faults)
        }
    }

    fn region(definition: &RegionDefinition) -> Result<Region, RegionsError> {
        let name = RegionName::new(&definition.name)?;
        if definition.jurisdiction.trim().is_empty() {
            return Err(RegionsError::NoJurisdiction { name });
        }
        if let Err(fault) = Authority::parse(definition.host.as_bytes()) {
            return Err(RegionsError::BadHost {
                name,
                host: definition.host.clone(),
                fault,
            });
        }
        Ok(Region {
            name,
            jurisdiction: definition.jurisdiction.trim().into(),
            host: definition.host.to_ascii_lowercase().into(),
        })
    }

    /// The regions under any of these jurisdictions.
    #[must_use]
    pub fn under(&self, jurisdictions: &[String]) -> Vec<RegionId> {
        let named = |region: &Region| jurisdictions.iter().any(|one| one == region.jurisdiction());
        let all = self.iter().filter(|(_, region)| named(region));
        all.map(|(id, _)| id).collect()
    }

    /// The region of that very name (names are lower case; nothing is folded or trimmed).
    pub fn by_name(&self, name: &[u8]) -> Option<RegionId> {
        self.iter()
            .find(|(_, region)| region.name.0.as_bytes() == name)
            .map(|(id, _)| id)
    }

    /// The region behind an id of this table.
    #[expect(
        clippy::indexing_slicing,
        reason = "ids are minted by `iter` for this very list"
    )]
    pub fn get(&self, id: RegionId) -> &Region {
        &self.list[id.index()]
    }

    /// All regions, in the order of their indices.
    pub fn iter(&self) -> impl Iterator<Item = (RegionId, &Region)> {
        let ids = (1..=u8::MAX).filter_map(NonZeroU8::new).map(RegionId);
        ids.zip(self.list.iter())
    }

    /// How many regions there are; at least one.
    #[expect(clippy::len_without_is_empty, reason = "a table is never empty")]
    pub fn len(&self) -> usize {
        self.list.len()
    }
}

/// What can be wrong with the definitions of regions.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegionsError {
    /// A table needs a region.
    #[error("no region is defined")]
    None,
    /// Ids are a byte.
    #[error("{count} regions are defined, at most {} are possible", Regions::MOST)]
    TooMany {
        /// How many there are.
        count: usize,
    },
    /// See [`RegionName`].
    #[error("a region's name is 1 to 32 of a-z, 0-9 and inner -, not {name:?}")]
    BadName {
        /// As it was written.
        name: String,
    },
    /// See [`RegionName`].
    #[error("{name:?} is a word of the configuration and cannot name a region")]
    ReservedName {
        /// As it was written.
        name: String,
    },
    /// Two definitions of one name.
    #[error("region {name} is defined twice")]
    DuplicateName {
        /// The name.
        name: RegionName,
    },
    /// Two regions on one host: a redirect could not tell them apart.
    #[error("regions {first} and {second} have the same host {host}")]
    DuplicateHost {
        /// The host.
        host: String,
        /// The region that has it.
        first: String,
        /// The region that wants it as well.
        second: String,
    },
    /// The jurisdiction is empty.
    #[error("region {name} has no jurisdiction")]
    NoJurisdiction {
        /// The region.
        name: RegionName,
    },
    /// The host is no authority.
    #[error("host {host:?} of region {name}: {fault}")]
    BadHost {
        /// The region.
        name: RegionName,
        /// As it was written.
        host: String,
        /// What is wrong with it.
        fault: AuthorityFault,
    },
}

#[cfg(test)]
mod tests;
