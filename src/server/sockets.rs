//! Every socket that the process listens on: handed on where it comes that way, bound otherwise.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use super::workers::Sockets;
use super::{Addresses, StartError};
use crate::admin::Scope;
use crate::admin::door::{Door, unix_listener};
use crate::config::server::{Admin, Server};
use crate::handover::passed::{Listening, Passed, spread};
use crate::handover::take::{TakeError, Takeover, take, take_from};
use crate::listen::socket;
use crate::net::family;
use crate::snapshot::files::{Facts, facts};

/// Where listening sockets come from, other than being bound.
#[derive(Debug, Default)]
pub struct Heritage {
    /// From a supervisor.
    pub passed: Passed,
    /// From the process that this one replaces.
    pub take_over: TakeOver,
}

/// Whether a running process is asked for its sockets.
#[derive(Debug, Default)]
pub enum TakeOver {
    /// It is not.
    #[default]
    No,
    /// At the path that the configuration names.
    Configured,
    /// At this path.
    At(PathBuf),
    /// Through this connection, with the process that started this one.
    From(UnixStream),
}

impl Heritage {
    /// Asks the running process, if that is wanted and there is one.
    pub(super) fn collect(self, server: &Server) -> Result<(Option<Takeover>, Passed), TakeError> {
        let mut passed = self.passed;
        let taken = match self.take_over {
            TakeOver::No => return Ok((None, passed)),
            TakeOver::Configured => take(server.handover.as_ref().ok_or(TakeError::Nowhere)?)?,
            TakeOver::At(path) => take(&path)?,
            TakeOver::From(stream) => take_from(stream)?,
        };
        let Some((takeover, theirs)) = taken else {
            tracing::info!("there is nobody to take over from");
            return Ok((None, passed));
        };
        tracing::info!(
            pid = takeover.pid,
            sockets = theirs.len(),
            "taking over the listening sockets of the running process"
        );
        passed.append(theirs);
        Ok((Some(takeover), passed))
    }
}

/// What a next process may ask for.
pub(super) struct Offer {
    /// At `server.handover`, if that is set. Whom this process starts itself needs none.
    pub(super) listener: Option<UnixListener>,
    /// One descriptor of every listening socket.
    pub(super) sockets: Vec<Listening>,
    /// Whether a supervisor has them as well.
    pub(super) held: bool,
}

/// Every listening socket, with whom it goes to.
pub(super) struct Opened {
    pub(super) workers: Vec<Sockets>,
    pub(super) doors: Vec<(Door, Scope)>,
    pub(super) offer: Offer,
    pub(super) addresses: Addresses,
    pub(super) files: Vec<SocketFile>,
}

/// The file of a Unix socket, as it was when this process began to listen there.
pub(super) struct SocketFile {
    path: PathBuf,
    facts: Option<[i64; 5]>,
}

/// All but the time of change: somebody may have given the file another owner or mode.
fn lasting(facts: Facts) -> Option<[i64; 5]> {
    facts.map(|[device, inode, length, seconds, nanoseconds, ..]| {
        [device, inode, length, seconds, nanoseconds]
    })
}

