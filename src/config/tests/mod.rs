//! The configuration as a whole: the file in `config/`, the bad ones beside it, and properties.

use super::*;

mod bad;
mod documented;
mod properties;
mod said;
mod slips;

/// The least that a configuration needs, in pieces that tests can exchange.
const LEAST: &str = r#"
[tls]
certificates = [{ chain = "a.pem", key = "a.key" }]

[hosts]
"example.com" = "auto"
"eu.example.com" = "eu"

[regions.eu]
host = "eu.example.com"
endpoints = ["https://10.1.0.1:8443"]

[geo]
no_country = "eu"
default = "eu"
"#;

fn parse(text: &str) -> Result<(Config, Vec<Warning>), Problems> {
    Config::parse("test.toml", text)
}

/// The configuration that a text is, which must be good and unsuspicious.
fn good(text: &str) -> Config {
    match parse(text) {
        Ok((config, warnings)) => {
            let warnings: Vec<_> = warnings.iter().map(ToString::to_string).collect();
            assert_eq!(warnings, Vec::<String>::new(), "{text}");
            config
        }
        Err(problems) => panic!("{problems}"),
    }
}

/// The summaries of the problems of a text, which must have some.
fn summaries(text: &str) -> Vec<String> {
    let problems = parse(text).expect_err(text);
    problems.iter().map(problem::Problem::summary).collect()
}
