//! The published client libraries, unchanged, through the gateway: share, read, burn, list, from
//! addresses of different countries. Where a client is not installed its test says so.
//!
//! `OTS_CLIENTS` names a directory with `py` (a virtual environment with `onetimesecret` and
//! `otscli`) and `node_modules` (`onetimesecret-api` and `node-fetch` 2); without it they are
//! looked for where Python and Node look by themselves.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use http::Method;
use onetime_gateway::demo::options::{DemoOptions, Dialect};
use onetime_gateway::demo::world::{World, WorldOptions};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio_rustls::TlsAcceptor;

use crate::support::{Answer, Client, Speak, connect, tls};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
/// Callers, and where geography sends them.
const INDIA: (&str, &str) = ("1.186.0.1", "uk");
const NOBODY: (&str, &str) = ("127.0.0.1", "eu");
const AMERICA: (&str, &str) = ("23.154.160.1", "us");

const SHARE_PY: &str = "\
import sys
from onetimesecret import OneTimeSecretCli
print(OneTimeSecretCli(url=sys.argv[1]).create_link('by python, as it is: ä&=%', ttl=600))
";

const FAIL_PY: &str = "\
import sys
from onetimesecret import OneTimeSecretCli, OneTimeSecretError
try:
    OneTimeSecretCli('nobody@example.com', 'wrong', url=sys.argv[1]).create_link('x')
except OneTimeSecretError as error:
    print(error.status_code, error)
";

const ALL_JS: &str = "\
const { OneTimeSecretApi } = require('onetimesecret-api/index.js');
(async () => {
  const [url, other, user, token] = process.argv.slice(1);
  const ots = new OneTimeSecretApi(user, token, { url });
  const elsewhere = new OneTimeSecretApi(user, token, { url: other });
  const said = {};
  said.status = await ots.status();
  said.shared = await ots.share('by node: ä&=%', { passphrase: 'open sesame' });
  said.metadata = await elsewhere.retrieveMetadata(said.shared.metadata_key);
  said.read = await elsewhere.retrieveSecret(said.shared.secret_key, { passphrase: 'open sesame' });
  try {
    await ots.retrieveSecret(said.shared.secret_key, { passphrase: 'open sesame' });
  } catch (error) {
    said.again = error.constructor.name;
  }
  said.generated = await ots.generate();
  said.burned = await elsewhere.burn(said.generated.metadata_key);
  try {
    said.recent = await ots.recentMetadata();
  } catch (error) {
    said.recent = error.message;
  }
  console.log(JSON.stringify(said));
})().catch((error) => { console.error(error); process.exit(1); });
";

fn speaking(dialect: Dialect) -> World {
    let options = WorldOptions {
        regions: DemoOptions::ephemeral().with_dialect(dialect),
        ..WorldOptions::ephemeral()
    };
    World::start(options).expect("a world")
}

/// A proxy that the gateway trusts, in front of which every caller has one address: clients cannot
/// be told where they are. Its port stands in for the gateway's.
struct Whereabouts {
    address: SocketAddr,
    base: String,
}

impl Whereabouts {
    async fn of(world: &World, caller: &'static str) -> Self {
        let directory = world.config.parent().expect("a directory");
        let chain = CertificateDer::pem_file_iter(directory.join("chain.pem"))
            .expect("a chain")
            .collect::<Result<_, _>>()
            .expect("certificates");
        let key = PrivateKeyDer::from_pem_file(directory.join("key.pem")).expect("a key");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("a certificate");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let (gateway, trust) = (world.https(), tls(world, Speak::Http1));
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (acceptor, trust) = (acceptor.clone(), trust.clone());
                tokio::spawn(async move {
                    // A client that leaves in the middle is its own test's business.
                    let _ = relay(socket, acceptor, gateway, trust, caller).await;
                });
            }
        });
        Self {
            address,
            base: format!("https://localhost:{}", address.port()),
        }
    }

    /// What a link of this place gives to whoever opens it: the page, then the secret.
    async fn open(&self, world: &World, link: &str, form: &str) -> (Answer, Answer) {
        let (_, key) = link.rsplit_once('/').expect("a key");
        let trust = tls(world, Speak::Http1);
        let mut client = Client::try_open(self.address, trust.clone(), Speak::Http1, "localhost")
            .await
            .expect("a connection");
        let page = client.get(&format!("/secret/{key}"), &[]).await;
        // Only the first request of a connection is told where it comes from.
        let mut client = Client::try_open(self.address, trust, Speak::Http1, "localhost")
            .await
            .expect("a connection");
        let path = format!("/api/v1/secret/{key}");
        let read = client.ask(Method::POST, &path, &[FORM], form).await;
        (page, read)
    }
}

