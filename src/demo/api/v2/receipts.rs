//! Receipts: shown, burned, annotated, listed.

use serde_json::{Value, json};

use super::{Call, Caller, Failure, Outcome, Routed, Version, dump, sanitized, success_record};
use crate::demo::wire::answer::Answer;

/// The longest memo.
const LONGEST_MEMO: usize = 500;

pub(super) fn show(call: &Call<'_>, version: Version, key: &str) -> Routed {
    let key = sanitized(key);
    let mut store = call.region.store.borrow_mut();
    if store.receipt(call.now, &key).is_none() {
        return Err(Failure::Unknown);
    }
    let readable = matches!(store.pair(call.now, &key), Some((_, Some(_))));
    let shown = readable && store.claim(call.now, &key);
    let Some((receipt, secret)) = store.pair(call.now, &key) else {
        return Err(Failure::Unknown);
    };
    let body = dump::shown_receipt(call, version, receipt, secret, shown);
    if !call.region.current()
        && let Some(receipt) = store.receipt(call.now, &key)
    {
        receipt.mark_viewed();
    }
    Ok(success_record(call, version, body))
}

pub(super) fn burn(call: &Call<'_>, version: Version, key: &str) -> Routed {
    let key = sanitized(key);
    let mut store = call.region.store.borrow_mut();
    if store.receipt(call.now, &key).is_none() {
        return Err(Failure::Unknown);
    }
    let burned = match call.params.truth("continue") {
        false => false,
        true => match store.burn(call.now, &key, call.params.text("passphrase"), call.client) {
            Outcome::Wrong => return Err(Failure::form("Incorrect passphrase")),
            Outcome::Locked(wait) => return Err(Failure::Locked(wait)),
            Outcome::Unknown => false,
            Outcome::Done(()) => true,
        },
    };
    let Some((receipt, _)) = store.pair(call.now, &key) else {
        return Err(Failure::Unknown);
    };
    let body = dump::burned(call, version, receipt, burned);
    Ok(Answer::json(200, &body))
}

pub(super) fn update(call: &Call<'_>, version: Version, key: &str) -> Routed {
    let mut store = call.region.store.borrow_mut();
    let receipt = store
        .receipt(call.now, &sanitized(key))
        .ok_or(Failure::Unknown)?;
    if !receipt.owned || call.caller != Caller::Account {
        return Err(Failure::Unauthorized(
            "Not authorized to update this receipt",
        ));
    }
    if let Some(memo) = call.params.get("memo") {
        receipt.memo = Some(memo.chars().take(LONGEST_MEMO).collect());
        receipt.updated = call.now;
    }
    let body = json!({"record": dump::receipt(call, version, receipt)});
    Ok(Answer::json(200, &body))
}

pub(super) fn recent(call: &Call<'_>, version: Version) -> Routed {
    if version == Version::Three || call.caller != Caller::Account {
        return Err(Failure::Unauthorized("Authentication required"));
    }
    let store = call.region.store.borrow();
    let records: Vec<Value> = store
        .recent(call.now)
        .map(|receipt| dump::receipt(call, version, receipt))
        .collect();
    let (revealed, pending): (Vec<&Value>, Vec<&Value>) = records
        .iter()
        .partition(|record| record["is_destroyed"] == true);
    let body = json!({
        "success": true,
        "custid": call.region.user,
        "count": records.len(),
        "details": {
            "type": "list",
            "scope": null,
            "since": call.now / 1000 - 30 * 24 * 3600,
            "now": call.now / 1000,
            "has_items": !records.is_empty(),
            "revealed_receipts": revealed,
            "pending_receipts": pending,
        },
        "records": records,
    });
    Ok(Answer::json(200, &body))
}
