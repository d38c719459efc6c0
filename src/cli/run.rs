//! `run`: serve until told to stop.

use std::path::PathBuf;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use crate::reload::Source;
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
}

pub(super) fn run(arguments: &Arguments) -> u8 {
    let source = Source::File(arguments.config.clone());
    log::start("info", false);
    super::shield::raise();
    match Gateway::start(source) {
        Ok(gateway) => serve(gateway),
        Err(error) => refuse(&error),
    }
}

/// Says why nothing was started.
pub(super) fn refuse(error: &StartError) -> u8 {
    super::complain(error);
    match error {
        StartError::Config(_) => super::BAD,
        StartError::Listen { .. } | StartError::Thread(_) => super::FAILED,
    }
}

/// Waits for signals until one says to stop, then drains.
fn serve(gateway: Gateway) -> u8 {
    let addresses = gateway.addresses();
    tracing::info!(https = ?addresses.https, http = ?addresses.http, admin = ?addresses.admin, "serving");
    let code = until_signal(Some(&gateway));
    tracing::info!("draining");
    gateway.drain();
    tracing::info!("stopped");
    code
}

/// Waits until SIGTERM or SIGINT; meanwhile SIGHUP reloads and SIGUSR1 opens the
/// access log again.
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
    loop {
        tokio::select! {
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
            _ = reopen.recv() => if let Some(gateway) = gateway { gateway.handle().reopen_log() },
            // The verdict is in the log and in the metrics.
            _ = hang_up.recv() => drop(gateway.map(|gateway| gateway.handle().reload("signal"))),
        }
    }
}
