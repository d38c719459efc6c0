//! How many clients this process has file descriptors and memory for. With more of them than descriptors, what
//! fails first is not the newest connection but whatever needs a descriptor next: a region's, or
//! the admin listener's.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;

use crate::config::Config;
use crate::listen::accept::Census;
use crate::snapshot::Snapshot;

/// Descriptors that are kept for admin connections, listeners, threads, probes and files.
const KEPT: u64 = 160;

/// Connections of clients that are taken whatever the limit says.
const LEAST: usize = 8;

/// Raises the limit of descriptors as far as may be. So many connections of clients fit then: each
/// may need one to a region too.
pub(super) fn for_clients() -> usize {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let all = Rlimit {
        current: maximum,
        maximum,
    };
    if let Err(error) = setrlimit(Resource::Nofile, all) {
        tracing::warn!(%error, "the limit of file descriptors cannot be raised");
    }
    fitting(getrlimit(Resource::Nofile).current)
}

/// `None` is without limit.
fn fitting(descriptors: Option<u64>) -> usize {
    let half = descriptors.map(|most| most.saturating_sub(KEPT) / 2);
    let fitting = half.and_then(|half| usize::try_from(half).ok());
    fitting.map_or(usize::MAX, |fitting| fitting.max(LEAST))
}

/// Says so if the operator wants more, by more than nobody will notice.
pub(super) fn warn(config: &Config, fitting: usize) {
    let wanted = config.limits.connections;
    if fitting < wanted - wanted / 10 {
        tracing::warn!(
            wanted,
            fitting,
            "limits.connections is more than there are file descriptors for: raise LimitNOFILE of the unit, \
             or `ulimit -n`"
        );
    }
}

/// How often the process looks at its memory.
const LOOK: Duration = Duration::from_secs(1);

/// Compares the memory of the process with its limit, for ever.
pub(super) async fn watch_memory(live: Arc<ArcSwap<Snapshot>>, census: Census) {
    let own = most_memory();
    let mut was_out = false;
    loop {
        tokio::time::sleep(LOOK).await;
        let configured = live.load().config.limits.memory;
        let most = if configured > 0 {
            Some(configured)
        } else {
            own
        };
        let resident = resident();
        let is_out = most
            .zip(resident)
            .is_some_and(|(most, resident)| resident > most);
        census.note_memory(is_out);
        if is_out && !was_out {
            tracing::warn!(
                resident,
                most,
                "limits.memory is exceeded: idle connections are closed"
            );
        }
        was_out = is_out;
    }
}

/// 80 % of the least memory that a cgroup of this process, or the machine, has, in bytes.
fn most_memory() -> Option<u64> {
    let read = |path: &Path| std::fs::read_to_string(path).ok();
    let total = read(Path::new("/proc/meminfo")).and_then(|text| kilobytes(&text, "MemTotal:"));
    let groups = read(Path::new("/proc/self/cgroup")).unwrap_or_default();
    let limits = groups.lines().flat_map(limit_files);
    let least = limits.filter_map(|file| read(Path::new(&file))?.trim().parse().ok());
    least.chain(total).min().map(|all: u64| all / 5 * 4)
}

/// The files that hold the limits of a line of `/proc/self/cgroup` and of the groups above it. In a
/// container the path may be the host's: then only the root's file is there, and it is the right one.
fn limit_files(line: &str) -> Vec<String> {
    let mut parts = line.splitn(3, ':').skip(1);
    let (root, name) = match parts.next() {
        Some("") => ("/sys/fs/cgroup", "memory.max"),
        Some(kinds) if kinds.split(',').any(|kind| kind == "memory") => {
            ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
        }
        _ => return Vec::new(),
    };
    let path = Path::new(parts.next().unwrap_or("/"));
    let groups = path.ancestors().filter_map(Path::to_str);
    groups
        .map(|group| format!("{root}/{}/{name}", group.trim_matches('/')))
        .collect()
}

/// A number of kilobytes behind a word, in bytes.
fn kilobytes(text: &str, word: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(word))?;
    let kilobytes: u64 = line.split_ascii_whitespace().next()?.parse().ok()?;
    Some(kilobytes * 1024)
}

/// Resident bytes of this process.
fn resident() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    kilobytes(&text, "VmRSS:")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_those_of_all_groups_above() {
        assert_eq!(
            limit_files("0::/a/b"),
            [
                "/sys/fs/cgroup/a/b/memory.max",
                "/sys/fs/cgroup/a/memory.max",
                "/sys/fs/cgroup//memory.max"
            ]
        );
        assert_eq!(
            limit_files("4:cpu,memory:/"),
            ["/sys/fs/cgroup/memory//memory.limit_in_bytes"]
        );
        assert!(limit_files("3:cpu:/a").is_empty() && limit_files("").is_empty());
        assert!(most_memory().is_some() && resident().is_some_and(|bytes| bytes > 0));
    }

    #[test]
    fn half_of_what_is_not_kept_and_never_none() {
        for (descriptors, expected) in [
            (Some(1_024), 432),
            (Some(64), LEAST),
            (Some(0), LEAST),
            (Some(1_048_576), 524_208),
            (None, usize::MAX),
        ] {
            assert_eq!(fitting(descriptors), expected, "{descriptors:?}");
        }
    }
}
