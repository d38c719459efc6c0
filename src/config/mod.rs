//! The configuration: one TOML file becomes one plain tree of meaningful types, or a list of all that is wrong
//! with it.
//!
//! Thinking only: files that the text names are paths here; whoever loads them reports what is wrong with
//! them at the [`place::Place`] of the key that named them. The file's format is known to this room alone.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};
use toml::de::DeTable;

mod check;
pub mod decision;
pub mod dns;
pub mod ejection;
pub mod endpoint;
pub mod geo;
pub mod health;
mod hide;
pub mod host;
pub mod limits;
mod lines;
pub mod log;
pub mod mapping;
pub mod name;
pub mod place;
pub mod problem;
pub mod rate_limits;
mod read;
pub mod region;
pub mod retries;
pub mod route;
pub mod server;
mod text;
pub mod timeouts;
pub mod tls;
pub mod tracing;
pub mod view;

use crate::config::decision::Decision;
use crate::config::dns::Dns;
use crate::config::geo::Geo;
use crate::config::host::Host;
use crate::config::limits::Limits;
use crate::config::lines::Lines;
use crate::config::log::Log;
use crate::config::name::RegionName;
use crate::config::place::FilePath;
use crate::config::problem::{Problems, Warning};
use crate::config::rate_limits::RateLimits;
use crate::config::read::Reading;
use crate::config::read::section::Section;
use crate::config::read::syntax::Syntax;
use crate::config::region::{Region, SecretSource};
use crate::config::retries::Retries;
use crate::config::route::Route;
use crate::config::server::Server;
use crate::config::timeouts::Timeouts;
use crate::config::tls::Tls;
use crate::config::tracing::Tracing;

/// All that one configuration file says, defaults filled in, every name checked against the others.
///
/// Two configurations are equal when they mean the same: neither the order of tables and keys nor the
/// places of values take part in the comparison.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Addresses, threads, trust in proxies, and the gateway's own words in headers.
    pub server: Server,
    /// The oldest protocol and the certificates.
    pub tls: Tls,
    /// The names the gateway answers for, sorted by pattern; each pattern occurs once.
    pub hosts: Vec<Host>,
    /// The regions by name, at least one, each with at least one endpoint.
    pub regions: BTreeMap<RegionName, Region>,
    /// From a client's address to a region.
    pub geo: Geo,
    /// The rules of the decision that are neither hosts nor geography.
    pub decision: Decision,
    /// What the operator adds to, or puts before, the built-in routes, in the order of the file.
    pub routes: Vec<Route>,
    /// How long each step may take.
    pub timeouts: Timeouts,
    /// How much of everything is taken.
    pub limits: Limits,
    /// How many requests one client may send.
    pub rate_limits: RateLimits,
    /// How many requests may be sent again.
    pub retries: Retries,
    /// Who is asked for the addresses of endpoints that have a name.
    pub dns: Dns,
    /// What is written, and how.
    pub log: Log,
    /// What is told of requests to a collector of traces.
    pub tracing: Tracing,
}

impl Config {
    /// What a file says, and what is suspicious about it. `file` is how the file is called in problems.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the text, at once. Files that it names are not looked at.
    pub fn parse(file: &str, text: &str) -> Result<(Self, Vec<Warning>), Problems> {
        let lines = Lines::new(text);
        let (mut table, errors) = DeTable::parse_recoverable(text);
        let (syntax, rest) = Syntax::new(&lines, errors);
        if let Some(rest) = &rest {
            (table, _) = DeTable::parse_recoverable(rest);
        }
        let reading = Reading::new(file, lines, table.get_ref(), syntax);
        let config = Self::read(Section::root(&reading, table.get_ref()));
        reading.finish(config)
    }

    fn read(mut root: Section<'_>) -> Option<Self> {
        let reading = root.reading;
        let server = root.section("server").map(Server::read);
        let tls = root.require_section("tls").map(Tls::read);
        let regions = root.require_section("regions").map(region::read);
        let own = regions.as_deref().map(check::own_hosts).unwrap_or_default();
        let hosts = root
            .require_section("hosts")
            .map(|section| host::read(section, &own));
        let geo = root.require_section("geo").and_then(Geo::read);
        let default = geo.as_ref().map(|geo| &geo.default);
        let decision = root
            .section("decision")
            .and_then(|section| Decision::read(section, default, regions.as_deref()));
        let routes = root.read("routes", route::read).unwrap_or_default();
        let timeouts = root.section("timeouts").map(Timeouts::read);
        let limits = root.section("limits").map(Limits::read);
        let rate_limits = root.section("rate_limits").map(RateLimits::read);
        let retries = root.section("retries").map(Retries::read);
        let dns = root.section("dns").map(Dns::read);
        let log = root.section("log").map(Log::read);
        let tracing = root.section("tracing").map(Tracing::read);
        if let Some(regions) = &regions {
            check::regions(reading, regions);
            if let Some(hosts) = &hosts {
                check::redirects(reading, regions, hosts);
            }
        }
        root.finish();
        let built = regions?
            .into_iter()
            .map(|draft| Some((draft.name.clone(), draft.build()?)));
        Some(Self {
            server: server?,
            tls: tls?,
            hosts: hosts?
                .into_iter()
                .map(host::Draft::host)
                .collect::<Option<_>>()?,
            regions: built.collect::<Option<_>>()?,
            geo: geo?,
            decision: decision?,
            routes,
            timeouts: timeouts?,
            limits: limits?,
            rate_limits: rate_limits?,
            retries: retries?,
            dns: dns?,
            log: log?,
            tracing: tracing?,
        })
    }

    /// Every file whose content makes part of this configuration: certificates, keys, bundles of authorities,
    /// identifier secrets, the country database. A change of any of them is a change of the configuration.
    pub fn files(&self) -> Vec<&FilePath> {
        let certificates = self
            .tls
            .certificates
            .iter()
            .flat_map(|one| [&one.chain, &one.key]);
        let regions = self.regions.values();
        let authorities = regions
            .clone()
            .flat_map(|region| &region.endpoints)
            .filter_map(|one| one.ca.as_ref());
        let secrets = regions.flat_map(|region| &region.identifier_secrets);
        let secrets = secrets.filter_map(|secret| match secret {
            SecretSource::Env { .. } => None,
            SecretSource::File(file) => Some(file),
        });
        let database = self.geo.database.iter();
        let mut files: Vec<_> = certificates
            .chain(authorities)
            .chain(secrets)
            .chain(database)
            .collect();
        files.sort_by(|a, b| a.written.cmp(&b.written));
        files.dedup_by(|a, b| a.written == b.written);
        files
    }
}

/// A number for the content of a file: the first 48 bits of its SHA-256, which a metric's value (an IEEE 754
/// double) holds exactly. The same text has the same number everywhere and always.
pub fn hash(text: &str) -> u64 {
    let digest = Sha256::digest(text.as_bytes());
    digest
        .iter()
        .take(6)
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// The keys that differ and take effect only with a restart, in the order of the file.
pub fn restart_needed(old: &Server, new: &Server) -> Vec<&'static str> {
    let keys = [
        ("server.https", old.https != new.https),
        ("server.http", old.http != new.http),
        ("server.admin", old.admin != new.admin),
        ("server.metrics", old.metrics != new.metrics),
        ("server.handover", old.handover != new.handover),
        ("server.threads", old.threads != new.threads),
    ];
    keys.into_iter()
        .filter(|(_, differs)| *differs)
        .map(|(key, _)| key)
        .collect()
}

#[cfg(test)]
mod tests;
