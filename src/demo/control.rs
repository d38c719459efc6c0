//! The control listener: takes endpoints down and up, gives them faults, shows what they saw.
//!
//! For people and tests on the same machine; it answers whoever can reach it.

use std::io;
use std::rc::Rc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio::task::spawn_local;

use super::ControlError;
use super::endpoint::Endpoint;
use super::fault::{FAULTS, Fault};
use super::fleet::Fleet;
use super::options::Dialect;
use super::params::Params;
use super::wire::answer::{Answer, Lengths, Plan};
use super::wire::body::Received;
use super::wire::head::Head;
use super::wire::socket::Socket;
use super::wire::{Connection, Ended};

/// The longest jump of the clock.
const FARTHEST: u64 = 366 * 24 * 3600;

/// Serves the control for good.
pub(super) async fn serve(fleet: Rc<Fleet>, listener: TcpListener) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let connection = Connection::new(Rc::new(Socket::new(stream)));
                spawn_local(converse(Rc::clone(&fleet), connection));
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

async fn converse(fleet: Rc<Fleet>, mut connection: Connection) {
    loop {
        let (answer, head_only, last) = match exchange(&fleet, &mut connection).await {
            Ok((answer, head)) => (answer, head.method() == "HEAD", head.last()),
            Err(Ended::Gone) => return,
            Err(Ended::Malformed(malformed)) => (refused(400, malformed.0), false, true),
        };
        let plan = Plan {
            common: &[("cache-control", "no-store")],
            head_only,
            last,
            lengths: Lengths::Honest,
        };
        if connection.answer(&answer, &plan).await.is_err() || last {
            return;
        }
    }
}

async fn exchange(fleet: &Fleet, connection: &mut Connection) -> Result<(Answer, Head), Ended> {
    let head = connection.head().await?;
    let body = connection.body(&head).await?;
    let answer = answer(fleet, &head, &body).unwrap_or_else(|refusal| refusal);
    Ok((answer, head))
}

/// For people at a terminal: JSON with a line end.
fn told(status: u16, value: &impl serde::Serialize) -> Answer {
    let mut body = serde_json::to_vec(value).unwrap_or_default();
    body.push(b'\n');
    Answer::new(status, "application/json; charset=utf-8", body)
}

fn refused(status: u16, why: &str) -> Answer {
    told(status, &json!({"ok": false, "error": why}))
}

/// What a path does, and by which method.
enum Route<'a> {
    Help,
    Regions,
    Reset,
    Advance,
    Endpoint(&'a Rc<Endpoint>, Deed),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Deed {
    Seen,
    Down,
    Up,
    Fault,
    Heal,
}

impl Route<'_> {
    fn of<'a>(fleet: &'a Fleet, path: &str) -> Option<Route<'a>> {
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        Some(match parts.as_slice() {
            [] => Route::Help,
            ["regions"] => Route::Regions,
            ["reset"] => Route::Reset,
            ["advance"] => Route::Advance,
            [region, number, deed] => {
                let endpoint = fleet.endpoint(region, number.parse().ok()?).ok()?;
                let deed = match *deed {
                    "seen" => Deed::Seen,
                    "down" => Deed::Down,
                    "up" => Deed::Up,
                    "fault" => Deed::Fault,
                    "heal" => Deed::Heal,
                    _ => return None,
                };
                Route::Endpoint(endpoint, deed)
            }
            _ => return None,
        })
    }

    fn method(&self) -> &'static str {
        match self {
            Self::Help | Self::Regions | Self::Endpoint(_, Deed::Seen) => "GET",
            _ => "POST",
        }
    }
}

fn answer(fleet: &Fleet, head: &Head, body: &Received) -> Result<Answer, Answer> {
    let route = Route::of(fleet, head.path())
        .ok_or_else(|| refused(404, "no such route, region or endpoint: GET / lists them"))?;
    let method = match head.method() {
        "HEAD" => "GET",
        method => method,
    };
    if method != route.method() {
        let allow = if route.method() == "GET" {
            "GET, HEAD"
        } else {
            "POST"
        };
        let words = format!("only {allow} here");
        return Err(refused(405, &words).with("allow", allow));
    }
    let kind = head.field("content-type");
    let params = Params::read(head.query(), kind, &body.kept, Dialect::Current)
        .map_err(|_| refused(400, "the body is no JSON"))?;
    match route {
        Route::Help => Ok(Answer::new(
            200,
            "text/plain; charset=utf-8",
            help(fleet).into(),
        )),
        Route::Regions => Ok(told(200, &regions(fleet))),
        Route::Reset => {
            fleet.reset();
            Ok(told(200, &json!({"ok": true})))
        }
        Route::Advance => advance(fleet, &params),
        Route::Endpoint(endpoint, deed) => perform(endpoint, deed, &params),
    }
}

