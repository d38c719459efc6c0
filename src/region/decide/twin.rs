//! The decision against a naive twin: the table of ten rows, read row by row.

use std::cell::Cell;

use proptest::prelude::*;

use super::tests::{NAMES, UNTOLD, id, key_of, rules, world};
use super::*;
use crate::region::trace::{Explanation, Silent};

/// A value of a header or cookie: nothing, too many, unknown, or a region.
#[derive(Clone, Copy, Debug)]
enum Value {
    Nothing,
    Several,
    Unknown,
    Region(usize),
}

impl Value {
    fn sent(self) -> Sent<'static> {
        match self {
            Self::Nothing => Sent::Nothing,
            Self::Several => Sent::Several,
            Self::Unknown => Sent::One(UNTOLD.as_bytes()),
            Self::Region(region) => Sent::One(NAMES[region].as_bytes()),
        }
    }

    fn region(self) -> Option<usize> {
        match self {
            Self::Region(region) => Some(region),
            _ => None,
        }
    }
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        3 => Just(Value::Nothing),
        1 => Just(Value::Several),
        1 => Just(Value::Unknown),
        3 => (0usize..5).prop_map(Value::Region),
    ]
}

/// Everything that a scenario is made of, as plain numbers.
#[derive(Clone, Debug)]
struct Scenario {
    sticky_on: bool,
    refuse: bool,
    host: Option<(bool, usize)>,
    key: Option<Option<usize>>,
    header: Value,
    cookie: Value,
    sticky: Value,
    credentials: bool,
    client: (usize, bool),
}

/// Addresses, and what the operator's table says of each: network, geography, whether a country is
/// known.
const CLIENTS: [(&str, Option<usize>, Option<usize>, bool); 9] = [
    ("203.0.113.77", Some(2), None, false),
    ("192.0.2.0", None, Some(4), true),
    ("192.0.2.1", None, Some(0), true),
    ("192.0.2.2", None, Some(3), true),
    ("192.0.2.3", None, None, true),
    ("192.0.2.4", None, None, false),
    ("192.0.2.6", None, Some(3), false),
    ("192.0.2.8", None, None, false),
    ("198.51.100.1", None, None, false),
];

fn scenario() -> impl Strategy<Value = Scenario> {
    let host = proptest::option::weighted(0.3, (any::<bool>(), 0usize..5));
    let key = proptest::option::of(proptest::option::of(0usize..5));
    let client = (0..CLIENTS.len(), any::<bool>());
    let flags = (any::<bool>(), any::<bool>(), proptest::bool::weighted(0.3));
    (flags, host, key, value(), value(), value(), client).prop_map(
        |((sticky_on, refuse, credentials), host, key, header, cookie, sticky, client)| Scenario {
            sticky_on,
            refuse,
            host,
            key,
            header,
            cookie,
            sticky,
            credentials,
            client,
        },
    )
}

impl Scenario {
    /// The table of the rules, row by row: the first row with a region wins.
    fn expected(&self) -> Result<(usize, Reason), &'static str> {
        match (self.header, self.host) {
            (Value::Several, _) => return Err("pin-header-repeated"),
            (Value::Unknown, _) => return Err("pin-header-unknown"),
            (Value::Region(pin), Some((_, host))) if pin != host => {
                return Err("pin-header-contradicts-host");
            }
            _ => {}
        }
        let (_, network, geo, known) = CLIENTS[self.client.0];
        let refused = self.credentials && self.refuse;
        let rows = [
            (Reason::Host, self.host.map(|(_, region)| region)),
            (Reason::Key, self.key.flatten()),
            (Reason::PinHeader, self.header.region()),
            (Reason::PinCookie, self.cookie.region()),
            (Reason::Credentials, self.credentials.then_some(1)),
            (
                Reason::Sticky,
                self.sticky.region().filter(|_| self.sticky_on),
            ),
            (Reason::Network, network),
            (Reason::Geo, geo),
            (Reason::NoCountry, (!known).then_some(0)),
            (Reason::Default, Some(1)),
        ];
        let (reason, region) = rows
            .into_iter()
            .find_map(|(reason, region)| Some((reason, region?)))
            .unwrap();
        match reason {
            Reason::Credentials if refused => Err("credentials-without-region"),
            _ => Ok((region, reason)),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]
    #[test]
    fn the_decision_agrees_with_the_table(scenario in scenario()) {
        let mut rules = rules();
        rules.sticky = scenario.sticky_on;
        if scenario.refuse {
            rules.credentials = CredentialsRule::Refuse;
        }
        let key = scenario.key.map(|tagged| tagged.map_or_else(|| UNTOLD.repeat(9), key_of));
        let (address, mapped) = scenario.client;
        let address = CLIENTS[address].0;
        let question = Question {
            host: scenario.host.map_or(HostKind::Auto, |(own, region)| match own {
                true => HostKind::Own(id(region)),
                false => HostKind::Alias(id(region)),
            }),
            key: key.as_deref(),
            pin_header: scenario.header.sent(),
            pin_cookie: scenario.cookie.sent(),
            sticky: scenario.sticky.sent(),
            credentials: scenario.credentials,
            client: if mapped { format!("::ffff:{address}") } else { address.into() }
                .parse()
                .unwrap(),
        };
        let asked = Cell::new(0);
        let geo = |address: IpAddr| {
            asked.set(asked.get() + 1);
            assert!(address.is_ipv4(), "never a mapped one");
            world(address)
        };
        let mut explanation = Explanation::default();
        let outcome = rules.decide(&question, &geo, &mut explanation);
        let expected = scenario.expected();
        prop_assert_eq!(
            outcome.map(|o| (o.decision.region.index(), o.decision.reason)).map_err(Rejection::label),
            expected
        );
        // The same question has the same answer, explained or not.
        prop_assert_eq!(rules.decide(&question, &world, &mut Silent), outcome);

        // Rules are told in order, up to the one that fired and no further.
        let told: Vec<_> = explanation.steps.iter().map(|step| step.rule).collect();
        prop_assert_eq!(&told[..], &Reason::ALL[..told.len()]);
        let fired: Vec<_> = explanation.steps.iter().filter(|step| step.fired).collect();
        if let Ok((_, reason)) = expected {
            prop_assert_eq!(told.last(), Some(&reason));
            prop_assert_eq!(fired.len(), 1);
            prop_assert!(fired[0].rule == reason);
        }
        for step in &explanation.steps {
            prop_assert!(!step.why.contains(UNTOLD) && !step.why.is_empty());
            prop_assert!(key.as_ref().is_none_or(|key| !step.why.contains(key)));
        }

        // The database is asked once, and only if nothing before it decided.
        let needed = expected.is_ok_and(|(_, reason)| reason >= Reason::Geo);
        prop_assert_eq!(asked.get(), usize::from(needed));

        if let Ok(outcome) = outcome {
            let unknown = |value| matches!(value, Value::Several | Value::Unknown);
            prop_assert_eq!(outcome.expire_pin, unknown(scenario.cookie));
            prop_assert_eq!(outcome.expire_sticky, unknown(scenario.sticky) && scenario.sticky_on);
            prop_assert!(!outcome.keep || outcome.decision.binding() == crate::region::Binding::Preferred);
            let finding = match (scenario.host, scenario.key) {
                (Some(_), _) | (None, None) => "not-asked",
                (None, Some(None)) => "untagged",
                (None, Some(Some(_))) => "tagged",
            };
            prop_assert_eq!(outcome.key.label(), finding);
        }
    }
}
