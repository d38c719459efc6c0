//! The accept loop of one listener on one thread, and each connection up to its first request.

use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustls::{HandshakeKind, ProtocolVersion};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::http1;
use super::http2;
use super::seat::{self, Seat};
use super::spoken_for;
use crate::limit::connections::{Connections, Full, Place};
use crate::limit::ledger::Kind;
use crate::net::deadline;
use crate::net::stream::Stream;
use crate::proxy::arrival::Scheme;
use crate::proxy::circuit::Circuit;
use crate::proxy::worker::Worker;
use crate::telemetry::worker::Event;
use crate::tls::resolver::unnamed_is;

/// The first pause after the process runs out of something (file descriptors, memory).
const FIRST_PAUSE: Duration = Duration::from_millis(5);

/// The connections that each thread keeps when file descriptors run out.
const FEW: usize = 8;

/// The longest one.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Client connections of the whole process.
#[derive(Clone)]
pub struct Census(Arc<Counts>);

#[derive(Default)]
struct Counts {
    room: usize,
    all: AtomicUsize,
    leaving: AtomicBool,
    out_of_memory: AtomicBool,
    late: AtomicUsize,
    by_client: Mutex<Connections>,
}

impl Census {
    /// Nobody is there, and there is room for so many.
    #[must_use]
    pub fn new(room: usize) -> Self {
        Self(Arc::new(Counts {
            room,
            ..Counts::default()
        }))
    }

    /// Counts one more connection, and says whether it is beyond `limit`, or the room.
    fn admit(&self, limit: usize) -> (Admitted, bool) {
        let late = self.0.leaving.load(Ordering::Relaxed);
        if late {
            self.0.late.fetch_add(1, Ordering::Relaxed);
        }
        let admitted = Admitted {
            counts: self.0.clone(),
            late,
            place: None,
        };
        // Taken first and given back by the drop: two threads can never both take the last place.
        let before = self.0.all.fetch_add(1, Ordering::Relaxed);
        (admitted, before >= limit.min(self.0.room))
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.all.load(Ordering::Relaxed)
    }

    /// Notes whether the process has more memory than it may.
    pub fn note_memory(&self, is_out: bool) {
        self.0.out_of_memory.store(is_out, Ordering::Relaxed);
    }

    /// Whether it has. With few connections they are not the cause, and refusing would not help.
    #[must_use]
    pub fn is_out_of_memory(&self, connections: usize) -> bool {
        self.0.out_of_memory.load(Ordering::Relaxed) && self.count() > connections / 10
    }

    /// From now on connections are late.
    pub fn leave(&self) {
        self.0.leaving.store(true, Ordering::Relaxed);
    }

    /// How many there are that are not late.
    #[must_use]
    pub fn early(&self) -> usize {
        self.count()
            .saturating_sub(self.0.late.load(Ordering::Relaxed))
    }
}

impl Counts {
    fn by_client(&self) -> MutexGuard<'_, Connections> {
        // Every step leaves the counts whole.
        self.by_client
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

struct Admitted {
    counts: Arc<Counts>,
    late: bool,
    place: Option<Place>,
}

impl Admitted {
    /// Counts it as its client's and its network's, once it is known who that is. A proxy that is
    /// trusted speaks for many, and is not one.
    fn count(&mut self, client: IpAddr, worker: &Worker) -> Result<(), &'static str> {
        let view = worker.view();
        if view.trusts(client) || view.exempts(client) {
            return Ok(());
        }
        let now = std::time::Instant::now();
        let taken = worker.ledger.take(view.rates(), Kind::Connect, client, now);
        taken.map_err(|_| "rate")?;
        let rules = view.connection_rules();
        let entered = self.counts.by_client().enter(client, &rules);
        self.place = Some(entered.map_err(Full::label)?);
        Ok(())
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.counts.all.fetch_sub(1, Ordering::Relaxed);
        if self.late {
            self.counts.late.fetch_sub(1, Ordering::Relaxed);
        }
        if let Some(place) = self.place.take() {
            self.counts.by_client().leave(place);
        }
    }
}

