//! Files that a snapshot is made of: what tells two versions of one apart without reading it, and
//! reading them so that no version is missed and nobody is kept waiting.

use std::cell::RefCell;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{Error, Read, Result};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::OFlags;

/// The longest file of text, in bytes: a configuration of 250,000 hosts, any chain of certificates.
pub const MOST_TEXT: u64 = 16 * 1024 * 1024;

/// The longest country database, in bytes: with cities they have some 130 MB.
pub const MOST_DATABASE: u64 = 512 * 1024 * 1024;

/// A file that was written to less than this ago may still be incomplete.
pub const QUIET: Duration = Duration::from_secs(2);

/// How often a file that is still being written is waited for, each time for [`QUIET`].
const MOST_WAITS: u32 = 3;

/// How often a file is read again because it changed while it was read.
const MOST_READS: u32 = 3;

/// Device, inode, length, time of modification and time of change, links followed; `None` without a
/// file. The time of change (`ctime`) cannot be set back: it shows an edit that kept the length and
/// restored the time of modification.
pub type Facts = Option<[i64; 7]>;

/// Looks at a file.
#[must_use]
pub fn facts(path: &Path) -> Facts {
    Some(facts_of(&std::fs::metadata(path).ok()?))
}

fn facts_of(meta: &Metadata) -> [i64; 7] {
    let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    [
        number(meta.dev()),
        number(meta.ino()),
        number(meta.len()),
        meta.mtime(),
        meta.mtime_nsec(),
        meta.ctime(),
        meta.ctime_nsec(),
    ]
}

/// Whether the file was changed less than [`QUIET`] ago. A time in the future, from another machine's
/// clock, says nothing: such a file is taken for a recent one.
fn is_recent(facts: &[i64; 7]) -> bool {
    let [.., seconds, nanoseconds] = *facts;
    let (Ok(seconds), Ok(nanoseconds)) = (u64::try_from(seconds), u32::try_from(nanoseconds))
    else {
        return false;
    };
    SystemTime::UNIX_EPOCH
        .checked_add(Duration::new(seconds, nanoseconds))
        .and_then(|changed| SystemTime::now().duration_since(changed).ok())
        .is_none_or(|age| age < QUIET)
}

/// Reads files, and remembers what each looked like just before: one that changes while others are
/// still read looks different afterwards, and is read again.
#[derive(Debug, Default)]
pub struct Looks {
    seen: RefCell<Vec<(PathBuf, Facts)>>,
    /// What was read before, and need not be waited for.
    known: Vec<(PathBuf, Facts)>,
    /// An access log that cannot be written.
    unwritable: RefCell<Option<PathBuf>>,
    again: bool,
}

impl Looks {
    /// Nothing seen. `again` is after the start: whoever waits for a pipe's writer then serves
    /// nobody meanwhile.
    #[must_use]
    pub fn new(again: bool) -> Self {
        Self {
            again,
            ..Self::default()
        }
    }

    /// For a reload: a file that looks as in `known` was read before; any other is read once it has
    /// not changed for [`QUIET`].
    #[must_use]
    pub fn after(known: Vec<(PathBuf, Facts)>) -> Self {
        Self {
            known,
            again: true,
            ..Self::default()
        }
    }

    /// What the file looked like when it was first asked for here, or when it was read.
    pub fn at(&self, path: &Path) -> Facts {
        let mut seen = self.seen.borrow_mut();
        if let Some((_, facts)) = seen.iter().find(|(one, _)| one == path) {
            return *facts;
        }
        let facts = facts(path);
        seen.push((path.to_owned(), facts));
        facts
    }

    fn note(&self, path: &Path, facts: Facts) {
        let mut seen = self.seen.borrow_mut();
        match seen.iter_mut().find(|(one, _)| one == path) {
            Some((_, known)) => *known = facts,
            None => seen.push((path.to_owned(), facts)),
        }
    }

    /// Notes that the configuration was refused because this access log cannot be written.
    pub fn cannot_write(&self, log: &Path) {
        self.unwritable.replace(Some(log.to_owned()));
    }

