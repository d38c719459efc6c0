//! What a client may ask, before anything is decided on it: its tokens for this kind of request,
//! and, where the request carries a key, those for keys that are not known.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::circuit::Refusals;
use super::record::Record;
use super::refusal::Refusal;
use super::worker::{View, Worker};
use crate::limit::ledger::{Kind, Ledger};
use crate::route::classify::RouteMatch;
use crate::route::template::DeliveryClass;
use crate::telemetry::worker::Event;

/// Counts the request as one of its client's in flight: no client, and no network, may hold the places
/// of all others by being slow.
///
/// # Errors
/// [`Refusal::TooManyAtOnce`].
pub(super) fn enter(view: &View, record: &mut Record, client: IpAddr) -> Result<(), Refusal> {
    if view.exempts(client) {
        return Ok(());
    }
    let entered = record.enter(client, &view.request_rules());
    entered.map_err(|_| Refusal::TooManyAtOnce)
}

/// Takes what the request costs.
///
/// # Errors
/// [`Refusal::TooMany`]; nothing was taken.
pub(super) fn admit(
    view: &View,
    ledger: &Ledger,
    route: &RouteMatch<'_>,
    class: DeliveryClass,
    client: IpAddr,
    now: Instant,
) -> Result<(), Refusal> {
    if view.exempts(client) {
        return Ok(());
    }
    let rates = view.rates();
    if asks_for_a_key(route)
        && let Some(wait) = ledger.wait(rates, Kind::Unknown, client, now)
    {
        return Err(refusal(Kind::Unknown, wait));
    }
    let kind = match class {
        DeliveryClass::Create => Kind::Create,
        DeliveryClass::Consume => Kind::Consume,
        DeliveryClass::Read => Kind::Read,
        DeliveryClass::Static => Kind::Static,
    };
    ledger
        .take(rates, kind, client, now)
        .map_err(|wait| refusal(kind, wait))
}

/// Takes what a request of this kind costs, where no key is concerned.
///
/// # Errors
/// [`Refusal::TooMany`]; nothing was taken.
pub(super) fn take(
    view: &View,
    ledger: &Ledger,
    kind: Kind,
    client: IpAddr,
    now: Instant,
) -> Result<(), Refusal> {
    if view.exempts(client) {
        return Ok(());
    }
    ledger
        .take(view.rates(), kind, client, now)
        .map_err(|wait| refusal(kind, wait))
}

/// Charges an answer that says "unknown".
pub(super) fn charge_unknown(view: &View, ledger: &Ledger, client: IpAddr, now: Instant) {
    if !view.exempts(client) {
        ledger.charge(view.rates(), Kind::Unknown, client, now);
    }
}

/// Charges a refusal to the connection's other end. Returns whether the connection has to end. Peers
/// that speak for others are not charged.
pub(super) fn charge_refusal(
    view: &View,
    worker: &Worker,
    refusals: &Refusals,
    now: Instant,
) -> bool {
    let (peer, rates) = (refusals.peer, view.rates());
    if !rates.limit(Kind::Refused) || view.trusts(peer) || view.exempts(peer) {
        return false;
    }
    let taken = worker.ledger.take(rates, Kind::Refused, peer, now);
    let known = refusals.enough.is_begun();
    let ends = refusals.count(taken.is_ok());
    if ends && !known {
        worker.metrics.count(Event::Dismissed, None, "");
    }
    ends
}

/// Whether the answer can tell if a key is known. Pages are the same for every key.
pub(super) fn asks_for_a_key(route: &RouteMatch<'_>) -> bool {
    route.key_place().is_some_and(|place| !place.is_page()) || route.template().keys_in_body()
}

fn refusal(kind: Kind, wait: Duration) -> Refusal {
    // Rounded up: who comes back at that time is served.
    let seconds = wait.as_millis().div_ceil(1_000).max(1);
    Refusal::TooMany(kind, u32::try_from(seconds).unwrap_or(u32::MAX))
}
