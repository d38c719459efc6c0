//! The real binary as an operator runs it: started with a file, stopped with a signal.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};

use rustix::process::{Pid, Signal, kill_process};

use super::PATIENCE;

/// A running gateway, and every line that it says.
pub(crate) struct Process {
    child: Child,
    lines: Receiver<String>,
    /// Where it listens for TLS.
    pub(crate) https: SocketAddr,
    /// Where it listens without, if it does.
    pub(crate) http: Option<SocketAddr>,
}

impl Process {
    /// Starts it with this configuration file, and waits until it serves.
    pub(crate) fn start(config: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_onetime-gateway"))
            .args(["run", "--config"])
            .arg(config)
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it runs");
        let stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        let (say, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let _ = say.send(line);
            }
        });
        let mut heard = String::new();
        let (https, http) = loop {
            let line = lines
                .recv_timeout(PATIENCE)
                .unwrap_or_else(|_| panic!("it does not serve: {heard}"));
            if let Some(https) = address(&line, " https=[") {
                break (https, address(&line, " http=["));
            }
            heard.push_str(&line);
        };
        Self {
            child,
            lines,
            https,
            http,
        }
    }

    /// Asks it to stop, and waits; what it says of that is that a task had panicked, if one had.
    pub(crate) fn stop(mut self) -> Vec<String> {
        kill_process(Pid::from_child(&self.child), Signal::TERM).expect("a signal");
        let status = self.child.wait().expect("an end");
        let mut wrong: Vec<String> = self
            .lines
            .iter()
            .filter(|line| line.contains("panic"))
            .collect();
        if !status.success() {
            wrong.push(format!("the gateway ended with {status}"));
        }
        wrong
    }
}

/// The first address of a list in a line of the log.
fn address(line: &str, list: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once(list)?;
    let end = rest.find([',', ']'])?;
    rest[..end].parse().ok()
}

impl Drop for Process {
    fn drop(&mut self) {
        // Already gone unless a test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
