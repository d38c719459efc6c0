//! `[log]`: what the gateway writes about itself, and how.

use std::path::Path;

use crate::config::place::FilePath;
use crate::config::problem::Complaint;
use crate::config::read::section::Section;
use crate::config::read::value::Value;

/// `[log]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Log {
    /// The least important lines that are written. Default `info`: changes of state, never a line for each
    /// request.
    pub level: Level,
    /// How lines look. Default `text`, for people; `json` for machines.
    pub format: Format,
    /// Where a line for each request goes. Default `off`: whoever does not need to know does not.
    pub access: Access,
    /// How much of clients' addresses those lines hold. Default `truncated`: enough to see a flood's network,
    /// not enough to find a person.
    pub access_address: AddressDetail,
}

/// Where the access log goes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Access {
    /// Nowhere.
    #[default]
    Off,
    /// Standard output.
    Stdout,
    /// A file, by an absolute path; opened again at a reload and at SIGUSR1.
    File(FilePath),
}

impl Access {
    fn parse(value: &Value<'_>) -> Option<Self> {
        let text = value.string()?;
        match text {
            "off" => Some(Self::Off),
            "stdout" => Some(Self::Stdout),
            path if Path::new(path).is_absolute() && !path.contains('\0') => {
                Some(Self::File(FilePath {
                    written: path.into(),
                    place: value.place(),
                }))
            }
            _ => value.complain(
                Complaint::new("is no place for the access log")
                    .allowed("\"off\", \"stdout\" or an absolute path"),
            ),
        }
    }

    /// As it is written in the file.
    #[must_use]
    pub fn written(&self) -> String {
        match self {
            Self::Off => "off".to_owned(),
            Self::Stdout => "stdout".to_owned(),
            Self::File(path) => path.written.display().to_string(),
        }
    }
}

/// How much of an address is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AddressDetail {
    /// All of it.
    Full,
    /// The network: /24 of IPv4, /48 of IPv6.
    #[default]
    Truncated,
    /// Nothing.
    None,
}

impl AddressDetail {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Full, Self::Truncated, Self::None];

    /// The word in the file.
    pub fn label(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Truncated => "truncated",
            Self::None => "none",
        }
    }
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
        let details = AddressDetail::ALL.map(|one| (one.label(), one));
        let log = Self {
            level: section
                .read("level", |v| v.choice(&levels))
                .unwrap_or_default(),
            format: section
                .read("format", |v| v.choice(&formats))
                .unwrap_or_default(),
            access: section.read("access", Access::parse).unwrap_or_default(),
            access_address: section
                .read("access_address", |v| v.choice(&details))
                .unwrap_or_default(),
        };
        section.finish();
        log
    }
}
