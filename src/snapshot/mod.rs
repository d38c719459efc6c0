//! Everything that one configuration becomes: compiled, immutable, seen whole by each request.
//! It builds and holds; it decides nothing.

mod advice;
pub mod build;
mod clusters;
pub mod files;
mod limits;
mod proof;
mod secrets;

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use httparse::Header;

use crate::client::trusted::TrustedProxies;
use crate::client::{HeaderSource, identify};
use crate::config::Config;
use crate::config::server::Server;
use crate::geoip::Database;
use crate::headers::name::Name;
use crate::http1::HeadLimits;
use crate::limit::block;
use crate::limit::bucket::Rule;
use crate::limit::connections::ConnectionRules;
use crate::limit::ledger::Rates;
use crate::limit::pace::PaceRule;
use crate::lookup::{self, Generation};
use crate::region::decide::Rules;
use crate::region::hosts::HostTable;
use crate::region::pin::CookieNames;
use crate::region::place::{Geo, Location};
use crate::region::{RegionId, Regions};
use crate::route::classify::RouteMatch;
use crate::route::prefix::Prefixes;
use crate::route::table::{HostClass, RouteTable};
use crate::route::template::DeliveryClass;
use crate::sovereignty::fallback::Failovers;
use crate::tls::store::CertStore;
use crate::upstream::endpoint::{Cluster, Endpoint};

/// How long clients may take.
#[derive(Clone, Copy, Debug)]
pub struct ClientTimeouts {
    /// From the connection to the end of the TLS handshake.
    pub handshake: Duration,
    /// From a head's first byte to its last.
    pub head: Duration,
    /// Without a request.
    pub keep_alive: Duration,
    /// Between bytes of a body, in either direction.
    pub body_idle: Duration,
}

/// Limits of an HTTP/2 connection.
#[derive(Clone, Copy, Debug)]
pub struct Http2Limits {
    /// Streams at a time.
    pub streams: u32,
    /// Bytes of a field section.
    pub header_list: u32,
    /// Frames that make work and no request.
    pub control: Rule,
}

/// What belongs to one region.
pub(crate) struct RegionPart {
    pub(crate) cluster: Arc<Cluster>,
    /// `https://host[:port]`.
    pub(crate) origin: String,
    /// The process-wide number of its name, for metrics.
    pub(crate) label: u16,
    /// An endpoint wants to see the client's host.
    pub(crate) keeps_host: bool,
    /// The generation of the application, for look-ups.
    pub(crate) generation: Generation,
}

/// The country database, and the file that it was read from, so that an unchanged one is not read
/// again at every reload.
#[derive(Clone)]
pub(crate) struct Kept {
    pub(crate) database: Arc<Database>,
    pub(crate) path: std::path::PathBuf,
    pub(crate) facts: files::Facts,
}

/// A compiled configuration.
pub struct Snapshot {
    /// What it was compiled from.
    pub config: Config,
    /// Counts the snapshots of this process, from 1.
    pub generation: u64,
    /// The file's content as a number of 48 bits, the same on every machine.
    pub hash: u64,
    /// The certificates.
    pub certificates: Arc<CertStore>,
    pub(crate) hosts: HostTable,
    pub(crate) rules: Rules,
    pub(crate) routes: RouteTable,
    pub(crate) parts: Vec<RegionPart>,
    pub(crate) failovers: Failovers,
    pub(crate) region_names: String,
    pub(crate) trusted: TrustedProxies,
    pub(crate) exempt: TrustedProxies,
    pub(crate) rates: Rates,
    pub(crate) source: HeaderSource,
    pub(crate) cookies: CookieNames,
    pub(crate) database: Option<Kept>,
    pub(crate) notices: Vec<Vec<Vec<(String, String)>>>,
    pub(crate) timeouts: ClientTimeouts,
    pub(crate) hsts: Option<String>,
    pub(crate) public_port: String,
    pub(crate) acme_webroot: Option<std::path::PathBuf>,
    pub(crate) body_limits: Prefixes<u64>,
    pub(crate) classes: Prefixes<DeliveryClass>,
    pub(crate) endpoint_ids: HashSet<u32>,
}

/// Worker threads: as many as the configuration says, or as the machine has cores.
#[must_use]
pub fn threads(server: &Server) -> usize {
    match server.threads {
        Some(threads) => threads.get(),
        None => std::thread::available_parallelism().map_or(1, usize::from),
    }
}

