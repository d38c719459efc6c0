//! The parts of a snapshot that reach outward: each region's cluster, certificates, the database.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;

use super::build::Builder;
use super::files::{Looks, MOST_DATABASE};
use super::{Kept, RegionPart};
use crate::balance::budget::BudgetRules;
use crate::balance::ejection::EjectionRules;
use crate::config::endpoint::{Endpoint as Described, EndpointAddress, HostHeader};
use crate::config::name::HostName;
use crate::config::region::Region;
use crate::geoip::{Database, OpenError};
use crate::region::{RegionId, Regions};
use crate::sovereignty::fallback::Failovers;
use crate::tls::certificate::Certificate;
use crate::tls::store::CertStore;
use crate::upstream::endpoint::{
    Cluster, Endpoint, EndpointTls, HealthRules, Place, PoolLimits, Timeouts,
};
use crate::upstream::state::RegionState;

/// TLS towards regions, one configuration for each set of authorities and name to be shown.
type ClientConfigs = HashMap<(Option<PathBuf>, Option<HostName>), (Arc<ClientConfig>, u64)>;

impl Builder<'_> {
    pub(super) fn clusters(&mut self) -> Option<Vec<RegionPart>> {
        let mut configs = ClientConfigs::new();
        let mut complete = true;
        let regions: Vec<&Region> = self.config.regions.values().collect();
        let mut parts = Vec::with_capacity(regions.len());
        for region in regions {
            match self.region_part(region, &mut configs) {
                Some(part) => parts.push(part),
                None => complete = false,
            }
        }
        complete.then_some(parts)
    }

    fn region_part(&mut self, region: &Region, configs: &mut ClientConfigs) -> Option<RegionPart> {
        let name: Arc<str> = region.name.as_str().into();
        let mut endpoints = Vec::with_capacity(region.endpoints.len());
        for described in &region.endpoints {
            endpoints.push(self.endpoint(region, &name, described, configs)?);
        }
        let timeouts = &self.config.timeouts;
        let port = match self.config.server.https_public_port {
            443 => String::new(),
            port => format!(":{port}"),
        };
        Some(RegionPart {
            cluster: Arc::new(Cluster {
                rules: self.health_rules(region),
                state: self.kept_state(&name),
                region: name,
                endpoints,
                timeouts: Timeouts {
                    connect: timeouts.connect,
                    response_head: timeouts.response_head,
                    response_idle: timeouts.response_idle,
                    client_idle: timeouts.body_idle,
                    client_pace: super::limits::pace(self.config),
                    request: timeouts.request,
                    pool_idle: timeouts.upstream_idle,
                },
                limits: PoolLimits {
                    idle: self.config.limits.pool_per_endpoint,
                    connections: self.config.limits.requests_per_endpoint,
                    requests: self.config.limits.requests_per_region,
                    queue: self.config.limits.queue_per_region,
                    wait: self.config.limits.queue_wait,
                },
            }),
            origin: format!("https://{}{port}", region.host.as_str()),
            label: (self.materials.label)(region.name.as_str()),
            generation: region.generation,
            keeps_host: region
                .endpoints
                .iter()
                .any(|e| e.host_header == HostHeader::Client),
        })
    }

    fn endpoint(
        &mut self,
        region: &Region,
        name: &Arc<str>,
        described: &Described,
        configs: &mut ClientConfigs,
    ) -> Option<Arc<Endpoint>> {
        let (scheme, tls, identity) = if described.tls {
            let (config, identity) = self.client_config(described, configs)?;
            let server_name = ServerName::try_from(described.sni.as_str().to_owned())
                .map_err(|_| {
                    self.problems
                        .at(&described.place, "the name for SNI is not valid")
                })
                .ok()?;
            (
                "https",
                Some(EndpointTls {
                    config,
                    server_name,
                }),
                identity,
            )
        } else {
            ("http", None, 0)
        };
        let (place, shown) = match &described.address {
            EndpointAddress::Ip(address) => {
                let shown = std::net::SocketAddr::new(*address, described.port).to_string();
                (Place::Address(*address), shown)
            }
            EndpointAddress::Name(name) => (
                Place::Name(name.clone()),
                format!("{name}:{}", described.port),
            ),
        };
        let port = match self.config.server.https_public_port {
            443 => String::new(),
            port => format!(":{port}"),
        };
        let host = match &described.host_header {
            HostHeader::Region | HostHeader::Client => format!("{}{port}", region.host.as_str()),
            HostHeader::Literal(host) => host.clone(),
        };
        let mut endpoint = Endpoint {
            id: 0,
            region: name.clone(),
            url: format!("{scheme}://{shown}"),
            place,
            port: described.port,
            host,
            keeps_host: described.host_header == HostHeader::Client,
            networks: described.networks.clone(),
            tls,
            identity,
            weight: u32::from(described.weight),
            drain: described.drain || region.drain,
            state: Arc::default(),
        };
        // What has not changed keeps its number, and with it its connections, and its health.
        match self.earlier(&endpoint) {
            Some(earlier) => {
                endpoint.id = earlier.id;
                endpoint.state = earlier.state.clone();
            }
            None => endpoint.id = Endpoint::next_id(),
        }
        Some(Arc::new(endpoint))
    }

    /// The regions that may stand in. The configuration was refused if one of them crosses without
    /// being allowed to; should one ever come so far, it is left out.
    fn stand_ins(&self, region: &Region, table: &Regions) -> Vec<RegionId> {
        let others = region.failover.iter();
        others
            .filter_map(|name| {
                let other = self.config.regions.get(name)?;
                let stays = other.jurisdiction == region.jurisdiction || region.allow_crossing;
                table.by_name(name.as_str().as_bytes()).filter(|_| stays)
            })
            .collect()
    }

    pub(super) fn failovers(&self, table: &Regions) -> Failovers {
        let regions = self.config.regions.values();
        Failovers::new(regions.map(|region| self.stand_ins(region, table)))
    }

    fn health_rules(&self, region: &Region) -> HealthRules {
        let retries = &self.config.retries;
        let threads = u32::try_from(super::threads(&self.config.server)).unwrap_or(u32::MAX);
        HealthRules {
            ejection: region.ejection.as_ref().map(|ejection| EjectionRules {
                consecutive: ejection.consecutive,
                base: ejection.base,
                most: ejection.most,
                share: ejection.share,
            }),
            slow_start: region.slow_start,
            recovery: region
                .health
                .as_ref()
                .map(|health| health.fast_interval * health.rise),
            retries: BudgetRules {
                share: retries.share,
                // Rounded up: the threads together may allow a thousandth of a retry more each.
                milli_per_second: (retries.per_second * 1_000).div_ceil(threads.max(1)),
            },
            backoff: retries.backoff,
        }
    }

    /// A region's state outlives reloads under the region's name.
    fn kept_state(&self, region: &str) -> Arc<RegionState> {
        let parts = self
            .materials
            .previous
            .iter()
            .flat_map(|previous| &previous.parts);
        let mut clusters = parts.map(|part| &part.cluster);
        clusters
            .find(|cluster| &*cluster.region == region)
            .map(|cluster| cluster.state.clone())
            .unwrap_or_default()
    }

    /// The same endpoint in the previous snapshot.
    fn earlier(&self, endpoint: &Endpoint) -> Option<&Arc<Endpoint>> {
        let previous = self.materials.previous?;
        previous
            .parts
            .iter()
            .flat_map(|part| &part.cluster.endpoints)
            .find(|earlier| earlier.is_same(endpoint))
    }

    /// One client configuration for each CA bundle, and a number that is the bundle's content.
    fn client_config(
        &mut self,
        described: &Described,
        configs: &mut ClientConfigs,
    ) -> Option<(Arc<ClientConfig>, u64)> {
        let (ca, name) = (described.ca.as_ref(), &described.certificate_name);
        let path = ca.map(|path| path.resolve(self.materials.directory));
        let key = (path, name.clone());
        if let Some(made) = configs.get(&key) {
            return Some(made.clone());
        }
        let content = match ca {
            Some(path) => Some(self.read(path)?),
            None => None,
        };
        if let (Some(path), Some(pem)) = (ca, &content) {
            for line in crate::tls::upstream::unusable(pem) {
                let words =
                    format!("the certificate in line {line} cannot be used as an authority");
                self.warn(&path.place, words);
            }
        }
        let mut identity = content
            .as_deref()
            .map_or(1, |pem| crate::config::hash(&String::from_utf8_lossy(pem)));
        if let Some(name) = name {
            // What was connected to under another name is another connection.
            identity = crate::config::hash(&format!("{identity} {name}"));
        }
        // The same authorities as before: resumption data and configuration live on.
        if let Some(kept) = self.kept_config(identity) {
            configs.insert(key, (kept.clone(), identity));
            return Some((kept, identity));
        }
        match crate::tls::upstream::client_config(
            content.as_deref(),
            name.as_ref().map(HostName::as_str),
        ) {
            Ok(made) => {
                configs.insert(key, (made.clone(), identity));
                Some((made, identity))
            }
            Err(error) => {
                match ca {
                    Some(path) => self.problems.at(&path.place, error.to_string()),
                    None => self.problems.whole(error.to_string()),
                }
                None
            }
        }
    }

    fn kept_config(&self, identity: u64) -> Option<Arc<ClientConfig>> {
        let previous = self.materials.previous?;
        previous
            .parts
            .iter()
            .flat_map(|part| &part.cluster.endpoints)
            .filter(|endpoint| endpoint.identity == identity)
            .find_map(|endpoint| Some(endpoint.tls.as_ref()?.config.clone()))
    }

    pub(super) fn certificates(&mut self) -> Option<Arc<CertStore>> {
        let mut loaded = Vec::new();
        let mut complete = true;
        for certificate in &self.config.tls.certificates {
            let (chain, key) = (self.read(&certificate.chain), self.read(&certificate.key));
            match (chain, key) {
                (Some(chain), Some(key)) => {
                    loaded.push((certificate, chain, zeroize::Zeroizing::new(key)));
                }
                _ => complete = false,
            }
        }
        if !complete {
            return None;
        }
        let mut certificates = Vec::with_capacity(loaded.len());
        for (described, chain, key) in loaded {
            match Certificate::from_pem(&chain, &key) {
                Ok(certificate) => {
                    for words in certificate.warnings(self.materials.now) {
                        self.warn(&described.chain.place, words);
                    }
                    self.advise_on_secrecy(&described.key, "private key");
                    certificates.push(certificate);
                }
                Err(error) => {
                    let place = if error.is_of_key() {
                        &described.key.place
                    } else {
                        &described.chain.place
                    };
                    self.problems.at(place, error.to_string());
                    complete = false;
                }
            }
        }
        if !complete {
            return None;
        }
        let store = CertStore::new(certificates)?;
        self.warnings.extend(store.warnings());
        self.advise_on_hosts(&store);
        self.advise_on_addresses(&store);
        Some(Arc::new(store))
    }

    pub(super) fn database(&mut self) -> Option<Option<Kept>> {
        let Some(path) = &self.config.geo.database else {
            return Some(None);
        };
        let resolved = path.resolve(self.materials.directory);
        let looks = self.materials.looks;
        let facts = looks.at(&resolved);
        let previous = self
            .materials
            .previous
            .and_then(|previous| previous.database.as_ref());
        let kept = previous
            .filter(|kept| kept.path == resolved && kept.facts == facts && facts.is_some())
            .cloned();
        let kept = match kept {
            Some(kept) => kept,
            None => match open(looks, &resolved) {
                Ok(database) => Kept {
                    database: Arc::new(database),
                    // As it was when it was read.
                    facts: looks.at(&resolved),
                    path: resolved,
                },
                Err(error) => {
                    self.problems.at(&path.place, error.to_string());
                    return None;
                }
            },
        };
        let coverage = kept.database.coverage();
        if !coverage.is_good() {
            let words = format!(
                "the country database {} has a country for {:.1} % of IPv4 and {:.2} % of IPv6 \
                 (complete ones: about 99 % and 6 %): every other client goes to geo.no_country",
                kept.path.display(),
                coverage.v4 * 100.0,
                coverage.v6 * 100.0
            );
            self.warn(&path.place, words);
        }
        let age = kept.database.age(self.materials.now);
        if age > self.config.geo.max_age {
            let words = format!(
                "the country database {} is {} days old",
                kept.path.display(),
                age.as_secs() / 86_400
            );
            self.warn(&path.place, words);
        }
        Some(Some(kept))
    }
}

fn open(looks: &Looks, path: &Path) -> Result<Database, OpenError> {
    Database::from_bytes(&looks.read(path, MOST_DATABASE)?)
}
