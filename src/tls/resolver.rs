//! Which certificate a handshake gets: the current store's, whatever was current when the listener
//! was opened. A reload swaps the store; handshakes under way keep what they were given.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::store::CertStore;

/// Resolves by SNI in a store that can be swapped.
pub struct CertResolver(ArcSwap<CertStore>);

impl CertResolver {
    /// Over a first store.
    #[must_use]
    pub fn new(store: Arc<CertStore>) -> Self {
        Self(ArcSwap::new(store))
    }

    /// Puts another store in its place.
    pub fn swap(&self, store: Arc<CertStore>) {
        self.0.store(store);
    }
}

impl fmt::Debug for CertResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CertResolver")
    }
}

impl ResolvesServerCert for CertResolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0
            .load()
            .resolve(hello.server_name(), hello.signature_schemes())
    }
}
