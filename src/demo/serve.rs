//! A connection to an endpoint: request after request, each noted when its head has arrived, then
//! answered, or spoiled as its fault says.

use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use super::api::{self, Request, display_host, hidden_failure, server_failure};
use super::endpoint::Endpoint;
use super::fault::{FAULT_HEADER, FAULTS, Fault, UnknownFault};
use super::record::Seen;
use super::spoil;
use super::wire::answer::{Answer, Lengths, Plan};
use super::wire::head::{Head, Malformed};
use super::wire::socket::Socket;
use super::wire::{Connection, Ended};
use super::witness::Statement;

/// The longest request id that the application keeps.
const LONGEST_ID: usize = 200;

/// How long a client that was refused may take to read it.
const FAREWELL: Duration = Duration::from_secs(2);

/// Whether the connection goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Request,
    Close,
}

/// Serves a connection until it ends.
pub(super) async fn connection(endpoint: &Endpoint, socket: Rc<Socket>, peer: IpAddr, number: u64) {
    let mut connection = Connection::new(socket);
    for request in 1.. {
        match exchange(endpoint, &mut connection, peer, (number, request)).await {
            Ok(Next::Request) => {}
            Ok(Next::Close) | Err(Ended::Gone) => return,
            Err(Ended::Malformed(Malformed(why))) => {
                refuse(endpoint, &mut connection, why).await;
                return;
            }
        }
    }
}

/// Tells a client that it sent what is no request, and leaves it the time to read that: closing
/// on unread bytes would reset the connection and take the answer away.
async fn refuse(endpoint: &Endpoint, connection: &mut Connection, why: &str) {
    let words = format!("Bad Request: {why}");
    let answer = Answer::json(400, &serde_json::json!({ "error": words }));
    let plan = Plan {
        common: &named(endpoint),
        head_only: false,
        last: true,
        lengths: Lengths::Honest,
    };
    if connection.answer(&answer, &plan).await.is_ok()
        && connection.socket().close_write().await.is_ok()
    {
        let _ = tokio::time::timeout(FAREWELL, connection.outlast()).await;
    }
}

fn named(endpoint: &Endpoint) -> [(&'static str, &str); 2] {
    [
        ("X-Demo-Region", endpoint.region.name.as_str()),
        ("X-Demo-Endpoint", endpoint.label.as_str()),
    ]
}

/// One request and its answer.
async fn exchange(
    endpoint: &Endpoint,
    connection: &mut Connection,
    peer: IpAddr,
    place: (u64, u64),
) -> Result<Next, Ended> {
    connection.arrival().await?;
    if let Some(next) = spoil::before_head(endpoint.fault.get(), connection).await {
        return Ok(next);
    }
    let head = connection.head().await.inspect_err(|ended| {
        // It is seen too: a test that expects nothing to arrive must not miss it.
        if matches!(ended, Ended::Malformed(_)) {
            drop(note(endpoint, place, Seen::new("", "", None, None, false)));
        }
    })?;
    let fault = wanted(endpoint, &head);
    let known = fault.ok().flatten();
    let id = head.field("x-request-id");
    let seen = Seen::new(head.method(), head.target(), id, known, probes(&head));
    let statement = note(endpoint, place, seen);
    if let Some(next) = spoil::before_body(known, connection, &head).await? {
        return Ok(next);
    }
    let body = connection.body(&head).await?;
    statement.body(&body.kept);
    if let Some(next) = spoil::instead(known, connection).await? {
        return Ok(next);
    }
    let id = request_id(&head);
    let answer = match fault {
        Err(UnknownFault) => unknown_fault(),
        Ok(Some(fault)) if replaces(fault) => replacement(endpoint, &head, fault),
        Ok(_) => {
            let request = Request {
                head: &head,
                body: &body,
                peer,
                request_id: &id,
                place,
            };
            api::answer(&endpoint.region, &request)
        }
    };
    let host = display_host(&head);
    let [region, number] = named(endpoint);
    let mut common = vec![
        ("O-Display-Domain", host),
        ("O-Domain-Strategy", endpoint.region.strategy(host)),
        ("x-request-id", &id),
        region,
        number,
    ];
    let shown = format!("{}.{}", place.0, place.1);
    if statement.is_heard() {
        common.push(("X-Demo-Place", &shown));
    }
    statement.answer(answer.status, || answer.body());
    let plan = Plan {
        common: &common,
        head_only: head.method() == "HEAD",
        last: head.last(),
        lengths: Lengths::Honest,
    };
    spoil::answer(known, connection, &answer, plan).await
}

/// The fault that the request asks for, or else the endpoint's.
fn wanted(endpoint: &Endpoint, head: &Head) -> Result<Option<Fault>, UnknownFault> {
    match head.field(FAULT_HEADER) {
        Some(name) => name.parse().map(Some),
        None => Ok(endpoint.fault.get()),
    }
}

fn note(endpoint: &Endpoint, place: (u64, u64), seen: Seen) -> Statement {
    let statement = endpoint.witness.begin(place, &seen);
    endpoint.record.borrow_mut().push(seen);
    statement
}

/// The client's id if the application would keep it, or a fresh one.
fn request_id(head: &Head) -> String {
    match head.field("x-request-id").filter(|id| proper(id)) {
        Some(id) => id.to_owned(),
        None => uuid::Uuid::now_v7().to_string(),
    }
}

/// Health checks say so by a header or by their name.
fn probes(head: &Head) -> bool {
    head.field("x-gateway-probe") == Some("1")
        || head
            .field("user-agent")
            .is_some_and(|agent| agent.starts_with("onetime-gateway-probe"))
}

/// An id that the application keeps.
fn proper(id: &str) -> bool {
    (1..=LONGEST_ID).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Whether the fault puts an answer of its own in the place of the application's.
fn replaces(fault: Fault) -> bool {
    matches!(
        fault,
        Fault::Status(_) | Fault::Hidden404 | Fault::RetryAfter
    )
}

fn replacement(endpoint: &Endpoint, head: &Head, fault: Fault) -> Answer {
    let region = &endpoint.region;
    match fault {
        Fault::Hidden404 => hidden_failure(region),
        Fault::RetryAfter => {
            let body = serde_json::json!({"error": "Service Unavailable"});
            Answer::json(503, &body).with("retry-after", "7")
        }
        Fault::Status(204) => Answer::empty(204),
        Fault::Status(304) => Answer::empty(304),
        Fault::Status(500) => server_failure(head.path(), region.dialect),
        Fault::Status(status) => {
            let words = format!("demo fault: status {status}");
            let body = serde_json::json!({"error": words, "message": words});
            Answer::json(status, &body)
        }
        _ => Answer::empty(500),
    }
}

fn unknown_fault() -> Answer {
    let known: Vec<&str> = FAULTS.iter().map(|(name, _)| *name).collect();
    let body = serde_json::json!({"error": "no such demo fault", "faults": known});
    Answer::json(400, &body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_kept_only_if_they_are_visible() {
        assert!(proper("0190-abc_.~"));
        assert!(proper(&"x".repeat(200)));
        for id in ["", "a b", "ä", &"x".repeat(201)] {
            assert!(!proper(id), "{id}");
        }
    }
}
