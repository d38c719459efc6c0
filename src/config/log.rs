//! `[log]`: what the gateway writes about itself, and how.

use crate::config::read::section::Section;

/// `[log]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Log {
    /// The least important lines that are written. Default `info`: changes of state, never a line for each
    /// request.
    pub level: Level,
    /// How lines look. Default `text`, for people; `json` for machines.
    pub format: Format,
}

/// How important a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Level {
    /// What needs a person now.
    Error,
    /// What needs a person soon.
    Warn,
    /// Changes of state.
    #[default]
    Info,
    /// What happens to each connection.
    Debug,
    /// Everything.
    Trace,
}

impl Level {
    /// Every level, most important first.
    pub const ALL: [Self; 5] = [
        Self::Error,
        Self::Warn,
        Self::Info,
        Self::Debug,
        Self::Trace,
    ];

    /// The word in the file.
    pub fn label(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

impl Format {
    /// Every one.
    pub const ALL: [Self; 2] = [Self::Text, Self::Json];

    /// The word in the file.
    pub fn label(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
        }
    }
}

impl Log {
    pub(super) fn read(mut section: Section<'_>) -> Self {
        let levels = Level::ALL.map(|one| (one.label(), one));
        let formats = Format::ALL.map(|one| (one.label(), one));
        let log = Self {
            level: section
                .read("level", |v| v.choice(&levels))
                .unwrap_or_default(),
            format: section
                .read("format", |v| v.choice(&formats))
                .unwrap_or_default(),
        };
        section.finish();
        log
    }
}
