//! Address families that this machine does not have: a kernel without IPv6, or one where it is off.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use rustix::io::Errno;
use socket2::{Domain, Socket, Type};

/// Whether a bind to this address failed because its family is absent: no socket can be made
/// (`EAFNOSUPPORT`), or no address is left for a wildcard (`EADDRNOTAVAIL`).
#[must_use]
pub fn is_absent(address: SocketAddr, error: &io::Error) -> bool {
    match Errno::from_io_error(error) {
        Some(Errno::AFNOSUPPORT | Errno::PROTONOSUPPORT) => true,
        Some(Errno::ADDRNOTAVAIL) => address.ip().is_unspecified(),
        _ => false,
    }
}

/// Whether this machine has the address's family. Tries it with a socket that never listens.
#[must_use]
pub fn exists(address: SocketAddr) -> bool {
    let any: IpAddr = match address {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let any = SocketAddr::new(any, 0);
    let tried = Socket::new(Domain::for_address(any), Type::STREAM, None)
        .and_then(|socket| socket.bind(&any.into()));
    !tried.is_err_and(|error| is_absent(any, &error))
}

/// The family's name.
#[must_use]
pub const fn name(address: SocketAddr) -> &'static str {
    match address {
        SocketAddr::V4(_) => "IPv4",
        SocketAddr::V6(_) => "IPv6",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_is_absent_only_by_errors_that_say_so() {
        let of = |address: &str, error: Errno| {
            is_absent(address.parse().expect("an address"), &error.into())
        };
        for any in ["[::]:443", "0.0.0.0:443"] {
            assert!(of(any, Errno::AFNOSUPPORT) && of(any, Errno::ADDRNOTAVAIL));
            assert!(!of(any, Errno::ADDRINUSE) && !of(any, Errno::ACCESS));
        }
        assert!(of("[::1]:443", Errno::AFNOSUPPORT));
        assert!(!of("[2001:db8::1]:443", Errno::ADDRNOTAVAIL));
        assert!(exists(SocketAddr::from(([127, 0, 0, 1], 0))));
    }
}
