//! The whole demonstration: demo regions, certificates, and the real gateway in front of them,
//! configured by a text as an operator would write it. Tests start the same world.

use std::fmt::Write;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use thiserror::Error;

use super::options::{DemoOptions, Dialect};
use super::{DemoRegions, RegionInfo};
use crate::config::mapping;
use crate::reload::Source;
use crate::server::{Gateway, StartError};

/// The bundled country database, so that the binary alone is enough.
const DATABASE: &[u8] = include_bytes!("../../geoip/country.mmdb");

/// Where the gateway of a world listens, and on what it stands.
#[derive(Clone, Debug)]
pub struct WorldOptions {
    /// The regions.
    pub regions: DemoOptions,
    /// The https port; 0 lets the system choose.
    pub https: u16,
    /// The http port; 0 lets the system choose.
    pub http: u16,
    /// The port of admin and metrics; 0 lets the system choose.
    pub admin: u16,
    /// Worker threads; 0 is one for each core.
    pub threads: usize,
    /// More TOML at the end of the gateway's configuration.
    pub more: String,
}

impl Default for WorldOptions {
    fn default() -> Self {
        Self {
            regions: DemoOptions::default(),
            https: 8443,
            http: 8080,
            admin: 9090,
            threads: 0,
            more: String::new(),
        }
    }
}

impl WorldOptions {
    /// A world on ports that the system chooses, with one worker: for tests.
    #[must_use]
    pub fn ephemeral() -> Self {
        Self {
            regions: DemoOptions::ephemeral(),
            https: 0,
            http: 0,
            admin: 0,
            threads: 1,
            ..Self::default()
        }
    }
}

/// Why a world did not start.
#[derive(Debug, Error)]
pub enum WorldError {
    /// The demo regions.
    #[error("{0}")]
    Regions(io::Error),
    /// The certificates or the directory that holds them.
    #[error("the demo's files cannot be made: {0}")]
    Files(String),
    /// The gateway.
    #[error("{0}")]
    Gateway(#[from] StartError),
}

/// A running demonstration. Everything ends, and its files go, when it is dropped.
pub struct World {
    /// The regions and their control.
    pub regions: DemoRegions,
    gateway: Option<Gateway>,
    addresses: crate::server::Addresses,
    directory: PathBuf,
    /// The configuration file of the gateway: editing it is a reload.
    pub config: PathBuf,
    /// The certificate authority, for `curl --cacert`.
    pub ca: PathBuf,
}

impl World {
    /// Starts regions and gateway.
    ///
    /// # Errors
    /// [`WorldError`]; a port that is in use is named.
    pub fn start(options: WorldOptions) -> Result<Self, WorldError> {
        let mut attempts = if options.https == 0 { 8 } else { 1 };
        loop {
            attempts -= 1;
            match Self::try_start(options.clone()) {
                // A port that the system chose may be somebody else's by the time it is bound.
                Err(WorldError::Gateway(StartError::Listen { error, .. }))
                    if attempts > 0 && error.kind() == io::ErrorKind::AddrInUse => {}
                started => return started,
            }
        }
    }

    fn try_start(options: WorldOptions) -> Result<Self, WorldError> {
        let https = chosen(options.https).map_err(WorldError::Regions)?;
        let regions = DemoRegions::start(options.regions.clone().with_site_port(https))
            .map_err(WorldError::Regions)?;
        let directory = directory()?;
        let ports = WorldOptions { https, ..options };
        let files = Files {
            directory: &directory,
        };
        let written = files.write(&regions, &ports);
        let (config, ca) = written.inspect_err(|_| {
            let _ = std::fs::remove_dir_all(&directory);
        })?;
        match Gateway::start(Source::File(config.clone())) {
            Ok(gateway) => Ok(Self {
                regions,
                addresses: gateway.addresses().clone(),
                gateway: Some(gateway),
                directory,
                config,
                ca,
            }),
            Err(error) => {
                let _ = std::fs::remove_dir_all(&directory);
                Err(error.into())
            }
        }
    }

    /// The gateway, until it is drained.
    #[must_use]
    pub const fn gateway(&self) -> Option<&Gateway> {
        self.gateway.as_ref()
    }

    /// Drains the gateway as a signal would; the regions stay. Gives the number of requests that were
    /// cut off.
    pub fn drain(&mut self) -> u64 {
        self.gateway.take().map_or(0, Gateway::drain)
    }

    /// The https address.
    #[must_use]
    pub fn https(&self) -> SocketAddr {
        first(&self.addresses.https)
    }

    /// The http address.
    #[must_use]
    pub fn http(&self) -> SocketAddr {
        first(&self.addresses.http)
    }

