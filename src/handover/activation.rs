//! Sockets that a supervisor listens on and passes to its service: descriptors 3 and up, counted in
//! `LISTEN_FDS` (sd_listen_fds(3)).

use std::os::fd::OwnedFd;

use listenfd::ListenFd;

use super::passed::{Listening, Passed};

/// What was passed, and what of it cannot be used, in words.
#[derive(Debug, Default)]
pub struct Activated {
    /// The listening sockets.
    pub sockets: Passed,
    /// One line for each descriptor that is none.
    pub unusable: Vec<String>,
}

/// Takes the sockets that were passed to this very process. To be called while it has one thread
/// only, since it takes the variables out of the environment.
#[must_use]
pub fn sockets() -> Activated {
    let mut activated = Activated::default();
    // Without our own number in it they were meant for an ancestor.
    let own = std::env::var("LISTEN_PID")
        .ok()
        .and_then(|pid| pid.parse().ok());
    if own != Some(std::process::id()) {
        return activated;
    }
    let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
    let mut names = names.split(':');
    let mut passed = ListenFd::from_env();
    for number in 0..passed.len() {
        let name = names.next().unwrap_or_default();
        match take(&mut passed, number) {
            Ok(Some(socket)) => activated.sockets.push(socket),
            Ok(None) => {}
            Err(error) => activated.unusable.push(format!(
                "descriptor {} ({name}), passed by the supervisor, is not used: {error}",
                number + 3
            )),
        }
    }
    activated.sockets.held = !activated.sockets.is_empty();
    activated
}

fn take(passed: &mut ListenFd, number: usize) -> std::io::Result<Option<Listening>> {
    let descriptor = match passed.take_tcp_listener(number) {
        Ok(listener) => listener.map(OwnedFd::from),
        Err(_) => passed.take_unix_listener(number)?.map(OwnedFd::from),
    };
    descriptor.map(Listening::from_fd).transpose()
}
