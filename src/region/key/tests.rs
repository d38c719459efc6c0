//! Tests of keys and their tags.

use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::region::{RegionDefinition, Regions};

/// Keys minted by the application's own library, and the secrets they were minted under.
#[derive(serde::Deserialize)]
struct Vectors {
    secrets: BTreeMap<String, String>,
    keys: BTreeMap<String, Vec<String>>,
}

fn vectors() -> Vectors {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/key-vectors.json");
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

fn regions(vectors: &Vectors) -> Regions {
    let definitions: Vec<_> = vectors
        .secrets
        .keys()
        .map(|name| RegionDefinition {
            name: name.clone(),
            jurisdiction: name.to_uppercase(),
            host: format!("{name}.example.com"),
        })
        .collect();
    Regions::new(&definitions).unwrap()
}

fn secret(text: &str) -> IdentifierSecret {
    IdentifierSecret::new(text.as_bytes().to_vec())
}

fn all_secrets(vectors: &Vectors, regions: &Regions) -> IdentifierSecrets {
    let lists: Vec<_> = vectors
        .secrets
        .iter()
        .map(|(name, text)| {
            let old = secret(&format!("a secret that {name} has rotated out of use"));
            (
                regions.by_name(name.as_bytes()).unwrap(),
                vec![old, secret(text)],
            )
        })
        .collect();
    IdentifierSecrets::new(&lists).unwrap()
}

fn region_of(secrets: &IdentifierSecrets, segment: &str) -> Option<RegionId> {
    secrets.region_of(&Key::from_segment(segment)?)
}

#[test]
fn every_vector_verifies_under_its_own_region_and_no_other() {
    let vectors = vectors();
    let regions = regions(&vectors);
    let secrets = all_secrets(&vectors, &regions);
    let mut count = 0;
    for (name, keys) in &vectors.keys {
        let own = regions.by_name(name.as_bytes()).unwrap();
        let mut others: Vec<_> = vectors
            .secrets
            .iter()
            .filter(|(other, _)| *other != name)
            .collect();
        others.truncate(4);
        let lists: Vec<_> = others
            .iter()
            .map(|(other, text)| {
                (
                    regions.by_name(other.as_bytes()).unwrap(),
                    vec![secret(text)],
                )
            })
            .collect();
        let foreign = IdentifierSecrets::new(&lists).unwrap();
        for key in keys {
            assert_eq!(region_of(&secrets, key), Some(own));
            assert_eq!(region_of(&foreign, key), None);
            count += 1;
        }
    }
    assert_eq!(count, 30);
}

#[test]
fn minting_makes_the_very_keys_that_the_application_makes() {
    let vectors = vectors();
    for (name, keys) in &vectors.keys {
        for key in keys {
            let number = decode(key.as_bytes()).unwrap();
            let random: [u8; 32] = number[..32].try_into().unwrap();
            assert_eq!(mint(&secret(&vectors.secrets[name]), &random), *key);
        }
    }
}

#[test]
fn a_key_is_read_as_the_application_reads_it() {
    for (segment, read) in [
        ("abc", Some("abc")),
        ("a%62c", Some("abc")),
        ("a%20b+c.d~e", Some("abcde")),
        ("%61%2Fb", Some("ab")),
        ("A_-9", Some("A_-9")),
        ("%C3%A9a", Some("a")),
        ("%", None),
        ("a%4", Some("a4")),
        ("...", None),
        ("", None),
    ] {
        let key = Key::from_segment(segment);
        assert_eq!(
            key.as_ref().map(Key::reveal),
            read.map(str::as_bytes),
            "{segment:?}"
        );
    }
    assert!(Key::from_segment(&"a".repeat(128)).is_some());
    assert!(Key::from_segment(&"a".repeat(129)).is_none());
    assert!(Key::from_segment(&"%61.".repeat(128)).is_some());
}

#[test]
fn disguised_keys_are_found_and_altered_ones_are_not() {
    let vectors = vectors();
    let regions = regions(&vectors);
    let secrets = all_secrets(&vectors, &regions);
    let eu = regions.by_name(b"eu");
    let key = &vectors.keys["eu"][0];
    let encoded: String = key.bytes().map(|byte| format!("%{byte:02X}")).collect();
    assert_eq!(region_of(&secrets, &encoded), eu);
    assert_eq!(region_of(&secrets, &format!("{key}.")), eu);
    assert_eq!(region_of(&secrets, &format!("%20{key}+")), eu);
    assert_eq!(region_of(&secrets, &key.to_uppercase()), None);
    assert_eq!(region_of(&secrets, &key[1..]), None);
    assert_eq!(region_of(&secrets, &format!("{key}0")), None);
    assert_eq!(region_of(&secrets, &format!("0{key}")), None);
    assert_eq!(region_of(&secrets, &format!("{}-", &key[..61])), None);
    for at in 0..62 {
        let mut altered = key.clone().into_bytes();
        altered[at] = if altered[at] == b'0' { b'1' } else { b'0' };
        assert_eq!(
            region_of(&secrets, str::from_utf8(&altered).unwrap()),
            None,
            "at {at}"
        );
    }
}

#[test]
fn numbers_of_more_than_320_bits_are_no_keys() {
    assert_eq!(decode("z".repeat(62).as_bytes()), None);
    assert_eq!(decode("0".repeat(62).as_bytes()), Some([0; 40]));
    let greatest = base36([0xff; 40]);
    assert_eq!(greatest.len(), 62);
    assert_eq!(decode(greatest.as_bytes()), Some([0xff; 40]));
    let mut next = greatest.into_bytes();
    *next.last_mut().unwrap() += 1;
    assert!(next.last().unwrap().is_ascii_alphanumeric());
    assert_eq!(decode(&next), None);
}

/// Long division, digit by digit.
fn base36(mut number: [u8; 40]) -> String {
    let mut digits = Vec::new();
    for _ in 0..62 {
        let mut rest = 0u32;
        for byte in &mut number {
            rest = rest << 8 | u32::from(*byte);
            *byte = u8::try_from(rest / 36).unwrap();
            rest %= 36;
        }
        digits.push(char::from_digit(rest, 36).unwrap());
    }
    digits.iter().rev().collect()
}

#[test]
fn secrets_are_checked() {
    let vectors = vectors();
    let regions = regions(&vectors);
    let [ca, eu, nz] = ["ca", "eu", "nz"].map(|name| regions.by_name(name.as_bytes()).unwrap());
    let long = "0123456789abcdef0123456789abcdef";
    let faults = IdentifierSecrets::new(&[
        (ca, vec![secret(long), secret("")]),
        (eu, vec![secret("short"), secret(long)]),
        // HMAC pads a key with NUL: these are one secret.
        (nz, vec![secret("short\0")]),
    ])
    .unwrap_err();
    assert_eq!(
        faults,
        [
            SecretFault::Empty {
                region: ca,
                position: 1
            },
            SecretFault::Shared {
                first: (ca, 0),
                second: (eu, 1)
            },
            SecretFault::Shared {
                first: (eu, 0),
                second: (nz, 0)
            },
        ]
    );
    let twice = IdentifierSecrets::new(&[
        (ca, vec![secret(long), secret("short"), secret(long)]),
        (eu, Vec::new()),
    ])
    .unwrap();
    assert_eq!(
        twice.warnings(),
        [
            SecretWarning::Short {
                region: ca,
                position: 1
            },
            SecretWarning::Repeated {
                region: ca,
                position: 2
            },
        ]
    );
    assert_eq!(format!("{twice:?}"), "IdentifierSecrets(2 secrets)");
    assert!(!twice.is_empty() && IdentifierSecrets::default().is_empty());
}

/// Which of these a region's secret has around it depends on who wrote the file or the variable.
#[test]
fn what_stands_around_a_secret_is_no_part_of_it() {
    for debris in [
        "\n",
        "\r\n",
        "\n\n",
        "\r",
        " ",
        "\t",
        " \r\n\n",
        "\u{b}",
        "\u{c}",
        "\u{feff}",
        "\u{feff}\n",
        "\u{a0}",
        "\u{200b}",
        "\u{2028}",
        "\u{85}",
    ] {
        for content in [
            format!("abc{debris}"),
            format!("{debris}abc"),
            format!("{debris}abc{debris}"),
        ] {
            let text = secret(&content).0;
            assert_eq!(text.as_slice(), b"abc", "{content:?}");
        }
        assert!(secret(debris).is_empty(), "{debris:?}");
    }
    // What is not text is trimmed as far as it can be understood.
    let odd = IdentifierSecret::new(b" \xffabc\xff \n".to_vec());
    assert_eq!(odd.0.as_slice(), b"\xffabc\xff");
}

#[test]
fn one_secret_for_two_regions_is_found_whatever_stands_around_it() {
    let vectors = vectors();
    let regions = regions(&vectors);
    let ids: Vec<_> = regions.iter().map(|(id, _)| id).take(2).collect();
    let long = "a secret of more than thirty-two bytes".replace(' ', "-");
    for other in [
        format!("{long}\n\n"),
        format!("\u{feff}{long}"),
        format!(" {long}\r\n"),
    ] {
        let lists = [
            (ids[0], vec![secret(&long)]),
            (ids[1], vec![secret(&other)]),
        ];
        let faults = IdentifierSecrets::new(&lists).unwrap_err();
        assert!(
            matches!(faults[..], [SecretFault::Shared { .. }]),
            "{other:?}"
        );
    }
}

#[test]
fn what_cannot_be_a_secret_is_refused_or_warned_of() {
    let vectors = vectors();
    let regions = regions(&vectors);
    let (region, _) = regions.iter().next().unwrap();
    let long = "0123456789abcdef0123456789ABCDEF";
    let of = |text: String| IdentifierSecrets::new(&[(region, vec![secret(&text)])]);
    for text in [
        format!("{long}\n{long}"),
        format!("{long}\r{long}"),
        format!("{long}\0"),
        format!("\0{long}"),
        format!("{long}\u{7f}"),
        format!("\u{1b}[0m{long}"),
    ] {
        let faults = of(text.clone()).unwrap_err();
        assert!(
            matches!(faults[..], [SecretFault::Unusable { .. }]),
            "{text:?}"
        );
        let words = faults[0].to_string();
        assert!(words.starts_with("an identifier secret has "), "{words}");
    }
    for text in [
        format!("\"{long}\""),
        format!("'{long}'"),
        format!("{long}\""),
        format!("{long} {long}"),
        format!("{long}\t{long}"),
        format!("{long}\u{a0}{long}"),
        format!("{long}\\n"),
        format!("IDENTIFIER_SECRET={long}"),
        format!("export A={long}"),
        format!("${{{long}}}"),
        format!("{{{{{long}}}}}"),
        format!("<{long}>"),
        format!("{long}\u{e9}"),
    ] {
        let secrets = of(text.clone()).unwrap();
        assert!(
            matches!(secrets.warnings(), [SecretWarning::Odd { .. }]),
            "{text:?}"
        );
    }
    for text in [
        long.to_owned(),
        format!("{long}=="),
        format!("{long}+/$-_.~!="),
    ] {
        assert!(of(text.clone()).unwrap().warnings().is_empty(), "{text:?}");
    }
}

#[test]
fn secrets_and_their_keyed_states_are_wiped_when_dropped() {
    fn wiped<T: zeroize::ZeroizeOnDrop>() {}
    // A keyed HMAC is two states and the buffer of this hash, wiped by their own.
    wiped::<Sha256>();
    wiped::<Zeroizing<Vec<u8>>>();
}

#[test]
fn nothing_prints_a_key_or_a_secret() {
    let key = Key::from_segment("hunter2").unwrap();
    let printed = format!("{key:?} {:?}", secret("hunter2"));
    assert_eq!(printed, "Key(..) IdentifierSecret(..)");
}

proptest! {
    #[test]
    fn a_minted_key_names_its_minter(random in any::<[u8; 32]>(), which in 0usize..5) {
        let vectors = vectors();
        let regions = regions(&vectors);
        let secrets = all_secrets(&vectors, &regions);
        let (name, text) = vectors.secrets.iter().nth(which).unwrap();
        let key = mint(&secret(text), &random);
        prop_assert_eq!(key.len(), 62);
        prop_assert_eq!(region_of(&secrets, &key), regions.by_name(name.as_bytes()));
    }

    #[test]
    fn decoding_agrees_with_long_division(number in any::<[u8; 40]>()) {
        prop_assert_eq!(decode(base36(number).as_bytes()), Some(number));
    }

    #[test]
    fn reading_a_segment_is_total_and_leaves_only_key_characters(segment in "\\PC{0,200}") {
        if let Some(key) = Key::from_segment(&segment) {
            let allowed = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_' || *b == b'-';
            prop_assert!(!key.reveal().is_empty() && key.reveal().iter().all(allowed));
        }
    }
}
