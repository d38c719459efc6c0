//! Headers by example, and a writer whose output the parser must read.

use proptest::prelude::*;

use super::*;

fn header(source: Option<&str>, consumed: usize) -> Parsed {
    Parsed::Header {
        source: source.map(|source| source.parse().unwrap()),
        consumed,
    }
}

#[test]
fn lines_of_version_1() {
    for (line, source) in [
        (
            "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n",
            Some("192.0.2.1:56324"),
        ),
        (
            "PROXY TCP4 192.0.2.1 198.51.100.1 0 65535\r\n",
            Some("192.0.2.1:0"),
        ),
        (
            "PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\n",
            Some("[2001:db8::1]:1"),
        ),
        ("PROXY UNKNOWN\r\n", None),
        ("PROXY UNKNOWN ffff::1 whatever 0 x\r\n", None),
    ] {
        let expected = header(source, line.len());
        assert_eq!(parse(line.as_bytes()), expected, "{line}");
        let more = format!("{line}\u{16}\u{3}\u{1}");
        assert_eq!(
            parse(more.as_bytes()),
            expected,
            "{line}: what follows is not looked at"
        );
    }
}

#[test]
fn malformed_lines_of_version_1() {
    for line in [
        "PROXY \r\n",
        "PROXY TCP4\r\n",
        "PROXY tcp4 192.0.2.1 198.51.100.1 1 2\r\n",
        "PROXY UDP4 192.0.2.1 198.51.100.1 1 2\r\n",
        "PROXY UNKNOWNX\r\n",
        "PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n",
        "PROXY TCP6 192.0.2.1 198.51.100.1 1 2\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 1\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 1 2 \r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 1 2 3\r\n",
        "PROXY TCP4  192.0.2.1 198.51.100.1 1 2\r\n",
        "PROXY TCP4 192.0.2.01 198.51.100.1 1 2\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100 1 2\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 01 2\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 +1 2\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 1 65536\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 1 x\r\n",
        "PROXY \u{e9}\r\n",
    ] {
        assert_eq!(parse(line.as_bytes()), Parsed::Fault(Fault::Line), "{line}");
    }
    assert_eq!(parse(b"PROXY \xff\r\n"), Parsed::Fault(Fault::Line));
    for line in ["PROXY UNKNOWN\n", "PROXY UNKNOWN\r\r\n", "PROXY UNKNOWN\rx"] {
        assert_eq!(
            parse(line.as_bytes()),
            Parsed::Fault(Fault::LineEnd),
            "{line}"
        );
    }
}

#[test]
fn a_line_has_at_most_107_bytes() {
    let line = |length: usize| format!("PROXY UNKNOWN {}\r\n", "x".repeat(length - 16));
    assert_eq!(parse(line(107).as_bytes()), header(None, 107));
    assert_eq!(parse(line(108).as_bytes()), Parsed::Fault(Fault::LineEnd));
    assert_eq!(parse(&line(107).as_bytes()[..106]), Parsed::NeedMore);
    assert_eq!(parse(&line(108).as_bytes()[..106]), Parsed::NeedMore);
    assert_eq!(
        parse(&line(108).as_bytes()[..107]),
        Parsed::Fault(Fault::LineEnd)
    );
}

#[test]
fn a_connection_without_a_header_is_refused_at_its_first_odd_byte() {
    for bytes in [
        &b"GET / HTTP/1.1\r\n"[..],
        b"\x16\x03\x01",
        b"PRI * HTTP/2.0",
        b"\r\n\r\n\r",
        b"\0",
    ] {
        assert_eq!(parse(bytes), Parsed::Fault(Fault::Absent), "{bytes:?}");
    }
    assert_eq!(parse(b""), Parsed::NeedMore);
    assert_eq!(parse(b"PR"), Parsed::NeedMore);
    assert_eq!(parse(b"\r\n\r\n"), Parsed::NeedMore);
}

fn version_2(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
    [&SIGNATURE[..], &[command, family], &length, rest].concat()
}

#[test]
fn headers_of_version_2() {
    let v4 = [192, 0, 2, 1, 198, 51, 100, 1, 0xdc, 0x04, 0x01, 0xbb];
    let with_tlv = [&v4[..], &[0x04, 0, 1, 0]].concat();
    for (bytes, source) in [
        (version_2(0x21, 0x11, &v4), Some("192.0.2.1:56324")),
        (version_2(0x21, 0x11, &with_tlv), Some("192.0.2.1:56324")),
        (version_2(0x21, 0x31, &[b'/'; 216]), None),
        (version_2(0x21, 0x00, &[]), None),
        (version_2(0x21, 0x00, &v4), None),
        (version_2(0x20, 0x00, &[]), None),
        (version_2(0x20, 0x11, &v4), None), // LOCAL: the addresses do not count
        (version_2(0x20, 0x77, &[1, 2, 3]), None),
    ] {
        assert_eq!(parse(&bytes), header(source, bytes.len()), "{bytes:?}");
    }
    let mut v6 = [0; 36];
    v6[..16].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7]);
    v6[32..34].copy_from_slice(&[0, 80]);
    assert_eq!(
        parse(&version_2(0x21, 0x21, &v6)),
        header(Some("[2001:db8::7]:80"), 52)
    );
}

