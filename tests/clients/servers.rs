//! A region's answer that comes before the request's end is passed on, whatever server gives it:
//! they say 413 and close, and what is still on its way to them is answered by a reset.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::gateway::Gateway;
use crate::harness::PATIENCE;
use crate::harness::reader::{self, Read, Side};
use crate::program::{Running, installed, rounds};

/// Bodies that each server refuses, in octets.
const LARGE: usize = 200_000;
const HUGE: usize = 8_000_000;

const NGINX: &str = "daemon off; master_process off; pid DIR/pid; error_log stderr crit;\n\
    events {}\nhttp { access_log off; client_body_temp_path DIR/body; proxy_temp_path DIR/proxy;\n\
    fastcgi_temp_path DIR/fastcgi; uwsgi_temp_path DIR/uwsgi; scgi_temp_path DIR/scgi;\n\
    server { listen 127.0.0.1:PORT; client_max_body_size 100k; location / { return 204; } } }\n";

const APACHE: &str = "ServerName localhost\nListen 127.0.0.1:PORT\nPidFile DIR/pid\nMutex file:DIR\n\
    LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so\n\
    LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so\n\
    User www-data\nGroup www-data\nErrorLog DIR/errors\nDocumentRoot DIR\nStartServers 1\n\
    LimitRequestBody 100000\n";

const HAPROXY: &str = "defaults\n mode http\n timeout client 10s\n timeout server 10s\n\
     timeout connect 10s\nfrontend refuse\n bind 127.0.0.1:PORT\n\
     http-request deny deny_status 413 if { req.hdr_val(content-length) gt 100000 }\n";

const CADDY: &str = "{\n admin off\n auto_https off\n persist_config off\n}\n\
    http://:PORT {\n bind 127.0.0.1\n respond \"too large\" 413 {\n close\n }\n}\n";

/// Starts one kind of server, `program`, on a port with files in a directory.
type Start = fn(program: &Path, port: u16, directory: &Path) -> Command;

/// Writes a configuration and gives its path.
fn configured(text: &str, port: u16, directory: &Path) -> PathBuf {
    let text = text
        .replace("PORT", &port.to_string())
        .replace("DIR", directory.to_str().expect("text"));
    let path = directory.join("configuration");
    std::fs::write(&path, text).expect("a file");
    path
}

fn ours(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/clients/programs")
        .join(name)
}

fn nginx(program: &Path, port: u16, directory: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .args(["-e", "stderr", "-p"])
        .arg(directory)
        .arg("-c")
        .arg(configured(NGINX, port, directory));
    command
}

fn apache(program: &Path, port: u16, directory: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .arg("-DFOREGROUND")
        .arg("-f")
        .arg(configured(APACHE, port, directory));
    command
}

fn haproxy(program: &Path, port: u16, directory: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .args(["-q", "-db", "-f"])
        .arg(configured(HAPROXY, port, directory));
    command
}

fn caddy(program: &Path, port: u16, directory: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .args(["run", "--adapter", "caddyfile", "--config"])
        .arg(configured(CADDY, port, directory))
        .env("HOME", directory)
        .env("XDG_DATA_HOME", directory)
        .env("XDG_CONFIG_HOME", directory);
    command
}

fn node(program: &Path, port: u16, _: &Path) -> Command {
    let mut command = Command::new(program);
    command.arg(ours("refuse.mjs")).arg(port.to_string());
    command
}

