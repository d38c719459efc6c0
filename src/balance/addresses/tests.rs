//! Answers that come, change, last and fail; and the order of addresses.

use super::*;
use proptest::prelude::*;

const RULES: Rules = Rules {
    least: Duration::from_secs(5),
    most: Duration::from_secs(300),
};

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn says(addresses: &[&str], seconds: u64) -> Answer {
    Answer::Addresses(
        addresses.iter().map(|text| ip(text)).collect(),
        Duration::from_secs(seconds),
    )
}

#[test]
fn an_answer_lasts_as_it_says_between_floor_and_cap() {
    for (ttl, lasts) in [(0, 5), (4, 5), (60, 60), (86_400, 300)] {
        let (mut name, now) = (Resolution::default(), Instant::now());
        let change = name.settle([says(&[], 1), says(&["10.0.0.1"], ttl)], RULES, now);
        assert_eq!(change, Some(Change::Addresses));
        assert_eq!(name.due(), Some(now + Duration::from_secs(lasts)), "{ttl}");
    }
}

/// Name servers rotate: the same ones are kept whatever the order.
#[test]
fn an_answer_of_thousands_is_used_in_part() {
    let (mut name, now) = (Resolution::default(), Instant::now());
    let v4: Vec<IpAddr> = (0..4000_u32)
        .map(|last| IpAddr::V4((0x0A00_0000 | last).into()))
        .collect();
    let v6 = |count: u128| {
        let addresses = (0..count).map(|last| IpAddr::V6((1 << 120 | last).into()));
        Answer::Addresses(addresses.collect(), Duration::from_secs(60))
    };
    let lasts = Duration::from_secs(60);
    let once = Answer::Addresses(v4.clone(), lasts);
    name.settle([v6(2300), once], RULES, now);
    assert_eq!(name.addresses().len(), 2 * MOST_ADDRESSES);
    let (first, last) = (&v4[0], &v4[MOST_ADDRESSES - 1]);
    assert!(name.addresses().contains(first) && name.addresses().contains(last));
    let rotated = Answer::Addresses(v4.into_iter().rev().collect(), lasts);
    assert_eq!(name.settle([v6(2300), rotated], RULES, now), None);
}

#[test]
fn a_failed_question_keeps_the_addresses_and_is_told_once() {
    let (mut name, now) = (Resolution::default(), Instant::now());
    name.settle([says(&[], 1), says(&["10.0.0.1"], 60)], RULES, now);
    let mut waits = Vec::new();
    for nth in 0..5 {
        let change = name.settle([Answer::Missing, Answer::Missing], RULES, now);
        assert_eq!(change, (nth == 0).then_some(Change::Failing));
        assert_eq!(**name.addresses(), [ip("10.0.0.1")]);
        waits.push((name.due().expect("a time") - now).as_secs());
    }
    assert_eq!(waits, [5, 10, 20, 30, 30]);
    // A name that has no address any more is none to forget the old ones for.
    name.settle([says(&[], 60), says(&[], 60)], RULES, now);
    assert_eq!(**name.addresses(), [ip("10.0.0.1")]);
    assert_eq!((name.counts(), name.failures()), ((1, 6), 6));
    let change = name.settle([says(&[], 1), says(&["10.0.0.1"], 60)], RULES, now);
    assert_eq!(change, Some(Change::Recovered));
    assert_eq!((name.counts(), name.failures()), ((2, 6), 0));
}

#[test]
fn a_family_without_an_answer_keeps_its_own() {
    let (mut name, now) = (Resolution::default(), Instant::now());
    name.settle([says(&["::1"], 60), says(&["10.0.0.1"], 60)], RULES, now);
    let change = name.settle([Answer::Missing, says(&["10.0.0.2"], 60)], RULES, now);
    assert_eq!(change, Some(Change::Addresses));
    assert_eq!(**name.addresses(), [ip("10.0.0.2"), ip("::1")]);
    assert_eq!(name.due(), Some(now + RULES.least), "asked again soon");
    let change = name.settle([says(&[], 60), says(&["10.0.0.2"], 60)], RULES, now);
    assert_eq!(change, Some(Change::Addresses));
    assert_eq!(**name.addresses(), [ip("10.0.0.2")]);
}

#[test]
fn another_order_is_no_change() {
    let (mut name, now) = (Resolution::default(), Instant::now());
    name.settle(
        [says(&[], 1), says(&["10.0.0.1", "10.0.0.2"], 9)],
        RULES,
        now,
    );
    let turned = [says(&[], 1), says(&["10.0.0.2", "10.0.0.1"], 9)];
    assert_eq!(name.settle(turned, RULES, now), None);
}

#[test]
fn families_take_turns_and_so_do_addresses() {
    let all = ["10.0.0.1", "10.0.0.2", "::1", "10.0.0.3"].map(ip);
    let expected = ["::1", "10.0.0.2", "10.0.0.3", "10.0.0.1"].map(ip);
    assert_eq!(in_order(&all, 1), expected);
    assert!(in_order(&[], 7).is_empty());
}

proptest! {
    #[test]
    fn every_address_is_tried_once_and_each_is_first_as_often(
        v4 in prop::collection::btree_set(any::<[u8; 4]>(), 0..6),
        v6 in prop::collection::btree_set(any::<[u8; 16]>(), 0..6),
        turn in any::<usize>(),
    ) {
        let of = |v6: &std::collections::BTreeSet<[u8; 16]>| v6.iter().map(|one| IpAddr::from(*one)).collect::<Vec<_>>();
        let (v6, v4) = (of(&v6), v4.iter().map(|one| IpAddr::from(*one)).collect::<Vec<_>>());
        let mut all = [v4, v6.clone()].concat();
        let ordered = in_order(&all, turn);
        prop_assert_eq!(ordered.first().map(IpAddr::is_ipv6), (!all.is_empty()).then_some(!v6.is_empty()));
        let mut sorted = ordered;
        sorted.sort();
        all.sort();
        prop_assert_eq!(&sorted, &all);
        let firsts: std::collections::BTreeSet<_> =
            (0..v6.len()).filter_map(|turn| in_order(&all, turn).first().copied()).collect();
        prop_assert_eq!(firsts.len(), v6.len());
    }

    #[test]
    fn addresses_once_known_are_never_lost(
        asked in prop::collection::vec((0..3_u8, 0..3_u8, 0..1_000_u64), 1..20),
    ) {
        let (mut name, mut now) = (Resolution::default(), Instant::now());
        let mut known = false;
        for (v6, v4, ttl) in asked {
            let answer = |kind, address: &str| match kind {
                0 => Answer::Missing,
                1 => says(&[], ttl),
                _ => says(&[address], ttl),
            };
            name.settle([answer(v6, "::1"), answer(v4, "10.0.0.1")], RULES, now);
            known |= v6 == 2 || v4 == 2;
            prop_assert_eq!(!name.addresses().is_empty(), known);
            let due = name.due().expect("always asked again");
            prop_assert!(due >= now + RULES.least && due <= now + RULES.most);
            now = due;
        }
    }
}
