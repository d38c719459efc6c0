//! The v2 and v3 APIs: honest statuses, a record and its details. v3 differs by who may call what,
//! by a batch look-up of receipts, and by leaving old members out.

mod dump;
mod failure;
mod lookup;
mod receipts;

use serde_json::{Value, json};

use self::failure::Failure;
use super::account::Caller;
use super::call::{Call, LOCALES};
use super::create::create;
use super::not_found;
use super::v1::sanitized;
use crate::demo::store::{Kind, Outcome};
use crate::demo::wire::answer::Answer;

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    Two,
    Three,
}

type Routed = Result<Answer, Failure>;

/// Answers a route; `path` is what follows `/api/v2` or `/api/v3`.
pub(super) fn answer(call: &Call<'_>, version: Version, method: &str, path: &[&str]) -> Answer {
    let (guest, rest) = match path {
        ["guest", rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let routed = match guest {
        false => meta(call, version, method, rest).unwrap_or_else(|| {
            admit(call, version, method, rest)?;
            records(call, version, method, rest)
        }),
        true => guest_records(call, version, method, rest),
    };
    let answer = routed.unwrap_or_else(|failure| failure.answer(call));
    let sessionless = matches!(path, ["status"]) || call.caller != Caller::Anonymous;
    match sessionless {
        true => answer,
        false => super::pages::with_session(call, answer),
    }
}

/// Routes that know no secret. `None` if it is not one of them.
fn meta(call: &Call<'_>, version: Version, method: &str, path: &[&str]) -> Option<Routed> {
    let body = match (method, path) {
        ("GET", ["status"]) => json!({"status": "nominal", "locale": "en"}),
        ("GET", ["version"]) => {
            if call.caller == Caller::Refused {
                return Some(Err(Failure::Unauthorized("Invalid credentials")));
            }
            let minor = if call.region.current() { "26" } else { "23" };
            json!({"version": ["0", minor, "6"], "locale": "en"})
        }
        ("GET", ["supported-locales"]) => {
            json!({"locales": LOCALES, "default_locale": "en", "locale": "en"})
        }
        ("POST", ["feedback"]) if version == Version::Three => {
            json!({"record": {}, "details": {"message": "Message received. Send as many as you like!"}})
        }
        ("OPTIONS", ["secret", "generate" | "conceal"]) => return Some(Ok(Answer::empty(204))),
        _ => return None,
    };
    Some(Ok(success(version, body)))
}

/// v2 says `success` where v3 leaves it out.
fn success(version: Version, mut body: Value) -> Answer {
    if version == Version::Two
        && let Some(members) = body.as_object_mut()
    {
        members.insert("success".to_owned(), Value::Bool(true));
    }
    Answer::json(200, &body)
}

/// Explicit bad credentials are never taken for anonymous; the owner routes of v3 need a session,
/// which the demo has nobody sign in to get.
fn admit(call: &Call<'_>, version: Version, method: &str, path: &[&str]) -> Result<(), Failure> {
    let open = matches!(
        (method, path),
        ("GET", ["secret", _, "status"]) | ("POST", ["secret", "status"])
    );
    let owners = owner_route(method, path);
    match version {
        Version::Three if owners => Err(Failure::Unauthorized("Authentication required")),
        Version::Two if call.caller == Caller::Refused && (owners || open) => {
            Err(Failure::Unauthorized("Invalid credentials"))
        }
        _ => Ok(()),
    }
}

/// Routes of v3 that want a session; v2 serves the same to anybody.
fn owner_route(method: &str, path: &[&str]) -> bool {
    matches!(
        (method, path),
        ("POST", ["secret", "conceal" | "generate"])
            | ("GET", ["secret" | "receipt" | "private", _])
            | ("PATCH", ["receipt" | "private", _])
            | ("POST", ["secret", _, "reveal"])
            | ("POST", ["receipt" | "private", _, "burn"])
    )
}

fn records(call: &Call<'_>, version: Version, method: &str, path: &[&str]) -> Routed {
    match (method, path) {
        ("GET", ["receipt" | "private", "recent"]) => receipts::recent(call, version),
        ("PATCH", ["receipt" | "private", key]) => receipts::update(call, version, key),
        ("GET", ["secret", key, "status"]) => lookup::secret_status(call, key),
        ("POST", ["secret", "status"]) => lookup::list_status(call),
        _ => either(call, version, method, path, "private"),
    }
}

fn guest_records(call: &Call<'_>, version: Version, method: &str, path: &[&str]) -> Routed {
    match (method, path) {
        ("POST", ["receipts"]) if version == Version::Three => lookup::batch(call),
        _ => either(call, version, method, path, "receipt"),
    }
}

/// Routes that owners and guests share; `alias` is one more word for a receipt.
fn either(call: &Call<'_>, version: Version, method: &str, path: &[&str], alias: &str) -> Routed {
    let receipt = |word: &str| word == "receipt" || word == alias;
    match (method, path) {
        ("POST", ["secret", "conceal"]) => store(call, version, Kind::Conceal),
        ("POST", ["secret", "generate"]) => store(call, version, Kind::Generate),
        ("GET", ["secret", key]) => show_secret(call, version, key),
        ("POST", ["secret", key, "reveal"]) => reveal(call, version, key),
        ("GET", [word, key]) if receipt(word) => receipts::show(call, version, key),
        ("POST", [word, key, "burn"]) if receipt(word) => receipts::burn(call, version, key),
        _ => Ok(not_found(call.head.path())),
    }
}

fn store(call: &Call<'_>, version: Version, kind: Kind) -> Routed {
    if call.params.get("secret").is_some() {
        return Err(Failure::form("Incorrect payload format"));
    }
    let created = create(call, kind, |name| format!("secret[{name}]"))?;
    let store = call.region.store.borrow();
    let Some((receipt, Some(secret))) = store.pair(call.now, &created.receipt) else {
        return Err(Failure::form("Could not store your secret"));
    };
    let shown = dump::receipt(call, version, receipt);
    let mut record = json!({
        "receipt": shown,
        "secret": dump::secret(call, secret),
        "share_domain": null,
    });
    if version == Version::Two
        && let Some(members) = record.as_object_mut()
    {
        members.insert("metadata".to_owned(), shown);
    }
    let body = json!({
        "success": true,
        "record": record,
        "details": {
            "kind": dump::kind(receipt.kind),
            "recipient": receipt.recipients,
            "recipient_safe": receipt.recipients,
        },
    });
    Ok(Answer::json(200, &body))
}

fn reveal(call: &Call<'_>, version: Version, key: &str) -> Routed {
    let key = sanitized(key);
    let mut store = call.region.store.borrow_mut();
    if !call.params.truth("continue") {
        let secret = store.secret(call.now, &key).ok_or(Failure::Unknown)?;
        let body = dump::unread(call, secret, false);
        return Ok(success_record(call, version, body));
    }
    let passphrase = call.params.text("passphrase");
    match store.reveal(call.now, &key, passphrase, call.client, true) {
        Outcome::Unknown => Err(Failure::Unknown),
        Outcome::Wrong => Err(Failure::form("Incorrect passphrase")),
        Outcome::Locked(wait) => Err(Failure::Locked(wait)),
        Outcome::Done(secret) => Ok(success_record(call, version, dump::read(call, &secret))),
    }
}

/// The same as `reveal` but for a wrong passphrase, which is no error here. Note that a GET with
/// `continue=true` reads the secret.
fn show_secret(call: &Call<'_>, version: Version, key: &str) -> Routed {
    let key = sanitized(key);
    let passphrase = call.params.text("passphrase");
    let mut store = call.region.store.borrow_mut();
    let mut correct = true;
    if call.params.truth("continue") {
        match store.reveal(call.now, &key, passphrase, call.client, false) {
            Outcome::Unknown => return Err(Failure::Unknown),
            Outcome::Locked(wait) => return Err(Failure::Locked(wait)),
            Outcome::Wrong => correct = false,
            Outcome::Done(secret) => {
                return Ok(success_record(call, version, dump::read(call, &secret)));
            }
        }
    }
    let secret = store.secret(call.now, &key).ok_or(Failure::Unknown)?;
    secret.viewed |= !call.region.current();
    let correct = correct && !secret.has_passphrase();
    let body = dump::unread(call, secret, correct);
    store.look(call.now, &key);
    Ok(success_record(call, version, body))
}

/// The classic dialect says `success` beside every record.
fn success_record(call: &Call<'_>, version: Version, body: Value) -> Answer {
    match call.region.current() {
        true => Answer::json(200, &body),
        false => success(version, body),
    }
}
