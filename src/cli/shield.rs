//! What a serving process keeps to itself: its memory, which is full of people's secrets, and the
//! words of a panic, which may quote them. And what must not end it: a file that may not grow.

use std::panic::{Location, PanicHookInfo};

use rustix::process::{
    DumpableBehavior, Resource, Rlimit, Signal, set_dumpable_behavior, setrlimit,
};
use tokio::signal::unix::{SignalKind, signal};

/// From now on there is no core dump, no other process of the same user reads our memory, and a
/// panic says where it happened but not what.
pub(super) fn raise() {
    std::panic::set_hook(Box::new(|info| {
        tracing::error!("{}", words(info));
    }));
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    if let Err(error) = setrlimit(Resource::Core, none) {
        tracing::warn!(%error, "core dumps cannot be turned off");
    }
    if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        tracing::warn!(%error, "other processes of this user can read this one's memory");
    }
    if let Err(error) = outlive_file_size() {
        tracing::warn!(%error, "a limit of file size would end this process");
    }
}

/// A write beyond a limit of file size (`RLIMIT_FSIZE`) fails with `EFBIG` and no longer kills by
/// SIGXFSZ. The handler stays when the runtime that installs it is gone.
fn outlive_file_size() -> std::io::Result<()> {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_io().build()?;
    let _entered = runtime.enter();
    signal(SignalKind::from_raw(Signal::XFSZ.as_raw())).map(drop)
}

/// The place and the thread: literals of ours. The payload can hold anything.
fn words(info: &PanicHookInfo<'_>) -> String {
    let thread = std::thread::current();
    let thread = thread.name().unwrap_or("without a name");
    match info.location().map(Location::to_string) {
        Some(place) => format!("panic at {place} in thread {thread}"),
        None => format!("panic in thread {thread}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[test]
    fn a_panic_says_where_and_never_what() {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let ears = heard.clone();
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            ears.lock().expect("a list").push(words(info));
        }));
        let thread = std::thread::Builder::new().name("unlucky".to_owned());
        let ended = thread
            .spawn(|| panic!("{}", "a secret of somebody's"))
            .map(std::thread::JoinHandle::join);
        std::panic::set_hook(before);
        assert!(ended.expect("a thread").is_err());
        let heard = heard.lock().expect("a list").join("\n");
        assert!(heard.contains("src/cli/shield.rs:") && heard.contains("thread unlucky"));
        assert!(!heard.contains("secret"), "{heard}");
    }
}
