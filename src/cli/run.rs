//! `run`: serve until told to stop.

use std::path::PathBuf;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use crate::handover::take::TakeError;
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
    /// not the configuration's
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
    let code = until_signal(Some(&gateway));
    tracing::info!("draining");
    // With a successor, the service goes on.
    if !gateway.is_handed_over() {
        notify::stopping();
    }
    gateway.drain();
    tracing::info!("stopped");
    code
}

/// Waits until SIGTERM or SIGINT, or until another process has taken over; meanwhile SIGHUP reloads,
/// SIGUSR1 opens the access log again and SIGUSR2 starts a successor.
pub(super) fn until_signal(gateway: Option<&Gateway>) -> u8 {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    match runtime.and_then(|runtime| runtime.block_on(signals(gateway))) {
        Ok(()) => super::FINE,
        Err(error) => {
            super::complain(format_args!("cannot wait for signals: {error}"));
            super::FAILED
        }
    }
}

async fn signals(gateway: Option<&Gateway>) -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let mut reopen = signal(SignalKind::user_defined1())?;
    let mut upgrade = signal(SignalKind::user_defined2())?;
    loop {
        tokio::select! {
            () = handed_over(gateway) => return Ok(()),
            _ = upgrade.recv() => super::upgrade::start(gateway.and_then(Gateway::handover)),
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
            _ = reopen.recv() => if let Some(gateway) = gateway { gateway.handle().reopen_log() },
            // The verdict is in the log and in the metrics.
            _ = hang_up.recv() => {
                notify::reloading();
                drop(gateway.map(|gateway| gateway.handle().reload("signal")));
                notify::ready();
            }
        }
    }
}

async fn handed_over(gateway: Option<&Gateway>) {
    match gateway {
        Some(gateway) => gateway.handed_over().await,
        None => std::future::pending().await,
    }
}
