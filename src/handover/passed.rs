//! Listening sockets that came from elsewhere, until the configuration says what each is for.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::path::Path;

use socket2::{Socket, Type};

/// One listening socket.
#[derive(Debug)]
pub enum Listening {
    /// TCP.
    Tcp(TcpListener),
    /// A Unix stream socket.
    Unix(UnixListener),
}

impl Listening {
    /// Takes a descriptor for what it is, and makes it non-blocking.
    ///
    /// # Errors
    /// What the system says; `InvalidInput` if it is no listening stream socket.
    pub fn from_fd(descriptor: OwnedFd) -> io::Result<Self> {
        let socket = Socket::from(descriptor);
        if socket.r#type()? != Type::STREAM || !socket.is_listener()? {
            let what = "this is not a listening stream socket";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
        }
        socket.set_nonblocking(true)?;
        Ok(if socket.local_addr()?.as_socket().is_some() {
            Self::Tcp(socket.into())
        } else {
            Self::Unix(socket.into())
        })
    }

    /// Another descriptor of the same socket.
    ///
    /// # Errors
    /// What the system says.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(match self {
            Self::Tcp(listener) => Self::Tcp(listener.try_clone()?),
            Self::Unix(listener) => Self::Unix(listener.try_clone()?),
        })
    }

    /// Where it listens, for people.
    #[must_use]
    pub fn place(&self) -> String {
        match self {
            Self::Tcp(listener) => listener
                .local_addr()
                .map_or_else(|_| "?".to_owned(), |address| address.to_string()),
            Self::Unix(listener) => listener
                .local_addr()
                .ok()
                .and_then(|address| address.as_pathname().map(|path| path.display().to_string()))
                .unwrap_or_else(|| "a Unix socket without a path".to_owned()),
        }
    }

    fn is_at(&self, wanted: SocketAddr) -> bool {
        matches!(self, Self::Tcp(listener)
            if listener.local_addr().is_ok_and(|address| address == wanted))
    }

    fn is_at_path(&self, wanted: &Path) -> bool {
        matches!(self, Self::Unix(listener)
            if listener.local_addr().is_ok_and(|address| address.as_pathname() == Some(wanted)))
    }
}

impl AsFd for Listening {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(listener) => listener.as_fd(),
            Self::Unix(listener) => listener.as_fd(),
        }
    }
}

/// Listening sockets from elsewhere. What is still in here when it is dropped is closed.
#[derive(Debug, Default)]
pub struct Passed {
    sockets: Vec<Listening>,
    /// Whether a supervisor has them as well, so that they stay open when this process ends.
    pub held: bool,
}

impl Passed {
    /// Adds all of another's.
    pub fn append(&mut self, mut other: Self) {
        self.sockets.append(&mut other.sockets);
        self.held |= other.held;
    }

    /// Adds one.
    pub fn push(&mut self, socket: Listening) {
        self.sockets.push(socket);
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sockets.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sockets.is_empty()
    }

    /// Takes out every socket that listens on exactly this address.
    pub fn tcp(&mut self, wanted: SocketAddr) -> Vec<TcpListener> {
        self.sockets
            .extract_if(.., |socket| socket.is_at(wanted))
            .filter_map(|socket| match socket {
                Listening::Tcp(listener) => Some(listener),
                Listening::Unix(_) => None,
            })
            .collect()
    }

    /// Takes out the socket that listens on this path.
    pub fn unix(&mut self, wanted: &Path) -> Option<UnixListener> {
        let at = self
            .sockets
            .iter()
            .position(|socket| socket.is_at_path(wanted))?;
        match self.sockets.swap_remove(at) {
            Listening::Unix(listener) => Some(listener),
            Listening::Tcp(_) => None,
        }
    }

    /// Where those listen that nobody has taken out.
    #[must_use]
    pub fn places(&self) -> Vec<String> {
        self.sockets.iter().map(Listening::place).collect()
    }
}

/// Shares sockets of one address out to so many workers. Every socket goes to at least one worker,
/// for what waits in a socket that nobody accepts from waits for ever; and every worker gets at least
/// one, where there are fewer sockets than workers another descriptor of one.
///
/// # Errors
/// If a descriptor cannot be made.
pub fn spread(sockets: Vec<TcpListener>, workers: usize) -> io::Result<Vec<Vec<TcpListener>>> {
    let mut shares: Vec<Vec<TcpListener>> = (0..workers).map(|_| Vec::new()).collect();
    let count = sockets.len();
    if count == 0 {
        return Ok(shares);
    }
    for (worker, share) in shares.iter_mut().enumerate().skip(count) {
        if let Some(socket) = sockets.get(worker % count) {
            share.push(socket.try_clone()?);
        }
    }
    for (number, socket) in sockets.into_iter().enumerate() {
        if let Some(share) = number
            .checked_rem(workers)
            .and_then(|at| shares.get_mut(at))
        {
            share.push(socket);
        }
    }
    Ok(shares)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn listener() -> TcpListener {
        TcpListener::bind("127.0.0.1:0").expect("a port")
    }

    fn ports(share: &[TcpListener]) -> Vec<u16> {
        let port = |listener: &TcpListener| listener.local_addr().expect("an address").port();
        share.iter().map(port).collect()
    }

    #[test]
    fn every_socket_is_served_and_no_worker_is_idle() {
        for count in 1..6 {
            for workers in 1..6 {
                let sockets: Vec<_> = (0..count).map(|_| listener()).collect();
                let all: BTreeSet<_> = ports(&sockets).into_iter().collect();
                let shares = spread(sockets, workers).expect("descriptors");
                assert_eq!(shares.len(), workers);
                assert!(shares.iter().all(|share| !share.is_empty()));
                let served: Vec<_> = shares.iter().flat_map(|share| ports(share)).collect();
                assert_eq!(served.iter().copied().collect::<BTreeSet<_>>(), all);
                // No more descriptors than needed: none is shared unless workers outnumber sockets.
                assert_eq!(served.len(), count.max(workers));
            }
        }
        assert!(
            spread(Vec::new(), 2)
                .expect("nothing")
                .iter()
                .all(Vec::is_empty)
        );
    }

    #[test]
    fn sockets_are_found_by_where_they_listen() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("a.sock");
        let (one, other) = (listener(), listener());
        let address = one.local_addr().expect("an address");
        let mut passed = Passed::default();
        for socket in [
            Listening::from_fd(one.try_clone().expect("a descriptor").into()),
            Listening::from_fd(OwnedFd::from(UnixListener::bind(&path).expect("bound"))),
            Listening::from_fd(other.into()),
            Listening::from_fd(one.into()),
        ] {
            passed.push(socket.expect("it listens"));
        }
        assert_eq!(passed.tcp(address).len(), 2);
        assert_eq!(passed.tcp(address).len(), 0);
        assert!(passed.unix(Path::new("/nowhere")).is_none());
        assert!(passed.unix(&path).is_some());
        assert_eq!(passed.len(), 1);
        assert!(passed.places()[0].starts_with("127.0.0.1:"));
    }

    #[test]
    fn what_does_not_listen_is_no_listener() {
        let listener = listener();
        let address = listener.local_addr().expect("an address");
        let stream = std::net::TcpStream::connect(address).expect("a connection");
        let refused = Listening::from_fd(stream.into()).expect_err("a connection");
        assert_eq!(refused.kind(), io::ErrorKind::InvalidInput);
        let datagram = std::net::UdpSocket::bind("127.0.0.1:0").expect("bound");
        assert!(Listening::from_fd(datagram.into()).is_err());
    }
}
