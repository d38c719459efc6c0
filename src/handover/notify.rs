//! What a supervisor is told of how the service fares (sd_notify(3)): one datagram each.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// It serves; also the end of a reload.
pub fn ready() {
    say("READY=1");
}

/// It is about to load its configuration anew; [`ready`] must follow.
pub fn reloading() {
    let now = clock_gettime(ClockId::Monotonic);
    let now = Duration::try_from(now).unwrap_or_default().as_micros();
    say(&format!("RELOADING=1\nMONOTONIC_USEC={now}"));
}

/// It is on its way out.
pub fn stopping() {
    say("STOPPING=1");
}

/// Another process is the service from now on.
pub fn main_process(pid: i32) {
    say(&format!("MAINPID={pid}\nREADY=1"));
}

/// Tells the supervisor, if there is one that listens. A supervisor that cannot be told is no reason
/// to serve worse.
fn say(words: &str) {
    let Some(place) = std::env::var_os("NOTIFY_SOCKET") else {
        return;
    };
    if let Err(error) = send(&place.into_vec(), words) {
        tracing::warn!(%error, "the supervisor cannot be told: {words}");
    }
}

fn send(place: &[u8], words: &str) -> std::io::Result<()> {
    let address = match place.strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(std::ffi::OsStr::from_bytes(place))?,
    };
    UnixDatagram::unbound()?.send_to_addr(words.as_bytes(), &address)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_datagram_reaches_a_path_and_an_abstract_name() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("notify");
        let name = format!("onetime-gateway-test-{}", std::process::id());
        let abstract_name = SocketAddr::from_abstract_name(&name).expect("a name");
        let ears = [
            (
                UnixDatagram::bind(&path).expect("bound"),
                path.as_os_str().as_bytes().to_vec(),
            ),
            (
                UnixDatagram::bind_addr(&abstract_name).expect("bound"),
                format!("@{name}").into_bytes(),
            ),
        ];
        for (ear, place) in ears {
            send(&place, "READY=1").expect("sent");
            let mut heard = [0; 32];
            let count = ear.recv(&mut heard).expect("heard");
            assert_eq!(&heard[..count], b"READY=1");
        }
        assert!(send(b"/nowhere/notify", "READY=1").is_err());
    }
}
