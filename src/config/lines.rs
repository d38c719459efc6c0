//! The text of the file by lines: byte offsets to lines and columns, and lines as they may be shown.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::OnceLock;

use crate::config::hide;

/// How many characters of a line are shown at most; more would wrap on every screen.
const WIDTH: usize = 120;

/// The longest line in bytes that is quoted at all: a generated file of one line may have as many problems as
/// bytes.
const LONGEST: usize = 16 * 1024;

/// The text of one configuration file.
pub(super) struct Lines {
    text: Box<str>,
    /// Where each line begins, and whether it is ASCII throughout: then its columns need no counting, and a
    /// file of one huge line costs no square of its length.
    starts: Vec<(usize, bool)>,
    /// How much of each line may be shown; worked out when the first line is.
    shown: OnceLock<Vec<hide::Shown>>,
}

/// One line as it may be shown, and where its caret goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Excerpt {
    pub(super) text: String,
    /// Characters before the caret.
    pub(super) caret: usize,
}

impl Lines {
    pub(super) fn new(text: &str) -> Self {
        let mut starts = Vec::new();
        let mut start = 0;
        for line in text.split('\n') {
            starts.push((start, line.is_ascii()));
            start += line.len() + 1;
        }
        Self {
            text: text.into(),
            starts,
            shown: OnceLock::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    /// How many lines there are, at least one.
    pub(super) fn count(&self) -> usize {
        self.starts.len()
    }

    /// The text with blanks in place of some lines.
    pub(super) fn without(&self, lines: &BTreeSet<usize>) -> String {
        let mut text = String::with_capacity(self.text.len());
        for (index, line) in self.text.split('\n').enumerate() {
            if index > 0 {
                text.push('\n');
            }
            if lines.contains(&(index + 1)) {
                text.extend(std::iter::repeat_n(' ', line.len()));
            } else {
                text.push_str(line);
            }
        }
        text
    }

    /// A part of the text, as it is.
    pub(super) fn slice(&self, span: Range<usize>) -> &str {
        self.text.get(span).unwrap_or_default()
    }

    /// A line, from 1, as it is; empty where there is none.
    pub(super) fn line(&self, line: usize) -> &str {
        let start = |index: usize| self.starts.get(index).map(|(start, _)| *start);
        let Some(from) = line.checked_sub(1).and_then(start) else {
            return "";
        };
        let to = start(line).map_or(self.text.len(), |next| next - 1);
        self.slice(from..to).trim_end_matches('\r')
    }

    /// The next line after one that looks like the header of a table.
    pub(super) fn next_header(&self, line: usize) -> Option<usize> {
        (line + 1..=self.starts.len()).find(|line| self.line(*line).trim_start().starts_with('['))
    }

    /// Line and column, both from 1, of a byte offset. What is beyond the end is at the end.
    pub(super) fn position(&self, offset: usize) -> (usize, usize) {
        let line = self
            .starts
            .partition_point(|(start, _)| *start <= offset)
            .max(1);
        let Some((start, ascii)) = self.starts.get(line - 1) else {
            return (1, 1);
        };
        let end = offset.min(self.text.len());
        let before = if *ascii {
            end.saturating_sub(*start)
        } else {
            let bytes = self.text.as_bytes().get(*start..end).unwrap_or_default();
            String::from_utf8_lossy(bytes).chars().count()
        };
        (line, before + 1)
    }

    /// The line as it may be shown, with a caret at the column; `None` where there is no such line, or none
    /// that a person wrote.
    pub(super) fn excerpt(&self, line: usize, column: usize) -> Option<Excerpt> {
        let index = line.checked_sub(1)?;
        let raw = self.starts.get(index).map(|_| self.line(line))?;
        if raw.len() > LONGEST {
            return None;
        }
        let shown = self.shown.get_or_init(|| hide::lines(&self.text));
        let (text, visible) = shown.get(index)?.apply(raw);
        Some(window(&text, column.saturating_sub(1).min(visible)))
    }
}

/// The part of a long line around its caret; control characters cannot reach a terminal.
fn window(text: &str, caret: usize) -> Excerpt {
    let length = text.chars().count();
    let caret = caret.min(length);
    let printable = |c: char| match c {
        '\t' => ' ',
        c if c.is_control() => '\u{fffd}',
        c => c,
    };
    if length <= WIDTH {
        return Excerpt {
            text: text.chars().map(printable).collect(),
            caret,
        };
    }
    let from = caret.saturating_sub(WIDTH / 2);
    let mut cut = String::new();
    if from > 0 {
        cut.push('…');
    }
    cut.extend(text.chars().skip(from).take(WIDTH).map(printable));
    if from + WIDTH < length {
        cut.push('…');
    }
    Excerpt {
        text: cut,
        caret: caret - from + usize::from(from > 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_become_lines_and_columns() {
        let lines = Lines::new("ab\ncé f\n\nlast");
        assert_eq!(lines.position(0), (1, 1));
        assert_eq!(lines.position(2), (1, 3));
        assert_eq!(lines.position(3), (2, 1));
        assert_eq!(lines.position(7), (2, 4), "é is two bytes and one column");
        assert_eq!(lines.position(9), (3, 1));
        assert_eq!(lines.position(10), (4, 1));
        assert_eq!(lines.position(999), (4, 5));
        assert_eq!(Lines::new("").position(0), (1, 1));
    }

    #[test]
    fn long_lines_are_cut_around_the_caret() {
        let text = format!("{}X{}", "é".repeat(500), "b-".repeat(250));
        let lines = Lines::new(&text);
        let excerpt = lines.excerpt(1, 501).unwrap();
        assert_eq!(excerpt.text.chars().nth(excerpt.caret), Some('X'));
        assert_eq!(excerpt.text.chars().count(), WIDTH + 2);
        assert!(excerpt.text.starts_with('…') && excerpt.text.ends_with('…'));
    }

    #[test]
    fn control_characters_are_not_shown() {
        let excerpt = Lines::new("a\u{1b}[31m\tb\r\n").excerpt(1, 3).unwrap();
        assert_eq!(excerpt.text, "a\u{fffd}[31m b");
        assert!(Lines::new("a").excerpt(2, 1).is_none());
        assert!(Lines::new("a").excerpt(0, 1).is_none());
    }
}