async fn relay(
    socket: TcpStream,
    acceptor: TlsAcceptor,
    gateway: SocketAddr,
    trust: Arc<rustls::ClientConfig>,
    caller: &str,
) -> std::io::Result<()> {
    let mut client = acceptor.accept(socket).await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await?);
    }
    head.truncate(head.len() - 2);
    head.extend_from_slice(format!("X-Forwarded-For: {caller}\r\n\r\n").as_bytes());
    let mut onward = connect(gateway, trust, "localhost").await?;
    onward.write_all(&head).await?;
    copy_bidirectional(&mut client, &mut onward).await?;
    Ok(())
}

fn installed() -> Option<PathBuf> {
    std::env::var_os("OTS_CLIENTS").map(PathBuf::from)
}

/// A program of the clients' directory, or of the path.
fn program(below: &str, name: &str) -> OsString {
    installed()
        .map(|directory| directory.join(below).join(name))
        .filter(|path| path.exists())
        .map_or_else(|| name.into(), Into::into)
}

/// A command that trusts the world's authority and nobody else's proxy.
fn command(program: OsString, world: &World) -> Command {
    let mut command = Command::new(program);
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
        command.env_remove(name).env_remove(name.to_lowercase());
    }
    for name in ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"] {
        command.env(name, &world.ca);
    }
    if let Some(directory) = installed() {
        command.env("NODE_PATH", directory.join("node_modules"));
    }
    command
        .env("PYTHONIOENCODING", "utf-8")
        .env_remove("CURL_CA_BUNDLE")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

async fn said(mut command: Command) -> String {
    let output = command.output().await.expect("the client runs");
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words}");
    let said = String::from_utf8(output.stdout).expect("text");
    said.trim().to_owned()
}

fn python(world: &World, script: &str) -> Command {
    let mut command = command(program("py/bin", "python3"), world);
    command.args(["-c", script]);
    command
}

fn node(world: &World, script: &str) -> Command {
    let mut command = command("node".into(), world);
    command.args(["-e", script]);
    command
}

/// Whether a client is there; a directory that was named must hold it.
async fn has(mut command: Command, client: &str) -> bool {
    let ended = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .await;
    let there = ended.is_ok_and(|status| status.success());
    let named = installed().is_some_and(|directory| Path::new(&directory).exists());
    assert!(there || !named, "OTS_CLIENTS has no {client}");
    if !there {
        eprintln!("SKIPPED: the client {client} is not installed");
    }
    there
}

/// Who opens links that were made in a region: somebody sent elsewhere, where keys tell.
const fn opener(dialect: Dialect, maker: (&'static str, &'static str)) -> &'static str {
    match dialect {
        Dialect::Current => NOBODY.0,
        Dialect::Classic => maker.0,
    }
}

