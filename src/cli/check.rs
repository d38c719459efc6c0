//! `check`: the same reading and building as a reload, without anything taking effect.

use std::path::PathBuf;
use std::time::SystemTime;

use clap::Args;

use crate::config::Config;
use crate::config::region::SecretSource;
use crate::region::key::TAGGED;
use crate::reload::{Source, load};
use crate::sovereignty::proof::Proof;

#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// The configuration file
    #[arg(
        long,
        short,
        value_name = "FILE",
        default_value = "/etc/onetime-gateway/gateway.toml"
    )]
    config: PathBuf,
    /// Say which region's identifier secret verifies this key. A key on a command line can be seen
    /// by others on the machine: use one that was revealed or burned.
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// Exit with 1 if there are warnings
    #[arg(long)]
    strict: bool,
}

/// What was proved, and what the operator gave up in writing.
fn proved(proof: &Proof) -> String {
    let mut words = format!(
        "proved: {} classes of requests; none that is bound can leave its region, and none its jurisdiction",
        proof.classes
    );
    if !proof.crossings.is_empty() {
        let crossings: Vec<String> = proof
            .crossings
            .iter()
            .map(|(home, other)| format!("{home} -> {other}"))
            .collect();
        words.push_str(&format!(
            ", but where `allow_crossing` says so: {}",
            crossings.join(", ")
        ));
    }
    words
}

/// Which secrets a reload cannot change, and that what was checked is this process's own environment.
fn environment(config: &Config) -> Option<String> {
    let regions = config.regions.values();
    let secrets = regions.flat_map(|region| &region.identifier_secrets);
    let names: Vec<&str> = secrets
        .filter_map(|secret| match secret {
            SecretSource::Env { name, .. } => Some(name.as_str()),
            SecretSource::File(_) => None,
        })
        .collect();
    (!names.is_empty()).then(|| {
        format!(
            "environment: {} as set here; a running gateway takes up another value only with a restart",
            names.join(", ")
        )
    })
}

/// Why no region is known by a key.
fn unknown(key: &str, config: &Config) -> &'static str {
    let is_key = key
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase());
    let secrets = config
        .regions
        .values()
        .flat_map(|one| &one.identifier_secrets);
    match key.len() {
        TAGGED if is_key && secrets.count() == 0 => {
            "it has the form of one with a tag, but no region has `identifier_secrets`"
        }
        TAGGED if is_key => {
            "no region's identifier secret verifies its tag: it is of another secret, or mistyped"
        }
        UNTAGGED if is_key => "it has no tag that names a region: the old form, of 31 characters",
        _ => {
            "this has not the form of a key: 62 digits and lower-case letters, or 31 without a tag"
        }
    }
}

/// The length of keys from before there were tags.
const UNTAGGED: usize = 31;

pub(super) fn check(arguments: &Arguments) -> u8 {
    let source = Source::File(arguments.config.clone());
    let built = match load(&source, None, SystemTime::now(), &|_| 0) {
        Ok(built) => built,
        Err(problems) => {
            super::complain(&problems);
            return super::BAD;
        }
    };
    for warning in &built.warnings {
        super::complain(format_args!("warning: {warning}"));
    }
    let snapshot = &built.snapshot;
    let endpoints: usize = snapshot
        .config
        .regions
        .values()
        .map(|region| region.endpoints.len())
        .sum();
    super::say(format_args!(
        "{}: fine ({} hosts, {} regions, {endpoints} endpoints, hash {:012x})",
        arguments.config.display(),
        snapshot.config.hosts.len(),
        snapshot.config.regions.len(),
        snapshot.hash,
    ));
    super::say(proved(&built.proof));
    if let Some(words) = environment(&snapshot.config) {
        super::say(words);
    }
    if let Some(key) = &arguments.key {
        match snapshot.rules().key_region(key) {
            Some(region) => super::say(format_args!("key: {}", snapshot.region_name(region))),
            None => {
                super::say(format_args!("key: {}", unknown(key, &snapshot.config)));
                return super::FAILED;
            }
        }
    }
    if arguments.strict && !built.warnings.is_empty() {
        super::FAILED
    } else {
        super::FINE
    }
}
