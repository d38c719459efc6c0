//! Listening sockets: one a thread on the same address (`SO_REUSEPORT`), so that the kernel spreads
//! connections and no thread waits for another.

use std::io;
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 4096;

/// Binds `count` sockets to `address`. Port 0 is chosen once for all of them.
///
/// # Errors
/// What the system says of the first socket that fails.
pub fn bind(address: SocketAddr, count: usize) -> io::Result<Vec<TcpListener>> {
    let mut listeners: Vec<TcpListener> = Vec::with_capacity(count);
    for _ in 0..count {
        let address = match listeners.first() {
            Some(first) => first.local_addr()?,
            None => address,
        };
        // Sharing is for our own threads only: the first socket must find the address free.
        if listeners.is_empty() && address.port() != 0 {
            drop(open(address, false)?);
        }
        listeners.push(open(address, true)?);
    }
    Ok(listeners)
}

fn open(address: SocketAddr, shared: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    if address.is_ipv6() {
        // `[::]` and `0.0.0.0` are two lines of the configuration, not one that hides the other.
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(shared)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    if shared {
        socket.listen(BACKLOG)?;
    }
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_sockets_share_one_port_and_nobody_elses() {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let listeners = bind(any, 3).expect("three sockets");
        let address = listeners[0].local_addr().expect("an address");
        assert!(
            listeners
                .iter()
                .all(|listener| listener.local_addr().ok() == Some(address))
        );
        let busy = bind(address, 1).expect_err("the port is taken");
        assert_eq!(busy.kind(), io::ErrorKind::AddrInUse);
    }
}
