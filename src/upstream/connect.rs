//! A new connection to an endpoint.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustix::io::Errno;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;

use super::endpoint::{Endpoint, Place, Timeouts};
use super::failure::Cause;
use super::hosts::Host;
use crate::net::deadline;
use crate::net::stream::Stream;

/// How long an address is given before the next is tried beside it (RFC 8305 section 8).
const STAGGER: Duration = Duration::from_millis(250);

/// Longer than any connect time-out.
const FOR_EVER: Duration = Duration::from_secs(86_400);

/// Connects, with TLS where the endpoint wants it, within the connect time-out as a whole.
///
/// # Errors
/// A [`Cause`] of connecting. Nothing of any request has been sent.
pub async fn connect(endpoint: &Endpoint, timeouts: &Timeouts) -> Result<Stream, Cause> {
    let connected = connect_to(endpoint, timeouts, None).await;
    connected.map(|(stream, _)| stream)
}

/// The same, at `first` if that can be reached; and at which of its name's addresses it is, where the
/// endpoint has a name.
///
/// # Errors
/// As there.
pub async fn connect_to(
    endpoint: &Endpoint,
    timeouts: &Timeouts,
    first: Option<&Host>,
) -> Result<(Stream, Option<Arc<Host>>), Cause> {
    let due = Instant::now() + timeouts.connect;
    let mut addresses = deadline::within(due, endpoint.addresses())
        .await
        .map_err(|_| Cause::Unresolved)??;
    let at = |first: &Host| {
        let mut known = addresses.iter();
        known.position(|address| address.ip() == first.ip())
    };
    if let Some(up_to_first) = first.and_then(at).and_then(|at| addresses.get_mut(..=at)) {
        up_to_first.rotate_right(1);
    }
    let socket = deadline::within(due, dial(&addresses))
        .await
        .map_err(|_| Cause::ConnectTimeout)??;
    let host = host(endpoint, &socket, first);
    // Small requests must not wait for the acknowledgement of earlier ones.
    let _ = socket.set_nodelay(true);
    let Some(tls) = &endpoint.tls else {
        return Ok((Stream::Plain(socket), host));
    };
    let handshake = TlsConnector::from(tls.config.clone()).connect(tls.server_name.clone(), socket);
    match deadline::within(due, handshake).await {
        Ok(Ok(stream)) => Ok((Stream::Tls(Box::new(stream.into())), host)),
        Ok(Err(_)) => Err(Cause::Tls),
        Err(_) => Err(Cause::ConnectTimeout),
    }
}

/// Which of the addresses of the endpoint's name was reached; another than the first choice speaks
/// against that one.
fn host(endpoint: &Endpoint, socket: &TcpStream, first: Option<&Host>) -> Option<Arc<Host>> {
    if !matches!(endpoint.place, Place::Name(_)) {
        return None;
    }
    let reached = socket.peer_addr().ok()?.ip();
    if let Some(first) = first.filter(|first| first.ip() != reached) {
        first.avoid(Instant::now().into_std());
    }
    Some(endpoint.state.resolved.host(reached))
}

/// Reaches the first of the endpoint's addresses that can be reached (RFC 8305 section 5): the next
/// one is tried when one has failed, or has not answered for a while and may still do so.
async fn dial(addresses: &[SocketAddr]) -> Result<TcpStream, Cause> {
    // One address, as most endpoints have, needs no task.
    if let [address] = addresses {
        return TcpStream::connect(address)
            .await
            .map_err(|error| cause(&error));
    }
    let mut left = addresses.iter();
    let mut attempts = JoinSet::new();
    let mut last = Cause::Unresolved;
    loop {
        if let Some(address) = left.next() {
            attempts.spawn(TcpStream::connect(*address));
        }
        let wait = if left.len() == 0 { FOR_EVER } else { STAGGER };
        match timeout(wait, attempts.join_next()).await {
            Ok(Some(Ok(Ok(socket)))) => return Ok(socket),
            Ok(Some(Ok(Err(error)))) => last = cause(&error),
            Ok(Some(Err(_))) => last = Cause::ConnectRefused,
            Ok(None) if left.len() == 0 => return Err(last),
            Ok(None) | Err(_) => {}
        }
    }
}

fn cause(error: &io::Error) -> Cause {
    match error.kind() {
        io::ErrorKind::TimedOut => Cause::ConnectTimeout,
        _ if is_our_own(error) => Cause::Overloaded,
        _ => Cause::ConnectRefused,
    }
}

/// Whether it is this process, or its machine, that has run out of something (descriptors, memory,
/// ports): that says nothing about the endpoint.
fn is_our_own(error: &io::Error) -> bool {
    const OURS: [Errno; 5] = [
        Errno::MFILE,
        Errno::NFILE,
        Errno::NOBUFS,
        Errno::NOMEM,
        Errno::ADDRNOTAVAIL,
    ];
    let code = error.raw_os_error();
    OURS.iter().any(|own| code == Some(own.raw_os_error()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, Ipv6Addr};
    use tokio::net::{TcpListener, TcpSocket};

    async fn listener() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a port");
        let address = listener.local_addr().expect("an address");
        (listener, address)
    }

    /// An address that refuses: a port that was just given back.
    async fn refusing() -> SocketAddr {
        listener().await.1
    }

    #[tokio::test]
    async fn an_address_that_refuses_gives_way_to_the_next_at_once() {
        let (_listener, open) = listener().await;
        let unused = SocketAddr::from((Ipv6Addr::LOCALHOST, refusing().await.port()));
        let started = Instant::now();
        let socket = dial(&[unused, refusing().await, open])
            .await
            .expect("the last");
        assert_eq!(socket.peer_addr().expect("an address"), open);
        assert!(started.elapsed() < STAGGER);
    }

    #[tokio::test]
    async fn no_address_and_none_that_answers_are_told_apart() {
        assert_eq!(dial(&[]).await.err(), Some(Cause::Unresolved));
        let both = [refusing().await, refusing().await];
        assert_eq!(dial(&both).await.err(), Some(Cause::ConnectRefused));
        assert_eq!(dial(&both[..1]).await.err(), Some(Cause::ConnectRefused));
    }

    /// A listener whose queue is full does not answer: Linux drops what comes then.
    #[tokio::test]
    async fn an_address_that_is_silent_does_not_hold_up_the_next() {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket
            .bind((Ipv4Addr::LOCALHOST, 0).into())
            .expect("a port");
        let silent = socket.listen(1).expect("a listener");
        let address = silent.local_addr().expect("an address");
        let mut queued = Vec::new();
        while let Ok(Ok(one)) = timeout(STAGGER, TcpStream::connect(address)).await {
            queued.push(one);
            assert!(queued.len() < 100, "never full");
        }
        let (_listener, open) = listener().await;
        let started = Instant::now();
        let socket = dial(&[address, open]).await.expect("the second");
        assert_eq!(socket.peer_addr().expect("an address"), open);
        assert!(started.elapsed() >= STAGGER);
    }

    #[test]
    fn what_we_lack_is_not_the_endpoints_fault() {
        for (errno, ours) in [
            (Errno::MFILE, true),
            (Errno::ADDRNOTAVAIL, true),
            (Errno::CONNREFUSED, false),
            (Errno::HOSTUNREACH, false),
        ] {
            let error = io::Error::from_raw_os_error(errno.raw_os_error());
            assert_eq!(is_our_own(&error), ours, "{error}");
        }
    }
}
