//! The access log's way out: workers collect lines, one thread writes them.
//!
//! A worker never waits: what does not fit into the queue is dropped and counted. What a line says
//! is not this file's affair.

use std::cell::RefCell;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::fs::{AtFlags, CWD, accessat};

use super::lines::{self, Cut};

/// A worker hands its lines on when there are so many bytes of them: waking the writer and changing
/// to it costs as much as dozens of lines.
const BATCH: usize = 128 * 1024;

/// A line is shorter than that.
const LINE: usize = 1024;

/// Batches that wait for the writer, of all workers together: two megabytes.
const QUEUE: usize = 16;

/// At the end of the process the writer may take so long to write what waits.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Where lines go.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Target {
    /// Nowhere.
    #[default]
    Off,
    /// Standard output.
    Stdout,
    /// The end of this file, which is made if it is not there.
    File(PathBuf),
}

enum Message {
    /// Whole lines, and how many.
    Lines(String, u64),
    /// The target may have changed.
    Wake,
    /// Nothing follows.
    End,
}

#[derive(Debug, Default)]
struct Shared {
    target: Mutex<Target>,
    /// Whether the target must be opened again.
    stale: AtomicBool,
    dropped: AtomicU64,
    /// What was written from, to be filled again: memory of that size is given back to the system
    /// otherwise, and asked for anew with each batch.
    spare: Mutex<Vec<String>>,
}

impl Shared {
    fn keep(&self, mut text: String) {
        let mut spare = lock(&self.spare);
        if spare.len() < QUEUE {
            text.clear();
            spare.push(text);
        }
    }

    fn lost(&self, lines: u64) {
        self.dropped.fetch_add(lines, Ordering::Relaxed);
    }
}

/// One gateway's access log.
pub struct AccessLog {
    sender: SyncSender<Message>,
    shared: Arc<Shared>,
    /// Ends when the writer does.
    writer: Mutex<Receiver<()>>,
}

impl AccessLog {
    /// Starts the writer, with nothing to write to.
    ///
    /// # Errors
    /// If there is no thread to be had.
    pub fn start() -> io::Result<Self> {
        let (sender, messages) = sync_channel(QUEUE);
        let (alive, writer) = sync_channel(0);
        let shared = Arc::new(Shared::default());
        let of_writer = shared.clone();
        std::thread::Builder::new()
            .name("access-log".to_owned())
            .spawn(move || {
                write(&messages, &of_writer);
                drop(alive);
            })?;
        Ok(Self {
            sender,
            shared,
            writer: Mutex::new(writer),
        })
    }

    /// Writes to `target` from now on; opens it again if it is the same as before.
    pub fn turn_to(&self, target: Target) {
        *lock(&self.shared.target) = target;
        self.reopen();
    }

    /// Opens the target again: after its file was moved away.
    pub fn reopen(&self) {
        self.shared.stale.store(true, Ordering::Release);
        // A full queue wakes the writer as well.
        let _ = self.sender.try_send(Message::Wake);
    }

    /// Lines that could not be written.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.shared.dropped.load(Ordering::Relaxed)
    }

    /// One worker's end.
    #[must_use]
    pub fn outlet(&self) -> Outlet {
        Outlet {
            lines: RefCell::default(),
            sender: self.sender.clone(),
            shared: self.shared.clone(),
        }
    }

    /// Ends the writer, and waits for it as long as it is worth it.
    pub fn close(&self) {
        let due = Instant::now() + LAST_WORDS;
        let writer = lock(&self.writer);
        let mut end = Message::End;
        while let Err(TrySendError::Full(again)) = self.sender.try_send(end) {
            // The writer sends nothing, ever: this only waits.
            let waited = writer.recv_timeout(Duration::from_millis(5));
            if waited != Err(RecvTimeoutError::Timeout) || Instant::now() >= due {
                return;
            }
            end = again;
        }
        let _ = writer.recv_timeout(due.saturating_duration_since(Instant::now()));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Default)]
struct Lines {
    text: String,
    count: u64,
}

/// One thread's end of the log. What it holds is handed on when it is dropped.
pub struct Outlet {
    lines: RefCell<Lines>,
    sender: SyncSender<Message>,
    shared: Arc<Shared>,
}

impl Outlet {
    /// Adds what `line` writes, and a line end.
    pub fn line(&self, line: impl FnOnce(&mut String)) {
        let mut lines = self.lines.borrow_mut();
        line(&mut lines.text);
        lines.text.push('\n');
        lines.count += 1;
        let full = lines.text.len() >= BATCH;
        drop(lines);
        if full {
            self.flush();
        }
    }

