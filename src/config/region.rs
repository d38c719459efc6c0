//! `[regions.NAME]`: a region as its operator describes it.

use std::time::Duration;

use crate::config::ejection::Ejection;
use crate::config::endpoint::{self, Endpoint, HostHeader};
use crate::config::health::Health;
use crate::config::hide;
use crate::config::name::{HostName, RegionName};
use crate::config::place::{FilePath, Place};
use crate::config::problem::Complaint;
use crate::config::read::section::Section;
use crate::config::read::value::Value;
use crate::config::text::address;
use crate::lookup::Generation;

/// The default of `slow_start`: caches are warm after a few hundred requests.
const SLOW_START: Duration = Duration::from_secs(30);

/// The words of `dialect`.
const GENERATIONS: [(&str, Generation); 2] = [
    (Generation::Current.label(), Generation::Current),
    (Generation::V023.label(), Generation::V023),
];

/// `[regions.NAME]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Region {
    /// The NAME of the table.
    pub name: RegionName,
    /// The region's own public host: where redirects lead, and what `Host` and SNI say upstream.
    pub host: HostName,
    /// The law the region is under, 1 to 32 visible ASCII characters. Default: the name in upper case.
    pub jurisdiction: String,
    /// The addresses of the region, at least one, in the order of the file; each address occurs once in the
    /// whole file.
    pub endpoints: Vec<Endpoint>,
    /// Where the secrets are by which the region tags its keys; newest first by convention. Default: none.
    pub identifier_secrets: Vec<SecretSource>,
    /// How endpoints are probed; `None` (`health = false` in the file) is not at all. Default:
    /// [`Health::default`].
    pub health: Option<Health>,
    /// When requests that fail take an endpoint out; `None` (`ejection = false`) is never. Default: [`Ejection::default`].
    pub ejection: Option<Ejection>,
    /// How long an endpoint that came back takes less than its share. Default 30 s; 0 gives it all at once.
    pub slow_start: Duration,
    /// The regions that may answer instead, in this order, while the decision is only preferred. Default: none.
    pub failover: Vec<RegionName>,
    /// Whether `failover` may name regions of another jurisdiction. Default: false; sovereignty is given up in
    /// writing or not at all.
    pub allow_crossing: bool,
    /// Whether the region gets no new requests. Default: false.
    pub drain: bool,
    /// The generation of the application that the region runs (`dialect`): how it is asked for keys.
    /// Default: the current one.
    pub generation: Generation,
    /// The table's header in the file.
    pub place: Place,
}

/// Where an identifier secret is; the secret itself is never in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// The environment variable of this name, `[A-Z_][A-Z0-9_]*`. It changes only with a restart.
    Env {
        /// The variable.
        name: String,
        /// The value in the file.
        place: Place,
    },
    /// The content of this file, without one trailing newline.
    File(FilePath),
}

impl SecretSource {
    /// The value in the file.
    pub fn place(&self) -> &Place {
        match self {
            Self::Env { place, .. } => place,
            Self::File(file) => &file.place,
        }
    }
}

/// A region as far as it could be understood, before it is held against the others.
pub(super) struct Draft {
    pub(super) name: RegionName,
    pub(super) host: Option<(HostName, Place)>,
    /// `None` where it is written and wrong.
    pub(in crate::config) jurisdiction: Option<String>,
    pub(super) endpoints: Vec<endpoint::Draft>,
    pub(super) secrets: Vec<SecretSource>,
    pub(super) failover: Vec<(RegionName, Place)>,
    pub(super) allow_crossing: bool,
    pub(super) drain: bool,
    generation: Generation,
    health: Option<Health>,
    ejection: Option<Ejection>,
    slow_start: Duration,
    ca: Option<FilePath>,
    host_header: HostHeader,
    pub(super) place: Place,
}

/// Reads `[regions]`, sorted by name.
pub(super) fn read(section: Section<'_>) -> Vec<Draft> {
    let reading = section.reading;
    let place = section.place();
    let mut entries = section.entries().peekable();
    if entries.peek().is_none() && !reading.is_broken() {
        reading.complain(place, Complaint::new("at least one region is needed"));
    }
    let mut drafts = Vec::new();
    for entry in entries {
        let name = RegionName::parse(entry.key);
        if name.is_none() {
            entry.complain(no_name(entry.key));
        }
        // What is within is read in any case, for what is wrong there.
        let Some(section) = entry.value.section() else {
            continue;
        };
        drafts.extend(name.map(|name| Draft::read(name, section)));
    }
    drafts.sort_by(|a: &Draft, b| a.name.cmp(&b.name));
    drafts
}

