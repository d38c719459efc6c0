//! Lines into a file that may take only a part of one: a full disk, a limit of file size, a reader
//! that went away. The next line then begins on a line of its own.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

/// A writer that must not hold back bytes, and whether a part of a line is at its end.
#[derive(Debug)]
pub(super) struct Lines<W> {
    out: W,
    torn: bool,
}

/// Why not all lines were written.
#[derive(Debug)]
pub(super) struct Cut {
    pub(super) error: io::Error,
    /// Lines that were written whole.
    pub(super) written: u64,
}

impl<W: Write> Lines<W> {
    /// `torn` is whether what was written to `out` before ends within a line.
    pub(super) const fn new(out: W, torn: bool) -> Self {
        Self { out, torn }
    }

    /// Writes whole lines, each with its line end.
    ///
    /// # Errors
    /// What the system says. A part of them may have been written.
    pub(super) fn write(&mut self, lines: &[u8]) -> Result<(), Cut> {
        if self.torn {
            let ended = self.out.write_all(b"\n");
            ended.map_err(|error| Cut { error, written: 0 })?;
            self.torn = false;
        }
        let mut rest = lines;
        while !rest.is_empty() {
            let error = match self.out.write(rest) {
                Ok(0) => ErrorKind::WriteZero.into(),
                Ok(length) => {
                    rest = rest.get(length..).unwrap_or_default();
                    continue;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => error,
            };
            let before = lines.len() - rest.len();
            let before = lines.get(..before).unwrap_or_default();
            self.torn = before.last().is_some_and(|last| *last != b'\n');
            let written = before.iter().filter(|byte| **byte == b'\n').count() as u64;
            return Err(Cut { error, written });
        }
        Ok(())
    }
}

/// Whether a file ends within a line, as an earlier process or a full disk may have left it. A file
/// that cannot be read is taken to be whole.
pub(super) fn is_torn(path: &Path) -> bool {
    let last = || {
        let meta = std::fs::metadata(path).ok()?;
        // Opening a pipe would wait for its writer.
        let before = meta.is_file().then(|| meta.len().checked_sub(1))??;
        let mut last = [0];
        File::open(path)
            .ok()?
            .read_exact_at(&mut last, before)
            .ok()?;
        Some(last)
    };
    last().is_some_and(|last| last != *b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes so many bytes, then fails until there is room again.
    #[derive(Default)]
    struct Disk {
        text: Vec<u8>,
        room: usize,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let length = bytes.len().min(self.room);
            if length == 0 {
                return Err(ErrorKind::StorageFull.into());
            }
            self.room -= length;
            self.text.extend(&bytes[..length]);
            Ok(length)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_torn_line_does_not_swallow_the_next_one() {
        for room in 0..=12 {
            let mut lines = Lines::new(
                Disk {
                    room,
                    ..Disk::default()
                },
                false,
            );
            let cut = lines.write(b"one\ntwo\nthree\n").expect_err("full");
            assert_eq!(cut.error.kind(), ErrorKind::StorageFull);
            assert_eq!(cut.written as usize, (room / 4).min(2), "{room}");
            assert!(lines.write(b"four\n").is_err(), "still full");
            lines.out.room = 100;
            lines.write(b"five\n").expect("room");
            lines.write(b"six\n").expect("room");
            let text = String::from_utf8(lines.out.text).expect("text");
            let found: Vec<&str> = text.lines().collect();
            assert!(found.ends_with(&["five", "six"]), "{room}: {text:?}");
            assert!(!text.contains("\n\n"), "{room}: {text:?}");
        }
    }

    #[test]
    fn a_file_that_ends_within_a_line_is_found() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("a");
        assert!(!is_torn(&path) && !is_torn(directory.path()));
        for (text, torn) in [("", false), ("a\n", false), ("a\nb", true), ("a", true)] {
            std::fs::write(&path, text).expect("written");
            assert_eq!(is_torn(&path), torn, "{text:?}");
        }
        assert!(!is_torn(Path::new("/dev/full")));
    }
}
