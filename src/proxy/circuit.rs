//! A client's connection as its requests know it: facts that do not change from one to the next.

use std::net::SocketAddr;

use super::arrival::Scheme;

/// What is known of a connection once its handshake, if any, is over.
pub struct Circuit {
    /// The other end: the socket's, or whom a trusted load balancer speaks for.
    pub peer: SocketAddr,
    /// The kind of listener.
    pub scheme: Scheme,
    /// The version of TLS; `None` without TLS.
    pub tls: Option<&'static str>,
    /// The name by which the certificate was chosen (RFC 6066 §3).
    pub server_name: Option<Box<str>>,
}

impl Circuit {
    /// A connection without TLS.
    #[must_use]
    pub const fn plain(peer: SocketAddr) -> Self {
        Self {
            peer,
            scheme: Scheme::Http,
            tls: None,
            server_name: None,
        }
    }
}
