//! `config/gateway.toml` says what holds: every key, every default, the mapping of countries.

use super::*;
use crate::config::mapping;
use crate::config::view::view;

const FILE: &str = include_str!("../../../config/gateway.toml");

/// The mark of a line that says a default.
const MARK: &str = "# default";

#[test]
fn the_documented_file_is_good() {
    let config = good(FILE);
    assert_eq!(config.regions.len(), 5);
    assert_eq!(config.hosts.len(), 7);
}

#[test]
fn every_line_marked_as_default_can_be_left_out() {
    let config = good(FILE);
    let marked: Vec<_> = FILE.lines().filter(|line| line.ends_with(MARK)).collect();
    assert!(marked.len() > 40, "{}", marked.len());
    for line in &marked {
        let without = FILE.replacen(line, "", 1);
        assert_ne!(without, FILE);
        assert_eq!(good(&without), config, "{line}");
    }
    let without: Vec<_> = FILE.lines().filter(|line| !line.ends_with(MARK)).collect();
    assert_eq!(good(&without.join("\n")), config);
}

/// The keys that a section allows, as the complaint about an unknown one lists them.
fn allowed(text: &str) -> Vec<String> {
    let problems = parse(text).expect_err(text);
    let problem = problems
        .iter()
        .find(|problem| problem.message.contains("zzz"))
        .unwrap();
    problem
        .allowed
        .clone()
        .unwrap()
        .split(", ")
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_key_that_is_allowed_is_in_the_file() {
    let sections = [
        "[server]\nzzz = 1",
        "[tls]\nzzz = 1",
        "[[tls.certificates]]\nzzz = 1",
        "[hosts]\n\"a.example.com\" = { zzz = 1 }",
        "[hosts]\n\"a.example.com\" = { notice = { zzz = 1 } }",
        "[regions.eu]\nzzz = 1",
        "[regions.eu]\nendpoints = [{ zzz = 1 }]",
        "[regions.eu]\nidentifier_secrets = [{ zzz = 1 }]",
        "[regions.eu.health]\nzzz = 1",
        "[regions.eu.ejection]\nzzz = 1",
        "[geo]\nzzz = 1",
        "[decision]\nzzz = 1",
        "[[routes]]\nzzz = 1",
        "[timeouts]\nzzz = 1",
        "[limits]\nzzz = 1",
        "[rate_limits]\nzzz = 1",
        "[rate_limits]\ncreate = { zzz = 1 }",
        "[retries]\nzzz = 1",
        "[dns]\nzzz = 1",
        "[log]\nzzz = 1",
        "[tracing]\nzzz = 1",
        "zzz = 1",
    ];
    for section in sections {
        let keys = allowed(section);
        assert!(keys.len() > 1, "{section}");
        for key in keys {
            let written = [format!("{key} = "), format!("{key}]"), format!("{key}.")];
            assert!(
                written.iter().any(|form| FILE.contains(form)),
                "{section}: {key}"
            );
        }
    }
}

#[test]
fn examples_behind_a_hash_are_good_too() {
    let mut text = String::new();
    for line in FILE.lines() {
        let bare = line.strip_prefix("# ").unwrap_or(line);
        let key = bare.split(" = ").next().unwrap_or_default();
        let known = [
            "metrics",
            "acme_webroot",
            "country_header",
            "ca",
            "identifier_secrets",
        ];
        let host = bare.starts_with("\"*.secrets") || bare.starts_with("\"203.0.113");
        let route = [
            "[[routes]]",
            "prefix",
            "hosts",
            "action",
            "status",
            "body",
            "content_type",
        ];
        let route = route.contains(&key) || ["max_body", "class"].contains(&key);
        let example = line.starts_with('#') && (known.contains(&key) || host || route);
        text.push_str(if example { bare } else { line });
        text.push('\n');
    }
    let config = good(&text);
    assert_eq!(config.routes.len(), 2);
    assert_eq!(config.hosts.len(), 8);
    assert_eq!(config.geo.networks.len(), 1);
    assert!(config.server.metrics.is_some() && config.server.country_header.is_some());
    assert_eq!(config.regions["eu"].identifier_secrets.len(), 1);
}

#[test]
fn the_mapping_of_the_file_is_the_mapping_of_the_demo() {
    let start = LEAST.find("[geo]").unwrap();
    let mut text = LEAST[..start].to_owned();
    for region in ["ca", "nz", "uk", "us"] {
        text.push_str(&format!(
            "[regions.{region}]\nhost = \"{region}.example.com\"\nendpoints = [\"https://{region}\"]\n"
        ));
    }
    let (no_country, default) = (mapping::NO_COUNTRY, mapping::DEFAULT);
    text.push_str(&format!(
        "[geo]\nno_country = \"{no_country}\"\ndefault = \"{default}\"\n"
    ));
    text.push_str(&mapping::toml());
    let (built, _) = parse(&text).unwrap();
    let file = good(FILE);
    assert_eq!(built.geo.countries, file.geo.countries);
    assert_eq!(built.geo.continents, file.geo.continents);
    assert_eq!(built.geo.no_country, file.geo.no_country);
    assert_eq!(built.geo.default, file.geo.default);
}

#[test]
fn the_view_of_the_file_is_a_file_that_means_the_same() {
    let config = good(FILE);
    let text = toml::to_string(&view(&config)).unwrap();
    assert_eq!(good(&text), config, "{text}");
}
