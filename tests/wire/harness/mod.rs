//! What every attack needs: a real gateway, origins that record each byte, a client that sends
//! exactly what it is told.

pub(crate) mod client;
pub(crate) mod frames;
pub(crate) mod gateway;
pub(crate) mod origin;
pub(crate) mod payload;
pub(crate) mod process;
pub(crate) mod reader;

use std::time::Duration;

/// How long anything may take before the test fails. Never waited for in a run that passes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until something that must come has come.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = std::time::Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Where `needle` begins.
pub(crate) fn find(hay: &[u8], needle: &[u8]) -> Option<usize> {
    hay.windows(needle.len())
        .position(|window| window == needle)
}

/// Bytes for people.
pub(crate) fn shown(bytes: &[u8]) -> String {
    let text = bytes.escape_ascii().to_string();
    match text.char_indices().nth(600) {
        Some((at, _)) => format!("{}... ({} bytes)", &text[..at], bytes.len()),
        None => text,
    }
}
