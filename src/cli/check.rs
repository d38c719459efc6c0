//! `check`: the same reading and building as a reload, without anything taking effect.

use std::path::PathBuf;
use std::time::SystemTime;

use clap::Args;

use crate::config::Config;
use crate::config::region::SecretSource;
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
                super::say("key: no region's identifier secret verifies it");
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
