//! Lines for operators, to standard error: changes of state, never a line for each request.

mod mouth;

use std::sync::OnceLock;

use tracing::{Level, Metadata};
use tracing_subscriber::filter::{LevelFilter, filter_fn};
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

/// Starts logging as `level` and `json` say. `RUST_LOG` beats the level, but not the silence of
/// libraries that would print what a client sent. A second call, or one in a process that logs by
/// other means, changes nothing.
pub fn start(level: &str, json: bool) {
    let (filter, filter_handle) = reload::Layer::new(filter(level));
    let (lines, lines_handle) = reload::Layer::new(lines(json));
    if tracing_subscriber::registry()
        .with(filter)
        .with(lines)
        .with(filter_fn(may_be_said))
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

/// Waits, but not long, until what was said is written: the process is about to end.
pub fn flush() {
    mouth::flush();
}

/// Whether a line may be written whatever level was asked for. Our own cannot hold anybody's path,
/// field or body. A library's can: below `info` they tell what they do with which bytes. Those of h2
/// do at every level, and any client can cause as many of them as it likes.
fn may_be_said(line: &Metadata<'_>) -> bool {
    let is_of = |name: &str| {
        let rest = line.target().strip_prefix(name);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    };
    is_of("onetime_gateway") || (*line.level() <= Level::INFO && !is_of("h2"))
}

fn filter(level: &str) -> EnvFilter {
    let level = level.parse().unwrap_or(LevelFilter::INFO);
    let ours = format!("warn,onetime_gateway={level}");
    let asked = std::env::var(EnvFilter::DEFAULT_ENV).unwrap_or_default();
    EnvFilter::builder().parse_lossy(if asked.is_empty() { ours } else { asked })
}

fn lines(json: bool) -> Lines {
    let lines = fmt::layer()
        .with_writer(mouth::Mouth)
        .with_target(false)
        .with_ansi(false);
    if json {
        Box::new(lines.json())
    } else {
        Box::new(lines)
    }
}
