//! The real binary as an operator runs it: started with a file, stopped with a signal.

use std::cell::RefCell;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};

use rustix::process::{Pid, Signal, kill_process};

use super::PATIENCE;

/// How it is started.
pub(crate) struct Launch {
    /// What is started.
    pub(crate) binary: PathBuf,
    /// File descriptors that it may have, now and at most.
    pub(crate) descriptors: u32,
}

impl Default for Launch {
    fn default() -> Self {
        Self {
            binary: PathBuf::from(env!("CARGO_BIN_EXE_onetime-gateway")),
            descriptors: 1_024,
        }
    }
}

/// A running gateway, and every line that it says.
pub(crate) struct Process {
    child: Child,
    lines: Receiver<String>,
    heard: RefCell<String>,
    admin: SocketAddr,
    /// Where it listens for TLS.
    pub(crate) https: SocketAddr,
    /// Where it listens without, if it does.
    pub(crate) http: Option<SocketAddr>,
}

impl Process {
    /// Starts it with this configuration file, and waits until it serves.
    pub(crate) fn start(config: &Path, launch: &Launch) -> Self {
        let limited = format!(
            "ulimit -n {} && exec \"$0\" run --config \"$1\"",
            launch.descriptors
        );
        let mut child = Command::new("sh")
            .args(["-c", &limited])
            .arg(&launch.binary)
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
        let (https, http, admin) = loop {
            let line = lines
                .recv_timeout(PATIENCE)
                .unwrap_or_else(|_| panic!("it does not serve: {heard}"));
            if let Some(https) = address(&line, " https=[") {
                let admin = address(&line, " admin=").expect("one on TCP");
                break (https, address(&line, " http=["), admin);
            }
            heard.push_str(&line);
        };
        Self {
            child,
            lines,
            heard: RefCell::new(heard),
            admin,
            https,
            http,
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// All that it has said.
    pub(crate) fn said(&self) -> String {
        let mut heard = self.heard.borrow_mut();
        for line in self.lines.try_iter() {
            heard.push_str(&line);
            heard.push('\n');
        }
        heard.clone()
    }

    /// Resident bytes.
    pub(crate) fn resident(&self) -> u64 {
        let statm = std::fs::read_to_string(format!("/proc/{}/statm", self.pid()));
        let statm = statm.expect("Linux");
        let pages = statm.split(' ').nth(1).map(str::parse::<u64>);
        pages.expect("pages").expect("a number") * 4_096
    }

    /// Hundredths of a second of processor time, its own and the system's for it.
    pub(crate) fn ticks(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid()));
        let stat = stat.expect("Linux");
        let after = stat.rsplit(") ").next().expect("fields");
        let fields = after.split(' ').skip(11).take(2);
        fields.filter_map(|field| field.parse::<u64>().ok()).sum()
    }

    /// What the admin listener answers.
    pub(crate) fn admin(&self, path: &str) -> String {
        let mut socket = TcpStream::connect(self.admin).expect("it listens");
        socket.set_read_timeout(Some(PATIENCE)).expect("an option");
        let host = self.admin;
        let head = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        socket.write_all(head.as_bytes()).expect("it reads");
        let mut answer = String::new();
        socket.read_to_string(&mut answer).expect("it answers");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        answer
    }

    /// Asks it to stop, and waits; what it says of that is that a task had panicked, if one had.
    pub(crate) fn stop(mut self) -> Vec<String> {
        kill_process(Pid::from_child(&self.child), Signal::TERM).expect("a signal");
        let status = self.child.wait().expect("an end");
        let heard = self.heard.take();
        let heard = heard.lines().map(str::to_owned).chain(self.lines.iter());
        let mut wrong: Vec<String> = heard.filter(|line| line.contains("panic")).collect();
        if !status.success() {
            wrong.push(format!("the gateway ended with {status}"));
        }
        wrong
    }
}

/// The first address of a list in a line of the log.
fn address(line: &str, list: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once(list)?;
    let end = rest.find([',', ']', ' ']).unwrap_or(rest.len());
    rest[..end].parse().ok()
}

impl Drop for Process {
    fn drop(&mut self) {
        // Already gone unless a test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
