//! TLS with clients and with regions: certificates, keys, versions, tickets.

pub mod certificate;
mod der;
mod pem;
pub mod resolver;
pub mod store;
pub mod upstream;

use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::server::{NoServerSessionStorage, ProducesTickets};
use rustls::{ServerConfig, SupportedProtocolVersion};

use resolver::CertResolver;

/// What a TLS configuration cannot be made of.
#[derive(Debug, thiserror::Error)]
#[error("TLS cannot be set up: {0}")]
pub struct SetupError(#[from] rustls::Error);

/// Bytes that nobody can guess.
///
/// # Errors
/// If the system has none.
pub fn random<const N: usize>() -> std::io::Result<[u8; N]> {
    let mut bytes = [0; N];
    aws_lc_rs::default_provider()
        .secure_random
        .fill(&mut bytes)
        .map_err(|_| std::io::Error::other("no random numbers"))?;
    Ok(bytes)
}

/// How TLS is spoken with clients: TLS 1.2 and 1.3 or 1.3 alone, HTTP/2 preferred, no early data
/// (a request in it could be replayed), X25519MLKEM768 first among key exchanges.
///
/// # Errors
/// [`SetupError`] if the cryptographic provider refuses.
pub fn server_config(
    resolver: Arc<CertResolver>,
    tickets: Arc<dyn ProducesTickets>,
    tls13_only: bool,
) -> Result<Arc<ServerConfig>, SetupError> {
    let both: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13, &rustls::version::TLS12];
    let new: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13];
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(if tls13_only { new } else { both })?
        .with_no_client_auth()
        .with_cert_resolver(resolver);
    // `curl --http1.0` and some health checks offer "http/1.0" alone. RFC 7301 section 3.2 ends the
    // handshake of a client that offers only what is not listed here.
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec(), b"http/1.0".to_vec()];
    config.ticketer = tickets;
    // A ticket is 231 bytes of every handshake, two are 440. One is enough for clients that open
    // one connection after the other; who opens several at once gets one from each.
    config.send_tls13_tickets = 1;
    // Clients resume by tickets. The default would keep every TLS 1.2 session under a lock that
    // all threads share.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.max_early_data_size = 0;
    // All suites are sound, so it hardly matters who chooses; scanners mark down a server that does
    // not. Who has no AES instructions still gets ChaCha20 by offering nothing else.
    config.ignore_client_order = true;
    Ok(Arc::new(config))
}

/// Session tickets whose key is replaced every six hours and accepted for six more (rustls'
/// `TicketRotator`): tickets outlive a reload, their keys never outlive the process.
///
/// # Errors
/// [`SetupError`] if there is no randomness.
pub fn tickets() -> Result<Arc<dyn ProducesTickets>, SetupError> {
    Ok(aws_lc_rs::Ticketer::new()?)
}

#[cfg(test)]
mod tests;
