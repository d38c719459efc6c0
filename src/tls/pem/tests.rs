//! What careless hands make of PEM files, and that no block vanishes.

use proptest::prelude::*;
use rcgen::{CertificateParams, KeyPair};

use super::*;

/// A certificate, as text and as DER.
fn certificate(name: &str) -> (String, Vec<u8>) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    let made = params.self_signed(&key).unwrap();
    (made.pem(), made.der().to_vec())
}

fn found(text: impl AsRef<[u8]>) -> Result<Vec<Vec<u8>>, Fault> {
    let found = certificates(text.as_ref())?;
    Ok(found.into_iter().map(|(_, one)| one.to_vec()).collect())
}

fn line_of(text: &str, part: &str) -> usize {
    text[..text.find(part).unwrap()].lines().count() + 1
}

#[test]
fn every_block_of_a_carelessly_joined_file_is_taken() {
    let ((a, der_a), (b, der_b)) = (certificate("a.example"), certificate("b.example"));
    let both = format!("{a}{b}");
    let bare = a.trim_end();
    for (what, text) in [
        ("no final line end", format!("{bare}{b}")),
        ("no final line end, then a space", format!("{bare} {b}")),
        (
            "no final line end, then a comment",
            format!("{bare}# next\n{b}"),
        ),
        (
            "a comment without a line end",
            format!("# first{a}subject=CN{b}"),
        ),
        ("a mark", format!("\u{feff}{both}")),
        ("two marks", format!("\u{feff}{a}\u{feff}{b}")),
        ("CR LF", both.replace('\n', "\r\n")),
        ("CR", both.replace('\n', "\r")),
        ("empty lines", both.replace('\n', "\n\n")),
        ("indented", both.replace('\n', "\n   \t")),
        ("spaces at line ends", both.replace('\n', "  \n")),
        ("X509", both.replace(" CERTIFICATE", " X509 CERTIFICATE")),
        ("X.509", both.replace(" CERTIFICATE", " X.509 CERTIFICATE")),
        ("one line", both.replace('\n', "")),
        (
            "text",
            format!("Bag Attributes: <none>\n{a}\nThe end: of a chain - END\n{b}bye"),
        ),
        (
            "a comment with dashes",
            format!("--- End-entity certificate ---\n{a}{b}"),
        ),
        (
            "a commented-out block",
            format!("{a}# {}\n{b}", bare.replace('\n', "\n# ")),
        ),
        (
            "headers",
            both.replace("E-----\nMI", "E-----\nX-Info: 7\n\nMI"),
        ),
    ] {
        assert_eq!(
            found(&text),
            Ok(vec![der_a.clone(), der_b.clone()]),
            "{what}"
        );
    }
}

#[test]
fn what_openssl_keeps_behind_a_trusted_certificate_is_left_out() {
    use base64::Engine;
    let (_, der) = certificate("a.example");
    let mut long = der.clone();
    // Trusted for servers: SEQUENCE { SEQUENCE { 1.3.6.1.5.5.7.3.1 } }.
    long.extend([0x30, 12, 0x30, 10, 6, 8, 0x2b, 6, 1, 5, 5, 7, 3, 1]);
    let base64 = base64::engine::general_purpose::STANDARD.encode(long);
    let text = |label| format!("-----BEGIN {label}-----\n{base64}\n-----END {label}-----\n");
    assert_eq!(found(text("TRUSTED CERTIFICATE")), Ok(vec![der]));
    assert_eq!(found(text("CERTIFICATE")), Err(Fault::Trailing(1)));
}

#[test]
fn a_block_that_is_not_taken_is_refused_with_its_line() {
    let ((a, _), (b, _)) = (certificate("a.example"), certificate("b.example"));
    let both = format!("{a}{b}");
    let second = line_of(&both, &b);
    let last = both.lines().count();
    let in_b = |from: &str, to: &str| format!("{a}{}", b.replace(from, to));
    let utf16: Vec<u8> = b.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let (_, der) = certificate("c.example");
    for (text, fault) in [
        (in_b("-----BEGIN", "----BEGIN"), Fault::NoBegin(last)),
        (in_b("-----BEGIN", "BEGIN"), Fault::NoBegin(last)),
        (in_b("BEGIN", "BEGN"), Fault::NoBegin(last)),
        (in_b("-----BEGIN", "-----begin"), Fault::NoBegin(last)),
        (
            in_b("BEGIN CERTIFICATE-----", "BEGIN CERTIFICATE----"),
            Fault::Marker(second),
        ),
        (
            in_b("BEGIN CERTIFICATE", "BEGIN CERTIFICAT"),
            Fault::Differ(last),
        ),
        (in_b("CERTIFICATE", "certificate"), Fault::Unknown(second)),
        (in_b("CERTIFICATE", "SESSION"), Fault::Unknown(second)),
        (in_b("-----END", "----END"), Fault::NoEnd(second)),
        (
            in_b("END CERTIFICATE-----", "END CERTIFICATE---"),
            Fault::Marker(last),
        ),
        (
            in_b("END CERTIFICATE", "END PRIVATE KEY"),
            Fault::Differ(last),
        ),
        (in_b("\nMI", "\n#MI"), Fault::Base64(second)),
        (in_b("\n", "\n> "), Fault::Base64(second)),
        (in_b("-----", "\u{2014}\u{2014}-"), Fault::Marker(second)),
        (in_b("-----", "-- "), Fault::Marker(second)),
        (b.lines().nth(1).unwrap().to_owned(), Fault::Bare(1)),
        (
            a.replacen("-----END CERTIFICATE-----\n", "", 1) + &b,
            Fault::NoEnd(1),
        ),
        (
            in_b("-----BEGIN CERTIFICATE-----\n", ""),
            Fault::Bare(second),
        ),
    ] {
        // Whichever of its two markers is complained of first.
        let error = found(&text).unwrap_err();
        if matches!(fault, Fault::NoBegin(_)) {
            assert!(
                matches!(error, Fault::NoBegin(_) | Fault::Marker(_) | Fault::Bare(_)),
                "{text}: {error}"
            );
        } else {
            assert_eq!(error, fault, "{text}");
        }
    }
    for (label, what) in [
        ("X509 CRL", "revocation"),
        ("PKCS7", "unpack"),
        ("PUBLIC KEY", "key"),
    ] {
        let error = found(in_b("CERTIFICATE", label)).unwrap_err().to_string();
        assert!(
            error.contains(what) && error.contains(&format!("line {second}")),
            "{error}"
        );
    }
    let joined = [a.as_bytes(), &utf16].concat();
    assert_eq!(found(joined), Err(Fault::Utf16(second)));
    assert_eq!(
        found([a.as_bytes(), &der].concat()),
        Err(Fault::Der(second))
    );
    assert_eq!(found(&der), Err(Fault::Der(1)));
    assert_eq!(found(b"# DER\n0\x82\n\x0a\x30\x03"), Err(Fault::Der(2)));
}

