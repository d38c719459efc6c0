//! From files to the live snapshot: read, parse, build everything, then swap one pointer, or keep
//! the old and say why. Triggers are a signal, a changed file and the admin listener alike.

pub mod watch;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::server::ProducesTickets;

use self::watch::Signature;
use crate::config::place::FilePath;
use crate::config::problem::Problems;
use crate::config::server::Server;
use crate::config::tls::MinVersion;
use crate::config::{Config, restart_needed};
use crate::snapshot::Snapshot;
use crate::snapshot::build::{Built, Materials, build};
use crate::tls::resolver::CertResolver;

/// Where the configuration comes from.
#[derive(Clone, Debug)]
pub enum Source {
    /// A file that operators edit.
    File(PathBuf),
    /// A text of the program's own (the demo, tests).
    Text {
        /// What problems call it.
        label: String,
        /// Relative paths count from here.
        directory: PathBuf,
        /// The TOML.
        text: String,
    },
}

impl Source {
    /// What problems call it.
    #[must_use]
    pub fn label(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Text { label, .. } => label.clone(),
        }
    }

    fn directory(&self) -> PathBuf {
        match self {
            Self::File(path) => path.parent().map(Path::to_path_buf).unwrap_or_default(),
            Self::Text { directory, .. } => directory.clone(),
        }
    }

    fn own_file(&self) -> Vec<PathBuf> {
        match self {
            Self::File(path) => vec![path.clone()],
            Self::Text { .. } => Vec::new(),
        }
    }

    /// `again` is after the start: whoever waits for a pipe's writer then serves nobody meanwhile.
    fn text(&self, again: bool) -> std::io::Result<String> {
        match self {
            Self::File(path) => {
                if again && !std::fs::metadata(path)?.is_file() {
                    return Err(std::io::Error::other("it is no regular file any more"));
                }
                std::fs::read_to_string(path)
            }
            Self::Text { text, .. } => Ok(text.clone()),
        }
    }
}

/// What a reload came to.
#[derive(Debug)]
pub enum Verdict {
    /// The new snapshot is live.
    Applied {
        /// Its number.
        generation: u64,
        /// The configuration's hash.
        hash: u64,
        /// What is worth a look, and what takes effect only after a restart.
        warnings: Vec<String>,
    },
    /// The old one stays.
    Refused(Problems),
}

/// Reads, parses and builds: what `check`, `run` and every reload have in common.
///
/// # Errors
/// All problems at once.
pub fn load(
    source: &Source,
    previous: Option<&Snapshot>,
    now: SystemTime,
    label: &dyn Fn(&str) -> u16,
) -> Result<Built, Problems> {
    attempt(source, previous, now, label, &mut Signature::default())
}

/// The same, and what every file looked like before it was read: whatever comes of it, a file that
/// changes afterwards, or meanwhile, is worth another attempt.
fn attempt(
    source: &Source,
    previous: Option<&Snapshot>,
    now: SystemTime,
    label: &dyn Fn(&str) -> u16,
    seen: &mut Signature,
) -> Result<Built, Problems> {
    let name = source.label();
    let directory = source.directory();
    *seen = Signature::of(source.own_file());
    let named = |files: &[&FilePath]| -> Vec<PathBuf> {
        files.iter().map(|path| path.resolve(&directory)).collect()
    };
    let text = source.text(previous.is_some()).map_err(|error| {
        let mut problems = Problems::new(&name, "");
        problems.whole(format!("cannot read the configuration: {error}"));
        problems
    })?;
    let (config, warnings) = Config::parse(&name, &text).inspect_err(|problems| {
        seen.look_at(named(&problems.files().iter().collect::<Vec<_>>()));
    })?;
    seen.look_at(named(&config.files()));
    let materials = Materials {
        directory: &directory,
        previous,
        now,
        hash: crate::config::hash(&text),
        label,
    };
    let mut built = build(config, &materials, Problems::new(&name, &text))?;
    let mut all: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    all.append(&mut built.warnings);
    built.warnings = all;
    Ok(built)
}

/// What is live, and how it is replaced.
pub struct Reloader {
    source: Source,
    /// The live snapshot.
    pub live: Arc<ArcSwap<Snapshot>>,
    /// How TLS is spoken with clients.
    pub tls: Arc<ArcSwap<ServerConfig>>,
    resolver: Arc<CertResolver>,
    tickets: Arc<dyn ProducesTickets>,
    label: Box<dyn Fn(&str) -> u16 + Send + Sync>,
    /// What sockets and threads were made from: they do not change with a reload.
    started: Server,
    files: Mutex<Signature>,
}

impl Reloader {
    /// Loads for the first time.
    ///
    /// # Errors
    /// All problems at once: there is nothing older to keep.
    pub fn start(
        source: Source,
        now: SystemTime,
        label: Box<dyn Fn(&str) -> u16 + Send + Sync>,
    ) -> Result<(Self, Vec<String>), Problems> {
        let mut files = Signature::default();
        let built = attempt(&source, None, now, &*label, &mut files)?;
        let snapshot = built.snapshot;
        let resolver = Arc::new(CertResolver::new(snapshot.certificates.clone()));
        let tickets = crate::tls::tickets().map_err(|error| whole(&source, &error))?;
        let only = snapshot.config.tls.min_version == MinVersion::Tls13;
        let tls = crate::tls::server_config(resolver.clone(), tickets.clone(), only)
            .map_err(|error| whole(&source, &error))?;
        let reloader = Self {
            source,
            started: snapshot.config.server.clone(),
            live: Arc::new(ArcSwap::from_pointee(snapshot)),
            tls: Arc::new(ArcSwap::new(tls)),
            resolver,
            tickets,
            label,
            files: Mutex::new(files),
        };
        Ok((reloader, built.warnings))
    }

    /// Builds anew and swaps, or keeps the old. Blocks for as long as reading and building take.
    pub fn reload(&self, now: SystemTime) -> Verdict {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let previous = self.live.load_full();
        match attempt(&self.source, Some(&previous), now, &*self.label, &mut files) {
            Err(problems) => Verdict::Refused(problems),
            Ok(built) => {
                let snapshot = built.snapshot;
                let mut warnings = built.warnings;
                warnings.extend(
                    restart_needed(&self.started, &snapshot.config.server)
                        .into_iter()
                        .map(|what| {
                            format!("{what} has changed since the start: this takes effect after a restart")
                        }),
                );
                self.resolver.swap(snapshot.certificates.clone());
                let version = snapshot.config.tls.min_version;
                if version != previous.config.tls.min_version {
                    let only = version == MinVersion::Tls13;
                    match crate::tls::server_config(
                        self.resolver.clone(),
                        self.tickets.clone(),
                        only,
                    ) {
                        Ok(tls) => self.tls.store(tls),
                        Err(error) => warnings.push(error.to_string()),
                    }
                }
                let verdict = Verdict::Applied {
                    generation: snapshot.generation,
                    hash: snapshot.hash,
                    warnings,
                };
                self.live.store(Arc::new(snapshot));
                verdict
            }
        }
    }

    /// Whether a file that the configuration names, or the configuration itself, has changed since
    /// the last attempt to load.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.has_changed()
    }

    /// What the configuration is called: its file, as the command line named it.
    #[must_use]
    pub fn file(&self) -> String {
        self.source.label()
    }

    /// Directories in which something may change.
    #[must_use]
    pub fn directories(&self) -> Vec<PathBuf> {
        self.files
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .directories()
    }
}

fn whole(source: &Source, error: &dyn std::fmt::Display) -> Problems {
    let mut problems = Problems::new(&source.label(), "");
    problems.whole(error.to_string());
    problems
}
