//! SIGUSR2: starts the binary that now lies where this process's own lay, with the same arguments, to
//! take over. A supervisor sees its service go on: the successor is this process's child, and the two are
//! connected by a pair of sockets, so that no path and no timing matters.

use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::server::{Gateway, Successor};

/// The path that stands for the connection with the parent, in standard input.
pub(super) const PARENT: &str = "-";

/// How often it is looked whether the successor has ended.
const LOOK: Duration = Duration::from_millis(50);

/// A signal to stop that comes within this after the start of a successor is for the service as a whole,
/// also if the successor has taken over meanwhile: who sent it cannot have known. Later it is for this
/// process alone.
const BOTH: Duration = Duration::from_secs(1);

/// A successor that was started, until it has ended.
#[derive(Clone)]
pub(super) struct Started {
    child: Arc<Mutex<Option<Child>>>,
    at: Instant,
}

impl Started {
    /// Until when a signal to stop is for it as well.
    pub(super) fn shares_signals_until(&self) -> Instant {
        self.at + BOTH
    }

    /// Ends the successor, if it is still there: the service is to stop.
    pub(super) fn stop(&self) {
        let child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        // It was not waited for yet, so that its number is nobody else's.
        if let Some(child) = &*child {
            tracing::info!(pid = child.id(), "the successor is to stop, too");
            if let Err(error) = kill_process(Pid::from_child(child), Signal::TERM) {
                tracing::error!(%error, "the successor cannot be stopped");
            }
        }
    }
}

/// Starts a successor that takes over from this process. Says what goes wrong; this process goes on either
/// way.
pub(super) fn start(gateway: &Gateway) -> Option<Started> {
    match spawn() {
        Ok((child, connection)) => {
            let pid = Pid::from_child(&child).as_raw_nonzero().get();
            tracing::info!(pid, "successor started");
            gateway.give_to(Successor { connection, pid });
            let started = Started {
                child: Arc::new(Mutex::new(Some(child))),
                at: Instant::now(),
            };
            wait_for(started.child.clone());
            Some(started)
        }
        Err(error) => {
            tracing::error!(%error, "no successor could be started");
            None
        }
    }
}

fn spawn() -> io::Result<(Child, UnixStream)> {
    let (program, arguments) = command(std::env::args_os(), Path::new(PARENT));
    let (ours, theirs) = UnixStream::pair()?;
    let child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .spawn()?;
    Ok((child, ours))
}

/// Somebody must wait for it, in case that it fails. Once it serves, this process ends first.
fn wait_for(child: Arc<Mutex<Option<Child>>>) {
    let waiting = std::thread::Builder::new().name("successor".to_owned());
    let waited = waiting.spawn(move || {
        loop {
            std::thread::sleep(LOOK);
            let mut child = child.lock().unwrap_or_else(PoisonError::into_inner);
            match child.as_mut().map(Child::try_wait) {
                Some(Ok(None)) => {}
                Some(Ok(Some(status))) => {
                    tracing::error!("the successor has ended: {status}");
                    *child = None;
                    return;
                }
                Some(Err(_)) | None => return,
            }
        }
    });
    if let Err(error) = waited {
        tracing::warn!(%error, "nobody waits for the successor");
    }
}

/// The same command, but for where it takes over from.
fn command(own: impl Iterator<Item = OsString>, handover: &Path) -> (OsString, Vec<OsString>) {
    let mut own = own;
    let program = own.next().unwrap_or_default();
    let mut arguments: Vec<OsString> = own
        .filter(|one| !one.as_encoded_bytes().starts_with(b"--take-over"))
        .collect();
    let mut take_over = OsString::from("--take-over=");
    take_over.push(handover);
    arguments.push(take_over);
    (program, arguments)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_successor_has_the_same_arguments_and_takes_over_here() {
        let own = |words: &[&str]| {
            let words: Vec<OsString> = words.iter().map(OsString::from).collect();
            command(words.into_iter(), Path::new("/run/h"))
        };
        let wanted = ["run", "--config", "a b", "--take-over=/run/h"].map(OsString::from);
        for words in [
            &["g", "run", "--config", "a b"][..],
            &["g", "run", "--take-over", "--config", "a b"][..],
            &["g", "run", "--config", "a b", "--take-over=/old"][..],
        ] {
            let (program, arguments) = own(words);
            assert_eq!(program, "g");
            assert_eq!(arguments, wanted);
        }
    }
}
