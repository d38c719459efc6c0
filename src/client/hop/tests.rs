//! Hops by example; the walk's properties are tested where the walk is.

use super::*;

fn address(text: &str) -> Hop {
    Hop::Address(text.parse().unwrap())
}

#[test]
fn x_forwarded_for_holds_addresses_with_or_without_ports() {
    for (text, expected) in [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1:65535", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("[::ffff:192.0.2.1]:80", "192.0.2.1"),
    ] {
        assert_eq!(
            x_forwarded_for(text.as_bytes()),
            address(expected),
            "{text}"
        );
    }
}

#[test]
fn nonsense_in_x_forwarded_for_is_unreadable() {
    for text in [
        "unknown",
        "_hidden",
        "192.0.2",
        "192.0.2.01",
        "192.0.2.256",
        "192.0.2.1:",
        "192.0.2.1:65536",
        "192.0.2.1:+80",
        "192.0.2.1:http",
        "192.0.2.1:_obfuscated",
        "192.0.2.1 192.0.2.2",
        "\"192.0.2.1\"",
        "for=192.0.2.1",
        "[192.0.2.1]",
        "[2001:db8::1",
        "[2001:db8::1]443",
        "[2001:db8::1]:",
        "2001:db8::1]",
        "fe80::1%eth0",
        "192.0.2.1\u{e9}",
    ] {
        assert_eq!(x_forwarded_for(text.as_bytes()), Hop::Unreadable, "{text}");
    }
    assert_eq!(x_forwarded_for(b"192.0.2.1\xff"), Hop::Unreadable);
    assert_eq!(x_forwarded_for(b""), Hop::Empty);
}

#[test]
fn forwarded_holds_pairs() {
    for (text, expected) in [
        ("for=192.0.2.60;proto=http;by=203.0.113.43", "192.0.2.60"),
        ("For=\"[2001:db8:cafe::17]:4711\"", "2001:db8:cafe::17"),
        ("proto=https;FOR=\"192.0.2.1:8080\"", "192.0.2.1"),
        ("for=\"192.0.2.1:_gazonk\"", "192.0.2.1"),
        ("for=\"\\1\\92.0.2.1\"", "192.0.2.1"),
        ("host=\"a\\\";for=10.0.0.1\";for=192.0.2.1", "192.0.2.1"),
        ("host=\"\";for=192.0.2.1", "192.0.2.1"),
        (";;for=192.0.2.1;", "192.0.2.1"),
        ("by=_a ; for=192.0.2.1 ; proto=http", "192.0.2.1"),
        ("for=\"[::ffff:192.0.2.1]\"", "192.0.2.1"),
        ("for=192.0.2.1:80", "192.0.2.1"),
        ("for=[2001:db8::1]", "2001:db8::1"),
    ] {
        assert_eq!(forwarded(text.as_bytes()), address(expected), "{text}");
    }
}

#[test]
fn nonsense_in_forwarded_is_unreadable() {
    for text in [
        "192.0.2.1",
        "for",
        "for=",
        "for=\"\"",
        "=192.0.2.1",
        "for =192.0.2.1",
        "for= 192.0.2.1",
        "for=unknown",
        "for=_hidden",
        "for=\"_SEVKISEK:1\"",
        "for=\"unknown:80\"",
        "proto=https",
        ";",
        "for=192.0.2.1;for=192.0.2.1",
        "for=192.0.2.1;for=unknown",
        "for=\"192.0.2.1",
        "for=192.0.2.1\"",
        "for=\"192.0.2.1\"x",
        "for=\"192.0.2.1\\",
        "for=192.0.2.1;proto=\"https",
        "for=192.0.2.1;proto",
        "for=192.0.2.1;pr oto=x",
        "for=192.0.2.1 proto=http",
        "for=\"192.0.2.1:_\"",
        "for=\"192.0.2.1:\"",
        "for=2001:db8::1",
        "for=\"::ffff:192.0.2.1\"", // brackets are not optional (section 6.1)
        "for=\"fe80::1%eth0\"",
    ] {
        assert_eq!(forwarded(text.as_bytes()), Hop::Unreadable, "{text}");
    }
}

#[test]
fn an_empty_element_of_forwarded_is_no_hop() {
    assert_eq!(forwarded(b""), Hop::Empty);
}
