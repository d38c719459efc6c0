//! What demo regions are started with: which regions, where they listen, which dialect each speaks.
//!
//! Values only; [`super::DemoRegions::start`] checks them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

/// The five live regions in the order of their ports, with the law each is under.
const REGIONS: [(&str, &str); 5] = [
    ("us", "US"),
    ("eu", "EU"),
    ("ca", "CA"),
    ("nz", "NZ"),
    ("uk", "UK"),
];

/// Which generation of the application a region plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Dialect {
    /// v0.26: intended-status header, JSON bodies, v3, new member names beside the old ones.
    #[default]
    Current,
    /// v0.23: `shrimp` in errors, form bodies only, no v3, no intended-status header.
    Classic,
}

impl Dialect {
    /// The word used on the command line and in the control's answers.
    pub fn label(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Classic => "classic",
        }
    }
}

/// How a region makes its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyStyle {
    /// 62 characters, tagged under the region's own identifier secret (v0.26).
    Tagged,
    /// 62 characters, tagged under one value that all regions share (v0.24, v0.25): the tag names
    /// no region.
    SharedTag,
    /// 31 characters without a tag (up to v0.23).
    Short,
}

impl KeyStyle {
    /// The word used in the control's answers.
    pub fn label(self) -> &'static str {
        match self {
            Self::Tagged => "tagged",
            Self::SharedTag => "shared-tag",
            Self::Short => "short",
        }
    }
}

/// One demo region.
#[derive(Clone)]
pub struct RegionOptions {
    /// Its name in ports, control paths and headers: lower-case letters, digits and `-`.
    pub name: String,
    /// The law it is under, as shown on its pages.
    pub jurisdiction: String,
    /// The host, with its port if not 443, that its links name.
    pub site: String,
    /// Which generation of the application it plays.
    pub dialect: Dialect,
    /// How its keys are made; `None` follows the dialect.
    pub keys: Option<KeyStyle>,
    /// The identifier secret that tags its keys; `None` draws one at start.
    pub identifier_secret: Option<String>,
    /// How many endpoints share its one store: 1 to 99.
    pub endpoints: usize,
}

impl RegionOptions {
    /// A region of two endpoints in the current dialect at `NAME.localhost:8443`.
    pub fn new(name: &str, jurisdiction: &str) -> Self {
        Self {
            name: name.to_owned(),
            jurisdiction: jurisdiction.to_owned(),
            site: site_of(name, 8443),
            dialect: Dialect::Current,
            keys: None,
            identifier_secret: None,
            endpoints: 2,
        }
    }

    /// How its keys are made, all told.
    pub fn key_style(&self) -> KeyStyle {
        self.keys.unwrap_or(match self.dialect {
            Dialect::Current => KeyStyle::Tagged,
            Dialect::Classic => KeyStyle::Short,
        })
    }
}

impl fmt::Debug for RegionOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegionOptions")
            .field("name", &self.name)
            .field("site", &self.site)
            .field("dialect", &self.dialect)
            .field("endpoints", &self.endpoints)
            .finish_non_exhaustive()
    }
}

/// All demo regions and where they listen.
#[derive(Clone, Debug)]
pub struct DemoOptions {
    /// The address of every listener.
    pub address: IpAddr,
    /// The control's port. Endpoint `n` of the region at position `i`, both counted from 1, has
    /// port `base_port + 100 * i + n`. 0 lets the system choose every port.
    pub base_port: u16,
    /// The regions, in the order of their ports.
    pub regions: Vec<RegionOptions>,
}

impl Default for DemoOptions {
    /// us, eu, ca, nz and uk from port 7000 on 127.0.0.1.
    fn default() -> Self {
        Self {
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            base_port: 7000,
            regions: REGIONS
                .iter()
                .map(|(name, jurisdiction)| RegionOptions::new(name, jurisdiction))
                .collect(),
        }
    }
}

impl DemoOptions {
    /// The five regions on ports that the system chooses, for tests.
    pub fn ephemeral() -> Self {
        Self {
            base_port: 0,
            ..Self::default()
        }
    }

    /// Every region speaks `dialect`.
    #[must_use]
    pub fn with_dialect(mut self, dialect: Dialect) -> Self {
        for region in &mut self.regions {
            region.dialect = dialect;
        }
        self
    }

    /// Every region's links name `NAME.localhost` at the gateway's https `port`.
    #[must_use]
    pub fn with_site_port(mut self, port: u16) -> Self {
        for region in &mut self.regions {
            region.site = site_of(&region.name, port);
        }
        self
    }

    /// The options of the region called `name`, to change them.
    pub fn region_mut(&mut self, name: &str) -> Option<&mut RegionOptions> {
        self.regions.iter_mut().find(|region| region.name == name)
    }

    /// The port of endpoint `number` (from 1) of the region at `position` (from 0); `None`
    /// beyond 65535.
    pub(super) fn port(&self, position: usize, number: usize) -> Option<u16> {
        if self.base_port == 0 {
            return Some(0);
        }
        let offset = position
            .checked_add(1)?
            .checked_mul(100)?
            .checked_add(number)?;
        self.base_port.checked_add(u16::try_from(offset).ok()?)
    }
}

/// A region's host behind the demo's gateway, which browsers resolve to loopback.
pub(super) fn site_of(name: &str, port: u16) -> String {
    match port {
        443 => format!("{name}.localhost"),
        _ => format!("{name}.localhost:{port}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ports_are_those_of_the_documentation() {
        let options = DemoOptions::default();
        let ports: Vec<_> = (0..5)
            .flat_map(|position| (1..=2).map(move |number| (position, number)))
            .map(|(position, number)| {
                let name = options.regions[position].name.as_str();
                (name, options.port(position, number).unwrap())
            })
            .collect();
        assert_eq!(
            ports,
            [
                ("us", 7101),
                ("us", 7102),
                ("eu", 7201),
                ("eu", 7202),
                ("ca", 7301),
                ("ca", 7302),
                ("nz", 7401),
                ("nz", 7402),
                ("uk", 7501),
                ("uk", 7502),
            ]
        );
        assert_eq!(DemoOptions::ephemeral().port(4, 2), Some(0));
        let high = DemoOptions {
            base_port: 65_100,
            ..options
        };
        assert_eq!(high.port(4, 2), None);
    }

    #[test]
    fn a_site_at_443_shows_no_port() {
        let options = DemoOptions::default().with_site_port(443);
        assert_eq!(options.regions[1].site, "eu.localhost");
        let options = options.with_site_port(9443);
        assert_eq!(options.regions[1].site, "eu.localhost:9443");
    }

    #[test]
    fn keys_follow_the_dialect_unless_told_otherwise() {
        let mut options = DemoOptions::default().with_dialect(Dialect::Classic);
        let eu = options.region_mut("eu").unwrap();
        assert_eq!(eu.key_style(), KeyStyle::Short);
        eu.keys = Some(KeyStyle::SharedTag);
        assert_eq!(eu.key_style(), KeyStyle::SharedTag);
    }

    #[test]
    fn the_identifier_secret_is_not_shown() {
        let mut region = RegionOptions::new("eu", "EU");
        region.identifier_secret = Some("do-not-show".to_owned());
        assert!(!format!("{region:?}").contains("do-not-show"));
    }
}
