//! The promise, said a second time: from the configuration as the operator wrote it, in names, and in
//! another way than the road does it, so that the proof finds a slip in either. It shares no code with
//! the decision, the compiled tables or the fallback; only which codes are countries, and of which
//! continent, is the same list.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};

use crate::config::Config;
use crate::config::decision::Credentials;
use crate::region::Reason;
use crate::region::place::{Continent, Country, Location};

/// A value by which a caller names a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named<'a> {
    /// Not there.
    Nothing,
    /// There, but no choice: several values, or no region of ours.
    Odd,
    /// A region.
    Region(&'a str),
}

/// A request, as far as it bears on its region.
#[derive(Clone, Copy)]
pub(super) struct Request<'a> {
    /// The region that the host names.
    pub(super) host: Option<&'a str>,
    /// The region whose tag the key in the path has.
    pub(super) key: Option<&'a str>,
    pub(super) header: Named<'a>,
    pub(super) cookie: Named<'a>,
    pub(super) credentials: bool,
    pub(super) sticky: Named<'a>,
    /// The region of the caller's whereabouts.
    pub(super) place: &'a str,
}

/// Where a request belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Home<'a> {
    /// Nowhere: it is refused.
    Nowhere,
    /// To this region and no other.
    Only(&'a str),
    /// To this region, but others may stand in.
    Rather(&'a str),
}

/// Where a request belongs: the weakest claim first, each stronger one in its stead.
pub(super) fn home<'a>(config: &'a Config, request: &Request<'a>) -> Home<'a> {
    let mut home = Home::Rather(request.place);
    if let (true, Named::Region(kept)) = (config.decision.sticky, request.sticky) {
        home = Home::Rather(kept);
    }
    if request.credentials {
        home = match &config.decision.credentials_region {
            Credentials::Region(region) => Home::Only(region.as_str()),
            Credentials::Refuse => Home::Nowhere,
        };
    }
    for choice in [request.cookie, request.header] {
        if let Named::Region(chosen) = choice {
            home = Home::Only(chosen);
        }
    }
    if let Some(named) = request.host.or(request.key) {
        home = Home::Only(named);
    }
    match (request.header, request.host) {
        (Named::Odd, _) => Home::Nowhere,
        (Named::Region(pin), Some(host)) if pin != host => Home::Nowhere,
        _ => home,
    }
}

/// The operator's networks, each IPv4 network under one name.
pub(super) struct Listed<'a> {
    networks: HashMap<IpNet, &'a str>,
    /// The lengths of prefixes that occur, the longest first.
    lengths: [Vec<u8>; 2],
}

impl<'a> Listed<'a> {
    pub(super) fn new(config: &'a Config) -> Self {
        let plain = |network: &IpNet| match network {
            IpNet::V6(net) => net
                .addr()
                .to_ipv4_mapped()
                .and_then(|v4| Ipv4Net::new(v4, net.prefix_len().checked_sub(96)?).ok())
                .map_or(*network, IpNet::V4),
            IpNet::V4(_) => *network,
        };
        let listed = config.geo.networks.iter();
        let networks: HashMap<_, _> = listed
            .map(|(network, region)| (plain(network), region.as_str()))
            .collect();
        let lengths = |wanted: bool| {
            let of_family = networks.keys().filter(|net| net.addr().is_ipv4() == wanted);
            let lengths: BTreeSet<u8> = of_family.map(IpNet::prefix_len).collect();
            lengths.into_iter().rev().collect()
        };
        Self {
            lengths: [lengths(true), lengths(false)],
            networks,
        }
    }

    /// The region of the network that an address is in: each length of prefix is looked for, the
    /// longest first.
    pub(super) fn region_of(&self, address: IpAddr) -> Option<&'a str> {
        let address = address.to_canonical();
        let [v4, v6] = &self.lengths;
        let lengths = if address.is_ipv4() { v4 } else { v6 };
        lengths.iter().find_map(|length| {
            let network = IpNet::new(address, *length).ok()?.trunc();
            self.networks.get(&network).copied()
        })
    }
}

/// The region of what the country database says.
pub(super) fn location(config: &Config, location: Option<Location>) -> &str {
    let geo = &config.geo;
    let said = location.unwrap_or_default();
    let country = said.country.and_then(Country::from_code);
    // What is no country says nothing about its continent either.
    let continent = match (said.country, country) {
        (Some(_), None) => None,
        _ => said
            .continent
            .and_then(Continent::from_code)
            .or_else(|| country.map(Country::continent)),
    };
    let mut region = match country {
        Some(_) => &geo.default,
        None => &geo.no_country,
    };
    region = continent
        .and_then(|continent| geo.continents.get(&continent))
        .unwrap_or(region);
    region = country
        .and_then(|country| geo.countries.get(&country))
        .unwrap_or(region);
    region.as_str()
}

/// Whether a decision for this reason lets nobody else answer.
pub(super) fn is_bound(reason: Reason) -> bool {
    // What is not listed here is bound, a rule that is yet to come too.
    let guesses = ["sticky", "network", "geo", "no-country", "default"];
    !guesses.contains(&reason.label())
}

/// Whether `other` may answer a request that belongs to `home`.
///
/// # Errors
/// Why not, for people.
pub(super) fn may_answer(
    config: &Config,
    home: &str,
    other: &str,
    tied: Option<&str>,
) -> Result<(), String> {
    if home == other {
        return Ok(());
    }
    if let Some(why) = tied {
        return Err(format!("but nobody else may: {why}"));
    }
    let (Some(ours), Some(theirs)) = (config.regions.get(home), config.regions.get(other)) else {
        return Err("but that is no region of the file".to_owned());
    };
    if !ours.failover.contains(&theirs.name) {
        return Err(format!("but `failover` of {home} does not list it"));
    }
    if ours.jurisdiction != theirs.jurisdiction && !ours.allow_crossing {
        return Err(format!(
            "but that is jurisdiction {} and not {}, and {home} does not say `allow_crossing = true`",
            theirs.jurisdiction, ours.jurisdiction
        ));
    }
    Ok(())
}
