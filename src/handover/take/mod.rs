//! The new process's side of a hand-over: takes the old one's sockets, and tells it when they are
//! served. Blocking: there is nothing else to do meanwhile.

use std::io::{self, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::sockopt::socket_peercred;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use rustix::process::{Pid, test_kill_process};
use thiserror::Error;

use super::passed::{Listening, Passed};
use super::{END, END_HELD, HELLO, MINE, READY, SOCKET, YOURS};

/// The old one answers each step within this: all it has to do is at hand. Longer than it waits for
/// another that came first and does not say what it wants.
const PATIENCE: Duration = Duration::from_secs(10);

/// A process that ends has done so within this after its connections are closed.
const ENDING: Duration = Duration::from_secs(2);

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
    /// It goes on serving.
    #[error("the running process goes on: it waited too long for this one")]
    GoesOn,
    /// It does not answer.
    #[error("the running process has not answered within {} s: is another taking over?", PATIENCE.as_secs())]
    Busy,
    /// The connection with it.
    #[error("the connection with the running process failed: {0}")]
    Io(io::Error),
}

impl TakeError {
    /// Whether the other end has closed the connection.
    fn is_end(&self) -> bool {
        use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
        let ends = [BrokenPipe, ConnectionReset, UnexpectedEof];
        matches!(self, Self::Io(error) if ends.contains(&error.kind()))
    }
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

/// A hand-over of all sockets that has begun: the old process goes on until [`Takeover::ready`], and for
/// ever if this is dropped before.
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
    let stream = match UnixStream::connect(path) {
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
    take_from(stream)
}

/// The connection with the process that started this one, which is standard input. That descriptor stays
/// open as well: the other end sees an end only when this process ends.
///
/// # Errors
/// If it is none.
pub fn parent() -> io::Result<UnixStream> {
    let stream = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    // What is no socket says so.
    stream.peer_addr()?;
    Ok(stream)
}

/// Asks the other end for its sockets; `None` if its process ended before it gave them all.
///
/// # Errors
/// [`TakeError`]: the old process goes on.
pub fn take_from(mut stream: UnixStream) -> Result<Option<(Takeover, Passed)>, TakeError> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let peer = socket_peercred(&stream).map_err(io::Error::from)?;
    let own = rustix::process::geteuid();
    if peer.uid != own {
        return Err(TakeError::Stranger(peer.uid.as_raw(), own.as_raw()));
    }
    match receive_all(&mut stream) {
        Ok(passed) => {
            let pid = peer.pid.as_raw_nonzero().get();
            Ok(Some((Takeover { stream, pid }, passed)))
        }
        // Its sockets ended with it: they can be bound anew.
        Err(error) if error.is_end() && has_ended(peer.pid) => Ok(None),
        Err(error) => Err(error),
    }
}

fn receive_all(stream: &mut UnixStream) -> Result<Passed, TakeError> {
    stream.write_all(HELLO)?;
    let mut passed = Passed::default();
    loop {
        match receive(stream)? {
            Received::Socket(socket) => passed.push(Listening::from_fd(socket)?),
            Received::End { held } => {
                passed.held = held;
                return Ok(passed);
            }
        }
    }
}

/// Whether a process ends that has closed a connection: that comes first, and what remains of it takes a
/// moment.
fn has_ended(pid: Pid) -> bool {
    let due = Instant::now() + ENDING;
    loop {
        // What nobody has waited for yet still has a number (proc_pid_stat(5)).
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let state = stat.rsplit_once(')').map(|(_, rest)| rest.trim_start());
        let is_zombie = state.is_some_and(|state| state.starts_with(['Z', 'X']));
        if is_zombie || test_kill_process(pid) == Err(Errno::SRCH) {
            return true;
        }
        if Instant::now() > due {
            return false;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

impl Takeover {
    /// Tells the old process that its sockets are served here, and returns when it has stopped
    /// accepting. Whatever became of it, the service goes on: one that has ended, or that does not
    /// answer, is not waited for.
    ///
    /// # Errors
    /// The old process says that it goes on: this one must let go.
    pub fn ready(mut self) -> Result<(), TakeError> {
        // What it said before it ended can still be read.
        let written = self.stream.write_all(READY);
        let mut said = [0; YOURS.len()];
        let read = self.stream.read_exact(&mut said);
        let pid = self.pid;
        match read.map_err(TakeError::from) {
            Ok(()) if said == *YOURS => Ok(()),
            Ok(()) if said == *MINE => Err(TakeError::GoesOn),
            Ok(()) => Err(TakeError::Version),
            Err(TakeError::Busy) if written.is_ok() => {
                tracing::warn!(
                    pid,
                    "the old process does not answer: both may accept connections"
                );
                // It lets go when it comes to read, if it finds somebody there.
                std::mem::forget(self.stream);
                Ok(())
            }
            Err(error) => {
                tracing::warn!(pid, %error, "the old process has ended without a word: serving in its place");
                Ok(())
            }
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
