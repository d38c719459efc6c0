//! Waits for a process that takes this one's place.

use std::io;
use std::os::unix::net::UnixStream as Connection;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::Stage;
use super::sockets::Offer;
use crate::handover::give::{GiveError, give};
use crate::handover::notify;
use crate::telemetry::Telemetry;

/// A process that this one has started to take its place.
#[derive(Debug)]
pub struct Successor {
    /// The connection with it.
    pub connection: Connection,
    /// Its number.
    pub pid: i32,
}

/// Offers the listening sockets to whoever comes, one at a time, until one has taken them (`true`) or
/// this process is on its way down. The sockets are dropped then: they must not stay open in a process
/// that accepts no more.
pub(super) async fn run(
    offer: oneshot::Receiver<Offer>,
    successors: mpsc::UnboundedReceiver<Successor>,
    mut stages: watch::Receiver<Stage>,
    telemetry: Arc<Telemetry>,
) -> bool {
    let Ok(offer) = offer.await else { return false };
    let leaving = stages.wait_for(|stage| *stage != Stage::Serving);
    tokio::select! {
        taken = hand_over(offer, successors, &telemetry) => taken,
        _ = leaving => false,
    }
}

async fn hand_over(
    offer: Offer,
    mut successors: mpsc::UnboundedReceiver<Successor>,
    telemetry: &Telemetry,
) -> bool {
    let listener = match offer.listener.map(UnixListener::from_std).transpose() {
        Ok(listener) => listener,
        Err(error) => {
            tracing::error!(%error, "nobody will be able to take over at server.handover");
            None
        }
    };
    let mut starting = JoinSet::new();
    loop {
        let (stream, pid) = tokio::select! {
            Some(successor) = successors.recv() => {
                // It loads its configuration first, and others may come meanwhile.
                starting.spawn(asks(successor));
                continue;
            }
            Some(Ok(asked)) = starting.join_next() => match asked {
                Ok((stream, pid)) => (stream, Some(pid)),
                Err(error) => {
                    tracing::warn!(%error, "the connection with a successor cannot be used");
                    continue;
                }
            },
            accepted = accept(listener.as_ref()) => match accepted {
                Ok(stream) => (stream, None),
                Err(error) => {
                    tracing::warn!(%error, "cannot accept at server.handover");
                    sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
        };
        match give(stream, &offer.sockets, offer.held).await {
            Ok(peer) => {
                // Of a pair of sockets, both ends are this process's own.
                let pid = pid.unwrap_or(peer);
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

async fn accept(listener: Option<&UnixListener>) -> io::Result<UnixStream> {
    match listener {
        Some(listener) => listener.accept().await.map(|(stream, _)| stream),
        None => std::future::pending().await,
    }
}

/// Waits until a successor says something, or has ended.
async fn asks(successor: Successor) -> io::Result<(UnixStream, i32)> {
    successor.connection.set_nonblocking(true)?;
    let stream = UnixStream::from_std(successor.connection)?;
    stream.readable().await?;
    Ok((stream, successor.pid))
}
