//! One region's secrets and receipts, in memory: a secret is read once, expires, and is known
//! nowhere else. No clock, no randomness: `now` (milliseconds since 1970) and keys are arguments.

mod attempts;
mod pair;

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::rc::Rc;

use self::attempts::Attempts;
pub(super) use self::pair::{Draft, Kind, Receipt, Secret, State};
use self::pair::{Looks, left};

/// How long the creator may look at a generated value once more.
const SHOWN_FOR: u64 = 60_000;

/// How many receipts of the account are listed at most.
const LISTED: usize = 1_000;

/// What became of an attempt to read or burn.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome<T> {
    /// No such key, or no longer.
    Unknown,
    /// Wrong or missing passphrase.
    Wrong,
    /// Too many wrong ones: try again in so many seconds.
    Locked(u64),
    Done(T),
}

/// Bounds of a store.
#[derive(Clone, Copy)]
pub(super) struct Bounds {
    pub(super) receipts: usize,
    /// Bytes of all values together.
    pub(super) bytes: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            receipts: 1_000_000,
            bytes: 256 * 1024 * 1024,
        }
    }
}

/// Everything one region knows. The oldest goes first when the bounds are reached.
#[derive(Default)]
pub(super) struct Store {
    secrets: HashMap<Rc<str>, Secret>,
    receipts: HashMap<Rc<str>, Receipt>,
    /// Receipt keys, oldest first.
    order: VecDeque<Rc<str>>,
    /// The account's receipt keys, oldest first.
    owned: VecDeque<Rc<str>>,
    bytes: usize,
    bounds: Bounds,
}

impl Store {
    #[cfg(test)]
    fn bounded(bounds: Bounds) -> Self {
        Self {
            bounds,
            ..Self::default()
        }
    }

    /// Stores a secret and its receipt; gives the receipt's key.
    pub(super) fn create(&mut self, now: u64, draft: Draft) -> Rc<str> {
        let (receipt, secret): (Rc<str>, Rc<str>) =
            (draft.receipt_key.into(), draft.secret_key.into());
        self.bytes += draft.value.len();
        let short = secret.get(..8).unwrap_or(&secret).to_owned();
        self.receipts.insert(
            Rc::clone(&receipt),
            Receipt {
                key: Rc::clone(&receipt),
                secret_key: Some(Rc::clone(&secret)),
                secret_short: short,
                ttl: draft.ttl,
                created: now,
                updated: now,
                state: State::New,
                ended: None,
                kind: draft.kind,
                owned: draft.owned,
                recipients: draft.recipients,
                memo: None,
                has_passphrase: !draft.passphrase.is_empty(),
                shown: false,
                looks: Looks::default(),
            },
        );
        self.secrets.insert(
            Rc::clone(&secret),
            Secret {
                key: secret,
                value: draft.value,
                passphrase: draft.passphrase,
                receipt: Rc::clone(&receipt),
                ttl: draft.ttl,
                created: now,
                viewed: false,
                attempts: Attempts::default(),
            },
        );
        self.order.push_back(Rc::clone(&receipt));
        if draft.owned {
            if self.owned.len() == LISTED {
                self.owned.pop_front();
            }
            self.owned.push_back(Rc::clone(&receipt));
        }
        self.evict(now);
        receipt
    }

    /// The secret of this key, if it can still be read.
    pub(super) fn secret(&mut self, now: u64, key: &str) -> Option<&mut Secret> {
        if self.secrets.get(key)?.left(now) == 0 {
            self.remove_secret(key);
            return None;
        }
        self.secrets.get_mut(key)
    }

    /// Reads a secret, once. An empty passphrase where one is needed counts as an attempt only if
    /// `count_empty` says so.
    pub(super) fn reveal(
        &mut self,
        now: u64,
        key: &str,
        passphrase: &str,
        client: IpAddr,
        count_empty: bool,
    ) -> Outcome<Secret> {
        let Some(secret) = self.secret(now, key) else {
            return Outcome::Unknown;
        };
        match try_passphrase(secret, now, passphrase, client, count_empty) {
            Outcome::Done(()) => {}
            Outcome::Unknown => return Outcome::Unknown,
            Outcome::Wrong => return Outcome::Wrong,
            Outcome::Locked(wait) => return Outcome::Locked(wait),
        }
        let Some(secret) = self.remove_secret(key) else {
            return Outcome::Unknown;
        };
        if let Some(receipt) = self.receipts.get_mut(&secret.receipt) {
            receipt.end(State::Revealed, now);
        }
        Outcome::Done(secret)
    }

