//! The walk by example, its properties, and a twin that reads from the left.

use ipnet::IpNet;
use proptest::prelude::*;

use super::*;

fn trusted(networks: &[&str]) -> TrustedProxies {
    let networks: Vec<IpNet> = networks.iter().map(|net| net.parse().unwrap()).collect();
    TrustedProxies::new(&networks)
}

fn proxies() -> TrustedProxies {
    trusted(&["10.0.0.0/8", "fd00::/8"])
}

fn identified(peer: &str, source: HeaderSource, values: &[&str]) -> String {
    identify(
        peer.parse().unwrap(),
        source,
        values.iter().map(|value| value.as_bytes()),
        &proxies(),
    )
    .to_string()
}

fn by_x_forwarded_for(peer: &str, values: &[&str]) -> String {
    identified(peer, HeaderSource::XForwardedFor, values)
}

fn by_forwarded(peer: &str, values: &[&str]) -> String {
    identified(peer, HeaderSource::Forwarded, values)
}

#[test]
fn a_stranger_is_the_client_whatever_it_says() {
    assert_eq!(by_x_forwarded_for("192.0.2.9", &["192.0.2.1"]), "192.0.2.9");
    assert_eq!(by_forwarded("192.0.2.9", &["for=192.0.2.1"]), "192.0.2.9");
    assert_eq!(
        by_x_forwarded_for("::ffff:192.0.2.9", &["192.0.2.1"]),
        "192.0.2.9",
        "a dual-stack socket's peer is IPv4"
    );
}

#[test]
fn a_proxy_without_the_field_is_the_client() {
    assert_eq!(by_x_forwarded_for("10.0.0.1", &[]), "10.0.0.1");
    assert_eq!(by_x_forwarded_for("10.0.0.1", &[""]), "10.0.0.1");
    assert_eq!(by_forwarded("10.0.0.1", &[", ,"]), "10.0.0.1");
    assert_eq!(
        identified("10.0.0.1", HeaderSource::None, &["192.0.2.1"]),
        "10.0.0.1"
    );
}

#[test]
fn a_mapped_peer_is_trusted_as_ipv4() {
    assert_eq!(
        by_x_forwarded_for("::ffff:10.0.0.1", &["192.0.2.1"]),
        "192.0.2.1"
    );
}

#[test]
fn the_rightmost_stranger_is_the_client() {
    for (values, expected) in [
        (&["192.0.2.1"][..], "192.0.2.1"),
        (&["203.0.113.5, 192.0.2.1"], "192.0.2.1"),
        (&["192.0.2.1, 10.0.0.2"], "192.0.2.1"),
        (&["192.0.2.1,10.0.0.2,  fd00::2 , 10.0.0.3:80"], "192.0.2.1"),
        (
            &["203.0.113.5", "192.0.2.1, 10.0.0.2", "10.0.0.3"],
            "192.0.2.1",
        ),
        (&["10.0.0.2, 10.0.0.3"], "10.0.0.2"),
        (&["[2001:db8::1]:1234, 10.0.0.2"], "2001:db8::1"),
    ] {
        assert_eq!(
            by_x_forwarded_for("10.0.0.1", values),
            expected,
            "{values:?}"
        );
    }
    for (values, expected) in [
        (&["for=192.0.2.1"][..], "192.0.2.1"),
        (&["for=203.0.113.5, for=192.0.2.1;proto=https"], "192.0.2.1"),
        (&["for=192.0.2.1,,for=\"[fd00::2]:80\", "], "192.0.2.1"),
        (&["for=192.0.2.1", "for=10.0.0.2"], "192.0.2.1"),
    ] {
        assert_eq!(by_forwarded("10.0.0.1", values), expected, "{values:?}");
    }
}

#[test]
fn what_cannot_be_read_ends_the_walk_at_the_last_believed_hop() {
    for (values, expected) in [
        (&["192.0.2.1, garbage"][..], "10.0.0.1"),
        (&["192.0.2.1, garbage, 10.0.0.2"], "10.0.0.2"),
        (&["unknown, 10.0.0.2"], "10.0.0.2"),
    ] {
        assert_eq!(
            by_x_forwarded_for("10.0.0.1", values),
            expected,
            "{values:?}"
        );
    }
    for (values, expected) in [
        (&["for=192.0.2.1, for=unknown"][..], "10.0.0.1"),
        (&["for=192.0.2.1, for=_secret, for=10.0.0.2"], "10.0.0.2"),
        (&["for=192.0.2.1, proto=https"], "10.0.0.1"),
        (&["192.0.2.1"], "10.0.0.1"),
    ] {
        assert_eq!(by_forwarded("10.0.0.1", values), expected, "{values:?}");
    }
}

/// A client that opens a quote can neither hide itself nor choose an address.
#[test]
fn a_quote_that_a_client_opens_does_not_swallow_what_proxies_append() {
    assert_eq!(
        by_forwarded("10.0.0.1", &["for=\"203.0.113.5, for=192.0.2.1"]),
        "192.0.2.1"
    );
    assert_eq!(
        by_forwarded(
            "10.0.0.1",
            &["for=203.0.113.5;x=\", for=\"[2001:db8::7]\", for=10.0.0.2"]
        ),
        "2001:db8::7"
    );
}

