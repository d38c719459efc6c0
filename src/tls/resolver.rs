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

tokio::task_local! {
    /// The name that a handshake stands for if the client sends none.
    static UNNAMED: Option<Box<str>>;
}

/// Runs a handshake whose client gets the certificate for `name` if it sends no name itself: that
/// is how clients connect to an address (RFC 6066 section 3). See [`CertStore::address_name`].
pub async fn unnamed_is<F: Future>(name: Option<Box<str>>, handshake: F) -> F::Output {
    UNNAMED.scope(name, handshake).await
}

impl ResolvesServerCert for CertResolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let (store, offered) = (self.0.load(), hello.signature_schemes());
        match hello.server_name() {
            Some(name) => store.resolve(Some(name), offered),
            None => UNNAMED
                .try_with(|name| store.resolve(name.as_deref(), offered))
                .unwrap_or_else(|_| store.resolve(None, offered)),
        }
    }
}
