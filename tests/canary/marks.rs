//! Texts that must not be written, and every form in which they might be.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

/// One text.
pub(crate) struct Mark {
    pub(crate) name: &'static str,
    pub(crate) text: String,
    forms: Vec<String>,
}

impl Mark {
    pub(crate) fn new(name: &'static str, text: &str) -> Self {
        let percent: String = text.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
        let mut forms = vec![text.to_lowercase(), percent, hex];
        // As HTML, as a Debug of bytes, and with only what is special in it percent-encoded.
        forms.push(
            format!("{:?}", text.as_bytes())
                .trim_matches(['[', ']'])
                .to_owned(),
        );
        forms.push(text.to_lowercase().replace('-', "%2d"));
        // A text in the middle of another begins at any of three places of base64's groups; what
        // its neighbours have a share in is left out.
        for before in 0..3 {
            let padded = [&vec![0; before], text.as_bytes()].concat();
            let encoded = STANDARD_NO_PAD.encode(&padded);
            let first = (before * 8).div_ceil(6);
            let last = padded.len() * 8 / 6;
            forms.push(encoded[first..last].to_lowercase());
            forms.push(forms[forms.len() - 1].replace('+', "-").replace('/', "_"));
        }
        Self {
            name,
            text: text.to_owned(),
            forms,
        }
    }

    /// The line that holds it in some form; letters are compared without regard to case.
    pub(crate) fn found_in<'t>(&self, words: &'t str) -> Option<&'t str> {
        words.lines().find(|line| {
            let line = line.to_lowercase();
            self.forms.iter().any(|form| line.contains(form))
        })
    }
}

/// The marks that requests and files are given.
pub(crate) fn all() -> Vec<Mark> {
    [
        ("a path", "mark-path-7Q"),
        ("a query", "mark-query-7Q"),
        ("a body", "mark-body-7Q"),
        ("a passphrase", "mark-passphrase-7Q"),
        ("a cookie", "mark-cookie-7Q"),
        ("a token", "mark-token-7Q"),
        ("a pin", "mark-pin-7Q"),
        ("a referer", "mark-referer-7Q"),
        ("a field's value", "mark-field-7Q"),
        ("a field's name", "mark-name-7Q"),
        ("a host", "mark-host-7Q"),
        ("a method", "mark-method-7Q"),
        ("an identifier secret", "mark-secret-7Q"),
    ]
    .map(|(name, text)| Mark::new(name, text))
    .into()
}

#[test]
fn every_form_is_found() {
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};
    let mark = Mark::new("a test", "mark-~~~???-7Q");
    for words in [
        "mark-~~~???-7Q".to_owned(),
        "a MARK-~~~???-7q b".to_owned(),
        "%6D%61%72%6B%2D%7E%7e%7E%3f%3F%3F%2D%37%51".to_owned(),
        STANDARD.encode("mark-~~~???-7Q"),
        STANDARD.encode("u:mark-~~~???-7Q and more"),
        URL_SAFE.encode("user:mark-~~~???-7Q"),
        STANDARD.encode("1:mark-~~~???-7Q."),
        format!("{:?}", b"xmark-~~~???-7Qx"),
        "mark%2D~~~???%2d7Q".to_owned(),
    ] {
        assert!(mark.found_in(&words).is_some(), "{words}");
    }
    assert!(mark.found_in("mark-7Q %6d%61 bWFyay1").is_none());
}
