//! `[geo]`: from a client's address to a region.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use ipnet::IpNet;

use crate::config::hide::echo;
use crate::config::name::RegionName;
use crate::config::place::FilePath;
use crate::config::problem::Complaint;
use crate::config::read::section::Section;
use crate::config::read::value::Value;
use crate::config::text::address;
use crate::region::place::{Continent, Country};

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
    /// The age of the database beyond which there is a warning. Default 45 days: the publishers refresh
    /// monthly.
    pub max_age: Duration,
    /// By ISO 3166-1 code; beats `continents`.
    pub countries: BTreeMap<Country, RegionName>,
    /// By continent.
    pub continents: BTreeMap<Continent, RegionName>,
    /// By network, longest prefix first wins; beats countries and continents. Host bits are zero; no network
    /// occurs twice.
    pub networks: BTreeMap<IpNet, RegionName>,
}

/// The default of `geo.max_age`.
pub const MAX_AGE: Duration = Duration::from_secs(45 * 24 * 60 * 60);

/// Databases are not refreshed by the minute, and one of ten years says nothing of today.
const AGE: RangeInclusive<Duration> =
    Duration::from_secs(3_600)..=Duration::from_secs(3_650 * 86_400);

impl Geo {
    pub(super) fn read(mut section: Section<'_>) -> Option<Self> {
        let database = section.read("database", Value::file);
        let no_country = section.require("no_country", Value::region);
        let default = section.require("default", Value::region);
        let max_age = section
            .read("max_age", |v| v.duration(AGE))
            .unwrap_or(MAX_AGE);
        let countries = table(section.section("countries"), country);
        let continents = table(section.section("continents"), continent);
        let networks = table(section.section("networks"), address::network);
        if database.is_none() && !(countries.is_empty() && continents.is_empty()) {
            let complaint =
                Complaint::new("countries and continents decide nothing without `database`");
            section.reading.warn(section.place(), complaint);
        }
        section.finish();
        Some(Self {
            database,
            no_country: no_country?,
            default: default?,
            max_age,
            countries,
            continents,
            networks,
        })
    }
}

/// A table from something to a region. What is wrong is reported and left out.
fn table<K: Ord + fmt::Display>(
    section: Option<Section<'_>>,
    parse: impl Fn(&str) -> Result<K, Complaint>,
) -> BTreeMap<K, RegionName> {
    let mut regions = BTreeMap::new();
    for entry in section.into_iter().flat_map(Section::entries) {
        let region = entry.value.region();
        match (parse(entry.key), region) {
            (Err(complaint), _) => entry.complain(complaint),
            (Ok(key), Some(region)) => match regions.entry(key) {
                Entry::Vacant(vacant) => {
                    vacant.insert(region);
                }
                Entry::Occupied(other) => {
                    entry.complain(Complaint::new(format!("{} is there twice", other.key())));
                }
            },
            (Ok(_), None) => {}
        }
    }
    regions
}

/// The country that a text names, of those that the decision knows: no other could ever decide.
fn listed(text: &str) -> Option<Country> {
    Country::from_code(text.as_bytes().try_into().ok()?)
}

fn country(text: &str) -> Result<Country, Complaint> {
    listed(text).ok_or_else(|| {
        let complaint = Complaint::new(format!("`{}` is no country", echo(text)))
            .allowed("an ISO 3166-1 code of two upper-case letters");
        let upper = text.to_ascii_uppercase();
        match upper.as_str() {
            "UK" => complaint.hint("the United Kingdom is `GB`"),
            "EU" | "AP" | "XK" => complaint
                .hint("ISO 3166 does not list it: where a database says so, `no_country` decides"),
            _ if listed(&upper).is_some() => complaint.hint(format!("did you mean `{upper}`?")),
            _ => complaint,
        }
    })
}

fn continent(text: &str) -> Result<Continent, Complaint> {
    Continent::ALL
        .into_iter()
        .find(|one| one.code() == text)
        .ok_or_else(|| {
            let codes = Continent::ALL.map(Continent::code);
            Complaint::new(format!("`{}` is no continent", echo(text)))
                .allowed(codes.join(", "))
                .suggest(&text.to_ascii_uppercase(), codes)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the file may say is what the decision knows: a code that only one of the two took for
    /// a country (`XK`) was accepted and then never decided.
    #[test]
    fn a_country_of_the_file_is_one_that_can_decide() {
        let letters = || ('A'..='Z').map(String::from);
        let pairs = letters().flat_map(|one| letters().map(move |two| format!("{one}{two}")));
        assert_eq!(pairs.filter(|code| country(code).is_ok()).count(), 249);
        for code in [
            "", "U", "UK", "EU", "AP", "XK", "gb", "GBR", "ZZ", "A ", " A", "D\n", "É",
        ] {
            assert!(country(code).is_err(), "{code}");
        }
        assert_eq!(
            listed("GB").map(|country| country.to_string()),
            Some("GB".to_owned())
        );
    }
}