fn no_name(key: &str) -> Complaint {
    let complaint = Complaint::new(format!("`{}` is no name of a region", hide::echo(key)))
        .allowed(
            "up to 32 lower-case letters, digits and `-`, a letter first; not `auto` or `refuse`",
        );
    match RegionName::parse(&key.to_ascii_lowercase()) {
        Some(lower) => complaint.hint(format!("did you mean `{lower}`?")),
        None => complaint,
    }
}

impl Draft {
    fn read(name: RegionName, mut section: Section<'_>) -> Self {
        let host = section.require("host", |v| {
            v.parsed(address::host_name).map(|host| (host, v.place()))
        });
        let jurisdiction = match section.get("jurisdiction") {
            Some(value) => value.parsed(jurisdiction),
            None => Some(name.as_str().to_ascii_uppercase()),
        };
        let draft = Self {
            host,
            jurisdiction,
            endpoints: section
                .require("endpoints", endpoint::read)
                .unwrap_or_default(),
            ca: section.read("ca", Value::file),
            host_header: section
                .read("host_header", |v| v.parsed(endpoint::host_header))
                .unwrap_or_default(),
            secrets: section
                .read("identifier_secrets", |v| v.list(secret))
                .unwrap_or_default(),
            health: match section.get("health") {
                Some(value) => Health::read(&value),
                None => Some(Health::default()),
            },
            ejection: match section.get("ejection") {
                Some(value) => Ejection::read(&value),
                None => Some(Ejection::default()),
            },
            slow_start: section
                .read("slow_start", |v| {
                    v.duration(Duration::ZERO..=Duration::from_secs(3_600))
                })
                .unwrap_or(SLOW_START),
            drain: section.read("drain", Value::boolean).unwrap_or(false),
            generation: section
                .read("dialect", |v| v.choice(&GENERATIONS))
                .unwrap_or_default(),
            failover: section
                .read("failover", |v| {
                    v.list(|item| Some((item.region()?, item.place())))
                })
                .unwrap_or_default(),
            allow_crossing: section
                .read("allow_crossing", Value::boolean)
                .unwrap_or(false),
            place: section.place(),
            name,
        };
        section.finish();
        draft
    }

    /// The region, if nothing that it needs is missing.
    pub(super) fn build(self) -> Option<Region> {
        let (host, _) = self.host?;
        let endpoints = self.endpoints.into_iter();
        let built =
            endpoints.map(|endpoint| endpoint.build(&host, &self.host_header, self.ca.as_ref()));
        Some(Region {
            endpoints: built.collect(),
            host,
            name: self.name,
            jurisdiction: self.jurisdiction?,
            identifier_secrets: self.secrets,
            health: self.health,
            ejection: self.ejection,
            slow_start: self.slow_start,
            failover: self
                .failover
                .into_iter()
                .map(|(region, _)| region)
                .collect(),
            allow_crossing: self.allow_crossing,
            drain: self.drain,
            generation: self.generation,
            place: self.place,
        })
    }
}

fn jurisdiction(text: &str) -> Result<String, Complaint> {
    let fits = !text.is_empty() && text.len() <= 32 && text.bytes().all(|b| b.is_ascii_graphic());
    if fits {
        return Ok(text.to_owned());
    }
    Err(
        Complaint::new(format!("`{}` is no jurisdiction", hide::echo(text)))
            .allowed("1 to 32 visible ASCII characters, such as \"EU\""),
    )
}

/// A reference to a secret. Nothing of what stands in its place is ever repeated.
fn secret(value: &Value<'_>) -> Option<SecretSource> {
    let allowed = "{ env = \"NAME\" } or { file = \"path\" }";
    if !value.raw().is_table() {
        return value.complain(
            Complaint::new("a secret is never written in this file").allowed(allowed).hint(
                "put it in a file or in the environment, and take another one, since this one was written down",
            ),
        );
    }
    let mut section = value.section()?;
    let env = section.get("env");
    let file = section.get("file");
    section.finish();
    match (env, file) {
        (Some(env), None) => {
            let name = env.parsed(variable)?;
            Some(SecretSource::Env {
                name,
                place: env.place(),
            })
        }
        (None, Some(file)) => file.file().map(SecretSource::File),
        _ => value.complain(
            Complaint::new("names a variable or a file, and one of them").allowed(allowed),
        ),
    }
}

fn variable(text: &str) -> Result<String, Complaint> {
    if hide::is_variable(text) {
        return Ok(text.to_owned());
    }
    Err(Complaint::new("is no name of an environment variable")
        .allowed("upper-case letters, digits and `_`, no digit first"))
}
