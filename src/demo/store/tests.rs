//! The store's promises, with a clock that only the test moves.

use proptest::prelude::*;

use super::*;

const NOBODY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

fn draft(name: &str) -> Draft {
    Draft {
        secret_key: format!("secret-{name}"),
        receipt_key: format!("receipt-{name}"),
        value: format!("value-{name}"),
        passphrase: String::new(),
        ttl: 60,
        kind: Kind::Conceal,
        owned: false,
        recipients: Vec::new(),
    }
}

fn value(outcome: Outcome<Secret>) -> Option<String> {
    match outcome {
        Outcome::Done(secret) => Some(secret.value),
        _ => None,
    }
}

fn state(store: &mut Store, now: u64, key: &str) -> Option<State> {
    store.receipt(now, key).map(|receipt| receipt.state)
}

#[test]
fn a_secret_is_read_once() {
    let mut store = Store::default();
    store.create(0, draft("a"));
    assert_eq!(state(&mut store, 1, "receipt-a"), Some(State::New));
    let read = value(store.reveal(1, "secret-a", "", NOBODY, true));
    assert_eq!(read.as_deref(), Some("value-a"));
    assert!(matches!(
        store.reveal(1, "secret-a", "", NOBODY, true),
        Outcome::Unknown
    ));
    assert_eq!(state(&mut store, 2, "receipt-a"), Some(State::Revealed));
    let receipt = store.receipt(2, "receipt-a").unwrap();
    assert_eq!(receipt.ended, Some(1));
    assert_eq!(receipt.secret_key, None);
    assert_eq!(receipt.secret_short, "secret-a");
    assert_eq!(store.bytes, 0);
}

#[test]
fn a_wrong_passphrase_reads_nothing_and_is_counted() {
    let mut store = Store::default();
    let mut secret = draft("a");
    secret.passphrase = "open sesame".to_owned();
    store.create(0, secret);
    let mut attempt = |passphrase: &str| store.reveal(1, "secret-a", passphrase, NOBODY, false);
    for _ in 0..10 {
        assert!(matches!(attempt(""), Outcome::Wrong));
    }
    for _ in 0..5 {
        assert!(matches!(attempt("close"), Outcome::Wrong));
    }
    assert!(matches!(attempt("open sesame"), Outcome::Locked(1800)));
    let late = 1 + 1_800_000;
    assert!(matches!(
        store.reveal(late, "secret-a", "open sesame", NOBODY, false),
        Outcome::Unknown
    ));
}

#[test]
fn the_right_passphrase_opens() {
    let mut store = Store::default();
    let mut secret = draft("a");
    secret.passphrase = "open sesame".to_owned();
    store.create(0, secret);
    assert_eq!(store.burn(0, "receipt-a", "no", NOBODY), Outcome::Wrong);
    let read = value(store.reveal(1, "secret-a", "open sesame", NOBODY, true));
    assert_eq!(read.as_deref(), Some("value-a"));
}

#[test]
fn a_burned_secret_is_gone_and_cannot_be_burned_again() {
    let mut store = Store::default();
    store.create(0, draft("a"));
    assert_eq!(store.burn(5, "receipt-a", "", NOBODY), Outcome::Done(()));
    assert_eq!(store.burn(6, "receipt-a", "", NOBODY), Outcome::Unknown);
    assert!(store.secret(6, "secret-a").is_none());
    assert_eq!(state(&mut store, 6, "receipt-a"), Some(State::Burned));
    assert_eq!(store.burn(6, "receipt-b", "", NOBODY), Outcome::Unknown);
}

#[test]
fn secrets_expire_after_their_ttl_and_receipts_after_twice_that() {
    let mut store = Store::default();
    store.create(0, draft("a"));
    assert_eq!(store.secret(59_999, "secret-a").unwrap().left(59_999), 1);
    assert!(store.secret(60_000, "secret-a").is_none());
    assert_eq!(state(&mut store, 60_000, "receipt-a"), Some(State::Expired));
    assert_eq!(store.receipt(60_000, "receipt-a").unwrap().left(60_000), 60);
    assert!(store.receipt(120_000, "receipt-a").is_none());
}