#[test]
fn lines_are_counted_whichever_way_they_end() {
    let (a, _) = certificate("a.example");
    let text = format!("\n{a}\nfoo\n{}", a.replace("CERTIFICATE", "PKCS7"));
    let line = line_of(&text, "-----BEGIN PKCS7");
    for end in ["\n", "\r\n", "\r"] {
        let error = found(text.replace('\n', end)).unwrap_err();
        assert!(
            matches!(error, Fault::Unused(at, _) if at == line),
            "{error} {line}"
        );
    }
}

#[test]
fn a_key_is_found_beside_what_belongs_to_it() {
    let key = KeyPair::generate().unwrap();
    let (pem, der) = (key.serialize_pem(), key.serialize_der());
    let (chain, _) = certificate("a.example");
    let parameters = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----";
    for text in [
        pem.clone(),
        format!("\u{feff}{pem}"),
        format!("{parameters}{pem}"),
        format!("{parameters}\n{pem}{chain}"),
        format!("{}{pem}", chain.trim_end()),
        format!("{pem}{pem}"),
        pem.replace('\n', "\r\n  "),
        pem.replace('\n', ""),
    ] {
        let found = private_key(text.as_bytes()).unwrap().unwrap();
        assert_eq!(found.secret_der(), der, "{text}");
    }
    let other = KeyPair::generate().unwrap().serialize_pem();
    let line = pem.lines().count() + 1;
    let refused = |text: String| private_key(text.as_bytes()).unwrap_err();
    assert_eq!(refused(format!("{pem}{other}")), Fault::SecondKey(line));
    assert_eq!(
        refused(format!(
            "{pem}{}",
            other.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY")
        )),
        Fault::Encrypted(line)
    );
    let openssh = other.replace("PRIVATE KEY", "OPENSSH PRIVATE KEY");
    assert!(refused(openssh).to_string().contains("OpenSSH"));
    assert_eq!(private_key(chain.as_bytes()), Ok(None));
}

proptest! {
    /// Wherever one byte of a chain is lost, doubled or another one, both certificates are found or
    /// the file is refused.
    #[test]
    fn no_certificate_vanishes(at in any::<prop::sample::Index>(), byte in any::<u8>(), how in 0..3u8) {
        thread_local! {
            static CHAIN: String = certificate("a.example").0 + &certificate("b.example").0;
        }
        let mut chain = CHAIN.with(|chain| chain.clone().into_bytes());
        // Markers are short, so they are aimed at every second time.
        let mut at = at.index(chain.len());
        if at % 2 == 0 {
            let second = find(&chain, b"-----END").unwrap();
            at = second + at % 54;
        }
        match how {
            0 => drop(chain.remove(at)),
            1 => chain.insert(at, byte),
            _ => chain[at] = byte,
        }
        if let Ok(found) = found(&chain) {
            prop_assert_eq!(found.len(), 2, "{}", String::from_utf8_lossy(&chain));
        }
    }

    /// Any bytes are read or refused, with a line that the file has.
    #[test]
    fn anything_may_be_in_a_file(parts in prop::collection::vec(prop_oneof![
        Just("-----BEGIN CERTIFICATE-----".to_owned()),
        Just("-----END CERTIFICATE-----".to_owned()),
        Just("-----BEGIN PRIVATE KEY-----".to_owned()),
        Just("-----".to_owned()), Just("\n".to_owned()), Just("\r".to_owned()),
        Just("AAAA".to_owned()), Just("#".to_owned()), "\\PC{0,9}",
    ], 0..20)) {
        let text = parts.concat();
        let _ = private_key(text.as_bytes());
        if let Ok(found) = found(&text) {
            let commented = text.contains('#');
            let begins = text.matches("-----BEGIN CERTIFICATE-----").count();
            prop_assert!(commented || found.len() == begins, "{}", text);
        }
    }
}
