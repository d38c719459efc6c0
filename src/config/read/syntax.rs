//! Text that is no TOML: which of the parser's errors are worth saying, and which lines mean nothing after
//! them.
//!
//! The parser goes on after an error, as we want it to; but one slip, an array that is never closed say, makes
//! every later line wrong. So the lines of a slip are blanked and the rest is parsed again: what is said is
//! wrong for a reason of its own, and every line that can be read is.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use toml::de::{DeTable, Error};

use crate::config::hide::echo;
use crate::config::lines::Lines;
use crate::config::problem::Complaint;

/// How often the text is parsed at most: once for each bracket that is not closed.
const PASSES: usize = 16;

/// What the parser's errors come to.
#[derive(Default)]
pub(in crate::config) struct Syntax {
    /// What to say, by line and column.
    pub(super) complaints: Vec<((usize, usize), Complaint)>,
    /// Whether something may be missing only because a line could not be read.
    pub(super) gaps: bool,
    /// Lines whose meaning is in doubt: nothing is said of what they hold.
    doubtful: BTreeSet<usize>,
}

impl Syntax {
    /// Finds out which lines are no TOML, given the errors of the text, and the text without them, if there are
    /// any; each line that stays is where it was.
    pub(in crate::config) fn new(lines: &Lines, errors: Vec<Error>) -> (Self, Option<String>) {
        let mut syntax = Self::default();
        let mut rest = None;
        let mut errors = errors;
        for pass in 0..=PASSES {
            if errors.is_empty() {
                break;
            }
            syntax.take(lines, errors);
            if pass == PASSES {
                let last = syntax.doubtful.last().copied().unwrap_or(1);
                syntax.doubtful.extend(last..=lines.count());
            }
            let text = rest.insert(lines.without(&syntax.doubtful));
            (_, errors) = DeTable::parse_recoverable(text);
        }
        (syntax, rest)
    }

    /// Takes up the errors of one pass, as far as they have reasons of their own.
    fn take(&mut self, lines: &Lines, mut errors: Vec<Error>) {
        // Those of values come after those of structure, whatever their position.
        let start = |error: &Error| error.span().map_or(lines.len(), |span| span.start);
        errors.sort_by_key(start);
        let mut slips: Vec<Slip> = Vec::new();
        // One slip makes several errors on its line; the first says it.
        let mut said = BTreeSet::new();
        for error in &errors {
            let (line, column) = lines.position(start(error));
            if let Some(open) = Slip::open(lines, error, (line, column), &self.doubtful) {
                // What was wrong behind the opening, and what follows, is within it.
                let start = *open.damage.start();
                slips.retain(|before| *before.damage.start() <= start);
                if !slips.iter().any(|before| before.damage.contains(&start)) {
                    slips.push(open);
                }
                break;
            }
            if !self.is_doubtful(line) && !said.contains(&line) {
                let slip = Slip::new(lines, error, (line, column));
                said.extend(slip.damage.clone());
                slips.push(slip);
            }
        }
        for slip in slips {
            self.gaps |= slip.gap;
            // What comes of a line that is blank by now is no slip of its own.
            if !self.is_doubtful(*slip.damage.start()) {
                self.complaints.push((slip.at, slip.complaint));
            }
            self.doubtful.extend(slip.damage);
        }
    }

    pub(super) fn is_doubtful(&self, line: usize) -> bool {
        self.doubtful.contains(&line)
    }
}

/// One thing that is wrong, and the lines that mean nothing for it.
struct Slip {
    at: (usize, usize),
    complaint: Complaint,
    damage: RangeInclusive<usize>,
    /// Whether something is lost by it that may seem to be missing.
    gap: bool,
}

impl Slip {
    /// What is wrong at an error, and nowhere else.
    fn new(lines: &Lines, error: &Error, at: (usize, usize)) -> Self {
        let twice = error.message() == "duplicate key";
        let key = error
            .span()
            .map(|span| lines.slice(span))
            .unwrap_or_default();
        let complaint = match twice {
            true => Complaint::new(format!("`{}` is there twice", echo(key))),
            false => Complaint::new(error.message()),
        };
        let damage = at.0..=end_of_damage(lines, at.0);
        Self {
            at,
            complaint,
            damage,
            gap: !twice,
        }
    }

