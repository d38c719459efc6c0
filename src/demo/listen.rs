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
    listen(address).map_err(|error| {
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

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

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