    /// The access log that cannot be written, if that is a reason for a refusal.
    #[must_use]
    pub fn unwritable(&self) -> Option<PathBuf> {
        self.unwritable.borrow().clone()
    }

    /// A file's content. After the start it is read only once the file is at rest; this blocks for
    /// up to 6 s.
    ///
    /// # Errors
    /// What the system says; more than `most` bytes; a file that does not come to rest; after the
    /// start, anything but a regular file.
    pub fn read(&self, path: &Path, most: u64) -> Result<Vec<u8>> {
        if self.again {
            self.rest(path)?;
        }
        self.read_now(path, most)
    }

    /// As [`Looks::read`], for a file of which an operator has said that it is complete.
    ///
    /// # Errors
    /// As there.
    pub fn read_now(&self, path: &Path, most: u64) -> Result<Vec<u8>> {
        for _ in 0..MOST_READS {
            let before = facts(path);
            self.note(path, before);
            let content = self.content(path, most)?;
            // Pipes change as they are read.
            if facts(path) == before || !path.is_file() {
                return Ok(content);
            }
        }
        Err(Error::other("it changes while it is read"))
    }

    /// Waits until the file has looked the same for [`QUIET`].
    fn rest(&self, path: &Path) -> Result<()> {
        let mut before = facts(path);
        for _ in 0..MOST_WAITS {
            let known = (self.known.iter()).any(|(one, facts)| one == path && *facts == before);
            if known || !path.is_file() || !before.is_some_and(|facts| is_recent(&facts)) {
                return Ok(());
            }
            std::thread::sleep(QUIET);
            let now = facts(path);
            if now == before {
                return Ok(());
            }
            before = now;
        }
        Err(Error::other("it is still being written"))
    }

    fn content(&self, path: &Path, most: u64) -> Result<Vec<u8>> {
        if self.again {
            return read_regular(path, most);
        }
        let file = File::open(path)?;
        let meta = file.metadata()?;
        bounded(file, &meta, most)
    }
}

/// A regular file's content. Waits for no pipe, not even to see that it is one.
///
/// # Errors
/// What the system says; no regular file; more than `most` bytes.
pub fn read_regular(path: &Path, most: u64) -> Result<Vec<u8>> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default())
        .open(path)?;
    let meta = file.metadata()?;
    if !meta.is_file() {
        return Err(Error::other("it is no regular file any more"));
    }
    bounded(file, &meta, most)
}

fn bounded(file: File, meta: &Metadata, most: u64) -> Result<Vec<u8>> {
    let mut content = Vec::with_capacity(usize::try_from(meta.len().min(most)).unwrap_or(0));
    let read = file.take(most + 1).read_to_end(&mut content)?;
    if read as u64 > most {
        return Err(Error::other(format!("it is longer than {most} bytes")));
    }
    Ok(content)
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

    /// As `cp -p`, `rsync -t` or `touch -r` leave it: the same length and time of modification.
    #[test]
    fn an_edit_that_restores_the_time_of_modification_is_seen() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("a");
        std::fs::write(&path, "1").expect("written");
        let before = facts(&path);
        let modified = std::fs::metadata(&path).expect("there").modified();
        // The clock of the file system may be no finer than 10 ms.
        std::thread::sleep(Duration::from_millis(20));
        std::fs::write(&path, "2").expect("written");
        let file = OpenOptions::new().write(true).open(&path).expect("open");
        file.set_modified(modified.expect("a time")).expect("set");
        assert_ne!(facts(&path), before);
    }

    /// By an operator's word or a change of another file: a reload must not take half of it.
    #[test]
    fn a_file_that_is_still_being_written_is_read_when_it_is_complete() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("a");
        std::fs::write(&path, "half").expect("written");
        let writer = std::thread::spawn({
            let path = path.clone();
            move || {
                std::thread::sleep(Duration::from_secs(1));
                std::fs::write(path, "the whole").expect("written");
            }
        });
        let looks = Looks::after(Vec::new());
        assert_eq!(looks.read(&path, 100).expect("read"), b"the whole");
        writer.join().expect("written");
        assert_eq!(looks.at(&path), facts(&path));
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
