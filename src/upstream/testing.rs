//! A region for tests.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use super::endpoint::{Cluster, Endpoint, HealthRules, Place, PoolLimits, Timeouts};
use crate::balance::budget::BudgetRules;
use crate::balance::ejection::EjectionRules;
use crate::limit::pace::PaceRule;

/// A region `eu` with plain endpoints at these ports of the loopback address. Ejects after three
/// failures for ten seconds, half of the endpoints at most.
pub(crate) fn cluster(ports: &[u16]) -> Cluster {
    let second = Duration::from_secs(1);
    let region: Arc<str> = "eu".into();
    let endpoint = |port: &u16| {
        Arc::new(Endpoint {
            id: Endpoint::next_id(),
            region: region.clone(),
            url: format!("http://{}", SocketAddr::from((Ipv4Addr::LOCALHOST, *port))),
            place: Place::Address(Ipv4Addr::LOCALHOST.into()),
            port: *port,
            host: "eu.example".to_owned(),
            keeps_host: false,
            networks: Vec::new(),
            tls: None,
            identity: 0,
            weight: 1,
            drain: false,
            state: Arc::default(),
        })
    };
    Cluster {
        region: region.clone(),
        endpoints: ports.iter().map(endpoint).collect(),
        timeouts: Timeouts {
            connect: second,
            response_head: second,
            response_idle: second,
            client_idle: second,
            client_pace: PaceRule {
                rate: 1,
                grace: 60 * second,
            },
            request: 5 * second,
            pool_idle: 60 * second,
            pool_age: 600 * second,
        },
        limits: PoolLimits {
            idle: 10,
            connections: 10,
            requests: 1_000,
            queue: 2,
            wait: second,
        },
        rules: HealthRules {
            ejection: Some(EjectionRules {
                consecutive: 3,
                base: 10 * second,
                most: 60 * second,
                share: 50,
            }),
            slow_start: 30 * second,
            recovery: Some(2 * second),
            retries: BudgetRules {
                share: 20,
                milli_per_second: 1_000,
            },
            backoff: Duration::ZERO,
        },
        state: Arc::default(),
    }
}
