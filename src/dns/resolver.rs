//! One question to name servers. Nothing is kept from one to the next: how long an answer lasts is
//! decided elsewhere, and the system's resolv.conf and hosts file are read as they are now.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use hickory_resolver::config::{NameServerConfig, ResolverConfig, ResolverOpts};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::op::Query;
use hickory_resolver::proto::rr::{IntoName, Name, RecordType};
use hickory_resolver::system_conf::read_system_conf;
use hickory_resolver::{Hosts, TokioResolver};

use crate::balance::addresses::Answer;

/// For each of two attempts at configured servers.
const TIMEOUT: Duration = Duration::from_secs(2);

/// IPv6 and IPv4.
pub(super) const FAMILIES: [RecordType; 2] = [RecordType::AAAA, RecordType::A];

/// What came of a question for one family of addresses.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    pub(super) answer: Answer,
    /// Why there is no answer.
    pub(super) cause: Option<String>,
}

impl Reply {
    /// Whether there are addresses to use.
    pub(super) fn is_good(&self) -> bool {
        matches!(&self.answer, Answer::Addresses(addresses, _) if !addresses.is_empty())
    }
}

/// Asks for one name of an endpoint.
#[derive(Clone)]
pub(super) struct Asker {
    /// Asks without EDNS (RFC 6891), as the C library does by default: a server that refuses the OPT
    /// record is never shown one, and an answer beyond 512 bytes comes over TCP (RFC 7766).
    plain: TokioResolver,
    /// With EDNS: for a server that can give a long answer in no other way.
    extended: TokioResolver,
    /// The absolute names to ask for, one after the other.
    pub(super) names: Vec<Name>,
}

impl Asker {
    /// Asks these servers; none are those of the system.
    ///
    /// # Errors
    /// If there is no such name, or resolv.conf cannot be used.
    pub(super) fn new(name: &str, servers: &[SocketAddr]) -> Result<Self, NetError> {
        let (config, options) = match servers {
            [] => read_system_conf().unwrap_or_else(|error| {
                // As the system's own resolver does without resolv.conf (resolv.conf(5)).
                tracing::debug!(%error, "no resolv.conf, asking 127.0.0.1");
                let local = SocketAddr::from((Ipv4Addr::LOCALHOST, 53));
                (with(&[local]), ResolverOpts::default())
            }),
            servers => {
                let mut options = ResolverOpts::default();
                options.timeout = TIMEOUT;
                options.attempts = 2;
                (with(servers), options)
            }
        };
        let suffixes: Vec<Name> = config
            .domain()
            .into_iter()
            .chain(config.search())
            .cloned()
            .collect();
        let names = expand(name, &suffixes, options.ndots)?;
        let resolver = |edns: bool| {
            let runtime = TokioRuntimeProvider::default();
            let mut builder = TokioResolver::builder_with_config(config.clone(), runtime);
            *builder.options_mut() = options.clone();
            builder.options_mut().edns0 = edns;
            builder.build()
        };
        Ok(Self {
            plain: resolver(false)?,
            extended: resolver(true)?,
            names,
        })
    }

    /// One family of the addresses of `name`, from the hosts file or the servers.
    pub(super) async fn family(self, name: Name, kind: RecordType) -> Reply {
        let mut found = self.plain.lookup(name.clone(), kind).await;
        let may_help =
            |error: &NetError| !error.is_no_records_found() && !matches!(error, NetError::Timeout);
        if found.as_ref().err().is_some_and(may_help) {
            let again = self.extended.lookup(name, kind).await;
            if again.is_ok() || again.as_ref().is_err_and(NetError::is_no_records_found) {
                found = again;
            }
        }
        match found {
            Ok(found) => {
                let records = found.answers();
                // An alias on the way counts too.
                let ttl = records.iter().map(|record| record.ttl).min().unwrap_or(0);
                let addresses: Vec<IpAddr> = records
                    .iter()
                    .filter_map(|record| record.data.ip_addr())
                    .collect();
                Reply {
                    answer: Answer::Addresses(addresses, Duration::from_secs(ttl.into())),
                    cause: None,
                }
            }
            Err(error) if error.is_no_records_found() => Reply {
                answer: Answer::Addresses(Vec::new(), Duration::ZERO),
                cause: None,
            },
            Err(error) => Reply {
                answer: Answer::Missing,
                cause: Some(error.to_string()),
            },
        }
    }
}

fn with(servers: &[SocketAddr]) -> ResolverConfig {
    let servers = servers.iter().map(|server| {
        let mut config = NameServerConfig::udp_and_tcp(server.ip());
        for connection in &mut config.connections {
            connection.port = server.port();
        }
        config
    });
    ResolverConfig::from_parts(None, Vec::new(), servers.collect())
}

/// The absolute names that `name` may stand for. One with a dot is absolute: in a search list it could
/// be found in a domain of somebody else. A single label is looked for in the search list (resolv.conf(5)),
/// unless it has a dot at its end or the hosts file has it.
fn expand(name: &str, suffixes: &[Name], ndots: usize) -> Result<Vec<Name>, NetError> {
    let mut absolute = name.into_name()?;
    let relative = !name.contains('.') && !absolute.is_localhost();
    absolute.set_fqdn(true);
    if !relative || in_hosts_file(&absolute) {
        return Ok(vec![absolute]);
    }
    let label = name.into_name()?;
    let mut names: Vec<Name> = Vec::with_capacity(suffixes.len() + 1);
    let longer = suffixes.iter().filter_map(|suffix| {
        let mut longer = label.clone().append_domain(suffix).ok()?;
        longer.set_fqdn(true);
        Some(longer)
    });
    // A label has no dots.
    let first = (ndots == 0).then(|| absolute.clone());
    for name in first.into_iter().chain(longer).chain([absolute]) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Ok(names)
}

fn in_hosts_file(name: &Name) -> bool {
    let hosts = Hosts::from_system().unwrap_or_default();
    let has = |kind| {
        let query = Query::query(name.clone(), kind);
        hosts.lookup_static_host(&query).is_some()
    };
    FAMILIES.into_iter().any(has)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(name: &str, suffixes: &[&str], ndots: usize) -> Vec<String> {
        let suffixes: Vec<Name> = suffixes
            .iter()
            .map(|one| Name::from_utf8(one).expect("a name"))
            .collect();
        let names = expand(name, &suffixes, ndots).expect("a name");
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_name_with_a_dot_is_never_looked_for_in_a_search_list() {
        let search = ["corp.test", "prod.svc.cluster.local."];
        for name in ["us1.backend.internal", "eu.", "a_b.c"] {
            let wanted = format!("{}.", name.trim_end_matches('.'));
            assert_eq!(asked(name, &search, 5), [wanted], "{name}");
        }
        assert_eq!(asked("localhost", &search, 1), ["localhost."]);
    }

    #[test]
    fn a_single_label_is_looked_for_in_the_search_list_first() {
        let search = ["corp.test", "prod.svc.cluster.local.", "corp.test."];
        let longer = ["eu9.corp.test.", "eu9.prod.svc.cluster.local.", "eu9."];
        assert_eq!(asked("eu9", &search, 5), longer);
        assert_eq!(asked("eu9", &search, 0), ["eu9.", longer[0], longer[1]]);
        assert_eq!(asked("eu9", &[], 1), ["eu9."]);
    }
}
