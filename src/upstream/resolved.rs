//! What all threads know of an endpoint's name: written by the resolver's task, read by whoever
//! makes a connection. Survives reloads as long as the endpoint is the same.

use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::sync::watch;

use crate::balance::addresses::{Answer, Change, Resolution, Rules, in_order};

/// One name's addresses.
#[derive(Debug, Default)]
pub struct Resolved {
    current: watch::Sender<Resolution>,
    /// Counts connections, so that each begins at another address.
    turn: AtomicUsize,
    /// Why name servers do not answer, by family.
    causes: Mutex<[Option<String>; 2]>,
}

impl Resolved {
    /// The addresses in the order in which to try them. Waits until the name was asked about for
    /// the first time; none if it has never had an answer.
    pub async fn addresses(&self) -> Vec<IpAddr> {
        let mut reader = self.current.subscribe();
        let known = reader.wait_for(|name| name.due().is_some()).await;
        let addresses: Arc<[IpAddr]> = known
            .map(|name| name.addresses().clone())
            .unwrap_or_default();
        in_order(&addresses, self.turn.fetch_add(1, Relaxed))
    }

    /// Takes in why name servers do not answer for a family (0 is IPv6, 1 is IPv4), or that they do;
    /// says whether it is something else than before.
    pub fn fails_for(&self, family: usize, cause: Option<String>) -> bool {
        let mut causes = self.causes.lock().unwrap_or_else(PoisonError::into_inner);
        match causes.get_mut(family) {
            Some(known) => std::mem::replace(known, cause.clone()) != cause,
            None => false,
        }
    }

    /// Takes in the answers to one question.
    pub fn settle(&self, answers: [Answer; 2], rules: Rules, now: Instant) -> Option<Change> {
        let mut change = None;
        self.current
            .send_modify(|name| change = name.settle(answers, rules, now));
        change
    }

    /// All that is known.
    #[must_use]
    pub fn shown(&self) -> Resolution {
        self.current.borrow().clone()
    }
}
