//! Tests of the decision, against a naive twin.

use super::*;
use crate::region::RegionDefinition;
use crate::region::key::{IdentifierSecret, mint};
use crate::region::place::{Continent, Country};
use crate::region::trace::{Explanation, Silent};

pub(super) const NAMES: [&str; 5] = ["eu", "us", "ca", "nz", "uk"];

/// What must never be told: stands in every key and cookie below that is not a region's name.
pub(super) const UNTOLD: &str = "hunter2";

fn secret(region: usize) -> IdentifierSecret {
    IdentifierSecret::new(format!("an identifier secret of {}, made up", NAMES[region]).into())
}

pub(super) fn key_of(region: usize) -> String {
    mint(&secret(region), &[7; 32])
}

pub(super) fn id(region: usize) -> RegionId {
    regions().iter().nth(region).unwrap().0
}

fn regions() -> Regions {
    Regions::new(&NAMES.map(|name| RegionDefinition {
        name: name.to_owned(),
        jurisdiction: name.to_uppercase(),
        host: format!("{name}.example.com"),
    }))
    .unwrap()
}

fn country(code: &[u8; 2]) -> Country {
    Country::from_code(*code).unwrap()
}

/// GB is uk, CA is ca; Europe is eu, Oceania nz; 203.0.113.0/24 and 2001:db8::/32 are ca; no
/// country is eu, and what is mapped nowhere is us; credentials belong to us.
pub(super) fn rules() -> Rules {
    let networks = [("203.0.113.0/24", 2), ("2001:db8::/32", 2)]
        .map(|(network, region)| (network.parse().unwrap(), id(region)));
    Rules {
        regions: Arc::new(regions()),
        secrets: IdentifierSecrets::new(
            &[0, 1, 2, 3, 4].map(|region| (id(region), vec![secret(region)])),
        )
        .unwrap(),
        credentials: CredentialsRule::Region(id(1)),
        lookup: Vec::new(),
        sticky: false,
        networks: Networks::new(&networks).unwrap(),
        places: Places::new(
            [(country(b"GB"), id(4)), (country(b"CA"), id(2))],
            [(Continent::Europe, id(0)), (Continent::Oceania, id(3))],
        ),
        no_country: id(0),
        default: id(1),
    }
}

/// The last number of 192.0.2.x says where a client is.
pub(super) fn world(address: IpAddr) -> Option<Location> {
    let IpAddr::V4(address) = address else {
        return None;
    };
    let [192, 0, 2, last] = address.octets() else {
        return None;
    };
    let country = [*b"GB", *b"FR", *b"NZ", *b"BR", *b"EU", *b"XK"]
        .get(usize::from(last))
        .copied();
    match last {
        0..6 => Some(Location {
            country,
            continent: None,
        }),
        6 => Some(Location {
            country: None,
            continent: Some(*b"OC"),
        }),
        7 => Some(Location {
            country: Some(*b"CA"),
            continent: Some(*b"NA"),
        }),
        8 => Some(Location {
            country: Some(*b"EU"),
            continent: Some(*b"EU"),
        }),
        9 => Some(Location::default()),
        _ => None,
    }
}

fn question() -> Question<'static> {
    Question {
        host: HostKind::Auto,
        key: None,
        pin_header: Sent::Nothing,
        pin_cookie: Sent::Nothing,
        sticky: Sent::Nothing,
        credentials: false,
        client: "192.0.2.1".parse().unwrap(),
    }
}

fn decided(rules: &Rules, question: &Question<'_>) -> (&'static str, &'static str) {
    let outcome = rules.decide(question, &world, &mut Silent).unwrap();
    (
        NAMES[outcome.decision.region.index()],
        outcome.decision.reason.label(),
    )
}

