//! From files to the live snapshot: read, parse, build everything, then swap one pointer, or keep
//! the old and say why. Triggers are a signal, a changed file and the admin listener alike.

pub mod watch;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::server::ProducesTickets;

use crate::config::problem::Problems;
use crate::config::server::Server;
use crate::config::tls::MinVersion;
use crate::config::{Config, restart_needed};
use crate::snapshot::Snapshot;
use crate::snapshot::build::{Built, Materials, build};
use crate::snapshot::files::{Looks, MOST_TEXT};
use crate::telemetry::access;
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

    fn text(&self, looks: &Looks) -> std::io::Result<String> {
        match self {
            // Every trigger says that this one is complete; the files that it names may not be.
            Self::File(path) => String::from_utf8(looks.read_now(path, MOST_TEXT)?)
                .map_err(|_| std::io::Error::other("it is not UTF-8")),
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
    let looks = Looks::new(previous.is_some());
    load_looking(source, previous, now, label, &looks)
}

/// As [`load`], and `looks` knows afterwards which version of each file it was.
fn load_looking(
    source: &Source,
    previous: Option<&Snapshot>,
    now: SystemTime,
    label: &dyn Fn(&str) -> u16,
    looks: &Looks,
) -> Result<Built, Problems> {
    let name = source.label();
    let text = source.text(looks).map_err(|error| {
        let mut problems = Problems::new(&name, "");
        problems.whole(format!("cannot read the configuration: {error}"));
        problems
    })?;
    let (config, warnings) = Config::parse(&name, &text)?;
    let directory = source.directory();
    let materials = Materials {
        directory: &directory,
        previous,
        now,
        hash: crate::config::hash(&text),
        label,
        looks,
    };
    // Repairing one of them is worth another attempt, whatever comes of this one.
    let files = config.files().into_iter().cloned().collect();
    let problems = Problems::new(&name, &text).naming(files);
    let mut built = build(config, &materials, problems)?;
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
    /// What was read, or tried to be read, last.
    files: Mutex<Read>,
    /// One reload at a time. Not the lock on `files`: a reload may wait for files to be complete.
    turn: Mutex<()>,
}

/// What the last attempt to load was made from.
struct Read {
    files: watch::Signature,
    /// The access log that could not be written, if that was a reason for a refusal.
    unwritable: Option<PathBuf>,
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
        let looks = Looks::default();
        let built = load_looking(&source, None, now, &*label, &looks)?;
        let snapshot = built.snapshot;
        let resolver = Arc::new(CertResolver::new(snapshot.certificates.clone()));
        let tickets = crate::tls::tickets().map_err(|error| whole(&source, &error))?;
        let only = snapshot.config.tls.min_version == MinVersion::Tls13;
        let tls = crate::tls::server_config(resolver.clone(), tickets.clone(), only)
            .map_err(|error| whole(&source, &error))?;
        let files = watch::Signature::of(watched(&source, &snapshot.config), &looks);
        let reloader = Self {
            source,
            started: snapshot.config.server.clone(),
            live: Arc::new(ArcSwap::from_pointee(snapshot)),
            tls: Arc::new(ArcSwap::new(tls)),
            resolver,
            tickets,
            label,
            files: Mutex::new(Read {
                files,
                unwritable: None,
            }),
            turn: Mutex::default(),
        };
        Ok((reloader, built.warnings))
    }

    /// Builds anew and swaps, or keeps the old. Blocks for as long as reading and building take, and
    /// until the files that have changed have been quiet for [`crate::snapshot::files::QUIET`]; not so
    /// the configuration itself, which the caller says is complete.
    pub fn reload(&self, now: SystemTime) -> Verdict {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let looks = Looks::after(self.read().files.files().to_vec());
        let loaded = self.load(now, &looks);
        self.settle(loaded, &looks)
    }

    /// The same if the files look as in `seen`, before they are read and after. `None` if they do not,
    /// or if another reload has loaded them already: nothing has changed then.
    pub fn reload_at_rest(&self, now: SystemTime, seen: &watch::Signature) -> Option<Verdict> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        if self.stale().as_ref() != Some(seen) {
            return None;
        }
        let looks = Looks::after(seen.files().to_vec());
        let loaded = self.load(now, &looks);
        (!seen.has_changed()).then(|| self.settle(loaded, &looks))
    }

    fn load(&self, now: SystemTime, looks: &Looks) -> Result<Built, Problems> {
        let previous = self.live.load_full();
        load_looking(&self.source, Some(&previous), now, &*self.label, looks)
    }

    /// Makes live what was loaded, or keeps the old.
    fn settle(&self, loaded: Result<Built, Problems>, looks: &Looks) -> Verdict {
        let previous = self.live.load_full();
        let files = match &loaded {
            Ok(built) => watched(&self.source, &built.snapshot.config),
            Err(problems) => {
                let directory = self.source.directory();
                let named = problems.files().iter().map(|path| path.resolve(&directory));
                named.chain(self.own_file()).collect()
            }
        };
        *self.read() = Read {
            files: watch::Signature::of(files, looks),
            unwritable: looks.unwritable(),
        };
        let built = match loaded {
            Ok(built) => built,
            Err(problems) => return Verdict::Refused(problems),
        };
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
            match crate::tls::server_config(self.resolver.clone(), self.tickets.clone(), only) {
                Ok(tls) => self.tls.store(tls),
                Err(error) => warnings.push(error.to_string()),
            }
        }
        let verdict = Verdict::Applied {
            generation: snapshot.generation,
            hash: snapshot.hash,
            warnings,
        };
        snapshot.withdraw(&previous);
        self.live.store(Arc::new(snapshot));
        verdict
    }

    /// What the files look like, if that differs from the last attempt to load them. An access log
    /// that can be written again is a change, too.
    #[must_use]
    pub fn stale(&self) -> Option<watch::Signature> {
        let read = self.read();
        let can_write = |log: &PathBuf| access::probe(log).is_ok();
        let now = read.files.now();
        (now != read.files || read.unwritable.as_ref().is_some_and(can_write)).then_some(now)
    }

    /// Whether a file that the configuration names, or the configuration itself, has changed since
    /// the last attempt to load.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.stale().is_some()
    }

    fn read(&self) -> MutexGuard<'_, Read> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the configuration is called: its file, as the command line named it.
    #[must_use]
    pub fn file(&self) -> String {
        self.source.label()
    }

    /// Directories in which something may change.
    #[must_use]
    pub fn directories(&self) -> Vec<PathBuf> {
        self.read().files.directories()
    }

    fn own_file(&self) -> Option<PathBuf> {
        match &self.source {
            Source::File(path) => Some(path.clone()),
            Source::Text { .. } => None,
        }
    }
}

