//! The admin listeners: few connections, short patience, hyper's HTTP/1 server.

use std::hash::RandomState;
use std::net::IpAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};

use super::pages::{answer, is_reload};
use super::{Control, Scope};
use crate::limit::block::Prefixes;
use crate::limit::connections::ConnectionRules;
use crate::limit::crowd::{Crowd, Standing};

/// Connections at a time; a scraper needs one, a person a few.
const MOST: usize = 64;

/// File descriptors kept for each listener.
const KEPT: usize = 4;

/// The pause after a failure to accept.
const LOOK: Duration = Duration::from_millis(50);

/// A head must arrive within this.
const HEAD: Duration = Duration::from_secs(5);

/// No connection lives longer, nor is one used twice; scrapers connect again.
const LIFE: Duration = Duration::from_secs(30);

/// Connections of one address, and of its network: one slow reader does not keep the probes out. The
/// machine's own have all places.
const RULES: ConnectionRules = ConnectionRules {
    client: Prefixes { v4: 32, v6: 64 },
    per_client: MOST / 4,
    network: Prefixes { v4: 24, v6: 48 },
    per_network: MOST / 2,
};

/// A listening socket of the admin side.
pub enum Door {
    /// TCP.
    Tcp(std::net::TcpListener),
    /// A Unix socket, reachable by the owner of the process alone.
    Unix(std::os::unix::net::UnixListener),
}

/// Binds a Unix socket that only the owner of the process reaches, in place of one that an earlier
/// process left behind.
///
/// # Errors
/// What the system says; a socket that somebody still listens on is `AddrInUse`.
pub fn unix_listener(path: &PathBuf) -> std::io::Result<std::os::unix::net::UnixListener> {
    if std::os::unix::net::UnixStream::connect(path).is_ok() {
        return Err(std::io::ErrorKind::AddrInUse.into());
    }
    // Only a socket is ever removed.
    if std::fs::symlink_metadata(path)
        .is_ok_and(|meta| std::os::unix::fs::FileTypeExt::is_socket(&meta.file_type()))
    {
        std::fs::remove_file(path)?;
    }
    let listener = std::os::unix::net::UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

impl Door {
    /// Serves until dropped.
    ///
    /// # Errors
    /// If the socket cannot be used with the runtime.
    pub async fn serve(self, scope: Scope, control: Arc<dyn Control>) -> std::io::Result<()> {
        let places = Arc::new(Places {
            all: Arc::new(Semaphore::new(MOST)),
            by_address: Crowd::new(RandomState::new()),
        });
        let mut reserve = Reserve::default();
        match self {
            Self::Tcp(listener) => {
                let listener = TcpListener::from_std(listener)?;
                loop {
                    reserve.fill(&listener);
                    match listener.accept().await {
                        Ok((socket, peer)) => {
                            admit(socket, scope, Some(peer.ip()), &control, &places);
                        }
                        Err(_) if reserve.open() => {}
                        Err(_) => sleep(LOOK).await,
                    }
                }
            }
            Self::Unix(listener) => {
                let listener = UnixListener::from_std(listener)?;
                loop {
                    reserve.fill(&listener);
                    match listener.accept().await {
                        Ok((socket, _)) => {
                            admit(socket, scope, None, &control, &places);
                        }
                        Err(_) if reserve.open() => {}
                        Err(_) => sleep(LOOK).await,
                    }
                }
            }
        }
    }
}

/// File descriptors that are kept for this listener, so that an operator can see that the process has
/// run out of them: one for a connection, and some for what its answer reads.
#[derive(Default)]
struct Reserve(Vec<OwnedFd>);

impl Reserve {
    /// Takes what is missing, as far as there is any.
    fn fill(&mut self, any: &impl AsFd) {
        while self.0.len() < KEPT
            && let Ok(one) = any.as_fd().try_clone_to_owned()
        {
            self.0.push(one);
        }
    }

    /// Gives all of them back to the process. Returns whether there were any.
    fn open(&mut self) -> bool {
        !std::mem::take(&mut self.0).is_empty()
    }
}

/// Connections that are open.
struct Places {
    all: Arc<Semaphore>,
    by_address: Crowd,
}

/// A connection that is open, until it is dropped.
struct Place {
    places: Arc<Places>,
    standing: Option<Standing>,
    _one: OwnedSemaphorePermit,
}

impl Place {
    /// `None` if there is no room.
    fn take(places: &Arc<Places>, peer: Option<IpAddr>) -> Option<Self> {
        let one = places.all.clone().try_acquire_owned().ok()?;
        let stranger = peer.filter(|address| !address.to_canonical().is_loopback());
        let standing = match stranger {
            Some(address) => Some(places.by_address.enter(address, &RULES).ok()?),
            None => None,
        };
        Some(Self {
            places: places.clone(),
            standing,
            _one: one,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(standing) = self.standing.take() {
            self.places.by_address.leave(standing);
        }
    }
}

/// Serves a connection of `peer`; `None` is a Unix socket's.
fn admit<S>(
    socket: S,
    scope: Scope,
    peer: Option<IpAddr>,
    control: &Arc<dyn Control>,
    places: &Arc<Places>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    // Beyond the limit the connection is closed by dropping it.
    let Some(place) = Place::take(places, peer) else {
        return;
    };
    let local = peer.is_none();
    let control = control.clone();
    tokio::spawn(async move {
        let service = service_fn(move |request| {
            let control = control.clone();
            // A reload reads files, and may wait for one to be complete.
            let blocks = is_reload(&request);
            async move {
                if !blocks {
                    return Ok(answer(&request, scope, local, &*control));
                }
                spawn_blocking(move || answer(&request, scope, local, &*control)).await
            }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .keep_alive(false)
            .header_read_timeout(HEAD)
            .max_buf_size(16 * 1024)
            .serve_connection(TokioIo::new(socket), service);
        // How a connection to this side ends is its peer's affair.
        let _ = timeout(LIFE, connection).await;
        drop(place);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_cannot_keep_the_probes_out() {
        let places = Arc::new(Places {
            all: Arc::new(Semaphore::new(MOST)),
            by_address: Crowd::new(RandomState::new()),
        });
        let take = |address: &str| Place::take(&places, Some(address.parse().expect("an address")));
        let slow: Vec<_> = std::iter::from_fn(|| take("192.0.2.1")).collect();
        assert_eq!(slow.len(), RULES.per_client);
        let neighbours: Vec<_> = (2..=255)
            .filter_map(|last| take(&format!("192.0.2.{last}")))
            .collect();
        assert_eq!(slow.len() + neighbours.len(), RULES.per_network);
        assert!(take("198.51.100.1").is_some() && Place::take(&places, None).is_some());
        let own: Vec<_> = std::iter::from_fn(|| take("::ffff:127.0.0.1")).collect();
        assert_eq!(own.len(), MOST - RULES.per_network);
        drop(slow);
        assert!(take("192.0.2.1").is_some());
    }
}