#[test]
fn a_generated_value_is_shown_once_within_a_minute() {
    let mut store = Store::default();
    let mut generated = draft("a");
    generated.kind = Kind::Generate;
    store.create(0, generated);
    assert!(store.claim(59_999, "receipt-a"));
    assert!(!store.claim(59_999, "receipt-a"));
    let mut late = draft("b");
    late.kind = Kind::Generate;
    store.create(0, late);
    assert!(!store.claim(60_000, "receipt-b"));
    store.create(0, draft("c"));
    assert!(!store.claim(1, "receipt-c"));
}

#[test]
fn the_oldest_goes_first_at_either_bound() {
    let bounds = |receipts, bytes| Bounds { receipts, bytes };
    let mut store = Store::bounded(bounds(2, 1000));
    for name in ["a", "b", "c"] {
        store.create(0, draft(name));
    }
    assert!(store.secret(0, "secret-a").is_none());
    assert!(store.receipt(0, "receipt-a").is_none());
    assert!(store.secret(0, "secret-c").is_some());
    let two = 2 * "value-a".len();
    let mut store = Store::bounded(bounds(100, two));
    for name in ["a", "b", "c"] {
        store.create(0, draft(name));
    }
    assert!(store.secret(0, "secret-a").is_none());
    assert!(store.secret(0, "secret-b").is_some());
    assert_eq!(store.bytes, two);
}

#[test]
fn the_dead_are_forgotten_when_something_new_comes() {
    let mut store = Store::default();
    store.create(0, draft("a"));
    store.create(120_000, draft("b"));
    assert_eq!(store.receipts.len(), 1);
    assert_eq!(store.secrets.len(), 1);
    assert_eq!(store.bytes, "value-b".len());
}

#[test]
fn an_evicted_secret_leaves_no_receipt_but_a_lost_one_orphans_it() {
    let mut store = Store::default();
    store.create(0, draft("a"));
    store.remove_secret("secret-a");
    assert_eq!(state(&mut store, 1, "receipt-a"), Some(State::Orphaned));
}

#[test]
fn the_account_sees_its_own_newest_first() {
    let mut store = Store::default();
    for (now, name, owned) in [(0, "a", true), (1, "b", false), (2, "c", true)] {
        let mut draft = draft(name);
        draft.owned = owned;
        store.create(now, draft);
    }
    let keys: Vec<_> = store.recent(3).map(|receipt| &*receipt.key).collect();
    assert_eq!(keys, ["receipt-c", "receipt-a"]);
    assert_eq!(store.recent(200_000).count(), 0);
}

proptest! {
    /// However reads, burns and time mix: nobody reads twice, nothing is read after burning or
    /// expiry, and the bytes add up.
    #[test]
    fn no_schedule_reads_a_secret_twice(
        steps in proptest::collection::vec((0u8..4, 0u8..6, 0u64..30_000), 1..80),
    ) {
        let mut store = Store::default();
        let (mut now, mut made) = (0, HashMap::new());
        let mut ended = std::collections::HashSet::new();
        for (step, name, wait) in steps {
            now += wait;
            let name = name.to_string();
            match step {
                0 if !made.contains_key(&name) => {
                    store.create(now, draft(&name));
                    made.insert(name, now);
                }
                1 | 2 => {
                    let read = value(store.reveal(now, &format!("secret-{name}"), "", NOBODY, true));
                    let lives = made.get(&name).is_some_and(|at| now < at + 60_000)
                        && !ended.contains(&name);
                    prop_assert_eq!(read.is_some(), lives);
                    if lives {
                        ended.insert(name);
                    }
                }
                3 => {
                    let outcome = store.burn(now, &format!("receipt-{name}"), "", NOBODY);
                    prop_assert!(outcome != Outcome::Done(()) || ended.insert(name));
                }
                _ => {}
            }
            let bytes: usize = store.secrets.values().map(|secret| secret.value.len()).sum();
            prop_assert_eq!(store.bytes, bytes);
        }
    }
}
