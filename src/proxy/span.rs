//! A recorded request's spans: one for all of it and, where a region was asked, one within for the
//! wait. They say what its record holds, in the words of OpenTelemetry's semantic conventions; the
//! record cannot hold a path, a query, a key, a field value or a byte of a body.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::arrival::Protocol;
use super::line::shown;
use super::record::{Method, Record};
use super::trace::Trace;
use crate::telemetry::spans::{Side, Span, Value};

/// Hands the spans of a request that has ended to `emit`. `now` and `wall` are the same moment.
pub fn spans(
    record: &Record,
    trace: Trace,
    now: Instant,
    wall: SystemTime,
    mut emit: impl FnMut(Span),
) {
    let ago = |past: Duration| wall.checked_sub(past).unwrap_or(wall);
    let method = Method::LABELS.get(record.method as usize);
    let method = method.copied().unwrap_or("other");
    let name = match record.route {
        Some(route) => format!("{method} {}", route.label()),
        None => method.to_owned(),
    };
    let failed = record
        .broken
        .map(|cause| cause.label())
        .or_else(|| record.refusal.map(|refusal| refusal.label()));
    let common = vec![
        ("http.request.method", text(method)),
        (
            "http.response.status_code",
            Value::Number(i64::from(record.status)),
        ),
    ];
    let times = record.times(now);
    if let (Some(region), Some(after)) = (times.region, times.client) {
        let mut attributes = common.clone();
        let journey = record.travelled();
        if let Some(endpoint) = &journey.endpoint {
            attributes.push(("server.address", Value::Text(endpoint.url.clone().into())));
        }
        let resent = i64::from(journey.attempts).saturating_sub(1);
        if resent > 0 {
            attributes.push(("http.request.resend_count", Value::Number(resent)));
        }
        let took = region + times.connect.unwrap_or_default();
        emit(Span {
            trace: trace.id,
            id: trace.onward,
            parent: Some(trace.span),
            side: Side::Client,
            name: name.clone(),
            start: ago(after + took),
            end: ago(after),
            attributes,
            failed,
        });
    }
    let mut attributes = common;
    attributes.extend(told(record));
    emit(Span {
        trace: trace.id,
        id: trace.span,
        parent: trace.parent,
        side: Side::Server,
        name,
        start: ago(times.total),
        end: wall,
        attributes,
        // The client's own mistakes are no failures of the server (semantic conventions, HTTP).
        failed: failed.filter(|_| record.status >= 500 || record.broken.is_some()),
    });
}

/// What is known of the request beside its method and status.
fn told(record: &Record) -> Vec<(&'static str, Value)> {
    let view = record.view();
    let protocol = match record.protocol {
        Some(Protocol::Http10) => Some("1.0"),
        Some(Protocol::Http11) => Some("1.1"),
        Some(Protocol::Http2) => Some("2"),
        None => None,
    };
    let region = record.decided.map(|(region, _)| view.region_name(region));
    let client = shown(record.client, view.config.log.access_address);
    let owned = [
        ("client.address", client.map(|client| client.to_string())),
        (
            "server.address",
            record.host_pattern().map(|host| host.to_string()),
        ),
        ("onetime.region", region.map(str::to_owned)),
        ("onetime.request_id", Some(record.request_id().to_owned())),
    ];
    let fixed = [
        ("http.route", record.route.map(|route| route.label())),
        ("network.protocol.version", protocol),
        (
            "onetime.reason",
            record.decided.map(|(_, reason)| reason.label()),
        ),
        ("error.type", record.refusal.map(|refusal| refusal.label())),
    ];
    let fixed = fixed
        .into_iter()
        .filter_map(|(name, value)| Some((name, text(value?))));
    let owned = owned
        .into_iter()
        .filter_map(|(name, value)| Some((name, Value::Text(value?.into()))));
    fixed.chain(owned).collect()
}

const fn text(value: &'static str) -> Value {
    Value::Text(std::borrow::Cow::Borrowed(value))
}
