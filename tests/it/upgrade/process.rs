//! The real binary as an operator or a supervisor runs it: its own file, its own words.

use std::fs::File;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// Longer than anything takes, on a busy machine too.
const PATIENCE: Duration = Duration::from_secs(60);

/// A process, and the file that it writes its log to.
pub(super) struct Process {
    child: Child,
    log: PathBuf,
}

/// How a process is started.
pub(super) struct Start<'a> {
    pub(super) program: &'a Path,
    pub(super) config: &'a Path,
    /// A directory for the log.
    pub(super) directory: &'a Path,
    pub(super) arguments: &'a [&'a str],
    /// `NOTIFY_SOCKET`.
    pub(super) notify: Option<&'a Path>,
    /// Sockets that a supervisor passes: three or none.
    pub(super) sockets: Option<&'a [TcpListener; 3]>,
}

impl<'a> Start<'a> {
    pub(super) fn new(config: &'a Path, directory: &'a Path) -> Self {
        Self {
            program: Path::new(env!("CARGO_BIN_EXE_onetime-gateway")),
            config,
            directory,
            arguments: &[],
            notify: None,
            sockets: None,
        }
    }

    pub(super) fn start(&self) -> Process {
        let log = self
            .directory
            .join(format!("{:08x}.log", fastrand::u32(..)));
        // Descriptors 0 to 2 carry the sockets as far as the shell, which moves them to 3 to 5 and then
        // becomes the gateway: that is all that a supervisor does.
        let mut command = Command::new("sh");
        let moved = if self.sockets.is_some() {
            "LISTEN_PID=$$ LISTEN_FDS=3 LISTEN_FDNAMES=https:http:admin exec \"$@\" 3<&0 4<&1 5<&2"
        } else {
            "exec \"$@\""
        };
        let script = format!("{moved} </dev/null >/dev/null 2>\"$LOG\"");
        command.args(["-c", &script, "sh"]);
        command
            .arg(self.program)
            .args(["run", "--config"])
            .arg(self.config);
        command
            .args(self.arguments)
            .env("LOG", &log)
            .env_remove("RUST_LOG");
        if let Some(path) = self.notify {
            command.env("NOTIFY_SOCKET", path);
        }
        match self.sockets {
            Some([first, second, third]) => {
                let descriptor = |socket: &TcpListener| {
                    Stdio::from(OwnedFd::from(socket.try_clone().expect("a descriptor")))
                };
                command.stdin(descriptor(first));
                command.stdout(descriptor(second));
                command.stderr(descriptor(third));
            }
            None => {
                command
                    .stdin(Stdio::null())
                    .stdout(Stdio::null())
                    .stderr(Stdio::null());
            }
        }
        File::create(&log).expect("a log");
        Process {
            child: command.spawn().expect("it runs"),
            log,
        }
    }

    /// Starts it, and waits until it serves.
    pub(super) fn serve(&self) -> Process {
        let process = self.start();
        process.hear(" serving ");
        process
    }
}

impl Process {
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Everything that it has said.
    pub(super) fn words(&self) -> String {
        std::fs::read_to_string(&self.log).expect("a log")
    }

    /// Waits until it has said this; the line.
    pub(super) fn hear(&self, words: &str) -> String {
        let line = |said: &str| {
            said.lines()
                .find(|line| line.contains(words))
                .map(str::to_owned)
        };
        wait(|| line(&self.words())).unwrap_or_else(|| panic!("no {words:?}: {}", self.words()))
    }

    pub(super) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("a signal");
    }

    pub(super) fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("a state").is_none()
    }

    /// Waits until it has ended by itself.
    pub(super) fn ended(&mut self) -> ExitStatus {
        wait(|| self.child.try_wait().expect("a state"))
            .unwrap_or_else(|| panic!("it does not end"))
    }

    /// SIGTERM, and the end.
    pub(super) fn stop(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.ended()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Already gone unless a test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Looks until there is something, or for too long.
pub(super) fn wait<T>(mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let due = Instant::now() + PATIENCE;
    loop {
        let found = look();
        if found.is_some() || Instant::now() > due {
            return found;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
