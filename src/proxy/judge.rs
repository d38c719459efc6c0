//! One request against one snapshot: every check, the decision, the route; in this order, so that
//! what is ambiguous is refused before anything is decided on it.

use std::borrow::Cow;
use std::net::IpAddr;

use http::Method;

use super::answer::{Answer, Context, Dialect};
use super::arrival::{Arrival, Protocol, Scheme, Target, known_method};
use super::challenge;
use super::choosing::{self, Choosing};
use super::elsewhere::Elsewhere;
use super::lookup::{Ask, Asking};
use super::quota;
use super::record::Record;
use super::refusal::Refusal;
use super::unknown::Unknown;
use super::worker::{View, Worker};
use super::{Pending, pages};
use crate::headers::request::{Cookies, Expect, Facts};
use crate::http1::{Fault, Framing};
use crate::limit::ledger::Kind;
use crate::region::authority::{Authority, Host};
use crate::region::hosts::{HostEntry, HostKind};
use crate::region::question::{Outcome, Question};
use crate::region::trace::Silent;
use crate::region::{Reason, RegionId};
use crate::route::classify::{RouteMatch, classify};
use crate::route::table::{Action, HostClass};
use crate::route::template::DeliveryClass;
use crate::sovereignty::fallback::{Carried, Fallback};

/// A request that its region will see.
pub struct Ready<'b> {
    /// The region.
    pub region: RegionId,
    /// Why.
    pub reason: Reason,
    /// Which answers may mean that another region has what was asked for.
    pub elsewhere: Elsewhere,
    /// How the caller reads errors.
    pub dialect: Dialect,
    /// Which answers say that a key is not known.
    pub unknown: Unknown,
    /// The client's address.
    pub client: IpAddr,
    /// The client's country, where regions are told.
    pub country: Option<String>,
    /// The host that the client named, where the region is to see that one.
    pub asked: Option<String>,
    /// Whether that is an alias of the region.
    pub alias: bool,
    /// The target in origin form.
    pub target: Cow<'b, str>,
    /// What becomes of cookies.
    pub cookies: Cookies,
    /// `Set-Cookie` values of the gateway's own.
    pub set_cookies: Vec<String>,
    /// The host's settings.
    pub host: u32,
    /// The largest body that is taken.
    pub body_limit: u64,
    /// The regions that may answer instead.
    pub fallback: Fallback,
    /// Whether it asks for an asset: what is the same for everybody, and no call of the API.
    pub asset: bool,
    /// Whether it may be sent twice: a GET or HEAD of class `static`.
    pub repeatable: bool,
}

/// What a request comes to.
pub enum Judged<'b> {
    /// An answer of ours.
    Answer(Box<Answer>),
    /// An answer of ours that depends on the body.
    Collect(Box<Choosing>),
    /// A request for its region.
    Proxy(Ready<'b>),
}

/// Judges one request.
pub fn judge<'b>(
    arrival: &Arrival<'b>,
    facts: &Facts<'b>,
    (view, worker): (&'b View, &Worker),
    record: &mut Record,
    request_id: &str,
) -> (Judged<'b>, Option<Pending>) {
    let mut case = Case {
        arrival,
        facts,
        view,
        worker,
        request_id,
        asked: None,
        decided: None,
        set_cookies: Vec::new(),
        pending: None,
    };
    match case.run(record) {
        Ok(judged) => (judged, case.pending),
        Err(refusal) => {
            record.refused(refusal);
            let answer = Answer::refuse(refusal, view.region_names(), &case.context());
            (Judged::Answer(Box::new(answer)), None)
        }
    }
}

struct Case<'c, 'b> {
    arrival: &'c Arrival<'b>,
    facts: &'c Facts<'b>,
    view: &'b View,
    worker: &'c Worker,
    request_id: &'c str,
    asked: Option<(Authority<'b>, HostKind)>,
    decided: Option<(RegionId, Reason)>,
    set_cookies: Vec<String>,
    pending: Option<Pending>,
}

/// What a request asks, once every part of it was found well-formed.
struct Asked<'b> {
    method: Method,
    target: Target<'b>,
    route: RouteMatch<'b>,
    class: DeliveryClass,
    host: HostEntry,
    client: IpAddr,
}

impl Asked<'_> {
    /// Path and query on a region's own host.
    fn tail(&self) -> String {
        let (prefix, path) = self.route.location_path();
        match self.target.query {
            Some(query) => format!("{prefix}{path}?{query}"),
            None => format!("{prefix}{path}"),
        }
    }
}

