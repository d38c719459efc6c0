//! What can only be said of regions and hosts together: that nothing is in two places, and nothing leads in a
//! circle.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, PathBuf};

use crate::config::host::{self, Target};
use crate::config::name::{HostName, HostPattern, RegionName};
use crate::config::place::Place;
use crate::config::problem::Complaint;
use crate::config::read::Reading;
use crate::config::region::{Draft, SecretSource};

/// Holds the regions against each other.
pub(super) fn regions(reading: &Reading, regions: &[Draft]) {
    hosts_once(reading, regions);
    endpoints_once(reading, regions);
    secrets_once(reading, regions);
    for region in regions {
        failover(reading, region, regions);
        let idle = !region.drain && region.endpoints.iter().all(|endpoint| endpoint.drain);
        if idle && !region.endpoints.is_empty() {
            let complaint = Complaint::new("every endpoint is draining: the region answers 503")
                .hint("`drain = true` of the region says it once");
            reading.warn(region.place.clone(), complaint);
        }
    }
    if !regions.is_empty() && regions.iter().all(|region| region.drain) {
        reading.warn(
            Place::default(),
            Complaint::new("every region is draining: nothing is answered"),
        );
    }
}

/// The regions' own hosts.
pub(super) fn own_hosts(regions: &[Draft]) -> BTreeMap<RegionName, HostName> {
    let own = |region: &Draft| Some((region.name.clone(), region.host.as_ref()?.0.clone()));
    regions.iter().filter_map(own).collect()
}

/// No redirect may lead back to where it came from: a region's own host means that region, whatever rule of
/// `[hosts]` it meets.
pub(super) fn redirects(reading: &Reading, regions: &[Draft], hosts: &[host::Draft]) {
    let mut seen = BTreeSet::new();
    for region in regions {
        let Some((name, place)) = &region.host else {
            continue;
        };
        if !seen.insert(name) {
            // Two regions of one host are refused already.
            continue;
        }
        match lookup(hosts, name) {
            None => reading.warn(
                place.clone(),
                Complaint::new(format!(
                    "redirects lead to `{name}`, which `[hosts]` does not have"
                ))
                .hint("that is right if its DNS name leads to the region and not to the gateway"),
            ),
            // A host that could not be understood says nothing about this one.
            Some(host::Draft::Wrong { .. }) => {}
            Some(host::Draft::Host(host)) => {
                if host.target.region() == Some(&region.name) {
                    continue;
                }
                let other = match &host.target {
                    Target::Auto => "auto".to_owned(),
                    Target::Region(other) | Target::Alias(other) => other.to_string(),
                };
                let message = format!(
                    "redirects for region `{}` would lead in a circle: `[hosts]` says that `{}` is \"{other}\"",
                    region.name, host.pattern
                );
                let hint = format!("add \"{name}\" = \"{}\" to `[hosts]`", region.name);
                reading.complain(place.clone(), Complaint::new(message).hint(hint));
            }
        }
    }
}

/// The rule of `[hosts]` that a host meets: itself, or else the longest wildcard.
fn lookup<'a>(hosts: &'a [host::Draft], name: &HostName) -> Option<&'a host::Draft> {
    let find = |pattern: &HostPattern| {
        let found = hosts.binary_search_by(|draft| draft.pattern().cmp(pattern));
        found.ok().and_then(|index| hosts.get(index))
    };
    let below = |text: &str| {
        let mut rest = text;
        while let Some((_, parent)) = rest.split_once('.') {
            let pattern = HostName::parse(parent).map(HostPattern::Below);
            if let Some(found) = pattern.as_ref().and_then(find) {
                return Some(found);
            }
            rest = parent;
        }
        None
    };
    find(&HostPattern::Exact(name.clone())).or_else(|| below(name.as_str()))
}

fn hosts_once(reading: &Reading, regions: &[Draft]) {
    let mut seen: BTreeMap<&HostName, &RegionName> = BTreeMap::new();
    for region in regions {
        let Some((host, place)) = &region.host else {
            continue;
        };
        if let Some(other) = seen.insert(host, &region.name) {
            let complaint =
                Complaint::new(format!("`{host}` is the host of region `{other}` already"));
            reading.complain(place.clone(), complaint);
        }
    }
}

/// An address in two regions is how one region's requests reach another: refused, unless both endpoints say
/// by different `sni` that one ingress serves both.
fn endpoints_once(reading: &Reading, regions: &[Draft]) {
    let mut seen = BTreeMap::new();
    for region in regions {
        for endpoint in &region.endpoints {
            // However the address is spelled.
            let key = (endpoint.address.canonical(), endpoint.port);
            let Some((other, sni)) = seen.insert(key, (&region.name, &endpoint.sni)) else {
                continue;
            };
            let same = *other == region.name;
            let told_apart = sni.is_some() && endpoint.sni.is_some() && *sni != endpoint.sni;
            if !same && told_apart {
                continue;
            }
            let message = format!(
                "`{}` is an endpoint of region `{other}` already",
                endpoint.url()
            );
            let complaint = match same {
                true => Complaint::new(message),
                false => Complaint::new(message).hint(
                    "if one ingress serves both regions, say so by an `sni` of each of the two",
                ),
            };
            reading.complain(endpoint.place.clone(), complaint);
        }
    }
}

/// The same secret twice is a slip within a region, and across regions makes tags say nothing.
fn secrets_once(reading: &Reading, regions: &[Draft]) {
    let mut seen = BTreeMap::new();
    for region in regions {
        for secret in &region.secrets {
            let (key, holder) = match secret {
                SecretSource::Env { name, .. } => (
                    (true, PathBuf::from(name)),
                    format!("the variable `{name}`"),
                ),
                SecretSource::File(file) => {
                    let plain = |part: &Component<'_>| *part != Component::CurDir;
                    let path = file.written.components().filter(plain).collect();
                    (
                        (false, path),
                        format!("the file `{}`", file.written.display()),
                    )
                }
            };
            if let Some(other) = seen.insert(key, &region.name) {
                let message = format!("{holder} holds a secret of region `{other}` already");
                reading.complain(secret.place().clone(), Complaint::new(message));
            }
        }
    }
}

/// Sovereignty: a request may leave its jurisdiction only where the operator wrote so.
fn failover(reading: &Reading, region: &Draft, regions: &[Draft]) {
    let mut seen: Vec<&RegionName> = Vec::new();
    for (name, place) in &region.failover {
        let complain = |complaint| reading.complain(place.clone(), complaint);
        if *name == region.name {
            complain(Complaint::new("a region cannot stand in for itself"));
            continue;
        }
        if seen.contains(&name) {
            complain(Complaint::new(format!("`{name}` is there twice")));
            continue;
        }
        seen.push(name);
        let other = regions.iter().find(|other| other.name == *name);
        let theirs = other.and_then(|other| other.jurisdiction.as_ref());
        let (Some(ours), Some(theirs)) = (&region.jurisdiction, theirs) else {
            continue;
        };
        if ours != theirs && !region.allow_crossing {
            complain(
                Complaint::new(format!(
                    "requests would leave jurisdiction `{ours}` for `{theirs}` of region `{name}`"
                ))
                .hint("`allow_crossing = true` in this region, if that is meant"),
            );
        }
    }
}
