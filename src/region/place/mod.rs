//! Where an address is, and which region the operator gave that place.
//!
//! Only what ISO 3166-1 lists is a country. `EU`, `AP`, `XK` and whatever else a database may say
//! is no country, and a record that says so says nothing about a continent either.

use std::fmt;
use std::net::IpAddr;

use super::RegionId;

/// Locates addresses. Asked only when no earlier rule fired, at most once for a decision.
pub trait Geo {
    /// What is known of the address, which is never IPv4-mapped; `None` if nothing is.
    fn lookup(&self, address: IpAddr) -> Option<Location>;
}

impl<F: Fn(IpAddr) -> Option<Location>> Geo for F {
    fn lookup(&self, address: IpAddr) -> Option<Location> {
        self(address)
    }
}

/// What a database says of an address, as it says it; [`Location::place`] weighs it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Location {
    /// Two letters, upper case.
    pub country: Option<[u8; 2]>,
    /// Two letters, upper case: `AF`, `AN`, `AS`, `EU`, `NA`, `OC` or `SA`. May be missing (flat
    /// databases have countries only): then the country's own continent counts.
    pub continent: Option<[u8; 2]>,
}

impl Location {
    /// What of it can be believed.
    pub fn place(self) -> Place {
        let continent = self.continent.and_then(Continent::from_code);
        match self.country {
            None => Place {
                country: None,
                continent,
            },
            Some(code) => {
                let country = Country::from_code(code);
                let own = country.map(Country::continent);
                Place {
                    country,
                    continent: own.and(continent).or(own),
                }
            }
        }
    }
}

/// A country of ISO 3166-1, or none; a continent, or none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The country.
    pub country: Option<Country>,
    /// The continent: known whenever the country is.
    pub continent: Option<Continent>,
}

/// A country that ISO 3166-1 lists.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Country([u8; 2]);

impl Country {
    /// The country of two upper-case letters, if ISO 3166-1 lists it.
    pub fn from_code(code: [u8; 2]) -> Option<Self> {
        let country = Self(code);
        country.entry().map(|_| country)
    }

    /// The two letters, upper case.
    pub fn code(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or("??")
    }

    /// The continent it lies on, as geographic databases have it (Cyprus and Russia in Europe,
    /// Turkey and the Caucasus in Asia).
    pub fn continent(self) -> Continent {
        self.entry().unwrap_or(Continent::Antarctica)
    }

    fn entry(self) -> Option<Continent> {
        *WORLD.get(self.slot()?)?
    }

    /// Position in a table of all pairs of letters.
    fn slot(self) -> Option<usize> {
        let [one, two] = self
            .0
            .map(|letter| usize::from(letter).wrapping_sub(usize::from(b'A')));
        (one < 26 && two < 26).then(|| one * 26 + two)
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// A continent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
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
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Africa,
        Self::Antarctica,
        Self::Asia,
        Self::Europe,
        Self::NorthAmerica,
        Self::Oceania,
        Self::SouthAmerica,
    ];

    /// The continent of two upper-case letters.
    pub fn from_code(code: [u8; 2]) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|continent| continent.code().as_bytes() == code)
    }

    /// The two letters.
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

impl fmt::Display for Continent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// The operator's map: countries, then continents.
#[derive(Clone, PartialEq, Eq)]
pub struct Places {
    countries: Box<[Option<RegionId>; SLOTS]>,
    continents: [Option<RegionId>; 7],
}

impl Default for Places {
    fn default() -> Self {
        Self {
            countries: Box::new([None; SLOTS]),
            continents: [None; 7],
        }
    }
}

impl Places {
    /// A map of these countries and continents; of two entries for one place the later counts.
    pub fn new(
        countries: impl IntoIterator<Item = (Country, RegionId)>,
        continents: impl IntoIterator<Item = (Continent, RegionId)>,
    ) -> Self {
        let mut places = Self::default();
        for (country, region) in countries {
            if let Some(slot) = country
                .slot()
                .and_then(|position| places.countries.get_mut(position))
            {
                *slot = Some(region);
            }
        }
        for (continent, region) in continents {
            if let Some(slot) = places.continents.get_mut(continent as usize) {
                *slot = Some(region);
            }
        }
        places
    }

    /// The region of a country, its continent not asked.
    pub fn of_country(&self, country: Country) -> Option<RegionId> {
        *self.countries.get(country.slot()?)?
    }

    /// The region of a continent.
    pub fn of_continent(&self, continent: Continent) -> Option<RegionId> {
        *self.continents.get(continent as usize)?
    }
}

impl fmt::Debug for Places {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mapped = |list: &[Option<RegionId>]| list.iter().flatten().count();
        let (countries, continents) = (mapped(&*self.countries), mapped(&self.continents));
        write!(f, "Places({countries} countries, {continents} continents)")
    }
}

const SLOTS: usize = 26 * 26;

/// The continent of each pair of letters that ISO 3166-1 lists.
static WORLD: [Option<Continent>; SLOTS] = world();

const COUNTRIES: [(Continent, &str); 7] = [
    (
        Continent::Africa,
        "AO BF BI BJ BW CD CF CG CI CM CV DJ DZ EG EH ER ET GA GH GM GN GQ GW KE KM LR LS LY MA \
         MG ML MR MU MW MZ NA NE NG RE RW SC SD SH SL SN SO SS ST SZ TD TG TN TZ UG YT ZA ZM ZW",
    ),
    (Continent::Antarctica, "AQ BV GS HM TF"),
    (
        Continent::Asia,
        "AE AF AM AZ BD BH BN BT CC CN GE HK ID IL IN IO IQ IR JO JP KG KH KP KR KW KZ LA LB LK \
         MM MN MO MV MY NP OM PH PK PS QA SA SG SY TH TJ TM TR TW UZ VN YE",
    ),
    (
        Continent::Europe,
        "AD AL AT AX BA BE BG BY CH CY CZ DE DK EE ES FI FO FR GB GG GI GR HR HU IE IM IS IT JE \
         LI LT LU LV MC MD ME MK MT NL NO PL PT RO RS RU SE SI SJ SK SM UA VA",
    ),
    (
        Continent::NorthAmerica,
        "AG AI AW BB BL BM BQ BS BZ CA CR CU CW DM DO GD GL GP GT HN HT JM KN KY LC MF MQ MS MX \
         NI PA PM PR SV SX TC TT US VC VG VI",
    ),
    (
        Continent::Oceania,
        "AS AU CK CX FJ FM GU KI MH MP NC NF NR NU NZ PF PG PN PW SB TK TL TO TV UM VU WF WS",
    ),
    (
        Continent::SouthAmerica,
        "AR BO BR CL CO EC FK GF GY PE PY SR UY VE",
    ),
];

#[expect(
    clippy::indexing_slicing,
    reason = "evaluated by the compiler, which checks it"
)]
const fn world() -> [Option<Continent>; SLOTS] {
    let mut table = [None; SLOTS];
    let mut row = 0;
    while row < COUNTRIES.len() {
        let (continent, codes) = COUNTRIES[row];
        let codes = codes.as_bytes();
        let mut at = 0;
        while at + 1 < codes.len() {
            table[(codes[at] - b'A') as usize * 26 + (codes[at + 1] - b'A') as usize] =
                Some(continent);
            at += 3;
        }
        row += 1;
    }
    table
}

#[cfg(test)]
mod tests;
