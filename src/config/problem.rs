//! What is wrong with a configuration: where, what, what is allowed instead, and a hint.
//!
//! Nothing here repeats a secret: lines that may hold one are cut before they are quoted.

use std::fmt;
use std::sync::Arc;

use crate::config::lines::{Excerpt, Lines};
use crate::config::place::{FilePath, Place};

/// All that is wrong with one configuration file, sorted by position once it is complete.
///
/// Others who find something wrong later, for example with a file that the configuration names, make one of
/// their own with [`Problems::new`], or add to the one that parsing returned, with [`Problems::at`].
#[derive(Clone)]
pub struct Problems {
    file: Arc<str>,
    lines: Arc<Lines>,
    list: Vec<Problem>,
    files: Vec<FilePath>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file as it was called when it was read.
    pub file: Arc<str>,
    /// Where; `line` is 0 where it is the file as a whole, or something it should say and does not.
    pub place: Place,
    /// What is wrong.
    pub message: String,
    /// What is allowed there.
    pub allowed: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
    excerpt: Option<Excerpt>,
}

/// One thing that is suspicious, but may be meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning(pub Problem);

/// What is wrong with one value, before it is known where the value stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Complaint {
    message: String,
    allowed: Option<String>,
    hint: Option<String>,
}

impl Problems {
    /// No problems yet, of this file with this text.
    pub fn new(file: &str, text: &str) -> Self {
        Self {
            file: file.into(),
            lines: Arc::new(Lines::new(text)),
            list: Vec::new(),
            files: Vec::new(),
        }
    }

    pub(super) fn of(file: Arc<str>, lines: Arc<Lines>, files: Vec<FilePath>) -> Self {
        Self {
            file,
            lines,
            list: Vec::new(),
            files,
        }
    }

    /// The same, knowing which files the text names.
    #[must_use]
    pub fn naming(mut self, files: Vec<FilePath>) -> Self {
        self.files = files;
        self
    }

    /// Adds a problem at a place of the file.
    ///
    /// The message may name files and variables, and must not repeat what is in them.
    pub fn at(&mut self, place: &Place, message: impl Into<String>) {
        let problem = problem(
            &self.file,
            &self.lines,
            place.clone(),
            Complaint::new(message),
        );
        self.add(problem);
    }

    /// What a problem at a place would say, for what is only worth a look; nothing is added.
    pub fn told(&self, place: &Place, message: impl Into<String>) -> String {
        let complaint = Complaint::new(message);
        problem(&self.file, &self.lines, place.clone(), complaint).to_string()
    }

    /// Adds a problem of the file as a whole.
    pub fn whole(&mut self, message: impl Into<String>) {
        self.at(&Place::default(), message);
    }

    pub(super) fn add(&mut self, problem: Problem) {
        let position = |problem: &Problem| (problem.place.line, problem.place.column);
        let index = self
            .list
            .partition_point(|other| position(other) <= position(&problem));
        self.list.insert(index, problem);
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// How many things are wrong.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// The problems, by position.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.list.iter()
    }

    /// The files that the text names wherever it could be understood, so that whoever opens files can report
    /// theirs along with what is wrong in the text.
    pub fn files(&self) -> &[FilePath] {
        &self.files
    }
}

impl fmt::Debug for Problems {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// All problems, an empty line between any two.
impl fmt::Display for Problems {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.list.iter().enumerate() {
            if index > 0 {
                formatter.write_str("\n\n")?;
            }
            write!(formatter, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

impl Problem {
    /// File, position, key and message in one line, for logs.
    pub fn summary(&self) -> String {
        let Place { line, column, path } = &self.place;
        let mut summary = self.file.to_string();
        if *line > 0 {
            summary.push_str(&format!(":{line}:{column}"));
        }
        summary.push_str(": ");
        if !path.is_empty() {
            summary.push_str(&format!("{path}: "));
        }
        summary.push_str(&self.message);
        summary
    }
}

/// The summary, the line with a caret, what is allowed, and a hint.
impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.summary())?;
        let number = self.place.line.to_string();
        let gutter = " ".repeat(number.len());
        if let Some(Excerpt { text, caret }) = &self.excerpt {
            write!(
                formatter,
                "\n  {number} | {text}\n  {gutter} | {}^",
                " ".repeat(*caret)
            )?;
        }
        if let Some(allowed) = &self.allowed {
            write!(formatter, "\n  {gutter} = allowed: {allowed}")?;
        }
        if let Some(hint) = &self.hint {
            write!(formatter, "\n  {gutter} = hint: {hint}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0)
    }
}

impl Complaint {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            allowed: None,
            hint: None,
        }
    }

    /// Says more about what is wrong.
    pub(super) fn add(mut self, more: &str) -> Self {
        self.message.push_str(more);
        self
    }

    pub(super) fn allowed(mut self, allowed: impl Into<String>) -> Self {
        self.allowed = Some(allowed.into());
        self
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds `did you mean ...?`, if one of the candidates is close to what was written.
    pub(super) fn suggest<'a>(
        self,
        written: &str,
        candidates: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let close = |candidate: &&str| strsim::jaro_winkler(written, candidate);
        let best = candidates
            .into_iter()
            .max_by(|a, b| close(a).total_cmp(&close(b)));
        match best {
            // Numbers that look alike do not mean alike.
            Some(best) if close(&best) >= 0.8 && written.contains(char::is_alphabetic) => {
                self.hint(format!("did you mean `{best}`?"))
            }
            _ => self,
        }
    }

    #[cfg(test)]
    pub(super) fn hint_text(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

/// The problem that a complaint is at a place.
pub(super) fn problem(
    file: &Arc<str>,
    lines: &Lines,
    place: Place,
    complaint: Complaint,
) -> Problem {
    let excerpt = lines.excerpt(place.line, place.column);
    let Complaint {
        message,
        allowed,
        hint,
    } = complaint;
    Problem {
        file: Arc::clone(file),
        place,
        message,
        allowed,
        hint,
        excerpt,
    }
}
