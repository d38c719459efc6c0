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

use crate::snapshot::files::{Facts, Looks, facts};

/// How often files are looked at when the kernel says nothing.
const POLL: Duration = Duration::from_secs(1);

/// A file that is being written must be quiet for so long before it is read.
const QUIET: Duration = Duration::from_millis(100);

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

/// Calls `changed` whenever `is_stale` says yes and the files have come to rest. Never returns.
pub async fn watch(
    directories: impl Fn() -> Vec<PathBuf>,
    is_stale: impl Fn() -> bool,
    mut changed: impl FnMut(),
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
        if is_stale() {
            sleep(QUIET).await;
            changed();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