    /// The address of admin and metrics.
    #[must_use]
    pub fn admin(&self) -> SocketAddr {
        self.addresses.admin.unwrap_or(NOWHERE)
    }
}

const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

fn first(addresses: &[SocketAddr]) -> SocketAddr {
    addresses.first().copied().unwrap_or(NOWHERE)
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(gateway) = self.gateway.take() {
            gateway.drain_within(std::time::Duration::ZERO);
        }
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// The port, or a free one for 0: redirects and links must name it before it is bound.
fn chosen(port: u16) -> io::Result<u16> {
    if port != 0 {
        return Ok(port);
    }
    Ok(TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port())
}

/// A directory of our own that nobody else can read.
fn directory() -> Result<PathBuf, WorldError> {
    let name = format!(
        "onetime-gateway-demo-{}-{:08x}",
        std::process::id(),
        fastrand::u32(..)
    );
    let path = std::env::temp_dir().join(name);
    let made = std::fs::DirBuilder::new().mode(0o700).create(&path);
    made.map_err(|error| WorldError::Files(format!("{}: {error} (TMPDIR)", path.display())))?;
    Ok(path)
}

struct Files<'a> {
    directory: &'a Path,
}

impl Files<'_> {
    /// Writes everything; the paths of the configuration and of the authority.
    fn write(
        &self,
        regions: &DemoRegions,
        options: &WorldOptions,
    ) -> Result<(PathBuf, PathBuf), WorldError> {
        let failed = |error: io::Error| WorldError::Files(error.to_string());
        let (ca, chain, key) =
            certificates(regions.regions()).map_err(|e| WorldError::Files(e.to_string()))?;
        self.put("ca.pem", ca.as_bytes()).map_err(failed)?;
        self.put("chain.pem", chain.as_bytes()).map_err(failed)?;
        self.put("key.pem", key.as_bytes()).map_err(failed)?;
        self.put("country.mmdb", DATABASE).map_err(failed)?;
        for region in regions.regions() {
            let name = format!("{}.secret", region.name);
            self.put(&name, region.identifier_secret.as_bytes())
                .map_err(failed)?;
        }
        let text = configuration(regions.regions(), options);
        self.put("gateway.toml", text.as_bytes()).map_err(failed)?;
        Ok((
            self.directory.join("gateway.toml"),
            self.directory.join("ca.pem"),
        ))
    }

    fn put(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let path = self.directory.join(name);
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        io::Write::write_all(&mut file, content)
    }
}

/// A throw-away authority and a certificate under it, as PEM: authority, chain, key.
fn certificates(regions: &[RegionInfo]) -> Result<(String, String, String), rcgen::Error> {
    let ca_key = KeyPair::generate()?;
    let mut ca = CertificateParams::new(Vec::new())?;
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    ca.distinguished_name
        .push(DnType::CommonName, "Onetime Gateway demo authority");
    let ca_certificate = ca.self_signed(&ca_key)?;
    let mut names: Vec<String> = [
        "onetimesecret.com",
        "www.onetimesecret.com",
        "localhost",
        "127.0.0.1",
        "::1",
    ]
    .map(str::to_owned)
    .to_vec();
    for region in regions {
        names.push(format!("{}.onetimesecret.com", region.name));
        names.push(format!("{}.localhost", region.name));
    }
    let key = KeyPair::generate()?;
    let mut leaf = CertificateParams::new(names)?;
    leaf.distinguished_name
        .push(DnType::CommonName, "Onetime Gateway demo");
    let leaf = leaf.signed_by(&key, &Issuer::new(ca, ca_key))?;
    let chain = format!("{}{}", leaf.pem(), ca_certificate.pem());
    Ok((ca_certificate.pem(), chain, key.serialize_pem()))
}

/// The gateway's configuration.
fn configuration(regions: &[RegionInfo], options: &WorldOptions) -> String {
    let WorldOptions {
        https,
        http,
        admin,
        threads,
        more,
        ..
    } = options;
    let mut text = format!(
        "# The demo's own configuration. Edit it: the gateway takes it up while it runs.\n\
         [server]\n\
         https = [\"127.0.0.1:{https}\"]\n\
         http = [\"127.0.0.1:{http}\"]\n\
         admin = \"127.0.0.1:{admin}\"\n\
         https_public_port = {https}\n\
         threads = {threads}\n\
         # So that X-Forwarded-For plays callers of any country.\n\
         trusted_proxies = [\"127.0.0.0/8\", \"::1/128\"]\n\
         # Nothing of a demo must stick to localhost for a year.\n\
         hsts = false\n\
         drain = \"5s\"\n\n\
         [[tls.certificates]]\nchain = \"chain.pem\"\nkey = \"key.pem\"\n\n\
         [hosts]\n\
         \"onetimesecret.com\" = \"auto\"\n\
         \"www.onetimesecret.com\" = \"auto\"\n\
         \"localhost\" = \"auto\"\n\
         \"127.0.0.1\" = \"auto\"\n"
    );
    for RegionInfo { name, .. } in regions {
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "\"{name}.localhost\" = \"{name}\"\n\
             \"{name}.onetimesecret.com\" = {{ region = \"{name}\", kind = \"region\" }}\n"
        );
    }
    for region in regions {
        let endpoints: Vec<String> = region
            .endpoints
            .iter()
            .map(|address| format!("\"http://{address}\""))
            .collect();
        let _ = write!(
            text,
            "\n[regions.{0}]\nhost = \"{0}.localhost\"\njurisdiction = \"{1}\"\n\
             endpoints = [{2}]\nidentifier_secrets = [{{ file = \"{0}.secret\" }}]\n\
             dialect = \"{3}\"\n",
            region.name,
            region.jurisdiction,
            endpoints.join(", "),
            match region.dialect {
                Dialect::Current => "current",
                Dialect::Classic => "v0.23",
            },
        );
    }
    let _ = write!(
        text,
        "\n[geo]\ndatabase = \"country.mmdb\"\nno_country = \"{}\"\ndefault = \"{}\"\n\
         # It is as old as the binary.\nmax_age = \"3650d\"\n\n\
         [geo.networks]\n# TEST-NET-3, which belongs to nobody.\n\"203.0.113.0/24\" = \"ca\"\n\n{}\n\
         # The demo regions' own debug pages, also by the bare host.\n\
         [[routes]]\nprefix = \"/demo\"\naction = \"proxy\"\n{more}\n",
        mapping::NO_COUNTRY,
        mapping::DEFAULT,
        mapping::toml(),
    );
    text
}
