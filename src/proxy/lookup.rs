//! Keys that no tag places, where the operator lets regions be asked for them: once for all callers
//! who want to know at the same time, within a budget, and remembered for a while. What is found binds
//! like a tag; where nothing is, the next rules have decided already.

use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::inquiry::inquire;
use super::record::Record;
use super::worker::{View, Worker};
use super::{Planned, Verdict};
use crate::lookup::table::{Digest, Known, Step, Table};
use crate::lookup::{Kind, LENGTHS, Said};
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
}

impl Lookups {
    /// Nothing known. `secret` is of this process and must be random: it keeps digests from telling
    /// anything, and callers from making two keys that have the same.
    #[must_use]
    pub fn new(secret: [u8; 64], epoch: Instant) -> Self {
        Self {
            keyed: Hmac::new(&secret.into()),
            table: Mutex::new(Table::new(epoch)),
        }
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
}

impl Ask {
    /// For a request that was decided like this, if its key has to be asked for.
    #[must_use]
    pub(super) fn of(
        view: &View,
        outcome: &Outcome,
        route: &RouteMatch<'_>,
        asked: impl FnOnce() -> String,
        tail: impl FnOnce() -> String,
    ) -> Option<Box<Self>> {
        if view.lookup_regions().is_empty() || outcome.key != KeyFinding::Untagged {
            return None;
        }
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
            })
        })
    }
}

/// Asks, if there is anything to ask, and turns the request to the region that was found.
pub async fn resolve(planned: &mut Planned, worker: &Rc<Worker>) {
    // Seldom, so it takes room only then.
    if let Some(ask) = planned.ask.take()
        && let Some(region) = Box::pin(find(&ask, worker)).await
    {
        turn(planned, *ask, region);
    }
}

/// The region that has it, as far as one can be found.
async fn find(ask: &Ask, worker: &Rc<Worker>) -> Option<RegionId> {
    let count = |outcome| worker.metrics.count(Event::LookedUp, None, outcome);
    let digest = worker.lookups.digest(ask.kind, &ask.key);
    let (teller, wait) = watch::channel(None);
    let rules = ask.view.lookup_rules();
    let step = worker
        .lookups
        .table(|table| table.step(digest, Instant::now(), &rules, || wait.clone()));
    let known = match step {
        Step::Refused => {
            count("refused");
            return None;
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
            let asking = Asking {
                lookups: worker.lookups.clone(),
                view: ask.view.clone(),
                digest,
                teller,
                known: None,
            };
            // It goes on without the caller who began it: others may wait.
            let work = asking.run(worker.clone(), ask.kind, ask.key.clone());
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
    let Some(Known::At(name)) = known else {
        return None;
    };
    // A reload may have taken the region away, or the leave to ask it.
    let regions = ask.view.lookup_regions().iter().copied();
    regions
        .into_iter()
        .find(|region| ask.view.region_name(*region) == &*name)
}

async fn told(mut wait: Wait) -> Option<Known> {
    // Nobody is left to tell if the asking thread ends.
    let known = wait.wait_for(Option::is_some).await;
    known.ok().and_then(|known| known.clone().flatten())
}

/// A question under way. However it ends, it is off the table afterwards and all who wait know.
struct Asking {
    lookups: Arc<Lookups>,
    view: View,
    digest: Digest,
    teller: watch::Sender<Option<Option<Known>>>,
    known: Option<Known>,
}

impl Asking {
    async fn run(mut self, worker: Rc<Worker>, kind: Kind, key: Key) {
        let within = self.view.config.decision.lookup_timeout;
        let mut inquiries = JoinSet::new();
        for &region in self.view.lookup_regions() {
            let (view, worker, key) = (self.view.clone(), worker.clone(), key.clone());
            inquiries.spawn_local(async move {
                let mut journey = Journey::default();
                let asked = inquire(
                    &view,
                    &worker.pools,
                    region,
                    kind,
                    &key,
                    within,
                    &mut journey,
                );
                let said = asked.await;
                let label = view.region_label(region);
                worker.remember_endpoints(&journey, Some(label));
                let name: Arc<str> = view.region_name(region).into();
                worker
                    .metrics
                    .count(Event::Inquired, Some(label), said.label());
                (name, said)
            });
        }
        let mut all_said_no = true;
        while let Some(inquired) = inquiries.join_next().await {
            match inquired {
                Ok((name, Said::Here)) => {
                    self.known = Some(Known::At(name));
                    break;
                }
                Ok((_, Said::NotHere)) => {}
                Ok((_, Said::CannotSay)) | Err(_) => all_said_no = false,
            }
        }
        if self.known.is_none() && all_said_no {
            self.known = Some(Known::Nowhere);
        }
        drop(self);
        // The others' answers change nothing, but their connections can be used again.
        while inquiries.join_next().await.is_some() {}
    }
}

impl Drop for Asking {
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
