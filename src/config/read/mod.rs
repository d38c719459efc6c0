//! How the spanned table is walked: each value knows its place, each section which keys were asked of it.
//!
//! A reader of a section asks for its keys one by one and reports what is wrong on the way, so that one
//! mistake never hides another; what it did not ask for is unknown.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use toml::de::DeTable;

use crate::config::lines::Lines;
use crate::config::name::RegionName;
use crate::config::place::{FilePath, Place};
use crate::config::problem::{Complaint, Problems, Warning, problem};
use crate::config::read::syntax::Syntax;

pub(super) mod section;
pub(super) mod syntax;
pub(super) mod value;

/// What is found while one file is read.
pub(in crate::config) struct Reading {
    file: Arc<str>,
    lines: Arc<Lines>,
    problems: RefCell<Vec<(Place, Complaint)>>,
    warnings: RefCell<Vec<(Place, Complaint)>>,
    files: RefCell<Vec<FilePath>>,
    /// The keys of `[regions]`, whatever is wrong within them, and the names that they are.
    pub(in crate::config) regions: BTreeMap<String, Option<RegionName>>,
    /// The names of regions that there are not, and where they are said.
    strangers: RefCell<BTreeMap<String, Vec<(Place, Complaint)>>>,
    syntax: Syntax,
}

impl Reading {
    /// Begins the reading of the table that a text became, without the lines that are no TOML.
    pub(in crate::config) fn new(
        file: &str,
        lines: Lines,
        table: &DeTable<'_>,
        syntax: Syntax,
    ) -> Self {
        let regions = table
            .get("regions")
            .and_then(|regions| regions.get_ref().as_table());
        let names = regions.into_iter().flat_map(|table| table.keys());
        // With gaps in the text, a region that seems to be missing may be there: then any is taken.
        let regions = names
            .filter(|_| !syntax.gaps)
            .map(|name| {
                (
                    name.get_ref().to_string(),
                    RegionName::parse(name.get_ref()),
                )
            })
            .collect();
        Self {
            file: file.into(),
            lines: Arc::new(lines),
            problems: RefCell::default(),
            warnings: RefCell::default(),
            files: RefCell::default(),
            regions,
            strangers: RefCell::default(),
            syntax,
        }
    }

    pub(in crate::config) fn complain(&self, place: Place, complaint: Complaint) {
        self.problems.borrow_mut().push((place, complaint));
    }

    pub(in crate::config) fn warn(&self, place: Place, complaint: Complaint) {
        self.warnings.borrow_mut().push((place, complaint));
    }

    /// A region that there is not. Each is one problem, however often it is named: a thousand hosts may.
    fn no_region(&self, name: &str, place: Place, complaint: Complaint) {
        let mut strangers = self.strangers.borrow_mut();
        strangers
            .entry(name.to_owned())
            .or_default()
            .push((place, complaint));
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
            strangers,
            syntax,
            ..
        } = self;
        let mut complaints = problems.into_inner();
        complaints.extend(strangers.into_inner().into_values().filter_map(once));
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

/// The first of several complaints about the same, which says where the others are.
fn once(mut places: Vec<(Place, Complaint)>) -> Option<(Place, Complaint)> {
    places.sort_by_key(|(place, _)| (place.line, place.column));
    let lines: Vec<_> = places
        .iter()
        .map(|(place, _)| place.line.to_string())
        .collect();
    let (place, complaint) = places.into_iter().next()?;
    let complaint = match lines.get(1..).unwrap_or_default() {
        [] => complaint,
        [other] => complaint.add(&format!("; also named on line {other}")),
        others if others.len() <= 8 => {
            complaint.add(&format!("; also named on lines {}", others.join(", ")))
        }
        others => complaint.add(&format!("; also named on {} other lines", others.len())),
    };
    Some((place, complaint))
}
