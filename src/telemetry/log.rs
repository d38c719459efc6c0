//! Lines for operators, to standard error: changes of state, never a line for each request.

use std::sync::OnceLock;

use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Layered, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt, reload};

/// What is shown, replaceable while the process runs.
type Filter = reload::Layer<EnvFilter, Registry>;

/// How it is shown, replaceable as well.
type Lines = Box<dyn Layer<Layered<Filter, Registry>> + Send + Sync>;

/// Logging is the process's, whatever gateways live in it.
static HANDLES: OnceLock<Handles> = OnceLock::new();

struct Handles {
    filter: reload::Handle<EnvFilter, Registry>,
    lines: reload::Handle<Lines, Layered<Filter, Registry>>,
}

/// Starts logging as `level` and `json` say; `RUST_LOG` beats the level. A second call, or one in a
/// process that logs by other means, changes nothing.
pub fn start(level: &str, json: bool) {
    let (filter, filter_handle) = reload::Layer::new(filter(level));
    let (lines, lines_handle) = reload::Layer::new(lines(json));
    if tracing_subscriber::registry()
        .with(filter)
        .with(lines)
        .try_init()
        .is_ok()
    {
        let _ = HANDLES.set(Handles {
            filter: filter_handle,
            lines: lines_handle,
        });
    }
}

/// Changes level and form of what was started; nothing where nothing was.
pub fn change(level: &str, json: bool) {
    if let Some(handles) = HANDLES.get() {
        // A handle fails only once its subscriber is gone, and with it anybody who would read.
        let _ = handles.filter.reload(filter(level));
        let _ = handles.lines.reload(lines(json));
    }
}

fn filter(level: &str) -> EnvFilter {
    let level = level.parse().unwrap_or(LevelFilter::INFO);
    // Other crates may log what they are given at their finest levels; ours never does.
    let own = format!("onetime_gateway={level}");
    let filter = EnvFilter::builder()
        .with_default_directive(LevelFilter::WARN.into())
        .from_env_lossy();
    match own.parse() {
        Ok(own) if std::env::var_os("RUST_LOG").is_none() => filter.add_directive(own),
        _ => filter,
    }
}

fn lines(json: bool) -> Lines {
    let lines = fmt::layer()
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(false);
    if json {
        Box::new(lines.json())
    } else {
        Box::new(lines)
    }
}
