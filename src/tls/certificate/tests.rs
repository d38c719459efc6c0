//! What is good, what is wrong, and that no message repeats a key.

use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

use super::*;

fn params(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    CertificateParams::new(names).unwrap()
}

/// A self-signed certificate and its key.
fn made(names: &[&str]) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let certificate = params(names).self_signed(&key).unwrap();
    (certificate.pem(), key.serialize_pem())
}

/// A leaf, its key, and the authority that issued it.
fn issued(authority_ends: i32) -> (String, String, String) {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority
        .distinguished_name
        .push(DnType::CommonName, "Authority");
    authority.not_after = rcgen::date_time_ymd(authority_ends, 1, 1);
    let authority_key = KeyPair::generate().unwrap();
    let authority_pem = authority.self_signed(&authority_key).unwrap().pem();
    let key = KeyPair::generate().unwrap();
    let issuer = Issuer::new(authority, authority_key);
    let leaf = params(&["a.example"]).signed_by(&key, &issuer).unwrap();
    (leaf.pem(), key.serialize_pem(), authority_pem)
}

fn read(chain: &str, key: &str) -> Result<Certificate, CertError> {
    Certificate::from_pem(chain.as_bytes(), key.as_bytes())
}

fn at(year: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs((year - 1970) * 31_557_600)
}

#[test]
fn names_are_those_of_the_certificate() {
    let (chain, key) = made(&["A.example", "*.b.example", "192.0.2.1", "2001:db8::1"]);
    let certificate = read(&chain, &key).unwrap();
    assert_eq!(
        certificate.names,
        ["a.example", "*.b.example", "192.0.2.1", "2001:db8::1"]
    );
    assert!(certificate.not_before < certificate.not_after);
}

#[test]
fn the_fingerprint_is_that_of_the_leaf() {
    let (chain, key) = made(&["a.example"]);
    let der = pem::certificates(chain.as_bytes()).unwrap();
    let certificate = read(&chain, &key).unwrap();
    let expected = aws_lc_rs_digest(&der[0].1);
    assert_eq!(certificate.fingerprint, expected);
    assert_eq!(certificate.fingerprint.len(), 64);
}