impl<'b> Case<'_, 'b> {
    fn run(&mut self, record: &mut Record) -> Result<Judged<'b>, Refusal> {
        if self.worker.ending.is_begun() {
            return Err(Refusal::Draining);
        }
        // What cannot be served soon is refused before any work is done for it.
        if self.worker.is_full(self.view) {
            return Err(Refusal::TooBusy);
        }
        let method = known_method(self.arrival.method)?;
        let target = self.target()?;
        if self.arrival.protocol == Protocol::Http2 {
            let fits = (self.arrival).fits_http1(self.facts, &self.view.head_limits());
            fits.map_err(Refusal::BadMessage)?;
        }
        let (authority, host) = self.host(&target)?;
        self.asked = Some((authority, host.kind));
        record.asked(host.payload);
        if self.arrival.circuit.scheme == Scheme::Http {
            let answer = match challenge::token(target.path, self.view) {
                Some(token) => self.challenge(token, record)?,
                None => pages::to_https(authority, &target, self.view, &self.context()),
            };
            return Ok(Judged::Answer(Box::new(answer)));
        }
        self.covered(&authority)?;
        if self.facts.looped {
            return Err(Refusal::Loop);
        }
        if self.facts.expect == Expect::Unknown {
            return Err(Refusal::ExpectationFailed);
        }
        if target.path == "*" || (method == Method::OPTIONS && self.goes_no_further()?) {
            return Ok(Judged::Answer(Box::new(self.options_of_all(&method)?)));
        }
        let route = classify(target.path).map_err(|_| Refusal::BadPath)?;
        record.routed(route.template());
        let client = self.enter(record)?;
        let now = record.started.into_std();
        let host_class = HostClass::of(host.kind);
        let class = (self.view).delivery_class(host_class, target.path, &route, &method);
        quota::admit(self.view, &self.worker.ledger, &route, class, client, now)?;
        let outcome = self.decide(host, &route, client)?;
        let decision = outcome.decision;
        record.decided(&outcome, host.kind);
        self.decided = Some((decision.region, decision.reason));
        self.keep_cookies(&outcome);
        let asked = Asked {
            method,
            target,
            route,
            class,
            host,
            client,
        };
        self.act(&asked, &outcome, record)
    }

    /// Counts the request as its client's.
    fn enter(&self, record: &mut Record) -> Result<IpAddr, Refusal> {
        let client = (self.arrival.circuit).client(self.view, self.arrival.fields);
        record.client = Some(client);
        quota::enter(self.view, record, client)?;
        Ok(client)
    }

    /// An ACME challenge costs what a request of class `static` does.
    fn challenge(&mut self, token: &str, record: &mut Record) -> Result<Answer, Refusal> {
        let (client, now) = (self.enter(record)?, record.started.into_std());
        quota::take(self.view, &self.worker.ledger, Kind::Static, client, now)?;
        let reads = &self.worker.challenges;
        let (answer, file) = challenge::begin(token, self.view, reads, &self.context())?;
        self.pending = file.map(Pending::Challenge);
        Ok(answer)
    }

    fn act(
        &mut self,
        asked: &Asked<'b>,
        outcome: &Outcome,
        record: &mut Record,
    ) -> Result<Judged<'b>, Refusal> {
        let Asked {
            target,
            route,
            host,
            ..
        } = asked;
        let elsewhere = if route.key_place().is_some_and(|place| place.is_page()) {
            self.view.rules().page_elsewhere(host.kind, route.key())
        } else {
            None
        };
        let class = HostClass::of(host.kind);
        let answer = match self.view.routes().action(class, route, elsewhere.is_some()) {
            Action::Proxy => {
                self.pending = self.look_up(asked, outcome);
                return self.proxy(asked, outcome);
            }
            Action::Deny => return Err(Refusal::Denied),
            Action::Redirect => {
                let region = elsewhere.unwrap_or(outcome.decision.region);
                record.redirected();
                self.pending = self.look_up(asked, outcome);
                let location = self.view.origin(region).to_owned() + &asked.tail();
                Answer::redirect(self.arrival.method, location, &self.context())
            }
            Action::Respond(fixed) => pages::fixed(fixed, &self.context()),
            Action::Robots => pages::robots(self.arrival.method, &self.context())?,
            Action::RegionPage => return self.region_page(target, outcome),
        };
        Ok(Judged::Answer(Box::new(answer)))
    }

    /// The target, of visible ASCII only: HTTP/2 brings what a request line cannot hold.
    fn target(&self) -> Result<Target<'b>, Refusal> {
        let raw = self.arrival.target;
        Target::parse(raw)
            .filter(|_| raw.bytes().all(|byte| byte.is_ascii_graphic()))
            .ok_or(Refusal::BadMessage(Fault::BadTarget))
    }

    fn region_page(
        &mut self,
        target: &Target<'b>,
        outcome: &Outcome,
    ) -> Result<Judged<'b>, Refusal> {
        let visit = choosing::Visit {
            arrival: self.arrival,
            facts: self.facts,
            view: self.view,
            asked: self.asked.ok_or(Refusal::BadAuthority)?.0,
            query: target.query.unwrap_or(""),
            outcome,
        };
        match self.arrival.method {
            "GET" | "HEAD" => Ok(Judged::Answer(Box::new(visit.show(&self.context())))),
            "POST" => {
                // Whatever comes of a post, the only cookie that it sets is its own.
                self.set_cookies.clear();
                Ok(Judged::Collect(Box::new(visit.post(&self.context())?)))
            }
            _ => Err(Refusal::MethodNotOfPage),
        }
    }

    /// The one host that the request names, and what it is (RFC 9112 §3.2, RFC 9113 §8.3.1).
    fn host(&self, target: &Target<'b>) -> Result<(Authority<'b>, HostEntry), Refusal> {
        if self.facts.host_repeated {
            return Err(Refusal::BadAuthority);
        }
        let port = match self.arrival.circuit.scheme {
            Scheme::Http => 80,
            Scheme::Https => 443,
        };
        let parse = |raw: &'b [u8]| Authority::parse(raw).map_err(|_| Refusal::BadAuthority);
        let sent = self.facts.host.map(parse).transpose()?;
        let named = target.authority.or(self.arrival.authority);
        let named = named.map(|text| parse(text.as_bytes())).transpose()?;
        let authority = match (named, sent) {
            (Some(named), Some(sent)) if named.agrees_with(&sent, port) => named,
            (Some(named), None) if self.arrival.protocol == Protocol::Http2 => named,
            (None, Some(sent)) => sent,
            _ => return Err(Refusal::BadAuthority),
        };
        let host = self
            .view
            .hosts()
            .find(&authority)
            .ok_or(Refusal::Misdirected)?;
        Ok((authority, host))
    }

    /// Whether the certificate that the connection began with speaks for the host (RFC 9110
    /// §7.4): whoever sends a name to a server that has not proved it may have been led astray.
    fn covered(&self, authority: &Authority<'_>) -> Result<(), Refusal> {
        let server_name = self.arrival.circuit.server_name.as_deref();
        let certificates = &self.view.certificates;
        let covers = match authority.host() {
            Host::Name(name) => {
                std::str::from_utf8(name).is_ok_and(|name| certificates.covers(server_name, name))
            }
            Host::V6(address) => certificates.covers(server_name, &address.to_string()),
        };
        covers.then_some(()).ok_or(Refusal::Misdirected)
    }

    fn decide(
        &self,
        host: HostEntry,
        route: &RouteMatch<'_>,
        client: IpAddr,
    ) -> Result<Outcome, Refusal> {
        let cookies = self
            .view
            .cookie_names()
            .read(self.facts.cookies.iter().copied());
        let question = Question {
            host: host.kind,
            key: route.key(),
            pin_header: self.facts.pin,
            pin_cookie: cookies.pin,
            sticky: cookies.sticky,
            credentials: self.facts.authorization,
            client,
        };
        self.view
            .rules()
            .decide(&question, self.view.geo(), &mut Silent)
            .map_err(Refusal::from)
    }

    fn keep_cookies(&mut self, outcome: &Outcome) {
        let names = self.view.cookie_names();
        if outcome.expire_pin {
            self.set_cookies.push(names.clear_pin());
        }
        if outcome.keep {
            let region = self.view.regions().get(outcome.decision.region);
            self.set_cookies.push(names.set_sticky(region.name()));
        } else if outcome.expire_sticky {
            self.set_cookies.push(names.clear_sticky());
        }
    }

    /// What regions have to be asked about the key, where they may be.
    fn look_up(&self, asked: &Asked<'_>, outcome: &Outcome) -> Option<Pending> {
        if !outcome.look_up {
            return None;
        }
        let dialect = super::dialect(self.arrival.target, self.arrival.fields);
        let asking = Asking {
            route: &asked.route,
            strict: asked.route.class(&asked.method) == DeliveryClass::Consume
                || asked.target.query.is_some()
                || self.arrival.framing != Framing::Empty,
            dialect,
            language: super::language(dialect, self.arrival.fields),
        };
        let host = || self.asked(&asked.target);
        Ask::of(self.view, outcome, &asking, host, || asked.tail()).map(Pending::LookUp)
    }

    fn proxy(&mut self, asked: &Asked<'b>, outcome: &Outcome) -> Result<Judged<'b>, Refusal> {
        let Asked {
            method,
            target,
            route,
            host,
            client,
            ..
        } = asked;
        let body_limit = self
            .view
            .route_body_limit(HostClass::of(host.kind), target.path);
        if matches!(self.arrival.framing, Framing::Length(length) if length > body_limit) {
            return Err(Refusal::BodyTooLarge);
        }
        let region = outcome.decision.region;
        let dialect = super::dialect(self.arrival.target, self.arrival.fields);
        let alias = matches!(host.kind, HostKind::Alias(_));
        let keeps_host = alias || self.view.keeps_host(region);
        Ok(Judged::Proxy(Ready {
            region,
            reason: outcome.decision.reason,
            elsewhere: Elsewhere::of(outcome.decision, route, method, dialect),
            unknown: Unknown::of(route, dialect),
            dialect,
            client: *client,
            country: self.view.country_of(*client),
            asked: keeps_host.then(|| self.asked(target)),
            alias,
            target: target.origin.clone(),
            cookies: match host.kind {
                HostKind::Auto => Cookies::Withhold,
                HostKind::Own(_) | HostKind::Alias(_) => Cookies::Forward,
            },
            set_cookies: std::mem::take(&mut self.set_cookies),
            host: host.payload,
            body_limit,
            fallback: Fallback::of(
                self.view.failovers(),
                outcome.decision,
                &Carried {
                    facts: self.facts,
                    route,
                    query: target.query,
                },
            ),
            asset: asked.class == DeliveryClass::Static && !route.is_api(),
            repeatable: self.is_repeatable(asked),
        }))
    }

    /// Whether the request may be sent twice: a GET or HEAD without a body, of class `static`.
    fn is_repeatable(&self, asked: &Asked<'_>) -> bool {
        asked.class == DeliveryClass::Static
            && matches!(asked.method, Method::GET | Method::HEAD)
            && self.arrival.framing == Framing::Empty
    }

    /// The authority as the client wrote it, without a last dot; it was found well-formed before.
    fn asked(&self, target: &Target<'_>) -> String {
        let written = target
            .authority
            .or(self.arrival.authority)
            .map(str::as_bytes);
        let written = self.facts.host.or(written).unwrap_or_default();
        super::arrival::without_last_dot(&String::from_utf8_lossy(written))
    }

    /// Whether no further intermediary may see the request (RFC 9110 §7.6.2).
    fn goes_no_further(&self) -> Result<bool, Refusal> {
        let left = self.facts.forwards_left();
        left.map(|left| left == 0)
            .ok_or(Refusal::BadMessage(Fault::BadFieldValue))
    }

    /// `OPTIONS *` asks about the server itself (RFC 9110 §9.3.7), and so does one that ends here.
    fn options_of_all(&self, method: &Method) -> Result<Answer, Refusal> {
        if *method != Method::OPTIONS {
            return Err(Refusal::BadMessage(Fault::BadTarget));
        }
        let mut answer = Answer::new(204, &self.context());
        answer
            .fields
            .push(("Allow", super::answer::METHODS.to_owned()));
        Ok(answer)
    }

    fn context(&self) -> Context<'_> {
        let dialect = super::dialect(self.arrival.target, self.arrival.fields);
        Context {
            dialect,
            language: super::language(dialect, self.arrival.fields),
            chooses: matches!(self.asked, Some((_, HostKind::Auto))),
            request_id: self.request_id,
            decided: self
                .decided
                .map(|(region, reason)| (self.view.region_name(region), reason.label())),
            pseudonym: self.view.pseudonym(),
            hsts: match self.arrival.circuit.scheme {
                Scheme::Http => None,
                Scheme::Https => self.view.hsts(),
            },
            set_cookies: &self.set_cookies,
        }
    }
}
