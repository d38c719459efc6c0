//! Where in the file something was said, and the paths of files that the configuration names.

use std::fmt;
use std::path::{Path, PathBuf};

/// The position of one value in the configuration file.
///
/// Any two places are equal: where something was said is no part of what was said, so that a configuration
/// in which a line moved compares as unchanged.
#[derive(Clone, Default)]
pub struct Place {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The dotted path of the key, for example `regions.eu.endpoints[0].ca`.
    pub path: String,
}

impl PartialEq for Place {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl Eq for Place {}

impl fmt::Debug for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: {}", self.line, self.column, self.path)
    }
}

/// A file or directory that the configuration names, as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilePath {
    /// The path as written, never empty; relative paths count from the configuration file's directory.
    pub written: PathBuf,
    /// The value that names it.
    pub place: Place,
}

impl FilePath {
    /// The path to open, given the directory of the configuration file.
    pub fn resolve(&self, directory: &Path) -> PathBuf {
        directory.join(&self.written)
    }
}
