//! No way of writing a secret shows it; what holds none is shown.

use proptest::prelude::*;

use super::*;

fn shown(text: &str) -> String {
    let lines: Vec<_> = text
        .lines()
        .zip(lines(text))
        .map(|(l, s)| s.apply(l).0)
        .collect();
    lines.join("\n")
}

#[test]
fn no_way_of_writing_a_secret_inline_shows_it() {
    let ways = [
        r#"identifier_secrets = ["S3CRET"]"#,
        r#"identifier_secrets = "S3CRET""#,
        "identifier_secrets = S3CRET",
        "identifier_secrets = S3\nCRET S3CRET",
        r#"identifier_secrets = ["S3CRET"#,
        "identifier_secrets = [\n  \"S3CRET\",\n]",
        "identifier_secrets = [\n  # old\n  'S3CRET'\n]",
        "identifier_secrets = \"\"\"\nS3CRET\n\"\"\"",
        "identifier_secrets = '''\nS3CRET\n'''",
        r#"identifier_secrets = [{ value = "S3CRET" }]"#,
        r#"identifier_secrets = [{ env = "s3cret S3CRET" }]"#,
        r#"identifier_secrets = [{ env = "A" }, "S3CRET"]"#,
        r#"identifier_secrets = [{ env = "A" }] # S3CRET"#,
        "identifier_secrets = [{\n value = \"S3CRET\"\n}]",
        r#"# identifier_secrets = ["S3CRET"]"#,
        r#"x = 1 # identifier_secrets = ["S3CRET"]"#,
        r#"identifer_secret = ["S3CRET"]"#,
        r#"identifiersecrets = ["S3CRET"]"#,
        r#""identifier_secrets" = ["S3CRET"]"#,
        "identifier_secrets\t=\t[\"S3CRET\"]",
        r#"regions.eu.identifier_secrets = ["S3CRET"]"#,
        r#"regions.eu = { host = "a", identifier_secrets = ["S3CRET"] }"#,
        "[regions.eu.identifier_secrets]\nvalue = \"S3CRET\"",
        "[[regions.eu.identifier_secrets]]\nenv = \"s3cret S3CRET\"",
        "x = \"\"\"\nidentifier_secrets = [\"S3CRET\"]",
        "x = 1 # \"\"\"\nidentifier_secrets = [\"S3CRET\"]",
        r#"password = "S3CRET""#,
        r#"endpoints = ["https://me:S3CRET@eu.example.com"]"#,
        r#"key = "-----BEGIN PRIVATE KEY-----\nS3CRET""#,
        "key = \"\"\"-----BEGIN PRIVATE KEY-----\nS3CRET\n-----END PRIVATE KEY-----\"\"\"",
        r#"default = "S3CRETS3CRETS3CRETS3CRETS3CRETS3CRET""#,
    ];
    for way in ways {
        assert!(!shown(way).contains("S3CRET"), "{way}\n{}", shown(way));
    }
}

#[test]
fn what_holds_no_secret_is_shown_as_it_is() {
    let text = r#"[hosts]
"onetimesecret.com" = "auto"
[regions.eu]
host = "eu.onetimesecret.com" # where it's served
identifier_secrets = [{ env = "EU_IDENTIFIER_SECRET" }, { file = "/run/secrets/eu" }]
endpoints = ["https://10.1.0.10:8443"]
[[regions.us.identifier_secrets]]
env = "US_SECRET"
[tls]
min_version = "1.2""#;
    assert_eq!(shown(text), text);
}

#[test]
fn nothing_of_the_documented_file_is_hidden() {
    let text = include_str!("../../../config/gateway.toml");
    assert_eq!(shown(text), text.trim_end());
}

#[test]
fn the_next_key_ends_a_hidden_value() {
    let text = "identifier_secrets = [\"a\"]\nhost = \"eu.example.com\"";
    assert!(shown(text).ends_with("\nhost = \"eu.example.com\""));
    let text = "a = {\n identifier_secrets = [\n\"a\"\n],\n host = \"eu.example.com\"\n}";
    assert!(
        shown(text).contains("\n host = \"eu.example.com\"\n"),
        "{}",
        shown(text)
    );
}

#[test]
fn messages_repeat_values_short_and_clean() {
    assert_eq!(echo("eu\u{1b}[0m\n"), "eu\u{fffd}[0m\u{fffd}");
    assert_eq!(echo(&"a-".repeat(50)), format!("{}…", "a-".repeat(30)));
    assert_eq!(echo(&"a".repeat(32)), "*".repeat(32));
    assert_eq!(echo("https://a:b@c/d@e"), "https://*******@e");
}

proptest! {
    #[test]
    fn every_line_gets_a_verdict_that_can_be_applied(text in "(?s)[a-z=\"'\\[\\]{}#,. \n\t\réя-]{0,200}") {
        let verdicts = lines(&text);
        prop_assert_eq!(verdicts.len(), text.split('\n').count());
        for (line, verdict) in text.split('\n').zip(verdicts) {
            verdict.apply(line);
        }
    }

    /// Whatever stands around it, a line that gives a secret inline never shows it.
    #[test]
    fn text_around_cannot_bring_a_secret_to_light(before in "[a-z=\"'\\[\\]{}#,. \n]{0,60}", after in "[a-z=\"'\\[\\]{}#,. \n]{0,60}") {
        let text = format!("{before}\nidentifier_secrets = [\"S3CRET\"]\n{after}");
        prop_assert!(!shown(&text).contains("S3CRET"), "{}", shown(&text));
    }
}
