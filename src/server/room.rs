//! How many clients this process has file descriptors for. With more of them than descriptors, what
//! fails first is not the newest connection but whatever needs a descriptor next: a region's, or
//! the admin listener's.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::Config;

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

#[cfg(test)]
mod tests {
    use super::*;

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
