//! Which certificate a name gets.

use proptest::prelude::*;
use rcgen::{CertificateParams, KeyPair};
use rustls::SignatureScheme as Scheme;

use super::*;

const ALL: &[Scheme] = &[
    Scheme::ECDSA_NISTP256_SHA256,
    Scheme::RSA_PSS_SHA256,
    Scheme::ED25519,
];

fn certificate_of(names: &[&str], kind: &'static rcgen::SignatureAlgorithm) -> Certificate {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let key = KeyPair::generate_for(kind).unwrap();
    let params = CertificateParams::new(names).unwrap();
    let chain = params.self_signed(&key).unwrap().pem();
    Certificate::from_pem(chain.as_bytes(), key.serialize_pem().as_bytes()).unwrap()
}

fn certificate(names: &[&str]) -> Certificate {
    certificate_of(names, &rcgen::PKCS_ECDSA_P256_SHA256)
}

fn position(store: &CertStore, name: Option<&str>, offered: &[Scheme]) -> usize {
    let key = store.resolve(name, offered).unwrap();
    store
        .certificates()
        .iter()
        .position(|one| Arc::ptr_eq(&one.key, &key))
        .unwrap()
}

#[test]
fn resolves_exact_then_wildcard_then_default() {
    let store = CertStore::new(vec![
        certificate(&["default.example"]),
        certificate(&["*.Example.com", "*.deep.example.com"]),
        certificate(&["a.example.com", "127.0.0.1"]),
    ])
    .unwrap();
    for (name, expected) in [
        (Some("a.example.com"), 2),
        (Some("A.eXample.COM"), 2),
        (Some("a.example.com."), 2),
        (Some("b.example.com"), 1),
        (Some("B.EXAMPLE.com"), 1),
        (Some("x.deep.example.com"), 1),
        (Some("a.b.example.com"), 0), // a wildcard is one label
        (Some("example.com"), 0),
        (Some("*.example.com"), 1),
        (Some("default.example"), 0),
        (Some("unknown.example"), 0),
        (Some(""), 0),
        (Some("."), 0),
        (None, 0),
    ] {
        assert_eq!(position(&store, name, ALL), expected, "{name:?}");
    }
    assert_eq!(store.warnings(), [""; 0]);
}

#[test]
fn there_is_no_store_without_a_certificate() {
    assert!(CertStore::new(Vec::new()).is_none());
}

#[test]
fn two_kinds_of_key_for_one_name_serve_two_kinds_of_clients() {
    let store = CertStore::new(vec![
        certificate(&["default.example"]),
        certificate(&["a.example"]),
        certificate_of(&["a.example"], &rcgen::PKCS_RSA_SHA256),
    ])
    .unwrap();
    let of_a = |offered| position(&store, Some("a.example"), offered);
    assert_eq!(of_a(ALL), 1, "the first suits");
    assert_eq!(of_a(&[Scheme::RSA_PSS_SHA256]), 2);
    assert_eq!(
        of_a(&[Scheme::ED25519]),
        1,
        "none suits: the handshake will say so"
    );
    assert_eq!(store.warnings(), [""; 0]);
}

#[test]
fn warns_of_a_name_that_is_never_served_from_a_certificate() {
    let store = CertStore::new(vec![
        certificate(&["a.example", "a.example", "b.example"]),
        certificate(&["c.example", "b.example", "*.example"]),
        certificate(&["*.example"]),
    ])
    .unwrap();
    assert_eq!(
        store.warnings(),
        [
            "*.example is in several certificates of one kind: the first is used",
            "b.example is in several certificates of one kind: the first is used",
        ]
    );
    assert_eq!(position(&store, Some("b.example"), ALL), 0);
}

#[test]
fn a_certificate_covers_its_own_names_alone() {
    let store = CertStore::new(vec![
        certificate(&["default.example", "*.wild.example", "127.0.0.1"]),
        certificate(&["a.example.com"]),
    ])
    .unwrap();
    for (server_name, host, covered) in [
        (None, "Default.example", true),
        (None, "x.wild.example", true),
        (None, "x.y.wild.example", false),
        (None, "127.0.0.1", true),
        (None, "a.example.com", false),
        (Some("unknown.example"), "default.example", true),
        (Some("unknown.example"), "a.example.com", false),
        (Some("unknown.example"), "unknown.example", false),
        (Some("a.example.com"), "A.example.com", true),
        (Some("a.example.com"), "default.example", false),
    ] {
        let found = store.covers(server_name, host);
        assert_eq!(found, covered, "{server_name:?} {host}");
    }
    let one = CertStore::new(vec![certificate(&["a.example"])]).unwrap();
    assert!(one.covers(Some("b.example"), "c.example"));
}

#[test]
fn the_certificate_of_an_address_covers_it_wherever_it_stands() {
    let store = CertStore::new(vec![
        certificate(&["default.example"]),
        certificate(&["a.example", "127.0.0.1", "::1"]),
    ])
    .unwrap();
    for (server_name, host, covered) in [
        (Some("127.0.0.1"), "127.0.0.1", true),
        (Some("::1"), "::1", true),
        (Some("127.0.0.1"), "a.example", true),
        // Health checks that send no name.
        (Some("127.0.0.1"), "default.example", true),
        (Some("127.0.0.1"), "b.example", false),
        (None, "127.0.0.1", false),
        (Some("a.example"), "default.example", false),
    ] {
        let found = store.covers(server_name, host);
        assert_eq!(found, covered, "{server_name:?} {host}");
    }
    let address = |text: &str| text.parse().unwrap();
    assert!(store.is_not_by_default(address("127.0.0.1")));
    assert!(!store.is_not_by_default(address("127.0.0.2")));
    let both = [certificate(&["::1"]), certificate(&["::1"])];
    let store = CertStore::new(both.into()).unwrap();
    assert!(!store.is_not_by_default(address("::1")));
}

/// Which of the two a client was given is not known then, so both must cover the host.
#[test]
fn two_certificates_for_one_name_cover_what_both_name() {
    let store = CertStore::new(vec![
        certificate(&["a.example", "b.example"]),
        certificate_of(&["a.example", "c.example"], &rcgen::PKCS_RSA_SHA256),
    ])
    .unwrap();
    for (host, covered) in [
        ("a.example", true),
        ("b.example", false),
        ("c.example", false),
    ] {
        assert_eq!(store.covers(Some("a.example"), host), covered, "{host}");
    }
    assert!(store.covers(Some("b.example"), "b.example"));
}

proptest! {
    /// Any name gets some key; one that is asked in another case gets the same.
    #[test]
    fn every_name_has_an_answer(name in "[a-cA-C*.]{0,9}|\\PC{0,20}") {
        thread_local! {
            static STORE: CertStore = CertStore::new(vec![
                certificate(&["z.example"]),
                certificate(&["a.b", "*.b", "b.a.b"]),
                certificate(&["c", "*.c"]),
            ]).unwrap();
        }
        STORE.with(|store| {
            let found = position(store, Some(&name), ALL);
            prop_assert_eq!(found, position(store, Some(&name.to_ascii_uppercase()), ALL));
            let name = name.to_ascii_lowercase();
            let name = name.strip_suffix('.').unwrap_or(&name);
            let wild = |parent| name.split_once('.').is_some_and(|(_, rest)| rest == parent);
            let expected = match name {
                "a.b" | "b.a.b" => 1,
                "c" => 2,
                _ if wild("b") => 1,
                _ if wild("c") => 2,
                _ => 0,
            };
            prop_assert_eq!(found, expected);
            Ok(())
        })?;
    }
}
