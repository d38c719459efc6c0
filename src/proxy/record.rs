//! What is remembered of one request, from its head to its last byte: the source of its metrics
//! and of its log line, so that the two cannot disagree. Nothing in it can hold a path, a key, a
//! field value or a byte of a body.

use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use smallvec::SmallVec;
use tokio::time::Instant;

use super::arrival::{Arrival, Protocol};
use super::circuit::{Circuit, Refusals};
use super::quota;
use super::refusal::{Fault, Refusal};
use super::trace::Trace;
use super::worker::{View, Worker};
use crate::config::name::HostPattern;
use crate::limit::block::Block;
use crate::limit::connections::{ConnectionRules, Full};
use crate::limit::crowd::Standing;
use crate::region::hosts::HostKind;
use crate::region::question::{KeyFinding, Outcome};
use crate::region::{Reason, RegionId};
use crate::route::template::RouteTemplate;
use crate::upstream::failure::Cause;
use crate::upstream::travel::Journey;

/// A request as it will be remembered.
pub struct Record {
    worker: Option<Rc<Worker>>,
    /// When its head was complete.
    pub started: Instant,
    departed: Option<Instant>,
    returned: Option<Instant>,
    /// The method, if it is one of the application's.
    pub method: Method,
    /// The protocol; `None` for what could not be read.
    pub protocol: Option<Protocol>,
    /// The route.
    pub route: Option<&'static RouteTemplate>,
    /// The region, and the reason.
    pub decided: Option<(RegionId, Reason)>,
    /// The region that was decided, where another one stood in.
    pub replaced: Option<RegionId>,
    /// Whether it came by a bare host.
    pub bare_host: bool,
    /// What the key's tag said.
    pub key: Option<KeyFinding>,
    /// Why the gateway answered by itself, if it refused.
    pub refusal: Option<Refusal>,
    /// Whether it was redirected.
    pub redirect: bool,
    /// Whether it was pointed to the page where regions are chosen.
    pub pointed: bool,
    /// Whether the region said that it does not know the key.
    pub unknown_key: bool,
    /// What became of the caller's pin, if this was a choice: the chosen region, or none.
    pub pinned: Option<Option<u16>>,
    /// The answer's status; 0 if there was none.
    pub status: u16,
    /// Why the answer was broken off, if it was.
    pub broken: Option<Cause>,
    /// Bytes of the request's body.
    pub bytes_in: u64,
    /// Bytes of the answer.
    pub bytes_out: u64,
    /// The client's address, or the peer's where it is not known yet.
    pub client: Option<IpAddr>,
    /// Its place in a trace, if it is recorded.
    pub trace: Option<Trace>,
    /// The version of TLS.
    pub tls: Option<&'static str>,
    /// The host's position in the configuration.
    host: Option<u32>,
    /// Where it is counted as its client's.
    standing: Option<Standing>,
    refusals: Rc<Refusals>,
    request_id: SmallVec<[u8; 40]>,
    view: View,
    journey: Journey,
}

/// Where a request's time went.
pub struct Times {
    /// From its head to its last byte.
    pub total: Duration,
    /// Until it left for its region, or all of it.
    pub gateway: Duration,
    /// Connecting, where a connection was made.
    pub connect: Option<Duration>,
    /// Until the region's answer began, connecting excepted.
    pub region: Option<Duration>,
    /// From there on.
    pub client: Option<Duration>,
}

/// The methods that metrics tell apart.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Method {
    /// DELETE.
    Delete,
    /// GET.
    Get,
    /// HEAD.
    Head,
    /// OPTIONS.
    Options,
    /// PATCH.
    Patch,
    /// POST.
    Post,
    /// PUT.
    Put,
    /// Any other.
    Other,
}

impl Method {
    /// The words of metrics and logs, in the order of the variants.
    pub const LABELS: [&'static str; 8] = [
        "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "other",
    ];

