//! A configuration into a snapshot, whole or not at all. Files that the configuration names are
//! read here; what is wrong with them is reported at the key that named them.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use super::files::{Looks, MOST_TEXT};
use super::proof::proved;
use super::{ClientTimeouts, Kept, RegionPart, Snapshot};
use crate::client::HeaderSource;
use crate::client::trusted::TrustedProxies;
use crate::config::Config;
use crate::config::decision::Credentials;
use crate::config::host::{Notice, Target};
use crate::config::log::Access;
use crate::config::name::RegionName;
use crate::config::place::FilePath;
use crate::config::problem::Problems;
use crate::config::route::{Action, Class, Route};
use crate::config::server::ClientAddressHeader;
use crate::region::decide::{CredentialsRule, Rules};
use crate::region::hosts::{HostEntry, HostKind, HostTable};
use crate::region::network::Networks;
use crate::region::pin::CookieNames;
use crate::region::place::Places;
use crate::region::{RegionDefinition, Regions};
use crate::route::prefix::Prefixes;
use crate::route::table::{FixedResponse, HostClass, RouteRule, RouteTable, RuleAction};
use crate::route::template::DeliveryClass;
use crate::sovereignty::fallback::Failovers;
use crate::sovereignty::proof::Proof;
use crate::telemetry::access;
use crate::tls::store::CertStore;

/// What a snapshot is made from, beside the configuration.
pub struct Materials<'a> {
    /// The configuration file's directory: relative paths count from there.
    pub directory: &'a Path,
    /// The snapshot that is live, whose unchanged parts are kept.
    pub previous: Option<&'a Snapshot>,
    /// The time, for certificates and the database's age.
    pub now: SystemTime,
    /// The configuration file's content as a number.
    pub hash: u64,
    /// Turns a region's name into its process-wide number.
    pub label: &'a dyn Fn(&str) -> u16,
    /// Reads the files that the configuration names.
    pub looks: &'a Looks,
}

/// A snapshot, and what its operator should know.
pub struct Built {
    /// The snapshot.
    pub snapshot: Snapshot,
    /// That it keeps what is bound where it belongs.
    pub proof: Proof,
    /// What is not wrong but worth a look.
    pub warnings: Vec<String>,
}

/// Builds a snapshot.
///
/// # Errors
/// All problems at once; nothing of a broken configuration is used.
pub fn build(
    config: Config,
    materials: &Materials<'_>,
    problems: Problems,
) -> Result<Built, Problems> {
    let mut builder = Builder {
        config: &config,
        materials,
        problems,
        warnings: Vec::new(),
    };
    let parts = builder.parts();
    let Builder {
        mut problems,
        warnings,
        ..
    } = builder;
    let Some(parts) = parts.filter(|_| problems.is_empty()) else {
        return Err(problems);
    };
    let snapshot = parts.into_snapshot(config, materials);
    match proved(&snapshot, &mut problems) {
        Some(proof) => Ok(Built {
            snapshot,
            proof,
            warnings,
        }),
        None => Err(problems),
    }
}

/// Everything that needed work.
struct Parts {
    certificates: Arc<CertStore>,
    hosts: HostTable,
    rules: Rules,
    routes: RouteTable,
    regions: Vec<RegionPart>,
    failovers: Failovers,
    cookies: CookieNames,
    database: Option<Kept>,
    notices: Vec<Vec<Vec<(String, String)>>>,
}

impl Parts {
    fn into_snapshot(self, config: Config, materials: &Materials<'_>) -> Snapshot {
        let names: Vec<&str> = config.regions.keys().map(RegionName::as_str).collect();
        let endpoints = self.regions.iter().flat_map(|part| &part.cluster.endpoints);
        let server = &config.server;
        Snapshot {
            generation: materials
                .previous
                .map_or(1, |previous| previous.generation + 1),
            hash: materials.hash,
            region_names: names.join(", "),
            trusted: TrustedProxies::new(&server.trusted_proxies),
            exempt: TrustedProxies::new(&config.limits.exempt),
            rates: super::limits::rates(&config),
            source: match server.client_address_header {
                ClientAddressHeader::XForwardedFor => HeaderSource::XForwardedFor,
                ClientAddressHeader::Forwarded => HeaderSource::Forwarded,
                ClientAddressHeader::None => HeaderSource::None,
            },
            timeouts: ClientTimeouts {
                handshake: config.timeouts.handshake,
                head: config.timeouts.head,
                keep_alive: config.timeouts.keep_alive,
                body_idle: config.timeouts.body_idle,
            },
            hsts: server
                .hsts
                .as_ref()
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned),
            public_port: public_port(&config),
            acme_webroot: server
                .acme_webroot
                .as_ref()
                .map(|path| path.resolve(materials.directory)),
            body_limits: by_prefix(&config.routes, |route| route.max_body),
            classes: by_prefix(&config.routes, |route| route.class.map(delivery_class)),
            endpoint_ids: endpoints.map(|endpoint| endpoint.id).collect(),
            certificates: self.certificates,
            hosts: self.hosts,
            rules: self.rules,
            routes: self.routes,
            parts: self.regions,
            failovers: self.failovers,
            cookies: self.cookies,
            database: self.database,
            notices: self.notices,
            config,
        }
    }
}

