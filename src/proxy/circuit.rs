//! A client's connection as its requests know it: facts that do not change from one to the next.

use std::net::{IpAddr, SocketAddr};

use httparse::Header;

use super::arrival::Scheme;
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
}

impl Circuit {
    /// A connection without TLS.
    #[must_use]
    pub const fn plain(peer: SocketAddr, may_name_others: bool) -> Self {
        Self {
            peer,
            may_name_others,
            scheme: Scheme::Http,
            tls: None,
            server_name: None,
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
