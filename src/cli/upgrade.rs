//! SIGUSR2: starts the binary that now lies where this process's own lay, with the same arguments, to
//! take over. A supervisor sees its service go on: the successor is this process's child.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};

/// Starts a successor that asks at `handover`. Says what goes wrong; this process goes on either way.
pub(super) fn start(handover: Option<&Path>) {
    let Some(handover) = handover else {
        tracing::error!("no successor is started: server.handover names no socket to take over at");
        return;
    };
    let (program, arguments) = command(std::env::args_os(), handover);
    let successor = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .spawn();
    match successor {
        Ok(mut successor) => {
            tracing::info!(pid = successor.id(), "successor started");
            // Somebody must wait for it, in case that it fails. Once it serves, this process ends first.
            let waiting = std::thread::Builder::new().name("successor".to_owned());
            let waited = waiting.spawn(move || {
                if let Ok(status) = successor.wait() {
                    tracing::error!("the successor has ended: {status}");
                }
            });
            if let Err(error) = waited {
                tracing::warn!(%error, "nobody waits for the successor");
            }
        }
        Err(error) => tracing::error!(%error, "no successor could be started"),
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
