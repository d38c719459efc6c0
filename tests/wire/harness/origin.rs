//! A region's server that keeps every byte it receives, reads them as an honest parser does, and
//! answers by script.

use std::collections::HashMap;
use std::io::{Read as _, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::reader::{self, Message, Read, Side};
use super::{PATIENCE, find};

/// What the origin does with a request for a path of its own choosing.
#[derive(Clone)]
pub(crate) struct Script {
    /// Whether it answers as soon as it has the head.
    pub(crate) early: bool,
    /// What it writes, each piece by itself.
    pub(crate) pieces: Vec<Vec<u8>>,
    /// And then.
    pub(crate) then: Then,
}

/// What follows an answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Then {
    /// It waits for the next request.
    Keep,
    /// It closes.
    Close,
    /// It closes with a reset.
    Reset,
    /// It closes; in TLS, without saying that nothing more comes.
    Cut,
    /// It says nothing more, and keeps the connection open.
    Hold,
}

impl Script {
    /// One piece.
    pub(crate) fn says(bytes: impl AsRef<[u8]>, then: Then) -> Self {
        Self {
            early: false,
            pieces: vec![bytes.as_ref().to_vec()],
            then,
        }
    }
}

/// A request that arrived whole.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// The number of its connection.
    pub(crate) connection: usize,
    /// The request.
    pub(crate) request: Message,
}

#[derive(Default)]
struct State {
    raw: Vec<Vec<u8>>,
    open: usize,
    seen: Vec<Seen>,
    wrong: Vec<String>,
    scripts: HashMap<String, Script>,
    /// Second hands on the connections that are open.
    sockets: HashMap<usize, TcpStream>,
}

/// A running origin. Its threads end with the connections that they serve.
#[derive(Clone)]
pub(crate) struct Origin {
    pub(crate) address: SocketAddr,
    shared: Arc<(Mutex<State>, Condvar)>,
}

impl Origin {
    /// Starts one, with TLS if it is given how.
    pub(crate) fn start(tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let origin = Self {
            address,
            shared: Arc::default(),
        };
        let serving = origin.clone();
        std::thread::spawn(move || {
            for socket in listener.incoming().map_while(Result::ok) {
                let (origin, tls) = (serving.clone(), tls.clone());
                std::thread::spawn(move || origin.serve(socket, tls));
            }
        });
        origin
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.0.lock().expect("no origin thread panics")
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.state());
        self.shared.1.notify_all();
        result
    }

    /// From now on, `path` is answered so.
    pub(crate) fn script(&self, path: &str, script: Script) {
        self.change(|state| state.scripts.insert(path.to_owned(), script));
    }

    /// Says something that nobody asked for on every connection that is open. It has arrived when
    /// this returns.
    pub(crate) fn blurt(&self, bytes: &[u8]) {
        for socket in self.state().sockets.values() {
            let _ = (&mut &*socket).write_all(bytes);
        }
    }

    /// Waits until every connection to it is closed: then nothing more can come.
    pub(crate) fn wait_closed(&self) {
        let (state, waited) = self
            .shared
            .1
            .wait_timeout_while(self.state(), PATIENCE, |state| state.open > 0)
            .expect("no origin thread panics");
        drop(state);
        assert!(!waited.timed_out(), "connections to the origin stay open");
    }

    /// The requests for `path`, the query left out.
    pub(crate) fn seen(&self, path: &str) -> Vec<Seen> {
        let state = self.state();
        let of_path = |seen: &&Seen| seen.request.target().split('?').next() == Some(path);
        state.seen.iter().filter(of_path).cloned().collect()
    }

    /// The requests that have arrived whole, which are forgotten.
    pub(crate) fn take_seen(&self) -> Vec<Seen> {
        self.change(|state| std::mem::take(&mut state.seen))
    }

    /// How many requests arrived whole.
    pub(crate) fn count(&self) -> usize {
        self.state().seen.len()
    }

    /// What arrived that no honest parser reads as a request.
    pub(crate) fn wrong(&self) -> Vec<String> {
        self.state().wrong.clone()
    }

    /// Whether these bytes arrived, anywhere.
    pub(crate) fn received(&self, bytes: &[u8]) -> bool {
        let state = self.state();
        state.raw.iter().any(|raw| find(raw, bytes).is_some())
    }

    fn serve(&self, socket: TcpStream, tls: Option<Arc<ServerConfig>>) {
        let second = socket.try_clone().expect("a second hand");
        let number = self.change(|state| {
            state.raw.push(Vec::new());
            state.open += 1;
            let number = state.raw.len() - 1;
            state.sockets.insert(number, second);
            number
        });
        let _ = socket.set_nodelay(true);
        let wire = match tls {
            None => Wire::Plain(socket),
            Some(config) => Wire::Tls(Box::new(StreamOwned::new(
                ServerConnection::new(config).expect("a session"),
                socket,
            ))),
        };
        self.converse(number, wire);
        self.change(|state| {
            state.open -= 1;
            state.sockets.remove(&number);
        });
    }

    fn converse(&self, number: usize, mut wire: Wire) {
        let mut unread = Vec::new();
        let mut answered = false;
        loop {
            if !answered && let Some(script) = self.early(&unread) {
                answered = true;
                if !play(&script, &mut wire) {
                    return;
                }
            }
            match reader::read(&unread, Side::Request) {
                Read::Whole(request, taken) => {
                    unread.drain(..taken);
                    let script = self.take_in(number, request);
                    if !std::mem::take(&mut answered) && !play(&script, &mut wire) {
                        return;
                    }
                    continue;
                }
                Read::Wrong(wrong) => return self.change(|state| state.wrong.push(wrong)),
                Read::More | Read::UntilClose(..) => {}
            }
            if !answered && find(&unread, b"Expect: 100-continue").is_some() {
                let _ = wire.write_all(b"HTTP/1.1 100 Continue\r\n\r\n");
            }
            let mut block = [0_u8; 16384];
            match wire.read(&mut block) {
                Ok(count) if count > 0 => {
                    unread.extend_from_slice(&block[..count]);
                    self.change(|state| state.raw[number].extend_from_slice(&block[..count]));
                }
                _ => return,
            }
        }
    }

    /// The script for a head that wants its answer before the body came.
    fn early(&self, unread: &[u8]) -> Option<Script> {
        find(unread, b"\r\n\r\n")?;
        let target = unread.split(|byte| *byte == b' ').nth(1)?;
        let state = self.state();
        let script = state.scripts.get(std::str::from_utf8(target).ok()?)?;
        script.early.then(|| script.clone())
    }

    fn take_in(&self, connection: usize, request: Message) -> Script {
        self.change(|state| {
            state.wrong.extend(super::gateway::objections(&request));
            let path = request.target().split('?').next().unwrap_or_default();
            let script = state.scripts.get(path).cloned();
            let script = script.unwrap_or_else(|| echo(&request));
            state.seen.push(Seen {
                connection,
                request,
            });
            script
        })
    }
}

