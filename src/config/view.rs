//! The configuration as it may be shown: what holds, defaults included, in the shape of the file.
//!
//! Secrets are not in a configuration, only where they are; so all of it may be shown to whoever may change it.

use serde_json::{Map, Value, json};

use crate::config::Config;
use crate::config::decision::Credentials;
use crate::config::endpoint::{Endpoint, HostHeader};
use crate::config::geo::Geo;
use crate::config::host::{Host, HostKind, Target};
use crate::config::limits::Limits;
use crate::config::place::FilePath;
use crate::config::rate_limits::{Bucket, RateLimits};
use crate::config::region::{Region, SecretSource};
use crate::config::route::{Action, Route};
use crate::config::server::{Admin, Server};
use crate::config::text::measure::duration_text;
use crate::config::timeouts::Timeouts;

/// All that a configuration says, keys and values as the file has them; keys that are off are left out.
pub fn view(config: &Config) -> Value {
    let certificates = config.tls.certificates.iter();
    let certificates: Vec<_> = certificates
        .map(|one| json!({ "chain": path(&one.chain), "key": path(&one.key) }))
        .collect();
    let hosts: Map<_, _> = config
        .hosts
        .iter()
        .map(|one| (one.pattern.to_string(), host(one)))
        .collect();
    let regions: Map<_, _> = config
        .regions
        .values()
        .map(|one| (one.name.to_string(), region(one)))
        .collect();
    let credentials = match &config.decision.credentials_region {
        Credentials::Region(region) => region.as_str(),
        Credentials::Refuse => "refuse",
    };
    json!({
        "server": server(&config.server),
        "tls": { "min_version": config.tls.min_version.label(), "certificates": certificates },
        "hosts": hosts,
        "regions": regions,
        "geo": geo(&config.geo),
        "decision": {
            "credentials_region": credentials,
            "pin_cookie": config.decision.pin_cookie,
            "sticky": config.decision.sticky,
            "sticky_cookie": config.decision.sticky_cookie,
            "lookup": !config.decision.lookup.is_empty(),
            "lookup_jurisdictions": config.decision.lookup,
            "lookup_timeout": duration_text(config.decision.lookup_timeout),
            "lookup_found": duration_text(config.decision.lookup_found),
            "lookup_missing": duration_text(config.decision.lookup_missing),
            "lookup_per_second": config.decision.lookup_per_second,
        },
        "routes": config.routes.iter().map(route).collect::<Vec<_>>(),
        "timeouts": timeouts(&config.timeouts),
        "limits": limits(&config.limits),
        "rate_limits": rate_limits(&config.rate_limits),
        "retries": {
            "share": config.retries.share,
            "per_second": config.retries.per_second,
            "backoff": duration_text(config.retries.backoff),
        },
        "dns": {
            "servers": config.dns.servers.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "min_ttl": duration_text(config.dns.min_ttl),
            "max_ttl": duration_text(config.dns.max_ttl),
        },
        "log": {
            "level": config.log.level.label(),
            "format": config.log.format.label(),
            "access": config.log.access.written(),
            "access_address": config.log.access_address.label(),
        },
        "tracing": {
            "otlp": config.tracing.otlp.as_deref().unwrap_or("off"),
            "per_thousand": config.tracing.per_thousand,
        },
    })
}

fn server(server: &Server) -> Value {
    let admin = match &server.admin {
        Admin::Loopback(socket) => socket.to_string(),
        Admin::Unix(path) => format!("unix:{}", path.display()),
    };
    let hsts = match &server.hsts {
        Some(value) => json!(value.to_str().unwrap_or_default()),
        None => json!(false),
    };
    without_nulls(json!({
        "https": server.https,
        "http": server.http,
        "proxy_protocol": server.proxy_protocol,
        "admin": admin,
        "metrics": server.metrics,
        "handover": server.handover.as_ref().map(|path| path.display().to_string()),
        "https_public_port": server.https_public_port,
        "threads": server.threads.map_or(0, std::num::NonZero::get),
        "trusted_proxies": server.trusted_proxies.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "client_address_header": server.client_address_header.label(),
        "drain": duration_text(server.drain),
        "via": server.via,
        "acme_webroot": server.acme_webroot.as_ref().map(path),
        "country_header": server.country_header.as_ref().map(http::HeaderName::as_str),
        "hsts": hsts,
    }))
}

