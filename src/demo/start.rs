//! Checks the options, binds every listener and lives on the demo's thread.

use std::collections::HashSet;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::mpsc as blocking;

use tokio::sync::mpsc;
use tokio::task::{LocalSet, spawn_local};

use super::fleet::Fleet;
use super::keys::Random;
use super::listen::bind;
use super::options::{DemoOptions, RegionOptions};
use super::{Command, RegionInfo, control, region};

/// Every listener of a demo, bound but not yet served.
pub(super) struct Bound {
    control: TcpListener,
    pub(super) regions: Vec<RegionInfo>,
    /// Those of each region, in the same order.
    listeners: Vec<Vec<TcpListener>>,
}

impl Bound {
    pub(super) fn new(options: &DemoOptions) -> io::Result<Self> {
        check(options)?;
        let address = SocketAddr::new(options.address, options.base_port);
        let control = bind(address, "the demo's control")?;
        let random = Random::new();
        let (mut regions, mut listeners) = (Vec::new(), Vec::new());
        for (position, region) in options.regions.iter().enumerate() {
            let bound = bind_endpoints(options, position, region)?;
            let addresses: io::Result<_> = bound.iter().map(TcpListener::local_addr).collect();
            regions.push(info(region, random, addresses?));
            listeners.push(bound);
        }
        Ok(Self {
            control,
            regions,
            listeners,
        })
    }

    pub(super) fn control_address(&self) -> io::Result<SocketAddr> {
        self.control.local_addr()
    }
}

/// The demo's thread: until the last command sender is gone.
pub(super) fn live(
    options: &DemoOptions,
    bound: Bound,
    mut commands: mpsc::UnboundedReceiver<Command>,
    ready: &blocking::Sender<io::Result<()>>,
) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let local = LocalSet::new();
    local.block_on(&runtime, async move {
        let fleet = Rc::new(Fleet::start(options, &bound.regions, bound.listeners)?);
        let control = tokio::net::TcpListener::from_std(bound.control)?;
        spawn_local(control::serve(Rc::clone(&fleet), control));
        // `start` waits for it; if it has given up, the command channel is closed as well.
        let _ = ready.send(Ok(()));
        while let Some(command) = commands.recv().await {
            command(&fleet);
        }
        Ok(())
    })
}

fn bind_endpoints(
    options: &DemoOptions,
    position: usize,
    region: &RegionOptions,
) -> io::Result<Vec<TcpListener>> {
    (1..=region.endpoints)
        .map(|number| {
            let what = format!("endpoint {number} of demo region {}", region.name);
            let port = options.port(position, number).ok_or_else(|| {
                invalid(&format!(
                    "{what} would have a port above 65535: lower the base port"
                ))
            })?;
            bind(SocketAddr::new(options.address, port), &what)
        })
        .collect()
}

fn info(region: &RegionOptions, random: Random, endpoints: Vec<SocketAddr>) -> RegionInfo {
    let secret = region.identifier_secret.clone();
    RegionInfo {
        name: region.name.clone(),
        jurisdiction: region.jurisdiction.clone(),
        site: region.site.clone(),
        dialect: region.dialect,
        identifier_secret: secret.unwrap_or_else(|| random.token()),
        user: region::user_of(&region.name),
        token: region::token_of(&region.name),
        endpoints,
    }
}

fn invalid(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why)
}

/// Names become parts of paths, hosts and headers; two regions never share one.
fn check(options: &DemoOptions) -> io::Result<()> {
    let mut names = HashSet::new();
    for region in &options.regions {
        let name = region.name.as_str();
        let usual = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if name.is_empty() || !name.bytes().all(usual) {
            let why = format!("{name:?} is no name for a demo region: use a-z, 0-9 and -");
            return Err(invalid(&why));
        }
        if !names.insert(name) {
            return Err(invalid(&format!("two demo regions are called {name}")));
        }
        if !(1..=99).contains(&region.endpoints) {
            let why = format!("demo region {name} must have 1 to 99 endpoints");
            return Err(invalid(&why));
        }
        let usual = |byte: u8| byte.is_ascii_alphanumeric() || b"-._[]:".contains(&byte);
        if region.site.is_empty() || !region.site.bytes().all(usual) {
            return Err(invalid(&format!(
                "demo region {name} has no proper site host"
            )));
        }
    }
    Ok(())
}
