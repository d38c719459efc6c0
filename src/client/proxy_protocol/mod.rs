//! The PROXY protocol, versions 1 and 2 (HAProxy's specification, section 2), as a listener
//! behind a load balancer reads it: one header in front of everything else on the connection.
//!
//! Nothing but addresses is taken from it; extensions (TLVs) are passed over. It is a pure function
//! of the bytes read so far.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// The longest header of version 1, with its line end (section 2.1).
pub const LONGEST_V1: usize = 107;

/// The longest header of version 2 that is accepted. The format allows 64 KiB of extensions; a
/// load balancer's take a few hundred bytes.
pub const LONGEST_V2: usize = 4096;

/// Opens a header of version 2.
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

/// What the first bytes of a connection are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// The beginning of a header; never said of [`LONGEST_V2`] bytes.
    NeedMore,
    /// A whole header.
    Header {
        /// Whom the sender speaks for; `None` if for itself (a health check), for a client without
        /// an IP address, or for one that it does not know. Then the peer is the client.
        source: Option<SocketAddr>,
        /// Bytes of the header. The rest belongs to the connection.
        consumed: usize,
    },
    /// No header. The connection must be closed: its peer may be anybody.
    Fault(Fault),
}

/// Why bytes are no header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// They begin otherwise.
    #[error("the connection does not begin with a PROXY protocol header")]
    Absent,
    /// A line of version 1 that has no end where it must.
    #[error("the line is longer than 107 bytes or ends in something else than CR LF")]
    LineEnd,
    /// A line of version 1 that says something else than a protocol, two addresses and two ports.
    #[error("the line is malformed")]
    Line,
    /// Another version than 2 behind the signature of version 2.
    #[error("the version is not 2")]
    Version,
    /// Neither LOCAL nor PROXY.
    #[error("the command is neither LOCAL nor PROXY")]
    Command,
    /// An address family or transport that no TCP connection has.
    #[error("the address family or transport is none of a TCP connection")]
    Family,
    /// Fewer bytes than the family's addresses need.
    #[error("the header is shorter than its addresses")]
    Short,
    /// More than [`LONGEST_V2`].
    #[error("the header is longer than 4096 bytes")]
    Long,
}

impl Fault {
    /// The word for metrics.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::LineEnd => "line-end",
            Self::Line => "line",
            Self::Version => "version",
            Self::Command => "command",
            Self::Family => "family",
            Self::Short => "short",
            Self::Long => "long",
        }
    }
}

/// Reads the header at the beginning of `bytes`, which need not be whole: told more of the same
/// connection, `NeedMore` may become anything, everything else stays as it is.
#[must_use]
pub fn parse(bytes: &[u8]) -> Parsed {
    let parsed = match bytes.first() {
        None => return Parsed::NeedMore,
        Some(b'P') => version_1(bytes),
        Some(_) => version_2(bytes),
    };
    match parsed {
        Ok(Some((source, consumed))) => Parsed::Header { source, consumed },
        Ok(None) => Parsed::NeedMore,
        Err(fault) => Parsed::Fault(fault),
    }
}

/// A header's source and length; `None` as long as it is not whole.
type Found = Result<Option<(Option<SocketAddr>, usize)>, Fault>;

/// `PROXY TCP4 192.0.2.1 198.51.100.1 56324 443`, CR LF (section 2.1).
fn version_1(bytes: &[u8]) -> Found {
    if !begins(bytes, b"PROXY ") {
        return Err(Fault::Absent);
    }
    let line = bytes.get(..LONGEST_V1).unwrap_or(bytes);
    let Some(end) = line.iter().position(|byte| matches!(byte, b'\r' | b'\n')) else {
        return if bytes.len() < LONGEST_V1 {
            Ok(None)
        } else {
            Err(Fault::LineEnd)
        };
    };
    let (line, ending) = line.split_at(end);
    match ending {
        b"\r" if bytes.len() < LONGEST_V1 => Ok(None),
        [b'\r', b'\n', ..] => {
            let line = str::from_utf8(line).map_err(|_| Fault::Line)?;
            Ok(Some((source_of_line(line).ok_or(Fault::Line)?, end + 2)))
        }
        _ => Err(Fault::LineEnd),
    }
}

/// The outer `None` is a malformed line, the inner one a line without addresses.
fn source_of_line(line: &str) -> Option<Option<SocketAddr>> {
    let mut words = line.split(' ').skip(1);
    let source = match words.next()? {
        // Whatever follows must be ignored.
        "UNKNOWN" => return Some(None),
        "TCP4" => addresses::<Ipv4Addr>(&mut words)?,
        "TCP6" => addresses::<Ipv6Addr>(&mut words)?,
        _ => return None,
    };
    words.next().is_none().then_some(Some(source))
}

/// Two addresses, then two ports, of which each first is the source's.
fn addresses<'a, A: FromStr + Into<IpAddr>>(
    words: &mut impl Iterator<Item = &'a str>,
) -> Option<SocketAddr> {
    let source: A = words.next()?.parse().ok()?;
    let _destination: A = words.next()?.parse().ok()?;
    let port = port(words.next()?)?;
    let _destination_port = self::port(words.next()?)?;
    Some(SocketAddr::new(source.into(), port))
}

/// Decimal digits without leading zeros, at most 65535.
fn port(text: &str) -> Option<u16> {
    let is_plain = text == "0" || text.starts_with(|first: char| matches!(first, '1'..='9'));
    is_plain.then(|| text.parse().ok())?
}

/// A signature, version and command, family and transport, the length of the rest (section 2.2).
fn version_2(bytes: &[u8]) -> Found {
    if !begins(bytes, SIGNATURE) {
        return Err(Fault::Absent);
    }
    let Some(&version_and_command) = bytes.get(12) else {
        return Ok(None);
    };
    if version_and_command >> 4 != 2 {
        return Err(Fault::Version);
    }
    let is_local = match version_and_command & 0x0f {
        0 => true,
        1 => false,
        _ => return Err(Fault::Command),
    };
    let Some(&family) = bytes.get(13) else {
        return Ok(None);
    };
    let least = match family {
        _ if is_local => 0, // "including the family which is ignored"
        0x00 => 0,          // unspecified
        0x11 => 12,         // TCP over IPv4
        0x21 => 36,         // TCP over IPv6
        0x31 => 216,        // Unix stream
        _ => return Err(Fault::Family),
    };
    let Some(length) = array::<2>(bytes, 14).map(u16::from_be_bytes) else {
        return Ok(None);
    };
    let consumed = 16 + usize::from(length);
    if usize::from(length) < least {
        return Err(Fault::Short);
    }
    if consumed > LONGEST_V2 {
        return Err(Fault::Long);
    }
    if bytes.len() < consumed {
        return Ok(None);
    }
    let source = match family {
        0x11 if !is_local => socket(array::<4>(bytes, 16), array(bytes, 24)),
        0x21 if !is_local => socket(array::<16>(bytes, 16), array(bytes, 48)),
        _ => None,
    };
    Ok(Some((source, consumed)))
}

fn socket<A: Into<IpAddr>>(address: Option<A>, port: Option<[u8; 2]>) -> Option<SocketAddr> {
    Some(SocketAddr::new(address?.into(), u16::from_be_bytes(port?)))
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

/// Whether `bytes` begin with `opening`, as far as they go.
fn begins(bytes: &[u8], opening: &[u8]) -> bool {
    bytes.iter().zip(opening).all(|(a, b)| a == b)
}

#[cfg(test)]
mod tests;