    /// Destroys the secret of a receipt unread. Unknown if either of them is.
    pub(super) fn burn(
        &mut self,
        now: u64,
        receipt: &str,
        passphrase: &str,
        client: IpAddr,
    ) -> Outcome<()> {
        let Some(key) = self.secret_of(receipt) else {
            return Outcome::Unknown;
        };
        let Some(secret) = self.secret(now, &key) else {
            return Outcome::Unknown;
        };
        let outcome = try_passphrase(secret, now, passphrase, client, true);
        if outcome == Outcome::Done(()) {
            self.remove_secret(&key);
            if let Some(receipt) = self.receipts.get_mut(receipt) {
                receipt.end(State::Burned, now);
            }
        }
        outcome
    }

    /// The receipt of this key, its state brought up to date.
    pub(super) fn receipt(&mut self, now: u64, key: &str) -> Option<&mut Receipt> {
        let lives = self
            .secret_of(key)
            .is_some_and(|secret| self.secret(now, &secret).is_some());
        let receipt = self.receipts.get_mut(key)?;
        if receipt.left(now) == 0 {
            return None;
        }
        if !lives && matches!(receipt.state, State::New | State::Viewed) {
            let due = left(receipt.created, receipt.ttl, now) == 0;
            receipt.end(if due { State::Expired } else { State::Orphaned }, now);
        }
        Some(receipt)
    }

    /// The receipt of this key as it was left, and its secret if that can still be read.
    pub(super) fn pair(&self, now: u64, key: &str) -> Option<(&Receipt, Option<&Secret>)> {
        let receipt = self.receipts.get(key)?;
        let secret = receipt
            .secret_key
            .as_ref()
            .and_then(|key| self.secrets.get(key));
        Some((receipt, secret.filter(|secret| secret.left(now) > 0)))
    }

    /// Claims the one further look at a generated value: true once, within a minute, while the
    /// receipt is new.
    pub(super) fn claim(&mut self, now: u64, key: &str) -> bool {
        let Some(receipt) = self.receipts.get_mut(key) else {
            return false;
        };
        let fresh = now.saturating_sub(receipt.created) < SHOWN_FOR;
        let due = receipt.kind == Kind::Generate && receipt.state == State::New && fresh;
        due && !std::mem::replace(&mut receipt.shown, true)
    }

    /// Notes on the secret's receipt that somebody looked without reading.
    pub(super) fn look(&mut self, now: u64, secret: &str) {
        let receipt = self.secrets.get(secret).map(|secret| &secret.receipt);
        if let Some(receipt) = receipt.and_then(|receipt| self.receipts.get_mut(receipt)) {
            receipt.looks.count = receipt.looks.count.saturating_add(1);
            receipt.looks.first.get_or_insert(now);
            receipt.looks.last = Some(now);
        }
    }

    /// The account's receipts that live and are not older than 30 days, newest first.
    pub(super) fn recent(&self, now: u64) -> impl Iterator<Item = &Receipt> {
        const MONTH: u64 = 30 * 24 * 3600 * 1000;
        self.owned
            .iter()
            .rev()
            .filter_map(|key| self.receipts.get(key))
            .filter(move |receipt| receipt.left(now) > 0 && now - receipt.created <= MONTH)
    }

    fn secret_of(&self, receipt: &str) -> Option<Rc<str>> {
        self.receipts.get(receipt)?.secret_key.clone()
    }

    fn remove_secret(&mut self, key: &str) -> Option<Secret> {
        let secret = self.secrets.remove(key)?;
        self.bytes = self.bytes.saturating_sub(secret.value.len());
        Some(secret)
    }

    /// Forgets what is dead at the old end, and the oldest beyond the bounds.
    fn evict(&mut self, now: u64) {
        while let Some(oldest) = self.order.front() {
            let dead = self.receipts.get(oldest).is_none_or(|r| r.left(now) == 0);
            let full = self.receipts.len() > self.bounds.receipts || self.bytes > self.bounds.bytes;
            if !dead && !full {
                return;
            }
            if let Some(key) = self.order.pop_front()
                && let Some(receipt) = self.receipts.remove(&key)
                && let Some(secret) = receipt.secret_key
            {
                self.remove_secret(&secret);
            }
        }
    }
}

/// Compares and counts. `Done` also where no passphrase is needed.
fn try_passphrase(
    secret: &mut Secret,
    now: u64,
    passphrase: &str,
    client: IpAddr,
    count_empty: bool,
) -> Outcome<()> {
    if !secret.has_passphrase() {
        return Outcome::Done(());
    }
    if let Some(wait) = secret.attempts.locked(now, client) {
        return Outcome::Locked(wait);
    }
    if secret.passphrase == passphrase {
        return Outcome::Done(());
    }
    if count_empty || !passphrase.is_empty() {
        secret.attempts.fail(now, client);
    }
    Outcome::Wrong
}

#[cfg(test)]
mod tests;