fn host(host: &Host) -> Value {
    let region = host
        .target
        .region()
        .map_or("auto", |region| region.as_str());
    let kind = match host.target {
        Target::Auto => None,
        Target::Region(_) => Some(HostKind::Region.label()),
        Target::Alias(_) => Some(HostKind::Alias.label()),
    };
    let notice = host.notice.as_ref().map(|notice| {
        without_nulls(json!({
            "deprecation": notice.deprecation,
            "sunset": notice.sunset,
            "link": notice.link,
        }))
    });
    without_nulls(json!({ "region": region, "kind": kind, "notice": notice }))
}

fn region(region: &Region) -> Value {
    let health = match &region.health {
        None => json!(false),
        Some(health) => json!({
            "path": health.path,
            "contains": health.contains,
            "status": health.status.as_u16(),
            "interval": duration_text(health.interval),
            "fast_interval": duration_text(health.fast_interval),
            "timeout": duration_text(health.timeout),
            "rise": health.rise,
            "fall": health.fall,
        }),
    };
    let ejection = match &region.ejection {
        None => json!(false),
        Some(ejection) => json!({
            "consecutive": ejection.consecutive,
            "base": duration_text(ejection.base),
            "most": duration_text(ejection.most),
            "share": ejection.share,
        }),
    };
    let secret = |secret: &SecretSource| match secret {
        SecretSource::Env { name, .. } => json!({ "env": name }),
        SecretSource::File(file) => json!({ "file": path(file) }),
    };
    json!({
        "host": region.host.as_str(),
        "jurisdiction": region.jurisdiction,
        "endpoints": region.endpoints.iter().map(endpoint).collect::<Vec<_>>(),
        "identifier_secrets": region.identifier_secrets.iter().map(secret).collect::<Vec<_>>(),
        "health": health,
        "ejection": ejection,
        "slow_start": duration_text(region.slow_start),
        "failover": region.failover.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "allow_crossing": region.allow_crossing,
        "drain": region.drain,
        "dialect": region.generation.label(),
    })
}

fn endpoint(endpoint: &Endpoint) -> Value {
    let host = match &endpoint.host_header {
        HostHeader::Region => "region",
        HostHeader::Client => "client",
        HostHeader::Literal(authority) => authority,
    };
    let networks: Vec<String> = endpoint.networks.iter().map(ToString::to_string).collect();
    // Without TLS there is neither; the file would not take them.
    let sni = endpoint.tls.then_some(endpoint.sni.as_str());
    let ca = endpoint.ca.as_ref().filter(|_| endpoint.tls).map(path);
    without_nulls(json!({
        "url": endpoint.url(),
        "weight": endpoint.weight,
        "drain": endpoint.drain,
        "sni": sni,
        "certificate_name": endpoint.certificate_name.as_ref().map(|name| name.as_str()),
        "networks": (!networks.is_empty()).then_some(networks),
        "host": host,
        "ca": ca,
    }))
}

fn geo(geo: &Geo) -> Value {
    let countries = geo
        .countries
        .iter()
        .map(|(key, region)| (key.to_string(), region.to_string()));
    let continents = geo
        .continents
        .iter()
        .map(|(key, region)| (key.to_string(), region.to_string()));
    let networks = geo
        .networks
        .iter()
        .map(|(key, region)| (key.to_string(), region.to_string()));
    without_nulls(json!({
        "database": geo.database.as_ref().map(path),
        "no_country": geo.no_country.as_str(),
        "default": geo.default.as_str(),
        "max_age": duration_text(geo.max_age),
        "countries": countries.map(|(key, region)| (key, json!(region))).collect::<Map<_, _>>(),
        "continents": continents.map(|(key, region)| (key, json!(region))).collect::<Map<_, _>>(),
        "networks": networks.map(|(key, region)| (key, json!(region))).collect::<Map<_, _>>(),
    }))
}

