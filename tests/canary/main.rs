//! Nobody can learn a secret from what the gateway writes: the real binary at its most talkative
//! is given marked keys, passphrases, cookies, tokens, fields and bodies, well and badly wrapped,
//! and none of the marks is in anything that it wrote.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]
#![allow(clippy::too_many_lines, reason = "requests stand in tables")]

mod marks;

use std::fs::File;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use onetime_gateway::demo::world::{World, WorldOptions};
use rustix::process::{Pid, Signal, kill_process};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use marks::Mark;

const BINARY: &str = env!("CARGO_BIN_EXE_onetime-gateway");

/// How long anything here may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// The process that is listened to, and where its words go.
struct Gateway {
    child: Child,
    config: PathBuf,
    said: PathBuf,
    told: PathBuf,
    https: SocketAddr,
    http: SocketAddr,
    admin: SocketAddr,
    tls: Arc<ClientConfig>,
}

impl Gateway {
    /// The binary, before the world's regions.
    fn start(world: &World, access: &Path) -> Self {
        let directory = world.config.parent().expect("a directory");
        let mut text = read(&world.config);
        for (key, address) in [
            ("https = [\"", world.https()),
            ("http = [\"", world.http()),
            ("admin = \"", world.admin()),
        ] {
            let start = text.find(key).expect("a listener") + key.len();
            let end = start + text[start..].find('"').expect("an end");
            text.replace_range(start..end, &format!("{}:0", address.ip()));
        }
        text.push_str(&format!(
            "\n[log]\nlevel = \"trace\"\naccess = {access:?}\naccess_address = \"full\"\n\
             [timeouts]\nresponse_head = \"1s\"\nresponse_idle = \"1s\"\nhead = \"1s\"\n"
        ));
        let config = directory.join("canary.toml");
        std::fs::write(&config, text).expect("written");
        let (said, told) = (directory.join("stdout"), directory.join("stderr"));
        let child = Command::new(BINARY)
            .args(["run", "--config"])
            .arg(&config)
            .env("RUST_LOG", "trace")
            .env("RUST_BACKTRACE", "full")
            .stdin(Stdio::null())
            .stdout(File::create(&said).expect("a file"))
            .stderr(File::create(&told).expect("a file"))
            .spawn()
            .expect("it runs");
        let line = wait_for(&told, "serving");
        let address = |name: &str| -> SocketAddr {
            let from = line.find(name).expect("a listener") + name.len();
            let text = &line[from..];
            let end = text.find([']', ' ', ',']).unwrap_or(text.len());
            text[..end].parse().expect("an address")
        };
        Self {
            https: address(" https=["),
            http: address(" http=["),
            admin: address(" admin="),
            tls: tls(&world.ca),
            child,
            config,
            said,
            told,
        }
    }

    /// Sends bytes over TLS, with a server name, and reads all that comes.
    fn tell(&self, server_name: &str, bytes: &[u8]) -> String {
        let name = ServerName::try_from(server_name.to_owned()).expect("a name");
        let tls = ClientConnection::new(self.tls.clone(), name).expect("a connection");
        converse(StreamOwned::new(tls, socket(self.https)), bytes)
    }

