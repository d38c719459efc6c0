//! The process put together: sockets, worker threads, the control thread, the way out.

mod control;
mod regions;
mod workers;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use thiserror::Error;
use tokio::sync::watch;

use crate::config::problem::Problems;
use crate::limit::ledger::Ledger;
use crate::listen::accept::Census;
use crate::listen::socket;
use crate::proxy::lookup::Lookups;
use crate::proxy::record::Method;
use crate::region::Reason;
use crate::reload::{Reloader, Source, Verdict};
use crate::route::template::{RouteTemplate, TEMPLATES};
use crate::telemetry::access::AccessLog;
use crate::telemetry::spans::Spans;
use crate::telemetry::{Tables, Telemetry};

/// How far the process is on its way out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Stage {
    /// Serving.
    Serving,
    /// No new connections; those in flight may finish within the time given.
    Draining(Duration),
}

/// Why the gateway did not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The configuration has problems.
    #[error("{0}")]
    Config(Problems),
    /// An address cannot be listened on.
    #[error("cannot listen on {address} ({what}): {error}")]
    Listen {
        /// Where.
        address: String,
        /// For what.
        what: &'static str,
        /// What the system says.
        error: std::io::Error,
    },
    /// A thread or its runtime cannot be made.
    #[error("cannot start a thread: {0}")]
    Thread(std::io::Error),
}

/// Where a running gateway listens.
#[derive(Clone, Debug, Default)]
pub struct Addresses {
    /// TLS.
    pub https: Vec<SocketAddr>,
    /// Plain HTTP.
    pub http: Vec<SocketAddr>,
    /// Admin, unless it is a Unix socket.
    pub admin: Option<SocketAddr>,
    /// The read-only listener.
    pub metrics: Option<SocketAddr>,
}

/// A running gateway.
pub struct Gateway {
    addresses: Addresses,
    reloader: Arc<Reloader>,
    telemetry: Arc<Telemetry>,
    stage: watch::Sender<Stage>,
    workers: Vec<std::thread::JoinHandle<()>>,
    control: Option<std::thread::JoinHandle<()>>,
    census: Census,
}

impl Gateway {
    /// Loads the configuration, binds every socket and starts serving.
    ///
    /// # Errors
    /// [`StartError`]: nothing was started.
    pub fn start(source: Source) -> Result<Self, StartError> {
        let access = AccessLog::start().map_err(StartError::Thread)?;
        let spans = Spans::start().map_err(StartError::Thread)?;
        let telemetry = Arc::new(Telemetry::new(tables(), access, spans));
        let labels = telemetry.clone();
        let (reloader, warnings) = Reloader::start(
            source,
            SystemTime::now(),
            Box::new(move |region| labels.region(region)),
        )
        .map_err(StartError::Config)?;
        for warning in warnings {
            tracing::warn!("{warning}");
        }
        let reloader = Arc::new(reloader);
        let config = reloader.live.load_full().config.clone();
        let threads = crate::snapshot::threads(&config.server);
        let mut addresses = Addresses::default();
        let (mut https, mut http) = (Vec::new(), Vec::new());
        for address in &config.server.https {
            let listeners = bind(*address, threads, "https", &mut addresses.https)?;
            https.push((listeners, config.server.proxy_protocol.contains(address)));
        }
        for address in &config.server.http {
            let listeners = bind(*address, threads, "http", &mut addresses.http)?;
            http.push((listeners, config.server.proxy_protocol.contains(address)));
        }
        let doors = control::Doors::open(&config.server, &mut addresses)?;
        let (stage, stages) = watch::channel(Stage::Serving);
        let census = Census::default();
        let ledger = Arc::new(Ledger::new(Instant::now()));
        let secret = crate::tls::random().map_err(StartError::Thread)?;
        let lookups = Arc::new(Lookups::new(secret, Instant::now()));
        let mut workers = Vec::with_capacity(threads);
        for number in 0..threads {
            let sockets = workers::Sockets {
                https: of_one(&mut https),
                http: of_one(&mut http),
            };
            let part = workers::Part {
                reloader: reloader.clone(),
                metrics: telemetry.worker(),
                stages: stages.clone(),
                census: census.clone(),
                access: telemetry.access.outlet(),
                spans: telemetry.spans.outlet(),
                ledger: ledger.clone(),
                lookups: lookups.clone(),
            };
            workers.push(workers::spawn(number, sockets, part).map_err(StartError::Thread)?);
        }
        let control = control::spawn(doors, reloader.clone(), telemetry.clone(), stages)
            .map_err(StartError::Thread)?;
        Ok(Self {
            addresses,
            reloader,
            telemetry,
            stage,
            workers,
            control: Some(control),
            census,
        })
    }