#[test]
fn where_a_client_is_decides_when_nothing_else_does() {
    let rules = rules();
    for (client, region, reason) in [
        ("203.0.113.9", "ca", "network"),
        ("2001:db8::9", "ca", "network"),
        ("::ffff:203.0.113.9", "ca", "network"),
        ("192.0.2.0", "uk", "geo"),
        ("::ffff:192.0.2.0", "uk", "geo"),
        ("192.0.2.1", "eu", "geo"),
        ("192.0.2.2", "nz", "geo"),
        ("192.0.2.3", "us", "default"),
        ("192.0.2.4", "eu", "no-country"),
        ("192.0.2.5", "eu", "no-country"),
        ("192.0.2.6", "nz", "geo"),
        ("192.0.2.7", "ca", "geo"),
        ("192.0.2.8", "eu", "no-country"),
        ("192.0.2.9", "eu", "no-country"),
        ("192.0.2.10", "eu", "no-country"),
        ("::1", "eu", "no-country"),
    ] {
        let question = Question {
            client: client.parse().unwrap(),
            ..question()
        };
        assert_eq!(decided(&rules, &question), (region, reason), "{client}");
    }
}

#[test]
fn each_rule_beats_the_ones_after_it() {
    let mut rules = rules();
    rules.sticky = true;
    let key = key_of(3);
    let mut question = Question {
        host: HostKind::Own(id(0)),
        key: Some(&key),
        pin_header: Sent::Nothing,
        pin_cookie: Sent::One(b"ca"),
        sticky: Sent::One(b"uk"),
        credentials: true,
        client: "203.0.113.9".parse().unwrap(),
    };
    assert_eq!(decided(&rules, &question), ("eu", "host"));
    question.host = HostKind::Alias(id(4));
    assert_eq!(decided(&rules, &question), ("uk", "host"));
    question.host = HostKind::Auto;
    question.pin_header = Sent::One(b"eu");
    assert_eq!(
        decided(&rules, &question),
        ("nz", "key"),
        "a key's region beats the pin header"
    );
    question.key = Some("0123456789abcdefghij0123456789a");
    assert_eq!(decided(&rules, &question), ("eu", "pin-header"));
    question.pin_header = Sent::Nothing;
    assert_eq!(decided(&rules, &question), ("ca", "pin-cookie"));
    question.pin_cookie = Sent::Nothing;
    assert_eq!(decided(&rules, &question), ("us", "credentials"));
    question.credentials = false;
    assert_eq!(decided(&rules, &question), ("uk", "sticky"));
    question.sticky = Sent::Nothing;
    assert_eq!(decided(&rules, &question), ("ca", "network"));
}

#[test]
fn a_pin_header_that_is_no_choice_is_refused_before_any_rule() {
    let rules = rules();
    let key = key_of(0);
    let reject = |host, pin_header| {
        let question = Question {
            host,
            pin_header,
            key: Some(&key),
            ..question()
        };
        rules
            .decide(&question, &world, &mut Silent)
            .map(|outcome| outcome.decision.reason)
    };
    let own = HostKind::Own(id(0));
    for host in [HostKind::Auto, own, HostKind::Alias(id(0))] {
        for unknown in ["", "EU", "de", "eu,us", "eu us"] {
            let header = Sent::One(unknown.as_bytes());
            assert_eq!(
                reject(host, header),
                Err(Rejection::PinHeaderUnknown),
                "{unknown:?}"
            );
        }
        assert_eq!(
            reject(host, Sent::Several),
            Err(Rejection::PinHeaderRepeated)
        );
    }
    let contradiction = Err(Rejection::PinHeaderContradictsHost {
        pinned: id(1),
        host: id(0),
    });
    assert_eq!(reject(own, Sent::One(b"us")), contradiction);
    assert_eq!(
        reject(HostKind::Alias(id(0)), Sent::One(b"us")),
        contradiction
    );
    assert_eq!(reject(own, Sent::One(b"eu")), Ok(Reason::Host));
    assert_eq!(reject(HostKind::Auto, Sent::One(b"us")), Ok(Reason::Key));
}

#[test]
fn credentials_can_be_refused_but_never_travel_by_geography() {
    let rules = Rules {
        credentials: CredentialsRule::Refuse,
        ..rules()
    };
    let mut question = Question {
        credentials: true,
        ..question()
    };
    let refused = rules.decide(&question, &world, &mut Silent);
    assert_eq!(refused, Err(Rejection::CredentialsWithoutRegion));
    question.pin_cookie = Sent::One(b"nz");
    assert_eq!(decided(&rules, &question), ("nz", "pin-cookie"));
}