    /// One whole HTTP/1.1 request for the bare host.
    fn ask(&self, method: &str, target: &str, fields: &str, body: &str) -> String {
        let request = format!(
            "{method} {target} HTTP/1.1\r\nHost: onetimesecret.com\r\nConnection: close\r\n\
             {fields}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.tell("onetimesecret.com", request.as_bytes())
    }

    fn admin(&self, request: &str) -> String {
        let request = format!("{request} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
        let request = format!("{request}X-Gateway-Admin: 1\r\nContent-Length: 0\r\n\r\n");
        converse(socket(self.admin), request.as_bytes())
    }

    /// Stops it as an operator would, and returns everything that it wrote by itself.
    fn stop(mut self) -> String {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::TERM).expect("a signal");
        assert!(self.child.wait().expect("an end").success());
        read(&self.said) + &read(&self.told)
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned()
}

/// Waits until a file has a line with `words`, and returns it.
fn wait_for(path: &Path, words: &str) -> String {
    let begun = Instant::now();
    loop {
        let text = read(path);
        let (whole, _) = text.rsplit_once('\n').unwrap_or_default();
        if let Some(line) = whole.lines().find(|line| line.contains(words)) {
            return line.to_owned();
        }
        assert!(begun.elapsed() < PATIENCE, "no {words:?} in {text}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

fn tls(ca: &Path) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    let ca = CertificateDer::from_pem_file(ca).expect("a CA");
    roots.add(ca).expect("a good CA");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}

fn socket(address: SocketAddr) -> TcpStream {
    let socket = TcpStream::connect(address).expect("a connection");
    socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    socket
}

/// Both may be cut short by the other side: that is part of the game.
fn converse(mut stream: impl Read + Write, bytes: &[u8]) -> String {
    let _ = stream.write_all(bytes);
    let _ = stream.flush();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn nothing_that_it_writes_holds_a_mark() {
    let world = World::start(WorldOptions::ephemeral()).expect("a world");
    let directory = tempfile::tempdir().expect("a directory");
    let access = directory.path().join("access.log");
    let gateway = Gateway::start(&world, &access);
    let mut marks = marks::all();
    well_wrapped(&gateway, &mut marks);
    badly_wrapped(&gateway);
    over_http2(&gateway);
    badly_wrapped_over_http2(&gateway);
    // A shutdown by the region's own hand: connections refused from here on.
    let control = world.regions.control();
    for endpoint in ["eu/1", "eu/2"] {
        converse(
            socket(control),
            format!(
                "POST /{endpoint}/down HTTP/1.1\r\nHost: c\r\nConnection: close\r\n\
                 Content-Length: 0\r\n\r\n"
            )
            .as_bytes(),
        );
    }
    let dead = gateway.ask(
        "GET",
        "/api/v1/private/mark-path-7Q",
        "O-Region: eu\r\n",
        "",
    );
    assert!(dead.starts_with("HTTP/1.1 50"), "{dead}");
    let mut heard = pages(&gateway);
    let commands = commands(&gateway.config, &marks);
    heard.extend(commands);
    let reloads = broken_reloads(&gateway);
    heard.extend(reloads);
    let own = gateway.stop();
    // Libraries see the bytes first, and would quote them: that cannot be switched on, nor be caused.
    assert!(
        !own.contains("Connection{peer=Server}") && !own.contains("PING"),
        "{own}"
    );
    assert!(own.contains("configuration refused"));
    let lines = read(&access);
    assert!(lines.lines().count() > 40, "{lines}");
    assert!(lines.contains("\"route\":\"/api/v1/secret/{key}\""));
    heard.push(("the process".to_owned(), own));
    heard.push(("the access log".to_owned(), lines));
    for (whose, words) in &heard {
        for mark in &marks {
            if let Some(found) = mark.found_in(words) {
                panic!("{whose}: {} is written: {found}", mark.name);
            }
        }
    }
}

/// Requests as honest clients send them; what they learn is marked as well.
fn well_wrapped(gateway: &Gateway, marks: &mut Vec<Mark>) {
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let made = gateway.ask(
        "POST",
        "/api/v1/share?hint=mark-query-7Q",
        form,
        "secret=mark-body-7Q&passphrase=mark-passphrase-7Q",
    );
    let body = made.rsplit("\r\n\r\n").next().unwrap_or_default();
    let made: serde_json::Value = serde_json::from_str(body).expect("a secret");
    for member in ["secret_key", "metadata_key"] {
        let key = made[member].as_str().expect("a key");
        marks.push(Mark::new(member, key));
        for path in [
            "/api/v1/secret/",
            "/secret/",
            "/api/v3/secret/",
            "/private/",
        ] {
            gateway.ask("GET", &format!("{path}{key}"), "", "");
            gateway.ask(
                "POST",
                &format!("{path}{key}"),
                form,
                "passphrase=wrong-mark-body-7Q",
            );
        }
    }
    let key = made["secret_key"].as_str().expect("a key");
    let read = gateway.ask(
        "POST",
        &format!("/api/v1/secret/{key}"),
        form,
        "passphrase=mark-passphrase-7Q",
    );
    assert!(
        read.contains("mark-body-7Q"),
        "the region never saw it: {read}"
    );
    for fields in [
        "Cookie: sess=mark-cookie-7Q; __Host-ots-region=mark-pin-7Q\r\n",
        "Cookie: __Host-ots-region=eu; onetime.session=mark-cookie-7Q\r\n",
        "Authorization: Basic ZGVtbzptYXJrLXRva2VuLTdR\r\n",
        "Authorization: Bearer mark-token-7Q\r\n",
        "O-Region: mark-pin-7Q\r\n",
        "O-Region: eu\r\nO-Region: mark-pin-7Q\r\n",
        "Referer: https://onetimesecret.com/secret/mark-referer-7Q\r\n",
        "X-Custom-mark-name-7Q: mark-field-7Q\r\n",
        "X-Forwarded-For: mark-field-7Q\r\nForwarded: for=mark-field-7Q\r\n",
        "X-Request-ID: {mark-field-7Q}\r\nUser-Agent: mark-field-7Q\r\n",
        "Accept: mark/field-7Q;mark-field-7Q\r\nAccept-Language: mark-field-7Q\r\n",
    ] {
        for target in [
            "/secret/mark-path-7Q?mark-query-7Q",
            "/api/v2/secret/mark-path-7Q",
        ] {
            gateway.ask("GET", target, fields, "");
        }
    }
    for fault in [
        "garbage",
        "truncate",
        "hang",
        "hang-body",
        "reset-before",
        "double-length",
    ] {
        let fields = format!("X-Demo-Fault: {fault}\r\nCookie: a=mark-cookie-7Q\r\n{form}");
        gateway.ask(
            "POST",
            "/api/v1/share?mark-query-7Q",
            &fields,
            "secret=mark-body-7Q",
        );
        gateway.ask("GET", "/secret/mark-path-7Q", &fields, "");
    }
    gateway.ask(
        "POST",
        "/region?mark-query-7Q",
        form,
        "region=mark-pin-7Q&x=mark-body-7Q",
    );
}

/// Bytes that are no requests, or not quite.
fn badly_wrapped(gateway: &Gateway) {
    let bare = "onetimesecret.com";
    let long = "mark-field-7Q".repeat(4000);
    for head in [
        "GET /mark-path-7Q HTTP/1.1\r\nHost: mark-host-7Q.example\r\nConnection: close\r\n\r\n",
        "GET /mark-path-7Q HTTP/1.1\r\nHost: u:mark-token-7Q@onetimesecret.com\r\n\r\n",
        "GET https://mark-host-7Q.example/mark-path-7Q HTTP/1.1\r\nHost: eu.localhost\r\n\r\n",
        "GET /mark-path-7Q\r\n\r\n",
        "GET /mark-path-7Q mark-query-7Q HTTP/1.1\r\n\r\n",
        "MARK-METHOD-7Q /mark-path-7Q HTTP/1.1\r\nHost: onetimesecret.com\r\nConnection: close\r\n\r\n",
        "GET /%zz/../mark-path-7Q#mark-query-7Q HTTP/1.1\r\nHost: onetimesecret.com\r\n\r\n",
        "GET /%00mark-path-7Q HTTP/1.1\r\nHost: onetimesecret.com\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: onetimesecret.com\r\nmark-name-7Q : mark-field-7Q\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: onetimesecret.com\r\n mark-field-7Q\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: onetimesecret.com\r\nExpect: mark-field-7Q\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: onetimesecret.com\r\nContent-Length: mark-field-7Q\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: onetimesecret.com\r\nTransfer-Encoding: mark-field-7Q\r\n\r\n",
        "POST /api/v1/share HTTP/1.1\r\nHost: onetimesecret.com\r\n\
         Transfer-Encoding: chunked\r\n\r\nmark-body-7Q\r\n",
        "GET /mark-path-7Q HTTP/9.mark-query-7Q\r\n\r\n",
        "GET /mark-path-7Q HTTP/1.1\r\nHost: onetimesecret.com\r\nCookie: mark-cookie-7Q",
    ] {
        gateway.tell(bare, head.as_bytes());
    }
    let large = format!("GET /mark-path-7Q HTTP/1.1\r\nHost: {bare}\r\nX: {long}\r\n\r\n");
    assert!(
        gateway
            .tell(bare, large.as_bytes())
            .starts_with("HTTP/1.1 431")
    );
    let large = format!("GET /{long} HTTP/1.1\r\nHost: {bare}\r\n\r\n");
    assert!(
        gateway
            .tell(bare, large.as_bytes())
            .starts_with("HTTP/1.1 414")
    );
    gateway.tell("mark-host-7q.example", b"GET / HTTP/1.1\r\n\r\n");
    for address in [gateway.http, gateway.https, gateway.admin] {
        for words in [
            "GET /secret/mark-path-7Q?mark-query-7Q HTTP/1.1\r\nHost: onetimesecret.com\r\n\
             Cookie: mark-cookie-7Q\r\nConnection: close\r\n\r\n",
            "mark-body-7Q /mark-path-7Q x\r\n\r\n",
        ] {
            converse(socket(address), words.as_bytes());
        }
    }
}

/// The same over HTTP/2, through another parser.
fn over_http2(gateway: &Gateway) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let mut config = ClientConfig::clone(&gateway.tls);
    config.alpn_protocols = vec![b"h2".to_vec()];
    let task = async {
        let socket = tokio::net::TcpStream::connect(gateway.https).await?;
        let name = ServerName::try_from("onetimesecret.com").expect("a name");
        let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
        let stream = TokioIo::new(connector.connect(name, socket).await?);
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await?;
        tokio::spawn(connection);
        for (target, pin, length) in [
            ("secret/mark-path-7Q?mark-query-7Q", "eu", None),
            ("secret/mark-path-7Q?mark-query-7Q", "mark-pin-7Q", None),
            ("api/v1/share?mark-query-7Q", "us", None),
            ("api/v1/share?mark-query-7Q", "us", Some("3")),
        ] {
            let mut request = Request::post(format!("https://onetimesecret.com/{target}"))
                .header("o-region", pin)
                .header("cookie", "sess=mark-cookie-7Q")
                .header("authorization", "Bearer mark-token-7Q")
                .header("referer", "https://a/mark-referer-7Q")
                .header("x-mark-name-7q", "mark-field-7Q");
            if let Some(length) = length {
                request = request.header("content-length", length);
            }
            let request = request.body(Full::new(Bytes::from("secret=mark-body-7Q")))?;
            if let Ok(answer) = sender.send_request(request).await {
                let _ = answer.into_body().collect().await;
            }
        }
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
    };
    runtime.block_on(task).expect("HTTP/2");
}

/// Frames that the h2 crate refuses by itself, each with something worth quoting.
fn badly_wrapped_over_http2(gateway: &Gateway) {
    let frame = |kind: u8, flags: u8, stream: u8, payload: &[u8]| {
        let length = u8::try_from(payload.len()).expect("short");
        let head = [0, 0, length, kind, flags, 0, 0, 0, stream];
        [&head, payload].concat()
    };
    // A literal that is not indexed (RFC 7541 section 6.2.2).
    let field = |name: &str, value: &str| {
        let length = |text: &str| [u8::try_from(text.len()).expect("short")];
        let (name_length, value_length) = (length(name), length(value));
        let parts = [&[0], &name_length[..], name.as_bytes(), &value_length[..]];
        [&parts.concat()[..], value.as_bytes()].concat()
    };
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    bytes.extend(frame(4, 0, 0, &[]));
    for (stream, path, authority, te) in [
        (1, "/secret/mark-path-7Q x", "onetimesecret.com", "trailers"),
        (
            3,
            "mark-path-7Q?mark-query-7Q",
            "onetimesecret.com",
            "trailers",
        ),
        (5, "/", "mark-host-7Q@a b", "trailers"),
        (7, "/", "onetimesecret.com", "mark-field-7Q"),
    ] {
        let block = [
            field(":method", "GET"),
            field(":scheme", "https"),
            field(":authority", authority),
            field(":path", path),
            field("te", te),
        ];
        bytes.extend(frame(1, 5, stream, &block.concat()));
    }
    // An answer to nothing, of which h2 warns.
    bytes.extend(frame(6, 1, 0, b"mark-pin"));
    let last_words = [&[0; 8], &b"mark-body-7Q"[..]].concat();
    bytes.extend(frame(7, 0, 0, &last_words));
    let mut config = ClientConfig::clone(&gateway.tls);
    config.alpn_protocols = vec![b"h2".to_vec()];
    let name = ServerName::try_from("onetimesecret.com").expect("a name");
    let tls = ClientConnection::new(Arc::new(config), name).expect("a connection");
    let answer = converse(StreamOwned::new(tls, socket(gateway.https)), &bytes);
    assert!(!answer.is_empty());
}

/// What the admin listener shows.
fn pages(gateway: &Gateway) -> Vec<(String, String)> {
    ["/metrics", "/config", "/regions", "/mark-path-7Q"]
        .map(|path| {
            let page = gateway.admin(&format!("GET {path}"));
            assert!(page.starts_with("HTTP/1.1 "), "{page}");
            (path.to_owned(), page)
        })
        .to_vec()
}

/// What commands print about a request and a key.
fn commands(config: &Path, marks: &[Mark]) -> Vec<(String, String)> {
    let key = &marks.last().expect("a key").text;
    let path = format!("/secret/{key}?mark-query-7Q");
    let host = ["--host", "onetimesecret.com"];
    let mut calls: Vec<Vec<&str>> = vec![
        vec!["check", "--key", key],
        vec!["check", "--key", "mark-path-7Q"],
        vec!["explain", host[0], host[1], "--path", "/%zz/mark-path-7Q"],
        vec!["explain", host[0], host[1], "--header", "mark-field-7Q"],
        vec![
            "explain",
            host[0],
            host[1],
            "--header",
            "O-Region: mark-pin-7Q",
        ],
    ];
    for format in [None, Some("--json")] {
        let mut call = vec!["explain", host[0], host[1], "--path", &path];
        call.extend([
            "--cookie",
            "__Host-ots-region=mark-pin-7Q; s=mark-cookie-7Q",
        ]);
        call.extend(["--header", "Authorization: Bearer mark-token-7Q"]);
        call.extend(format);
        calls.push(call);
    }
    calls
        .into_iter()
        .map(|call| {
            let command = Command::new(BINARY)
                .args(&call)
                .arg("--config")
                .arg(config)
                .env("RUST_LOG", "trace")
                .output()
                .expect("it runs");
            let words = [command.stdout, command.stderr].concat();
            assert!(!words.is_empty(), "{call:?}");
            (
                call[0].to_owned(),
                String::from_utf8_lossy(&words).into_owned(),
            )
        })
        .collect()
}

/// Secrets pasted where their source belongs.
fn broken_reloads(gateway: &Gateway) -> Vec<(String, String)> {
    let good = read(&gateway.config);
    let at = "identifier_secrets = [{ file = \"eu.secret\" }]";
    assert!(good.contains(at));
    [
        "identifier_secrets = [\"mark-secret-7Q\"]",
        "identifier_secrets = [{ env = \"mark-secret-7Q\" }]",
        "identifier_secrets = [{ value = \"mark-secret-7Q\" }]",
        "identifier_secrets = \"mark-secret-7Q\"",
        "identifier_secret = \"mark-secret-7Q\"",
        "identifier_secrets = [{ file = mark-secret-7Q }]",
        "identifier_secrets = [\"mark-secret-7Q",
    ]
    .map(|line| {
        std::fs::write(&gateway.config, good.replace(at, line)).expect("written");
        let verdict = gateway.admin("POST /reload");
        assert!(verdict.starts_with("HTTP/1.1 422"), "{line}: {verdict}");
        let check = Command::new(BINARY)
            .args(["check", "--config"])
            .arg(&gateway.config)
            .output()
            .expect("it runs");
        let words = String::from_utf8_lossy(&check.stderr).into_owned();
        assert!(!words.is_empty());
        ("a broken reload".to_owned(), verdict + &words)
    })
    .to_vec()
}
