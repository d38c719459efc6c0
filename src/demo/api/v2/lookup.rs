//! Asks whether secrets and receipts are here: the calls that a router may make.

use serde_json::{Value, json};

use super::{Call, Failure, Routed, Version, dump, sanitized};
use crate::demo::wire::answer::Answer;

/// The most receipts of one batch look-up.
const BATCH: usize = 25;

pub(super) fn secret_status(call: &Call<'_>, key: &str) -> Routed {
    let key = sanitized(key);
    let mut store = call.region.store.borrow_mut();
    let Some(secret) = store.secret(call.now, &key) else {
        return Ok(Answer::json(200, &json!({"record": {"state": "unknown"}})));
    };
    let body = json!({
        "record": dump::secret(call, secret),
        "details": {"current_expiration": secret.left(call.now)},
    });
    if call.region.current() {
        store.look(call.now, &key);
    }
    Ok(Answer::json(200, &body))
}

/// The look-up without any side effect. Broken in v0.23.
pub(super) fn list_status(call: &Call<'_>) -> Routed {
    if !call.region.current() {
        return Err(Failure::Broken);
    }
    let mut store = call.region.store.borrow_mut();
    let records: Vec<Value> = identifiers(call)
        .map(|key| sanitized(&key))
        .filter_map(|key| {
            store
                .secret(call.now, &key)
                .map(|secret| dump::secret(call, secret))
        })
        .collect();
    let body = json!({"count": records.len(), "records": records});
    Ok(Answer::json(200, &body))
}

/// The same for receipts.
pub(super) fn batch(call: &Call<'_>) -> Routed {
    let usual = |c: &char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let keys: Vec<String> = identifiers(call)
        .map(|key| key.to_lowercase().chars().filter(usual).collect::<String>())
        .filter(|key| !key.is_empty())
        .collect();
    if keys.len() > BATCH {
        return Err(Failure::form("Too many identifiers (max 25)"));
    }
    let store = call.region.store.borrow();
    let records: Vec<Value> = keys
        .iter()
        .filter_map(|key| store.pair(call.now, key))
        .filter(|(receipt, _)| receipt.left(call.now) > 0)
        .map(|(receipt, _)| dump::receipt(call, Version::Three, receipt))
        .collect();
    let body = json!({"count": records.len(), "records": records});
    Ok(Answer::json(200, &body))
}

/// Written as a list, or as one text with commas.
fn identifiers<'a>(call: &'a Call<'_>) -> impl Iterator<Item = String> + 'a {
    call.params
        .all("identifiers")
        .flat_map(|list| list.split(','))
        .map(|key| key.trim().to_owned())
        .filter(|key| !key.is_empty())
}
