//! The new process's side of a hand-over: takes the old one's sockets, and tells it when they are
//! served. Blocking: there is nothing else to do meanwhile.

use std::io::{self, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use rustix::net::sockopt::socket_peercred;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use thiserror::Error;

use super::passed::{Listening, Passed};
use super::{END, END_HELD, HELLO, READY, SOCKET, YOURS};

/// The old one answers each step within this: all it has to do is at hand. Longer than it waits for
/// another that came first and does not say what it wants.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why nothing was taken over.
#[derive(Debug, Error)]
pub enum TakeError {
    /// No path to ask at.
    #[error("nothing says where to take over from: set server.handover, or name the socket")]
    Nowhere,
    /// The other process is not ours.
    #[error("the process that listens there runs as user {0}, this one as user {1}")]
    Stranger(u32, u32),
    /// It does not speak this protocol.
    #[error("the process that listens there speaks another version of the hand-over")]
    Version,
    /// It does not answer.
    #[error("the running process has not answered within {} s: is another taking over?", PATIENCE.as_secs())]
    Busy,
    /// The connection with it.
    #[error("the connection with the running process failed: {0}")]
    Io(io::Error),
}

impl From<io::Error> for TakeError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            // What a time-out of a blocking socket looks like.
            io::ErrorKind::WouldBlock => Self::Busy,
            _ => Self::Io(error),
        }
    }
}

/// A hand-over that has begun: the old process goes on until [`Takeover::ready`], and for ever if
/// this is dropped before.
#[derive(Debug)]
pub struct Takeover {
    stream: UnixStream,
    /// The old process.
    pub pid: i32,
}

/// Asks whoever listens on `path` for its sockets; `None` if nobody does, or all that is there is
/// what an earlier process left behind.
///
/// # Errors
/// [`TakeError`]: the old process goes on.
pub fn take(path: &Path) -> Result<Option<(Takeover, Passed)>, TakeError> {
    let mut stream = match UnixStream::connect(path) {
        Ok(stream) => stream,
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
            ) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    };
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let peer = socket_peercred(&stream).map_err(io::Error::from)?;
    let own = rustix::process::geteuid();
    if peer.uid != own {
        return Err(TakeError::Stranger(peer.uid.as_raw(), own.as_raw()));
    }
    stream.write_all(HELLO)?;
    let mut passed = Passed::default();
    loop {
        match receive(&stream)? {
            Received::Socket(socket) => passed.push(Listening::from_fd(socket)?),
            Received::End { held } => {
                passed.held = held;
                break;
            }
        }
    }
    let pid = peer.pid.as_raw_nonzero().get();
    Ok(Some((Takeover { stream, pid }, passed)))
}

impl Takeover {
    /// Tells the old process that its sockets are served here, and returns when it has stopped
    /// accepting.
    ///
    /// # Errors
    /// The old process has not let go: this one must.
    pub fn ready(mut self) -> Result<(), TakeError> {
        self.stream.write_all(READY)?;
        let mut yours = [0; YOURS.len()];
        self.stream.read_exact(&mut yours)?;
        if yours == *YOURS {
            Ok(())
        } else {
            Err(TakeError::Version)
        }
    }
}

enum Received {
    Socket(OwnedFd),
    End { held: bool },
}

/// One byte, and what comes with it.
fn receive(stream: &UnixStream) -> Result<Received, TakeError> {
    let mut byte = [0];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::CMSG_CLOEXEC;
    let got = recvmsg(
        stream,
        &mut [IoSliceMut::new(&mut byte)],
        &mut control,
        flags,
    )
    .map_err(io::Error::from)?;
    let descriptor = control.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut all) => all.next(),
        _ => None,
    });
    match (got.bytes, byte, descriptor) {
        (0, _, _) => Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
        (_, [SOCKET], Some(descriptor)) => Ok(Received::Socket(descriptor)),
        (_, [END], None) => Ok(Received::End { held: false }),
        (_, [END_HELD], None) => Ok(Received::End { held: true }),
        _ => Err(TakeError::Version),
    }
}

#[cfg(test)]
mod tests;