#[tokio::test]
async fn pypi_onetimesecret_makes_links_that_open() {
    for dialect in [Dialect::Current, Dialect::Classic] {
        let world = speaking(dialect);
        if !has(python(&world, "import onetimesecret"), "onetimesecret").await {
            return;
        }
        for maker in [INDIA, AMERICA] {
            let here = Whereabouts::of(&world, maker.0).await;
            let mut share = python(&world, SHARE_PY);
            share.arg(&here.base);
            let link = said(share).await;
            assert!(link.starts_with(&format!("{}/secret/", here.base)));
            let there = Whereabouts::of(&world, opener(dialect, maker)).await;
            let (page, read) = there.open(&world, &link, "").await;
            let host = format!("https://{}.localhost:{}/", maker.1, world.https().port());
            assert_eq!(page.status, 302);
            assert!(page.header("location").starts_with(&host), "{dialect:?}");
            assert_eq!(read.landed().0, maker.1);
            assert_eq!(read.json()["value"], "by python, as it is: ä&=%");
        }
        // The region's words come through as the client expects them.
        let here = Whereabouts::of(&world, INDIA.0).await;
        let mut fail = python(&world, FAIL_PY);
        fail.arg(&here.base);
        assert_eq!(said(fail).await, "404 Not authorized (Status code: 404)");
    }
}

#[tokio::test]
async fn otscli_makes_links_that_open() {
    for dialect in [Dialect::Current, Dialect::Classic] {
        let world = speaking(dialect);
        let otscli = || command(program("py/bin", "otscli"), &world);
        let mut help = otscli();
        help.arg("-h");
        if !has(help, "otscli").await {
            return;
        }
        for maker in [INDIA, AMERICA] {
            let here = Whereabouts::of(&world, maker.0).await;
            let mut share = otscli();
            let words = ["-s", "from a console", "-p", "open sesame"];
            share.args(["-d", &here.base]).args(words);
            let link = said(share).await;
            assert!(link.starts_with(&format!("{}/secret/", here.base)));
            let there = Whereabouts::of(&world, opener(dialect, maker)).await;
            let (_, refused) = there.open(&world, &link, "passphrase=wrong").await;
            assert_eq!(refused.json()["message"], "Unknown secret");
            let (_, read) = there.open(&world, &link, "passphrase=open+sesame").await;
            assert_eq!(read.landed().0, maker.1);
            assert_eq!(read.json()["value"], "from a console");
        }
    }
}

#[tokio::test]
async fn npm_onetimesecret_api_does_all_it_can() {
    for dialect in [Dialect::Current, Dialect::Classic] {
        let world = speaking(dialect);
        let present = "require('node-fetch'); require('onetimesecret-api/index.js')";
        if !has(node(&world, present), "onetimesecret-api").await {
            return;
        }
        let here = Whereabouts::of(&world, INDIA.0).await;
        let there = Whereabouts::of(&world, NOBODY.0).await;
        // It always sends credentials, which go to one region wherever the caller is.
        let account = world.regions.region("us").expect("a region");
        let mut all = node(&world, ALL_JS);
        all.args([&here.base, &there.base, &account.user, &account.token]);
        let said: serde_json::Value = serde_json::from_str(&said(all).await).expect("JSON");
        assert_eq!(said["status"], true, "{dialect:?}");
        let key = said["shared"]["secret_key"].as_str().expect("a key");
        let link = format!("{}/secret/{key}", here.base);
        assert_eq!(said["shared"]["share_link"], link.as_str());
        assert_eq!(said["shared"]["custid"], account.user.as_str());
        assert_eq!(said["metadata"]["secret_key"], key);
        assert_eq!(said["read"]["value"], "by node: ä&=%");
        assert_eq!(said["again"], "UnknownSecretError");
        assert!(said["generated"]["value"].is_string());
        assert_eq!(said["burned"]["state"]["state"], "burned");
        match dialect {
            // The two that were made above.
            Dialect::Current => assert_eq!(said["recent"].as_array().map(Vec::len), Some(2)),
            // Broken there for everybody; the region's own words all the same.
            Dialect::Classic => {
                let words = said["recent"].as_str().expect("words");
                assert!(words.contains("An unexpected error occurred"), "{words}");
            }
        }
    }
}
