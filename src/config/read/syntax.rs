//! Text that is no TOML: which of the parser's errors are worth saying, and which lines mean nothing after them.
//!
//! The parser goes on after an error, as we want it to; but one slip, an array that is never closed say, makes
//! every later line wrong. What is said must be wrong for a reason of its own.

use std::ops::RangeInclusive;

use crate::config::hide::echo;
use crate::config::lines::Lines;
use crate::config::problem::Complaint;

/// What the parser's errors come to.
#[derive(Debug, Default)]
pub(super) struct Syntax {
    /// What to say, by line and column.
    pub(super) complaints: Vec<((usize, usize), Complaint)>,
    /// Lines whose meaning is in doubt: nothing is said of what they hold.
    doubtful: Vec<RangeInclusive<usize>>,
    /// Whether something may be missing only because a line could not be read.
    pub(super) gaps: bool,
}

impl Syntax {
    pub(super) fn new(lines: &Lines, errors: &[toml::de::Error]) -> Self {
        let mut syntax = Self::default();
        let mut open_string = false;
        // Those of values come after those of structure, whatever their position.
        let mut errors: Vec<_> = errors.iter().collect();
        errors.sort_by_key(|error| error.span().map_or(usize::MAX, |span| span.start));
        for error in errors {
            let span = error.span().unwrap_or(lines.len()..lines.len());
            let (line, column) = lines.position(span.start);
            // One slip makes several errors on its line; the first says it.
            if syntax.is_doubtful(line) {
                continue;
            }
            let text = lines.line(line).trim_start();
            let runs_away = is_open_bracket(error.message()) && begins_anew(text);
            let complaint = match error.message() {
                "duplicate key" => {
                    Complaint::new(format!("`{}` is there twice", echo(lines.slice(span))))
                }
                message if runs_away => Complaint::new(message)
                    .hint("a `[` or `{` further up is not closed; nothing after it can be read"),
                message => Complaint::new(message),
            };
            let last = if runs_away {
                usize::MAX
            } else if text.starts_with('[') {
                // Without its header, nobody knows whose keys these are.
                lines.next_header(line).map_or(usize::MAX, |next| next - 1)
            } else {
                line
            };
            syntax.gaps |= error.message() != "duplicate key";
            syntax.doubtful.push(line..=last);
            // A string that is never closed takes the bracket behind it along.
            if !(runs_away && open_string) {
                syntax.complaints.push(((line, column), complaint));
            }
            open_string |=
                error.message().starts_with("invalid ") && error.message().contains("string");
        }
        syntax
    }

    pub(super) fn is_doubtful(&self, line: usize) -> bool {
        self.doubtful.iter().any(|lines| lines.contains(&line))
    }
}

/// Whether an error is one that an open bracket makes on the next lines.
fn is_open_bracket(message: &str) -> bool {
    [
        "missing comma between",
        "unclosed",
        "unexpected `=` in array",
        "invalid inline table element",
    ]
    .iter()
    .any(|start| message.starts_with(start))
}

/// Whether a line looks like a header, or a key and its value.
fn begins_anew(line: &str) -> bool {
    let bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '"');
    let key = line.split('=').next().unwrap_or_default().trim_end();
    line.starts_with('[') || (line.contains('=') && !key.is_empty() && key.chars().all(bare))
}
