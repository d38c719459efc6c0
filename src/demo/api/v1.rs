//! The frozen v1 API: 404 for nearly everything that fails, numbers as numbers, old member names
//! (and, in the current dialect, the new ones beside them).

use serde::Serialize;
use serde_json::json;

use super::account::Caller;
use super::call::Call;
use super::create::create;
use super::not_found;
use crate::demo::store::{Kind, Outcome, Receipt, Secret, State};
use crate::demo::wire::answer::Answer;

/// The shortest text that the current dialect takes for a key.
const SHORTEST_KEY: usize = 20;

/// Answers a v1 route; `path` is what follows `/api/v1`.
pub(super) fn answer(call: &Call<'_>, method: &str, path: &[&str]) -> Answer {
    let routed = match (method, path) {
        ("GET", ["status"]) => status(call, Anybody::Welcome),
        ("GET", ["authcheck"]) => status(call, Anybody::Refused),
        ("POST", ["share" | "create"]) => store(call, Kind::Conceal),
        ("POST", ["generate"]) => store(call, Kind::Generate),
        ("POST", ["secret", key]) => reveal(call, key),
        ("GET", [word, "recent"]) if receipt_word(call, word) => recent(call),
        ("POST", [word, key, "burn"]) if burn_word(call, word) => burn(call, key),
        ("GET" | "POST", [word, key]) if receipt_word(call, word) => show(call, key),
        _ => Ok(not_found(call.head.path())),
    };
    routed.unwrap_or_else(|refusal| refusal)
}

/// The words that stand for a receipt.
fn receipt_word(call: &Call<'_>, word: &str) -> bool {
    matches!(word, "private" | "metadata") || (word == "receipt" && call.region.current())
}

/// The classic dialect burns under one of them only.
fn burn_word(call: &Call<'_>, word: &str) -> bool {
    word == "private" || (receipt_word(call, word) && call.region.current())
}

/// Whether a call without credentials is served.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Anybody {
    Welcome,
    Refused,
}

fn admit(call: &Call<'_>, anybody: Anybody) -> Result<(), Answer> {
    match call.caller {
        Caller::Account => Ok(()),
        Caller::Anonymous if anybody == Anybody::Welcome => Ok(()),
        Caller::Anonymous | Caller::Refused => Err(call.refuse_v1(401, "Not authorized")),
    }
}

fn status(call: &Call<'_>, anybody: Anybody) -> Result<Answer, Answer> {
    admit(call, anybody)?;
    let body = json!({"status": "nominal", "locale": call.locale()});
    Ok(Answer::json(200, &body))
}

fn store(call: &Call<'_>, kind: Kind) -> Result<Answer, Answer> {
    admit(call, Anybody::Welcome)?;
    let created = create(call, kind, str::to_owned)
        .map_err(|complaint| call.refuse_v1(400, complaint.message()))?;
    let mut store = call.region.store.borrow_mut();
    let Some((receipt, secret)) = store.pair(call.now, &created.receipt) else {
        return Err(call.unexpected_v1());
    };
    let body = ReceiptBody::of(call, receipt, secret).showing(created.generated.as_deref());
    let answer = Answer::json(200, &body);
    if kind == Kind::Generate && !call.region.current() {
        view(call, &mut store, &created.receipt);
    }
    Ok(answer)
}

fn reveal(call: &Call<'_>, sent: &str) -> Result<Answer, Answer> {
    admit(call, Anybody::Welcome)?;
    let key = key_of(call, sent)?;
    let passphrase = call.params.text("passphrase");
    let mut store = call.region.store.borrow_mut();
    // The current dialect counts no missing passphrase here.
    let outcome = store.reveal(call.now, &key, passphrase, call.client, false);
    match outcome {
        Outcome::Unknown | Outcome::Wrong => Err(unknown(sent)),
        Outcome::Locked(_) => Err(locked(call)),
        Outcome::Done(secret) => {
            let body = Revealed {
                value: &secret.value,
                secret_key: sent,
                share_domain: call.origin(),
            };
            Ok(Answer::json(200, &body))
        }
    }
}

fn show(call: &Call<'_>, sent: &str) -> Result<Answer, Answer> {
    admit(call, Anybody::Welcome)?;
    let key = key_of(call, sent)?;
    let mut store = call.region.store.borrow_mut();
    if store.receipt(call.now, &key).is_none() {
        return Err(unknown(sent));
    }
    let plain = |secret: &Secret| !secret.has_passphrase();
    let shown = match store.pair(call.now, &key) {
        Some((_, Some(secret))) if plain(secret) && call.region.current() => {
            store.claim(call.now, &key)
        }
        // The classic dialect shows any new secret to whoever looks first.
        Some((receipt, Some(secret))) => plain(secret) && receipt.state == State::New,
        _ => false,
    };
    let Some((receipt, secret)) = store.pair(call.now, &key) else {
        return Err(unknown(sent));
    };
    let value = secret.filter(|_| shown).map(|secret| secret.value.as_str());
    let answer = Answer::json(200, &ReceiptBody::of(call, receipt, secret).showing(value));
    if !call.region.current() {
        view(call, &mut store, &key);
    }
    Ok(answer)
}

