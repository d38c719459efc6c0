//! A client's socket that someone else may take away: shutting an endpoint down resets every
//! connection at once, whatever its task is waiting for.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io::{self, Read};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

/// How much is asked for in one read.
const CHUNK: usize = 8 * 1024;

/// A stream, until it is taken away. It is borrowed within a poll only, never across one.
pub(in crate::demo) struct Socket(RefCell<Option<TcpStream>>);

impl Socket {
    pub(in crate::demo) fn new(stream: TcpStream) -> Self {
        Self(RefCell::new(Some(stream)))
    }

    /// Appends what has come to `buffer`: how many bytes, 0 at the end.
    pub(in crate::demo) async fn read(&self, buffer: &mut BytesMut) -> io::Result<usize> {
        poll_fn(|cx| {
            let mut slot = self.0.borrow_mut();
            let Some(stream) = slot.as_mut() else {
                return Poll::Ready(Err(taken()));
            };
            let start = buffer.len();
            buffer.resize(start + CHUNK, 0);
            let mut target = ReadBuf::new(buffer.get_mut(start..).unwrap_or_default());
            let polled = Pin::new(stream).poll_read(cx, &mut target);
            let read = target.filled().len();
            buffer.truncate(start + read);
            polled.map_ok(|()| read)
        })
        .await
    }

    /// Waits until there is something to read, or an end or an error, and reads nothing of it.
    pub(in crate::demo) async fn arrival(&self) -> io::Result<()> {
        poll_fn(|cx| match self.0.borrow().as_ref() {
            // That a socket is ready is a guess: one that has just been accepted counts as ready.
            Some(stream) => stream
                .poll_peek(cx, &mut ReadBuf::new(&mut [0]))
                .map_ok(drop),
            None => Poll::Ready(Err(taken())),
        })
        .await
    }

    /// Whether the client has closed, behind whatever lies unread before that.
    pub(in crate::demo) async fn is_left(&self) -> bool {
        poll_fn(|cx| {
            let slot = self.0.borrow();
            let Some(stream) = slot.as_ref() else {
                return Poll::Ready(true);
            };
            let ready = pin!(stream.ready(Interest::READABLE)).poll(cx);
            Poll::Ready(match ready {
                Poll::Ready(Ok(ready)) => ready.is_read_closed(),
                Poll::Ready(Err(_)) => true,
                Poll::Pending => false,
            })
        })
        .await
    }

    /// Sends all of it.
    pub(in crate::demo) async fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let written = poll_fn(|cx| match self.0.borrow_mut().as_mut() {
                Some(stream) => Pin::new(stream).poll_write(cx, bytes),
                None => Poll::Ready(Err(taken())),
            })
            .await?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            bytes.advance(written);
        }
        Ok(())
    }

    /// Closes this direction only: the client reads the end, and may go on writing.
    pub(in crate::demo) async fn close_write(&self) -> io::Result<()> {
        poll_fn(|cx| match self.0.borrow_mut().as_mut() {
            Some(stream) => Pin::new(stream).poll_shutdown(cx),
            None => Poll::Ready(Err(taken())),
        })
        .await
    }

    /// Resets the connection: the client reads an error, not an end. Nothing if it is gone.
    pub(in crate::demo) fn reset(&self) {
        if let Some(stream) = self.0.borrow_mut().take() {
            // A socket that refuses the option is closed all the same.
            let _ = stream.set_zero_linger();
        }
    }

    /// The same; what lies there unread goes to `unread` first.
    pub(in crate::demo) fn reset_reading(&self, unread: &mut Vec<u8>) {
        let stream = self.0.borrow_mut().take();
        if let Some(stream) = stream.and_then(|stream| stream.into_std().ok()) {
            reset_reading(&stream, unread);
        }
    }
}

/// Resets a connection when it is dropped; what lies there unread goes to `unread` first.
pub(in crate::demo) fn reset_reading(mut stream: &std::net::TcpStream, unread: &mut Vec<u8>) {
    if stream.set_nonblocking(true).is_ok() {
        // That there is no more to read is an error, which comes after all that there was.
        let _ = stream.read_to_end(unread);
    }
    // A socket that refuses the option is closed all the same.
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
}

fn taken() -> io::Error {
    io::ErrorKind::ConnectionAborted.into()
}