#[test]
fn an_empty_element_of_x_forwarded_for_loses_no_client() {
    for (values, expected) in [
        (&["192.0.2.1,"][..], "192.0.2.1"),
        (&["192.0.2.1, "], "192.0.2.1"),
        (&["192.0.2.1", ""], "192.0.2.1"),
        (&["192.0.2.1 , ,\t, 10.0.0.2 ,"], "192.0.2.1"),
        (&[",", " "], "10.0.0.1"),
    ] {
        assert_eq!(
            by_x_forwarded_for("10.0.0.1", values),
            expected,
            "{values:?}"
        );
    }
}

#[test]
fn a_comma_within_quotes_does_not_end_a_hop() {
    for (values, expected) in [
        (&["for=192.0.2.1;host=\"a,b\""][..], "192.0.2.1"),
        (
            &["for=\"192.0.2.1\";host=\"a,b\", for=10.0.0.2;by=\",\""],
            "192.0.2.1",
        ),
        (
            &["for=203.0.113.5, for=192.0.2.1;host=\"x, for=203.0.113.6\""],
            "192.0.2.1",
        ),
        (
            &["for=192.0.2.1;host=\"a\\\",for=203.0.113.6;b=\""],
            "192.0.2.1",
        ),
        (&["for=192.0.2.1;host=\"a", "b\""], "192.0.2.1"),
    ] {
        assert_eq!(by_forwarded("10.0.0.1", values), expected, "{values:?}");
    }
}

/// A hop and what it is worth to a reader: an address, nothing (an empty element), or the end.
#[derive(Clone, Debug)]
enum Said {
    Address(IpAddr),
    Nothing,
    Nonsense,
}

/// Addresses of which about half are trusted by [`proxies`].
fn address() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        any::<[u8; 3]>().prop_map(|[a, b, c]| IpAddr::from([10, a, b, c])),
        any::<[u8; 4]>().prop_map(IpAddr::from),
        any::<u64>().prop_map(|low| IpAddr::from((0xfd << 120 | u128::from(low)).to_be_bytes())),
        any::<u64>().prop_map(|low| IpAddr::from((0x2001 << 112 | u128::from(low)).to_be_bytes())),
    ]
}

fn bracketed(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}

fn mapped(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().into(),
        address => address,
    }
}

fn x_forwarded_for_hop() -> impl Strategy<Value = (String, Said)> {
    let written = (address(), 0..5, any::<u16>()).prop_map(|(address, form, port)| {
        let text = match form {
            0 => address.to_string(),
            1 => bracketed(address),
            2 => format!("{}:{port}", bracketed(address)),
            3 => mapped(address).to_string(),
            _ => format!("{}:{port}", bracketed(mapped(address))),
        };
        (text, Said::Address(address))
    });
    let nonsense = prop_oneof![
        Just("unknown"),
        Just("\"10.0.0.1\""),
        Just("10.0.0.1:x"),
        Just("for=10.0.0.1"),
    ];
    prop_oneof![
        8 => written,
        1 => nonsense.prop_map(|text| (text.to_owned(), Said::Nonsense)),
        1 => Just((String::new(), Said::Nothing)),
    ]
}

fn forwarded_hop() -> impl Strategy<Value = (String, Said)> {
    let before = prop_oneof![
        Just(""),
        Just("proto=https;"),
        Just("by=\"_a\\\";for=b\" ; ")
    ];
    let after = prop_oneof![
        Just(""),
        Just(";"),
        Just("; host=\"a;for=10.9.9.9\""),
        Just("; host=\"a,for=10.9.9.9\""),
        Just(";host=\",\\\",for=192.0.2.9;a=\""),
        Just(";by=x")
    ];
    let name = prop_oneof![Just("for"), Just("For"), Just("FOR")];
    let written =
        (address(), before, name, after, 0..3).prop_map(|(address, before, name, after, form)| {
            let value = match form {
                0 => format!("\"{}\"", bracketed(address)),
                1 => format!("\"{}:4711\"", bracketed(mapped(address))),
                _ => format!("\"\\{}:_port\"", bracketed(address)),
            };
            let text = format!("{before}{name}={value}{after}");
            (text, Said::Address(address))
        });
    let nonsense = prop_oneof![
        Just("for=unknown"),
        Just("for=_hidden"),
        Just("proto=https"),
        Just("for=\"10.0.0.1"),
        Just("10.0.0.1"),
        Just("for=10.0.0.1;for=10.0.0.1"),
    ];
    prop_oneof![
        8 => written,
        1 => nonsense.prop_map(|text| (text.to_owned(), Said::Nonsense)),
        1 => Just((String::new(), Said::Nothing)),
    ]
}

