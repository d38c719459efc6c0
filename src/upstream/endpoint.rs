//! One address of a region.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use ipnet::IpNet;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;

use super::failure::Cause;
use super::state::{EndpointState, RegionState};
use crate::balance::addresses::{canonical, canonical_name};
use crate::balance::budget::BudgetRules;
use crate::balance::ejection::EjectionRules;
use crate::limit::pace::PaceRule;

/// Where an endpoint listens.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Place {
    /// A fixed address.
    Address(IpAddr),
    /// A name to resolve.
    Name(String),
}

/// TLS towards an endpoint.
#[derive(Clone)]
pub struct EndpointTls {
    /// Roots, versions, resumption.
    pub config: Arc<ClientConfig>,
    /// What is sent as SNI. The certificate must show the same, unless `config` wants another name.
    pub server_name: ServerName<'static>,
}

/// An endpoint, shared by all threads and all snapshots in which nothing about it changed.
pub struct Endpoint {
    /// Its number; see [`Endpoint::next_id`].
    pub id: u32,
    /// The region it belongs to; checked again where a connection is taken.
    pub region: Arc<str>,
    /// `scheme://host:port`, for logs, metrics and as its identity across reloads.
    pub url: String,
    /// Where it listens.
    pub place: Place,
    /// Its port.
    pub port: u16,
    /// What `Host` says to it.
    pub host: String,
    /// Whether `Host` says instead what the client named.
    pub keeps_host: bool,
    /// The networks that its address must be in; any, if there are none.
    pub networks: Vec<IpNet>,
    /// TLS, for `https`.
    pub tls: Option<EndpointTls>,
    /// The authorities that may have signed its certificate, and the name that it must show if that
    /// is another than in SNI, as a number; 0 without TLS.
    pub identity: u64,
    /// Its share of the region's requests, relative to the others; 0 takes no new ones.
    pub weight: u32,
    /// Whether it is being drained: no new requests, those in flight finish.
    pub drain: bool,
    /// What all threads know of it.
    pub state: Arc<EndpointState>,
}

impl Endpoint {
    /// A number for a new endpoint, never used twice in a process.
    #[must_use]
    pub fn next_id() -> u32 {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        NEXT.fetch_add(1, Ordering::Relaxed)
    }

    /// Where to connect, in the order in which to try. Waits for a name that was never asked about;
    /// none for one that never had an answer. All that connect ask here, and get none at which the
    /// endpoint must not be used.
    ///
    /// # Errors
    /// [`Cause::OutsideNetworks`] if that is true of all.
    pub async fn addresses(&self) -> Result<Vec<SocketAddr>, Cause> {
        let addresses = match &self.place {
            Place::Address(address) => vec![*address],
            Place::Name(_) => self.state.resolved.addresses().await,
        };
        let addresses = addresses.into_iter();
        let addresses = addresses.map(|address| SocketAddr::new(address, self.port));
        self.within(addresses.collect())
    }

    /// Whether a connection made for one serves the other as well.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        let name = |endpoint: &Self| endpoint.tls.as_ref().map(|tls| tls.server_name.clone());
        self.region == other.region
            && self.url == other.url
            && self.identity == other.identity
            && self.networks == other.networks
            && name(self) == name(other)
    }

    /// Whether both are the same server, however its address is spelled.
    #[must_use]
    pub fn is_same_server(&self, other: &Self) -> bool {
        let same = match (&self.place, &other.place) {
            (Place::Address(one), Place::Address(two)) => canonical(*one) == canonical(*two),
            (Place::Name(one), Place::Name(two)) => canonical_name(one) == canonical_name(two),
            _ => false,
        };
        same && self.port == other.port
    }

    /// Whether the configuration gives it new requests.
    #[must_use]
    pub const fn is_in_use(&self) -> bool {
        !self.drain && self.weight > 0
    }
}

/// How long each part of a request may take at a region.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// TCP and TLS to an endpoint.
    pub connect: Duration,
    /// From the last request byte to the answer's head.
    pub response_head: Duration,
    /// Between bytes of the answer.
    pub response_idle: Duration,
    /// Between bytes of the client's body, and between bytes that the client takes.
    pub client_idle: Duration,
    /// How slowly a client may send its body.
    pub client_pace: PaceRule,
    /// The whole request, from its head to the end of the answer.
    pub request: Duration,
    /// How long an unused connection is kept.
    pub pool_idle: Duration,
}

/// What one region may have, in all threads together where nothing else is said.
#[derive(Clone, Copy, Debug)]
pub struct PoolLimits {
    /// Unused connections kept per endpoint and thread.
    pub idle: usize,
    /// Requests at a time per endpoint. Over HTTP/1.1 each has a connection of its own, so this
    /// limits the connections in use as well.
    pub connections: usize,
    /// Requests at a time in the region.
    pub requests: usize,
    /// Requests that wait for one of them to end.
    pub queue: usize,
    /// How long they wait.
    pub wait: Duration,
}

/// How a region's endpoints are judged.
#[derive(Clone, Copy, Debug)]
pub struct HealthRules {
    /// When failing requests take an endpoint out; `None` is never.
    pub ejection: Option<EjectionRules>,
    /// How long an endpoint that came back takes less than its share.
    pub slow_start: Duration,
    /// How long probes need to find an endpoint well; `None` without probes.
    pub recovery: Option<Duration>,
    /// Each thread's part of the retries.
    pub retries: BudgetRules,
    /// The longest wait before a first retry.
    pub backoff: Duration,
}

/// One region's servers, as the current snapshot has them. All that a forwarded request can reach.
pub struct Cluster {
    /// The region's name.
    pub region: Arc<str>,
    /// Its endpoints.
    pub endpoints: Vec<Arc<Endpoint>>,
    /// Time-outs.
    pub timeouts: Timeouts,
    /// Pool limits.
    pub limits: PoolLimits,
    /// How endpoints are judged.
    pub rules: HealthRules,
    /// What all threads know of the region.
    pub state: Arc<RegionState>,
}
