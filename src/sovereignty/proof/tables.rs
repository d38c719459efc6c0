//! The tables, entry by entry, against what the file says; and what is left of them as classes.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::{HostSample, PlaceSample, Prover};
use crate::config::host::Target;
use crate::config::name::HostPattern;
use crate::region::authority::Authority;
use crate::region::hosts::HostKind;
use crate::region::pin::Sent;
use crate::region::place::{Continent, Country, Location};
use crate::region::question::Question;
use crate::region::{Reason, RegionId};
use crate::route::classify::{RouteMatch, classify};
use crate::route::table::{Action, HostClass};
use crate::sovereignty::promise::{self, Listed};
use crate::sovereignty::samples::{Carries, KEY, SAMPLES, UNTAGGED};

/// A path that was compared with what it carries.
pub(super) struct RouteSample<'p> {
    pub(super) carries: Carries,
    pub(super) path: &'p str,
    pub(super) route: RouteMatch<'p>,
}

/// The sample paths, each with a key in a key's place.
pub(super) fn paths() -> Vec<(Carries, String)> {
    let samples = SAMPLES.iter();
    let of = |(carries, paths): &(Carries, &[&str])| {
        let carries = *carries;
        let path = |path: &&str| (carries, path.replace(KEY, UNTAGGED));
        paths.iter().map(path).collect::<Vec<_>>()
    };
    samples.flat_map(of).collect()
}

impl<'a> Prover<'a> {
    /// Behind each region's id are that region's servers, and no others.
    pub(super) fn servers(&mut self) {
        let port = match self.config.server.https_public_port {
            443 => String::new(),
            port => format!(":{port}"),
        };
        for (id, region) in self.regions.iter() {
            let name = region.name().as_str();
            let servers = self.road.servers(id);
            let described = self.config.regions.get(name);
            let urls = described.map(|region| region.endpoints.iter().map(|one| one.url()));
            let urls: Vec<String> = urls.into_iter().flatten().collect();
            let origin = described.map(|region| format!("https://{}{port}", region.host));
            self.classes += servers.endpoints.len() as u64;
            for (owner, url) in &servers.endpoints {
                if *owner != name || servers.region != name || !urls.iter().any(|one| one == url) {
                    self.found(
                        Some(name),
                        format!(
                            "requests of {name} would be sent to {url}, an endpoint of {owner}"
                        ),
                    );
                }
            }
            if origin.as_deref() != Some(servers.origin) {
                let words = format!("pages of {name} would be redirected to {}", servers.origin);
                self.found(Some(name), words);
            }
        }
    }

