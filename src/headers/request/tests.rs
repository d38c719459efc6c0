//! What a region is told, and what it never hears.

use super::*;
use proptest::prelude::*;

fn names() -> &'static CookieNames {
    static NAMES: std::sync::OnceLock<CookieNames> = std::sync::OnceLock::new();
    NAMES
        .get_or_init(|| CookieNames::new("__Host-ots-region", "__Host-sticky").expect("good names"))
}

fn usual() -> Outbound<'static> {
    Outbound {
        method: "POST",
        target: "/api/v1/share?ttl=60",
        client: "203.0.113.7",
        pseudonym: "onetime-gateway",
        received: "1.1",
        request_id: "id-1",
        traceparent: None,
        tracestate: true,
        baggage: false,
        country: None,
        cookies: Cookies::Forward,
        own_cookies: names(),
        framing: Framing::Length(3),
    }
}

fn fields<'b>(pairs: &[(&'b str, &'b str)]) -> Vec<Header<'b>> {
    pairs
        .iter()
        .map(|(name, value)| Header {
            name,
            value: value.as_bytes(),
        })
        .collect()
}

fn written(outbound: &Outbound<'_>, pairs: &[(&str, &str)]) -> String {
    let fields = fields(pairs);
    let facts = Facts::read(&fields, outbound.pseudonym);
    let mut out = Vec::new();
    outbound
        .write(&fields, &facts)
        .write("eu.onetimesecret.com", &mut out);
    String::from_utf8(out).expect("text in, text out")
}

#[test]
fn a_trailer_cannot_name_the_country_in_the_gateways_place() {
    let lines = b"X-Sum: 1\r\nx-land: US\r\nX-Land-2: US\r\n";
    let passing = |country, framing| {
        let outbound = Outbound {
            country,
            framing,
            ..usual()
        };
        let facts = Facts::read(&[], outbound.pseudonym);
        outbound.write(&[], &facts).passing_trailers(lines)
    };
    let both = [Some(("X-Land", "DE")), Some(("X-Land", ""))];
    for country in both {
        let left = passing(country, Framing::Chunked);
        assert_eq!(left, b"X-Sum: 1\r\nX-Land-2: US\r\n");
    }
    let all = passing(None, Framing::Chunked);
    assert_eq!(all, lines);
}

#[test]
fn writes_one_truth_and_keeps_the_rest_untouched() {
    let text = written(
        &usual(),
        &[
            ("Host", "onetimesecret.com"),
            ("accept", "application/json;  q=1"),
            ("X-Forwarded-For", "6.6.6.6"),
            ("X-Forwarded-Host", "evil.example"),
            ("Authorization", "Basic abc"),
            ("Connection", "keep-alive, X-Private"),
            ("X-Private", "hop"),
            ("Content-Length", "3"),
            ("Cookie", "a=1; __Host-ots-region=us"),
            ("Cookie", "b=2"),
            ("Via", "1.0 cdn"),
            ("X_Real_IP", "6.6.6.6"),
            ("TE", "gzip, trailers"),
        ],
    );
    assert_eq!(
        text,
        "POST /api/v1/share?ttl=60 HTTP/1.1\r\n\
         Host: eu.onetimesecret.com\r\n\
         X-Forwarded-Host: eu.onetimesecret.com\r\n\
         accept: application/json;  q=1\r\n\
         Authorization: Basic abc\r\n\
         Cookie: a=1; b=2\r\n\
         X-Forwarded-For: 203.0.113.7\r\n\
         X-Real-IP: 203.0.113.7\r\n\
         X-Forwarded-Proto: https\r\n\
         X-Request-ID: id-1\r\n\
         Via: 1.0 cdn, 1.1 onetime-gateway\r\n\
         TE: trailers\r\nConnection: TE\r\n\
         Content-Length: 3\r\n\r\n"
    );
}

#[test]
fn withholds_cookies_on_the_bare_host() {
    let outbound = Outbound {
        cookies: Cookies::Withhold,
        ..usual()
    };
    assert!(!written(&outbound, &[("Cookie", "onetime.session=x")]).contains("ookie"));
    assert!(!written(&usual(), &[("Cookie", "__Host-ots-region=x")]).contains("ookie"));
}