/// SHA-256 by the other library in the house.
fn aws_lc_rs_digest(bytes: &[u8]) -> String {
    let suite = aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256;
    let hash = suite.tls13().unwrap().common.hash_provider.hash(bytes);
    hash.as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[test]
fn every_kind_of_key_is_read() {
    for algorithm in [
        &rcgen::PKCS_ECDSA_P256_SHA256,
        &rcgen::PKCS_ECDSA_P384_SHA384,
        &rcgen::PKCS_ED25519,
        &rcgen::PKCS_RSA_SHA256,
    ] {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let certificate = params(&["a.example"]).self_signed(&key).unwrap();
        read(&certificate.pem(), &key.serialize_pem()).unwrap();
    }
}

#[test]
fn one_file_may_hold_chain_and_key() {
    let (leaf, key, authority) = issued(4000);
    let both = format!("{key}{leaf}{authority}");
    let certificate = read(&both, &both).unwrap();
    assert_eq!(certificate.key.cert.len(), 2);
    assert_eq!(certificate.warnings(at(2026)), [""; 0]);
}

fn refused(chain: &str, key: &str) -> String {
    read(chain, key).unwrap_err().to_string()
}

#[test]
fn says_what_is_wrong_with_a_chain() {
    let (chain, key) = made(&["a.example"]);
    assert_eq!(
        refused("nothing", &key),
        "no certificate (a PEM block CERTIFICATE) in this file"
    );
    assert_eq!(
        refused(&key, &key),
        "no certificate (a PEM block CERTIFICATE) in this file"
    );
    assert_eq!(
        refused(&chain[..chain.len() / 2], &key),
        "the certificates cannot be read: a PEM block has no END line (it begins in line 1)"
    );
    assert_eq!(
        refused(&chain.replacen('M', "?", 1), &key),
        "the certificates cannot be read: a PEM block is not base64 (it begins in line 1)"
    );
    let empty = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let words = refused(&format!("{chain}{empty}"), &key);
    assert!(
        words.starts_with("certificate 2 of this file cannot be read: "),
        "{words}"
    );
    let (nameless, nameless_key) = made(&[]);
    assert_eq!(
        refused(&nameless, &nameless_key),
        "the certificate has no subject alternative name that is a host"
    );
    let (leaf, leaf_key, authority) = issued(4000);
    assert_eq!(
        refused(&format!("{authority}{leaf}"), &leaf_key),
        "the private key is that of certificate 2 of this file, which must come first"
    );
    let (other, _) = made(&["other.example"]);
    let words = refused(&format!("{other}{leaf}"), &leaf_key);
    assert_eq!(
        words,
        "the private key is that of certificate 2 of this file, which must come first"
    );
    assert!(
        !read(&format!("{other}{leaf}"), &leaf_key)
            .unwrap_err()
            .is_of_key()
    );
}

#[test]
fn says_what_is_wrong_with_a_key() {
    let (chain, key) = made(&["a.example"]);
    let (_, other) = made(&["b.example"]);
    assert_eq!(
        refused(&chain, ""),
        "no private key (a PEM block PRIVATE KEY, RSA PRIVATE KEY or EC PRIVATE KEY) in this file"
    );
    assert_eq!(
        refused(&chain, &other),
        "the private key does not belong to the certificate"
    );
    assert_eq!(
        refused(&chain, &key[..key.len() / 2]),
        "the private key cannot be read: a PEM block has no END line (it begins in line 1)"
    );
    let unusable = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    let words = refused(&chain, unusable);
    assert!(
        words.starts_with("the private key cannot be used: "),
        "{words}"
    );
    for key in ["", &other, &key[..key.len() / 2], unusable] {
        assert!(read(&chain, key).unwrap_err().is_of_key(), "{key}");
    }
}

#[test]
fn a_chain_whose_leaf_is_not_first_is_named_as_such() {
    let (leaf, key, authority) = issued(4000);
    let (_, _, root) = issued(4000);
    for (chain, position) in [
        (format!("{authority}{leaf}"), 2),
        (format!("{root}{authority}{leaf}"), 3),
        (format!("{authority}{leaf}{root}"), 2),
    ] {
        let error = read(&chain, &key).unwrap_err();
        assert!(
            matches!(error, CertError::NotFirst(at) if at == position),
            "{error}"
        );
    }
}

/// Made with OpenSSL 3: the library in use here makes no key that short.
const RSA_1024: &str = "-----BEGIN PRIVATE KEY-----
MIICdgIBADANBgkqhkiG9w0BAQEFAASCAmAwggJcAgEAAoGBAMHWyHUeplEczlPZ
gODDvYR+rMwacvjYsQgPRzkSMvnqSV+/Xje88modAoR32acYBMh1R5M4zGrBLnSR
sh/5YFGeaCkkXKGn6mr12OV2Lomt0Nn8VdmjeiSiOhO4cDurO4CVwnTMUNr35z4R
o1R7eWSm1mvQlR8uHzLlcmQV7MklAgMBAAECgYBVm5ZMo4ywphg50AWrPsekjI2k
VsoQPSNye8zo17DLzz04nDvwQfKOCuHhv0zRDzqNjb5etucQ/uCVewNAO9LddAPe
LmDMqNWFYcuAAHttDt89THBs7x/SD53pwVSe0cyBXE1M9KUc2uWt17N2iQQad4qk
zSpQm7lNMSrbSpAIAQJBAOz9FUdYY00ji/3kcSe7pvbQ0dIevUIIu8o+vw1XKUrS
7ZL9JZJLMAur51ZgrlZu0BLtV1CiL5XcX5T/IHQb7iECQQDRY47R2I83PMS5QZBc
pANQSxGLCAuLXCv/UrQyirTrjwnOI54ss5NuZyGLjvDlRAEodKVXe8zeygjbEDw5
s9KFAkEAzlTOiO5gjpGrWaLiDejoRi2q8JkIyAxYi44zwsanUdjxNS+n3YYOz6qc
YG0OfHxANqpjgfWjHoPeyBeURuLmYQJAWAjFqVCllhHEnCcGrQyAICgPriapw+Py
05xQCtfqjQdMlhC/lgfCOq69mdF1Us8utXWldoykbB8Bbij7ST9jiQJAKjBkLQX5
sDhh5Tl8bsxNMPyz6wJwVlvaba0Vk0nLcWqOYmsAqEUExUbTpjjLQcn8qntVw66C
wmcRF2PWTIDAig==
-----END PRIVATE KEY-----
";

/// The same in the form of PKCS #1.
const RSA_1024_PKCS1: &str = "-----BEGIN RSA PRIVATE KEY-----
MIICXAIBAAKBgQDB1sh1HqZRHM5T2YDgw72EfqzMGnL42LEID0c5EjL56klfv143
vPJqHQKEd9mnGATIdUeTOMxqwS50kbIf+WBRnmgpJFyhp+pq9djldi6JrdDZ/FXZ
o3okojoTuHA7qzuAlcJ0zFDa9+c+EaNUe3lkptZr0JUfLh8y5XJkFezJJQIDAQAB
AoGAVZuWTKOMsKYYOdAFqz7HpIyNpFbKED0jcnvM6Newy889OJw78EHyjgrh4b9M
0Q86jY2+XrbnEP7glXsDQDvS3XQD3i5gzKjVhWHLgAB7bQ7fPUxwbO8f0g+d6cFU
ntHMgVxNTPSlHNrlrdezdokEGneKpM0qUJu5TTEq20qQCAECQQDs/RVHWGNNI4v9
5HEnu6b20NHSHr1CCLvKPr8NVylK0u2S/SWSSzALq+dWYK5WbtAS7VdQoi+V3F+U
/yB0G+4hAkEA0WOO0diPNzzEuUGQXKQDUEsRiwgLi1wr/1K0Moq0648JziOeLLOT
bmchi47w5UQBKHSlV3vM3soI2xA8ObPShQJBAM5UzojuYI6Rq1mi4g3o6EYtqvCZ
CMgMWIuOM8LGp1HY8TUvp92GDs+qnGBtDnx8QDaqY4H1ox6D3sgXlEbi5mECQFgI
xalQpZYRxJwnBq0MgCAoD64mqcPj8tOcUArX6o0HTJYQv5YHwjquvZnRdVLPLrV1
pXaMpGwfAW4o+0k/Y4kCQCowZC0F+bA4YeU5fG7MTTD8s+sCcFZb2m2tFZNJy3Fq
jmJrAKhFBMVG06Y4y0HJ/Kp7VcOugsJnERdj1kyAwIo=
-----END RSA PRIVATE KEY-----
";

#[test]
fn an_rsa_key_that_is_too_short_is_named_as_such() {
    let (chain, _) = made(&["a.example"]);
    for key in [RSA_1024, RSA_1024_PKCS1] {
        let error = read(&chain, key).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the RSA key has 1024 bits: it must have between 2048 and 8192"
        );
        assert!(error.is_of_key());
    }
}

