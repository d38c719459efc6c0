//! `[geo]`: from a client's address to a region.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use ipnet::IpNet;

use crate::config::name::RegionName;
use crate::config::place::FilePath;

/// `[geo]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Geo {
    /// The country database, mmdb. Default: none; then only `networks` and `no_country` decide.
    pub database: Option<FilePath>,
    /// The region of a client whose country is not known. Required: "no signal" and "a country that is mapped
    /// nowhere" are different things.
    pub no_country: RegionName,
    /// The region of a client whose country is mapped nowhere. Required.
    pub default: RegionName,
    /// The age of the database beyond which there is a warning. Default 45 days: the publishers refresh monthly.
    pub max_age: Duration,
    /// By ISO 3166-1 code; beats `continents`.
    pub countries: BTreeMap<CountryCode, RegionName>,
    /// By continent.
    pub continents: BTreeMap<Continent, RegionName>,
    /// By network, longest prefix first wins; beats countries and continents. Host bits are zero; no network occurs twice.
    pub networks: BTreeMap<IpNet, RegionName>,
}

/// The default of `geo.max_age`.
pub const MAX_AGE: Duration = Duration::from_secs(45 * 24 * 60 * 60);

/// An officially assigned ISO 3166-1 alpha-2 code (or `XK`, which the databases use for Kosovo), upper case.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CountryCode([u8; 2]);

impl CountryCode {
    /// The code's two letters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for CountryCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl fmt::Debug for CountryCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A continent, as GeoNames and the databases cut them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Continent {
    /// `AF`
    Africa,
    /// `AN`
    Antarctica,
    /// `AS`
    Asia,
    /// `EU`
    Europe,
    /// `NA`
    NorthAmerica,
    /// `OC`
    Oceania,
    /// `SA`
    SouthAmerica,
}

impl Continent {
    /// Every continent, by code.
    pub const ALL: [Self; 7] = [
        Self::Africa,
        Self::Antarctica,
        Self::Asia,
        Self::Europe,
        Self::NorthAmerica,
        Self::Oceania,
        Self::SouthAmerica,
    ];

    /// The two-letter code, in the file and in the databases.
    pub fn code(self) -> &'static str {
        match self {
            Self::Africa => "AF",
            Self::Antarctica => "AN",
            Self::Asia => "AS",
            Self::Europe => "EU",
            Self::NorthAmerica => "NA",
            Self::Oceania => "OC",
            Self::SouthAmerica => "SA",
        }
    }
}
