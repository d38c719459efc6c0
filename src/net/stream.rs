//! One stream type for both sides: TCP, with or without TLS.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsStream;

/// A connected byte stream.
pub enum Stream {
    /// Without TLS.
    Plain(TcpStream),
    /// With TLS, either side of it. Boxed: a session is large and a connection is moved about.
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    /// The socket underneath.
    #[must_use]
    pub fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(socket) => socket,
            Self::Tls(tls) => tls.get_ref().0,
        }
    }

    /// Whether the peer has, as far as the last poll of the socket knows, closed or sent something
    /// unasked. Costs no system call while the socket is quiet. What TLS itself sends late (session
    /// tickets) is taken in and does not count.
    pub fn is_disturbed(&mut self, context: &mut Context<'_>) -> bool {
        if self.socket().poll_read_ready(context).is_pending() {
            return false;
        }
        let mut byte = [0_u8; 1];
        Pin::new(self)
            .poll_read(context, &mut ReadBuf::new(&mut byte))
            .is_ready()
    }

    /// Whether something has come from the peer, or its end, as far as the last poll of the socket
    /// knows. Costs no system call.
    pub fn is_stirred(&self, context: &mut Context<'_>) -> bool {
        self.socket().poll_read_ready(context).is_ready()
    }

    /// Whether TLS holds bytes that it has not written to the socket.
    #[must_use]
    pub fn holds_unsent(&self) -> bool {
        match self {
            Self::Plain(_) => false,
            Self::Tls(tls) => tls.get_ref().1.wants_write(),
        }
    }

    /// Writes what TLS holds; `Ready` once that is nothing. Adds to `moved` the bytes that the
    /// socket took, which a plain flush does not tell.
    ///
    /// # Errors
    /// What the socket says.
    pub fn poll_flush_counted(
        &mut self,
        context: &mut Context<'_>,
        moved: &mut usize,
    ) -> Poll<io::Result<()>> {
        let Self::Tls(tls) = self else {
            return Poll::Ready(Ok(()));
        };
        while tls.get_ref().1.wants_write() {
            let written = match tls.as_mut() {
                TlsStream::Client(tls) => {
                    let (socket, session) = tls.get_mut();
                    session.write_tls(&mut Sink { socket, context })
                }
                TlsStream::Server(tls) => {
                    let (socket, session) = tls.get_mut();
                    session.write_tls(&mut Sink { socket, context })
                }
            };
            match written {
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Ok(count) => *moved += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Poll::Pending,
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Has TLS 1.3 send something that no application sees (KeyUpdate, RFC 8446 section 4.6.3): a
    /// peer that has closed its socket answers it with a reset, one that still reads does not. It
    /// goes out with the next flush. `false` if there is no such thing on this stream.
    pub fn touch(&mut self) -> bool {
        match self {
            Self::Plain(_) => false,
            Self::Tls(tls) => match tls.as_mut() {
                TlsStream::Client(tls) => tls.get_mut().1.refresh_traffic_keys().is_ok(),
                TlsStream::Server(tls) => tls.get_mut().1.refresh_traffic_keys().is_ok(),
            },
        }
    }

    /// Whether TLS has decrypted bytes that have not been read. The socket may be silent then: what lies
    /// here would be the answer to what is asked next.
    pub fn holds_plaintext(&mut self) -> bool {
        let Self::Tls(tls) = self else {
            return false;
        };
        let TlsStream::Client(tls) = tls.as_mut() else {
            return true;
        };
        tls.get_mut()
            .1
            .process_new_packets()
            .map_or(true, |state| state.plaintext_bytes_to_read() > 0)
    }

    /// Closes with a reset instead of a regular end, so that the peer cannot mistake what was sent
    /// for a complete message.
    pub fn reset(self) {
        // The socket is closed on drop either way; without linger the kernel sends RST.
        let _ = self.socket().set_zero_linger();
    }
}

/// A socket as TLS writes to it.
struct Sink<'s, 'c, 'w> {
    socket: &'s mut TcpStream,
    context: &'c mut Context<'w>,
}

impl io::Write for Sink<'_, '_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match Pin::new(&mut *self.socket).poll_write(self.context, bytes) {
            Poll::Ready(written) => written,
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_read(context, buffer),
            Self::Tls(tls) => Pin::new(tls.as_mut()).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_write(context, bytes),
            Self::Tls(tls) => Pin::new(tls.as_mut()).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_flush(context),
            Self::Tls(tls) => Pin::new(tls.as_mut()).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_shutdown(context),
            Self::Tls(tls) => Pin::new(tls.as_mut()).poll_shutdown(context),
        }
    }
}
