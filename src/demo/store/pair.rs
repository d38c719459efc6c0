//! A secret and its receipt: the two halves of what is stored.

use std::rc::Rc;

use super::attempts::Attempts;

/// What a receipt knows of its secret's fate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::demo) enum State {
    New,
    /// Classic only: somebody has looked at the receipt.
    Viewed,
    Revealed,
    Burned,
    Expired,
    /// The secret is gone for no reason the receipt knows (evicted).
    Orphaned,
}

/// How a secret came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::demo) enum Kind {
    Conceal,
    Generate,
}

/// What is to be stored.
pub(in crate::demo) struct Draft {
    pub(in crate::demo) secret_key: String,
    pub(in crate::demo) receipt_key: String,
    pub(in crate::demo) value: String,
    /// Empty for none.
    pub(in crate::demo) passphrase: String,
    /// Seconds.
    pub(in crate::demo) ttl: u64,
    pub(in crate::demo) kind: Kind,
    /// By the region's account, not by anybody.
    pub(in crate::demo) owned: bool,
    /// Obscured addresses.
    pub(in crate::demo) recipients: Vec<String>,
}

/// A secret that can still be read.
pub(in crate::demo) struct Secret {
    pub(in crate::demo) key: Rc<str>,
    pub(in crate::demo) value: String,
    pub(super) passphrase: String,
    pub(super) receipt: Rc<str>,
    pub(in crate::demo) ttl: u64,
    pub(in crate::demo) created: u64,
    /// Classic only: somebody has looked at it without reading it.
    pub(in crate::demo) viewed: bool,
    pub(super) attempts: Attempts,
}

impl Secret {
    pub(in crate::demo) fn has_passphrase(&self) -> bool {
        !self.passphrase.is_empty()
    }

    /// Seconds left to live.
    pub(in crate::demo) fn left(&self, now: u64) -> u64 {
        left(self.created, self.ttl, now)
    }
}

/// What the creator keeps: lives twice as long as its secret.
pub(in crate::demo) struct Receipt {
    pub(in crate::demo) key: Rc<str>,
    /// Until the secret's end is known.
    pub(in crate::demo) secret_key: Option<Rc<str>>,
    /// The first characters of the secret's key, kept for good.
    pub(in crate::demo) secret_short: String,
    pub(in crate::demo) ttl: u64,
    pub(in crate::demo) created: u64,
    pub(in crate::demo) updated: u64,
    pub(in crate::demo) state: State,
    /// When the secret was revealed or burned.
    pub(in crate::demo) ended: Option<u64>,
    pub(in crate::demo) kind: Kind,
    pub(in crate::demo) owned: bool,
    pub(in crate::demo) recipients: Vec<String>,
    pub(in crate::demo) memo: Option<String>,
    pub(in crate::demo) has_passphrase: bool,
    /// The generated value has been shown to the creator once more.
    pub(super) shown: bool,
    /// Looks at the secret that did not read it.
    pub(in crate::demo) looks: Looks,
}

/// How often and when a secret was looked at without being read.
#[derive(Clone, Copy, Default)]
pub(in crate::demo) struct Looks {
    pub(in crate::demo) count: u32,
    pub(in crate::demo) first: Option<u64>,
    pub(in crate::demo) last: Option<u64>,
}

impl Receipt {
    /// Seconds left to live.
    pub(in crate::demo) fn left(&self, now: u64) -> u64 {
        left(self.created, 2 * self.ttl, now)
    }

    /// Classic only: somebody has looked at it.
    pub(in crate::demo) fn mark_viewed(&mut self) {
        if self.state == State::New {
            self.state = State::Viewed;
        }
    }

    pub(super) fn end(&mut self, state: State, now: u64) {
        self.state = state;
        self.updated = now;
        self.secret_key = None;
        if matches!(state, State::Revealed | State::Burned) {
            self.ended = Some(now);
        }
    }
}

/// Whole seconds until `ttl` seconds after `created`; 0 when that is past.
pub(super) fn left(created: u64, ttl: u64, now: u64) -> u64 {
    (created + ttl * 1000).saturating_sub(now).div_ceil(1000)
}