#[test]
fn an_unknown_cookie_is_ignored_and_expired_whatever_decides() {
    let mut rules = rules();
    let mut outcome = |sticky, question: Question<'_>| {
        rules.sticky = sticky;
        let outcome = rules.decide(&question, &world, &mut Silent).unwrap();
        (
            outcome.decision.reason,
            outcome.expire_pin,
            outcome.expire_sticky,
        )
    };
    let gone = Sent::One(b"br");
    assert_eq!(
        outcome(
            false,
            Question {
                pin_cookie: gone,
                sticky: gone,
                ..question()
            }
        ),
        (Reason::Geo, true, false),
        "sticky is off: its cookie is nothing to us"
    );
    assert_eq!(
        outcome(
            true,
            Question {
                pin_cookie: Sent::Several,
                sticky: gone,
                ..question()
            }
        ),
        (Reason::Geo, true, true)
    );
    assert_eq!(
        outcome(
            true,
            Question {
                pin_cookie: gone,
                host: HostKind::Own(id(0)),
                ..question()
            }
        ),
        (Reason::Host, true, false)
    );
    assert_eq!(
        outcome(
            true,
            Question {
                pin_cookie: Sent::One(b"eu"),
                ..question()
            }
        ),
        (Reason::PinCookie, false, false)
    );
}

#[test]
fn only_a_geographic_decision_is_kept_and_only_if_switched_on() {
    let mut rules = rules();
    for (sticky, client, kept) in [
        (true, "192.0.2.0", true),
        (true, "192.0.2.3", true),
        (true, "192.0.2.9", false),
        (true, "203.0.113.9", false),
        (false, "192.0.2.0", false),
    ] {
        rules.sticky = sticky;
        let question = Question {
            client: client.parse().unwrap(),
            ..question()
        };
        let outcome = rules.decide(&question, &world, &mut Silent).unwrap();
        assert_eq!(outcome.keep, kept, "{sticky} {client}");
    }
}

#[test]
fn a_page_goes_to_its_keys_region_from_another_regions_own_host_only() {
    let rules = rules();
    let (here, there) = (key_of(0), key_of(1));
    let own = HostKind::Own(id(0));
    assert_eq!(rules.page_elsewhere(own, Some(&there)), Some(id(1)));
    assert_eq!(rules.page_elsewhere(own, Some(&here)), None);
    assert_eq!(rules.page_elsewhere(own, Some("untagged")), None);
    assert_eq!(rules.page_elsewhere(own, None), None);
    assert_eq!(
        rules.page_elsewhere(HostKind::Alias(id(0)), Some(&there)),
        None
    );
    assert_eq!(rules.page_elsewhere(HostKind::Auto, Some(&there)), None);
}

#[test]
fn an_explanation_reads_well() {
    let mut explanation = Explanation::default();
    let question = Question {
        client: "192.0.2.3".parse().unwrap(),
        ..question()
    };
    rules().decide(&question, &world, &mut explanation).unwrap();
    let told: Vec<_> = explanation
        .steps
        .iter()
        .map(|step| format!("{} {}: {}", step.rule.label(), step.fired, step.why))
        .collect();
    assert_eq!(
        told,
        [
            "host false: the host names no region",
            "key false: the path carries no key",
            "look-up false: there is no key to ask for",
            "pin-header false: there is no O-Region header",
            "pin-cookie false: there is no pin cookie",
            "credentials false: there are no credentials",
            "sticky false: sticky decisions are switched off",
            "network false: no listed network has 192.0.2.3",
            "geo false: neither country BR nor its continent is mapped",
            "no-country false: the country is known: BR",
            "default true: what is mapped nowhere belongs to us",
        ]
    );
}

#[test]
fn a_question_prints_no_key() {
    let question = Question {
        key: Some(UNTOLD),
        pin_cookie: Sent::One(b"hunter2"),
        ..question()
    };
    assert!(!format!("{question:?}").contains(UNTOLD));
}
