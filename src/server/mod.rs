//! The process put together: sockets, worker threads, the control thread, the way out.

mod control;
mod regions;
mod room;
pub mod sockets;
mod succession;
mod workers;

use std::hash::RandomState;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use thiserror::Error;
use tokio::sync::{mpsc, oneshot, watch};

use self::sockets::{Heritage, SocketFile};
pub use self::succession::Successor;

use crate::config::problem::Problems;
use crate::handover::take::{TakeError, Takeover};
use crate::limit::crowd::Crowd;
use crate::limit::ledger::Ledger;
use crate::listen::accept::Census;
use crate::proxy::lookup::Lookups;
use crate::proxy::record::Method;
use crate::proxy::worker::{Common, Share};
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
    /// Nobody else would accept new connections yet: they are, and served one request each, while
    /// those in flight finish.
    Leaving,
    /// No new connections; those in flight may finish within the time given.
    Draining(Duration),
}

/// How often it is looked whether anybody is left.
const LOOK: Duration = Duration::from_millis(20);

/// How long those may go on who connected while others finished.
const LATE: Duration = Duration::from_secs(5);

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
    /// The running process has not handed over.
    #[error("cannot take over: {0}")]
    TakeOver(#[from] TakeError),
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
    /// Admin, if it is a Unix socket.
    pub admin_socket: Option<PathBuf>,
    /// The read-only listener.
    pub metrics: Option<SocketAddr>,
}

/// A running gateway.
pub struct Gateway {
    addresses: Addresses,
    reloader: Arc<Reloader>,
    telemetry: Arc<Telemetry>,
    stage: watch::Sender<Stage>,
    workers: Vec<std::thread::JoinHandle<u64>>,
    control: Option<std::thread::JoinHandle<()>>,
    census: Census,
    held: bool,
    successors: mpsc::UnboundedSender<Successor>,
    /// Files of Unix sockets, which go when this process stops.
    socket_files: Vec<SocketFile>,
    handed_over: watch::Receiver<bool>,
}

impl Gateway {
    /// Loads the configuration, binds every socket and starts serving.
    ///
    /// # Errors
    /// [`StartError`]: nothing was started.
    pub fn start(source: Source) -> Result<Self, StartError> {
        Self::inherit(source, Heritage::default())
    }

    /// The same, with listening sockets that come from elsewhere. If they are taken over, the process
    /// that they are from has let go when this returns, or goes on as if nothing had happened.
    ///
    /// # Errors
    /// [`StartError`]: nothing was started.
    pub fn inherit(source: Source, heritage: Heritage) -> Result<Self, StartError> {
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
        let (takeover, passed) = heritage.collect(&config.server)?;
        let held = passed.held;
        let opened = sockets::open(&config.server, threads, passed)?;
        let (stage, stages) = watch::channel(Stage::Serving);
        let room = room::for_clients();
        room::warn(&config, room);
        let (offer, offered) = oneshot::channel();
        let (taken, handed_over) = watch::channel(false);
        let (successors, started) = mpsc::unbounded_channel();
        let census = Census::new(room);
        let wires = control::Wires {
            census: census.clone(),
            stages: stages.clone(),
            offer: offered,
            successors: started,
            handed_over: taken,
        };
        let mut gateway = Self {
            addresses: opened.addresses,
            reloader: reloader.clone(),
            telemetry: telemetry.clone(),
            stage,
            workers: Vec::with_capacity(threads),
            control: None,
            census,
            held,
            socket_files: Vec::new(),
            successors,
            handed_over,
        };
        gateway.employ(opened.workers, &stages, Share { room, threads })?;
        let control = control::spawn(opened.doors, reloader, telemetry, wires);
        gateway.control = Some(control.map_err(StartError::Thread)?);
        match takeover.map(Takeover::ready) {
            None => {}
            Some(Ok(())) => gateway.telemetry.handed_over("taken", 1),
            Some(Err(error)) => {
                // The other accepts from the same sockets: what came here may finish.
                gateway.drain();
                return Err(error.into());
            }
        }
        // Until here, another process may listen there.
        gateway.socket_files = opened.files;
        // The control thread has gone only if it panicked, and has said so.
        let _ = offer.send(opened.offer);
        Ok(gateway)
    }