    fn of(token: &str) -> Self {
        match token {
            "DELETE" => Self::Delete,
            "GET" => Self::Get,
            "HEAD" => Self::Head,
            "OPTIONS" => Self::Options,
            "PATCH" => Self::Patch,
            "POST" => Self::Post,
            "PUT" => Self::Put,
            _ => Self::Other,
        }
    }
}

impl Record {
    /// Opens the record of a request that was read.
    #[must_use]
    pub fn open(
        worker: &Rc<Worker>,
        view: &View,
        arrival: &Arrival<'_>,
        request_id: &str,
    ) -> Box<Self> {
        let mut record = Self::unread(worker, view, arrival.circuit, request_id);
        record.method = Method::of(arrival.method);
        record.protocol = Some(arrival.protocol);
        record
    }

    /// Opens the record of what could not be read.
    #[must_use]
    pub fn unread(
        worker: &Rc<Worker>,
        view: &View,
        circuit: &Circuit,
        request_id: &str,
    ) -> Box<Self> {
        worker.begin_request();
        Box::new(Self {
            worker: Some(worker.clone()),
            started: Instant::now(),
            departed: None,
            returned: None,
            method: Method::Other,
            protocol: None,
            route: None,
            decided: None,
            replaced: None,
            bare_host: false,
            key: None,
            refusal: None,
            redirect: false,
            pointed: false,
            unknown_key: false,
            pinned: None,
            status: 0,
            broken: None,
            bytes_in: 0,
            bytes_out: 0,
            client: Some(circuit.peer.ip().to_canonical()),
            trace: None,
            tls: circuit.tls,
            host: None,
            standing: None,
            refusals: circuit.refusals.clone(),
            request_id: SmallVec::from_slice(request_id.as_bytes()),
            view: view.clone(),
            journey: Journey::default(),
        })
    }

    /// Counts it as one of its client's in flight, until it is closed.
    ///
    /// # Errors
    /// There are as many as may be.
    pub fn enter(&mut self, client: IpAddr, rules: &ConnectionRules) -> Result<(), Full> {
        if let Some(worker) = &self.worker {
            self.standing = Some(worker.crowd.enter(client, rules)?);
        }
        Ok(())
    }

    /// The network that its client counts under; `None` for one that no limit by network holds for.
    #[must_use]
    pub fn network(&self) -> Option<Block> {
        self.standing.as_ref().map(Standing::network)
    }

    /// Notes the route.
    pub const fn routed(&mut self, route: &'static RouteTemplate) {
        self.route = Some(route);
    }

    /// Notes which of the configured hosts was asked.
    pub const fn asked(&mut self, host: u32) {
        self.host = Some(host);
    }

    /// Notes the decision.
    pub fn decided(&mut self, outcome: &Outcome, host: HostKind) {
        self.decided = Some((outcome.decision.region, outcome.decision.reason));
        self.key = Some(outcome.key);
        self.bare_host = host == HostKind::Auto;
    }

    /// Notes the region that the request is with: metrics count it there, and remember whose it was.
    pub fn entered(&mut self, region: RegionId) {
        if let Some((decided, reason)) = self.decided {
            self.left(decided);
            let own = *self.replaced.get_or_insert(decided);
            self.replaced = (own != region).then_some(own);
            self.decided = Some((region, reason));
        }
    }

    /// What was met at a region's endpoints is told of that region, whoever answers in the end.
    fn left(&mut self, region: RegionId) {
        if let Some(worker) = &self.worker {
            let label = self.view.region_label(region);
            worker.remember_endpoints(&self.journey, Some(label));
        }
        self.journey.failed.clear();
        self.journey.ejected.clear();
    }

    /// Notes that the region did not know the key, and charges the client for it.
    pub fn guessed(&mut self) {
        self.unknown_key = true;
        if let (Some(worker), Some(client)) = (&self.worker, self.client) {
            quota::charge_unknown(&self.view, &worker.ledger, client, self.started.into_std());
        }
    }

    /// Notes that the gateway refuses.
    pub const fn refused(&mut self, refusal: Refusal) {
        self.refusal = Some(refusal);
    }

