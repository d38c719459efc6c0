//! Standard error without waiting for it: whoever reads it may have stopped, and no thread that serves
//! stops with it. Lines wait in a bounded queue, and one thread writes them.

use std::io::{self, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use tracing_subscriber::fmt::MakeWriter;

use super::super::lines::Lines;

/// Lines that wait.
const QUEUE: usize = 1024;

/// At the end of the process so much time is given to what waits.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The way to the writer; `None` if there is no thread to be had.
static QUEUED: OnceLock<Option<SyncSender<Message>>> = OnceLock::new();

/// Lines that found no room.
static LOST: AtomicU64 = AtomicU64::new(0);

enum Message {
    Line(Vec<u8>),
    /// Answered once all before it is written.
    Flush(SyncSender<()>),
}

/// Makes a writer for each line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mouth;

/// One line.
#[derive(Debug)]
pub(super) struct Line;

impl MakeWriter<'_> for Mouth {
    type Writer = Line;

    fn make_writer(&self) -> Line {
        Line
    }
}

impl Write for Line {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let Some(queue) = queue() else {
            return io::stderr().write(line);
        };
        offer(queue, line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Leaves a line in the queue, if there is room.
fn offer(queue: &SyncSender<Message>, line: &[u8]) {
    if queue.try_send(Message::Line(line.to_vec())).is_err() {
        LOST.fetch_add(1, Ordering::Relaxed);
    }
}

fn queue() -> Option<&'static SyncSender<Message>> {
    let start = || {
        let (queue, messages) = sync_channel(QUEUE);
        let writer = std::thread::Builder::new().name("log".to_owned());
        writer
            .spawn(move || write(&messages, io::stderr()))
            .ok()
            .map(|_| queue)
    };
    QUEUED.get_or_init(start).as_ref()
}

/// The writer thread.
fn write(messages: &Receiver<Message>, out: impl Write) {
    let mut out = Lines::new(out, false);
    while let Ok(message) = messages.recv() {
        match message {
            // The count of lost lines is told as soon as lines can be written again.
            Message::Line(line) => {
                if out.write(&line).is_err() {
                    LOST.fetch_add(1, Ordering::Relaxed);
                    continue;
                }
            }
            Message::Flush(done) => drop(done.try_send(())),
        }
        let lost = LOST.swap(0, Ordering::Relaxed);
        if lost > 0 {
            let words = format!(
                "{lost} lines of this log are lost: they were not read in time, or not taken\n"
            );
            if out.write(words.as_bytes()).is_err() {
                LOST.fetch_add(lost, Ordering::Relaxed);
            }
        }
    }
}

/// Waits until what was said is written, as long as it is worth it.
pub(super) fn flush() {
    let Some(Some(queue)) = QUEUED.get() else {
        return;
    };
    let due = Instant::now() + LAST_WORDS;
    let (done, written) = sync_channel(1);
    while queue.try_send(Message::Flush(done.clone())).is_err() {
        if Instant::now() >= due {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let _ = written.recv_timeout(due.saturating_duration_since(Instant::now()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_speaks_never_waits_for_who_reads() {
        let (queue, messages) = sync_channel(2);
        for line in ["one\n", "two\n", "three\n", "four\n"] {
            offer(&queue, line.as_bytes());
        }
        drop(queue);
        let mut out = Vec::new();
        write(&messages, &mut out);
        let text = String::from_utf8(out).expect("text");
        assert!(
            text.starts_with("one\n") && text.ends_with("two\n"),
            "{text}"
        );
        assert!(text.contains("2 lines of this log are lost"), "{text}");
        assert!(!text.contains("three") && !text.contains("four"));
    }
}