    /// Starts the workers, and returns when every one of them accepts connections.
    fn employ(
        &mut self,
        sockets: Vec<workers::Sockets>,
        stages: &watch::Receiver<Stage>,
        share: Share,
    ) -> Result<(), StartError> {
        let secret = crate::tls::random().map_err(StartError::Thread)?;
        let common = Common {
            ledger: Arc::new(Ledger::new(Instant::now())),
            crowd: Arc::new(Crowd::new(RandomState::new())),
            lookups: Arc::new(Lookups::new(secret, Instant::now())),
            requests: Arc::default(),
            share,
        };
        let (ready, readiness) = std::sync::mpsc::channel();
        let count = sockets.len();
        for (number, sockets) in sockets.into_iter().enumerate() {
            let part = workers::Part {
                reloader: self.reloader.clone(),
                metrics: self.telemetry.worker(),
                stages: stages.clone(),
                census: self.census.clone(),
                access: self.telemetry.access.outlet(),
                spans: self.telemetry.spans.outlet(),
                common: common.clone(),
                ready: ready.clone(),
            };
            let worker = workers::spawn(number, sockets, part).map_err(StartError::Thread)?;
            self.workers.push(worker);
        }
        drop(ready);
        if readiness.iter().take(count).count() == count {
            Ok(())
        } else {
            let error = std::io::Error::other("a worker cannot use its listeners");
            Err(StartError::Thread(error))
        }
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

    /// Gives the sockets to a process that this one has started, as soon as it asks for them.
    pub fn give_to(&self, successor: Successor) {
        // The control thread has gone only if it panicked, and has said so.
        let _ = self.successors.send(successor);
    }

    /// Whether another process has taken over, and this one should drain.
    #[must_use]
    pub fn is_handed_over(&self) -> bool {
        *self.handed_over.borrow()
    }

    /// Waits until another process has taken over.
    pub async fn handed_over(&self) {
        let mut handed_over = self.handed_over.clone();
        if handed_over.wait_for(|taken| *taken).await.is_err() {
            // Nobody can take over any more.
            std::future::pending().await
        }
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
    ///
    /// If a supervisor has the sockets as well, whoever connected meanwhile would wait until the next
    /// process starts. So connections are accepted, for one request each, until those that were there
    /// at first are gone.
    ///
    /// Gives the number of requests that were not over in time, and were cut off.
    pub fn drain(self) -> u64 {
        let within = self.reloader.live.load().config.server.drain;
        if !self.held || self.is_handed_over() {
            return self.drain_within(within);
        }
        let due = Instant::now() + within;
        self.census.leave();
        self.stage.send_replace(Stage::Leaving);
        while self.census.early() > 0 && Instant::now() < due {
            std::thread::sleep(LOOK);
        }
        self.drain_within(within.min(LATE))
    }

    /// The same, within a time of the caller's.
    pub fn drain_within(mut self, within: Duration) -> u64 {
        self.stage.send_replace(Stage::Draining(within));
        // A worker that panicked has already said so.
        let workers = self.workers.drain(..);
        let cut: u64 = workers.filter_map(|worker| worker.join().ok()).sum();
        if cut > 0 {
            tracing::warn!(
                requests = cut,
                "cut off: they were still in flight {within:?} after draining began (server.drain)"
            );
        }
        // The control thread ends when nobody can change the stage any more.
        drop(self.stage);
        if let Some(control) = self.control.take() {
            let _ = control.join();
        }
        // Whoever has taken over listens there, and a supervisor's sockets are not ours.
        if !self.held && !*self.handed_over.borrow() {
            self.socket_files.iter().for_each(SocketFile::remove);
        }
        self.telemetry.access.close();
        self.telemetry.spans.close();
        cut
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
