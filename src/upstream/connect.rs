//! A new connection to an endpoint.

use std::io;
use std::net::SocketAddr;

use rustix::io::Errno;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;

use super::endpoint::{Endpoint, Place, Timeouts};
use super::failure::Cause;
use crate::net::stream::Stream;

/// Connects, with TLS where the endpoint wants it, within the connect time-out as a whole.
///
/// # Errors
/// A [`Cause`] of connecting. Nothing of any request has been sent.
pub async fn connect(endpoint: &Endpoint, timeouts: &Timeouts) -> Result<Stream, Cause> {
    let due = Instant::now() + timeouts.connect;
    let socket = tokio::time::timeout_at(due, dial(endpoint))
        .await
        .map_err(|_| Cause::ConnectTimeout)??;
    // Small requests must not wait for the acknowledgement of earlier ones.
    let _ = socket.set_nodelay(true);
    let Some(tls) = &endpoint.tls else {
        return Ok(Stream::Plain(socket));
    };
    let handshake = TlsConnector::from(tls.config.clone()).connect(tls.server_name.clone(), socket);
    match timeout(due.saturating_duration_since(Instant::now()), handshake).await {
        Ok(Ok(stream)) => Ok(Stream::Tls(Box::new(stream.into()))),
        Ok(Err(_)) => Err(Cause::Tls),
        Err(_) => Err(Cause::ConnectTimeout),
    }
}

/// Tries the endpoint's addresses in turn.
async fn dial(endpoint: &Endpoint) -> Result<TcpStream, Cause> {
    let addresses: Vec<SocketAddr> = match &endpoint.place {
        Place::Address(address) => vec![SocketAddr::new(*address, endpoint.port)],
        Place::Name(name) => tokio::net::lookup_host((name.as_str(), endpoint.port))
            .await
            .map_err(|_| Cause::Unresolved)?
            .collect(),
    };
    let mut cause = Cause::Unresolved;
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(socket) => return Ok(socket),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => cause = Cause::ConnectTimeout,
            Err(error) if is_our_own(&error) => return Err(Cause::Overloaded),
            Err(_) => cause = Cause::ConnectRefused,
        }
    }
    Err(cause)
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
