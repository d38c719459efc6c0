//! The lock, proven: every class of requests is put through the very functions that a request's road
//! uses, and what comes out is compared with the promise (`super::promise`).
//!
//! Classes, not values. What is a table is compared entry by entry (hosts, networks, countries, keys'
//! tags, paths, servers), and of entries that come to the same one is kept. Over those, each way in
//! which a request can name regions is decided (`questions`). Over all decisions, each thing that a
//! request can carry and each number of absent regions is walked to the end of the fallback
//! (`standing_in`). The two need not be multiplied: a fallback is given the decision and nothing else
//! that the decision was made from but what is enumerated there again.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::config::Config;
use crate::region::authority::Authority;
use crate::region::hosts::HostKind;
use crate::region::place::Geo;
use crate::region::question::{Outcome, Question, Rejection};
use crate::region::{Decision, RegionId, Regions};
use crate::route::classify::RouteMatch;
use crate::route::table::{Action, HostClass};
use crate::sovereignty::fallback::{Carried, Fallback};

mod questions;
mod standing_in;
mod tables;

/// What one snapshot does with requests, by the functions that the road calls.
pub trait Road {
    /// What an authority is.
    fn host(&self, authority: &Authority<'_>) -> Option<HostKind>;

    /// Which region, and why.
    ///
    /// # Errors
    /// Why none.
    fn decide(&self, question: &Question<'_>, geo: &dyn Geo) -> Result<Outcome, Rejection>;

    /// The region of a key, where its page is asked for on another region's own host.
    fn page_elsewhere(&self, host: HostKind, key: Option<&str>) -> Option<RegionId>;

    /// What is done with a path.
    fn action(&self, host: HostClass, route: &RouteMatch<'_>, elsewhere: bool) -> Action<'_>;

    /// Who may answer instead.
    fn fallback(&self, decision: Decision, carried: &Carried<'_, '_>) -> Fallback;

    /// What is reached under a region's id.
    fn servers(&self, region: RegionId) -> Servers<'_>;

    /// Keys, and the region that tagged each.
    fn tagged(&self) -> Vec<(RegionId, zeroize::Zeroizing<String>)>;
}

/// What is reached under a region's id.
pub struct Servers<'a> {
    /// The region whose servers they are.
    pub region: &'a str,
    /// Where its pages are redirected to.
    pub origin: &'a str,
    /// Each endpoint's region and URL.
    pub endpoints: Vec<(&'a str, &'a str)>,
}

/// What was proved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proof {
    /// Classes that were looked at.
    pub classes: u64,
    /// Regions of other jurisdictions that may answer, because the operator wrote so: whose requests,
    /// and who.
    pub crossings: Vec<(String, String)>,
}

/// A request that would go where it must not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CounterExample {
    /// The region whose section of the file it is about, if it is about one.
    pub region: Option<String>,
    /// What would happen, for people.
    pub words: String,
}

/// Counter-examples that are told: where one is, there are thousands.
const MOST: usize = 3;

/// Proves that nothing bound can leave its region, and that nothing at all can leave a jurisdiction
/// unless the operator wrote so.
///
/// # Errors
/// A few counter-examples, of the first kind that was found.
pub fn prove(
    config: &Config,
    regions: &Regions,
    road: &dyn Road,
) -> Result<Proof, Vec<CounterExample>> {
    let mut prover = Prover {
        config,
        regions,
        road,
        classes: 0,
        found: Vec::new(),
    };
    prover.servers();
    let hosts = prover.hosts();
    let places = prover.places();
    let paths = tables::paths();
    let routes = prover.routes(&paths);
    if prover.found.is_empty() {
        let keys = road.tagged();
        prover.questions(&hosts, &keys, &places);
    }
    if prover.found.is_empty() {
        prover.standing_in(&routes);
    }
    if prover.found.is_empty() {
        Ok(Proof {
            classes: prover.classes,
            crossings: crossings(config),
        })
    } else {
        Err(prover.found)
    }
}

fn crossings(config: &Config) -> Vec<(String, String)> {
    let mut crossings = BTreeSet::new();
    for region in config.regions.values() {
        for name in &region.failover {
            let other = config.regions.get(name);
            if other.is_some_and(|other| other.jurisdiction != region.jurisdiction) {
                crossings.insert((region.name.to_string(), name.to_string()));
            }
        }
    }
    crossings.into_iter().collect()
}

struct Prover<'a> {
    config: &'a Config,
    regions: &'a Regions,
    road: &'a dyn Road,
    classes: u64,
    found: Vec<CounterExample>,
}

/// A kind of host, and one of the hosts that are of it.
struct HostSample<'a> {
    kind: HostKind,
    region: Option<&'a str>,
    pattern: String,
}

/// Whereabouts, the region that they are mapped to, and how they are called.
struct PlaceSample<'a> {
    kind: &'static str,
    address: IpAddr,
    location: Option<crate::region::place::Location>,
    region: &'a str,
}

impl<'a> Prover<'a> {
    fn name(&self, region: RegionId) -> &'a str {
        self.regions.get(region).name().as_str()
    }

    fn found(&mut self, region: Option<&str>, words: String) {
        let region = region.map(str::to_owned);
        let found = CounterExample { region, words };
        if self.found.len() < MOST && !self.found.contains(&found) {
            self.found.push(found);
        }
    }
}
