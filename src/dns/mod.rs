//! The addresses of endpoints that have a name: asked for by one task for the process, on the
//! control thread, again and again as the answers run out. Requests never ask; they find what was
//! answered last.

mod resolver;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use hickory_resolver::proto::rr::Name;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};

use self::resolver::{Asker, FAMILIES, Reply};
use crate::balance::addresses::{Answer, Change, Rules};
use crate::config::dns::Dns;
use crate::snapshot::Snapshot;
use crate::upstream::endpoint::{Endpoint, Place};

/// How often new snapshots are noticed.
const LOOK: Duration = Duration::from_millis(250);

/// How long the addresses of one family wait for those of the other (RFC 8305 section 3).
const RESOLUTION_DELAY: Duration = Duration::from_millis(50);

/// Resolves the names of the live snapshot's endpoints until it is dropped.
pub async fn watch(live: Arc<ArcSwap<Snapshot>>) {
    let mut names = JoinSet::new();
    let mut generation = 0;
    let mut asked: Option<Dns> = None;
    loop {
        let snapshot = live.load_full();
        if snapshot.generation != generation {
            generation = snapshot.generation;
            names.shutdown().await;
            let dns = &snapshot.config.dns;
            // Other servers may know other answers.
            let at_once = asked.as_ref() != Some(dns);
            for endpoint in snapshot.clusters().flat_map(|cluster| &cluster.endpoints) {
                if matches!(endpoint.place, Place::Name(_)) {
                    names.spawn(keep(endpoint.clone(), dns.clone(), at_once));
                }
            }
            asked = Some(dns.clone());
        }
        drop(snapshot);
        sleep(LOOK).await;
    }
}

/// Keeps one endpoint's addresses fresh for ever.
async fn keep(endpoint: Arc<Endpoint>, dns: Dns, mut at_once: bool) {
    let Place::Name(name) = &endpoint.place else {
        return;
    };
    let rules = Rules {
        least: dns.min_ttl,
        most: dns.max_ttl,
    };
    let resolved = &endpoint.state.resolved;
    let settle = |answers: [Answer; 2]| {
        let change = resolved.settle(answers, rules, Instant::now().into_std());
        announce(change, name, &endpoint);
        resolved.shown().due()
    };
    let mut open = Open::default();
    loop {
        // What an earlier snapshot's task found out lasts as long as it would have.
        let due = resolved.shown().due();
        if let Some(due) = due.filter(|_| !at_once) {
            sleep_until(due.into()).await;
        }
        at_once = false;
        let replies = match Asker::new(name, &dns.servers) {
            Ok(asker) => ask(&asker, &mut open, settle).await,
            Err(error) => {
                let reply = Reply {
                    answer: Answer::Missing,
                    cause: Some(error.to_string()),
                };
                [Some(reply.clone()), Some(reply)]
            }
        };
        tell(&replies, name, &endpoint);
        if let [Some(v6), Some(v4)] = replies {
            settle([v6.answer, v4.answer]);
        }
    }
}

/// Questions for both families of one name that are not answered yet.
#[derive(Default)]
struct Open {
    name: Name,
    questions: [Option<Pin<Box<dyn Future<Output = Reply> + Send>>>; 2],
}

/// Asks for both families of one and the same name: the first of the asker's that has addresses. A
/// family that is silent is not waited for when the other has addresses (RFC 8305 section 3): `early`
/// then takes what is there, and says until when it lasts. A question that is open by then goes on in the
/// next round, and has no reply in this one.
async fn ask(
    asker: &Asker,
    open: &mut Open,
    early: impl Fn([Answer; 2]) -> Option<std::time::Instant>,
) -> [Option<Reply>; 2] {
    let mut replies = [None, None];
    for name in &asker.names {
        if open.name != *name {
            *open = Open {
                name: name.clone(),
                ..Open::default()
            };
        }
        let [v6, v4] = &mut open.questions;
        let question = |kind| Box::pin(asker.clone().family(name.clone(), kind)) as Pin<Box<_>>;
        let [of_v6, of_v4] = FAMILIES;
        let mut first = v6.get_or_insert_with(|| question(of_v6));
        let mut second = v4.get_or_insert_with(|| question(of_v4));
        let (reply, v4_was_first) = tokio::select! {
            biased;
            reply = &mut first => (reply, false),
            reply = &mut second => (reply, true),
        };
        let rest = if v4_was_first { first } else { second };
        let in_order = |one: Reply, other: Reply| match v4_was_first {
            true => [Some(other), Some(one)],
            false => [Some(one), Some(other)],
        };
        let other = if reply.is_good() {
            match timeout(RESOLUTION_DELAY, &mut *rest).await {
                Ok(other) => Some(other),
                Err(_) => {
                    let answers = match v4_was_first {
                        true => [Answer::Missing, reply.answer.clone()],
                        false => [reply.answer.clone(), Answer::Missing],
                    };
                    let due = early(answers).unwrap_or_else(|| Instant::now().into_std());
                    timeout_at(due.into(), &mut *rest).await.ok()
                }
            }
        } else {
            Some(rest.await)
        };
        let Some(other) = other else {
            let of_reply = if v4_was_first { v4 } else { v6 };
            *of_reply = None;
            return match v4_was_first {
                true => [None, Some(reply)],
                false => [Some(reply), None],
            };
        };
        *open = Open::default();
        // Whether a name exists that could not be asked for is not known: no other is tried.
        let decided = [&reply, &other]
            .iter()
            .any(|one| one.is_good() || one.cause.is_some());
        replies = in_order(reply, other);
        if decided {
            break;
        }
    }
    replies
}

/// One log line if name servers begin or cease to answer a question.
fn tell(replies: &[Option<Reply>; 2], name: &str, endpoint: &Endpoint) {
    let (region, url) = (&*endpoint.region, &*endpoint.url);
    for (family, (kind, reply)) in FAMILIES.iter().zip(replies).enumerate() {
        // A question that is still open ends in a time-out, or in an answer.
        let Some(cause) = reply.as_ref().map(|reply| reply.cause.clone()) else {
            continue;
        };
        if !endpoint.state.resolved.fails_for(family, cause.clone()) {
            continue;
        }
        match cause {
            Some(cause) => tracing::warn!(
                region,
                endpoint = url,
                name,
                %kind,
                cause,
                "name servers do not answer the question for an endpoint's name"
            ),
            None => tracing::info!(
                region,
                endpoint = url,
                name,
                %kind,
                "name servers answer the question for an endpoint's name again"
            ),
        }
    }
}

/// One log line for a change.
fn announce(change: Option<Change>, name: &str, endpoint: &Endpoint) {
    let (region, url) = (&*endpoint.region, &*endpoint.url);
    let known = endpoint.state.resolved.shown();
    let addresses = known.addresses();
    match change {
        None => {}
        Some(Change::Addresses) => {
            tracing::info!(
                region,
                endpoint = url,
                ?addresses,
                "endpoint's name resolved"
            );
        }
        Some(Change::Failing) if addresses.is_empty() => {
            tracing::warn!(
                region,
                endpoint = url,
                name,
                "endpoint's name does not resolve (a name with a dot is looked for in no search list)"
            );
        }
        Some(Change::Failing) => tracing::warn!(
            region,
            endpoint = url,
            name,
            ?addresses,
            "endpoint's name does not resolve any more, its last addresses stay"
        ),
        Some(Change::Recovered) => {
            tracing::info!(
                region,
                endpoint = url,
                ?addresses,
                "endpoint's name resolves again"
            );
        }
    }
}
