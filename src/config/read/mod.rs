//! How the spanned table is walked: each value knows its place, each section which keys were asked of it.
//!
//! A reader of a section asks for its keys one by one and reports what is wrong on the way, so that one
//! mistake never hides another; what it did not ask for is unknown.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use toml::de::DeTable;

use crate::config::lines::Lines;
use crate::config::place::{FilePath, Place};
use crate::config::problem::{Complaint, Problems, Warning, problem};
use crate::config::read::syntax::Syntax;

pub(super) mod section;
mod syntax;
pub(super) mod value;

/// What is found while one file is read.
pub(in crate::config) struct Reading {
    file: Arc<str>,
    lines: Arc<Lines>,
    problems: RefCell<Vec<(Place, Complaint)>>,
    warnings: RefCell<Vec<(Place, Complaint)>>,
    files: RefCell<Vec<FilePath>>,
    /// The names of the tables under `[regions]`, whatever is wrong within them.
    pub(in crate::config) regions: BTreeSet<String>,
    syntax: Syntax,
}

impl Reading {
    /// Begins the reading of a text of which the parser made a table, with errors or without.
    pub(in crate::config) fn new(
        file: &str,
        text: &str,
        table: &DeTable<'_>,
        errors: &[toml::de::Error],
    ) -> Self {
        let lines = Lines::new(text);
        let syntax = Syntax::new(&lines, errors);
        let regions = table
            .get("regions")
            .and_then(|regions| regions.get_ref().as_table());
        let names = regions.into_iter().flat_map(|table| table.keys());
        // With gaps in the text, a region that seems to be missing may be there: then any is taken.
        let names = names
            .filter(|_| !syntax.gaps)
            .map(|name| name.get_ref().to_string());
        let regions = names.collect();
        Self {
            file: file.into(),
            lines: Arc::new(lines),
            problems: RefCell::default(),
            warnings: RefCell::default(),
            files: RefCell::default(),
            regions,
            syntax,
        }
    }

    pub(in crate::config) fn complain(&self, place: Place, complaint: Complaint) {
        self.problems.borrow_mut().push((place, complaint));
    }

    pub(in crate::config) fn warn(&self, place: Place, complaint: Complaint) {
        self.warnings.borrow_mut().push((place, complaint));
    }

    /// A file that a value names.
    fn name_file(&self, file: FilePath) {
        self.files.borrow_mut().push(file);
    }

    /// Whether something may be missing only because the text around it could not be read.
    pub(in crate::config) fn is_broken(&self) -> bool {
        self.syntax.gaps
    }

    pub(in crate::config) fn place(&self, span: &Range<usize>, path: &str) -> Place {
        let (line, column) = self.lines.position(span.start);
        Place {
            line,
            column,
            path: path.to_owned(),
        }
    }

    /// Ends the reading: the value and the warnings, or the problems.
    pub(in crate::config) fn finish<T>(
        self,
        value: Option<T>,
    ) -> Result<(T, Vec<Warning>), Problems> {
        let Self {
            file,
            lines,
            problems,
            warnings,
            files,
            syntax,
            ..
        } = self;
        let mut complaints = problems.into_inner();
        complaints.retain(|(place, _)| !syntax.is_doubtful(place.line));
        for ((line, column), complaint) in syntax.complaints {
            let path = String::new();
            complaints.push((Place { line, column, path }, complaint));
        }
        complaints.sort_by_key(|(place, _)| (place.line, place.column));
        if let (Some(value), true) = (value, complaints.is_empty()) {
            let mut warned = warnings.into_inner();
            warned.sort_by_key(|(place, _)| (place.line, place.column));
            let warn = |(place, complaint)| Warning(problem(&file, &lines, place, complaint));
            return Ok((value, warned.into_iter().map(warn).collect()));
        }
        let mut problems = Problems::of(Arc::clone(&file), Arc::clone(&lines), files.into_inner());
        for (place, complaint) in complaints {
            problems.add(problem(&file, &lines, place, complaint));
        }
        if problems.is_empty() {
            // No value and no complaint: cannot be, but must not pass for a good file.
            problems.whole("the configuration is incomplete");
        }
        Err(problems)
    }
}
