//! Demo regions: in-memory doubles of Onetime Secret's regions that speak its API on loopback,
//! keep secrets really one-time, record what they receive, and fail on demand.
//!
//! The demo and the tests put the gateway in front of them. All of them live on one thread of
//! their own; nothing here is on the gateway's path.

mod api;
mod control;
mod endpoint;
pub mod fault;
mod fleet;
mod keys;
mod listen;
pub mod options;
mod params;
pub mod record;
mod region;
mod serve;
mod spoil;
mod start;
mod store;
mod wire;
pub mod witness;
pub mod world;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::mpsc as blocking;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::mpsc;

use self::fault::Fault;
use self::fleet::Fleet;
use self::options::{DemoOptions, Dialect};
use self::record::Seen;
use self::start::Bound;
use self::witness::Testimony;

/// The byte at `position` of what `GET /demo/bytes/N` sends.
pub fn pattern(position: u64) -> u8 {
    wire::answer::pattern(position)
}

/// What was asked of the control and cannot be done.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// No such region, or no such endpoint of it.
    #[error("no endpoint {number} of a demo region {region:?}")]
    UnknownEndpoint {
        /// The region that was named.
        region: String,
        /// The endpoint that was named, counted from 1.
        number: usize,
    },
    /// The endpoint's port cannot be taken again.
    #[error(transparent)]
    Listen(io::Error),
    /// The demo's thread has ended.
    #[error("the demo regions have stopped")]
    Stopped,
}

/// What a gateway in front must know of a region.
#[derive(Clone)]
pub struct RegionInfo {
    /// Its name.
    pub name: String,
    /// The law it is under.
    pub jurisdiction: String,
    /// The host, with its port if not 443, that its links named at the start.
    pub site: String,
    /// Which generation of the application it plays.
    pub dialect: Dialect,
    /// The secret that tags its keys, if it tags them.
    pub identifier_secret: String,
    /// The address of its account.
    pub user: String,
    /// The API token of its account.
    pub token: String,
    /// Its endpoints, number 1 first.
    pub endpoints: Vec<SocketAddr>,
}

impl fmt::Debug for RegionInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegionInfo")
            .field("name", &self.name)
            .field("site", &self.site)
            .field("dialect", &self.dialect)
            .field("endpoints", &self.endpoints)
            .finish_non_exhaustive()
    }
}

type Command = Box<dyn FnOnce(&Fleet) + Send>;

/// Running demo regions. They stop, and their ports are free again, when this is dropped.
///
/// The methods that control them wait for the demo's own thread, which takes microseconds.
pub struct DemoRegions {
    control: SocketAddr,
    regions: Vec<RegionInfo>,
    /// Taken on drop, which ends the thread.
    commands: Option<mpsc::UnboundedSender<Command>>,
    thread: Option<JoinHandle<()>>,
}

impl DemoRegions {
    /// Binds every listener and starts to serve.
    ///
    /// # Errors
    /// Options that contradict themselves; a port that is in use, named with what should have
    /// listened on it; a thread or runtime that cannot be made.
    pub fn start(options: DemoOptions) -> io::Result<Self> {
        let bound = Bound::new(&options)?;
        let (control, regions) = (bound.control_address()?, bound.regions.clone());
        let (commands, received) = mpsc::unbounded_channel();
        let (ready, started) = blocking::channel();
        let thread = std::thread::Builder::new()
            .name("demo-regions".to_owned())
            .spawn(move || {
                if let Err(error) = start::live(&options, bound, received, &ready) {
                    // If nobody waits any more, nobody wants to know.
                    let _ = ready.send(Err(error));
                }
            })?;
        let demo = Self {
            control,
            regions,
            commands: Some(commands),
            thread: Some(thread),
        };
        match started.recv() {
            Ok(started) => started.map(|()| demo),
            Err(_) => Err(io::Error::other("the demo's thread ended at once")),
        }
    }

    /// The address of the control listener.
    pub fn control(&self) -> SocketAddr {
        self.control
    }

    /// Every region, in the order of the options.
    pub fn regions(&self) -> &[RegionInfo] {
        &self.regions
    }

    /// The region of this name.
    pub fn region(&self, name: &str) -> Option<&RegionInfo> {
        self.regions.iter().find(|region| region.name == name)
    }

    /// The address of an endpoint, its number counted from 1.
    pub fn endpoint(&self, region: &str, number: usize) -> Option<SocketAddr> {
        let region = self.region(region)?;
        region.endpoints.get(number.checked_sub(1)?).copied()
    }

    /// The endpoint refuses connections, and its open ones are reset, when this returns.
    ///
    /// # Errors
    /// [`ControlError::UnknownEndpoint`].
    pub fn down(&self, region: &str, number: usize) -> Result<(), ControlError> {
        self.control_endpoint(region, number, |endpoint| {
            endpoint.down();
            Ok(())
        })
    }

