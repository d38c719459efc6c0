//! Callers: connections to the gateway over HTTP/1.1 and HTTP/2 that tell how far an answer came.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use onetime_gateway::demo::world::World;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio_rustls::TlsConnector;

use crate::ask::Ask;
use crate::sending::Sending;

/// Nothing may take longer: the gateway's own limits are far below.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a caller got.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    /// A whole answer.
    Whole(Answer),
    /// An answer that broke off.
    Broken(Answer),
    /// None at all.
    Nothing(String),
}

/// An answer, as far as it came.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().expect("text"))
    }
}

/// The protocols that a caller may speak.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Speak {
    Http1,
    Http2,
}

pub(crate) const BOTH: [Speak; 2] = [Speak::Http1, Speak::Http2];

enum Sender {
    Http1(http1::SendRequest<Sending>),
    Http2(http2::SendRequest<Sending>),
}

type Sent = Result<Response<Incoming>, TrySendError<Request<Sending>>>;

/// Where callers of one protocol connect to.
pub(crate) struct Door {
    address: SocketAddr,
    tls: Arc<ClientConfig>,
    speak: Speak,
    /// The one connection that callers over HTTP/2 share.
    shared: Mutex<Option<http2::SendRequest<Sending>>>,
}

/// One caller; over HTTP/1.1 it has a connection of its own.
pub(crate) struct Caller {
    door: Arc<Door>,
    own: Option<http1::SendRequest<Sending>>,
}

impl Door {
    pub(crate) fn new(world: &World, speak: Speak) -> Arc<Self> {
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_file(&world.ca).expect("a CA"))
            .expect("a good CA");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        tls.alpn_protocols = match speak {
            Speak::Http1 => vec![b"http/1.1".to_vec()],
            Speak::Http2 => vec![b"h2".to_vec()],
        };
        Arc::new(Self {
            address: world.https(),
            tls: Arc::new(tls),
            speak,
            shared: Mutex::new(None),
        })
    }

    pub(crate) fn caller(self: &Arc<Self>) -> Caller {
        Caller {
            door: self.clone(),
            own: None,
        }
    }

    async fn connect(&self) -> TokioIo<tokio_rustls::client::TlsStream<TcpStream>> {
        let socket = TcpStream::connect(self.address)
            .await
            .expect("a connection");
        socket.set_nodelay(true).expect("no delay");
        let name = ServerName::try_from("onetimesecret.com").expect("a name");
        let tls = TlsConnector::from(self.tls.clone());
        TokioIo::new(tls.connect(name, socket).await.expect("a handshake"))
    }
}

impl Caller {
    /// Asks, and reads as much of the answer as comes.
    pub(crate) async fn ask(&mut self, ask: &Ask) -> Outcome {
        match tokio::time::timeout(PATIENCE, self.try_ask(ask)).await {
            Ok(outcome) => outcome,
            Err(_) => panic!("{}: no end within {PATIENCE:?}", ask.id),
        }
    }

    async fn try_ask(&mut self, ask: &Ask) -> Outcome {
        let mut request = self.request(ask);
        // A connection that the gateway has closed meanwhile gives the request back, unsent.
        for _ in 0..4 {
            let sent = match self.sender().await {
                Sender::Http1(mut sender) => {
                    let sent = sender.try_send_request(request).await;
                    self.own = Some(sender);
                    sent
                }
                Sender::Http2(mut sender) => sender.try_send_request(request).await,
            };
            request = match outcome(sent).await {
                Ok(outcome) => return outcome,
                Err(unsent) => unsent,
            };
        }
        panic!("{}: no connection took it", ask.id);
    }

    fn request(&self, ask: &Ask) -> Request<Sending> {
        let port = self.door.address.port();
        let mut request = Request::builder().method(ask.method.clone());
        request = match self.door.speak {
            Speak::Http1 => request
                .uri(&ask.target)
                .header("host", format!("{}:{port}", ask.host)),
            Speak::Http2 => request.uri(format!("https://{}:{port}{}", ask.host, ask.target)),
        };
        for (name, value) in &ask.headers {
            request = request.header(*name, value);
        }
        let is_sized = ask.is_sized || ask.body.is_empty();
        let body = Sending::new(ask.body.clone(), ask.piece, is_sized, ask.leaves_after);
        request.body(body).expect("a request")
    }

    async fn sender(&mut self) -> Sender {
        match self.door.speak {
            Speak::Http1 => {
                if let Some(mut sender) = self.own.take()
                    && sender.ready().await.is_ok()
                {
                    return Sender::Http1(sender);
                }
                let io = self.door.connect().await;
                let (sender, connection) = http1::handshake(io).await.expect("a handshake");
                tokio::spawn(connection);
                Sender::Http1(sender)
            }
            Speak::Http2 => {
                let mut shared = self.door.shared.lock().await;
                if let Some(sender) = shared.as_mut()
                    && sender.ready().await.is_ok()
                {
                    return Sender::Http2(sender.clone());
                }
                let io = self.door.connect().await;
                let shaken = http2::handshake(TokioExecutor::new(), io).await;
                let (sender, connection) = shaken.expect("a handshake");
                tokio::spawn(connection);
                *shared = Some(sender.clone());
                Sender::Http2(sender)
            }
        }
    }
}

/// What came of it, or the request if nothing of it was sent.
async fn outcome(sent: Sent) -> Result<Outcome, Request<Sending>> {
    let response = match sent {
        Ok(response) => response,
        Err(mut error) => {
            return match error.take_message() {
                Some(request) => Err(request),
                None => Ok(Outcome::Nothing(format!("{:?}", error.error()))),
            };
        }
    };
    let (parts, mut body) = response.into_parts();
    let mut answer = Answer {
        status: parts.status,
        headers: parts.headers,
        body: Vec::new(),
    };
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return Ok(Outcome::Broken(answer));
        };
        answer
            .body
            .extend_from_slice(frame.data_ref().map_or(&[], Bytes::as_ref));
    }
    Ok(Outcome::Whole(answer))
}
