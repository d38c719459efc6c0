//! The demo's own HTTP/1.1 server side: strict where it reads, able to break every rule where it
//! writes, which no server library lets a test double do.

pub(super) mod answer;
pub(super) mod body;
pub(super) mod head;
pub(super) mod socket;

use std::io;
use std::rc::Rc;
use std::time::Duration;

use bytes::BytesMut;

use self::answer::{Answer, Body, Plan};
use self::body::Received;
use self::head::{Head, Malformed};
use self::socket::Socket;

/// The longest request head.
const LONGEST_HEAD: usize = 64 * 1024;

/// How often a connection that is not read is looked at for its client's having closed it.
const GLANCE: Duration = Duration::from_millis(20);

/// One client's connection, request after request.
pub(super) struct Connection {
    socket: Rc<Socket>,
    /// Read, but not yet used.
    buffer: BytesMut,
}

/// What came instead of a request.
pub(super) enum Ended {
    /// The client closed between requests or within one, or the socket broke.
    Gone,
    /// The client sent what is no request; it deserves a 400.
    Malformed(Malformed),
}

impl From<io::Error> for Ended {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

impl From<Malformed> for Ended {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

impl Connection {
    pub(super) fn new(socket: Rc<Socket>) -> Self {
        Self {
            socket,
            buffer: BytesMut::new(),
        }
    }

    /// The socket, for faults that HTTP has no words for.
    pub(super) fn socket(&self) -> &Socket {
        &self.socket
    }

    /// Waits until something of the next request is there, or the client has closed.
    pub(super) async fn arrival(&self) -> io::Result<()> {
        match self.buffer.is_empty() {
            true => self.socket.arrival().await,
            false => Ok(()),
        }
    }

    /// Reads nothing more until the client has closed.
    pub(super) async fn ignore(&self) {
        while !self.socket.is_left().await {
            tokio::time::sleep(GLANCE).await;
        }
    }

    /// The next request's head.
    pub(super) async fn head(&mut self) -> Result<Head, Ended> {
        loop {
            if let Some(head) = Head::take(&mut self.buffer)? {
                return Ok(head);
            }
            if self.buffer.len() > LONGEST_HEAD {
                return Err(Malformed("the head is too long").into());
            }
            if self.socket.read(&mut self.buffer).await? == 0 {
                return Err(Ended::Gone);
            }
        }
    }

    /// The body that follows `head`, answering `Expect: 100-continue` first.
    pub(super) async fn body(&mut self, head: &Head) -> Result<Received, Ended> {
        if head.expects_continue() && self.buffer.is_empty() {
            self.socket
                .write_all(b"HTTP/1.1 100 Continue\r\n\r\n")
                .await?;
        }
        body::receive(&self.socket, &mut self.buffer, head).await
    }

    /// Waits until something of the body has come.
    pub(super) async fn begin_body(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            self.socket.read(&mut self.buffer).await?;
        }
        Ok(())
    }

    /// Sends an answer as it should be.
    pub(super) async fn answer(&self, answer: &Answer, plan: &Plan<'_>) -> io::Result<()> {
        let mut bytes = answer.head(plan);
        if plan.bodiless(answer.status) {
            return self.socket.write_all(&bytes).await;
        }
        match &answer.body {
            Body::Full(body) => {
                bytes.extend_from_slice(body);
                self.socket.write_all(&bytes).await
            }
            Body::Pattern { length, chunked } => {
                self.socket.write_all(&bytes).await?;
                answer::send_pattern(&self.socket, *length, *chunked).await
            }
            Body::Trailered { body, trailer } => {
                bytes.extend_from_slice(&answer::chunk(body));
                let (name, value) = trailer;
                bytes.extend_from_slice(format!("0\r\n{name}: {value}\r\n\r\n").as_bytes());
                self.socket.write_all(&bytes).await
            }
        }
    }

    /// Waits until the client has closed, reading and dropping whatever it still sends.
    pub(super) async fn outlast(&mut self) {
        loop {
            self.buffer.clear();
            if !matches!(self.socket.read(&mut self.buffer).await, Ok(read) if read > 0) {
                return;
            }
        }
    }
}