fn route(route: &Route) -> Value {
    let (status, body, content_type) = match &route.action {
        Action::Respond {
            status,
            body,
            content_type,
        } => (
            Some(status.as_u16()),
            Some(body),
            content_type.to_str().ok(),
        ),
        Action::Proxy | Action::Redirect | Action::Deny => (None, None, None),
    };
    without_nulls(json!({
        "prefix": route.prefix,
        "hosts": route.hosts.iter().map(|kind| kind.label()).collect::<Vec<_>>(),
        "action": route.action.label(),
        "status": status,
        "body": body,
        "content_type": content_type,
        "max_body": route.max_body,
        "class": route.class.map(|class| class.label()),
    }))
}

fn timeouts(timeouts: &Timeouts) -> Value {
    json!({
        "handshake": duration_text(timeouts.handshake),
        "head": duration_text(timeouts.head),
        "keep_alive": duration_text(timeouts.keep_alive),
        "body_idle": duration_text(timeouts.body_idle),
        "body_grace": duration_text(timeouts.body_grace),
        "connect": duration_text(timeouts.connect),
        "response_head": duration_text(timeouts.response_head),
        "response_idle": duration_text(timeouts.response_idle),
        "upstream_idle": duration_text(timeouts.upstream_idle),
        "upstream_age": duration_text(timeouts.upstream_age),
        "request": duration_text(timeouts.request),
    })
}

fn limits(limits: &Limits) -> Value {
    json!({
        "head_bytes": limits.head_bytes,
        "headers": limits.headers,
        "uri_bytes": limits.uri_bytes,
        "body": limits.body,
        "body_image": limits.body_image,
        "connections": limits.connections,
        "connections_per_address": limits.connections_per_address,
        "connections_per_network": limits.connections_per_network,
        "memory": limits.memory,
        "requests_per_address": limits.requests_per_address,
        "requests_per_network": limits.requests_per_network,
        "client_v4": limits.client_v4,
        "client_v6": limits.client_v6,
        "network_v4": limits.network_v4,
        "network_v6": limits.network_v6,
        "exempt": limits.exempt.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "requests_per_connection": limits.requests_per_connection,
        "requests": limits.requests,
        "h2_streams": limits.h2_streams,
        "h2_header_list": limits.h2_header_list,
        "h2_control_frames": bucket(limits.h2_control_frames),
        "body_rate": limits.body_rate,
        "pool_per_endpoint": limits.pool_per_endpoint,
        "requests_per_endpoint": limits.requests_per_endpoint,
        "requests_per_region": limits.requests_per_region,
        "queue_per_region": limits.queue_per_region,
        "queue_wait": duration_text(limits.queue_wait),
    })
}

fn rate_limits(limits: &RateLimits) -> Value {
    let bucket = |limit: Option<Bucket>| limit.map_or(json!(false), bucket);
    json!({
        "connect": bucket(limits.connect),
        "create": bucket(limits.create),
        "consume": bucket(limits.consume),
        "read": bucket(limits.read),
        "static": bucket(limits.assets),
        "unknown": bucket(limits.unknown),
        "refused": bucket(limits.refused),
    })
}

fn bucket(bucket: Bucket) -> Value {
    json!({ "burst": bucket.burst, "every": duration_text(bucket.every) })
}

fn path(file: &FilePath) -> Value {
    json!(file.written.display().to_string())
}

/// The same object without the keys that hold nothing.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(map) => map
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .collect(),
        other => other,
    }
}
