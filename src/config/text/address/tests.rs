//! What is taken for an address, a network, a host, an endpoint, and what is said of the rest.

use proptest::prelude::*;

use super::*;

fn hint_of<T: std::fmt::Debug>(read: Result<T, Complaint>) -> String {
    read.expect_err("a complaint")
        .hint_text()
        .unwrap_or_default()
        .to_owned()
}

#[test]
fn sockets_are_addresses_with_ports() {
    assert!(socket_address("0.0.0.0:443").is_ok() && socket_address("[::]:0").is_ok());
    let hints = [
        (
            ":80",
            "for every IPv4 address: \"0.0.0.0:80\", for every IPv6 address: \"[::]:80\"",
        ),
        (
            "::1",
            "for every IPv4 address: \"0.0.0.0::1\", for every IPv6 address: \"[::]::1\"",
        ),
        ("fe80::1", "the port is missing: \"[fe80::1]:443\"?"),
        ("10.0.0.1", "the port is missing: \"10.0.0.1:443\"?"),
        (
            "localhost:80",
            "names are not resolved here: give the address itself",
        ),
        ("1.2.3.4:99999", ""),
    ];
    for (text, hint) in hints {
        assert_eq!(hint_of(socket_address(text)), hint, "{text}");
    }
}

#[test]
fn an_address_that_cannot_be_listened_on_is_refused() {
    for good in [
        "0.0.0.0:443",
        "[::]:443",
        "[::1]:0",
        "[fe80::1%2]:443",
        "127.0.0.1:1",
    ] {
        assert!(listener(good).is_ok(), "{good}");
    }
    for (bad, hint) in [
        ("[::ffff:127.0.0.1]:443", "write \"127.0.0.1:443\""),
        ("[::ffff:7f00:1]:443", "write \"127.0.0.1:443\""),
        ("[::ffff:0.0.0.0]:80", "write \"0.0.0.0:80\""),
        ("[0:0:0:0:0:ffff:a00:1]:80", "write \"10.0.0.1:80\""),
        (
            "[fe80::1]:443",
            "with the interface's number: \"[fe80::1%2]:443\"",
        ),
        ("[::127.0.0.1]:443", "write \"127.0.0.1:443\""),
        ("224.0.0.1:443", ""),
        ("255.255.255.255:443", ""),
        ("[ff02::1]:443", ""),
    ] {
        assert_eq!(hint_of(listener(bad)), hint, "{bad}");
    }
}

#[test]
fn networks_are_exact() {
    assert!(network("10.0.0.0/8").is_ok() && network("::/0").is_ok());
    assert_eq!(
        hint_of(network("10.0.0.1/8")),
        "the network is \"10.0.0.0/8\""
    );
    assert_eq!(
        hint_of(network("2001:db8::1")),
        "for one address: \"2001:db8::1/128\""
    );
    assert_eq!(
        hint_of(network("::ffff:10.0.0.0/104")),
        "write the IPv4 network"
    );
    assert_eq!(hint_of(network("10.0.0.0/33")), "");
}

#[test]
fn hosts_have_neither_scheme_nor_port() {
    let hints = [
        (
            "example.com.",
            "without the dot at the end: \"example.com\"",
        ),
        (
            "example.com:443",
            "hosts are matched without a port: \"example.com\"",
        ),
        ("[::1]:443", "hosts are matched without a port: \"[::1]\""),
        ("https://example.com/", "without a scheme: \"example.com\""),
        (
            "bücher.example",
            "write the name as clients send it, each label in its \"xn--\" form (IDNA)",
        ),
        (
            "*",
            "a wildcard is one \"*.\" at the beginning, and stands for any number of labels",
        ),
        ("::1", "IPv6 in brackets: \"[::1]\""),
        ("a%b.example", ""),
    ];
    for (text, hint) in hints {
        assert_eq!(hint_of(host_pattern(text)), hint, "{text}");
    }
    assert!(host_name("*.example.com").is_err());
    // Served below a wildcard, so it may be written too; a region's own host has none.
    assert!(host_pattern("a_b.example").is_ok());
    assert!(host_name("a_b.example").is_err());
}

#[test]
fn endpoints_are_urls_without_a_path() {
    let name = |text: &str| EndpointAddress::Name(text.to_owned());
    let ip = |text: &str| EndpointAddress::Ip(text.parse().unwrap());
    let good = [
        ("https://10.1.0.10:8443", (true, ip("10.1.0.10"), 8443)),
        ("http://[::1]", (false, ip("::1"), 80)),
        ("https://[2001:db8::1]:1/", (true, ip("2001:db8::1"), 1)),
        (
            "https://EU.Example.com",
            (true, name("eu.example.com"), 443),
        ),
        ("http://eu_1:3000", (false, name("eu_1"), 3000)),
    ];
    for (text, expected) in good {
        assert_eq!(endpoint(text), Ok(expected), "{text}");
    }
    let bad = [
        "",
        "https://",
        "https://:443",
        "https://a:0",
        "https://a:",
        "https://a:+1",
        "https://a:65536",
        "https://a?x",
        "https://a#x",
        "https://a//",
        "HTTPS://a",
        "https:/a",
        "a:443",
        "https://1.2.3",
        "https://::1",
        "https://[::1",
        "https://a b",
        "https://me@a",
        "https://-a",
        "https://[1.2.3.4]",
    ];
    for text in bad {
        assert!(endpoint(text).is_err(), "{text}");
    }
}

#[test]
fn authorities_may_have_a_port() {
    let good = [
        ("A.example", "a.example"),
        ("a:81", "a:81"),
        ("[::1]:3", "[::1]:3"),
        ("[::1]", "[::1]"),
    ];
    for (text, expected) in good {
        assert_eq!(authority(text).as_deref(), Some(expected), "{text}");
    }
    for text in [
        "", ":1", "a:", "a:+1", "a:65536", "a/b", "a@b", "a:1:2", "::1",
    ] {
        assert_eq!(authority(text), None, "{text}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_them_panic(text in "(https?://)?[a-z0-9.:\\[\\]@/*_é+-]{0,30}") {
        let _ = socket_address(&text);
        let _ = network(&text);
        let _ = host_pattern(&text);
        let _ = host_name(&text);
        let _ = endpoint(&text);
        let _ = authority(&text);
    }

    /// An endpoint's URL says the endpoint, and a complaint never says a password.
    #[test]
    fn endpoints_are_what_their_urls_say(
        host in "([a-z][a-z0-9]{0,5}\\.){0,2}[a-z]{1,5}|10\\.0\\.0\\.[0-9]|\\[::[1-9]\\]",
        port in 1..=u16::MAX,
        tls in any::<bool>(),
    ) {
        let scheme = if tls { "https" } else { "http" };
        let url = format!("{scheme}://{host}:{port}");
        let (read_tls, address, read_port) = endpoint(&url).unwrap();
        prop_assert_eq!((read_tls, address.to_string(), read_port), (tls, host.clone(), port));
        let complaint = endpoint(&format!("{scheme}://me:S3CRET@{host}:{port}")).unwrap_err();
        let shown = format!("{complaint:?}");
        prop_assert!(!shown.contains("S3CRET"), "{}", shown);
    }
}