/// What every connection of a listener is.
#[derive(Clone, Copy, Debug)]
pub struct Door {
    /// Whether TLS is spoken.
    pub scheme: Scheme,
    /// Whether a PROXY protocol header must come first.
    pub proxied: bool,
}

/// Connections that may wait to be accepted, and then some: so many are taken in at the end.
const MOST_WAITING: usize = 8192;

/// Accepts until the worker shuts its doors. Each connection is a local task of its own.
pub async fn run(listener: TcpListener, door: Door, worker: Rc<Worker>, census: Census) {
    let mut pause = FIRST_PAUSE;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = worker.shut.begun() => break,
        };
        match accepted {
            Ok((socket, peer)) => {
                pause = FIRST_PAUSE;
                admit(socket, peer, door, &worker, &census);
            }
            Err(error) if is_connections_own(&error) => {}
            // As when all places are taken. Its task ends, and with it its socket, before the next try.
            Err(error) if is_out_of_files(&error) && displaces(&worker) => yield_now().await,
            Err(error) => {
                worker.metrics.count(Event::AcceptFailed, None, "");
                tracing::warn!(%error, ?pause, "cannot accept connections");
                sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
    last(&listener, |socket, peer| {
        admit(socket, peer, door, &worker, &census);
    })
    .await;
}

/// Takes in what already waits: it would be reset with the socket, unless another process has that too.
async fn last(listener: &TcpListener, mut take: impl FnMut(TcpStream, SocketAddr)) {
    for _ in 0..MOST_WAITING {
        match timeout(Duration::ZERO, listener.accept()).await {
            Ok(Ok((socket, peer))) => take(socket, peer),
            Ok(Err(error)) if is_connections_own(&error) => {}
            Ok(Err(_)) | Err(_) => break,
        }
    }
}

/// Closes a quarter of this thread's connections, of those that wait: the process needs their memory.
pub fn relieve(worker: &Worker) {
    let some = worker.clients.borrow().len().div_ceil(4);
    let _ = (0..some).all(|_| seat::make_room(worker));
}

/// Whether accepting failed because the process, or the machine, has no file descriptor left.
fn is_out_of_files(error: &std::io::Error) -> bool {
    let errno = rustix::io::Errno::from_io_error(error);
    matches!(
        errno,
        Some(rustix::io::Errno::MFILE | rustix::io::Errno::NFILE)
    )
}

/// Ends the two connections of this thread that have waited longest, if there are more than a few:
/// with few, what takes the descriptors is not connections of clients. A request needs a descriptor
/// for its client and one for its region.
fn displaces(worker: &Worker) -> bool {
    let has_many = worker.clients.borrow().len() > FEW;
    let displaced = has_many && seat::make_room(worker);
    if displaced {
        seat::make_room(worker);
    }
    displaced
}

/// Whether an accept error concerns only the connection that it would have returned.
fn is_connections_own(error: &std::io::Error) -> bool {
    use std::io::ErrorKind;
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::Interrupted
    )
}

fn admit(
    mut socket: TcpStream,
    mut peer: SocketAddr,
    door: Door,
    worker: &Rc<Worker>,
    census: &Census,
) {
    let view = worker.view();
    let (mut admitted, is_beyond) = census.admit(view.config.limits.connections);
    if !door.proxied
        && let Err(full) = admitted.count(peer.ip(), worker)
    {
        return refuse(&socket, full, worker);
    }
    if census.is_out_of_memory(view.config.limits.connections) {
        return refuse(&socket, "memory", worker);
    }
    // Last, so that nobody loses a place to somebody who may not have it.
    if is_beyond && !seat::make_room(worker) {
        return refuse(&socket, "all", worker);
    }
    // Answers must not wait for the acknowledgement of earlier ones.
    let _ = socket.set_nodelay(true);
    let its = worker.clone();
    seat::serve(worker, async move |seat| {
        let worker = its;
        let mut named = true;
        if door.proxied {
            match spoken_for::client(&mut socket, peer, &worker).await {
                Ok(Some(client)) => peer = client,
                Ok(None) => named = false,
                Err(why) => return worker.metrics.count(Event::ProxyHeaderRefused, None, why),
            }
            if let Err(full) = admitted.count(peer.ip(), &worker) {
                return refuse(&socket, full, &worker);
            }
        }
        match door.scheme {
            Scheme::Http => {
                let circuit = Circuit::plain(peer, named);
                http1::Connection::new(Stream::Plain(socket), circuit, worker, seat)
                    .serve()
                    .await;
            }
            Scheme::Https => serve_tls(socket, Circuit::plain(peer, named), worker, seat).await,
        }
        drop(admitted);
    });
}

