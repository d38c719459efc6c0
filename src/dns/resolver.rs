//! One question to name servers. Nothing is kept from one to the next: how long an answer lasts is
//! decided elsewhere, and the system's resolv.conf and hosts file are read as they are now.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{NameServerConfig, ResolverConfig};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::RecordType;

use crate::balance::addresses::Answer;

/// For each of two attempts at configured servers.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The IPv6 and the IPv4 addresses of a name, from the hosts file or the servers; no servers are
/// those of the system.
pub(super) async fn ask(name: &str, servers: &[SocketAddr]) -> [Answer; 2] {
    match resolver(servers) {
        Ok(resolver) => {
            let (v6, v4) = tokio::join!(
                family(&resolver, name, RecordType::AAAA),
                family(&resolver, name, RecordType::A)
            );
            [v6, v4]
        }
        Err(error) => {
            tracing::debug!(name, %error, "no resolver");
            [Answer::Missing, Answer::Missing]
        }
    }
}

fn resolver(servers: &[SocketAddr]) -> Result<TokioResolver, NetError> {
    let mut builder = match servers {
        [] => TokioResolver::builder_tokio().unwrap_or_else(|error| {
            // As the system's own resolver does without resolv.conf (resolv.conf(5)).
            tracing::debug!(%error, "no resolv.conf, asking 127.0.0.1");
            with(&[SocketAddr::from((Ipv4Addr::LOCALHOST, 53))])
        }),
        servers => with(servers),
    };
    if !servers.is_empty() {
        let options = builder.options_mut();
        options.timeout = TIMEOUT;
        options.attempts = 2;
    }
    builder.build()
}

fn with(servers: &[SocketAddr]) -> hickory_resolver::ResolverBuilder<TokioRuntimeProvider> {
    let servers = servers.iter().map(|server| {
        let mut config = NameServerConfig::udp_and_tcp(server.ip());
        for connection in &mut config.connections {
            connection.port = server.port();
        }
        config
    });
    let config = ResolverConfig::from_parts(None, Vec::new(), servers.collect());
    TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
}

async fn family(resolver: &TokioResolver, name: &str, kind: RecordType) -> Answer {
    match resolver.lookup(name, kind).await {
        Ok(found) => {
            let records = found.answers();
            // An alias on the way counts too.
            let ttl = records.iter().map(|record| record.ttl).min().unwrap_or(0);
            let addresses: Vec<IpAddr> = records
                .iter()
                .filter_map(|record| record.data.ip_addr())
                .collect();
            Answer::Addresses(addresses, Duration::from_secs(ttl.into()))
        }
        Err(error) if error.is_no_records_found() => Answer::Addresses(Vec::new(), Duration::ZERO),
        Err(error) => {
            tracing::debug!(name, %kind, %error, "a question to name servers failed");
            Answer::Missing
        }
    }
}