    /// Each host is of the kind that the file says; of hosts of one kind the first is kept.
    pub(super) fn hosts(&mut self) -> Vec<HostSample<'a>> {
        let mut kinds: HashSet<HostKind> = HashSet::new();
        let mut samples = Vec::new();
        let mut below = String::new();
        for host in &self.config.hosts {
            let asked = match &host.pattern {
                HostPattern::Exact(name) => name.as_str(),
                HostPattern::Below(name) => {
                    // No host of the file has a label of this form, so only the wildcard fits.
                    below.clear();
                    below.extend(["-.", name.as_str()]);
                    &below
                }
            };
            let authority = Authority::parse(asked.as_bytes()).ok();
            let kind = authority.and_then(|authority| self.road.host(&authority));
            let is = |region: RegionId, name: &str| self.name(region) == name;
            let right = match (&host.target, kind) {
                (Target::Auto, Some(HostKind::Auto)) => true,
                (Target::Region(name), Some(HostKind::Own(region)))
                | (Target::Alias(name), Some(HostKind::Alias(region))) => is(region, name.as_str()),
                _ => false,
            };
            let Some(kind) = kind.filter(|_| right) else {
                let said = host.target.region().map_or("auto", |name| name.as_str());
                let would = kind
                    .and_then(HostKind::region)
                    .map(|region| self.name(region));
                let words = format!(
                    "the host `{}` is \"{said}\" in [hosts], but its requests would go to {}",
                    host.pattern,
                    would.unwrap_or("a region that is decided, or be refused"),
                );
                self.found(said_region(&host.target), words);
                continue;
            };
            if kinds.insert(kind) {
                let region = kind.region().map(|region| self.name(region));
                samples.push(HostSample {
                    kind,
                    region,
                    pattern: host.pattern.to_string(),
                });
            }
        }
        self.classes += samples.len() as u64;
        samples
    }

    /// Each end of each listed network, each country and each continent belong to the region that the
    /// file says; of whereabouts that come to the same the first are kept.
    pub(super) fn places(&mut self) -> Vec<PlaceSample<'a>> {
        let listed = Listed::new(self.config);
        let mut kept = Kept::default();
        let mut elsewhere = None;
        for address in addresses(self.config.geo.networks.keys()) {
            let region = listed.region_of(address);
            if region.is_none() {
                elsewhere.get_or_insert(address);
            }
            let region = region.unwrap_or_else(|| promise::location(self.config, None));
            self.place(address, None, region, &mut kept);
        }
        if let Some(address) = elsewhere {
            for location in locations() {
                let region = promise::location(self.config, Some(location));
                self.place(address, Some(location), region, &mut kept);
            }
        }
        self.classes += kept.samples.len() as u64;
        kept.samples
    }

    fn place(
        &mut self,
        address: IpAddr,
        location: Option<Location>,
        region: &'a str,
        kept: &mut Kept<'a>,
    ) {
        let question = Question {
            host: HostKind::Auto,
            key: None,
            pin_header: Sent::Nothing,
            pin_cookie: Sent::Nothing,
            sticky: Sent::Nothing,
            credentials: false,
            client: address,
        };
        let decided = self.road.decide(&question, &|_| location);
        let decision = decided.ok().map(|outcome| outcome.decision);
        let sample = PlaceSample {
            kind: decision.map_or("refused", |decision| decision.reason.label()),
            address,
            location,
            region,
        };
        match decision.filter(|decision| self.name(decision.region) == region) {
            Some(decision) => {
                if kept.seen.insert((decision.reason, decision.region)) {
                    kept.samples.push(sample);
                }
            }
            None => {
                let would = decision.map_or("nowhere", |decision| self.name(decision.region));
                let words = format!(
                    "a caller {} belongs to {region} by [geo], but would go to {would}",
                    sample.words()
                );
                self.found(None, words);
            }
        }
    }

    /// Each path is known for what it carries; on a kind of host that is not a region's own nobody
    /// administers a region, and a region's own host sends only pages of others' keys away. Of paths
    /// that come to the same, and are proxied somewhere, the first is kept.
    pub(super) fn routes<'p>(&mut self, paths: &'p [(Carries, String)]) -> Vec<RouteSample<'p>> {
        let mut kept: Vec<RouteSample<'p>> = Vec::new();
        let mut signatures = Vec::new();
        for (carries, path) in paths {
            let Some(route) = self.route(*carries, path) else {
                continue;
            };
            let proxied = self.actions(path, &route, *carries == Carries::Administration);
            let template = route.template();
            let known = (template.is_known(), template.keys_in_body());
            let signature = (*carries, route.key().is_some(), known);
            if proxied && !signatures.contains(&signature) {
                signatures.push(signature);
                kept.push(RouteSample {
                    carries: *carries,
                    path,
                    route,
                });
            }
        }
        for rule in &self.config.routes {
            let below = format!("{}/-", rule.prefix.trim_end_matches('/'));
            for path in [rule.prefix.as_str(), &below] {
                if let Ok(route) = classify(path) {
                    self.actions(path, &route, administers(path));
                }
            }
        }
        self.classes += kept.len() as u64;
        kept
    }

    fn route<'p>(&mut self, carries: Carries, path: &'p str) -> Option<RouteMatch<'p>> {
        let Ok(route) = classify(path) else {
            self.found(None, format!("the path {} is refused", shown(path)));
            return None;
        };
        let key = match carries {
            Carries::Key => route.key().is_some_and(|key| key == UNTAGGED) && !is_page(&route),
            Carries::PageKey => route.key().is_some_and(|key| key == UNTAGGED) && is_page(&route),
            _ => route.key().is_none(),
        };
        if !key {
            let path = shown(path);
            let words = match route.key() {
                Some(_) => format!("something in the path {path} is taken for a key"),
                None => format!("the key in the path {path} is not seen: it would not be bound"),
            };
            self.found(None, words);
        }
        Some(route)
    }

    /// Whether a path is proxied on some kind of host.
    fn actions(&mut self, path: &str, route: &RouteMatch<'_>, administers: bool) -> bool {
        let mut proxied = false;
        for host in HostClass::ALL {
            for elsewhere in [false, true] {
                self.classes += 1;
                let elsewhere = elsewhere && is_page(route);
                let action = self.road.action(host, route, elsewhere);
                proxied |= action == Action::Proxy;
                let wrong = match host {
                    HostClass::Auto | HostClass::Alias => administers && action != Action::Deny,
                    HostClass::Own => action == Action::Redirect && !elsewhere,
                };
                if wrong {
                    let (path, host, action) = (shown(path), host.label(), action.label());
                    let words = format!("the path {path} on a host of kind {host}: {action}");
                    self.found(None, words);
                }
            }
        }
        proxied
    }
}

