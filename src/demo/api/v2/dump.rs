//! Secrets and receipts as v2 and v3 show them.

use serde_json::{Map, Value, json};

use super::Version;
use crate::demo::api::call::Call;
use crate::demo::store::{Kind, Receipt, Secret, State};

/// Seconds with a fraction, as the application stores times.
fn seconds(milliseconds: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a time is far below 2^53 ms")]
    let milliseconds = milliseconds as f64;
    milliseconds / 1000.0
}

pub(super) fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Conceal => "conceal",
        Kind::Generate => "generate",
    }
}

fn state(call: &Call<'_>, state: State) -> &'static str {
    match state {
        State::New => "new",
        State::Viewed => "viewed",
        State::Revealed if call.region.current() => "revealed",
        State::Revealed => "received",
        State::Burned => "burned",
        State::Expired => "expired",
        State::Orphaned => "orphaned",
    }
}

/// The members of a secret that anybody with its key may see.
pub(super) fn secret(call: &Call<'_>, secret: &Secret) -> Value {
    with_state(
        call,
        secret,
        if secret.viewed {
            State::Viewed
        } else {
            State::New
        },
    )
}

fn with_state(call: &Call<'_>, secret: &Secret, now: State) -> Value {
    let revealed = now == State::Revealed;
    let previewed = now == State::Viewed;
    json!({
        "identifier": &*secret.key,
        "key": &*secret.key,
        "shortid": short(&secret.key),
        "state": state(call, now),
        "lifespan": secret.ttl,
        "secret_ttl": secret.ttl,
        "has_passphrase": secret.has_passphrase(),
        "verification": false,
        "created": seconds(secret.created),
        "updated": seconds(secret.created),
        "is_previewed": previewed,
        "is_viewed": previewed,
        "is_revealed": revealed,
        "is_received": revealed,
    })
}

/// The first characters of a key, by which people tell keys apart.
fn short(key: &str) -> &str {
    key.get(..8).unwrap_or(key)
}

/// A secret that was looked at.
pub(super) fn unread(call: &Call<'_>, unread: &Secret, correct: bool) -> Value {
    json!({
        "record": secret(call, unread),
        "details": {
            "continue": call.params.truth("continue"),
            "is_owner": false,
            "show_secret": false,
            "correct_passphrase": correct,
            "display_lines": 4,
            "one_liner": null,
        },
    })
}

/// A secret that was read just now.
pub(super) fn read(call: &Call<'_>, secret: &Secret) -> Value {
    let mut record = with_state(call, secret, State::Revealed);
    if let Some(members) = record.as_object_mut() {
        members.insert("secret_value".to_owned(), json!(secret.value));
    }
    json!({
        "record": record,
        "details": {
            "continue": true,
            "is_owner": false,
            "show_secret": true,
            "correct_passphrase": true,
            "display_lines": lines(&secret.value),
            "one_liner": !secret.value.contains('\n'),
        },
    })
}

/// How many lines the page gives the value.
fn lines(value: &str) -> usize {
    let lines = (80 + value.chars().count()) / 80 + value.matches('\n').count() + 3;
    lines.min(30)
}

/// The members of a receipt.
pub(super) fn receipt(call: &Call<'_>, version: Version, receipt: &Receipt) -> Value {
    let at = |wanted: State| {
        let ended = receipt.ended.filter(|_| receipt.state == wanted);
        ended.map(|at| at / 1000)
    };
    let is = |wanted: State| receipt.state == wanted;
    let previewed = receipt.looks.first.map(|at| at / 1000);
    let looked = is(State::Viewed) || receipt.looks.count > 0;
    let mut members = Map::new();
    for part in [
        json!({
            "identifier": &*receipt.key,
            "key": &*receipt.key,
            "shortid": short(&receipt.key),
            "custid": null,
            "owner_id": if receipt.owned { "demo" } else { "anon" },
            "state": state(call, receipt.state),
            "kind": kind(receipt.kind),
            "source": "standard",
            "secret_shortid": receipt.secret_short,
            "secret_identifier": receipt.secret_key.as_deref(),
            "secret_ttl": receipt.ttl,
            "metadata_ttl": receipt.ttl,
            "receipt_ttl": receipt.ttl,
            "lifespan": receipt.ttl,
            "share_domain": null,
            "has_passphrase": receipt.has_passphrase,
            "memo": receipt.memo,
        }),
        json!({
            "created": seconds(receipt.created),
            "updated": seconds(receipt.updated),
            "shared": null,
            "previewed": previewed,
            "viewed": previewed,
            "revealed": at(State::Revealed),
            "received": at(State::Revealed),
            "burned": at(State::Burned),
            "is_previewed": looked,
            "is_viewed": looked,
            "is_revealed": is(State::Revealed),
            "is_received": is(State::Revealed),
            "is_burned": is(State::Burned),
            "is_expired": is(State::Expired),
            "is_orphaned": is(State::Orphaned),
            "is_destroyed": !matches!(receipt.state, State::New | State::Viewed),
            "recipients": receipt.recipients.join(", "),
            "recipient_name": null,
            "show_recipients": !receipt.recipients.is_empty(),
        }),
    ] {
        if let Value::Object(part) = part {
            members.extend(part);
        }
    }
    if version == Version::Three {
        members.remove("custid");
        let recipients = Some(&receipt.recipients).filter(|list| !list.is_empty());
        members.insert("recipients".to_owned(), json!(recipients));
    }
    Value::Object(members)
}

/// Paths and addresses of a receipt and its secret. Without the secret's once that is gone.
fn links(call: &Call<'_>, receipt: &Receipt, members: &mut Map<String, Value>) {
    let origin = call.origin();
    let own = format!("/receipt/{}", receipt.key);
    let share = receipt
        .secret_key
        .as_ref()
        .map(|key| format!("/secret/{key}"));
    let url = |path: &str| format!("{origin}{path}");
    let burn = format!("{own}/burn");
    for (name, value) in [
        ("share_url", json!(share.as_deref().map(url))),
        ("share_path", json!(share)),
        ("burn_url", json!(url(&burn))),
        ("burn_path", json!(burn)),
        ("receipt_url", json!(url(&own))),
        ("metadata_url", json!(url(&own))),
        ("receipt_path", json!(own)),
        ("metadata_path", json!(own)),
        ("natural_expiration", json!(natural(receipt.ttl))),
        ("expiration", json!(receipt.created / 1000 + receipt.ttl)),
        ("expiration_in_seconds", json!(receipt.ttl)),
    ] {
        members.insert(name.to_owned(), value);
    }
}

/// A span of time in words.
fn natural(seconds: u64) -> String {
    let (count, unit) = match seconds {
        0..3600 => (seconds / 60, "minute"),
        3600..86_400 => (seconds / 3600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

/// A receipt that was asked for; `shown` tells whether the generated value is in it.
pub(super) fn shown_receipt(
    call: &Call<'_>,
    version: Version,
    shown_receipt: &Receipt,
    secret: Option<&Secret>,
    shown: bool,
) -> Value {
    let mut record = Map::new();
    if let Value::Object(members) = receipt(call, version, shown_receipt) {
        record = members;
    }
    links(call, shown_receipt, &mut record);
    let locked = secret.is_some_and(Secret::has_passphrase);
    let open = secret.is_some() && !locked && shown_receipt.state == State::New;
    if !open {
        record.remove("secret_identifier");
    }
    let new_or_viewed = secret.map(|secret| if secret.viewed { "viewed" } else { "new" });
    record.insert("secret_state".to_owned(), json!(new_or_viewed));
    let looks = &shown_receipt.looks;
    let value = secret.filter(|_| shown).map(|secret| secret.value.as_str());
    json!({
        "record": record,
        "details": {
            "type": "record",
            "display_lines": lines(value.unwrap_or_default()),
            "no_cache": true,
            "secret_realttl": secret.map(|secret| secret.left(call.now)),
            "view_count": looks.count,
            "first_access": looks.first.map(seconds),
            "last_access": looks.last.map(seconds),
            "has_passphrase": locked,
            "can_decrypt": secret.is_some() && !locked,
            "secret_value": value,
            "show_secret": open,
            "show_secret_link": open && shown_receipt.recipients.is_empty(),
            "show_receipt_link": shown_receipt.state == State::New,
            "show_receipt": true,
            "show_recipients": !shown_receipt.recipients.is_empty(),
        },
    })
}

/// A receipt whose secret was to be burned.
pub(super) fn burned(
    call: &Call<'_>,
    version: Version,
    burned_receipt: &Receipt,
    burned: bool,
) -> Value {
    let mut record = Map::new();
    if let Value::Object(members) = receipt(call, version, burned_receipt) {
        record = members;
    }
    links(call, burned_receipt, &mut record);
    json!({
        "success": burned,
        "record": record,
        "details": {
            "type": "record",
            "title": "Secret burned",
            "display_lines": 0,
            "display_feedback": false,
            "no_cache": true,
            "view_count": 0,
            "has_passphrase": false,
            "can_decrypt": false,
            "show_secret": false,
            "show_secret_link": false,
            "show_receipt_link": false,
            "show_receipt": true,
            "show_recipients": !burned_receipt.recipients.is_empty(),
            "is_orphaned": false,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_told_in_words() {
        assert_eq!(natural(60), "1 minute");
        assert_eq!(natural(7200), "2 hours");
        assert_eq!(natural(7 * 86_400), "7 days");
    }

    #[test]
    fn values_get_lines_up_to_thirty() {
        assert_eq!(lines(""), 4);
        assert_eq!(lines("a\nb"), 5);
        assert_eq!(lines(&"\n".repeat(99)), 30);
    }
}
