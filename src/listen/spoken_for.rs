//! The PROXY protocol on listeners that demand it: whom the load balancer in front speaks for.

use std::io;
use std::net::SocketAddr;

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::client::proxy_protocol::{Parsed, parse};
use crate::net::deadline;
use crate::proxy::worker::Worker;

/// The shortest header of either version: `PROXY UNKNOWN`, CR LF.
const SHORTEST: usize = 15;

/// Reads the header and takes it off the connection. The client's address, none if the peer names
/// nobody, or why the connection must be closed: its peer may be anybody, or nobody who may speak
/// for others.
pub(super) async fn client(
    socket: &mut TcpStream,
    peer: SocketAddr,
    worker: &Worker,
) -> Result<Option<SocketAddr>, &'static str> {
    let view = worker.view();
    if !view.trusts(peer.ip()) {
        return Err("untrusted");
    }
    let within = view.timeouts().handshake;
    drop(view);
    match deadline::within(Instant::now() + within, header(socket)).await {
        Ok(Ok(Ok(source))) => Ok(source),
        Ok(Ok(Err(fault))) => Err(fault),
        Ok(Err(_)) => Err("closed"),
        Err(_) => Err("timeout"),
    }
}

/// Reads no byte behind the header: that one belongs to TLS.
async fn header(socket: &mut TcpStream) -> io::Result<Result<Option<SocketAddr>, &'static str>> {
    let mut bytes = Vec::with_capacity(64);
    loop {
        match parse(&bytes) {
            Parsed::Header { source, .. } => return Ok(Ok(source)),
            Parsed::Fault(fault) => return Ok(Err(fault.label())),
            Parsed::NeedMore => {}
        }
        let known = bytes.len();
        bytes.resize(known + missing(&bytes), 0);
        let room = bytes.get_mut(known..).unwrap_or_default();
        socket.read_exact(room).await?;
    }
}

/// Bytes that the header surely has beyond these.
fn missing(bytes: &[u8]) -> usize {
    let is_2 = bytes.first() == Some(&b'\r');
    match bytes {
        short if short.len() < SHORTEST => SHORTEST - short.len(),
        [.., high, low] if is_2 && bytes.len() == 16 => {
            usize::from(u16::from_be_bytes([*high, *low])).max(1)
        }
        // The other half of a length, or whatever comes before a line's end.
        _ => 1,
    }
}