    /// What is wrong further up, and makes this error by taking in the lines between.
    fn open(
        lines: &Lines,
        error: &Error,
        (line, column): (usize, usize),
        doubtful: &BTreeSet<usize>,
    ) -> Option<Self> {
        if let Some(last) = taken_in(lines, error.message(), line, column) {
            return Some(Self::open_bracket(lines, last, doubtful));
        }
        let quotes = error
            .message()
            .contains("multi-line")
            .then(|| opening_quotes(lines, line));
        let opening = quotes.flatten().filter(|opening| *opening != line)?;
        let complaint = Complaint::new("a string that is opened here is not closed");
        Some(Self {
            at: (opening, 1),
            complaint,
            damage: opening..=opening,
            gap: true,
        })
    }

    /// A bracket is open where a line ends behind which a statement should begin, or the text should end.
    fn open_bracket(lines: &Lines, last: usize, doubtful: &BTreeSet<usize>) -> Self {
        let is_statement = |line: usize| begins_anew(lines.line(line).trim_start());
        // The statement that has it: the nearest above that is still read and opens more than is closed below
        // it.
        let mut balance = 0;
        let mut nearest = None;
        let mut opening = None;
        for above in (1..=last).rev().filter(|line| !doubtful.contains(line)) {
            balance += open_brackets(lines.line(above));
            if is_statement(above) {
                nearest = nearest.or(Some(above));
                if balance > 0 {
                    opening = Some(above);
                    break;
                }
            }
        }
        let opening = opening.or(nearest).unwrap_or(last);
        // The next header, though within the bracket, is meant as one.
        let header = lines.next_header(opening).map_or(last, |next| next - 1);
        let text = lines.line(opening);
        let before = text
            .find(['[', '{'])
            .and_then(|at| text.get(..at))
            .unwrap_or_default();
        Self {
            at: (opening, before.chars().count() + 1),
            complaint: Complaint::new("a bracket that is opened here is not closed"),
            damage: opening..=last.min(header),
            gap: true,
        }
    }
}

/// The last line that an error takes along: without its header, nobody knows whose keys those below are.
fn end_of_damage(lines: &Lines, line: usize) -> usize {
    let text = lines.line(line).trim_start();
    if text.contains(['[', ']']) && !is_assignment(text) {
        return lines
            .next_header(line)
            .map_or_else(|| lines.count(), |next| next - 1);
    }
    line
}

/// The nearest line above, or the same, where a multi-line string may begin.
fn opening_quotes(lines: &Lines, line: usize) -> Option<usize> {
    let opens = |line: &usize| {
        ["\"\"\"", "'''"]
            .iter()
            .any(|quotes| lines.line(*line).contains(quotes))
    };
    (1..=line).rev().find(opens)
}

/// The last line that an open bracket took in, if an error is one that such a bracket makes.
fn taken_in(lines: &Lines, message: &str, line: usize, column: usize) -> Option<usize> {
    let starts = |starts: &[&str]| starts.iter().any(|start| message.starts_with(start));
    // `[[name]` is an unclosed header, not a bracket that runs away.
    if starts(&["unclosed array", "unclosed inline table"]) {
        return (!message.starts_with("unclosed array table")).then_some(line);
    }
    // A statement where a comma should be, and not one whose own bracket it is.
    let text = lines.line(line);
    let own = text
        .chars()
        .take(column - 1)
        .any(|c| matches!(c, '[' | '{'));
    let between = [
        "missing comma between",
        "unexpected `=` in array",
        "invalid inline table element",
    ];
    let open = starts(&between) && begins_anew(text.trim_start()) && !own;
    open.then_some(line.saturating_sub(1).max(1))
}

/// How many more brackets are opened in a line than closed.
fn open_brackets(line: &str) -> i64 {
    let step = |c| match c {
        '[' | '{' => 1,
        ']' | '}' => -1,
        _ => 0,
    };
    line.chars().map(step).sum()
}

/// Whether a line looks like a header, or a key and its value.
fn begins_anew(line: &str) -> bool {
    line.starts_with('[') || is_assignment(line)
}

/// Whether a line looks like a key and its value.
fn is_assignment(line: &str) -> bool {
    let bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '"');
    let key = line.split_once('=').map(|(key, _)| key.trim_end());
    key.is_some_and(|key| !key.is_empty() && key.chars().all(bare))
}
