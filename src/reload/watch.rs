//! Notices that files have changed: by comparing what the file system says of them, which follows
//! symbolic links (Kubernetes swaps a directory's link), sees renames and works on every mount;
//! and by the kernel's notices, which only make it quicker.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use notify::{RecursiveMode, Watcher};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use crate::snapshot::files::{Facts, Looks, QUIET, facts};

/// How often files are looked at when the kernel says nothing.
const POLL: Duration = Duration::from_secs(1);

/// After so many looks at files that never come to rest, the log says so.
const RESTLESS: u32 = 15;

/// What the file system says of a set of files.
#[derive(Debug, Default, Eq, PartialEq)]
pub struct Signature(Vec<(PathBuf, Facts)>);

impl Signature {
    /// What `looks` saw of the files when they were read; those that were not it looks at now.
    #[must_use]
    pub fn of(files: Vec<PathBuf>, looks: &Looks) -> Self {
        Self(
            files
                .into_iter()
                .map(|path| {
                    let facts = looks.at(&path);
                    (path, facts)
                })
                .collect(),
        )
    }

    /// Whether any of them looks different now.
    #[must_use]
    pub fn has_changed(&self) -> bool {
        self.0.iter().any(|(path, before)| facts(path) != *before)
    }

    /// What the file system says of the same files now.
    #[must_use]
    pub fn now(&self) -> Self {
        let files = self.0.iter();
        Self(files.map(|(path, _)| (path.clone(), facts(path))).collect())
    }

    /// The files and what they looked like.
    #[must_use]
    pub fn files(&self) -> &[(PathBuf, Facts)] {
        &self.0
    }

    /// The directories that they are in.
    #[must_use]
    pub fn directories(&self) -> Vec<PathBuf> {
        let parents = self.0.iter().filter_map(|(path, _)| path.parent());
        let set: BTreeSet<&Path> = parents
            .map(|parent| {
                if parent.as_os_str().is_empty() {
                    Path::new(".")
                } else {
                    parent
                }
            })
            .collect();
        set.into_iter().map(Path::to_path_buf).collect()
    }
}

/// Calls `changed` whenever `stale` has found the same change twice, [`QUIET`] apart, with what it
/// found. Never returns.
pub async fn watch(
    directories: impl Fn() -> Vec<PathBuf>,
    stale: impl Fn() -> Option<Signature>,
    mut changed: impl AsyncFnMut(Signature),
) {
    let notice = Arc::new(Notify::new());
    let mut watched: Vec<PathBuf> = Vec::new();
    let mut watcher = {
        let notice = notice.clone();
        notify::recommended_watcher(move |_| notice.notify_one()).ok()
    };
    loop {
        let wanted = directories();
        if let Some(watcher) = &mut watcher
            && wanted != watched
        {
            for directory in &watched {
                let _ = watcher.unwatch(directory);
            }
            for directory in &wanted {
                // What cannot be watched is still polled.
                let _ = watcher.watch(directory, RecursiveMode::NonRecursive);
            }
            watched = wanted;
        }
        let _ = timeout(POLL, notice.notified()).await;
        if let Some(settled) = settle(&stale).await {
            changed(settled).await;
        }
    }
}

/// Waits until a change has come to rest. `None` if there is none, or none any more: another trigger
/// may have loaded it meanwhile.
async fn settle(stale: impl Fn() -> Option<Signature>) -> Option<Signature> {
    let mut before = stale()?;
    let mut looks: u32 = 0;
    loop {
        sleep(QUIET).await;
        let now = stale()?;
        if now == before {
            return Some(now);
        }
        before = now;
        looks = looks.saturating_add(1);
        if looks == RESTLESS {
            tracing::warn!("a file that the configuration names keeps changing: not loaded yet");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn written(length: i64) -> Signature {
        Signature(vec![(PathBuf::from("a"), Some([1, 1, length, 0, 0, 0, 0]))])
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_is_not_read_before_it_has_been_quiet() {
        let looks = Cell::new(0);
        let begun = tokio::time::Instant::now();
        // It grows until the fourth look.
        let growing = || {
            looks.set(looks.get() + 1);
            Some(written(looks.get().min(4)))
        };
        assert_eq!(settle(growing).await, Some(written(4)));
        assert_eq!(begun.elapsed(), QUIET * 4);
    }

    #[tokio::test(start_paused = true)]
    async fn what_another_trigger_has_loaded_is_not_loaded_again() {
        let looks = Cell::new(0);
        let loaded = || {
            looks.set(looks.get() + 1);
            (looks.get() == 1).then(|| written(1))
        };
        assert_eq!(settle(loaded).await, None);
        assert_eq!(settle(|| None).await, None);
    }

    #[test]
    fn sees_edits_renames_and_swapped_links() {
        let dir = tempfile::tempdir().expect("a directory");
        let (file, link) = (dir.path().join("a"), dir.path().join("link"));
        std::fs::write(&file, "1").expect("written");
        std::os::unix::fs::symlink(&file, &link).expect("linked");
        let of = |files| Signature::of(files, &Looks::default());
        let signature = of(vec![file.clone(), link.clone()]);
        assert!(!signature.has_changed());
        std::fs::write(&file, "12").expect("written");
        assert!(signature.has_changed());

        let signature = of(vec![link.clone()]);
        let other = dir.path().join("b");
        std::fs::write(&other, "12").expect("written");
        std::fs::remove_file(&link).expect("removed");
        assert!(signature.has_changed(), "a missing file is a change");
        std::os::unix::fs::symlink(&other, &link).expect("linked");
        assert!(
            signature.has_changed(),
            "another file behind the link is a change"
        );
    }
}