fn perform(endpoint: &Rc<Endpoint>, deed: Deed, params: &Params) -> Result<Answer, Answer> {
    match deed {
        Deed::Seen => return Ok(told(200, endpoint.record.borrow().all())),
        Deed::Down => endpoint.down(),
        Deed::Up => endpoint.up().map_err(|error| {
            let error = ControlError::from(error);
            refused(503, &error.to_string())
        })?,
        Deed::Fault => {
            let name = params.text("name");
            let fault: Fault = name.parse().map_err(|_| unknown_fault(name))?;
            endpoint.fault.set(Some(fault));
        }
        Deed::Heal => endpoint.fault.set(None),
    }
    let mut body = Map::new();
    body.insert("ok".to_owned(), json!(true));
    body.insert("region".to_owned(), json!(endpoint.region.name));
    body.extend(state(endpoint));
    Ok(told(200, &body))
}

fn state(endpoint: &Endpoint) -> Map<String, Value> {
    let fault = endpoint.fault.get().map(|fault| fault.to_string());
    [
        ("endpoint", json!(endpoint.number)),
        ("address", json!(endpoint.address)),
        ("up", json!(endpoint.is_up())),
        ("fault", json!(fault)),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}

fn unknown_fault(name: &str) -> Answer {
    let names: Vec<&str> = FAULTS.iter().map(|(name, _)| *name).collect();
    let error = match name {
        "" => "name a fault: ?name=hang",
        _ => "no such fault",
    };
    let body = json!({"ok": false, "error": error, "faults": names});
    told(400, &body)
}

fn advance(fleet: &Fleet, params: &Params) -> Result<Answer, Answer> {
    let seconds = params.text("seconds").parse().ok();
    let seconds = seconds
        .filter(|&seconds| seconds <= FARTHEST)
        .ok_or_else(|| refused(400, "say how far: ?seconds=60, a year at most"))?;
    fleet.clock.advance(Duration::from_secs(seconds));
    Ok(told(200, &json!({"ok": true, "seconds": seconds})))
}

fn regions(fleet: &Fleet) -> Value {
    let list = fleet.members.iter().map(|member| {
        let region = &member.region;
        json!({
            "name": region.name,
            "jurisdiction": region.jurisdiction,
            "site": &*region.site(),
            "dialect": region.dialect.label(),
            "user": region.user,
            "token": region.token,
            "endpoints": member.endpoints.iter().map(|one| state(one)).collect::<Vec<_>>(),
        })
    });
    list.collect()
}

fn help(fleet: &Fleet) -> String {
    let mut text = String::from(
        "The control of the demo regions.\n\n\
         GET  /REGION/N/seen             every request that endpoint received, in order, as JSON\n\
         POST /REGION/N/down             stop listening, reset open connections\n\
         POST /REGION/N/up               listen again\n\
         POST /REGION/N/fault?name=NAME  every request fails that way\n\
         POST /REGION/N/heal             no longer\n\
         POST /reset                     forget all that was seen\n\
         POST /advance?seconds=N         move the regions' clock on, so that secrets expire\n\
         GET  /regions                   regions, accounts and endpoints as JSON\n\n\
         Endpoints:\n",
    );
    for endpoint in fleet.endpoints() {
        let state = if endpoint.is_up() { "" } else { " (down)" };
        text.push_str(&format!(
            "  {}/{} at {}{state}\n",
            endpoint.region.name, endpoint.number, endpoint.address
        ));
    }
    text.push_str("\nFaults, here or one request at a time in its header X-Demo-Fault:\n");
    for (name, meaning) in FAULTS {
        text.push_str(&format!("  {name:<17} {meaning}\n"));
    }
    text
}

impl From<io::Error> for ControlError {
    fn from(error: io::Error) -> Self {
        Self::Listen(error)
    }
}
