//! A snapshot as the proof of sovereignty sees it: by the functions that a request's road calls.

use zeroize::Zeroizing;

use super::Snapshot;
use crate::config::problem::Problems;
use crate::region::authority::Authority;
use crate::region::hosts::HostKind;
use crate::region::place::Geo;
use crate::region::question::{Outcome, Question, Rejection};
use crate::region::trace::Silent;
use crate::region::{Decision, RegionId};
use crate::route::classify::RouteMatch;
use crate::route::table::{Action, HostClass};
use crate::sovereignty::fallback::{Carried, Fallback};
use crate::sovereignty::proof::{Proof, Road, Servers, prove};

impl Road for Snapshot {
    fn host(&self, authority: &Authority<'_>) -> Option<HostKind> {
        self.hosts().find(authority).map(|entry| entry.kind)
    }

    fn decide(&self, question: &Question<'_>, geo: &dyn Geo) -> Result<Outcome, Rejection> {
        self.rules().decide(question, geo, &mut Silent)
    }

    fn page_elsewhere(&self, host: HostKind, key: Option<&str>) -> Option<RegionId> {
        self.rules().page_elsewhere(host, key)
    }

    fn action(&self, host: HostClass, route: &RouteMatch<'_>, elsewhere: bool) -> Action<'_> {
        self.routes().action(host, route, elsewhere)
    }

    fn fallback(&self, decision: Decision, carried: &Carried<'_, '_>) -> Fallback {
        Fallback::of(self.failovers(), decision, carried)
    }

    fn servers(&self, region: RegionId) -> Servers<'_> {
        let part = self.part(region);
        let endpoints = part.cluster.endpoints.iter();
        Servers {
            region: &part.cluster.region,
            origin: &part.origin,
            endpoints: endpoints.map(|one| (&*one.region, &*one.url)).collect(),
        }
    }

    fn tagged(&self) -> Vec<(RegionId, Zeroizing<String>)> {
        self.rules().secrets.samples().collect()
    }
}

/// Proves a snapshot, or notes at the region concerned what would go wrong.
pub(super) fn proved(snapshot: &Snapshot, problems: &mut Problems) -> Option<Proof> {
    match prove(&snapshot.config, snapshot.regions(), snapshot) {
        Ok(proof) => Some(proof),
        Err(found) => {
            for example in found {
                let region = example.region.as_deref();
                let region = region.and_then(|name| snapshot.config.regions.get(name));
                match region {
                    Some(region) => problems.at(&region.place, example.words),
                    None => problems.whole(example.words),
                }
            }
            None
        }
    }
}

#[cfg(test)]
mod tests;