impl SocketFile {
    fn of(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            facts: lasting(facts(path)),
        }
    }

    /// Removes it, if it is still the same: another process may listen there by now.
    pub(super) fn remove(&self) {
        if self.facts.is_some() && lasting(facts(&self.path)) == self.facts {
            // What cannot be removed is replaced by the next start.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Opens all that the configuration names. A socket that was passed and that it does not name is
/// closed here, which ends it if no other process holds it. A wildcard of an address family that this
/// machine does not have is left out, if another listener of its kind is left.
pub(super) fn open(server: &Server, threads: usize, passed: Passed) -> Result<Opened, StartError> {
    open_by(server, threads, passed, &socket::bind)
}

/// Binds sockets to an address.
type Bind<'a> = &'a dyn Fn(SocketAddr, usize) -> io::Result<Vec<TcpListener>>;

fn open_by(
    server: &Server,
    threads: usize,
    mut passed: Passed,
    bind: Bind<'_>,
) -> Result<Opened, StartError> {
    let held = passed.held;
    let mut opened = Opened {
        workers: (0..threads).map(|_| Sockets::default()).collect(),
        doors: Vec::new(),
        offer: Offer {
            listener: None,
            sockets: Vec::new(),
            held,
        },
        addresses: Addresses::default(),
        files: Vec::new(),
    };
    let mut all = Vec::new();
    for listener in listeners(&server.https, threads, "https", &mut passed, &mut all, bind)? {
        opened.addresses.https.push(listener.at);
        let proxied = server.proxy_protocol.contains(&listener.named);
        for (worker, share) in opened.workers.iter_mut().zip(listener.shares) {
            worker
                .https
                .extend(share.into_iter().map(|one| (one, proxied)));
        }
    }
    for listener in listeners(&server.http, threads, "http", &mut passed, &mut all, bind)? {
        opened.addresses.http.push(listener.at);
        let proxied = server.proxy_protocol.contains(&listener.named);
        for (worker, share) in opened.workers.iter_mut().zip(listener.shares) {
            worker
                .http
                .extend(share.into_iter().map(|one| (one, proxied)));
        }
    }
    let door = match &server.admin {
        Admin::Loopback(address) => tcp_door(*address, "admin", &mut passed, &mut all)?,
        Admin::Unix(path) => {
            let door = Door::Unix(unix(path, "admin", &mut passed, &mut all)?);
            opened.files.push(SocketFile::of(path));
            opened.addresses.admin_socket = Some(path.clone());
            door
        }
    };
    opened.addresses.admin = address_of(&door);
    opened.doors.push((door, Scope::Admin));
    if let Some(address) = server.metrics {
        let door = tcp_door(address, "metrics", &mut passed, &mut all)?;
        opened.addresses.metrics = address_of(&door);
        opened.doors.push((door, Scope::Metrics));
    }
    if let Some(path) = &server.handover {
        opened.offer.listener = Some(unix(path, "handover", &mut passed, &mut all)?);
        opened.files.push(SocketFile::of(path));
    }
    opened.offer.sockets = all;
    for place in passed.places() {
        tracing::warn!("{place} was passed, but the configuration has no such listener: closed");
    }
    Ok(opened)
}

/// A public address.
struct Listener {
    /// In the configuration.
    named: SocketAddr,
    /// Where it is bound.
    at: SocketAddr,
    /// Each worker's share of its sockets.
    shares: Vec<Vec<TcpListener>>,
}

/// All public addresses of one kind.
fn listeners(
    addresses: &[SocketAddr],
    threads: usize,
    what: &'static str,
    passed: &mut Passed,
    all: &mut Vec<Listening>,
    bind: Bind<'_>,
) -> Result<Vec<Listener>, StartError> {
    let mut opened = Vec::with_capacity(addresses.len());
    let mut skipped = None;
    for address in addresses {
        match listener(*address, threads, passed, all, bind) {
            Ok(listener) => opened.push(listener),
            Err(error) if address.ip().is_unspecified() && family::is_absent(*address, &error) => {
                skipped.get_or_insert((*address, error));
            }
            Err(error) => return Err(fault(address.to_string(), what)(error)),
        }
    }
    match skipped {
        Some((address, error)) if opened.is_empty() => Err(fault(address.to_string(), what)(error)),
        Some((address, error)) => {
            let family = family::name(address);
            tracing::warn!(%error, "no listener {address} ({what}): this machine has no {family}");
            Ok(opened)
        }
        None => Ok(opened),
    }
}

fn listener(
    address: SocketAddr,
    threads: usize,
    passed: &mut Passed,
    all: &mut Vec<Listening>,
    bind: Bind<'_>,
) -> io::Result<Listener> {
    let passed = passed.tcp(address);
    let sockets = if passed.is_empty() {
        bind(address, threads)?
    } else {
        passed
    };
    for socket in &sockets {
        all.push(Listening::Tcp(socket.try_clone()?));
    }
    let at = sockets
        .first()
        .map_or(Ok(address), TcpListener::local_addr)?;
    Ok(Listener {
        named: address,
        at,
        shares: spread(sockets, threads)?,
    })
}

fn tcp_door(
    address: SocketAddr,
    what: &'static str,
    passed: &mut Passed,
    all: &mut Vec<Listening>,
) -> Result<Door, StartError> {
    let mut open = || {
        let listener = match passed.tcp(address).pop() {
            Some(listener) => listener,
            None => TcpListener::bind(address)?,
        };
        listener.set_nonblocking(true)?;
        all.push(Listening::Tcp(listener.try_clone()?));
        Ok(Door::Tcp(listener))
    };
    open().map_err(fault(address.to_string(), what))
}

fn unix(
    path: &PathBuf,
    what: &'static str,
    passed: &mut Passed,
    all: &mut Vec<Listening>,
) -> Result<UnixListener, StartError> {
    let mut open = || {
        let listener = match passed.unix(path) {
            Some(listener) => listener,
            None => unix_listener(path)?,
        };
        all.push(Listening::Unix(listener.try_clone()?));
        Ok(listener)
    };
    open().map_err(fault(path.display().to_string(), what))
}

fn fault(address: String, what: &'static str) -> impl FnOnce(io::Error) -> StartError {
    move |error| StartError::Listen {
        address,
        what,
        error,
    }
}

fn address_of(door: &Door) -> Option<SocketAddr> {
    match door {
        Door::Tcp(listener) => listener.local_addr().ok(),
        Door::Unix(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::io::Errno;

    /// A machine with IPv4 alone.
    fn without_v6(address: SocketAddr, count: usize) -> io::Result<Vec<TcpListener>> {
        if address.is_ipv6() {
            return Err(Errno::AFNOSUPPORT.into());
        }
        socket::bind(address, count)
    }

    fn opened(https: &[&str], http: &[&str], bind: Bind<'_>) -> Result<Opened, StartError> {
        let all = |texts: &[&str]| {
            texts
                .iter()
                .map(|text| text.parse().expect("one"))
                .collect()
        };
        let server = Server {
            https: all(https),
            http: all(http),
            admin: Admin::Loopback(SocketAddr::from(([127, 0, 0, 1], 0))),
            ..Server::default()
        };
        open_by(&server, 2, Passed::default(), bind)
    }

    #[test]
    fn a_wildcard_of_an_absent_family_is_left_out() {
        let both = ["[::]:0", "0.0.0.0:0"];
        for error in [Errno::AFNOSUPPORT, Errno::ADDRNOTAVAIL] {
            let bind = |address: SocketAddr, count| match without_v6(address, count) {
                Err(_) => Err(error.into()),
                bound => bound,
            };
            let opened = opened(&both, &both, &bind).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(
                (opened.addresses.https.len(), opened.addresses.http.len()),
                (1, 1)
            );
            assert!(opened.addresses.https.iter().all(SocketAddr::is_ipv4));
            for worker in opened.workers {
                assert_eq!((worker.https.len(), worker.http.len()), (1, 1));
            }
        }
    }

    #[test]
    fn a_listener_that_is_needed_still_stops_the_start() {
        let both = ["[::]:0", "0.0.0.0:0"];
        let busy: Bind<'_> = &|_, _| Err(Errno::ADDRINUSE.into());
        for (https, http, bind) in [
            // None is left.
            (&both[..1], &both[..], &without_v6 as Bind<'_>),
            (&both, &both[..1], &without_v6),
            // Somebody asked for this very address.
            (&["0.0.0.0:0", "[::1]:0"], &[], &without_v6),
            // It is another fault.
            (&both, &[], busy),
        ] {
            let error = opened(https, http, bind).err().expect("refused");
            assert!(matches!(error, StartError::Listen { .. }), "{error}");
        }
    }
}
