//! The control thread: admin listeners, watched files, the metrics' upkeep. Off the request's path.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use metrics::{counter, gauge};
use serde_json::{Value, json};
use tokio::runtime::Builder;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::interval;

use super::sockets::Offer;
use super::succession::Successor;
use super::{Stage, room};
use crate::admin::door::Door;
use crate::admin::{Control, Scope};
use crate::balance::ejection::Evidence;
use crate::config::log::{Access, Format};
use crate::geoip::Database;
use crate::listen::accept::Census;
use crate::reload::{Reloader, Verdict};
use crate::snapshot::Snapshot;
use crate::telemetry::access::Target;
use crate::telemetry::worker::Event;
use crate::telemetry::{Telemetry, log};

/// How often the exporter's histograms are drained, scraped or not.
const UPKEEP: Duration = Duration::from_secs(5);

/// The ends of what the control thread and the gateway tell each other.
pub(super) struct Wires {
    pub(super) stages: watch::Receiver<Stage>,
    /// What a next process may ask for, once this one is alone.
    pub(super) offer: oneshot::Receiver<Offer>,
    /// Processes that this one has started to take its place.
    pub(super) successors: mpsc::UnboundedReceiver<Successor>,
    /// Set when a next process has taken over.
    pub(super) handed_over: watch::Sender<bool>,
    /// Is told whether the process has more memory than it may.
    pub(super) census: Census,
}

/// Starts the control thread. It ends when nobody holds the stage's other end any more.
pub(super) fn spawn(
    doors: Vec<(Door, Scope)>,
    reloader: Arc<Reloader>,
    telemetry: Arc<Telemetry>,
    wires: Wires,
) -> std::io::Result<JoinHandle<()>> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    publish(&reloader.live.load(), &telemetry);
    std::thread::Builder::new()
        .name("control".to_owned())
        .spawn(move || {
            runtime.block_on(run(doors, reloader, telemetry, wires));
        })
}

async fn run(
    doors: Vec<(Door, Scope)>,
    reloader: Arc<Reloader>,
    telemetry: Arc<Telemetry>,
    wires: Wires,
) {
    let mut stages = wires.stages;
    let control: Arc<dyn Control> = Arc::new(Console {
        reloader: reloader.clone(),
        telemetry: telemetry.clone(),
        stages: stages.clone(),
    });
    let mut serving = JoinSet::new();
    for (door, scope) in doors {
        let control = control.clone();
        serving.spawn(async move {
            if let Err(error) = door.serve(scope, control).await {
                tracing::error!(%error, "an admin listener cannot be used");
            }
        });
    }
    let mut succession = tokio::spawn(super::succession::run(
        wires.offer,
        wires.successors,
        stages.clone(),
        telemetry.clone(),
    ));
    let (for_directories, for_stale, for_reload) =
        (reloader.clone(), reloader.clone(), reloader.clone());
    let metrics = telemetry.clone();
    tokio::spawn(crate::reload::watch::watch(
        move || -> Vec<PathBuf> { for_directories.directories() },
        move || for_stale.stale(),
        async move |seen| {
            let (reloader, metrics) = (for_reload.clone(), metrics.clone());
            // Building takes a while, and this thread has more to do. One that panicked has said so.
            let loaded = spawn_blocking(move || {
                let verdict = reloader.reload_at_rest(SystemTime::now(), &seen);
                verdict.map(|verdict| tell(&reloader, &metrics, "file", &verdict))
            });
            let _ = loaded.await;
        },
    ));
    tokio::spawn(crate::dns::watch(reloader.live.clone()));
    tokio::spawn(room::watch_memory(reloader.live.clone(), wires.census));
    let (counts, labels) = (telemetry.worker(), telemetry.clone());
    tokio::spawn(crate::health::watch(
        reloader.live.clone(),
        move |region, times| {
            let region = labels.region(region);
            for _ in 0..times {
                counts.count(Event::Ejected, Some(region), Evidence::Reset.label());
            }
        },
    ));
    let mut upkeep = interval(UPKEEP);
    let mut alone = true;
    loop {
        tokio::select! {
            _ = upkeep.tick() => telemetry.upkeep(),
            taken = &mut succession, if alone => {
                alone = false;
                if matches!(taken, Ok(true)) {
                    // Whoever asks for metrics or a reload from now on means the other.
                    serving.abort_all();
                    wires.handed_over.send_replace(true);
                }
            }
            changed = stages.changed() => if changed.is_err() { return },
        }
    }
}