#[test]
fn an_encrypted_key_is_named_as_such() {
    let (chain, _) = made(&["a.example"]);
    for key in [
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
        "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,0\n\n\
         AAAA\n-----END RSA PRIVATE KEY-----\n",
    ] {
        assert!(
            matches!(read(&chain, key), Err(CertError::Encrypted)),
            "{key}"
        );
    }
}

/// A key from an environment variable often comes in one line; the PEM library's own message
/// repeats that line.
#[test]
fn no_message_repeats_a_key() {
    let (chain, key) = made(&["a.example"]);
    let secret = key.lines().nth(1).unwrap();
    let mut spoilt = vec![
        key.replace('\n', "\\n"),
        key.replace('\n', " "),
        key.replace('\n', ""),
        key.replacen("KEY-----\n", "KEY----", 1),
        key.replace("-----END", "-----BEGIN"),
    ];
    spoilt.extend((0..key.len()).step_by(7).map(|at| key[..at].to_owned()));
    spoilt.extend(
        (0..key.len())
            .step_by(7)
            .map(|at| format!("{}#{}", &key[..at], &key[at..])),
    );
    for key in spoilt {
        let Err(error) = read(&chain, &key) else {
            continue;
        };
        for words in [error.to_string(), format!("{error:?}")] {
            // As text and as numbers.
            let numbers = format!("{:?}", &secret.as_bytes()[..8]);
            let numbers = numbers.trim_matches(['[', ']']);
            assert!(
                !words.contains(&secret[..8]) && !words.contains(numbers),
                "{words}"
            );
        }
    }
}

#[test]
fn what_is_shown_is_public() {
    let (chain, key) = made(&["a.example"]);
    let shown = format!("{:?}", read(&chain, &key).unwrap());
    assert!(
        shown.contains("a.example") && !shown.contains("key"),
        "{shown}"
    );
}

#[test]
fn warns_of_dates() {
    let (chain, key) = made(&["a.example"]);
    let certificate = read(&chain, &key).unwrap();
    assert_eq!(certificate.warnings(at(2026)), [""; 0]);
    assert_eq!(
        certificate.warnings(at(1971)),
        ["the certificate of a.example is not valid yet"]
    );
    // A certificate is valid until its last second, that included (RFC 5280 section 4.1.2.5).
    let last = UNIX_EPOCH + Duration::from_secs(certificate.not_after.try_into().unwrap());
    assert_eq!(
        certificate.warnings(last),
        ["the certificate of a.example expires in 0 days"]
    );
    let days = |days: u64| Duration::from_secs(days * 86_400);
    assert_eq!(certificate.warnings(last - days(14)), [""; 0]);
    assert_eq!(
        certificate.warnings(last - days(13)),
        ["the certificate of a.example expires in 13 days"]
    );
    assert_eq!(
        certificate.warnings(last + Duration::from_secs(1)),
        ["the certificate of a.example has expired"]
    );
}

#[test]
fn warns_of_the_chain() {
    let (leaf, key, authority) = issued(2025);
    let (_, _, stranger) = issued(4000);
    let certificate = read(&format!("{leaf}{authority}"), &key).unwrap();
    assert_eq!(
        certificate.warnings(at(2026)),
        ["certificate 2 in the chain of a.example has expired"]
    );
    let (unrelated, _) = made(&["unrelated.example"]);
    let certificate = read(&format!("{leaf}{unrelated}{stranger}"), &key).unwrap();
    assert_eq!(
        certificate.warnings(at(2026)),
        [
            "certificate 2 in the chain of a.example is not the issuer of the one before",
            "certificate 3 in the chain of a.example is not the issuer of the one before",
        ]
    );
}
