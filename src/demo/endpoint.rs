//! One endpoint of a region: its listener, its open connections, what it has seen and which fault
//! it was given. Down means refused, and everything open reset.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, spawn_local};

use super::fault::Fault;
use super::listen::{bind_kept, reserve};
use super::record::Record;
use super::region::Region;
use super::serve;
use super::wire::socket::{Socket, reset_reading};
use super::witness::Witness;

/// One endpoint.
pub(super) struct Endpoint {
    pub(super) region: Rc<Region>,
    /// Its number within the region, from 1.
    pub(super) number: usize,
    /// The same as text, for a header.
    pub(super) label: String,
    /// Where it listens, also after having been down.
    pub(super) address: SocketAddr,
    listener: RefCell<Option<TcpListener>>,
    /// Its port, while it is down: another process's connections must not be taken for ours.
    kept: RefCell<Option<socket2::Socket>>,
    accepting: RefCell<Option<AbortHandle>>,
    open: RefCell<HashMap<u64, (Rc<Socket>, AbortHandle)>>,
    accepted: Cell<u64>,
    pub(super) record: RefCell<Record>,
    pub(super) witness: Witness,
    pub(super) fault: Cell<Option<Fault>>,
}

impl Endpoint {
    /// An endpoint that is down; `address` is where it will listen.
    pub(super) fn new(region: Rc<Region>, number: usize, address: SocketAddr) -> Self {
        Self {
            region,
            number,
            label: number.to_string(),
            address,
            listener: RefCell::default(),
            kept: RefCell::default(),
            accepting: RefCell::default(),
            open: RefCell::default(),
            accepted: Cell::default(),
            record: RefCell::default(),
            witness: Witness::default(),
            fault: Cell::default(),
        }
    }

    /// Whether it listens.
    pub(super) fn is_up(&self) -> bool {
        self.listener.borrow().is_some()
    }

    /// Begins to accept from a listener that is bound to its address.
    pub(super) fn accept(self: &Rc<Self>, listener: std::net::TcpListener) -> io::Result<()> {
        let listener = TcpListener::from_std(listener)?;
        *self.listener.borrow_mut() = Some(listener);
        let accepting = spawn_local(accept_all(Rc::clone(self)));
        *self.accepting.borrow_mut() = Some(accepting.abort_handle());
        Ok(())
    }

    /// Listens again on the same port; nothing if it does.
    pub(super) fn up(self: &Rc<Self>) -> io::Result<()> {
        if self.is_up() {
            return Ok(());
        }
        let what = format!(
            "endpoint {} of demo region {}",
            self.number, self.region.name
        );
        let kept = self.kept.borrow_mut().take();
        self.accept(bind_kept(kept, self.address, &what)?)
    }

    /// Listens no more and resets every open connection, all before it returns.
    pub(super) fn down(&self) {
        if let Some(accepting) = self.accepting.borrow_mut().take() {
            accepting.abort();
        }
        let mut unread = Vec::new();
        let listener = self.listener.borrow_mut().take();
        if let Some(listener) = listener.and_then(|listener| listener.into_std().ok()) {
            // What has connected and was not accepted yet is reset as well.
            while let Ok((stream, _)) = listener.accept() {
                reset_reading(&stream, &mut unread);
            }
            drop(listener);
            // If somebody was quicker, it stays down until the port is free.
            *self.kept.borrow_mut() = reserve(self.address).ok();
        }
        let open = std::mem::take(&mut *self.open.borrow_mut());
        for (socket, task) in open.into_values() {
            socket.reset_reading(&mut unread);
            task.abort();
        }
        self.witness.unread(&unread);
    }

    /// How many connections are open.
    pub(super) fn connections(&self) -> usize {
        self.open.borrow().len()
    }

    fn open(self: &Rc<Self>, stream: TcpStream, peer: IpAddr) {
        // Without it, small answers wait for acknowledgements; a socket that refuses is slow.
        let _ = stream.set_nodelay(true);
        let number = self.accepted.get() + 1;
        self.accepted.set(number);
        let socket = Rc::new(Socket::new(stream));
        let task = spawn_local(converse(Rc::clone(self), Rc::clone(&socket), peer, number));
        let entry = (socket, task.abort_handle());
        self.open.borrow_mut().insert(number, entry);
    }
}

/// Serves one connection and strikes it off when it has ended.
async fn converse(endpoint: Rc<Endpoint>, socket: Rc<Socket>, peer: IpAddr, number: u64) {
    serve::connection(&endpoint, socket, peer, number).await;
    endpoint.open.borrow_mut().remove(&number);
}

async fn accept_all(endpoint: Rc<Endpoint>) {
    loop {
        let accepted = poll_fn(|cx| match &*endpoint.listener.borrow() {
            Some(listener) => listener.poll_accept(cx).map(Some),
            None => Poll::Ready(None),
        });
        match accepted.await {
            Some(Ok((stream, peer))) => endpoint.open(stream, peer.ip()),
            // Out of file descriptors, mostly: it passes when connections close.
            Some(Err(_)) => tokio::time::sleep(Duration::from_millis(20)).await,
            None => return,
        }
    }
}