fn uvicorn(program: &Path, port: u16, _: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .args(["--log-level", "critical", "--port", &port.to_string()])
        .arg("--app-dir")
        .arg(ours(""))
        .arg("refuse:asgi")
        .env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

fn gunicorn(program: &Path, port: u16, directory: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .args(["--log-level", "critical"])
        .arg("--chdir")
        .arg(ours(""))
        .args(["--bind", &format!("127.0.0.1:{port}")])
        .arg("refuse:wsgi")
        .env("HOME", directory)
        .env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

fn puma(program: &Path, port: u16, directory: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .args(["--quiet", "--environment", "production", "--bind"])
        .arg(format!("tcp://127.0.0.1:{port}"))
        .arg("--dir")
        .arg(directory)
        .arg(ours("refuse.ru"));
    command
}

/// Program and how it is started.
const SERVERS: [(&str, Start); 8] = [
    ("nginx", nginx),
    ("apache2", apache),
    ("haproxy", haproxy),
    ("caddy", caddy),
    ("node", node),
    ("uvicorn", uvicorn),
    ("gunicorn", gunicorn),
    ("puma", puma),
];

/// A server that accepts connections.
struct Server {
    _running: Running,
    address: SocketAddr,
    _directory: TempDir,
}

impl Server {
    fn start(program: &Path, start: Start) -> Self {
        // A port that was free may be another's by the time the server binds it.
        (0..5)
            .find_map(|_| Self::try_start(program, start))
            .unwrap_or_else(|| panic!("{} does not start", program.display()))
    }

    fn try_start(program: &Path, start: Start) -> Option<Self> {
        let directory = TempDir::new().expect("a directory");
        let address = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a port");
        let mut command = start(program, address.port(), directory.path());
        let said = directory.path().join("said");
        let errors = std::fs::File::create(&said).expect("a file");
        command.stdout(Stdio::null()).stderr(errors);
        let mut running = Running::start(command);
        let begun = Instant::now();
        while TcpStream::connect(address).is_err() {
            if running.has_ended() {
                let said = std::fs::read_to_string(said).expect("a file");
                println!("{} has ended: {said}", program.display());
                return None;
            }
            let late = begun.elapsed() > PATIENCE;
            assert!(!late, "{} does not accept", program.display());
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(Self {
            _running: running,
            address,
            _directory: directory,
        })
    }
}

/// A client that reads while it writes.
struct Honest<'a> {
    gateway: &'a Gateway,
    body: Bytes,
}

impl Honest<'_> {
    async fn connect(&self, alpn: &[u8]) -> TlsStream<tokio::net::TcpStream> {
        let mut roots = RootCertStore::empty();
        roots
            .add(self.gateway.certificate.clone())
            .expect("a certificate");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![alpn.to_vec()];
        let socket = tokio::net::TcpStream::connect(self.gateway.https())
            .await
            .expect("the gateway accepts");
        let name = ServerName::try_from("localhost").expect("a name");
        TlsConnector::from(Arc::new(config))
            .connect(name, socket)
            .await
            .expect("a handshake")
    }

    /// The status of the answer; what happened instead if none came whole.
    async fn http1(&self) -> Result<u16, String> {
        let stream = self.connect(b"http/1.1").await;
        let (mut reading, mut writing) = tokio::io::split(stream);
        let head = format!(
            "POST /api/v2/secret/conceal HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n",
            self.body.len()
        );
        let body = self.body.clone();
        let writer = tokio::spawn(async move {
            // A server that has answered may stop reading.
            let _ = writing.write_all(head.as_bytes()).await;
            let _ = writing.write_all(&body).await;
            let _ = writing.flush().await;
            writing
        });
        let (mut answer, mut block) = (Vec::new(), vec![0; 16_384]);
        let status = loop {
            match reader::read(&answer, Side::Answer(false)) {
                Read::Whole(message, _) => break Ok(message.status()),
                Read::Wrong(wrong) => break Err(wrong),
                Read::More | Read::UntilClose(_) => {}
            }
            match reading.read(&mut block).await {
                Ok(0) => break Err("the connection ends".to_owned()),
                Ok(count) => answer.extend_from_slice(&block[..count]),
                Err(error) => break Err(error.to_string()),
            }
        };
        writer.abort();
        status
    }

    async fn http2(&self) -> Result<u16, String> {
        let stream = TokioIo::new(self.connect(b"h2").await);
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), stream)
                .await
                .expect("a connection");
        let driver = tokio::spawn(connection);
        let request = http::Request::post("https://localhost/api/v2/secret/conceal")
            .body(Full::new(self.body.clone()))
            .expect("a request");
        let answer = async {
            let (head, body) = sender.send_request(request).await?.into_parts();
            body.collect().await?;
            Ok::<_, hyper::Error>(head.status.as_u16())
        };
        let status = answer.await.map_err(|error| format!("{error:?}"));
        driver.abort();
        status
    }
}

/// How often the server's 413 came of how many times, and the first time that it did not.
fn passed_on(gateway: &Gateway, size: usize, http2: bool, each: usize) -> (usize, Option<String>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let honest = Honest {
        gateway,
        body: Bytes::from(vec![b'x'; size]),
    };
    let (mut received, mut wrong) = (0, None);
    for _ in 0..each {
        let answer = runtime.block_on(async {
            let asked = async {
                if http2 {
                    honest.http2().await
                } else {
                    honest.http1().await
                }
            };
            let answer = tokio::time::timeout(PATIENCE, asked).await;
            answer.unwrap_or_else(|_| Err("no answer in time".to_owned()))
        });
        match answer {
            Ok(413) => received += 1,
            other => wrong = wrong.or_else(|| Some(format!("{other:?}"))),
        }
    }
    (received, wrong)
}

fn all_passed_on(large: usize, huge: usize) {
    let mut lost = Vec::new();
    for (name, start) in SERVERS {
        let Some(program) = installed(name) else {
            continue;
        };
        let server = Server::start(&program, start);
        let limits = "[limits]\nbody = \"16MiB\"\n";
        let gateway = Gateway::start(&[("real", server.address)], limits);
        for (size, each) in [(LARGE, large), (HUGE, huge)] {
            for http2 in [false, true] {
                let (received, wrong) = passed_on(&gateway, size, http2, each);
                let protocol = if http2 { "HTTP/2" } else { "HTTP/1.1" };
                let line = format!("{name}, {size} octets, {protocol}: {received} of {each}");
                println!("{line}");
                if received != each {
                    lost.push(format!("{line}; first {}", wrong.unwrap_or_default()));
                }
            }
        }
        gateway.stop();
    }
    assert!(lost.is_empty(), "answers were lost\n{}", lost.join("\n"));
}

#[test]
fn an_early_413_of_real_servers_is_passed_on() {
    all_passed_on(rounds(4), rounds(1));
}

#[test]
#[ignore = "takes minutes: each server refuses each size 40 times over each protocol"]
fn an_early_413_of_real_servers_is_passed_on_40_of_40_times() {
    all_passed_on(rounds(40), rounds(40));
}
