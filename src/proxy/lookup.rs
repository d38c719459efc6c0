//! Look-ups for untagged keys: concurrent callers share one query; results are cached and budgeted.
//!
//! What is found binds like a tag. If all regions say that they do not have it, the rules behind have
//! decided already. If it cannot be determined, a request that may consume something, or that carries
//! a body or a query, is refused: sent by the rules behind, it would show a region that was not asked
//! for it the key and the passphrase.

use std::collections::hash_map::RandomState;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::answer::{Answer, Context, Dialect};
use super::inquiry::inquire;
use super::record::Record;
use super::refusal::Refusal;
use super::worker::{View, Worker};
use super::{Planned, Verdict};
use crate::limit::table::Table as Buckets;
use crate::lookup::table::{Digest, Known, Rules, Step, Table};
use crate::lookup::{self, Kind, LENGTHS, Said};
use crate::page::language::Language;
use crate::region::key::Key;
use crate::region::question::{KeyFinding, Outcome};
use crate::region::{Reason, RegionId};
use crate::route::classify::RouteMatch;
use crate::telemetry::worker::Event;
use crate::upstream::travel::Journey;

/// What there is to wait for: nothing yet, or what came of it.
type Wait = watch::Receiver<Option<Option<Known>>>;

/// What all threads know of keys.
pub struct Lookups {
    keyed: Hmac<Sha256>,
    table: Mutex<Table<Wait>>,
    /// What each client and each network may still ask; made at the first look-up.
    budgets: OnceLock<[Buckets; 2]>,
    epoch: Instant,
}

impl Lookups {
    /// Nothing known. `secret` is of this process and must be random: it keeps digests from telling
    /// anything, and callers from making two keys that have the same.
    #[must_use]
    pub fn new(secret: [u8; 64], epoch: Instant) -> Self {
        Self {
            keyed: Hmac::new(&secret.into()),
            table: Mutex::new(Table::new(epoch)),
            budgets: OnceLock::new(),
            epoch,
        }
    }

    /// Takes one look-up from the budgets of the client and of its network; whether both had one.
    fn admit(&self, view: &View, rules: &Rules, client: IpAddr, now: Instant) -> bool {
        if view.exempts(client) {
            return true;
        }
        let new = || Buckets::new(RandomState::new(), self.epoch);
        let [clients, networks] = self.budgets.get_or_init(|| [new(), new()]);
        let blocks = view.connection_rules();
        let (client, network) = (blocks.client.block(client), blocks.network.block(client));
        // A client without a look-up left takes none from its network.
        clients.take(rules.client, client, now).is_ok()
            && networks.take(rules.network, network, now).is_ok()
    }

    fn digest(&self, kind: Kind, key: &Key) -> Digest {
        let kind: &[u8] = match kind {
            Kind::Secret => b"s",
            Kind::Receipt => b"r",
        };
        let mac = self.keyed.clone().chain_update(kind);
        let whole = mac.chain_update(key.reveal()).finalize().into_bytes();
        let mut digest = Digest::default();
        digest.copy_from_slice(whole.split_at(16).0);
        digest
    }

