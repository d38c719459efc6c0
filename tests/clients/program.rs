//! Installed programs: whether they are there, and how they are run and ended.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

/// Where a program is, below `OTS_SERVERS` or in the path; `None` if it is not installed.
fn find(name: &str) -> Option<PathBuf> {
    let servers = std::env::var_os("OTS_SERVERS").map(PathBuf::from);
    let own = servers.map(|directory| directory.join("bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Servers are not in the path of every user.
    let system = ["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from);
    own.into_iter()
        .chain(std::env::split_paths(&path))
        .chain(system)
        .map(|directory| directory.join(name))
        .find(|program| program.is_file())
}

/// The same, with a word where it is missing.
///
/// # Panics
/// In CI, where everything must be installed.
pub(crate) fn installed(name: &str) -> Option<PathBuf> {
    let found = find(name);
    if found.is_none() {
        let ci = std::env::var("CI").is_ok_and(|value| value == "true");
        assert!(!ci, "{name} is not installed; .ci/run must install it");
        println!("SKIPPED: {name} is not installed");
    }
    found
}

/// How often each thing is tried: `OTS_ROUNDS`, or what the test says.
pub(crate) fn rounds(usual: usize) -> usize {
    std::env::var("OTS_ROUNDS").map_or(usual, |rounds| rounds.parse().expect("a number"))
}

/// A program with children, all of which end with it.
pub(crate) struct Running {
    child: Child,
    name: String,
}

impl Running {
    /// Starts it in a process group of its own, with no proxy in its environment.
    pub(crate) fn start(mut command: Command) -> Self {
        for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
            command.env_remove(name).env_remove(name.to_lowercase());
        }
        let name: OsString = command.get_program().to_owned();
        let child = command
            .stdin(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("an installed program runs");
        Self {
            child,
            name: name.to_string_lossy().into_owned(),
        }
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("a child").is_some()
    }

    /// What it says until it ends.
    ///
    /// # Panics
    /// If that takes longer than `patience`.
    pub(crate) fn said(mut self, patience: Duration) -> Output {
        let [stdout, stderr] = [
            self.child.stdout.take().map(read_all),
            self.child.stderr.take().map(read_all),
        ];
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                break status;
            }
            assert!(begun.elapsed() < patience, "{} does not end", self.name);
            std::thread::sleep(Duration::from_millis(10));
        };
        let read = |thread: Option<std::thread::JoinHandle<Vec<u8>>>| {
            thread.map_or_else(Vec::new, |thread| thread.join().expect("a reader"))
        };
        Output {
            status,
            stdout: read(stdout),
            stderr: read(stderr),
        }
    }
}

fn read_all(mut pipe: impl std::io::Read + Send + 'static) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        // What it said up to an error is enough for a report.
        let _ = pipe.read_to_end(&mut bytes);
        bytes
    })
}

impl Drop for Running {
    fn drop(&mut self) {
        let group = Pid::from_child(&self.child);
        // Some servers leave children behind if they are not asked to stop.
        let _ = kill_process_group(group, Signal::TERM);
        let begun = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) && begun.elapsed() < Duration::from_secs(5)
        {
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = kill_process_group(group, Signal::KILL);
        let _ = self.child.wait();
    }
}
