//! One gateway's snapshot and worker, without sockets: two regions, a bare host, an alias.

use std::cell::OnceCell;
use std::hash::RandomState;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use onetime_gateway::limit::crowd::Crowd;
use onetime_gateway::limit::ledger::Ledger;
use onetime_gateway::proxy::lookup::Lookups;
use onetime_gateway::proxy::worker::{Common, Share, Worker};
use onetime_gateway::reload::{Reloader, Source};
use onetime_gateway::telemetry::access::AccessLog;
use onetime_gateway::telemetry::spans::Spans;
use onetime_gateway::telemetry::worker::WorkerMetrics;

const TEXT: &str = r#"
[server]
trusted_proxies = ["10.0.0.0/8"]
country_header = "CF-IPCountry"
[[tls.certificates]]
chain = "chain.pem"
key = "key.pem"
[regions.eu]
host = "eu.example.com"
endpoints = ["http://127.0.0.1:1"]
identifier_secrets = [{ file = "eu.secret" }]
[regions.us]
host = "us.example.com"
endpoints = [{ url = "http://127.0.0.1:2", host = "request" }]
[geo]
no_country = "eu"
default = "us"
# One input after the other, and each is judged.
[limits]
exempt = ["0.0.0.0/0", "::/0"]
[decision]
credentials_region = "us"
sticky = true
[hosts]
"example.com" = "auto"
"eu.example.com" = "eu"
"us.example.com" = "us"
"alias.example.org" = "us"
"#;

/// The names that the certificate speaks for.
pub const HOSTS: [&str; 4] = [
    "example.com",
    "eu.example.com",
    "us.example.com",
    "alias.example.org",
];

/// Eu's identifier secret.
pub const SECRET: &str = "a secret of the fuzz targets, which guards nothing at all";

thread_local! {
    static WORKER: OnceCell<Rc<Worker>> = const { OnceCell::new() };
}

/// This thread's worker.
pub fn worker() -> Rc<Worker> {
    WORKER.with(|worker| worker.get_or_init(start).clone())
}

fn start() -> Rc<Worker> {
    let directory = tempfile::tempdir().expect("a directory");
    let names = HOSTS.map(str::to_owned).to_vec();
    let made = rcgen::generate_simple_self_signed(names).expect("a certificate");
    let write = |name: &str, text: &str| {
        std::fs::write(directory.path().join(name), text).expect("a file");
    };
    write("chain.pem", &made.cert.pem());
    write("key.pem", &made.signing_key.serialize_pem());
    write("eu.secret", SECRET);
    let source = Source::Text {
        label: "world.toml".to_owned(),
        directory: directory.path().to_owned(),
        text: TEXT.to_owned(),
    };
    let number = |name: &str| u16::from(name != "eu");
    let (reloader, _) = Reloader::start(source, SystemTime::now(), Box::new(number))
        .unwrap_or_else(|problems| panic!("{problems}"));
    let log = AccessLog::start().expect("a thread");
    Worker::new(
        reloader.live.clone(),
        Arc::new(WorkerMetrics::default()),
        reloader.tls,
        log.outlet(),
        Spans::start().expect("a thread").outlet(),
        Common {
            ledger: Arc::new(Ledger::new(Instant::now())),
            crowd: Arc::new(Crowd::new(RandomState::new())),
            lookups: Arc::new(Lookups::new([7; 64], Instant::now())),
            requests: Arc::default(),
            share: Share {
                room: usize::MAX,
                threads: 1,
            },
        },
    )
}
