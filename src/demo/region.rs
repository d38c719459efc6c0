//! One demo region: its name, account, keys and its one store, shared by its endpoints.

use std::cell::{Cell, RefCell};
use std::net::IpAddr;
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::keys::{Minter, Random};
use super::options::{Dialect, RegionOptions};
use super::store::Store;

/// The wall clock of all regions, which can be moved on.
#[derive(Default)]
pub(super) struct Clock(Cell<u64>);

impl Clock {
    /// Milliseconds since 1970.
    pub(super) fn now(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(0));
        now.saturating_add(self.0.get())
    }

    /// Moves the clock on.
    pub(super) fn advance(&self, by: Duration) {
        let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        // A century is enough, and keeps every sum of times far from overflow.
        const MOST: u64 = 100 * 365 * 24 * 3600 * 1000;
        self.0.set(self.0.get().saturating_add(by).min(MOST));
    }
}

/// One region.
pub(super) struct Region {
    pub(super) name: String,
    pub(super) jurisdiction: String,
    pub(super) dialect: Dialect,
    /// The host, with its port if not 443, that its links name.
    site: RefCell<Rc<str>>,
    /// Its one account: an address and an API token.
    pub(super) user: String,
    pub(super) token: String,
    pub(super) keys: Minter,
    pub(super) random: Random,
    pub(super) clock: Rc<Clock>,
    pub(super) store: RefCell<Store>,
}

impl Region {
    pub(super) fn new(
        options: &RegionOptions,
        identifier_secret: &str,
        random: Random,
        clock: Rc<Clock>,
    ) -> Self {
        Self {
            name: options.name.clone(),
            jurisdiction: options.jurisdiction.clone(),
            dialect: options.dialect,
            site: RefCell::new(options.site.as_str().into()),
            user: user_of(&options.name),
            token: token_of(&options.name),
            keys: Minter::new(random, options.key_style(), identifier_secret.to_owned()),
            random,
            clock,
            store: RefCell::default(),
        }
    }

    pub(super) fn site(&self) -> Rc<str> {
        Rc::clone(&self.site.borrow())
    }

    pub(super) fn set_site(&self, site: &str) {
        *self.site.borrow_mut() = site.into();
    }

    pub(super) fn current(&self) -> bool {
        self.dialect == Dialect::Current
    }

    /// How the region classifies a host that it was called by: its own, a relative of its own
    /// (parent or sibling), or none of these.
    pub(super) fn strategy(&self, host: &str) -> &'static str {
        let site = self.site();
        let own = without_port(&site);
        let parent = |host: &str| host.split_once('.').map(|(_, parent)| parent.to_owned());
        let related = host == own
            || parent(own).is_some_and(|above| above == host || Some(above) == parent(host));
        match related && host.parse::<IpAddr>().is_err() {
            true => "canonical",
            false => "invalid",
        }
    }
}

/// The address of a region's account.
pub(super) fn user_of(region: &str) -> String {
    format!("demo@{region}.example")
}

/// The API token of a region's account.
pub(super) fn token_of(region: &str) -> String {
    format!("{region}-token")
}

/// A host without its port.
pub(super) fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::super::options::KeyStyle;
    use super::*;

    fn region() -> Region {
        let mut options = RegionOptions::new("eu", "EU");
        options.keys = Some(KeyStyle::Tagged);
        Region::new(&options, "secret", Random::new(), Rc::default())
    }

    #[test]
    fn a_host_is_its_own_a_relative_or_a_stranger() {
        let region = region();
        assert_eq!(region.strategy("eu.localhost"), "canonical");
        assert_eq!(region.strategy("us.localhost"), "canonical");
        assert_eq!(region.strategy("localhost"), "canonical");
        assert_eq!(region.strategy("ca.secrets.example.com"), "invalid");
        assert_eq!(region.strategy("127.0.0.1"), "invalid");
        region.set_site("eu.onetimesecret.com");
        assert_eq!(region.strategy("onetimesecret.com"), "canonical");
        assert_eq!(region.strategy("com"), "invalid");
        assert_eq!(&*region.site(), "eu.onetimesecret.com");
    }

    #[test]
    fn ports_are_cut_off() {
        assert_eq!(without_port("eu.localhost:8443"), "eu.localhost");
        assert_eq!(without_port("[::1]:80"), "[::1]");
        assert_eq!(without_port("eu.localhost"), "eu.localhost");
    }

    #[test]
    fn the_clock_moves_on() {
        let clock = Clock::default();
        let before = clock.now();
        clock.advance(Duration::from_secs(60));
        assert!(clock.now() >= before + 60_000);
        clock.advance(Duration::MAX);
        clock.advance(Duration::MAX);
        assert!(clock.now() < u64::MAX / 2);
    }
}
