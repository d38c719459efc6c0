//! One worker thread: a current-thread runtime, its own listeners, its own pools.

use std::net::TcpListener;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio::task::LocalSet;
use tokio::time::{Instant, sleep};

use super::{LOOK, Stage};
use crate::listen::accept::{self, Census, Door};
use crate::proxy::arrival::Scheme;
use crate::proxy::worker::{Common, Worker};
use crate::reload::Reloader;
use crate::telemetry::access::Outlet;
use crate::telemetry::spans::SpanOutlet;
use crate::telemetry::worker::WorkerMetrics;

/// How often unused connections to regions are looked through.
const SWEEP: Duration = Duration::from_secs(1);

/// The longest that a line of the access log waits for others.
const HAND_ON: Duration = Duration::from_millis(200);

/// How long a connection may stay idle once the drain has begun, at most: a request that crosses with
/// the drain arrives within it.
const IDLE_ENDS: Duration = Duration::from_secs(1);

/// The last part of a drain, at most, in which requests are refused.
const ENDING: Duration = Duration::from_secs(5);

/// A worker's listening sockets, and whether each demands the PROXY protocol.
#[derive(Default)]
pub(super) struct Sockets {
    pub(super) https: Vec<(TcpListener, bool)>,
    pub(super) http: Vec<(TcpListener, bool)>,
}

/// What a worker shares with the others.
pub(super) struct Part {
    pub(super) reloader: Arc<Reloader>,
    pub(super) metrics: Arc<WorkerMetrics>,
    pub(super) stages: watch::Receiver<Stage>,
    pub(super) census: Census,
    pub(super) access: Outlet,
    pub(super) spans: SpanOutlet,
    pub(super) common: Common,
    /// Is told when this worker accepts connections.
    pub(super) ready: Sender<()>,
}

/// Starts a worker. It ends with the number of requests that it cut off.
pub(super) fn spawn(
    number: usize,
    sockets: Sockets,
    part: Part,
) -> std::io::Result<JoinHandle<u64>> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new()
        .name(format!("worker-{number}"))
        .spawn(move || {
            let cut_off = run(&runtime, sockets, part);
            // A file system that does not answer must not delay the end.
            runtime.shutdown_background();
            cut_off
        })
}

fn run(runtime: &Runtime, sockets: Sockets, part: Part) -> u64 {
    let local = LocalSet::new();
    let worker = Worker::new(
        part.reloader.live.clone(),
        part.metrics,
        part.reloader.tls.clone(),
        part.access,
        part.spans,
        part.common,
    );
    local.block_on(
        runtime,
        serve(sockets, worker, part.stages, part.census, part.ready),
    )
}

async fn serve(
    sockets: Sockets,
    worker: Rc<Worker>,
    mut stages: watch::Receiver<Stage>,
    census: Census,
    ready: Sender<()>,
) -> u64 {
    let both = [(sockets.https, Scheme::Https), (sockets.http, Scheme::Http)];
    for (listeners, scheme) in both {
        for (listener, proxied) in listeners {
            match tokio::net::TcpListener::from_std(listener) {
                Ok(listener) => {
                    let (worker, census) = (worker.clone(), census.clone());
                    let door = Door { scheme, proxied };
                    tokio::task::spawn_local(accept::run(listener, door, worker, census));
                }
                Err(error) => {
                    tracing::error!(%error, "a listener cannot be used");
                    return 0;
                }
            }
        }
    }
    tokio::task::spawn_local(sweep(worker.clone(), census));
    tokio::task::spawn_local(hand_on(worker.clone()));
    let _ = ready.send(());
    let within = loop {
        let stage = *stages.borrow_and_update();
        match stage {
            Stage::Serving => {}
            Stage::Leaving => {
                worker.drain.begin();
                tokio::task::spawn_local(end_idle(worker.clone(), IDLE_ENDS));
            }
            Stage::Draining(within) => break within,
        }
        if stages.changed().await.is_err() {
            break Duration::ZERO;
        }
    };
    worker.drain.begin();
    worker.shut.begin();
    let due = Instant::now() + within;
    let ending = due - ENDING.min(within / 4);
    tokio::task::spawn_local(end_idle(worker.clone(), IDLE_ENDS.min(within / 4)));
    // The accept loops take in what already waits before they end: let them run once.
    sleep(LOOK).await;
    while !worker.clients.borrow().is_empty() && Instant::now() < due {
        if Instant::now() >= ending {
            worker.ending.begin();
        }
        sleep(LOOK).await;
    }
    worker.over.set(true);
    worker.in_flight.get()
}

async fn end_idle(worker: Rc<Worker>, after: Duration) {
    sleep(after).await;
    worker.idle_ends.begin();
}

/// Hands on lines of the access log that have waited long enough.
async fn hand_on(worker: Rc<Worker>) {
    loop {
        sleep(HAND_ON).await;
        worker.access.flush();
    }
}

/// Closes connections to regions that were not used for a while, and those of clients if the process
/// has too much memory.
async fn sweep(worker: Rc<Worker>, census: Census) {
    loop {
        sleep(SWEEP).await;
        let view = worker.view();
        let kept = view.config.timeouts.upstream_idle;
        if census.is_out_of_memory(view.config.limits.connections) {
            accept::relieve(&worker);
        }
        worker.pools.sweep(Instant::now(), kept);
        worker.publish();
    }
}
