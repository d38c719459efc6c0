//! The PROXY protocol: what was said of a header stays said when more arrives, and a second,
//! simpler reader agrees.

use std::net::{IpAddr, SocketAddr};

use onetime_gateway::client::proxy_protocol::{LONGEST_V1, LONGEST_V2, Parsed, parse};

pub fn holds(data: &[u8]) {
    let whole = parse(data);
    for end in (0..data.len().min(LONGEST_V2 + 20)).step_by(1 + data.len() / 64) {
        let part = parse(&data[..end]);
        assert!(
            part == Parsed::NeedMore || part == whole,
            "{part:?} of {end} bytes, then {whole:?}"
        );
    }
    match whole {
        Parsed::NeedMore => assert!(data.len() < LONGEST_V2),
        Parsed::Fault(fault) => assert!(!fault.label().is_empty()),
        Parsed::Header { source, consumed } => {
            assert!(consumed <= data.len() && consumed <= LONGEST_V2);
            let header = &data[..consumed];
            assert_eq!(parse(header), whole, "what follows is of no account");
            assert_eq!(parse(&header[..consumed - 1]), Parsed::NeedMore);
            if data[0] == b'P' {
                assert!(consumed <= LONGEST_V1);
                assert_eq!(source, line(header));
            } else {
                assert_eq!(source, block(header));
            }
        }
    }
}

/// Version 1, which must be well-formed.
fn line(header: &[u8]) -> Option<SocketAddr> {
    let text = std::str::from_utf8(header).expect("text");
    let words: Vec<&str> = text.trim_end_matches("\r\n").split(' ').collect();
    assert_eq!(words[0], "PROXY");
    if words[1] == "UNKNOWN" {
        return None;
    }
    let [_, family, from, to, port, other] = words.as_slice() else {
        panic!("{} words", words.len());
    };
    let addresses = [from, to].map(|text| text.parse::<IpAddr>().expect("an address"));
    assert!(
        addresses
            .iter()
            .all(|one| one.is_ipv4() == (*family == "TCP4"))
    );
    assert!(other.parse::<u16>().is_ok());
    Some(SocketAddr::new(addresses[0], port.parse().expect("a port")))
}

/// Version 2, which must be well-formed.
fn block(header: &[u8]) -> Option<SocketAddr> {
    assert_eq!(&header[..12], b"\r\n\r\n\0\r\nQUIT\n");
    let length = usize::from(header[14]) << 8 | usize::from(header[15]);
    assert_eq!(header.len(), 16 + length);
    let address: IpAddr = match (header[12], header[13]) {
        (0x21, 0x11) => <[u8; 4]>::try_from(&header[16..20]).expect("four").into(),
        (0x21, 0x21) => <[u8; 16]>::try_from(&header[16..32]).expect("16").into(),
        (0x20, _) | (0x21, 0x00 | 0x31) => return None,
        other => panic!("{other:02x?} was taken"),
    };
    let at = if address.is_ipv4() { 24 } else { 48 };
    let port = u16::from(header[at]) << 8 | u16::from(header[at + 1]);
    Some(SocketAddr::new(address, port))
}
