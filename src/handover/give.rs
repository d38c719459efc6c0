//! The old process's side of a hand-over: gives its sockets to a new process of the same user, and
//! waits until that one serves. Whatever goes wrong before that changes nothing here.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::passed::Listening;
use super::{END, END_HELD, HELLO, MINE, READY, SOCKET, YOURS};

/// Within this a new process must say what it wants.
const GREETING: Duration = Duration::from_secs(5);

/// Within this it must serve: it has loaded its configuration before it comes.
const STARTING: Duration = Duration::from_secs(30);

/// Why nothing was handed over.
#[derive(Debug, Error)]
pub enum GiveError {
    /// Somebody only knocked.
    #[error("it asked for nothing")]
    Nothing,
    /// It is not ours.
    #[error("it runs as user {0}, this one as user {1}")]
    Stranger(u32, u32),
    /// It does not speak this protocol.
    #[error("it speaks another version of the hand-over")]
    Version,
    /// It did not come to serve.
    #[error("it took the sockets but did not come to serve: {0}")]
    NotReady(io::Error),
    /// The connection with it.
    #[error("the connection with it failed: {0}")]
    Io(#[from] io::Error),
}

/// Gives the sockets (`held`: a supervisor has them as well), waits for the other to serve, and tells
/// it that it is alone from now on, or that this process goes on. After `Ok` this process must accept no
/// more. Returns the other's process number, as the connection tells it.
///
/// # Errors
/// [`GiveError`]: nothing was given up.
pub async fn give(
    mut stream: UnixStream,
    sockets: &[Listening],
    held: bool,
) -> Result<i32, GiveError> {
    let peer = stream.peer_cred()?;
    let own = rustix::process::geteuid().as_raw();
    if peer.uid() != own {
        return Err(GiveError::Stranger(peer.uid(), own));
    }
    let mut hello = [0; HELLO.len()];
    match timeout(GREETING, stream.read_exact(&mut hello)).await {
        Ok(Ok(_)) if hello == *HELLO => {}
        Ok(Ok(_)) => return Err(GiveError::Version),
        Ok(Err(_)) | Err(_) => return Err(GiveError::Nothing),
    }
    let sending = async {
        for socket in sockets {
            send(&stream, socket.as_fd()).await?;
        }
        Ok::<_, io::Error>(())
    };
    timeout(GREETING, sending)
        .await
        .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    stream
        .write_all(&[if held { END_HELD } else { END }])
        .await?;
    if let Err(error) = let_go(&mut stream).await {
        // It serves if it believes that this process has ended.
        let _ = stream.write_all(MINE).await;
        return Err(error);
    }
    Ok(peer.pid().unwrap_or_default())
}

/// Waits until the other serves, and says that the sockets are its own.
async fn let_go(stream: &mut UnixStream) -> Result<(), GiveError> {
    let mut ready = [0; READY.len()];
    timeout(STARTING, stream.read_exact(&mut ready))
        .await
        .map_err(|_| GiveError::NotReady(io::ErrorKind::TimedOut.into()))?
        .map_err(GiveError::NotReady)?;
    if ready != *READY {
        return Err(GiveError::Version);
    }
    // It may have ended meanwhile.
    stream.write_all(YOURS).await?;
    Ok(())
}

/// One byte, and one descriptor with it.
async fn send(stream: &UnixStream, descriptor: BorrowedFd<'_>) -> io::Result<()> {
    stream
        .async_io(Interest::WRITABLE, || {
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
            let mut control = SendAncillaryBuffer::new(&mut space);
            let descriptors = [descriptor];
            if !control.push(SendAncillaryMessage::ScmRights(&descriptors)) {
                return Err(io::ErrorKind::InvalidInput.into());
            }
            let byte = [IoSlice::new(&[SOCKET])];
            sendmsg(stream, &byte, &mut control, SendFlags::NOSIGNAL)?;
            Ok(())
        })
        .await
}
