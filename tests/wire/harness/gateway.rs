//! The gateway's binary, regions behind it that record, and what a region must never be sent.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tempfile::TempDir;

use super::client::Door;
use super::origin::Origin;
use super::process::{Launch, Process};
use super::reader::Message;

/// A gateway and its regions.
pub(crate) struct World {
    pub(crate) door: Door,
    // Ends first: the regions' ports may be others' at once.
    pub(crate) gateway: Process,
    pub(crate) eu: Origin,
    pub(crate) us: Origin,
    /// Speaks TLS.
    pub(crate) tls: Origin,
    // Bound, but nobody listens: connections to it are refused.
    _dead: socket2::Socket,
    _files: TempDir,
}

impl World {
    /// Everything at its default.
    pub(crate) fn new() -> Self {
        Self::with("")
    }

    /// With more sections of configuration.
    pub(crate) fn with(more: &str) -> Self {
        Self::launched("", more, &Launch::default())
    }

    /// With more keys of `[server]`.
    pub(crate) fn with_server(keys: &str) -> Self {
        Self::launched(keys, "", &Launch::default())
    }

    /// With a listener without TLS, and where it is.
    pub(crate) fn with_plain_http() -> (Self, SocketAddr) {
        let world = Self::with_server("http = [\"127.0.0.1:0\"]");
        let address = world.gateway.http.expect("it listens there too");
        (world, address)
    }

    /// The same, started in another way.
    pub(crate) fn launched(server: &str, more: &str, launch: &Launch) -> Self {
        let files = TempDir::new().expect("a directory");
        let names = [
            "eu.test",
            "us.test",
            "tls.test",
            "dead.test",
            "onetime.test",
            "alias.test",
        ]
        .map(str::to_owned);
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(names).expect("a certificate");
        let write = |name: &str, text: String| {
            std::fs::write(files.path().join(name), text).expect("a file");
        };
        write("chain.pem", cert.pem());
        write("key.pem", signing_key.serialize_pem());
        let (eu, us) = (Origin::start(None), Origin::start(None));
        let tls = Origin::start(Some(server_tls(&cert, &signing_key)));
        let (dead, dead_address) = dead_end();
        let http = if server.contains("http =") {
            ""
        } else {
            "http = []"
        };
        let threads = if server.contains("threads =") {
            ""
        } else {
            "threads = 1"
        };
        let mut text = format!(
            r#"
            [server]
            https = ["127.0.0.1:0"]
            admin = "127.0.0.1:0"
            {threads}
            drain = "0s"
            {http}
            {server}
            [[tls.certificates]]
            chain = "chain.pem"
            key = "key.pem"
            [hosts]
            "onetime.test" = "auto"
            "eu.test" = "eu"
            "us.test" = "us"
            "tls.test" = "tls"
            "dead.test" = "dead"
            "alias.test" = {{ region = "eu", kind = "alias" }}
            [geo]
            no_country = "eu"
            default = "us"
            {more}
            "#
        );
        for (region, endpoint, more) in [
            ("eu", format!("http://{}", eu.address), ""),
            ("us", format!("http://{}", us.address), ""),
            (
                "tls",
                format!("https://{}", tls.address),
                "ca = \"chain.pem\"",
            ),
            ("dead", format!("http://{dead_address}"), ""),
        ] {
            let _ = write!(
                text,
                "\n[regions.{region}]\nhost = \"{region}.test\"\n\
                 endpoints = [\"{endpoint}\"]\nhealth = false\n{more}\n",
            );
        }
        write("gateway.toml", text);
        let gateway = Process::start(&files.path().join("gateway.toml"), launch);
        Self {
            door: Door::new(gateway.https, cert.der().clone()),
            eu,
            us,
            tls,
            gateway,
            _dead: dead,
            _files: files,
        }
    }

    /// Whether a metric has this line.
    pub(crate) fn says(&self, line: &str) -> bool {
        let metrics = self.gateway.admin("/metrics");
        metrics.lines().any(|metric| metric == line)
    }

    /// A counter's sum over its labels.
    pub(crate) fn sum(&self, counter: &str) -> u64 {
        let metrics = self.gateway.admin("/metrics");
        let values = metrics.lines().filter_map(|line| {
            let rest = line.strip_prefix(counter)?;
            rest.starts_with([' ', '{'])
                .then(|| rest.rsplit(' ').next())?
        });
        values.filter_map(|value| value.parse::<u64>().ok()).sum()
    }

    /// Open connections of clients, as they were within the last second.
    pub(crate) fn connections(&self) -> u64 {
        self.sum("onetime_gateway_connections")
    }

    /// Ends the gateway, and says what it and its regions had to object to.
    pub(crate) fn end(self) -> Vec<String> {
        let panics = self.gateway.stop();
        self.eu.wait_closed();
        self.us.wait_closed();
        self.tls.wait_closed();
        let regions = [self.eu, self.us, self.tls];
        panics
            .into_iter()
            .chain(regions.iter().flat_map(Origin::wrong))
            .collect()
    }
}

fn server_tls(cert: &rcgen::Certificate, key: &rcgen::KeyPair) -> Arc<ServerConfig> {
    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .expect("a certificate and its key");
    Arc::new(config)
}

fn dead_end() -> (socket2::Socket, SocketAddr) {
    let socket =
        socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    let any: SocketAddr = ([127, 0, 0, 1], 0).into();
    socket.bind(&any.into()).expect("a port");
    let address = socket.local_addr().expect("an address");
    (socket, address.as_socket().expect("an IP address"))
}

/// What a region has to object to in a request, however well-formed: fields that only the gateway
/// may write must be there once, fields that end at the gateway must not be there at all.
pub(crate) fn objections(request: &Message) -> Vec<String> {
    let mut found = Vec::new();
    let mut object = |what: String| found.push(format!("{}: {what}", request.target()));
    for once in [
        "host",
        "via",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-real-ip",
        "x-request-id",
    ] {
        if request.all(once).len() != 1 {
            object(format!("{once} is {:?}", request.all(once)));
        }
    }
    if request.all("x-forwarded-host") != request.all("host") {
        object("X-Forwarded-Host is not Host".to_owned());
    }
    if request.all("x-forwarded-for") != ["127.0.0.1"] || request.all("x-real-ip") != ["127.0.0.1"]
    {
        object("a forged client address".to_owned());
    }
    for (name, value) in &request.fields {
        let ends_here = [
            "keep-alive",
            "proxy-connection",
            "upgrade",
            "http2-settings",
            "forwarded",
            "proxy",
            "x-original-url",
            "x-rewrite-url",
            "x-http-method-override",
            "o-region",
            "te",
        ];
        let allowed = (name == "te" && value == "trailers")
            || (name == "connection" && value == "TE")
            || !(ends_here.contains(&name.as_str()) || name == "connection");
        if !allowed || name.contains('_') || value.contains("forged") {
            object(format!("{name}: {value}"));
        }
    }
    for trailer in &request.trailers {
        if trailer.contains("forged") {
            object(format!("trailer {trailer}"));
        }
    }
    found
}
