//! Callers of every kind, all the time, and whatever went wrong for any of them.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use http::Method;
use onetime_gateway::demo::world::World;
use rustls::ClientConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::support::{Client, Speak, tls};

/// Between two requests of a caller: many callers, not a benchmark.
const BREATH: Duration = Duration::from_millis(3);

/// No request takes so long, upgrades or not.
const PATIENCE: Duration = Duration::from_secs(30);

/// So often a request may be sent off by GOAWAY, unprocessed, before something is wrong.
const MOST_MOVES: usize = 5;

/// What came of it.
#[derive(Default)]
pub(super) struct Tally {
    over: AtomicBool,
    /// Requests that were answered as they should be.
    pub(super) good: AtomicUsize,
    /// Connections made.
    pub(super) connections: AtomicUsize,
    /// Requests that a GOAWAY said were not processed, and that were sent again elsewhere.
    pub(super) moved: AtomicUsize,
    /// The longest that one took, in milliseconds.
    pub(super) slowest: AtomicUsize,
    wrong: Mutex<Vec<String>>,
    /// The ids of requests that change something and were answered.
    posted: Mutex<Vec<String>>,
}

impl Tally {
    fn wrong(&self, what: String) {
        self.wrong.lock().expect("a list").push(what);
    }

    fn took(&self, begun: Instant) {
        let millis = usize::try_from(begun.elapsed().as_millis()).unwrap_or(usize::MAX);
        self.slowest.fetch_max(millis, Ordering::Relaxed);
        self.good.fetch_add(1, Ordering::Relaxed);
    }
}

/// The callers at work, in a thread of their own: hyper's HTTP/2 client, spread over threads, may
/// fail a request that it has sent if a GOAWAY arrives at that moment, and cannot tell it from one that
/// it has not.
pub(super) struct Load {
    pub(super) tally: Arc<Tally>,
    thread: std::thread::JoinHandle<()>,
}

#[derive(Clone)]
struct Caller {
    address: SocketAddr,
    config: Arc<ClientConfig>,
    protocol: Speak,
    number: usize,
    /// Whether it keeps its connection as long as it may.
    keeps: bool,
    tally: Arc<Tally>,
}

impl Load {
    /// Starts callers of each protocol that connect for each request, some that keep their
    /// connection, and some that only want the redirect to https.
    pub(super) fn start(world: &World, https: SocketAddr, http: SocketAddr) -> Self {
        let tally = Arc::new(Tally::default());
        let mut callers = Vec::new();
        for protocol in crate::support::BOTH {
            for number in 0..4 {
                callers.push(Caller {
                    address: https,
                    config: tls(world, protocol),
                    protocol,
                    number,
                    keeps: number % 2 == 0,
                    tally: tally.clone(),
                });
            }
        }
        let plain: Vec<_> = (0..3).map(|_| plain(http, tally.clone())).collect();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async {
                let mut all: JoinSet<()> = callers.into_iter().map(Caller::call).collect();
                plain.into_iter().for_each(|caller| drop(all.spawn(caller)));
                while let Some(ended) = all.join_next().await {
                    ended.expect("a caller");
                }
            });
        });
        Self { tally, thread }
    }

    /// Waits until so many more requests went well.
    pub(super) async fn more(&self, count: usize) {
        let enough = self.tally.good.load(Ordering::Relaxed) + count;
        while self.tally.good.load(Ordering::Relaxed) < enough {
            let wrong = self.tally.wrong.lock().expect("a list").clone();
            assert!(wrong.is_empty(), "{wrong:#?}");
            sleep(BREATH).await;
        }
    }

    /// Ends it. Not one request may have failed, and none that changes something may have come to a
    /// region twice, those least of all that were sent again.
    pub(super) fn end(self, world: &World, name: &str) {
        self.tally.over.store(true, Ordering::Relaxed);
        self.thread.join().expect("the callers");
        let of = |count: &AtomicUsize| count.load(Ordering::Relaxed);
        let (tally, wrong) = (&self.tally, self.tally.wrong.lock().expect("a list"));
        eprintln!(
            "{name}: {} requests over {} connections, {} moved, the slowest {} ms, {} failed",
            of(&tally.good),
            of(&tally.connections),
            of(&tally.moved),
            of(&tally.slowest),
            wrong.len(),
        );
        assert!(wrong.is_empty(), "{name}: {wrong:#?}");
        let mut received: HashMap<String, usize> = HashMap::new();
        for endpoint in [1, 2] {
            for seen in world.regions.seen("eu", endpoint).expect("an endpoint") {
                if let ("POST", Some(id)) = (seen.method(), seen.request_id()) {
                    *received.entry(id.to_owned()).or_default() += 1;
                }
            }
        }
        let posted = tally.posted.lock().expect("a list");
        assert!(posted.len() > 20, "{}", posted.len());
        for id in posted.iter() {
            assert_eq!(received.get(id), Some(&1), "{id}");
        }
    }
}

