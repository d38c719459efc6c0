//! `explain`: which region, by which rule, and why not by the others; with the very function that
//! decides on the request's road. It never prints a key, a cookie or a header value.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::SystemTime;

use clap::Args;
use http::Method;
use httparse::Header;
use serde_json::{Value, json};

use crate::headers::request::Facts;
use crate::region::Decision;
use crate::region::authority::Authority;
use crate::region::pin::Sent;
use crate::region::question::Question;
use crate::region::trace::Explanation;
use crate::reload::{Source, load};
use crate::route::classify::{RouteMatch, classify};
use crate::route::table::{Action, HostClass};
use crate::snapshot::Snapshot;
use crate::sovereignty::fallback::{Carried, Fallback, Tie};

#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// The configuration file
    #[arg(
        long,
        short,
        value_name = "FILE",
        default_value = "/etc/onetime-gateway/gateway.toml"
    )]
    config: PathBuf,
    /// The host that the request names
    #[arg(long)]
    host: String,
    /// The path
    #[arg(long, default_value = "/")]
    path: String,
    /// The method
    #[arg(long, default_value = "GET")]
    method: Method,
    /// The client's address
    #[arg(long, visible_alias = "ip", default_value = "127.0.0.1")]
    address: IpAddr,
    /// A `Cookie` header's value; may be repeated
    #[arg(long, value_name = "COOKIES")]
    cookie: Vec<String>,
    /// A header, as `Name: value`; may be repeated
    #[arg(long, value_name = "HEADER")]
    header: Vec<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn explain(arguments: &Arguments) -> u8 {
    let source = Source::File(arguments.config.clone());
    let built = match load(&source, None, SystemTime::now(), &|_| 0) {
        Ok(built) => built,
        Err(problems) => {
            super::complain(&problems);
            return super::BAD;
        }
    };
    match explanation(arguments, &built.snapshot) {
        Ok(told) => {
            super::say(if arguments.json {
                told.to_string()
            } else {
                in_words(&told)
            });
            super::FINE
        }
        Err(why) => {
            if arguments.json {
                super::say(json!({ "error": why }));
            } else {
                super::complain(why);
            }
            super::FAILED
        }
    }
}

fn explanation(arguments: &Arguments, snapshot: &Snapshot) -> Result<Value, String> {
    let authority = Authority::parse(arguments.host.as_bytes())
        .map_err(|fault| format!("400: the host is not valid: {fault}"))?;
    let entry = snapshot
        .hosts()
        .find(&authority)
        .ok_or_else(|| "421: this host is not in [hosts]".to_owned())?;
    let path = arguments.path.split('?').next().unwrap_or_default();
    let route = classify(path).map_err(|fault| format!("400: {fault}"))?;
    let named = |wanted: &str| -> Vec<&str> {
        arguments
            .header
            .iter()
            .filter_map(|header| header.split_once(':'))
            .filter(|(name, _)| name.trim().eq_ignore_ascii_case(wanted))
            .map(|(_, value)| value.trim())
            .collect()
    };
    let mut cookies = named("cookie");
    cookies.extend(arguments.cookie.iter().map(String::as_str));
    let own = snapshot
        .cookie_names()
        .read(cookies.iter().map(|value| value.as_bytes()));
    let question = Question {
        host: entry.kind,
        key: route.key(),
        pin_header: Sent::header(named("o-region").into_iter().map(str::as_bytes)),
        pin_cookie: own.pin,
        sticky: own.sticky,
        credentials: !named("authorization").is_empty(),
        client: arguments.address,
    };
    let mut trace = Explanation::default();
    let outcome = snapshot
        .rules()
        .decide(&question, snapshot.geo(), &mut trace)
        .map_err(|rejection| {
            format!(
                "400: {rejection}; the regions are {}",
                snapshot.region_names()
            )
        })?;
    let elsewhere = snapshot.rules().page_elsewhere(entry.kind, route.key());
    let class = HostClass::of(entry.kind);
    let is_page = route.key_place().is_some_and(|place| place.is_page());
    let action = snapshot
        .routes()
        .action(class, &route, is_page && elsewhere.is_some());
    let region = outcome.decision.region;
    let failover = (action == Action::Proxy)
        .then(|| failover(arguments, snapshot, outcome.decision, &route, &cookies));
    let steps: Vec<Value> = trace
        .steps
        .iter()
        .map(|step| json!({ "rule": step.rule.label(), "fired": step.fired, "why": step.why }))
        .collect();
    Ok(json!({
        "region": snapshot.region_name(region),
        "jurisdiction": snapshot.regions().get(region).jurisdiction(),
        "reason": outcome.decision.reason.label(),
        "binding": outcome.decision.binding().label(),
        "host": class.label(),
        "route": route.template().label(),
        "class": snapshot
            .delivery_class(class, path, &route, &arguments.method)
            .label(),
        "action": action.label(),
        "failover": failover,
        "rules": steps,
    }))
}