#[test]
fn frames_the_body_itself() {
    let with = |framing, method| {
        written(
            &Outbound {
                framing,
                method,
                ..usual()
            },
            &[
                ("Content-Length", "9"),
                ("Transfer-Encoding", "chunked"),
                ("Expect", "100-continue"),
            ],
        )
    };
    assert!(
        with(Framing::Chunked, "POST")
            .ends_with("Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n")
    );
    assert!(with(Framing::Empty, "POST").ends_with("gateway\r\nContent-Length: 0\r\n\r\n"));
    assert!(with(Framing::Empty, "GET").ends_with("gateway\r\n\r\n"));
}

#[test]
fn reads_facts_once() {
    let fields = fields(&[
        ("host", "a"),
        ("Host", "b"),
        ("O-Region", "eu"),
        ("o-region", "us"),
        ("Expect", "100-Continue"),
        ("Connection", "Close"),
        ("Via", "1.1 onetime-gateway"),
        ("X-CSRF-Token", "t"),
    ]);
    let facts = Facts::read(&fields, "onetime-gateway");
    assert!(facts.host_repeated && facts.close && facts.looped && facts.csrf_token);
    assert!(facts.pin == Sent::Several);
    assert_eq!(facts.expect, Expect::Continue);
}

proptest! {
    /// Whatever a client names in `Connection`, and whatever it calls its fields: hop-by-hop and
    /// spoofable names never pass, and every other field passes unchanged.
    #[test]
    fn hop_by_hop_and_spoofable_never_pass(
        names in prop::collection::vec("[A-Za-z_-]{1,12}|x-forwarded-[a-z]{1,5}|cf-[a-z]{1,4}|upgrade|keep-alive", 0..8),
        listed in prop::collection::vec(0_usize..8, 0..3),
    ) {
        let listed: Vec<&str> = listed.iter().filter_map(|i| names.get(*i)).map(String::as_str).collect();
        let connection = listed.join(", ");
        let mut pairs: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "v")).collect();
        pairs.push(("Connection", &connection));
        let text = written(&usual(), &pairs).to_ascii_lowercase();
        for name in &names {
            let lower = name.to_ascii_lowercase();
            let count = text.lines().filter(|line| *line == format!("{lower}: v")).count();
            let sent = names.iter().filter(|other| other.to_ascii_lowercase() == lower).count();
            let named = listed.iter().any(|other| other.eq_ignore_ascii_case(name));
            let keeps = !named && !matches!(
                Name::of(name),
                Name::Spoofable | Name::HopByHop | Name::Te | Name::Trailer | Name::Host | Name::Via
                    | Name::Expect | Name::Cookie | Name::Connection
            );
            prop_assert_eq!(count, if keeps { sent } else { 0 }, "{}", name);
        }
    }
}

#[test]
fn what_http_2_does_not_have_is_noticed() {
    let unfit = |pair| Facts::read(&fields(&[pair]), "gw").unfit_for_http2;
    for pair in [
        ("connection", "x"),
        ("transfer-encoding", "chunked"),
        ("x", " y"),
        ("x", "y\t"),
        ("x", " "),
    ] {
        assert!(unfit(pair), "{pair:?}");
    }
    for pair in [("x", ""), ("x", "a b"), ("te", "trailers"), ("host", "a")] {
        assert!(!unfit(pair), "{pair:?}");
    }
}

#[test]
fn only_a_trusted_proxys_baggage_passes() {
    let sent = [("Baggage", "path=/secret/x"), ("Baggage", "a=b")];
    assert!(!written(&usual(), &sent).to_lowercase().contains("baggage"));
    let trusted = Outbound {
        baggage: true,
        ..usual()
    };
    let text = written(&trusted, &sent);
    assert!(
        text.contains("Baggage: path=/secret/x\r\nBaggage: a=b\r\n"),
        "{text}"
    );
    let lines = b"baggage: path=/secret/x\r\nX-Country-Code: CH\r\nX-Sum: 1\r\nX-Api-Key: k\r\n";
    assert_eq!(passing_trailers(lines), b"X-Sum: 1\r\n");
}

#[test]
fn other_credentials_are_noticed() {
    for (name, noticed) in [
        ("X-Api-Key", true),
        ("X-Auth-Token", true),
        ("X-XSRF-Token", true),
        ("X-Amz-Security-Token", true),
        ("Proxy-Authorization", true),
        ("Accept", false),
        ("X-Requested-With", false),
        ("Upgrade", false),
    ] {
        let facts = Facts::read(&fields(&[(name, "x")]), "gw");
        assert_eq!(facts.credentials, noticed, "{name}");
    }
}