impl Caller {
    async fn call(self) {
        let mut kept = None;
        let mut number = 0_usize;
        while !self.tally.over.load(Ordering::Relaxed) {
            number += 1;
            let begun = Instant::now();
            match timeout(PATIENCE, self.ask(kept.take(), number)).await {
                Ok(Ok(connection)) => {
                    self.tally.took(begun);
                    kept = connection.filter(|_| self.keeps);
                }
                Ok(Err(what)) => self.tally.wrong(format!(
                    "{:?}, {}, request {number}: {what}",
                    self.protocol,
                    if self.keeps { "kept" } else { "fresh" },
                )),
                Err(_) => self
                    .tally
                    .wrong(format!("{:?}: never answered", self.protocol)),
            }
            sleep(BREATH).await;
        }
    }

    /// One request, and the connection if it may be used again.
    async fn ask(&self, kept: Option<Client>, number: usize) -> Result<Option<Client>, String> {
        let mut kept = kept;
        let (method, path) = match number % 2 {
            0 => (Method::GET, "/api/v1/status"),
            _ => (Method::POST, "/api/v1/share?secret=x"),
        };
        let id = format!("{:?}-{}-{number}", self.protocol, self.number);
        let headers = [("x-request-id", id.as_str())];
        for _ in 0..MOST_MOVES {
            let mut client = match kept.take() {
                Some(client) => client,
                None => self.connect().await?,
            };
            match client.try_ask(method.clone(), path, &headers, "").await {
                Ok(answer) if answer.status == 200 => {
                    if method == Method::POST {
                        self.tally.posted.lock().expect("a list").push(id);
                    }
                    let ends = answer.header("connection") == "close";
                    return Ok((!ends).then_some(client));
                }
                Ok(answer) => return Err(format!("{} {:?}", answer.status, answer.body)),
                Err(error) if self.protocol == Speak::Http2 && is_farewell(&error) => {
                    self.tally.moved.fetch_add(1, Ordering::Relaxed);
                }
                Err(error) => return Err(format!("{error:?}")),
            }
        }
        Err("told to go again and again".to_owned())
    }

    async fn connect(&self) -> Result<Client, String> {
        let host = "eu.onetimesecret.com";
        self.tally.connections.fetch_add(1, Ordering::Relaxed);
        Client::try_open(self.address, self.config.clone(), self.protocol, host)
            .await
            .map_err(|error| format!("cannot connect: {error:?}"))
    }
}

/// Whether the connection said goodbye before it took this request, so that it may be sent again (RFC
/// 9113 §6.8). What the regions received says whether that was true.
fn is_farewell(error: &hyper::Error) -> bool {
    error.is_canceled() || error.is_closed()
}

/// Asks the plain listener for its redirect, on a connection of its own each time.
async fn plain(address: SocketAddr, tally: Arc<Tally>) {
    while !tally.over.load(Ordering::Relaxed) {
        let begun = Instant::now();
        tally.connections.fetch_add(1, Ordering::Relaxed);
        match timeout(PATIENCE, redirect(address)).await {
            Ok(Ok(answer)) if answer.starts_with("HTTP/1.1 308 ") => tally.took(begun),
            other => tally.wrong(format!("plain: {other:?}")),
        }
        sleep(BREATH).await;
    }
}

pub(super) async fn redirect(address: SocketAddr) -> std::io::Result<String> {
    let mut socket = TcpStream::connect(address).await?;
    let request = "GET /api/v1/status HTTP/1.1\r\nHost: eu.onetimesecret.com\r\n\
                   Connection: close\r\n\r\n";
    socket.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await?;
    Ok(answer)
}