#[derive(Default)]
struct Kept<'a> {
    seen: HashSet<(Reason, RegionId)>,
    samples: Vec<PlaceSample<'a>>,
}

impl PlaceSample<'_> {
    /// `in FR`, `somewhere in EU`, `at 192.0.2.7 (no known country)`.
    pub(super) fn words(&self) -> String {
        let code =
            |code: Option<[u8; 2]>| code.map(|code| String::from_utf8_lossy(&code).into_owned());
        let location = self.location.unwrap_or_default();
        match (code(location.country), code(location.continent)) {
            (Some(country), Some(continent)) => format!("in {country} ({continent})"),
            (Some(country), None) => format!("in {country}"),
            (None, Some(continent)) => format!("somewhere in {continent}"),
            (None, None) => format!("at {} (no known country)", self.address),
        }
    }
}

fn is_page(route: &RouteMatch<'_>) -> bool {
    route.key_place().is_some_and(|place| place.is_page())
}

fn said_region(target: &Target) -> Option<&str> {
    target.region().map(|region| region.as_str())
}

/// A sample path without its sample key.
pub(super) fn shown(path: &str) -> String {
    format!("`{}`", path.replace(UNTAGGED, KEY))
}

/// Whether a rule's path is one of a region's administration.
fn administers(path: &str) -> bool {
    let mut words = path.split('/').filter(|word| !word.is_empty());
    match (words.next(), words.next(), words.next()) {
        (Some("colonel"), ..) | (Some("api"), Some("colonel" | "internal"), _) => true,
        (Some("api"), Some("v1" | "v2" | "v3"), third) => third == Some("colonel"),
        _ => false,
    }
}

/// Addresses at the ends of the networks and just beyond, and some that are nobody's.
fn addresses<'n>(networks: impl Iterator<Item = &'n IpNet>) -> Vec<IpAddr> {
    let mut addresses: Vec<IpAddr> = vec![
        Ipv4Addr::new(192, 0, 2, 1).into(),
        Ipv4Addr::UNSPECIFIED.into(),
        Ipv4Addr::BROADCAST.into(),
        Ipv6Addr::UNSPECIFIED.into(),
        Ipv6Addr::from_bits(u128::MAX).into(),
    ];
    for network in networks {
        match network {
            IpNet::V4(net) => {
                let (first, last) = (net.network().to_bits(), net.broadcast().to_bits());
                let near = [first, last, first.wrapping_sub(1), last.wrapping_add(1)];
                addresses.extend(near.map(|bits| IpAddr::from(Ipv4Addr::from_bits(bits))));
            }
            IpNet::V6(net) => {
                let (first, last) = (net.network().to_bits(), net.broadcast().to_bits());
                let near = [first, last, first.wrapping_sub(1), last.wrapping_add(1)];
                addresses.extend(near.map(|bits| IpAddr::from(Ipv6Addr::from_bits(bits))));
            }
        }
    }
    addresses
}

/// What a database can say: each country, with another continent than its own too, as some have it;
/// what is no country; and no country, each with each continent and without one.
fn locations() -> impl Iterator<Item = Location> {
    let code = |one: Continent| one.code().as_bytes().try_into().ok();
    let letters = || b'A'..=b'Z';
    let codes = letters().flat_map(move |one| letters().map(move |two| [one, two]));
    let countries = codes.filter(|code| Country::from_code(*code).is_some());
    let some = [None, code(Continent::Europe), code(Continent::Oceania)];
    let of_country = countries.flat_map(move |country| {
        some.map(|continent| Location {
            country: Some(country),
            continent,
        })
    });
    let rest = [None, Some(*b"EU")].into_iter().flat_map(move |country| {
        let continents = Continent::ALL.into_iter().map(code).chain([None]);
        continents.map(move |continent| Location { country, continent })
    });
    of_country.chain(rest)
}