fn burn(call: &Call<'_>, sent: &str) -> Result<Answer, Answer> {
    admit(call, Anybody::Welcome)?;
    let key = key_of(call, sent)?;
    let passphrase = call.params.text("passphrase");
    let mut store = call.region.store.borrow_mut();
    match store.burn(call.now, &key, passphrase, call.client) {
        Outcome::Unknown => Err(unknown(sent)),
        Outcome::Wrong => Err(call.refuse_v1(400, "Double check that passphrase")),
        Outcome::Locked(_) => Err(locked(call)),
        Outcome::Done(()) => {
            let Some((receipt, _)) = store.pair(call.now, &key) else {
                return Err(call.unexpected_v1());
            };
            let length = if call.region.current() { 8 } else { 6 };
            let short = receipt.secret_short.get(..length).unwrap_or_default();
            let state = ReceiptBody::of(call, receipt, None);
            let body = json!({"state": state, "secret_shortkey": short});
            Ok(Answer::json(200, &body))
        }
    }
}

fn recent(call: &Call<'_>) -> Result<Answer, Answer> {
    admit(call, Anybody::Refused)?;
    if !call.region.current() {
        // Broken in v0.23 for everyone.
        return Err(call.unexpected_v1());
    }
    let store = call.region.store.borrow();
    let receipts: Vec<_> = store
        .recent(call.now)
        .map(|receipt| ReceiptBody::of(call, receipt, None).without_secret_key())
        .collect();
    Ok(Answer::json(200, &receipts))
}

/// A key as the application reads it.
fn key_of(call: &Call<'_>, sent: &str) -> Result<String, Answer> {
    if !call.region.current() {
        return Ok(sent.to_owned());
    }
    if sent.chars().count() < SHORTEST_KEY {
        return Err(Answer::json(404, &json!({"message": "Not Found"})));
    }
    Ok(sanitized(sent))
}

/// A key with everything dropped that no key holds.
pub(super) fn sanitized(key: &str) -> String {
    let usual = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    key.chars().filter(usual).collect()
}

/// The answer that an unknown key and a wrong passphrase share, byte for byte.
fn unknown(sent: &str) -> Answer {
    let body = Unknown {
        secret_key: sent,
        message: "Unknown secret",
    };
    Answer::json(404, &body)
}

fn locked(call: &Call<'_>) -> Answer {
    match call.region.current() {
        true => call.unexpected_v1(),
        false => call.refuse_v1(400, "Cripes! You have been rate limited."),
    }
}

fn view(call: &Call<'_>, store: &mut crate::demo::store::Store, key: &str) {
    if let Some(receipt) = store.receipt(call.now, key) {
        receipt.mark_viewed();
    }
}

#[derive(Serialize)]
struct Unknown<'a> {
    secret_key: &'a str,
    message: &'static str,
}

#[derive(Serialize)]
struct Revealed<'a> {
    value: &'a str,
    secret_key: &'a str,
    /// Here a whole origin.
    share_domain: String,
}

/// A receipt as v1 writes it. `Option<Option<_>>`: left out, null or there.
#[derive(Serialize)]
struct ReceiptBody<'a> {
    custid: &'a str,
    metadata_key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_key: Option<&'a str>,
    ttl: u64,
    metadata_ttl: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_ttl: Option<Option<u64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata_url: Option<String>,
    state: &'static str,
    updated: u64,
    created: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    received: Option<u64>,
    recipient: &'a [String],
    share_domain: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    passphrase_required: Option<bool>,
    #[serde(flatten)]
    twins: Option<Twins<'a>>,
}

/// The new names that the current dialect writes beside the old ones.
#[derive(Serialize)]
struct Twins<'a> {
    identifier: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_identifier: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    has_passphrase: Option<bool>,
    recipients: &'a [String],
    receipt_ttl: u64,
    receipt_url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_value: Option<&'a str>,
}

impl<'a> ReceiptBody<'a> {
    /// `secret` is the receipt's, if it can still be read.
    fn of(call: &Call<'a>, receipt: &'a Receipt, secret: Option<&'a Secret>) -> Self {
        let current = call.region.current();
        let received = receipt.state == State::Revealed;
        let secret_key = (!received).then(|| receipt.secret_key.as_deref().unwrap_or_default());
        let passphrase_required = secret.map(Secret::has_passphrase);
        let url = format!("{}/receipt/{}", call.origin(), receipt.key);
        let by_account = match current {
            true => call.caller == Caller::Account,
            false => receipt.owned,
        };
        let left = receipt.left(call.now);
        Self {
            custid: if by_account {
                &call.region.user
            } else {
                "anon"
            },
            metadata_key: &receipt.key,
            secret_key,
            ttl: receipt.ttl,
            metadata_ttl: left,
            secret_ttl: (!received).then(|| secret.map(|secret| secret.left(call.now))),
            metadata_url: current.then(|| url.clone()),
            state: match receipt.state {
                State::New => "new",
                State::Viewed => "viewed",
                State::Revealed => "received",
                State::Burned => "burned",
                State::Expired => "expired",
                State::Orphaned => "orphaned",
            },
            updated: receipt.updated / 1000,
            created: receipt.created / 1000,
            received: receipt.ended.filter(|_| received).map(|at| at / 1000),
            recipient: &receipt.recipients,
            share_domain: "",
            value: None,
            passphrase_required,
            twins: current.then(|| Twins {
                identifier: &receipt.key,
                secret_identifier: secret_key,
                has_passphrase: passphrase_required,
                recipients: &receipt.recipients,
                receipt_ttl: left,
                receipt_url: url,
                secret_value: None,
            }),
        }
    }

    /// The same with the secret's value in it.
    fn showing(mut self, value: Option<&'a str>) -> Self {
        self.value = value;
        if let Some(twins) = &mut self.twins {
            twins.secret_value = value;
        }
        self
    }

    /// The same as lists show it; the application forgets the new name there.
    fn without_secret_key(mut self) -> Self {
        self.secret_key = None;
        self
    }
}
