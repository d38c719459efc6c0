//! The configuration: one TOML file becomes one plain tree of meaningful types, or a list of all that is wrong with it.
//!
//! Thinking only: files that the text names are paths here; whoever loads them reports what is wrong with
//! them at the [`place::Place`] of the key that named them. The file's format is known to this room alone.

use std::collections::BTreeMap;

pub mod decision;
pub mod geo;
pub mod host;
pub mod limits;
pub mod log;
pub mod name;
pub mod place;
pub mod region;
pub mod route;
pub mod server;
pub mod timeouts;
pub mod tls;

use crate::config::decision::Decision;
use crate::config::geo::Geo;
use crate::config::host::Host;
use crate::config::limits::Limits;
use crate::config::log::Log;
use crate::config::name::RegionName;
use crate::config::region::Region;
use crate::config::route::Route;
use crate::config::server::Server;
use crate::config::timeouts::Timeouts;
use crate::config::tls::Tls;

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
    /// What is written, and how.
    pub log: Log,
}