    /// Hands on what there is, without waiting.
    pub fn flush(&self) {
        let mut lines = self.lines.borrow_mut();
        if lines.count == 0 {
            return;
        }
        let text = std::mem::take(&mut lines.text);
        let count = std::mem::take(&mut lines.count);
        if let Err(error) = self.sender.try_send(Message::Lines(text, count)) {
            self.shared.lost(count);
            // The room is there already.
            if let TrySendError::Full(Message::Lines(mut text, _)) = error {
                text.clear();
                lines.text = text;
            }
        } else {
            lines.text = lock(&self.shared.spare).pop().unwrap_or_default();
            lines.text.reserve(BATCH + LINE);
        }
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        self.flush();
    }
}

/// The writer thread. What cannot be opened is tried again with each batch; until then the lines go
/// on where they went.
fn write(messages: &Receiver<Message>, shared: &Shared) {
    let mut out: Option<lines::Lines<File>> = None;
    let mut failing = false;
    let mut closed = false;
    while let Ok(message) = messages.recv() {
        let fresh = shared.stale.swap(false, Ordering::AcqRel);
        if fresh || closed {
            let target = lock(&shared.target).clone();
            match open(&target) {
                Ok(opened) => {
                    if closed {
                        tracing::info!(?target, "the access log is open again");
                    }
                    (out, closed, failing) = (opened, false, false);
                }
                Err(error) => {
                    if fresh {
                        tracing::error!(%error, ?target, "the access log cannot be opened");
                    }
                    closed = true;
                }
            }
        }
        match message {
            Message::Wake => {}
            Message::End => return,
            Message::Lines(text, count) => {
                let Some(out) = &mut out else {
                    shared.lost(count);
                    continue;
                };
                let written = out.write(text.as_bytes());
                shared.keep(text);
                if let Err(Cut { error, written }) = written {
                    shared.lost(count.saturating_sub(written));
                    if !failing {
                        tracing::error!(%error, "the access log cannot be written");
                    }
                    failing = true;
                } else {
                    failing = false;
                }
            }
        }
    }
}

/// Opens a target, without a buffer: after an error its content would be written a second time.
fn open(target: &Target) -> io::Result<Option<lines::Lines<File>>> {
    Ok(match target {
        Target::Off => None,
        Target::Stdout => {
            let file = File::from(io::stdout().as_fd().try_clone_to_owned()?);
            Some(lines::Lines::new(file, false))
        }
        Target::File(path) => {
            let file = OpenOptions::new()
                .append(true)
                .create(true)
                // Who asked is nobody's business but the operators'.
                .mode(0o640)
                .open(path)?;
            Some(lines::Lines::new(file, lines::is_torn(path)))
        }
    })
}

