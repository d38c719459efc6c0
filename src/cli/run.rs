//! `run`: serve until told to stop.

use std::path::PathBuf;
use std::thread::JoinHandle;

use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::upgrade::Started;
use crate::handover::take::{TakeError, parent};
use crate::handover::{activation, notify};
use crate::reload::Source;
use crate::server::sockets::{Heritage, TakeOver};
use crate::server::{Gateway, StartError};
use crate::telemetry::log;

#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// The configuration file
    #[arg(
        long,
        short,
        value_name = "FILE",
        default_value = "/etc/onetime-gateway/gateway.toml"
    )]
    pub(super) config: PathBuf,
    /// Take over the listening sockets of the process that runs already, if there is one: it drains once
    /// this one serves, and goes on if it never does. SOCKET is that process's server.handover, if it is
    /// not the configuration's; `-` is the process that started this one, connected to standard input
    #[arg(long, value_name = "SOCKET", num_args = 0..=1, require_equals = true)]
    take_over: Option<Option<PathBuf>>,
}

pub(super) fn run(arguments: &Arguments) -> u8 {
    // First of all: no other thread may read the environment meanwhile.
    let activated = activation::sockets();
    let source = Source::File(arguments.config.clone());
    log::start("info", false);
    super::shield::raise();
    for line in &activated.unusable {
        tracing::warn!("{line}");
    }
    let heritage = Heritage {
        passed: activated.sockets,
        take_over: match &arguments.take_over {
            None => TakeOver::No,
            Some(None) => TakeOver::Configured,
            Some(Some(path)) if path.as_os_str() == super::upgrade::PARENT => match parent() {
                Ok(stream) => TakeOver::From(stream),
                Err(error) => return refuse(&StartError::TakeOver(error.into())),
            },
            Some(Some(path)) => TakeOver::At(path.clone()),
        },
    };
    match Gateway::inherit(source, heritage) {
        Ok(gateway) => serve(gateway),
        Err(error) => {
            let code = refuse(&error);
            if arguments.take_over.is_none() && is_taken(&error) {
                super::complain(
                    "if a gateway runs there already, `run --take-over` takes its place, where both \
                     files have server.handover",
                );
            }
            code
        }
    }
}

/// Whether somebody listens there already.
fn is_taken(error: &StartError) -> bool {
    matches!(error, StartError::Listen { error, .. } if error.kind() == std::io::ErrorKind::AddrInUse)
}

/// Says why nothing was started.
pub(super) fn refuse(error: &StartError) -> u8 {
    super::complain(error);
    match error {
        StartError::Config(_) | StartError::TakeOver(TakeError::Nowhere) => super::BAD,
        StartError::Listen { .. } | StartError::TakeOver(_) | StartError::Thread(_) => {
            super::FAILED
        }
    }
}

/// Waits for signals until one says to stop, then drains.
fn serve(gateway: Gateway) -> u8 {
    let addresses = gateway.addresses();
    let admin = match (&addresses.admin, &addresses.admin_socket) {
        (Some(address), _) => address.to_string(),
        (None, Some(path)) => format!("unix:{}", path.display()),
        (None, None) => String::new(),
    };
    tracing::info!(https = ?addresses.https, http = ?addresses.http, %admin, "serving");
    notify::ready();
    let (code, late) = wait(Some(&gateway), true);
    tracing::info!("draining");
    // With a successor, the service goes on.
    if !gateway.is_handed_over() {
        notify::stopping();
    }
    gateway.drain();
    // It panicked, and has said so.
    let _ = late.map(JoinHandle::join);
    tracing::info!("stopped");
    code
}

/// Waits until SIGTERM or SIGINT, or until another process has taken over; meanwhile SIGHUP reloads and
/// SIGUSR1 opens the access log again.
pub(super) fn until_signal(gateway: Option<&Gateway>) -> u8 {
    wait(gateway, false).0
}

/// The same; meanwhile SIGUSR2 starts a successor, if `replaceable`. Gives what must have ended before this
/// process does.
fn wait(gateway: Option<&Gateway>, replaceable: bool) -> (u8, Option<JoinHandle<()>>) {
    let waited = || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let successors = runtime.block_on(signals(gateway, replaceable))?;
        let late = successors.map(|successors| {
            // A signal to stop may have been sent before the successor had taken over.
            std::thread::spawn(move || runtime.block_on(successors.until_alone()))
        });
        std::io::Result::Ok(late)
    };
    match waited() {
        Ok(late) => (super::FINE, late),
        Err(error) => {
            super::complain(format_args!("cannot wait for signals: {error}"));
            (super::FAILED, None)
        }
    }
}

/// Those that SIGUSR2 has started, and the signals that stop the service as a whole.
struct Successors {
    started: Vec<Started>,
    terminate: Signal,
    interrupt: Signal,
}

impl Successors {
    /// Waits for a signal to stop for as long as that is for a successor that has taken over as well.
    async fn until_alone(mut self) {
        let alone = self.started.iter().map(Started::shares_signals_until).max();
        let Some(alone) = alone else { return };
        tokio::select! {
            biased;
            _ = self.terminate.recv() => self.stop(),
            _ = self.interrupt.recv() => self.stop(),
            () = tokio::time::sleep_until(alone.into()) => {}
        }
    }

    fn stop(&self) {
        self.started.iter().for_each(Started::stop);
    }
}

/// Waits; gives the successors if one has taken over. If the process is told to stop before that, they are
/// stopped as well.
async fn signals(
    gateway: Option<&Gateway>,
    replaceable: bool,
) -> std::io::Result<Option<Successors>> {
    let mut successors = Successors {
        started: Vec::new(),
        terminate: signal(SignalKind::terminate())?,
        interrupt: signal(SignalKind::interrupt())?,
    };
    let mut hang_up = signal(SignalKind::hangup())?;
    let mut reopen = signal(SignalKind::user_defined1())?;
    let mut upgrade = signal(SignalKind::user_defined2())?;
    loop {
        tokio::select! {
            biased;
            _ = successors.terminate.recv() => break,
            _ = successors.interrupt.recv() => break,
            () = handed_over(gateway) => return Ok(Some(successors)),
            _ = upgrade.recv() => match gateway.filter(|_| replaceable) {
                Some(gateway) => successors.started.extend(super::upgrade::start(gateway)),
                None => tracing::error!("no successor is started: only `run` can be replaced"),
            },
            _ = reopen.recv() => if let Some(gateway) = gateway { gateway.handle().reopen_log() },
            // The verdict is in the log and in the metrics.
            _ = hang_up.recv() => {
                notify::reloading();
                drop(gateway.map(|gateway| gateway.handle().reload("signal")));
                notify::ready();
            }
        }
    }
    successors.stop();
    Ok(None)
}

async fn handed_over(gateway: Option<&Gateway>) {
    match gateway {
        Some(gateway) => gateway.handed_over().await,
        None => std::future::pending().await,
    }
}
