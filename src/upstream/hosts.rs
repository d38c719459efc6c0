//! The addresses of an endpoint's name as requests use them: each has its share of the requests, and its
//! connections for as long as it is among the answers.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;

use super::breaker::Count;
use super::state::millis;
use crate::balance::pick::{Candidate, pick};

/// For so long an address is no first choice after another had to be connected to in its place.
const AVOIDED: Duration = Duration::from_secs(10);

/// One address.
#[derive(Debug)]
pub struct Host {
    ip: IpAddr,
    /// Whether the name does not stand for it any more.
    gone: AtomicBool,
    /// In milliseconds of [`millis`]; 0 is not avoided.
    avoided_until: AtomicU64,
    requests: Count,
}

impl Host {
    fn new(ip: IpAddr) -> Self {
        Self {
            ip,
            gone: AtomicBool::new(false),
            avoided_until: AtomicU64::new(0),
            requests: Count::default(),
        }
    }

    /// The address.
    #[must_use]
    pub const fn ip(&self) -> IpAddr {
        self.ip
    }

    /// Whether the name does not stand for it any more.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.gone.load(Relaxed)
    }

    /// It could not be connected to, but another could.
    pub fn avoid(&self, now: Instant) {
        self.avoided_until.store(millis(now + AVOIDED), Relaxed);
    }

    fn is_avoided(&self, now: Instant) -> bool {
        let until = self.avoided_until.load(Relaxed);
        until != 0 && until > millis(now)
    }
}

/// A request at an address; counted until it is dropped.
#[derive(Debug)]
pub struct Visit(Arc<Host>);

impl Visit {
    /// Where.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.0
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.0.requests.give();
    }
}

/// The addresses of one name.
#[derive(Debug, Default)]
pub struct Hosts(ArcSwap<Vec<Arc<Host>>>);

impl Hosts {
    /// Takes in what the name stands for now. To be called by one thread at a time.
    pub(super) fn replace(&self, addresses: &[IpAddr]) {
        let before = self.0.load();
        let is = |host: &Arc<Host>, ip: &IpAddr| host.ip == *ip;
        let is_first =
            |(at, ip): &(usize, &IpAddr)| !addresses.iter().take(*at).any(|other| other == *ip);
        let distinct = addresses.iter().enumerate().filter(is_first);
        let now = distinct.map(|(_, ip)| {
            let known = before.iter().find(|host| is(host, ip));
            known.cloned().unwrap_or_else(|| Arc::new(Host::new(*ip)))
        });
        self.0.store(Arc::new(now.collect()));
        for host in before.iter() {
            if !addresses.iter().any(|ip| is(host, ip)) {
                host.gone.store(true, Relaxed);
            }
        }
    }

    /// The less used of two random addresses, with one request more; `None` if none is known.
    pub(super) fn visit(&self, now: Instant) -> Option<Visit> {
        let hosts = self.0.load();
        let host = if let [only] = hosts.as_slice() {
            only
        } else {
            let dice = [fastrand::u64(..), fastrand::u64(..)];
            let candidates = |all: bool| -> smallvec::SmallVec<[Candidate; 8]> {
                let candidate = |host: &Arc<Host>| Candidate {
                    load: host.requests.now(),
                    weight: u32::from(all || !host.is_avoided(now)),
                };
                hosts.iter().map(candidate).collect()
            };
            let chosen = pick(&candidates(false), dice).or_else(|| pick(&candidates(true), dice));
            hosts.get(chosen?)?
        };
        // Without a limit.
        let _ = host.requests.take(usize::MAX);
        Some(Visit(host.clone()))
    }

    /// The address that a connection was made to; one that has left meanwhile is gone.
    pub(super) fn of(&self, ip: IpAddr) -> Arc<Host> {
        let hosts = self.0.load();
        let known = hosts.iter().find(|host| host.ip == ip);
        known.cloned().unwrap_or_else(|| {
            let host = Host::new(ip);
            host.gone.store(true, Relaxed);
            Arc::new(host)
        })
    }
}