    /// Where it listens.
    #[must_use]
    pub const fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// Reloads, synchronously.
    #[must_use]
    pub fn reload(&self) -> Verdict {
        control::reload(&self.reloader, &self.telemetry, "call")
    }

    /// What is live, to be tampered with.
    #[cfg(test)]
    pub(crate) fn live(&self) -> &arc_swap::ArcSwap<crate::snapshot::Snapshot> {
        &self.reloader.live
    }

    /// All metrics as text.
    #[must_use]
    pub fn metrics(&self) -> String {
        regions::metrics(&self.reloader, &self.telemetry)
    }

    /// Client connections that are open.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.census.count()
    }

    /// Something through which other threads can ask for a reload.
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle {
            reloader: self.reloader.clone(),
            telemetry: self.telemetry.clone(),
        }
    }

    /// Stops accepting, lets what is in flight finish within the configured time, and returns when
    /// all is over.
    pub fn drain(self) {
        let within = self.reloader.live.load().config.server.drain;
        self.drain_within(within);
    }

    /// The same, within a time of the caller's.
    pub fn drain_within(mut self, within: Duration) {
        self.stage.send_replace(Stage::Draining(within));
        for worker in self.workers.drain(..) {
            // A worker that panicked has already said so.
            let _ = worker.join();
        }
        // The control thread ends when nobody can change the stage any more.
        drop(self.stage);
        if let Some(control) = self.control.take() {
            let _ = control.join();
        }
        self.telemetry.access.close();
        self.telemetry.spans.close();
    }
}

/// What other threads may ask of a running gateway.
#[derive(Clone)]
pub struct Handle {
    reloader: Arc<Reloader>,
    telemetry: Arc<Telemetry>,
}

impl Handle {
    /// Reloads, synchronously.
    #[must_use]
    pub fn reload(&self, trigger: &'static str) -> Verdict {
        control::reload(&self.reloader, &self.telemetry, trigger)
    }

    /// Opens the access log again, after its file was moved away.
    pub fn reopen_log(&self) {
        self.telemetry.access.reopen();
    }
}

/// The texts of labels, from the rooms that know them.
fn tables() -> Tables {
    Tables {
        routes: TEMPLATES.iter().map(RouteTemplate::label).collect(),
        methods: Method::LABELS.to_vec(),
        reasons: Reason::ALL.iter().map(|reason| reason.label()).collect(),
    }
}

/// One worker's share of the listeners.
fn of_one(all: &mut [(Vec<std::net::TcpListener>, bool)]) -> Vec<(std::net::TcpListener, bool)> {
    all.iter_mut()
        .filter_map(|(listeners, proxied)| Some((listeners.pop()?, *proxied)))
        .collect()
}

fn bind(
    address: SocketAddr,
    threads: usize,
    what: &'static str,
    bound: &mut Vec<SocketAddr>,
) -> Result<Vec<std::net::TcpListener>, StartError> {
    let listeners = socket::bind(address, threads).map_err(|error| StartError::Listen {
        address: address.to_string(),
        what,
        error,
    })?;
    bound.extend(
        listeners
            .first()
            .and_then(|listener| listener.local_addr().ok()),
    );
    Ok(listeners)
}
