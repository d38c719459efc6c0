//! A world to ask, and a client to ask it with.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use onetime_gateway::demo::world::{World, WorldOptions};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// A world on free ports.
pub(crate) fn world() -> World {
    world_with("")
}

/// The same, with more TOML in the gateway's configuration.
pub(crate) fn world_with(more: &str) -> World {
    let options = WorldOptions {
        more: more.to_owned(),
        ..WorldOptions::ephemeral()
    };
    World::start(options).expect("a world")
}

/// How many requests a region's endpoints have received, health checks aside.
pub(crate) fn received(world: &World, region: &str) -> usize {
    let of = |number| world.regions.seen(region, number).expect("an endpoint");
    [1, 2]
        .into_iter()
        .flat_map(of)
        .filter(|seen| !seen.probe())
        .count()
}

/// The protocols that a client may speak.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Speak {
    Http1,
    Http2,
}

pub(crate) const BOTH: [Speak; 2] = [Speak::Http1, Speak::Http2];

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) trailers: Option<HeaderMap>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().expect("text"))
    }

    /// Region and reason.
    pub(crate) fn landed(&self) -> (&str, &str) {
        (self.header("o-region"), self.header("o-region-reason"))
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {:?}", self.body))
    }
}

enum Sender {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

/// One connection to a gateway.
pub(crate) struct Client {
    sender: Sender,
    host: String,
    port: u16,
}

/// TLS that trusts a world's authority.
pub(crate) fn tls(world: &World, protocol: Speak) -> Arc<ClientConfig> {
    let authority = CertificateDer::from_pem_file(&world.ca).expect("a CA");
    tls_of(protocol, &authority)
}

/// TLS that trusts this certificate.
pub(crate) fn tls_of(protocol: Speak, trusted: &CertificateDer<'static>) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).expect("a good CA");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = match protocol {
        Speak::Http1 => vec![b"http/1.1".to_vec()],
        Speak::Http2 => vec![b"h2".to_vec()],
    };
    Arc::new(config)
}

/// A TLS stream to a world's gateway.
pub(crate) async fn connect(
    address: SocketAddr,
    config: Arc<ClientConfig>,
    host: &str,
) -> std::io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let socket = TcpStream::connect(address).await?;
    let name = ServerName::try_from(host.to_owned()).expect("a name");
    TlsConnector::from(config).connect(name, socket).await
}

impl Client {
    pub(crate) async fn open(world: &World, protocol: Speak, host: &str) -> Self {
        Self::try_open(world.https(), tls(world, protocol), protocol, host)
            .await
            .expect("a connection")
    }

    pub(crate) async fn try_open(
        address: SocketAddr,
        config: Arc<ClientConfig>,
        protocol: Speak,
        host: &str,
    ) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let stream = TokioIo::new(connect(address, config, host).await?);
        let sender = match protocol {
            Speak::Http1 => {
                let (sender, connection) = http1::handshake(stream).await?;
                tokio::spawn(connection);
                Sender::Http1(sender)
            }
            Speak::Http2 => {
                let (sender, connection) = http2::handshake(TokioExecutor::new(), stream).await?;
                tokio::spawn(connection);
                Sender::Http2(sender)
            }
        };
        Ok(Self {
            sender,
            host: host.to_owned(),
            port: address.port(),
        })
    }

    /// One more handle on the same connection, for requests at the same time; `None` for HTTP/1.1.
    pub(crate) fn twin(&self) -> Option<Self> {
        let Sender::Http2(sender) = &self.sender else {
            return None;
        };
        Some(Self {
            sender: Sender::Http2(sender.clone()),
            host: self.host.clone(),
            port: self.port,
        })
    }

    /// Names another host from now on, on the same connection.
    pub(crate) fn call_itself(&mut self, host: &str) {
        self.host = host.to_owned();
    }

    /// Asks, and reads the whole answer.
    pub(crate) async fn ask(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        self.try_ask(method, path, headers, body)
            .await
            .expect("an answer")
    }

    pub(crate) async fn get(&mut self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.ask(Method::GET, path, headers, "").await
    }

    pub(crate) async fn try_ask(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<Answer, hyper::Error> {
        let (host, port) = (&self.host, self.port);
        let mut request = Request::builder().method(method);
        request = match self.sender {
            Sender::Http1(_) => request.uri(path).header("host", format!("{host}:{port}")),
            Sender::Http2(_) => request.uri(format!("https://{host}:{port}{path}")),
        };
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request
            .body(Full::from(body.to_owned()))
            .expect("a request");
        let response = match &mut self.sender {
            Sender::Http1(sender) => {
                sender.ready().await?;
                sender.send_request(request).await?
            }
            Sender::Http2(sender) => {
                sender.ready().await?;
                sender.send_request(request).await?
            }
        };
        let (parts, body) = response.into_parts();
        let collected = body.collect().await?;
        let trailers = collected.trailers().cloned();
        Ok(Answer {
            status: parts.status,
            headers: parts.headers,
            body: collected.to_bytes(),
            trailers,
        })
    }
}