/// `:port`, where it is not the one that a URL may leave out.
fn public_port(config: &Config) -> String {
    match config.server.https_public_port {
        443 => String::new(),
        port => format!(":{port}"),
    }
}

pub(super) struct Builder<'a> {
    pub(super) config: &'a Config,
    pub(super) materials: &'a Materials<'a>,
    pub(super) problems: Problems,
    pub(super) warnings: Vec<String>,
}

impl Builder<'_> {
    fn parts(&mut self) -> Option<Parts> {
        // Every part is tried, so that every problem is found.
        let certificates = self.certificates();
        let database = self.database();
        let regions = self.regions()?;
        let secrets = self.secrets(&regions);
        let hosts = self.hosts(&regions);
        let routes = self.routes();
        let networks = self.networks(&regions);
        let clusters = self.clusters();
        let failovers = self.failovers(&regions);
        let cookies = self.cookies();
        self.access_log();
        self.advise_on_sockets();
        let id = |name: &RegionName| regions.by_name(name.as_str().as_bytes());
        let (no_country, default) = (
            id(&self.config.geo.no_country)?,
            id(&self.config.geo.default)?,
        );
        let credentials = match &self.config.decision.credentials_region {
            Credentials::Region(name) => CredentialsRule::Region(id(name)?),
            Credentials::Refuse => CredentialsRule::Refuse,
        };
        let places = self.places(&regions);
        let notices = self.notices(&regions);
        let rules = Rules {
            secrets: secrets?,
            lookup: regions.under(&self.config.decision.lookup),
            credentials,
            sticky: self.config.decision.sticky,
            networks: networks?,
            places,
            no_country,
            default,
            regions: Arc::new(regions),
        };
        Some(Parts {
            certificates: certificates?,
            hosts: hosts?,
            rules,
            routes: routes?,
            regions: clusters?,
            failovers,
            cookies: cookies?,
            database: database?,
            notices,
        })
    }

    fn regions(&mut self) -> Option<Regions> {
        let port = public_port(self.config);
        let definitions: Vec<RegionDefinition> = self
            .config
            .regions
            .values()
            .map(|region| RegionDefinition {
                name: region.name.as_str().to_owned(),
                jurisdiction: region.jurisdiction.clone(),
                host: format!("{}{port}", region.host.as_str()),
            })
            .collect();
        Regions::new(&definitions)
            .map_err(|faults| {
                faults
                    .iter()
                    .for_each(|fault| self.problems.whole(fault.to_string()))
            })
            .ok()
    }

    fn hosts(&mut self, regions: &Regions) -> Option<HostTable> {
        let mut entries = Vec::with_capacity(self.config.hosts.len());
        for (i, host) in self.config.hosts.iter().enumerate() {
            let id = |name: &RegionName| regions.by_name(name.as_str().as_bytes());
            let kind = match &host.target {
                Target::Auto => HostKind::Auto,
                Target::Region(name) => HostKind::Own(id(name)?),
                Target::Alias(name) => HostKind::Alias(id(name)?),
            };
            let payload = u32::try_from(i).unwrap_or(u32::MAX);
            entries.push((host.pattern.to_string(), HostEntry { kind, payload }));
        }
        HostTable::new(&entries)
            .map_err(|faults| {
                faults
                    .iter()
                    .for_each(|fault| self.problems.whole(fault.to_string()))
            })
            .ok()
    }

    fn routes(&mut self) -> Option<RouteTable> {
        let rules: Vec<RouteRule> = self
            .config
            .routes
            .iter()
            .map(|route| RouteRule {
                prefix: route.prefix.clone(),
                hosts: host_classes(route),
                action: match &route.action {
                    Action::Proxy => RuleAction::Proxy,
                    Action::Redirect => RuleAction::Redirect,
                    Action::Deny => RuleAction::Deny,
                    Action::Respond {
                        status,
                        body,
                        content_type,
                    } => RuleAction::Respond(FixedResponse {
                        status: *status,
                        content_type: content_type.clone(),
                        body: body.clone().into(),
                    }),
                },
            })
            .collect();
        RouteTable::new(&rules)
            .map_err(|faults| {
                faults
                    .iter()
                    .for_each(|fault| self.problems.whole(fault.to_string()))
            })
            .ok()
    }

    fn networks(&mut self, regions: &Regions) -> Option<Networks> {
        let list: Vec<_> = self
            .config
            .geo
            .networks
            .iter()
            .filter_map(|(network, name)| {
                Some((*network, regions.by_name(name.as_str().as_bytes())?))
            })
            .collect();
        Networks::new(&list)
            .map_err(|faults| {
                faults
                    .iter()
                    .for_each(|fault| self.problems.whole(fault.to_string()))
            })
            .ok()
    }

    fn places(&self, regions: &Regions) -> Places {
        let id = |name: &RegionName| regions.by_name(name.as_str().as_bytes());
        let geo = &self.config.geo;
        let countries = geo.countries.iter();
        let continents = geo.continents.iter();
        Places::new(
            countries.filter_map(|(country, name)| Some((*country, id(name)?))),
            continents.filter_map(|(continent, name)| Some((*continent, id(name)?))),
        )
    }

    fn cookies(&mut self) -> Option<CookieNames> {
        let decision = &self.config.decision;
        CookieNames::new(&decision.pin_cookie, &decision.sticky_cookie)
            .map_err(|fault| self.problems.whole(fault.to_string()))
            .ok()
    }

    fn notices(&self, regions: &Regions) -> Vec<Vec<Vec<(String, String)>>> {
        let fields = |notice: &Notice, origin: &str| {
            let mut fields = Vec::new();
            if let Some(since) = notice.deprecation {
                fields.push(("Deprecation".to_owned(), format!("@{since}")));
            }
            if let Some(until) = notice.sunset {
                let date = std::time::UNIX_EPOCH + std::time::Duration::from_secs(until);
                fields.push(("Sunset".to_owned(), httpdate::fmt_http_date(date)));
            }
            if notice.link {
                fields.push((
                    "Link".to_owned(),
                    format!("<{origin}/>; rel=\"successor-version\""),
                ));
            }
            fields
        };
        let mut of_hosts = Vec::with_capacity(self.config.hosts.len());
        for host in &self.config.hosts {
            let mut of_regions = Vec::new();
            for (notice, (_, region)) in host.notice.iter().cycle().zip(regions.iter()) {
                of_regions.push(fields(notice, &format!("https://{}", region.host())));
            }
            of_hosts.push(of_regions);
        }
        of_hosts
    }

    /// A log that cannot be written would be noticed when it is needed.
    fn access_log(&mut self) {
        if let Access::File(path) = &self.config.log.access
            && let Err(error) = access::probe(&path.written)
        {
            let written = path.written.display();
            self.materials.looks.cannot_write(&path.written);
            self.problems.at(
                &path.place,
                format!("cannot append to the access log {written}: {error}"),
            );
        }
    }

    /// A named file's content.
    pub(super) fn read(&mut self, path: &FilePath) -> Option<Vec<u8>> {
        let resolved = path.resolve(self.materials.directory);
        (self.materials.looks)
            .read(&resolved, MOST_TEXT)
            .map_err(|error| {
                self.problems.at(
                    &path.place,
                    format!("cannot read {}: {error}", resolved.display()),
                );
            })
            .ok()
    }
}

const fn delivery_class(class: Class) -> DeliveryClass {
    match class {
        Class::Create => DeliveryClass::Create,
        Class::Consume => DeliveryClass::Consume,
        Class::Read => DeliveryClass::Read,
        Class::Static => DeliveryClass::Static,
    }
}

/// What routes say of one thing, where they say something.
fn by_prefix<T: Copy>(routes: &[Route], said: impl Fn(&Route) -> Option<T>) -> Prefixes<T> {
    let said = |route: &Route| Some((route.prefix.clone(), host_classes(route), said(route)?));
    Prefixes::new(routes.iter().filter_map(said))
}

fn host_classes(route: &Route) -> Vec<HostClass> {
    route.hosts.iter().map(|kind| host_class(*kind)).collect()
}

fn host_class(kind: crate::config::host::HostKind) -> HostClass {
    match kind {
        crate::config::host::HostKind::Auto => HostClass::Auto,
        crate::config::host::HostKind::Region => HostClass::Own,
        crate::config::host::HostKind::Alias => HostClass::Alias,
    }
}
