//! Waits for a process that takes this one's place.

use std::sync::Arc;

use tokio::net::UnixListener;
use tokio::sync::{oneshot, watch};

use super::Stage;
use super::sockets::Offer;
use crate::handover::give::{GiveError, give};
use crate::handover::notify;
use crate::telemetry::Telemetry;

/// Offers the listening sockets to whoever comes, one at a time, until one has taken them (`true`) or
/// this process is on its way down. The sockets are dropped then: they must not stay open in a process
/// that accepts no more.
pub(super) async fn run(
    offer: oneshot::Receiver<Offer>,
    mut stages: watch::Receiver<Stage>,
    telemetry: Arc<Telemetry>,
) -> bool {
    let Ok(offer) = offer.await else { return false };
    let leaving = stages.wait_for(|stage| *stage != Stage::Serving);
    tokio::select! {
        taken = hand_over(offer, &telemetry) => taken,
        _ = leaving => false,
    }
}

async fn hand_over(offer: Offer, telemetry: &Telemetry) -> bool {
    let listener = match UnixListener::from_std(offer.listener) {
        Ok(listener) => listener,
        Err(error) => {
            tracing::error!(%error, "nobody will be able to take over from this process");
            return false;
        }
    };
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "cannot accept at server.handover");
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                continue;
            }
        };
        match give(stream, &offer.sockets, offer.held).await {
            Ok(pid) => {
                tracing::info!(
                    pid,
                    sockets = offer.sockets.len(),
                    "another process has taken over"
                );
                telemetry.handed_over("given", 1);
                notify::main_process(pid);
                return true;
            }
            Err(GiveError::Nothing) => {}
            Err(error) => {
                telemetry.handed_over("failed", 1);
                tracing::warn!(
                    "a process that wanted to take over has not: {error}; this one goes on"
                );
            }
        }
    }
}
