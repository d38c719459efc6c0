//! Tests of the nouns.

use std::collections::HashSet;

use super::*;

#[test]
fn reasons_are_numbered_in_the_order_of_the_rules_and_labelled_apart() {
    let labels: Vec<_> = Reason::ALL.iter().map(|reason| reason.label()).collect();
    assert_eq!(
        labels,
        [
            "host",
            "key",
            "look-up",
            "pin-header",
            "pin-cookie",
            "credentials",
            "sticky",
            "network",
            "geo",
            "no-country",
            "default"
        ]
    );
    assert_eq!(
        labels.iter().collect::<HashSet<_>>().len(),
        Reason::ALL.len()
    );
    for (position, reason) in Reason::ALL.into_iter().enumerate() {
        assert_eq!(reason.index(), position);
    }
}

#[test]
fn the_first_six_rules_bind_and_the_others_prefer() {
    for (position, reason) in Reason::ALL.into_iter().enumerate() {
        let binding = if position < 6 {
            Binding::Bound
        } else {
            Binding::Preferred
        };
        assert_eq!(reason.binding(), binding, "{}", reason.label());
    }
    assert_eq!(
        [Binding::Bound.label(), Binding::Preferred.label()],
        ["bound", "preferred"],
        "the words of logs and metrics"
    );
}