fn whole(source: &Source, error: &dyn std::fmt::Display) -> Problems {
    let mut problems = Problems::new(&source.label(), "");
    problems.whole(error.to_string());
    problems
}

/// All files whose content the snapshot depends on.
fn watched(source: &Source, config: &Config) -> Vec<PathBuf> {
    let directory = source.directory();
    let mut files: Vec<PathBuf> = config
        .files()
        .iter()
        .map(|path| path.resolve(&directory))
        .collect();
    if let Source::File(path) = source {
        files.push(path.clone());
    }
    files
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    fn text(us: u8) -> String {
        format!(
            "[tls]\ncertificates = [{{ chain = \"a.pem\", key = \"a.key\" }}]\n\
             [hosts]\n\"a.example\" = \"auto\"\n[geo]\nno_country = \"us\"\ndefault = \"us\"\n\
             [regions.us]\nhost = \"us.example\"\nendpoints = [\"http://127.0.0.{us}:80\"]\n"
        )
    }

    /// Whatever is written while a reload reads and builds is loaded by the next one: nobody else
    /// says that there is something to load.
    #[test]
    fn a_file_that_changes_during_a_reload_is_still_stale_after_it() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("gateway.toml");
        let own = rcgen::generate_simple_self_signed(["a.example".to_owned()]).expect("a key");
        let write = |name, text: String| {
            std::fs::write(directory.path().join(name), text).expect("written");
        };
        write("a.pem", own.cert.pem());
        write("a.key", own.signing_key.serialize_pem());
        write("gateway.toml", text(1));
        let during = Arc::new(AtomicBool::new(false));
        let (meanwhile, of_label) = (path.clone(), during.clone());
        // Asked for when the configuration has been read, and the snapshot is not there yet.
        let label = Box::new(move |_: &str| {
            if of_label.swap(false, Ordering::Relaxed) {
                std::fs::write(&meanwhile, text(42)).expect("written");
            }
            0
        });
        let (reloader, _) =
            Reloader::start(Source::File(path), SystemTime::now(), label).expect("started");
        assert!(!reloader.is_stale());
        during.store(true, Ordering::Relaxed);
        let first = reloader.reload(SystemTime::now());
        assert!(matches!(first, Verdict::Applied { .. }), "{first:?}");
        assert!(reloader.is_stale(), "what was written meanwhile is lost");
        let next = reloader.reload(SystemTime::now());
        assert!(matches!(next, Verdict::Applied { .. }), "{next:?}");
        assert!(!reloader.is_stale());
    }
}
