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
    pub countries: BTreeMap<CountryCode, RegionName>,
    /// By continent.
    pub continents: BTreeMap<Continent, RegionName>,
    /// By network, longest prefix first wins; beats countries and continents. Host bits are zero; no network
    /// occurs twice.
    pub networks: BTreeMap<IpNet, RegionName>,
}

/// The default of `geo.max_age`.
pub const MAX_AGE: Duration = Duration::from_secs(45 * 24 * 60 * 60);

/// An officially assigned ISO 3166-1 alpha-2 code (or `XK`, which the databases use for Kosovo), upper case.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CountryCode([u8; 2]);

impl CountryCode {
    /// The code that a text is, or `None` where it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let listed = text.len() == 2 && CODES.split(' ').any(|code| code == text);
        let letters: [u8; 2] = text.as_bytes().try_into().ok()?;
        listed.then_some(Self(letters))
    }

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

impl fmt::Display for Continent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.code())
    }
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

/// The officially assigned codes of ISO 3166-1, and `XK`.
const CODES: &str = "\
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR \
    BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ \
    EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW \
    GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY \
    KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV \
    MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY \
    QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG \
    TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM \
    ZW \
    XK";

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

fn country(text: &str) -> Result<CountryCode, Complaint> {
    CountryCode::parse(text).ok_or_else(|| {
        let complaint = Complaint::new(format!("`{}` is no country", echo(text)))
            .allowed("an ISO 3166-1 code of two upper-case letters");
        let upper = text.to_ascii_uppercase();
        match upper.as_str() {
            "UK" => complaint.hint("the United Kingdom is `GB`"),
            "EU" | "AP" => {
                complaint.hint("not a country: databases that know no more are `no_country`")
            }
            _ if CountryCode::parse(&upper).is_some() => {
                complaint.hint(format!("did you mean `{upper}`?"))
            }
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

    #[test]
    fn countries_are_those_of_iso_3166() {
        assert_eq!(CODES.split_whitespace().count(), 250);
        assert!(
            CODES
                .split_whitespace()
                .all(|code| CountryCode::parse(code).is_some())
        );
        for code in [
            "", "U", "UK", "EU", "AP", "gb", "GBR", "ZZ", "A ", " A", "D\n", "É",
        ] {
            assert_eq!(CountryCode::parse(code), None, "{code}");
        }
        assert_eq!(CountryCode::parse("GB").unwrap().as_str(), "GB");
    }
}