    /// Notes that the caller is sent to the region's own host.
    pub const fn redirected(&mut self) {
        self.redirect = true;
    }

    /// Notes that the request goes to its region.
    pub fn departed(&mut self) {
        self.departed = Some(Instant::now());
    }

    /// Notes that the region's answer, or its absence, is known.
    pub fn returned(&mut self) {
        self.returned = Some(Instant::now());
    }

    /// What happens on the way.
    pub const fn journey(&mut self) -> &mut Journey {
        &mut self.journey
    }

    /// What happened on the way.
    #[must_use]
    pub const fn travelled(&self) -> &Journey {
        &self.journey
    }

    /// Notes the status that the client is given.
    pub const fn answered(&mut self, status: u16) {
        self.status = status;
    }

    /// Notes the status of an answer of the gateway's own. Returns whether its connection has to end,
    /// because the client was refused too often.
    pub fn answered_here(&mut self, status: u16) -> bool {
        self.answered(status);
        let Some(worker) = &self.worker else {
            return false;
        };
        // A client is not charged for a region that is absent. Without TLS nothing is served at all.
        let charged = match self.refusal {
            Some(Refusal::Region(failure)) => Fault::of(failure.cause) == Fault::Client,
            Some(refusal) if refusal.fault() == Fault::Gateway => false,
            _ => status >= 400 || self.tls.is_none(),
        };
        charged && quota::charge_refusal(&self.view, worker, &self.refusals, self.started.into())
    }

    /// Notes that the answer was broken off.
    pub const fn broken(&mut self, cause: Cause) {
        self.broken = Some(cause);
    }

    /// Whether the request is a HEAD.
    #[must_use]
    pub fn is_head(&self) -> bool {
        self.method == Method::Head
    }

    /// From the departure to the region's answer, connecting excepted.
    #[must_use]
    pub fn region_time(&self) -> Option<Duration> {
        let elapsed = self.returned? - self.departed?;
        Some(elapsed.saturating_sub(self.journey.connect.unwrap_or_default()))
    }

    /// The gateway's own share: before the departure and after the answer's head.
    #[must_use]
    pub fn own_time(&self, now: Instant) -> Duration {
        match (self.departed, self.returned) {
            (Some(departed), Some(returned)) => (departed - self.started) + (now - returned),
            _ => now - self.started,
        }
    }

    /// The request's id: a fresh one, or a trusted proxy's of a narrow alphabet.
    #[must_use]
    pub fn request_id(&self) -> &str {
        std::str::from_utf8(&self.request_id).unwrap_or_default()
    }

    /// The snapshot under which it was judged.
    #[must_use]
    pub const fn view(&self) -> &View {
        &self.view
    }

    /// The host as the configuration names it: never as the client did.
    #[must_use]
    pub fn host_pattern(&self) -> Option<&HostPattern> {
        let host = self.view.config.hosts.get(self.host? as usize)?;
        Some(&host.pattern)
    }

    /// Where the time went until `now`.
    #[must_use]
    pub fn times(&self, now: Instant) -> Times {
        let total = now - self.started;
        Times {
            total,
            gateway: self
                .departed
                .map_or(total, |departed| departed - self.started),
            connect: self.journey.connect,
            region: self.region_time(),
            client: self.returned.map(|returned| now - returned),
        }
    }

    /// Closes the record.
    pub fn finish(mut self: Box<Self>) {
        self.close();
    }

    fn close(&mut self) {
        if let Some(worker) = self.worker.take() {
            worker.end_request();
            if let Some(standing) = self.standing.take() {
                worker.crowd.leave(standing);
            }
            worker.remember(self, Instant::now());
        }
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        // A request whose task was dropped half-way: the client went away, or this process ends.
        if let Some(worker) = &self.worker {
            let cause = if worker.over.get() {
                Cause::Drained
            } else {
                Cause::ClientGone
            };
            self.broken.get_or_insert(cause);
            self.close();
        }
    }
}
