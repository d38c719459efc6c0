//! `explain`: which region, by which rule, and why not by the others; with the very function that
//! decides on the request's road. It never prints a key, a cookie or a header value.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::SystemTime;

use clap::Args;
use http::{HeaderName, HeaderValue, Method};
use httparse::Header;
use serde_json::{Value, json};

use crate::headers::name::Name;
use crate::headers::request::{Expect, Facts};
use crate::http1::Fault;
use crate::proxy::arrival::Target;
use crate::proxy::arrival::known_method;
use crate::proxy::refusal::Refusal;
use crate::region::Decision;
use crate::region::authority::Authority;
use crate::region::question::Question;
use crate::region::trace::Explanation;
use crate::reload::{Source, load};
use crate::route::classify::classify;
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
    /// The path, and a query if there is one. A key on a command line can be seen by others on the machine:
    /// use one that was revealed or burned
    #[arg(long, default_value = "/")]
    path: String,
    /// The method
    #[arg(long, default_value = "GET")]
    method: Method,
    /// The client's address, whatever a header says
    #[arg(long, visible_alias = "ip", default_value = "127.0.0.1")]
    address: IpAddr,
    /// A `Cookie` header's value; may be repeated
    #[arg(long, value_name = "COOKIES")]
    cookie: Vec<String>,
    /// A header, as `Name: value`; may be repeated. Which are not looked at is said
    #[arg(long, value_name = "HEADER")]
    header: Vec<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// The fields that were looked at: they decide where a request goes, or that it goes nowhere.
const LOOKED_AT: &[&str] = &[
    "authorization",
    "cookie",
    "expect",
    "o-region",
    "via",
    "x-csrf-token",
];

pub(super) fn explain(arguments: &Arguments) -> u8 {
    let fields = match fields(arguments) {
        Ok(fields) => fields,
        Err(number) => {
            // What was written may be a credential.
            super::complain(format_args!(
                "--header number {number} (--cookie ones last) is not `Name: value`"
            ));
            return super::BAD;
        }
    };
    let source = Source::File(arguments.config.clone());
    let built = match load(&source, None, SystemTime::now(), &|_| 0) {
        Ok(built) => built,
        Err(problems) => {
            super::complain(&problems);
            return super::BAD;
        }
    };
    match explanation(arguments, &fields, &built.snapshot) {
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

/// The request's fields; if one is none, which.
fn fields(arguments: &Arguments) -> Result<Vec<(&str, &str)>, usize> {
    let headers = arguments.header.iter();
    let headers = headers.map(|header| header.split_once(':'));
    let cookies = arguments.cookie.iter();
    headers
        .chain(cookies.map(|value| Some(("cookie", value.as_str()))))
        .enumerate()
        .map(|(at, field)| {
            let (name, value) = field.ok_or(at + 1)?;
            let value = value.trim_matches([' ', '\t']);
            let fine = HeaderName::from_bytes(name.as_bytes()).is_ok()
                && HeaderValue::from_bytes(value.as_bytes()).is_ok();
            fine.then_some((name, value)).ok_or(at + 1)
        })
        .collect()
}

fn refused(refusal: Refusal) -> String {
    format!("{}: {}", refusal.status(), refusal.words())
}

/// The checks of the road that need no connection, in its order, as far as the path.
fn well_formed<'a>(
    arguments: &'a Arguments,
    facts: &Facts<'_>,
    snapshot: &Snapshot,
) -> Result<Target<'a>, String> {
    known_method(arguments.method.as_str()).map_err(refused)?;
    let malformed = |fault| refused(Refusal::BadMessage(fault));
    if arguments.path.len() > snapshot.head_limits().target {
        return Err(malformed(Fault::TargetTooLong));
    }
    let target = Target::parse(&arguments.path)
        .filter(|target| target.authority.is_none() && target.path != "*")
        .filter(|_| arguments.path.bytes().all(|byte| byte.is_ascii_graphic()))
        .ok_or_else(|| malformed(Fault::BadTarget))?;
    if facts.looped {
        return Err(refused(Refusal::Loop));
    }
    if facts.expect == Expect::Unknown {
        return Err(refused(Refusal::ExpectationFailed));
    }
    Ok(target)
}

/// What whoever asks should know of the explanation itself.
fn notes(fields: &[(&str, &str)], snapshot: &Snapshot) -> Vec<String> {
    let mut notes = Vec::new();
    let mut unseen: Vec<String> = fields
        .iter()
        .map(|(name, _)| name.to_ascii_lowercase())
        .filter(|name| !LOOKED_AT.contains(&name.as_str()))
        // They tie a request to its region.
        .filter(|name| Name::of(name) != Name::Credential)
        .collect();
    unseen.sort_unstable();
    unseen.dedup();
    if !unseen.is_empty() {
        notes.push(format!("not looked at: {}", unseen.join(", ")));
    }
    if snapshot.config.geo.database.is_none() {
        notes.push("there is no database (geo.database): no address has a country".to_owned());
    }
    notes
}

fn explanation(
    arguments: &Arguments,
    fields: &[(&str, &str)],
    snapshot: &Snapshot,
) -> Result<Value, String> {
    let headers: Vec<_> = fields
        .iter()
        .map(|(name, value)| field(name, value))
        .collect();
    let facts = Facts::read(&headers, snapshot.pseudonym());
    let target = well_formed(arguments, &facts, snapshot)?;
    let path = target.path;
    let authority = Authority::parse(arguments.host.as_bytes())
        .map_err(|fault| format!("400: the host is not valid: {fault}"))?;
    let entry = snapshot
        .hosts()
        .find(&authority)
        .ok_or_else(|| "421: this host is not in [hosts]".to_owned())?;
    let route = classify(path).map_err(|fault| format!("400: {fault}"))?;
    let own = snapshot.cookie_names().read(facts.cookies.iter().copied());
    let question = Question {
        host: entry.kind,
        key: route.key(),
        pin_header: facts.pin,
        pin_cookie: own.pin,
        sticky: own.sticky,
        credentials: facts.authorization,
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
    let failover = (action == Action::Proxy).then(|| {
        let carried = Carried {
            facts: &facts,
            route: &route,
            query: target.query,
        };
        failover(snapshot, outcome.decision, &carried)
    });
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
        "notes": notes(fields, snapshot),
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
fn failover(snapshot: &Snapshot, decision: Decision, carried: &Carried<'_, '_>) -> Value {
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
    let notes = told.get("notes").and_then(Value::as_array);
    for note in notes.into_iter().flatten().filter_map(Value::as_str) {
        words.push_str(&format!("\nnote     {note}"));
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
