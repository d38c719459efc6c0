//! Tests of countries and continents.

use super::*;
use crate::region::{RegionDefinition, Regions};

fn country(code: &str) -> Option<Country> {
    Country::from_code(code.as_bytes().try_into().unwrap())
}

#[test]
fn the_world_has_249_countries_each_listed_once() {
    let listed: Vec<_> = COUNTRIES
        .iter()
        .flat_map(|(_, codes)| codes.split(' '))
        .collect();
    assert_eq!(listed.len(), 249);
    assert_eq!(WORLD.iter().flatten().count(), 249);
    for (continent, codes) in COUNTRIES {
        for code in codes.split(' ') {
            assert_eq!(country(code).unwrap().continent(), continent, "{code}");
        }
    }
}

#[test]
fn what_iso_does_not_list_is_no_country() {
    for code in [
        "EU", "AP", "XK", "ZZ", "XX", "A1", "A2", "O1", "UK", "AN", "gb", "--", "\0\0",
    ] {
        assert_eq!(country(code), None, "{code}");
    }
    assert_eq!(country("GB").unwrap().to_string(), "GB");
}

#[test]
fn continents_have_their_codes() {
    for continent in Continent::ALL {
        let code = continent.code().as_bytes().try_into().unwrap();
        assert_eq!(Continent::from_code(code), Some(continent));
    }
    assert_eq!(Continent::from_code(*b"XX"), None);
}

#[test]
fn a_location_is_weighed() {
    let location = |country: Option<&[u8; 2]>, continent: Option<&[u8; 2]>| {
        let place = Location {
            country: country.copied(),
            continent: continent.copied(),
        }
        .place();
        (
            place.country.map(|c| c.to_string()),
            place.continent.map(Continent::code),
        )
    };
    let gb = Some("GB".to_owned());
    assert_eq!(location(Some(b"GB"), Some(b"EU")), (gb.clone(), Some("EU")));
    assert_eq!(location(Some(b"GB"), None), (gb.clone(), Some("EU")));
    assert_eq!(location(Some(b"GB"), Some(b"??")), (gb.clone(), Some("EU")));
    assert_eq!(
        location(Some(b"GB"), Some(b"AS")),
        (gb, Some("AS")),
        "the database knows better"
    );
    assert_eq!(location(None, Some(b"EU")), (None, Some("EU")));
    assert_eq!(
        location(Some(b"EU"), Some(b"EU")),
        (None, None),
        "no signal at all"
    );
    assert_eq!(location(Some(b"AP"), None), (None, None));
    assert_eq!(location(None, None), (None, None));
}

#[test]
fn places_are_mapped_apart() {
    let definition = |name: &str| RegionDefinition {
        name: name.to_owned(),
        jurisdiction: name.to_owned(),
        host: format!("{name}.test"),
    };
    let regions = Regions::new(&["eu", "uk"].map(definition)).unwrap();
    let [eu, uk] = ["eu", "uk"].map(|name| regions.by_name(name.as_bytes()).unwrap());
    let gb = country("GB").unwrap();
    let places = Places::new([(gb, uk)], [(Continent::Europe, eu)]);
    assert_eq!(places.of_country(gb), Some(uk));
    assert_eq!(places.of_country(country("FR").unwrap()), None);
    assert_eq!(places.of_continent(Continent::Europe), Some(eu));
    assert_eq!(places.of_continent(Continent::Asia), None);
    assert_eq!(format!("{places:?}"), "Places(1 countries, 1 continents)");
}
