//! Lines for operators, to standard error: changes of state, never a line for each request.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// Starts logging as `level` and `json` say; `RUST_LOG` beats the level. A second call changes
/// nothing: logging is the process's, whatever gateways live in it.
pub fn start(level: &str, json: bool) {
    let level = level.parse().unwrap_or(LevelFilter::INFO);
    let ours = format!("warn,onetime_gateway={level}");
    let asked = std::env::var(EnvFilter::DEFAULT_ENV).unwrap_or_default();
    let filter = if asked.is_empty() { ours } else { asked };
    let filter = EnvFilter::builder().parse_lossy(filter);
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false);
    let _ = if json {
        lines.json().try_init()
    } else {
        lines.with_ansi(false).try_init()
    };
}