/// Refuses a connection as cheaply as can be: a reset instead of a handshake.
fn refuse(socket: &TcpStream, limit: &'static str, worker: &Worker) {
    worker.metrics.count(Event::ConnectionRefused, None, limit);
    let _ = socket.set_zero_linger();
}

async fn serve_tls(socket: TcpStream, plain: Circuit, worker: Rc<Worker>, seat: Seat) {
    // What is over, and what the other protocol needs, is no part of an idle connection: all of a
    // task's states take the room of the largest.
    let Some((stream, circuit, http2)) = Box::pin(shake_hands(socket, plain, &worker)).await else {
        return;
    };
    if http2 {
        Box::pin(http2::serve(stream, circuit, worker, seat)).await;
    } else {
        http1::Connection::new(stream, circuit, worker, seat)
            .serve()
            .await;
    }
}

/// The TLS handshake; and whether HTTP/2 was agreed on. `None` if there was none, which is counted.
async fn shake_hands(
    socket: TcpStream,
    plain: Circuit,
    worker: &Rc<Worker>,
) -> Option<(Stream, Circuit, bool)> {
    let begun = Instant::now();
    let view = worker.view();
    let acceptor = TlsAcceptor::from(worker.tls());
    let failed = |why| worker.metrics.count(Event::HandshakeFailed, None, why);
    let local = || socket.local_addr().ok().map(|local| local.ip());
    let unnamed = view.certificates.address_name(local);
    let handshake = unnamed_is(unnamed.clone(), acceptor.accept(socket));
    let stream = match deadline::within(Instant::now() + view.timeouts().handshake, handshake).await
    {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            failed(failure_label(&error));
            return None;
        }
        Err(_) => {
            failed("timeout");
            return None;
        }
    };
    let session = stream.get_ref().1;
    let http2 = session.alpn_protocol() == Some(b"h2");
    let version = match session.protocol_version() {
        Some(ProtocolVersion::TLSv1_3) => "1.3",
        _ => "1.2",
    };
    let resumed = session.handshake_kind() == Some(HandshakeKind::Resumed);
    worker.metrics.handshake(version, resumed, begun.elapsed());
    let circuit = Circuit {
        scheme: Scheme::Https,
        tls: Some(version),
        server_name: session.server_name().map(Box::from).or(unnamed),
        ..plain
    };
    Some((Stream::Tls(Box::new(stream.into())), circuit, http2))
}

/// Why a handshake failed, in few words: what the peer did, or did not do.
fn failure_label(error: &std::io::Error) -> &'static str {
    let inner = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match inner {
        Some(rustls::Error::PeerIncompatible(_)) => "incompatible",
        Some(rustls::Error::PeerMisbehaved(_)) => "misbehaved",
        Some(rustls::Error::AlertReceived(_)) => "alert",
        Some(rustls::Error::InvalidMessage(_)) => "not-tls",
        Some(rustls::Error::NoApplicationProtocol) => "no-common-protocol",
        Some(_) => "other",
        None => "closed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_waits_is_taken_in_to_the_last() {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let listener = super::super::socket::bind(any, 1)
            .expect("a port")
            .remove(0);
        let listener = TcpListener::from_std(listener).expect("a listener");
        let address = listener.local_addr().expect("an address");
        let connect = |_| std::net::TcpStream::connect(address).expect("the kernel answers");
        let waiting: Vec<_> = (0..300).map(connect).collect();
        // So that the socket is known to be readable.
        let (first, _) = listener.accept().await.expect("a connection");
        let mut taken = vec![first];
        last(&listener, |socket, _| taken.push(socket)).await;
        assert_eq!(taken.len(), waiting.len());
    }
}
