//! Paths and keys: a path means the same however it is percent-encoded, a redirect stays on the
//! region's host, a key belongs to the region that minted it, and nothing prints either.

use onetime_gateway::region::RegionId;
use onetime_gateway::region::key::{IdentifierSecret, IdentifierSecrets, Key, mint};
use onetime_gateway::region::{RegionDefinition, Regions};
use onetime_gateway::route::classify::{RouteMatch, classify};
use percent_encoding::percent_decode_str;
use url::Url;

const ORIGIN: &str = "https://eu.example.com";

pub fn holds(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    key(text, data);
    let Ok(route) = classify(text) else {
        return;
    };
    assert!(text.starts_with('/') && text.bytes().all(|byte| byte.is_ascii_graphic()));
    as_the_application(text, &route);
    let shown = format!("{route:?}");
    assert_eq!(shown, format!("RouteMatch({})", route.template().label()));

    if let Some(key) = route.key() {
        assert!(text.split('/').any(|segment| segment == key));
        assert_eq!(
            route.key_place().map(|place| place.is_page()),
            Some(!route.is_api())
        );
    }
    let (prefix, rest) = route.location_path();
    assert!(format!("{prefix}{rest}").starts_with('/'));
    let location = format!("{ORIGIN}{prefix}{rest}");
    let url = Url::parse(&location).expect("a location");
    assert_eq!(url.origin().ascii_serialization(), ORIGIN);

    // However it is written, it is the same route with the same key.
    let plain = rewritten(text, |byte| {
        byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
    });
    let encoded = rewritten(text, |_| false);
    for written in [plain, encoded] {
        let other = classify(&written).unwrap_or_else(|fault| panic!("refused: {fault}"));
        assert_eq!(other.template().label(), route.template().label());
        assert_eq!(other.dialect(), route.dialect());
        assert_eq!(other.is_api(), route.is_api());
        assert_eq!(other.key_place(), route.key_place());
        let read = |key: Option<&str>| key.map(Key::from_segment);
        assert!(read(other.key()) == read(route.key()), "another key");
    }
}

/// The application's router unescapes a path and then drops the bytes that are not UTF-8 (Otto,
/// `normalize_path`). What it is left with must be the same route with the same key here.
fn as_the_application(path: &str, route: &RouteMatch<'_>) {
    let unescaped: Vec<u8> = percent_decode_str(path).collect();
    let kept: String = unescaped.utf8_chunks().map(|chunk| chunk.valid()).collect();
    let segments = |path: &str| path.matches('/').count();
    assert_eq!(segments(&kept), segments(path), "another structure");
    let written = rewritten_bytes(kept.as_bytes());
    let seen = classify(&written).unwrap_or_else(|fault| panic!("refused: {fault}"));
    assert_eq!(seen.template().label(), route.template().label());
    assert_eq!(seen.dialect(), route.dialect());
    assert_eq!(seen.is_api(), route.is_api());
    let key = |route: &RouteMatch<'_>| route.key().map(Key::from_segment);
    assert!(key(&seen) == key(route), "another key");
}

/// The path with every byte percent-encoded, slashes excepted.
fn rewritten_bytes(path: &[u8]) -> String {
    let encoded = |&byte: &u8| match byte {
        b'/' => "/".to_owned(),
        byte => format!("%{byte:02X}"),
    };
    path.iter().map(encoded).collect()
}

/// The path with all that `keeps` does not keep percent-encoded, slashes excepted.
fn rewritten(path: &str, keeps: impl Fn(u8) -> bool) -> String {
    let segment = |segment: &str| -> String {
        percent_decode_str(segment)
            .map(|byte| {
                if keeps(byte) {
                    char::from(byte).to_string()
                } else {
                    format!("%{byte:02X}")
                }
            })
            .collect()
    };
    path.split('/').map(segment).collect::<Vec<_>>().join("/")
}

/// A segment as a key, and a key minted from these bytes.
fn key(text: &str, data: &[u8]) {
    let secrets = secrets();
    if let Some(key) = Key::from_segment(text) {
        let expected: Vec<u8> = percent_decode_str(text)
            .filter(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(byte))
            .collect();
        assert_eq!(key.reveal(), expected);
        assert_eq!(format!("{key:?}"), "Key(..)");
        assert_eq!(secrets.region_of(&key), None, "nobody guesses a tag");
    }
    let mut random = [0; 32];
    for (at, byte) in data.iter().take(32).enumerate() {
        random[at] = *byte;
    }
    let ids = ids();
    for (region, secret) in ids.iter().zip(["one", "two"]) {
        let minted = mint(&IdentifierSecret::new(secret.into()), &random);
        let read = |text: &str| Key::from_segment(text).and_then(|key| secrets.region_of(&key));
        assert_eq!(read(&minted), Some(*region));
        // One digit more or another digit is no key of anybody's.
        let at = usize::from(data.first().copied().unwrap_or(0)) % minted.len();
        let digit = if minted.as_bytes()[at] == b'0' {
            "1"
        } else {
            "0"
        };
        let mut other = minted.clone();
        other.replace_range(at..=at, digit);
        assert_eq!(read(&other), None);
        assert_eq!(read(&minted[1..]), None);
    }
}

fn ids() -> Vec<RegionId> {
    let definition = |name: &str| RegionDefinition {
        name: name.to_owned(),
        jurisdiction: name.to_owned(),
        host: format!("{name}.example.com"),
    };
    let regions = Regions::new(&[definition("eu"), definition("us")]).expect("two regions");
    regions.iter().map(|(id, _)| id).collect()
}

fn secrets() -> IdentifierSecrets {
    let lists: Vec<_> = ids()
        .into_iter()
        .zip(["one", "two"])
        .map(|(id, secret)| (id, vec![IdentifierSecret::new(secret.into())]))
        .collect();
    IdentifierSecrets::new(&lists).expect("two secrets")
}
