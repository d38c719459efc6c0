//! A client's connection as its requests know it: facts that do not change from one to the next.

use std::cell::Cell;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

use httparse::Header;

use super::arrival::Scheme;
use super::worker::Step;
use crate::snapshot::Snapshot;

/// What is known of a connection once its handshake, if any, is over.
pub struct Circuit {
    /// The other end: the socket's, or whom a trusted load balancer speaks for.
    pub peer: SocketAddr,
    /// Whether a peer that is trusted may say in a header whom it speaks for. Not if it was to say so
    /// by the PROXY protocol and did not: then it passes on whatever it is sent.
    pub may_name_others: bool,
    /// The kind of listener.
    pub scheme: Scheme,
    /// The version of TLS; `None` without TLS.
    pub tls: Option<&'static str>,
    /// The name by which the certificate was chosen: the client's (RFC 6066 §3) or, without one, the
    /// local address if a certificate names it.
    pub server_name: Option<Box<str>>,
    /// What was refused on it.
    pub refusals: Rc<Refusals>,
}

/// Refusals on one connection.
pub struct Refusals {
    /// The connection's other end.
    pub peer: IpAddr,
    count: Cell<u32>,
    /// Begun when no further request is welcome.
    pub enough: Step,
    /// Begun when the client goes on asking all the same: HTTP/2 leaves it the choice.
    pub ignored: Step,
}

/// A connection ends with its refusal of this number.
const MOST_REFUSALS: u32 = 100;

impl Refusals {
    const fn new(peer: IpAddr) -> Self {
        Self {
            peer,
            count: Cell::new(0),
            enough: Step::new(),
            ignored: Step::new(),
        }
    }

    /// Counts one. `may_go_on` is whether the client may have more. Returns whether the connection has
    /// to end.
    pub(super) fn count(&self, may_go_on: bool) -> bool {
        let count = self.count.get().saturating_add(1);
        self.count.set(count);
        if count >= MOST_REFUSALS || !may_go_on {
            self.enough.begin();
        }
        if count >= 2 * MOST_REFUSALS {
            self.ignored.begin();
        }
        self.enough.is_begun()
    }
}

impl Circuit {
    /// A connection without TLS.
    #[must_use]
    pub fn plain(peer: SocketAddr, may_name_others: bool) -> Self {
        Self {
            peer,
            may_name_others,
            scheme: Scheme::Http,
            tls: None,
            server_name: None,
            refusals: Rc::new(Refusals::new(peer.ip().to_canonical())),
        }
    }

    /// Whether what the peer says of others is believed.
    #[must_use]
    pub fn is_believed(&self, view: &Snapshot) -> bool {
        self.may_name_others && view.trusts(self.peer.ip())
    }

    /// Who asks, in a request with these fields.
    #[must_use]
    pub fn client(&self, view: &Snapshot, fields: &[Header<'_>]) -> IpAddr {
        if self.may_name_others {
            view.client(self.peer.ip(), fields)
        } else {
            self.peer.ip().to_canonical()
        }
    }
}