fn field<'a>(name: &'a str, value: &'a str) -> Header<'a> {
    Header {
        name,
        value: value.as_bytes(),
    }
}

/// Each other region: whether it may answer while those before it cannot be reached, or why not. Which
/// ones may is asked of the very type that the road asks.
fn failover(
    arguments: &Arguments,
    snapshot: &Snapshot,
    decision: Decision,
    route: &RouteMatch<'_>,
    cookies: &[&str],
) -> Value {
    let headers = arguments.header.iter();
    let headers = headers.filter_map(|header| header.split_once(':'));
    let fields: Vec<_> = headers
        .map(|(name, value)| field(name.trim(), value.trim()))
        .chain(cookies.iter().map(|value| field("cookie", value)))
        .collect();
    let carried = &Carried {
        facts: &Facts::read(&fields, ""),
        route,
        query: arguments.path.split_once('?').map(|(_, query)| query),
    };
    let tie = Tie::of(decision, carried);
    let may: Vec<_> = Fallback::of(snapshot.failovers(), decision, carried).collect();
    let names: Vec<&str> = may.iter().map(|one| snapshot.region_name(*one)).collect();
    let home = snapshot.regions().get(decision.region);
    let others = snapshot.regions().iter();
    let others = others.filter(|(id, _)| *id != decision.region && !may.contains(id));
    let not: serde_json::Map<String, Value> = others
        .map(|(_, other)| {
            let crosses = other.jurisdiction() != home.jurisdiction();
            let why = match tie {
                Some(tie) => tie.words().to_owned(),
                None if crosses => format!("another jurisdiction: {}", other.jurisdiction()),
                None => format!("not in `failover` of {}", home.name()),
            };
            (other.name().as_str().to_owned(), why.into())
        })
        .collect();
    json!({ "may": names, "tie": tie.map(Tie::label), "not": not })
}

fn in_words(told: &Value) -> String {
    let text = |name: &str| told.get(name).and_then(Value::as_str).unwrap_or_default();
    let mut words = format!(
        "region   {} (jurisdiction {})\nreason   {} ({})\nhost     {}\nroute    {} (class {})\naction   {}\nfailover {}\nrules",
        text("region"),
        text("jurisdiction"),
        text("reason"),
        text("binding"),
        text("host"),
        text("route"),
        text("class"),
        text("action"),
        failover_in_words(told.get("failover").unwrap_or(&Value::Null)),
    );
    for step in told
        .get("rules")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let of = |name: &str| step.get(name).and_then(Value::as_str).unwrap_or_default();
        let mark = if step.get("fired") == Some(&Value::Bool(true)) {
            "=>"
        } else {
            "  "
        };
        words.push_str(&format!("\n  {mark} {:<12} {}", of("rule"), of("why")));
    }
    words
}

fn failover_in_words(told: &Value) -> String {
    if told.is_null() {
        return "none: nothing is forwarded".to_owned();
    }
    let may = told.get("may").and_then(Value::as_array);
    let names = may.into_iter().flatten().filter_map(Value::as_str);
    let names: Vec<&str> = names.collect();
    let mut words = match names.is_empty() {
        true => "no other region may answer".to_owned(),
        false => format!(
            "in this order, while nothing was sent: {}",
            names.join(", ")
        ),
    };
    let not = told.get("not").and_then(Value::as_object);
    for (region, why) in not.into_iter().flatten() {
        words.push_str(&format!(
            "\n           not {region}: {}",
            why.as_str().unwrap_or_default()
        ));
    }
    words
}