/// Without a script, the answer says which request it answers.
fn echo(request: &Message) -> Script {
    let body = if request.method() == "HEAD" {
        ""
    } else {
        request.target()
    };
    Script::says(
        format!(
            "HTTP/1.1 200 OK\r\nX-Echo: {}\r\nContent-Length: {}\r\n\r\n{body}",
            request.target(),
            request.target().len(),
        ),
        Then::Keep,
    )
}

/// Whether the connection goes on.
fn play(script: &Script, wire: &mut Wire) -> bool {
    for piece in &script.pieces {
        if wire.write_all(piece).is_err() {
            return false;
        }
    }
    match script.then {
        Then::Keep => return true,
        Then::Close => wire.end(),
        Then::Cut => wire.cut(),
        Then::Reset => {
            let _ =
                socket2::SockRef::from(wire.socket()).set_linger(Some(std::time::Duration::ZERO));
        }
        Then::Hold => {
            let mut block = [0_u8; 1024];
            while matches!(wire.read(&mut block), Ok(count) if count > 0) {}
        }
    }
    false
}

enum Wire {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ServerConnection, TcpStream>>),
}

impl Wire {
    fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(socket) => socket,
            Self::Tls(tls) => &tls.sock,
        }
    }

    fn read(&mut self, block: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.read(block),
            Self::Tls(tls) => tls.read(block),
        }
    }

    fn write_all(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        match self {
            Self::Plain(socket) => socket.write_all(bytes),
            Self::Tls(tls) => tls.write_all(bytes).and_then(|()| tls.flush()),
        }
    }

    fn end(&mut self) {
        if let Self::Tls(tls) = self {
            tls.conn.send_close_notify();
            let _ = tls.flush();
        }
        self.cut();
    }

    fn cut(&mut self) {
        // What still comes is read, so that the answer is not lost to a reset.
        let _ = self.socket().shutdown(Shutdown::Write);
        let _ = self.socket().set_read_timeout(Some(PATIENCE));
        let mut block = [0_u8; 1024];
        while matches!(self.read(&mut block), Ok(count) if count > 0) {}
    }
}