impl Snapshot {
    /// The one expression that chooses a region's servers; what it returns can reach no others.
    #[must_use]
    pub fn cluster(&self, region: RegionId) -> &Cluster {
        &self.part(region).cluster
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "ids are minted by the table of these very regions"
    )]
    fn part(&self, region: RegionId) -> &RegionPart {
        &self.parts[region.index()]
    }

    /// The regions.
    #[must_use]
    pub fn regions(&self) -> &Regions {
        &self.rules.regions
    }

    /// A region's name.
    #[must_use]
    pub fn region_name(&self, region: RegionId) -> &str {
        self.regions().get(region).name().as_str()
    }

    /// All names, for people: `ca, eu, us`.
    #[must_use]
    pub fn region_names(&self) -> &str {
        &self.region_names
    }

    /// The process-wide number of a region's name.
    #[must_use]
    pub fn region_label(&self, region: RegionId) -> u16 {
        self.part(region).label
    }

    /// The regions that may be asked for a key that has no tag; none if there are to be no look-ups.
    #[must_use]
    pub fn lookup_regions(&self) -> &[RegionId] {
        &self.rules.lookup
    }

    /// The generation of the application that a region runs.
    #[must_use]
    pub fn generation(&self, region: RegionId) -> Generation {
        self.part(region).generation
    }

    /// How long answers to look-ups hold, and how many there may be.
    #[must_use]
    pub fn lookup_rules(&self) -> lookup::table::Rules {
        let decision = &self.config.decision;
        let all = decision.lookup_per_second.max(1);
        let per_second = |count: u32| Rule::new(count, Duration::from_secs(1) / count);
        // A secret and its receipt take two look-ups.
        let network = (all / 5).max(3).min(all - 1).max(1);
        let client = (all / 10).max(2).min(network);
        lookup::table::Rules {
            found: decision.lookup_found,
            nowhere: decision.lookup_missing,
            budget: per_second(all),
            client: per_second(client),
            network: per_second(network),
        }
    }

    /// `https://` and the authority of a region's own host.
    #[must_use]
    pub fn origin(&self, region: RegionId) -> &str {
        &self.part(region).origin
    }

    /// Whether a region sees the host that the client named.
    #[must_use]
    pub fn keeps_host(&self, region: RegionId) -> bool {
        self.part(region).keeps_host
    }

    /// The regions that may stand in for each; never of another jurisdiction, unless the operator
    /// wrote that crossing is allowed. Only a fallback can be made of them.
    #[must_use]
    pub const fn failovers(&self) -> &Failovers {
        &self.failovers
    }

    /// What a request may do at its region: as the operator says, else by the route. Whatever a prefix
    /// covers, what carries a key, creates or consumes is never what may be sent twice.
    #[must_use]
    pub fn delivery_class(
        &self,
        host: HostClass,
        path: &str,
        route: &RouteMatch<'_>,
        method: &Method,
    ) -> DeliveryClass {
        let own = route.class(method);
        let once = matches!(own, DeliveryClass::Create | DeliveryClass::Consume);
        match self.classes.of(host, path) {
            Some(DeliveryClass::Static) if once || route.key().is_some() => own,
            Some(written) => written,
            None => own,
        }
    }

    /// Every region's servers, for those who watch over them.
    pub fn clusters(&self) -> impl Iterator<Item = &Arc<Cluster>> {
        self.parts.iter().map(|part| &part.cluster)
    }

    /// Marks the endpoints of `previous` that have left their region: requests that still wait there
    /// must not reach a server that may be another region's by now. To be called before this snapshot
    /// becomes the live one.
    pub fn withdraw(&self, previous: &Self) {
        for cluster in previous.clusters() {
            let mut regions = self.clusters();
            let now = regions.find(|other| other.region == cluster.region);
            for endpoint in &cluster.endpoints {
                let stays = |now: &Arc<Cluster>| {
                    let mut endpoints = now.endpoints.iter();
                    endpoints.any(|other| other.is_same_server(endpoint))
                };
                if !now.is_some_and(stays) {
                    endpoint.state.withdraw();
                }
            }
        }
    }

    /// A region's endpoints, to be shown.
    pub fn endpoints(&self, region: &str) -> impl Iterator<Item = &Endpoint> {
        self.parts
            .iter()
            .filter(move |part| &*part.cluster.region == region)
            .flat_map(|part| &part.cluster.endpoints)
            .map(|endpoint| &**endpoint)
    }

    /// Numbers of all endpoints.
    #[must_use]
    pub const fn endpoint_ids(&self) -> &HashSet<u32> {
        &self.endpoint_ids
    }

    /// The hosts.
    #[must_use]
    pub const fn hosts(&self) -> &HostTable {
        &self.hosts
    }

    /// The rules of the decision.
    #[must_use]
    pub const fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The routes.
    #[must_use]
    pub const fn routes(&self) -> &RouteTable {
        &self.routes
    }

    /// The gateway's own cookies.
    #[must_use]
    pub const fn cookie_names(&self) -> &CookieNames {
        &self.cookies
    }

    /// This gateway's name in `Via` and `Proxy-Status`.
    #[must_use]
    pub fn pseudonym(&self) -> &str {
        &self.config.server.via
    }

    /// `Strict-Transport-Security`, where it is on.
    #[must_use]
    pub fn hsts(&self) -> Option<&str> {
        self.hsts.as_deref()
    }

    /// Where answers to ACME challenges lie.
    #[must_use]
    pub fn acme_webroot(&self) -> Option<&std::path::Path> {
        self.acme_webroot.as_deref()
    }

    /// `:port` of the public https listener, empty for 443.
    #[must_use]
    pub fn public_port(&self) -> &str {
        &self.public_port
    }

    /// What API callers of a host are told about its future.
    #[must_use]
    pub fn notices(&self, host: u32, region: RegionId) -> &[(String, String)] {
        self.notices
            .get(host as usize)
            .and_then(|regions| regions.get(region.index()))
            .map_or(&[], Vec::as_slice)
    }

    /// Whether a peer's word on the client is believed.
    #[must_use]
    pub fn trusts(&self, peer: IpAddr) -> bool {
        self.trusted.contains(peer)
    }

    /// Whether limits by client do not hold for an address: the operator's own networks.
    #[must_use]
    pub fn exempts(&self, client: IpAddr) -> bool {
        self.exempt.contains(client)
    }

    /// How many requests one client may send.
    #[must_use]
    pub const fn rates(&self) -> &Rates {
        &self.rates
    }

    /// How many connections one may have.
    #[must_use]
    pub const fn connection_rules(&self) -> ConnectionRules {
        let limits = &self.config.limits;
        ConnectionRules {
            client: block::Prefixes {
                v4: limits.client_v4,
                v6: limits.client_v6,
            },
            per_client: limits.connections_per_address,
            network: block::Prefixes {
                v4: limits.network_v4,
                v6: limits.network_v6,
            },
            per_network: limits.connections_per_network,
        }
    }

    /// How many requests in flight one may have.
    #[must_use]
    pub const fn request_rules(&self) -> ConnectionRules {
        let limits = &self.config.limits;
        ConnectionRules {
            per_client: limits.requests_per_address,
            per_network: limits.requests_per_network,
            ..self.connection_rules()
        }
    }

    /// The client's address.
    #[must_use]
    pub fn client(&self, peer: IpAddr, fields: &[Header<'_>]) -> IpAddr {
        let wanted = match self.source {
            HeaderSource::XForwardedFor => Name::XForwardedFor,
            HeaderSource::Forwarded => Name::Forwarded,
            HeaderSource::None => return identify(peer, self.source, [], &self.trusted),
        };
        let values = fields
            .iter()
            .filter(|field| Name::of(field.name) == wanted)
            .map(|field| field.value)
            .collect::<smallvec::SmallVec<[&[u8]; 4]>>();
        identify(peer, self.source, values, &self.trusted)
    }

    /// Where addresses are.
    #[must_use]
    pub const fn geo(&self) -> &Self {
        self
    }

    /// The name of the field that tells regions the client's country.
    #[must_use]
    pub fn country_header(&self) -> Option<&str> {
        self.config
            .server
            .country_header
            .as_ref()
            .map(http::HeaderName::as_str)
    }

    /// The client's country, where regions are told.
    #[must_use]
    pub fn country_of(&self, client: IpAddr) -> Option<String> {
        self.country_header()?;
        let place = self.lookup(client)?.place();
        place.country.map(|country| country.code().to_owned())
    }

    /// How long clients may take.
    #[must_use]
    pub const fn timeouts(&self) -> ClientTimeouts {
        self.timeouts
    }

    /// What a client may send as an HTTP/1 head.
    #[must_use]
    pub const fn head_limits(&self) -> HeadLimits {
        HeadLimits {
            bytes: self.config.limits.head_bytes,
            fields: self.config.limits.headers,
            target: self.config.limits.uri_bytes,
        }
    }

    /// What a client may open in HTTP/2.
    #[must_use]
    pub fn http2_limits(&self) -> Http2Limits {
        Http2Limits {
            streams: self.config.limits.h2_streams,
            header_list: self.config.limits.h2_header_list,
            control: limits::rule(self.config.limits.h2_control_frames),
        }
    }

    /// How slowly a client may send a body or take one.
    #[must_use]
    pub const fn pace(&self) -> PaceRule {
        limits::pace(&self.config)
    }

    /// The largest body of an ordinary request.
    #[must_use]
    pub const fn body_limit(&self) -> u64 {
        self.config.limits.body
    }

    /// The largest body of a request for this route.
    #[must_use]
    pub fn route_body_limit(&self, host: HostClass, path: &str) -> u64 {
        self.body_limits.of(host, path).unwrap_or_else(|| {
            let limits = &self.config.limits;
            if takes_image(path) {
                limits.body_image
            } else {
                limits.body
            }
        })
    }

    /// The country database.
    #[must_use]
    pub fn database(&self) -> Option<&Database> {
        self.database.as_ref().map(|kept| &*kept.database)
    }
}

/// The only calls of the API with large bodies: `/api/domains/…/logo` and `…/icon`.
fn takes_image(path: &str) -> bool {
    let mut segments = path.split('/').filter(|segment| !segment.is_empty());
    segments.next() == Some("api")
        && segments.next() == Some("domains")
        && matches!(segments.nth(1), Some("logo" | "icon"))
        && segments.next().is_none()
}

impl Geo for Snapshot {
    fn lookup(&self, address: IpAddr) -> Option<Location> {
        let location = self.database()?.country(address)?;
        Some(Location {
            country: location.country,
            continent: location.continent,
        })
    }
}