/// The twin: all that was said, leftmost first, asked for the longest run of believed hops at the
/// right end.
fn twin(peer: IpAddr, said: &[Said], trusted: &TrustedProxies) -> IpAddr {
    let mut chain: Vec<Option<IpAddr>> = Vec::new();
    for hop in said {
        match hop {
            Said::Address(address) => chain.push(Some(*address)),
            Said::Nothing => {}
            Said::Nonsense => chain.push(None),
        }
    }
    chain.push(Some(peer));
    let believed = |at: usize| {
        // A hop is believed if all to its right are trusted addresses.
        chain[at + 1..]
            .iter()
            .all(|hop| hop.is_some_and(|address| trusted.contains(address)))
    };
    (0..chain.len())
        .filter(|&at| believed(at))
        .find_map(|at| chain[at])
        .unwrap()
}

/// Hops into field values: a break goes before a hop where `breaks` says so.
fn values(hops: &[(String, Said)], breaks: &[bool]) -> Vec<String> {
    let mut values: Vec<String> = Vec::new();
    for ((text, _), starts) in hops.iter().zip(breaks) {
        match values.last_mut() {
            Some(value) if !starts => {
                value.push_str(", ");
                value.push_str(text);
            }
            _ => values.push(text.clone()),
        }
    }
    values
}

fn chain() -> impl Strategy<Value = (HeaderSource, Vec<(String, Said)>, Vec<bool>)> {
    prop_oneof![
        (
            Just(HeaderSource::XForwardedFor),
            prop::collection::vec(x_forwarded_for_hop(), 0..6)
        ),
        (
            Just(HeaderSource::Forwarded),
            prop::collection::vec(forwarded_hop(), 0..6)
        ),
    ]
    .prop_flat_map(|(source, hops)| {
        let breaks = prop::collection::vec(any::<bool>(), hops.len());
        (Just(source), Just(hops), breaks)
    })
}

fn ask(peer: IpAddr, source: HeaderSource, values: &[Vec<u8>], list: &TrustedProxies) -> IpAddr {
    identify(peer, source, values.iter().map(Vec::as_slice), list)
}

proptest! {
    #[test]
    fn agrees_with_its_twin(peer in address(), (source, hops, breaks) in chain()) {
        let said: Vec<Said> = hops.iter().map(|(_, said)| said.clone()).collect();
        let values: Vec<Vec<u8>> =
            values(&hops, &breaks).into_iter().map(String::into_bytes).collect();
        prop_assert_eq!(
            ask(peer, source, &values, &proxies()),
            twin(peer, &said, &proxies())
        );
    }

    /// What decided the walk, a stranger or nonsense, cannot be undone from the left: neither in
    /// a value of its own nor in front of the same value.
    #[test]
    fn nothing_on_the_left_changes_the_answer(
        peer in address(),
        (source, hops, breaks) in chain(),
        prefix in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..40),
            "(for=\"?|[0-9.:,;=\"\\\\ ]|for|unknown|10\\.0\\.0\\.1){0,8}".prop_map(String::into_bytes),
        ],
    ) {
        let list = proxies();
        let mut values: Vec<Vec<u8>> =
            values(&hops, &breaks).into_iter().map(String::into_bytes).collect();
        let answer = ask(peer, source, &values, &list);
        let decided = !list.contains(answer)
            || hops.iter().any(|(_, said)| matches!(said, Said::Nonsense));
        prop_assume!(decided);

        let mut apart = values.clone();
        apart.insert(0, prefix.clone());
        prop_assert_eq!(ask(peer, source, &apart, &list), answer);

        if let Some(first) = values.first_mut() {
            *first = [prefix, b",".to_vec(), std::mem::take(first)].concat();
            prop_assert_eq!(ask(peer, source, &values, &list), answer);
        }
    }

    #[test]
    fn a_stranger_is_always_the_client(
        peer in any::<[u8; 16]>(),
        values in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..4),
    ) {
        let peer = IpAddr::from(peer);
        prop_assume!(!proxies().contains(peer));
        for source in [HeaderSource::XForwardedFor, HeaderSource::Forwarded, HeaderSource::None] {
            prop_assert_eq!(ask(peer, source, &values, &proxies()), peer.to_canonical());
        }
    }

    /// Total on any bytes, and never IPv4-mapped.
    #[test]
    fn any_bytes_have_an_answer(
        values in prop::collection::vec(
            prop_oneof![
                prop::collection::vec(any::<u8>(), 0..60),
                "[0-9a-f.:,;=\"\\[\\]\\\\ forunkwp_]{0,60}".prop_map(String::into_bytes),
            ],
            0..4,
        ),
        everybody: bool,
    ) {
        let peer = IpAddr::from([10, 0, 0, 1]);
        let list = if everybody { trusted(&["0.0.0.0/0", "::/0"]) } else { proxies() };
        for source in [HeaderSource::XForwardedFor, HeaderSource::Forwarded] {
            let answer = ask(peer, source, &values, &list);
            prop_assert_eq!(answer, answer.to_canonical());
            if values.is_empty() {
                prop_assert_eq!(answer, peer);
            }
        }
    }
}
