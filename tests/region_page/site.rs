//! A gateway in this process, and a client that says what it is told to say.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, Version};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use onetime_gateway::reload::Source;
use onetime_gateway::server::Gateway;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

pub(crate) const HOST: &str = "onetimesecret.com";
pub(crate) const PAGE: &str = "text/html,application/xhtml+xml,*/*;q=0.8";
pub(crate) const FORM: &str = "application/x-www-form-urlencoded";

/// A gateway for `eu` and `us`, and what is needed to speak with it.
pub(crate) struct Site {
    pub(crate) gateway: Gateway,
    address: SocketAddr,
    certificate: CertificateDer<'static>,
    _directory: tempfile::TempDir,
}

impl Site {
    pub(crate) fn start(more: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let names = [HOST, "eu.onetimesecret.com"].map(str::to_owned);
        let made = rcgen::generate_simple_self_signed(names).expect("a certificate");
        let write = |name: &str, text: String| {
            std::fs::write(directory.path().join(name), text).expect("a file");
        };
        write("chain.pem", made.cert.pem());
        write("key.pem", made.signing_key.serialize_pem());
        let text = format!(
            r#"
            [server]
            https = ["127.0.0.1:0"]
            http = []
            admin = "127.0.0.1:0"
            threads = 1
            trusted_proxies = ["127.0.0.0/8"]
            [[tls.certificates]]
            chain = "chain.pem"
            key = "key.pem"
            [hosts]
            "{HOST}" = "auto"
            "eu.onetimesecret.com" = "eu"
            [regions.eu]
            host = "eu.onetimesecret.com"
            endpoints = ["http://127.0.0.1:1"]
            health = false
            [regions.us]
            host = "us.onetimesecret.com"
            jurisdiction = "US"
            endpoints = ["http://127.0.0.1:2"]
            health = false
            [geo]
            no_country = "eu"
            default = "us"
            {more}
            "#
        );
        let gateway = Gateway::start(Source::Text {
            label: "test".to_owned(),
            directory: directory.path().to_path_buf(),
            text,
        })
        .expect("a gateway");
        Self {
            address: gateway.addresses().https[0],
            certificate: made.cert.der().clone(),
            gateway,
            _directory: directory,
        }
    }

    pub(crate) async fn connect(&self, protocol: &[u8]) -> TlsStream<tokio::net::TcpStream> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).expect("a root");
        let mut config = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![protocol.to_vec()];
        let socket = tokio::net::TcpStream::connect(self.address)
            .await
            .expect("a connection");
        TlsConnector::from(Arc::new(config))
            .connect(ServerName::try_from(HOST).expect("a name"), socket)
            .await
            .expect("a handshake")
    }

    pub(crate) async fn send<B>(&self, version: Version, request: Request<B>) -> Heard
    where
        B: Body<Data = Bytes, Error = Infallible> + Send + Unpin + 'static,
    {
        let response = if version == Version::HTTP_2 {
            let stream = TokioIo::new(self.connect(b"h2").await);
            let (mut sender, connection) = http2::handshake(TokioExecutor::new(), stream)
                .await
                .expect("a handshake");
            tokio::spawn(connection);
            sender.send_request(request).await
        } else {
            let stream = TokioIo::new(self.connect(b"http/1.1").await);
            let (mut sender, connection) = http1::handshake(stream).await.expect("a handshake");
            tokio::spawn(connection);
            sender.send_request(request).await
        };
        Heard::read(response.expect("an answer")).await
    }

    pub(crate) async fn ask(&self, ask: &Ask<'_>) -> Heard {
        let mut request = Request::builder().method(ask.method).version(ask.version);
        request = if ask.version == Version::HTTP_2 {
            request.uri(format!("https://{}{}", ask.host, ask.target))
        } else {
            request.uri(ask.target).header("Host", ask.host)
        };
        for (name, value) in ask.fields {
            request = request.header(*name, *value);
        }
        let body = Full::new(Bytes::copy_from_slice(ask.body.as_bytes()));
        self.send(ask.version, request.body(body).expect("a request"))
            .await
    }

    /// What the page's own form sends.
    pub(crate) async fn post(&self, body: &str, fields: &[(&str, &str)]) -> Heard {
        let mut all = vec![
            ("Content-Type", FORM),
            ("Sec-Fetch-Site", "same-origin"),
            ("Accept", PAGE),
        ];
        all.extend_from_slice(fields);
        self.ask(&Ask {
            method: "POST",
            fields: &all,
            body,
            ..Ask::default()
        })
        .await
    }
}

#[derive(Clone, Copy)]
pub(crate) struct Ask<'a> {
    pub(crate) method: &'a str,
    pub(crate) version: Version,
    pub(crate) host: &'a str,
    pub(crate) target: &'a str,
    pub(crate) fields: &'a [(&'a str, &'a str)],
    pub(crate) body: &'a str,
}

impl Default for Ask<'_> {
    fn default() -> Self {
        Self {
            method: "GET",
            version: Version::HTTP_11,
            host: HOST,
            target: "/region",
            fields: &[],
            body: "",
        }
    }
}

pub(crate) struct Heard {
    pub(crate) status: u16,
    pub(crate) head: http::response::Parts,
    pub(crate) body: String,
}

impl Heard {
    pub(crate) async fn read(response: Response<hyper::body::Incoming>) -> Self {
        let (head, body) = response.into_parts();
        let body = body.collect().await.expect("a whole body").to_bytes();
        Self {
            status: head.status.as_u16(),
            body: String::from_utf8(body.to_vec()).expect("text"),
            head,
        }
    }

    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.head
            .headers
            .get(name)
            .map(|value| value.to_str().expect("text"))
    }

    pub(crate) fn cookies(&self) -> Vec<&str> {
        let values = self.head.headers.get_all("set-cookie").iter();
        values.map(|value| value.to_str().expect("text")).collect()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        assert_eq!(
            self.field("content-type"),
            Some("application/json; charset=utf-8")
        );
        serde_json::from_str(&self.body).expect("JSON")
    }
}
