//! A TLS client that sends exactly the bytes it is given, in the pieces it is given.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use socket2::{Domain, Socket, Type};

use super::reader::{self, Message, Read, Side};
use super::{PATIENCE, shown};

/// How a client reaches the gateway.
#[derive(Clone)]
pub(crate) struct Door {
    pub(crate) address: SocketAddr,
    /// The address that its clients have.
    source: Ipv4Addr,
    tls: Arc<ClientConfig>,
    tls_h2: Arc<ClientConfig>,
    tls12: Arc<ClientConfig>,
}

impl Door {
    /// Another address, spoken to in the same way.
    pub(crate) fn elsewhere(&self, address: SocketAddr) -> Self {
        Self {
            address,
            ..self.clone()
        }
    }

    /// The same gateway, for clients at this address of the machine.
    pub(crate) fn from(&self, source: [u8; 4]) -> Self {
        Self {
            source: source.into(),
            ..self.clone()
        }
    }

    /// The door at `address` behind `certificate`.
    pub(crate) fn new(address: SocketAddr, certificate: CertificateDer<'static>) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(certificate).expect("a certificate");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let with = |versions: &[&'static rustls::SupportedProtocolVersion]| {
            ClientConfig::builder_with_provider(provider.clone())
                .with_protocol_versions(versions)
                .expect("versions")
                .with_root_certificates(roots.clone())
                .with_no_client_auth()
        };
        let mut tls = with(rustls::DEFAULT_VERSIONS);
        let mut tls12 = with(&[&rustls::version::TLS12]);
        tls12.alpn_protocols = vec![b"http/1.1".to_vec()];
        let mut tls_h2 = tls.clone();
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        tls_h2.alpn_protocols = vec![b"h2".to_vec()];
        Self {
            address,
            source: Ipv4Addr::LOCALHOST,
            tls: Arc::new(tls),
            tls_h2: Arc::new(tls_h2),
            tls12: Arc::new(tls12),
        }
    }

    /// How a client of another make would speak HTTP/2.
    pub(crate) const fn tls_h2(&self) -> &Arc<ClientConfig> {
        &self.tls_h2
    }

    /// A new connection that speaks HTTP/1.1.
    pub(crate) fn open(&self) -> Client {
        self.connect(&self.tls, b"")
    }

    /// The same over TLS 1.2.
    pub(crate) fn open_tls12(&self) -> Client {
        self.connect(&self.tls12, b"")
    }

    /// The same, with these bytes before everything else.
    pub(crate) fn open_behind(&self, first: &[u8]) -> Client {
        self.connect(&self.tls, first)
    }

    /// A new connection that speaks HTTP/2.
    pub(crate) fn open_h2(&self) -> Client {
        self.connect(&self.tls_h2, b"")
    }

    fn socket(&self) -> std::io::Result<TcpStream> {
        if self.source == Ipv4Addr::LOCALHOST {
            return TcpStream::connect(self.address);
        }
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.bind(&SocketAddr::from((self.source, 0)).into())?;
        socket.connect(&self.address.into())?;
        Ok(socket.into())
    }

    fn connect(&self, tls: &Arc<ClientConfig>, first: &[u8]) -> Client {
        let mut socket = loop {
            match self.socket() {
                // It may be refused before the call is back.
                Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
                connected => break connected.expect("the gateway listens"),
            }
        };
        socket.set_nodelay(true).expect("an option");
        socket.set_read_timeout(Some(PATIENCE)).expect("an option");
        socket.set_write_timeout(Some(PATIENCE)).expect("an option");
        socket.write_all(first).expect("room in the socket");
        let name = ServerName::try_from("eu.test").expect("a name");
        let session = ClientConnection::new(tls.clone(), name).expect("a session");
        Client {
            stream: StreamOwned::new(session, socket),
            unread: Vec::new(),
            end: None,
        }
    }
}

/// How the gateway ended a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum End {
    /// It said that no more comes (TLS close_notify).
    Clean,
    /// It just stopped: what came is to be taken for cut.
    Broken,
}

/// A connection to the gateway.
pub(crate) struct Client {
    stream: StreamOwned<ClientConnection, TcpStream>,
    unread: Vec<u8>,
    end: Option<End>,
}

impl Client {
    /// Sends `bytes` in one record. The gateway may have hung up already: that is no error here.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        let _ = self
            .stream
            .write_all(bytes)
            .and_then(|()| self.stream.flush());
    }

    /// Sends each byte in a record of its own.
    pub(crate) fn dribble(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.send(std::slice::from_ref(byte));
        }
    }

    /// Says that no more comes.
    pub(crate) fn say_goodbye(&mut self) {
        self.stream.conn.send_close_notify();
        let _ = self.stream.flush();
    }

    /// Says that no more comes, and reads on.
    pub(crate) fn half_close(&mut self) {
        self.say_goodbye();
        let _ = self.stream.sock.shutdown(std::net::Shutdown::Write);
    }

    /// Reads some more bytes; `false` at the end.
    pub(crate) fn fill(&mut self) -> bool {
        let mut block = [0_u8; 16384];
        let end = match self.stream.read(&mut block) {
            Ok(0) => End::Clean,
            Ok(count) => {
                self.unread.extend_from_slice(&block[..count]);
                return true;
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                panic!("the gateway is silent; unread: {}", shown(&self.unread))
            }
            Err(_) => End::Broken,
        };
        self.end = Some(end);
        false
    }

    /// The next `count` bytes, `None` if the connection ends before.
    pub(crate) fn take(&mut self, count: usize) -> Option<Vec<u8>> {
        while self.unread.len() < count {
            if !self.fill() {
                return None;
            }
        }
        Some(self.unread.drain(..count).collect())
    }

    /// The next answer, informational ones included; `to_head` where it answers a HEAD.
    pub(crate) fn answer(&mut self, to_head: bool) -> Result<Message, String> {
        loop {
            match reader::read(&self.unread, Side::Answer(to_head)) {
                Read::Whole(message, taken) => {
                    self.unread.drain(..taken);
                    return Ok(message);
                }
                Read::Wrong(wrong) => return Err(wrong),
                Read::UntilClose(message) if self.end == Some(End::Clean) => {
                    self.unread.clear();
                    return Ok(message);
                }
                Read::More | Read::UntilClose(..) => {
                    if self.end.is_some() || !self.fill() && self.end == Some(End::Broken) {
                        return Err(format!("{:?} after {}", self.end, shown(&self.unread)));
                    }
                }
            }
        }
    }

    /// The next answer that is not informational, to a request that is no HEAD.
    pub(crate) fn final_answer(&mut self) -> Result<Message, String> {
        loop {
            let answer = self.answer(false)?;
            if answer.status() >= 200 {
                return Ok(answer);
            }
        }
    }

    /// The bytes that have been read already.
    pub(crate) fn at_hand(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.unread)
    }

    /// All answers up to the end of the connection; none of them to a HEAD.
    pub(crate) fn answers(&mut self) -> Result<Vec<Message>, String> {
        let mut all = Vec::new();
        loop {
            if self.unread.is_empty() && (self.end.is_some() || !self.fill()) {
                return Ok(all);
            }
            all.push(self.answer(false)?);
        }
    }

    /// All that comes until the connection ends, and how it ended.
    pub(crate) fn rest(&mut self) -> (Vec<u8>, End) {
        while self.end.is_none() && self.fill() {}
        (
            std::mem::take(&mut self.unread),
            self.end.unwrap_or(End::Broken),
        )
    }
}