/// Reloads and tells everybody: the log, the metrics, the caller.
pub(super) fn reload(reloader: &Reloader, telemetry: &Telemetry, trigger: &'static str) -> Verdict {
    let verdict = reloader.reload(SystemTime::now());
    tell(reloader, telemetry, trigger, &verdict);
    verdict
}

fn tell(reloader: &Reloader, telemetry: &Telemetry, trigger: &'static str, verdict: &Verdict) {
    match verdict {
        Verdict::Applied {
            generation,
            hash,
            warnings,
        } => {
            for warning in warnings {
                tracing::warn!("{warning}");
            }
            let hash = format!("{hash:012x}");
            tracing::info!(trigger, generation, hash, "configuration reloaded");
            telemetry.cold(|| {
                counter!("onetime_gateway_reloads_total", "result" => "applied", "trigger" => trigger)
                    .increment(1);
            });
            publish(&reloader.live.load(), telemetry);
        }
        Verdict::Refused(problems) => {
            tracing::error!("configuration refused ({trigger}), the old one stays:\n{problems}");
            telemetry.cold(|| {
                counter!("onetime_gateway_reloads_total", "result" => "refused", "trigger" => trigger)
                    .increment(1);
                gauge!("onetime_gateway_last_reload_successful").set(0.0);
            });
        }
    }
}

/// Shows what is live.
#[expect(
    clippy::cast_precision_loss,
    reason = "48-bit and smaller numbers fit a double"
)]
fn publish(snapshot: &Snapshot, telemetry: &Telemetry) {
    let log = &snapshot.config.log;
    log::change(log.level.label(), log.format == Format::Json);
    telemetry.access.turn_to(match &snapshot.config.log.access {
        Access::Off => Target::Off,
        Access::Stdout => Target::Stdout,
        Access::File(path) => Target::File(path.written.clone()),
    });
    telemetry
        .spans
        .turn_to(snapshot.config.tracing.otlp.clone());
    let seconds = |time: SystemTime| {
        time.duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs_f64()
    };
    telemetry.cold(|| {
        gauge!("onetime_gateway_last_reload_successful").set(1.0);
        gauge!("onetime_gateway_last_successful_reload_timestamp_seconds")
            .set(seconds(SystemTime::now()));
        gauge!("onetime_gateway_config_hash").set(snapshot.hash as f64);
        gauge!("onetime_gateway_config_generation").set(snapshot.generation as f64);
        gauge!("onetime_gateway_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
        let built = snapshot
            .database()
            .map_or(0.0, |database| seconds(database.built()));
        gauge!("onetime_gateway_geoip_build_timestamp_seconds").set(built);
        let coverage = snapshot.database().map(Database::coverage);
        let coverage = coverage.unwrap_or_default();
        for (family, share) in [("ipv4", coverage.v4), ("ipv6", coverage.v6)] {
            gauge!("onetime_gateway_geoip_covered_ratio", "family" => family).set(share);
        }
    });
}

/// What the admin pages may ask.
struct Console {
    reloader: Arc<Reloader>,
    telemetry: Arc<Telemetry>,
    stages: watch::Receiver<Stage>,
}

impl Control for Console {
    fn metrics(&self) -> String {
        super::regions::metrics(&self.reloader, &self.telemetry)
    }

    fn unready(&self) -> Option<&'static str> {
        match *self.stages.borrow() {
            Stage::Serving => None,
            Stage::Leaving | Stage::Draining(_) => Some("draining"),
        }
    }

    fn reload(&self) -> Result<Value, Value> {
        match reload(&self.reloader, &self.telemetry, "admin") {
            Verdict::Applied {
                generation,
                hash,
                warnings,
            } => Ok(json!({
                "result": "applied",
                "file": self.reloader.file(),
                "generation": generation,
                "hash": format!("{hash:012x}"),
                "warnings": warnings,
            })),
            Verdict::Refused(problems) => Err(json!({
                "result": "refused",
                "file": self.reloader.file(),
                "problems": problems.iter().map(ToString::to_string).collect::<Vec<_>>(),
            })),
        }
    }

    fn config(&self) -> String {
        let snapshot = self.reloader.live.load();
        format!("{:#}\n", crate::config::view::view(&snapshot.config))
    }

    fn regions(&self) -> Value {
        super::regions::regions(&self.reloader)
    }
}