/// Whether this process could append to the file, as far as permissions tell; a file that is not
/// there could be made. Opens, makes and changes nothing: whoever only asks may not own it.
///
/// # Errors
/// Why it could not.
pub fn probe(path: &Path) -> io::Result<()> {
    let may = |path: &Path, what| accessat(CWD, path, what, AtFlags::EACCESS);
    match std::fs::metadata(path) {
        Ok(meta) if meta.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        Ok(_) => Ok(may(path, rustix::fs::Access::WRITE_OK)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let directory = path.parent().unwrap_or(path);
            // A link to nowhere: what it leads to would be made.
            if let Ok(target) = std::fs::read_link(path) {
                return probe(&directory.join(target));
            }
            let both = rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK;
            Ok(may(directory, both)?)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log_to(path: &Path) -> AccessLog {
        let log = AccessLog::start().expect("a thread");
        log.turn_to(Target::File(path.to_owned()));
        log
    }

    #[test]
    fn writes_whole_lines_and_follows_a_moved_file() {
        let directory = tempfile::tempdir().expect("a directory");
        let (path, moved) = (directory.path().join("a"), directory.path().join("b"));
        let log = log_to(&path);
        let outlet = log.outlet();
        outlet.line(|out| out.push_str("one"));
        outlet.flush();
        // The file appears when it is opened, the line when it is written.
        while std::fs::read_to_string(&path)
            .unwrap_or_default()
            .is_empty()
        {
            std::thread::yield_now();
        }
        std::fs::rename(&path, &moved).expect("moved");
        log.reopen();
        outlet.line(|out| out.push_str("two"));
        outlet.line(|out| out.push_str("three"));
        drop(outlet);
        log.close();
        let read = |path| std::fs::read_to_string(path).expect("a file");
        assert_eq!(read(&moved), "one\n");
        assert_eq!(read(&path), "two\nthree\n");
        assert_eq!(log.dropped(), 0);
    }

    #[test]
    fn goes_on_where_it_was_until_the_file_can_be_opened() {
        let directory = tempfile::tempdir().expect("a directory");
        let (path, moved) = (directory.path().join("a"), directory.path().join("b"));
        let log = log_to(&path);
        let outlet = log.outlet();
        let read = |path: &Path| std::fs::read_to_string(path).unwrap_or_default();
        let say = |line: &str, place: &Path| {
            outlet.line(|out| out.push_str(line));
            outlet.flush();
            while !read(place).ends_with(&format!("{line}\n")) {
                std::thread::yield_now();
            }
        };
        say("one", &path);
        std::fs::rename(&path, &moved).expect("moved");
        std::fs::create_dir(&path).expect("in the way");
        log.reopen();
        say("two", &moved);
        say("three", &moved);
        std::fs::remove_dir(&path).expect("out of the way");
        // Nobody says that it may be opened now.
        say("four", &path);
        assert_eq!(read(&moved), "one\ntwo\nthree\n");
        drop(outlet);
        log.close();
        assert_eq!(log.dropped(), 0);
    }

    #[test]
    fn never_waits_for_a_writer_that_hangs() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&path).status();
        assert!(made.is_ok_and(|status| status.success()));
        // Nobody reads the pipe: the writer hangs in opening it.
        let log = log_to(&path);
        let outlet = log.outlet();
        let lines = (QUEUE as u64) * 3;
        for _ in 0..lines {
            outlet.line(|out| out.push_str(&"x".repeat(BATCH)));
        }
        assert!(
            log.dropped() >= lines - QUEUE as u64 - 1,
            "{}",
            log.dropped()
        );
        let begun = Instant::now();
        log.close();
        assert!(begun.elapsed() < LAST_WORDS * 2);
    }

    #[test]
    fn probing_finds_what_opening_would_and_leaves_no_trace() {
        let directory = tempfile::tempdir().expect("a directory");
        let at = |name: &str| directory.path().join(name);
        assert!(probe(&at("new.log")).is_ok());
        assert!(!at("new.log").exists());
        std::fs::write(at("old.log"), "a line\n").expect("a file");
        let before = std::fs::metadata(at("old.log")).and_then(|meta| meta.modified());
        assert!(probe(&at("old.log")).is_ok());
        let after = std::fs::metadata(at("old.log")).and_then(|meta| meta.modified());
        assert_eq!(before.expect("a time"), after.expect("a time"));
        assert_eq!(std::fs::read(at("old.log")).expect("a file"), b"a line\n");
        for (to, link) in [
            ("new.log", "good"),
            ("none/new.log", "bad"),
            ("loop", "loop"),
        ] {
            std::os::unix::fs::symlink(at(to), at(link)).expect("a link");
        }
        assert!(probe(&at("good")).is_ok());
        for bad in ["", "none/new.log", "old.log/new.log", "bad", "loop"] {
            let path = at(bad);
            assert!(probe(&path).is_err(), "{bad}");
        }
        assert!(probe(Path::new("/dev/null")).is_ok());
    }

    #[test]
    fn a_line_that_another_process_tore_does_not_swallow_the_next_one() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("a");
        std::fs::write(&path, "whole\nto").expect("written");
        let log = log_to(&path);
        let outlet = log.outlet();
        outlet.line(|out| out.push_str("next"));
        drop(outlet);
        log.close();
        let text = std::fs::read_to_string(&path).expect("a file");
        assert_eq!(text, "whole\nto\nnext\n");
        assert_eq!(log.dropped(), 0);
    }

    #[test]
    fn what_a_full_disk_does_not_take_is_counted() {
        let log = log_to(Path::new("/dev/full"));
        let outlet = log.outlet();
        outlet.line(|out| out.push_str("one"));
        outlet.line(|out| out.push_str("two"));
        drop(outlet);
        log.close();
        assert_eq!(log.dropped(), 2);
    }

    #[test]
    fn what_goes_nowhere_is_counted() {
        let log = AccessLog::start().expect("a thread");
        log.turn_to(Target::File("/nowhere/at/all".into()));
        let outlet = log.outlet();
        outlet.line(|out| out.push_str("lost"));
        drop(outlet);
        log.close();
        assert_eq!(log.dropped(), 1);
    }
}
