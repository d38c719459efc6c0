//! The admin listeners: few connections, short patience, hyper's HTTP/1 server.

use std::convert::Infallible;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use super::pages::answer;
use super::{Control, Scope};

/// Connections at a time; a scraper needs one, a person a few.
const MOST: usize = 64;

/// A head must arrive within this.
const HEAD: Duration = Duration::from_secs(5);

/// No connection lives longer; scrapers connect again.
const LIFE: Duration = Duration::from_secs(300);

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
        let places = Arc::new(Semaphore::new(MOST));
        match self {
            Self::Tcp(listener) => {
                let listener = TcpListener::from_std(listener)?;
                loop {
                    match listener.accept().await {
                        Ok((socket, _)) => admit(socket, scope, false, &control, &places),
                        Err(_) => sleep(Duration::from_millis(50)).await,
                    }
                }
            }
            Self::Unix(listener) => {
                let listener = UnixListener::from_std(listener)?;
                loop {
                    match listener.accept().await {
                        Ok((socket, _)) => admit(socket, scope, true, &control, &places),
                        Err(_) => sleep(Duration::from_millis(50)).await,
                    }
                }
            }
        }
    }
}

fn admit<S>(
    socket: S,
    scope: Scope,
    local: bool,
    control: &Arc<dyn Control>,
    places: &Arc<Semaphore>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    // Beyond the limit the connection is closed by dropping it.
    let Ok(place) = places.clone().try_acquire_owned() else {
        return;
    };
    let control = control.clone();
    tokio::spawn(async move {
        let service = service_fn(move |request| {
            let response = answer(&request, scope, local, &*control);
            async move { Ok::<_, Infallible>(response) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD)
            .max_buf_size(16 * 1024)
            .serve_connection(TokioIo::new(socket), service);
        // How a connection to this side ends is its peer's affair.
        let _ = timeout(LIFE, connection).await;
        drop(place);
    });
}