    /// The endpoint listens again, on the same port.
    ///
    /// # Errors
    /// [`ControlError::UnknownEndpoint`], or [`ControlError::Listen`] if somebody else has taken
    /// its port meanwhile.
    pub fn up(&self, region: &str, number: usize) -> Result<(), ControlError> {
        self.control_endpoint(region, number, |endpoint| Ok(endpoint.up()?))
    }

    /// Every request to the endpoint fails that way, unless its own header asks for another.
    ///
    /// # Errors
    /// [`ControlError::UnknownEndpoint`].
    pub fn fault(&self, region: &str, number: usize, fault: Fault) -> Result<(), ControlError> {
        self.control_endpoint(region, number, move |endpoint| {
            endpoint.fault.set(Some(fault));
            Ok(())
        })
    }

    /// The endpoint's requests fail no longer.
    ///
    /// # Errors
    /// [`ControlError::UnknownEndpoint`].
    pub fn heal(&self, region: &str, number: usize) -> Result<(), ControlError> {
        self.control_endpoint(region, number, |endpoint| {
            endpoint.fault.set(None);
            Ok(())
        })
    }

    /// What the endpoint has received, oldest first.
    ///
    /// # Errors
    /// [`ControlError::UnknownEndpoint`].
    pub fn seen(&self, region: &str, number: usize) -> Result<Vec<Seen>, ControlError> {
        self.control_endpoint(region, number, |endpoint| {
            Ok(endpoint.record.borrow().all().iter().cloned().collect())
        })
    }

    /// From now on every endpoint keeps a [`Testimony`] of each request, and names in its answers
    /// the place that it has there (`X-Demo-Place`).
    ///
    /// # Errors
    /// [`ControlError::Stopped`].
    pub fn witness(&self) -> Result<(), ControlError> {
        self.call(|fleet| {
            for endpoint in fleet.endpoints() {
                endpoint.witness.turn_on();
            }
        })
    }

    /// What the endpoint testifies, oldest first, and the bytes that lay unread in its sockets when
    /// it went down. What has ended is told once; what is still under way is told again.
    ///
    /// # Errors
    /// [`ControlError::UnknownEndpoint`].
    pub fn hear(
        &self,
        region: &str,
        number: usize,
    ) -> Result<(Vec<Testimony>, Vec<u8>), ControlError> {
        self.control_endpoint(region, number, |endpoint| Ok(endpoint.witness.hear()))
    }

    /// How many connections the endpoint has open.
    ///
    /// # Errors
    /// [`ControlError::UnknownEndpoint`].
    pub fn connections(&self, region: &str, number: usize) -> Result<usize, ControlError> {
        self.control_endpoint(region, number, |endpoint| Ok(endpoint.connections()))
    }

    /// Forgets what every endpoint has received. Faults stay, and what is down stays down.
    ///
    /// # Errors
    /// [`ControlError::Stopped`].
    pub fn reset(&self) -> Result<(), ControlError> {
        self.call(Fleet::reset)
    }

    /// Moves the clock of all regions on, so that secrets expire.
    ///
    /// # Errors
    /// [`ControlError::Stopped`].
    pub fn advance(&self, by: Duration) -> Result<(), ControlError> {
        self.call(move |fleet| fleet.clock.advance(by))
    }

    /// From now on the links of every region name `NAME.localhost` at this https port: for a
    /// gateway that learns its own port only after the regions have started.
    ///
    /// # Errors
    /// [`ControlError::Stopped`].
    pub fn set_site_port(&self, port: u16) -> Result<(), ControlError> {
        self.call(move |fleet| {
            for member in &fleet.members {
                let name = &member.region.name;
                member.region.set_site(&options::site_of(name, port));
            }
        })
    }

    fn control_endpoint<T: Send + 'static>(
        &self,
        region: &str,
        number: usize,
        deed: impl FnOnce(&Rc<endpoint::Endpoint>) -> Result<T, ControlError> + Send + 'static,
    ) -> Result<T, ControlError> {
        let region = region.to_owned();
        self.call(move |fleet| fleet.endpoint(&region, number).and_then(deed))?
    }

    /// Runs on the demo's thread and waits for the result.
    fn call<T: Send + 'static>(
        &self,
        deed: impl FnOnce(&Fleet) -> T + Send + 'static,
    ) -> Result<T, ControlError> {
        let (result, done) = blocking::channel();
        let command: Command = Box::new(move |fleet| {
            // The caller waits below; if its thread has died, nobody misses the result.
            let _ = result.send(deed(fleet));
        });
        let commands = self.commands.as_ref().ok_or(ControlError::Stopped)?;
        commands.send(command).map_err(|_| ControlError::Stopped)?;
        done.recv().map_err(|_| ControlError::Stopped)
    }
}

impl fmt::Debug for DemoRegions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DemoRegions")
            .field("control", &self.control)
            .field("regions", &self.regions)
            .finish_non_exhaustive()
    }
}

impl Drop for DemoRegions {
    fn drop(&mut self) {
        drop(self.commands.take());
        if let Some(thread) = self.thread.take() {
            // A panic over there has been reported on its own thread.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests;