    fn table<T>(&self, work: impl FnOnce(&mut Table<Wait>) -> T) -> T {
        work(&mut self.table.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A request whose region a look-up may still change. Holds a key and a path: it has no `Debug`.
pub struct Ask {
    view: View,
    kind: Kind,
    key: Key,
    /// The host that the client named, for a region that is to see that one.
    asked: String,
    /// Path and query on the region's own host.
    tail: String,
    /// Whether the rules behind must not decide if the look-up is inconclusive.
    strict: bool,
    dialect: Dialect,
    language: Language,
}

/// What of a request bears on its look-up.
pub(super) struct Asking<'a> {
    /// The route.
    pub(super) route: &'a RouteMatch<'a>,
    /// Whether the request may consume something, or carries a body or a query.
    pub(super) strict: bool,
    /// How the caller reads errors.
    pub(super) dialect: Dialect,
    /// The language of pages.
    pub(super) language: Language,
}

impl Ask {
    /// For a request that was decided like this, if its key has to be asked for.
    #[must_use]
    pub(super) fn of(
        view: &View,
        outcome: &Outcome,
        asking: &Asking<'_>,
        asked: impl FnOnce() -> String,
        tail: impl FnOnce() -> String,
    ) -> Option<Box<Self>> {
        if !outcome.look_up {
            return None;
        }
        let route = asking.route;
        let key = Key::from_segment(route.key()?)?;
        let kind = if route.key_place()?.is_receipt() {
            Kind::Receipt
        } else {
            Kind::Secret
        };
        LENGTHS.contains(&key.reveal().len()).then(|| {
            Box::new(Self {
                view: view.clone(),
                kind,
                key,
                asked: asked(),
                tail: tail(),
                strict: asking.strict,
                dialect: asking.dialect,
                language: asking.language,
            })
        })
    }
}

/// Asks, and turns the request to the region that was found; or refuses it if none was determined and
/// the rules behind must not decide.
pub(super) async fn resolve(planned: &mut Planned, ask: Ask, worker: &Rc<Worker>) {
    match find(&ask, planned.record.client, worker).await {
        Ok(Some(region)) => turn(planned, ask, region),
        Ok(None) => {}
        Err(refusal) if ask.strict => refuse(planned, &ask, refusal),
        Err(_) => {}
    }
}

/// The region that has it; `None` if no region that was asked has it.
///
/// # Errors
/// It is not known: nobody was asked, or the answers do not tell.
async fn find(
    ask: &Ask,
    client: Option<IpAddr>,
    worker: &Rc<Worker>,
) -> Result<Option<RegionId>, Refusal> {
    let count = |outcome| worker.metrics.count(Event::LookedUp, None, outcome);
    let lookups = &worker.lookups;
    let digest = lookups.digest(ask.kind, &ask.key);
    let (teller, wait) = watch::channel(None);
    let (rules, now) = (ask.view.lookup_rules(), Instant::now());
    let admit = || client.is_some_and(|client| lookups.admit(&ask.view, &rules, client, now));
    let step = lookups.table(|table| table.step(digest, now, &rules, admit, || wait.clone()));
    let known = match step {
        Step::Refused => {
            count("refused");
            return Err(Refusal::LookUpBudget);
        }
        Step::Known(known) => {
            count("remembered");
            Some(known)
        }
        Step::Wait(wait) => {
            count("shared");
            told(wait).await
        }
        Step::Ask => {
            let query = Query {
                lookups: lookups.clone(),
                view: ask.view.clone(),
                digest,
                teller,
                known: None,
            };
            // It goes on without the caller who began it: others may wait.
            let work = query.run(worker.clone(), ask.kind, ask.key.clone());
            tokio::task::spawn_local(work);
            let known = told(wait).await;
            count(match known {
                Some(Known::At(_)) => "found",
                Some(Known::Nowhere) => "not-found",
                None => "cannot-say",
            });
            known
        }
    };
    let name = match known {
        Some(Known::At(name)) => name,
        Some(Known::Nowhere) => return Ok(None),
        None => return Err(Refusal::LookUpUnclear),
    };
    let mut regions = ask.view.lookup_regions().iter().copied();
    let found = regions.find(|region| ask.view.region_name(*region) == &*name);
    if found.is_none() {
        // A reload took the region away, or the leave to ask it.
        lookups.table(|table| table.discard(digest));
    }
    found.map(Some).ok_or(Refusal::LookUpUnclear)
}

async fn told(mut wait: Wait) -> Option<Known> {
    // Nobody is left to tell if the asking thread ends.
    let known = wait.wait_for(Option::is_some).await;
    known.ok().and_then(|known| known.clone().flatten())
}

/// A look-up under way. However it ends, it is off the table afterwards and all who wait know.
struct Query {
    lookups: Arc<Lookups>,
    view: View,
    digest: Digest,
    teller: watch::Sender<Option<Option<Known>>>,
    known: Option<Known>,
}

impl Query {
    async fn run(mut self, worker: Rc<Worker>, kind: Kind, key: Key) {
        let within = self.view.config.decision.lookup_timeout;
        let mut inquiries = JoinSet::new();
        for &region in self.view.lookup_regions() {
            let (view, worker) = (self.view.clone(), worker.clone());
            let call = kind.call(view.generation(region), &key);
            inquiries.spawn_local(async move {
                let mut journey = Journey::default();
                let said = match call {
                    Some(call) => {
                        inquire(&view, &worker.pools, region, call, within, &mut journey).await
                    }
                    None => Said::CannotSay,
                };
                let label = view.region_label(region);
                worker.remember_endpoints(&journey, Some(label));
                worker
                    .metrics
                    .count(Event::Inquired, Some(label), said.label());
                (Some(region), said)
            });
        }
        // All of them: a region that is quick to say "here" may be lying.
        let mut said = Vec::new();
        while let Some(inquired) = inquiries.join_next().await {
            said.push(inquired.unwrap_or((None, Said::CannotSay)));
        }
        self.known = match lookup::verdict(said) {
            lookup::Verdict::At(region) => {
                region.map(|region| Known::At(self.view.region_name(region).into()))
            }
            lookup::Verdict::Nowhere => Some(Known::Nowhere),
            lookup::Verdict::Unclear => None,
        };
    }
}

impl Drop for Query {
    fn drop(&mut self) {
        let rules = self.view.lookup_rules();
        let (digest, known) = (self.digest, self.known.take());
        self.lookups
            .table(|table| table.settle(digest, known.clone(), Instant::now(), &rules));
        self.teller.send_replace(Some(known));
    }
}

/// Turns a request that was made ready for the region that the next rules decided.
fn turn(planned: &mut Planned, ask: Ask, region: RegionId) {
    let view = ask.view;
    match &mut planned.verdict {
        Verdict::Forward(forward) => {
            forward
                .errand
                .rebind(region, view.keeps_host(region).then_some(ask.asked));
            forward.down.rebind(region);
        }
        Verdict::Answer(answer) => {
            let origin = view.origin(region);
            answer.rebind(
                format!("{origin}{}", ask.tail),
                view.region_name(region),
                Reason::LookUp.label(),
            );
        }
        Verdict::Collect(_) => {}
    }
    note(&mut planned.record, region);
}

fn note(record: &mut Record, region: RegionId) {
    record.decided = Some((region, Reason::LookUp));
    record.key = Some(KeyFinding::LookedUp);
}

/// Answers 503 in place of what the rules behind decided. The region that they named is not told: it
/// has nothing to do with the request.
fn refuse(planned: &mut Planned, ask: &Ask, refusal: Refusal) {
    let (view, record) = (&ask.view, &mut planned.record);
    record.decided = None;
    record.redirect = false;
    record.refused(refusal);
    let context = Context {
        dialect: ask.dialect,
        language: ask.language,
        // Only where no host names the region is a key looked up.
        chooses: true,
        request_id: record.request_id(),
        decided: None,
        pseudonym: view.pseudonym(),
        hsts: view.hsts(),
        set_cookies: &[],
    };
    let answer = Answer::refuse(refusal, view.region_names(), &context);
    planned.verdict = Verdict::Answer(Box::new(answer));
}
