//! Binds listeners, and says in the error what could not listen where.

use std::io;
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

/// How many connections wait to be accepted.
const BACKLOG: i32 = 1024;

/// Binds `what` to an address. The port of an endpoint that was down is taken again at once.
///
/// # Errors
/// The system's error, with the address and `what` in its words.
pub(super) fn bind(address: SocketAddr, what: &str) -> io::Result<TcpListener> {
    bind_kept(None, address, what)
}

/// The same with an address that was kept.
///
/// # Errors
/// As [`bind`].
pub(super) fn bind_kept(
    kept: Option<Socket>,
    address: SocketAddr,
    what: &str,
) -> io::Result<TcpListener> {
    let listen = || -> io::Result<TcpListener> {
        let socket = kept.map_or_else(|| reserve(address), Ok)?;
        socket.listen(BACKLOG)?;
        Ok(socket.into())
    };
    listen().map_err(|error| {
        let words = match error.kind() {
            io::ErrorKind::AddrInUse => "the port is in use".to_owned(),
            _ => error.to_string(),
        };
        io::Error::new(
            error.kind(),
            format!("{what} cannot listen on {address}: {words}"),
        )
    })
}

/// Keeps an address without listening there: who connects is refused, and whoever asks for any port is
/// not lent this one.
pub(super) fn reserve(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_kept_refuses_until_it_listens() {
        let kept = reserve("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = kept.local_addr().unwrap().as_socket().unwrap();
        let refused = std::net::TcpStream::connect(address).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        let _listener = bind_kept(Some(kept), address, "one").unwrap();
        assert!(std::net::TcpStream::connect(address).is_ok());
    }

    #[test]
    fn a_busy_port_is_named() {
        let held = bind("127.0.0.1:0".parse().unwrap(), "one").unwrap();
        let address = held.local_addr().unwrap();
        let error = bind(address, "endpoint 1 of demo region eu").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        assert_eq!(
            error.to_string(),
            format!("endpoint 1 of demo region eu cannot listen on {address}: the port is in use")
        );
    }
}
