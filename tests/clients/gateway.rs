//! The gateway's binary with a certificate for `localhost`, and routes for the tests here.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::CertificateDer;
use tempfile::TempDir;

use crate::harness::process::{Launch, Process};

/// A running gateway.
pub(crate) struct Gateway {
    process: Process,
    files: TempDir,
    /// Its certificate, which is its own authority.
    pub(crate) certificate: CertificateDer<'static>,
}

impl Gateway {
    /// A gateway for `localhost` whose regions are these names and endpoints; the first of them
    /// takes what is not asked for by `O-Region`.
    pub(crate) fn start(regions: &[(&str, SocketAddr)], more: &str) -> Self {
        let files = TempDir::new().expect("a directory");
        let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        names.extend(regions.iter().map(|(name, _)| format!("{name}.localhost")));
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(names).expect("a certificate");
        let (first, _) = regions.first().expect("a region");
        let mut text = format!(
            r#"
            [server]
            https = ["127.0.0.1:0"]
            http = ["127.0.0.1:0"]
            admin = "127.0.0.1:0"
            threads = 1
            drain = "0s"
            [[tls.certificates]]
            chain = "chain.pem"
            key = "key.pem"
            [geo]
            no_country = "{first}"
            default = "{first}"
            {more}
            [hosts]
            "localhost" = "auto"
            "#
        );
        for (name, _) in regions {
            let _ = writeln!(text, "\"{name}.localhost\" = \"{name}\"");
        }
        for (name, endpoint) in regions {
            let _ = write!(
                text,
                "[regions.{name}]\nhost = \"{name}.localhost\"\n\
                 endpoints = [\"http://{endpoint}\"]\nhealth = false\nejection = false\n"
            );
        }
        let write = |name: &str, text: String| {
            std::fs::write(files.path().join(name), text).expect("a file");
        };
        write("chain.pem", cert.pem());
        write("key.pem", signing_key.serialize_pem());
        write("gateway.toml", text);
        let mut launch = Launch::default();
        if let Some(other) = std::env::var_os("OTS_GATEWAY") {
            launch.binary = PathBuf::from(other);
        }
        Self {
            process: Process::start(&files.path().join("gateway.toml"), &launch),
            files,
            certificate: cert.der().clone(),
        }
    }

    /// Where it listens for TLS.
    pub(crate) const fn https(&self) -> SocketAddr {
        self.process.https
    }

    /// Where it listens without.
    pub(crate) fn http(&self) -> SocketAddr {
        self.process.http.expect("it listens there too")
    }

    /// A file beside its configuration; `chain.pem` is its certificate.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }

    /// Ends it.
    ///
    /// # Panics
    /// If a task of it had panicked.
    pub(crate) fn stop(self) {
        let wrong = self.process.stop();
        assert!(wrong.is_empty(), "{wrong:?}");
    }
}