#[test]
fn faults_of_version_2_are_seen_as_soon_as_they_can_be() {
    for (bytes, length, fault) in [
        (version_2(0x11, 0x11, &[0; 12]), 13, Fault::Version),
        (version_2(0x22, 0x11, &[0; 12]), 13, Fault::Command),
        (version_2(0x21, 0x12, &[0; 12]), 14, Fault::Family),
        (version_2(0x21, 0x10, &[0; 12]), 14, Fault::Family),
        (version_2(0x21, 0x41, &[0; 12]), 14, Fault::Family),
        (version_2(0x21, 0x11, &[0; 11]), 16, Fault::Short),
        (version_2(0x21, 0x21, &[0; 35]), 16, Fault::Short),
        (version_2(0x21, 0x31, &[0; 215]), 16, Fault::Short),
        (
            version_2(0x21, 0x11, &[0; LONGEST_V2 - 15]),
            16,
            Fault::Long,
        ),
    ] {
        assert_eq!(parse(&bytes[..length]), Parsed::Fault(fault));
        assert_eq!(parse(&bytes), Parsed::Fault(fault));
        assert_eq!(parse(&bytes[..length - 1]), Parsed::NeedMore, "{fault:?}");
    }
    let longest = version_2(0x21, 0x11, &[0; LONGEST_V2 - 16]);
    assert_eq!(parse(&longest), header(Some("0.0.0.0:0"), LONGEST_V2));
}

#[test]
fn labels_differ() {
    let faults = [
        Fault::Absent,
        Fault::LineEnd,
        Fault::Line,
        Fault::Version,
        Fault::Command,
        Fault::Family,
        Fault::Short,
        Fault::Long,
    ];
    let labels: std::collections::BTreeSet<&str> = faults.iter().map(Fault::label).collect();
    assert_eq!(labels.len(), faults.len());
}

/// A header as a load balancer writes it, and the source that it names.
fn written() -> impl Strategy<Value = (Vec<u8>, Option<SocketAddr>)> {
    let v4 = (
        any::<[u8; 4]>(),
        any::<[u8; 4]>(),
        any::<u16>(),
        any::<u16>(),
    );
    let v6 = (
        any::<[u8; 16]>(),
        any::<[u8; 16]>(),
        any::<u16>(),
        any::<u16>(),
    );
    let tlvs = prop::collection::vec(any::<u8>(), 0..80);
    prop_oneof![
        v4.prop_map(|(from, to, port, to_port)| {
            let (from, to) = (Ipv4Addr::from(from), Ipv4Addr::from(to));
            let line = format!("PROXY TCP4 {from} {to} {port} {to_port}\r\n");
            (line.into_bytes(), Some(SocketAddr::new(from.into(), port)))
        }),
        v6.prop_map(|(from, to, port, to_port)| {
            let (from, to) = (Ipv6Addr::from(from), Ipv6Addr::from(to));
            let line = format!("PROXY TCP6 {from} {to} {port} {to_port}\r\n");
            (line.into_bytes(), Some(SocketAddr::new(from.into(), port)))
        }),
        "PROXY UNKNOWN( [ -~]{0,90})?\r\n".prop_map(|line| (line.into_bytes(), None)),
        (v4, tlvs.clone(), any::<bool>()).prop_map(|((from, to, port, to_port), tlvs, local)| {
            let ports = [port.to_be_bytes(), to_port.to_be_bytes()].concat();
            let rest = [&from[..], &to, &ports, &tlvs].concat();
            let source = (!local).then(|| SocketAddr::new(from.into(), port));
            (version_2(0x21 - u8::from(local), 0x11, &rest), source)
        }),
        (v6, tlvs.clone()).prop_map(|((from, to, port, to_port), tlvs)| {
            let ports = [port.to_be_bytes(), to_port.to_be_bytes()].concat();
            let rest = [&from[..], &to, &ports, &tlvs].concat();
            (
                version_2(0x21, 0x21, &rest),
                Some(SocketAddr::new(from.into(), port)),
            )
        }),
        tlvs.prop_map(|tlvs| (version_2(0x21, 0x00, &tlvs), None)),
    ]
}

proptest! {
    #[test]
    fn reads_what_was_written(
        (bytes, source) in written(),
        after in prop::collection::vec(any::<u8>(), 0..20),
    ) {
        let consumed = bytes.len();
        let expected = Parsed::Header { source, consumed };
        prop_assert_eq!(parse(&[bytes, after].concat()), expected);
    }

    #[test]
    fn every_beginning_of_a_header_needs_more((bytes, _) in written(), at: prop::sample::Index) {
        let beginning = &bytes[..at.index(bytes.len())];
        prop_assert_eq!(parse(beginning), Parsed::NeedMore);
    }

    /// What was decided stays decided, however many bytes follow, and is decided in good time.
    #[test]
    fn more_bytes_change_nothing_but_the_need_for_them(
        (header, _) in written(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        after in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let mut bytes = [header, after].concat();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let mut decided = Parsed::NeedMore;
        for end in 0..=bytes.len() {
            let parsed = parse(&bytes[..end]);
            if decided == Parsed::NeedMore {
                decided = parsed;
            } else {
                prop_assert_eq!(parsed, decided);
            }
        }
        bytes.resize(LONGEST_V2, b' ');
        prop_assert_ne!(parse(&bytes), Parsed::NeedMore);
    }
}
