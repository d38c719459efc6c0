//! `run`: serve until told to stop.

use std::path::PathBuf;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use crate::reload::{Source, Verdict};
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
pub(super) fn serve(gateway: Gateway) -> u8 {
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            super::complain(format_args!("cannot wait for signals: {error}"));
            return super::FAILED;
        }
    };
    let addresses = gateway.addresses();
    tracing::info!(https = ?addresses.https, http = ?addresses.http, admin = ?addresses.admin, "serving");
    match runtime.block_on(until_stopped(&gateway)) {
        Ok(()) => {
            tracing::info!("draining");
            gateway.drain();
            tracing::info!("stopped");
            super::FINE
        }
        Err(error) => {
            super::complain(format_args!("cannot wait for signals: {error}"));
            super::FAILED
        }
    }
}

async fn until_stopped(gateway: &Gateway) -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let handle = gateway.handle();
    loop {
        tokio::select! {
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
            _ = hang_up.recv() => {
                if let Verdict::Refused(problems) = handle.reload("signal") {
                    tracing::debug!(count = problems.len(), "reload by signal refused");
                }
            }
        }
    }
}
