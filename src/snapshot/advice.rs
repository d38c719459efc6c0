//! What is not wrong, but that operators want to know before their callers do.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::build::Builder;
use crate::config::name::HostPattern;
use crate::config::place::{FilePath, Place};
use crate::config::server::{Admin, Server};
use crate::net::family;
use crate::tls::store::CertStore;

/// So many hosts without a certificate are named; of the others, how many there are.
const NAMED: usize = 5;

/// Reading or writing, by everybody.
const ANYBODY: u32 = 0o006;

impl Builder<'_> {
    /// Adds a warning at a place of the file.
    pub(super) fn warn(&mut self, place: &Place, message: impl Into<String>) {
        let told = self.problems.told(place, message);
        self.warnings.push(told);
    }

    /// Hosts whose callers would be shown a certificate that is not theirs.
    pub(super) fn advise_on_hosts(&mut self, certificates: &CertStore) {
        let bare = |host: &&crate::config::host::Host| match &host.pattern {
            HostPattern::Exact(name) => !certificates.names(name.as_str().trim_matches(['[', ']'])),
            HostPattern::Below(_) => false,
        };
        let bare: Vec<_> = self.config.hosts.iter().filter(bare).collect();
        let Some(first) = bare.first() else { return };
        let names: Vec<String> = bare
            .iter()
            .take(NAMED)
            .map(|host| host.pattern.to_string())
            .collect();
        let more = match bare.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let words = format!("no certificate is for {}{more}", names.join(", "));
        self.warn(&first.place, words);
    }

    /// Addresses whose certificate is not the default and which no connection here can be to: their
    /// clients send no name, so that they get the default.
    pub(super) fn advise_on_addresses(&mut self, certificates: &CertStore) {
        for host in &self.config.hosts {
            let HostPattern::Exact(name) = &host.pattern else {
                continue;
            };
            let Ok(address) = name.as_str().trim_matches(['[', ']']).parse::<IpAddr>() else {
                continue;
            };
            // Only an address of this machine can be bound.
            if certificates.is_not_by_default(address) && UdpSocket::bind((address, 0)).is_err() {
                let words = format!(
                    "{address} is not an address of this machine, and its certificate is not the \
                     first: clients that connect to an address send no server name and get the \
                     first certificate (421). List the certificate of {address} first"
                );
                self.warn(&host.place, words);
            }
        }
    }

    /// A secret that everybody on the machine reads, or writes.
    pub(super) fn advise_on_secrecy(&mut self, path: &FilePath, what: &str) {
        let resolved = path.resolve(self.materials.directory);
        let Ok(meta) = std::fs::metadata(&resolved) else {
            return;
        };
        let mode = meta.mode() & 0o777;
        if mode & ANYBODY != 0 {
            let shown = resolved.display();
            let words = format!(
                "everybody on this machine may read or write the {what} {shown} (mode {mode:04o}): \
                 0640 and the group of the gateway's user is enough"
            );
            self.warn(&path.place, words);
        }
    }

    /// Sockets that could not be bound at a start.
    pub(super) fn advise_on_sockets(&mut self) {
        let server = &self.config.server;
        self.warnings.extend(absent(server, family::exists));
        let admin = match &server.admin {
            Admin::Unix(path) => Some(path),
            Admin::Loopback(_) => None,
        };
        for (key, path) in [
            ("server.admin", admin),
            ("server.handover", server.handover.as_ref()),
        ] {
            if let Some(directory) = path.and_then(|path| path.parent())
                && !Path::is_dir(directory)
            {
                self.warnings.push(format!(
                    "{key}: there is no directory {}, and without it the gateway does not start",
                    directory.display()
                ));
            }
        }
    }
}

/// Listeners of an address family that this machine does not have. Public wildcards are left out as
/// long as another listener of their kind is left; every other one stops the start.
fn absent(server: &Server, exists: impl Fn(SocketAddr) -> bool) -> Vec<String> {
    let admin = match &server.admin {
        Admin::Unix(_) => &[][..],
        Admin::Loopback(address) => std::slice::from_ref(address),
    };
    let kinds = [
        ("server.https", &server.https[..]),
        ("server.http", &server.http),
        ("server.admin", admin),
        ("server.metrics", server.metrics.as_slice()),
    ];
    let mut warnings = Vec::new();
    for (key, addresses) in kinds {
        let is_left = addresses.iter().any(|address| exists(*address));
        for address in addresses.iter().filter(|address| !exists(**address)) {
            let what = if is_left && address.ip().is_unspecified() {
                "it is left out"
            } else {
                "the gateway does not start here"
            };
            let family = family::name(*address);
            warnings.push(format!(
                "{key}: {address}: this machine has no {family}: {what}"
            ));
        }
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_of_an_absent_family_is_warned_of() {
        let all = |texts: &[&str]| {
            texts
                .iter()
                .map(|text| text.parse().expect("one"))
                .collect()
        };
        let server = Server {
            https: all(&["0.0.0.0:443", "[::]:443", "[::1]:8443"]),
            http: all(&["[::]:80"]),
            ..Server::default()
        };
        assert_eq!(absent(&server, |_| true), [""; 0]);
        assert_eq!(
            absent(&server, |address| address.is_ipv4()),
            [
                "server.https: [::]:443: this machine has no IPv6: it is left out",
                "server.https: [::1]:8443: this machine has no IPv6: the gateway does not start here",
                "server.http: [::]:80: this machine has no IPv6: the gateway does not start here",
            ]
        );
    }
}
