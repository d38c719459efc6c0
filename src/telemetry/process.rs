//! The process as the operating system sees it, under the names that all Prometheus client
//! libraries use.

use std::fmt::Write;
use std::fs;

/// Clock ticks a second in `/proc`; fixed at 100 on every Linux that we know.
const TICKS: f64 = 100.0;

/// Bytes in a page of `/proc/self/statm` are those of the machine; `/proc/self/status` says kB.
const KILO: f64 = 1024.0;

pub(super) fn render(out: &mut String) {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    // The name of the program may hold spaces: fields are counted behind its closing bracket.
    let fields: Vec<&str> = stat
        .rsplit_once(')')
        .map(|(_, rest)| rest.split_ascii_whitespace().collect())
        .unwrap_or_default();
    let field = |i: usize| fields.get(i).and_then(|text| text.parse::<f64>().ok());
    let line = |name: &str| {
        status.lines().find_map(|line| {
            line.strip_prefix(name)?
                .split_ascii_whitespace()
                .next()?
                .parse::<f64>()
                .ok()
        })
    };
    let mut put = |name: &str, kind: &str, help: &str, value: Option<f64>| {
        if let Some(value) = value {
            let _ = writeln!(
                out,
                "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}"
            );
        }
    };
    let cpu = field(11)
        .zip(field(12))
        .map(|(user, system)| (user + system) / TICKS);
    put(
        "process_cpu_seconds_total",
        "counter",
        "Total user and system CPU time.",
        cpu,
    );
    put(
        "process_resident_memory_bytes",
        "gauge",
        "Resident memory.",
        line("VmRSS:").map(|kilo| kilo * KILO),
    );
    put(
        "process_virtual_memory_bytes",
        "gauge",
        "Virtual memory.",
        line("VmSize:").map(|kilo| kilo * KILO),
    );
    put("process_threads", "gauge", "Threads.", line("Threads:"));
    put(
        "process_open_fds",
        "gauge",
        "Open file descriptors.",
        open_files(),
    );
    let most = limits.lines().find_map(|line| {
        line.strip_prefix("Max open files")?
            .split_ascii_whitespace()
            .next()?
            .parse()
            .ok()
    });
    put(
        "process_max_fds",
        "gauge",
        "Most file descriptors that may be open.",
        most,
    );
    put(
        "process_start_time_seconds",
        "gauge",
        "When the process started.",
        start(field(19)),
    );
}

#[expect(clippy::cast_precision_loss, reason = "a count of files")]
fn open_files() -> Option<f64> {
    Some(fs::read_dir("/proc/self/fd").ok()?.count() as f64)
}

fn start(ticks: Option<f64>) -> Option<f64> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let boot: f64 = stat
        .lines()
        .find_map(|line| line.strip_prefix("btime ")?.parse().ok())?;
    Some(boot + ticks? / TICKS)
}
