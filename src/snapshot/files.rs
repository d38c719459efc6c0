//! Files that a snapshot is made of: what tells two versions of one apart without reading it, and
//! reading them so that no version is missed and nobody is kept waiting.

use std::cell::RefCell;
use std::fs::OpenOptions;
use std::io::{Error, Read, Result};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

/// The longest file of text, in bytes: a configuration of 250,000 hosts, any chain of certificates.
pub const MOST_TEXT: u64 = 16 * 1024 * 1024;

/// The longest country database, in bytes: with cities they have some 130 MB.
pub const MOST_DATABASE: u64 = 512 * 1024 * 1024;

/// Device, inode, length and time of modification, links followed; `None` without a file.
pub type Facts = Option<[i64; 5]>;

/// Looks at a file.
#[must_use]
pub fn facts(path: &Path) -> Facts {
    let meta = std::fs::metadata(path).ok()?;
    let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    let (device, inode) = (number(meta.dev()), number(meta.ino()));
    Some([
        device,
        inode,
        number(meta.len()),
        meta.mtime(),
        meta.mtime_nsec(),
    ])
}

/// Reads files, and remembers what each looked like just before: one that changes while others are
/// still read looks different afterwards, and is read again.
#[derive(Debug, Default)]
pub struct Looks {
    seen: RefCell<Vec<(PathBuf, Facts)>>,
    again: bool,
}

impl Looks {
    /// Nothing seen. `again` is after the start: whoever waits for a pipe's writer then serves
    /// nobody meanwhile.
    #[must_use]
    pub fn new(again: bool) -> Self {
        Self {
            seen: RefCell::default(),
            again,
        }
    }

    /// What the file looked like when it was first asked for here.
    pub fn at(&self, path: &Path) -> Facts {
        let mut seen = self.seen.borrow_mut();
        if let Some((_, facts)) = seen.iter().find(|(one, _)| one == path) {
            return *facts;
        }
        let facts = facts(path);
        seen.push((path.to_owned(), facts));
        facts
    }

    /// A file's content.
    ///
    /// # Errors
    /// What the system says; more than `most` bytes; after the start, anything but a regular file.
    pub fn read(&self, path: &Path, most: u64) -> Result<Vec<u8>> {
        self.at(path);
        let mut options = OpenOptions::new();
        options.read(true);
        if self.again {
            // A pipe that nobody writes to must not be waited for, not even to see what it is.
            options.custom_flags(i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default());
        }
        let file = options.open(path)?;
        let meta = file.metadata()?;
        if self.again && !meta.is_file() {
            return Err(Error::other("it is no regular file any more"));
        }
        let mut content = Vec::with_capacity(usize::try_from(meta.len().min(most)).unwrap_or(0));
        let read = file.take(most + 1).read_to_end(&mut content)?;
        if read as u64 > most {
            return Err(Error::other(format!("it is longer than {most} bytes")));
        }
        Ok(content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_after_it_was_read_is_seen_to_have_changed() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("a");
        std::fs::write(&path, "1").expect("written");
        let looks = Looks::new(true);
        assert_eq!(looks.read(&path, 1).expect("read"), b"1");
        std::fs::write(&path, "22").expect("written");
        assert_ne!(looks.at(&path), facts(&path));
    }

    #[test]
    fn neither_endless_files_nor_pipes_are_waited_for() {
        let dir = tempfile::tempdir().expect("a directory");
        let (long, pipe) = (dir.path().join("long"), dir.path().join("pipe"));
        std::fs::write(&long, "123").expect("written");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.expect("mkfifo").success());
        for again in [false, true] {
            let looks = Looks::new(again);
            let said = |path: &Path| looks.read(path, 2).expect_err("refused").to_string();
            assert_eq!(said(&long), "it is longer than 2 bytes");
            assert!(again || said(Path::new("/dev/zero")).contains("longer"));
        }
        let looks = Looks::new(true);
        for path in [&*pipe, Path::new("/dev/zero"), dir.path()] {
            let error = looks.read(path, 2).expect_err("refused").to_string();
            assert_eq!(error, "it is no regular file any more");
        }
    }
}
