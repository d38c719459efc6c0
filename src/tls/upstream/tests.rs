//! Bundles, good and bad. Handshakes are tested with the server side's.

use rcgen::{CertificateParams, KeyPair};

use super::*;

fn authority() -> String {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["ca.example".to_owned()]).unwrap();
    params.self_signed(&key).unwrap().pem()
}

#[test]
fn a_bundle_may_hold_other_things_beside_authorities() {
    let bundle = format!("# Comment\n{}\n{}", authority(), authority());
    let config = client_config(Some(bundle.as_bytes()), None).unwrap();
    assert_eq!(config.alpn_protocols, [b"http/1.1"]);
    let odd = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    client_config(Some(format!("{odd}{}", authority()).as_bytes()), None).unwrap();
}

#[test]
fn a_bundle_without_authorities_is_refused() {
    for pem in [
        "",
        "nothing",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ] {
        let refused = client_config(Some(pem.as_bytes()), None);
        assert!(matches!(refused, Err(RootsError::Empty)), "{pem}");
    }
    let cut = authority();
    let refused = client_config(Some(&cut.as_bytes()[..cut.len() / 2]), None).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the certificate authorities cannot be read: a PEM block has no END line (it begins in line 1)"
    );
}

#[test]
fn no_authority_of_a_bundle_vanishes() {
    let (one, two) = (authority(), authority());
    let glued = format!("\u{feff}{}{two}", one.trim_end());
    client_config(Some(glued.as_bytes()), None).unwrap();
    assert_eq!(pem::certificates(glued.as_bytes()).unwrap().len(), 2);
    let refused = client_config(Some(two.replace("CERTIFICATE", "SESSION").as_bytes()), None);
    assert!(matches!(refused, Err(RootsError::Pem(words)) if words.contains("line 1")));
    let odd = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let line = one.lines().count() + 1;
    assert_eq!(unusable(format!("{one}{odd}{two}").as_bytes()), [line]);
    assert_eq!(unusable(glued.as_bytes()), [0; 0]);
}

/// Every system's bundle must go on being read, to the last authority.
#[test]
fn the_bundle_of_this_system_is_read_to_the_last_authority() {
    let Ok(bundle) = std::fs::read("/etc/ssl/certs/ca-certificates.crt") else {
        return;
    };
    let begins = bundle
        .split(|byte| *byte == b'\n')
        .filter(|line| line.starts_with(b"-----BEGIN"));
    assert_eq!(pem::certificates(&bundle).unwrap().len(), begins.count());
    assert_eq!(unusable(&bundle), [0; 0]);
}

#[test]
fn the_systems_authorities_are_read_once() {
    // Where there are none (a bare container) this says so, every time.
    match (client_config(None, None), native()) {
        (Ok(_), Ok(roots)) => assert!(Arc::ptr_eq(&roots, &native().unwrap())),
        (Err(RootsError::NoNative), Err(RootsError::NoNative)) => {}
        (config, roots) => panic!("{config:?} {roots:?}"),
    }
}

#[test]
fn a_name_that_no_certificate_can_show_is_refused() {
    let refused = client_config(Some(authority().as_bytes()), Some("a b"));
    assert!(matches!(refused, Err(RootsError::Name(name)) if name == "a b"));
    assert!(client_config(Some(authority().as_bytes()), Some("eu.internal")).is_ok());
}
