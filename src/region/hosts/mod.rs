//! The host table: which kind of host an authority is, by exact name or longest wildcard.
//!
//! A pattern is an exact host (`eu.onetimesecret.com`, `127.0.0.1`, `[::1]`) or `*.` and a
//! suffix. A wildcard stands for one or more labels: `*.example.com` has `a.example.com` and
//! `a.b.example.com`, never `example.com`. An exact host beats every wildcard; of wildcards, the
//! longest wins. Case, port and one trailing dot do not matter. A look-up costs one probe and one
//! more per distinct depth of wildcards, however many hosts there are, and allocates nothing.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::Ipv6Addr;

use super::RegionId;
use super::authority::{Authority, AuthorityFault, Host, LONGEST};

/// What a host is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HostKind {
    /// The bare host: the other rules decide.
    Auto,
    /// A region's own host.
    Own(RegionId),
    /// Another name of a region, kept as `Host`.
    Alias(RegionId),
}

impl HostKind {
    /// The region that the host names.
    pub fn region(self) -> Option<RegionId> {
        match self {
            Self::Auto => None,
            Self::Own(region) | Self::Alias(region) => Some(region),
        }
    }

    /// The word of logs, metrics and `explain`.
    pub fn label(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Own(_) => "own",
            Self::Alias(_) => "alias",
        }
    }
}

/// What the table knows of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostEntry {
    /// Its kind.
    pub kind: HostKind,
    /// An index of the caller's own, for settings kept by host.
    pub payload: u32,
}

/// Why a look-up found nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostFault {
    /// No authority at all: status 400.
    #[error("malformed authority: {0}")]
    Malformed(#[from] AuthorityFault),
    /// A host that nobody configured: status 421.
    #[error("the host is not configured")]
    Unknown,
}

/// What can be wrong with a pattern; `first` and `second` count the patterns from 0.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostPatternError {
    /// Not a host.
    #[error("host {pattern:?}: {fault}")]
    Malformed {
        /// Which pattern.
        index: usize,
        /// As it was written.
        pattern: String,
        /// What is wrong with it.
        fault: AuthorityFault,
    },
    /// A port in a pattern: the table does not look at ports.
    #[error("host {pattern:?}: a pattern has no port")]
    Port {
        /// Which pattern.
        index: usize,
        /// As it was written.
        pattern: String,
    },
    /// Two patterns for the same hosts.
    #[error("hosts {first_pattern:?} and {second_pattern:?} are the same")]
    Duplicate {
        /// Which pattern came first.
        first: usize,
        /// As it was written.
        first_pattern: String,
        /// Which pattern repeats it.
        second: usize,
        /// As it was written.
        second_pattern: String,
    },
}

type Names<V> = HashMap<Box<[u8]>, V>;

/// The compiled table.
#[derive(Clone, Debug, Default)]
pub struct HostTable {
    exact: Names<HostEntry>,
    /// By suffix, without `*.`.
    wildcards: Names<HostEntry>,
    v6: HashMap<Ipv6Addr, HostEntry>,
    /// Bit n: some wildcard's suffix has n labels. 128 labels fill 255 bytes, and a wildcard's
    /// suffix is one label shorter than what it matches.
    depths: u128,
}

/// A pattern, lower case and without a trailing dot.
#[derive(PartialEq, Eq, Hash)]
enum Pattern {
    Exact(Box<[u8]>),
    Wildcard(Box<[u8]>),
    V6(Ipv6Addr),
}

impl HostTable {
    /// Compiles the patterns.
    ///
    /// # Errors
    /// Every malformed and every repeated pattern.
    pub fn new<P: AsRef<str>>(entries: &[(P, HostEntry)]) -> Result<Self, Vec<HostPatternError>> {
        let mut table = Self {
            exact: HashMap::with_capacity(entries.len()),
            ..Self::default()
        };
        let mut faults = Vec::new();
        let mut repeats = Vec::new();
        for (index, (pattern, entry)) in entries.iter().enumerate() {
            let fresh = match Pattern::parse(index, pattern.as_ref()) {
                Ok(Pattern::Exact(name)) => insert(table.exact.entry(name), *entry),
                Ok(Pattern::Wildcard(suffix)) => {
                    table.depths |= bit(labels(&suffix));
                    insert(table.wildcards.entry(suffix), *entry)
                }
                Ok(Pattern::V6(address)) => insert(table.v6.entry(address), *entry),
                Err(fault) => {
                    faults.push(fault);
                    continue;
                }
            };
            if !fresh {
                repeats.push(index);
            }
        }
        faults.extend(duplicates(entries, repeats));
        if faults.is_empty() {
            Ok(table)
        } else {
            Err(faults)
        }
    }

    /// The entry of an authority as the client sent it.
    ///
    /// # Errors
    /// [`HostFault::Malformed`] or [`HostFault::Unknown`], never both.
    pub fn look_up(&self, authority: &[u8]) -> Result<HostEntry, HostFault> {
        self.find(&Authority::parse(authority)?)
            .ok_or(HostFault::Unknown)
    }

    /// The entry of an authority that has been read already.
    pub fn find(&self, authority: &Authority<'_>) -> Option<HostEntry> {
        let name = match authority.host() {
            Host::V6(address) => return self.v6.get(&address).copied(),
            Host::Name(name) => name,
        };
        let mut buffer = [0u8; LONGEST];
        let lowered = buffer.get_mut(..name.len())?;
        lowered.copy_from_slice(name);
        lowered.make_ascii_lowercase();
        if let Some(entry) = self.exact.get(&*lowered) {
            return Some(*entry);
        }
        self.longest_wildcard(lowered)
    }

    fn longest_wildcard(&self, name: &[u8]) -> Option<HostEntry> {
        if self.depths == 0 || is_v4(name) {
            return None;
        }
        let mut depth = labels(name);
        let mut rest = name;
        while let Some(dot) = memchr::memchr(b'.', rest) {
            rest = rest.get(dot + 1..)?;
            depth -= 1;
            if self.depths & bit(depth) != 0
                && let Some(entry) = self.wildcards.get(rest)
            {
                return Some(*entry);
            }
        }
        None
    }

    /// How many patterns the table holds.
    pub fn len(&self) -> usize {
        self.exact.len() + self.wildcards.len() + self.v6.len()
    }

    /// Whether no host is configured.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The entries of all patterns, in no order.
    pub fn entries(&self) -> impl Iterator<Item = HostEntry> {
        self.exact
            .values()
            .chain(self.wildcards.values())
            .chain(self.v6.values())
            .copied()
    }
}

impl Pattern {
    fn parse(index: usize, pattern: &str) -> Result<Self, HostPatternError> {
        let (wildcard, host) = match pattern.strip_prefix("*.") {
            Some(suffix) => (true, suffix),
            None => (false, pattern),
        };
        let malformed = |fault| HostPatternError::Malformed {
            index,
            pattern: pattern.to_owned(),
            fault,
        };
        let authority = Authority::parse(host.as_bytes()).map_err(malformed)?;
        if host.ends_with(':') || authority.port().is_some() {
            return Err(HostPatternError::Port {
                index,
                pattern: pattern.to_owned(),
            });
        }
        match authority.host() {
            Host::V6(_) if wildcard => Err(malformed(AuthorityFault::Character)),
            Host::V6(address) => Ok(Self::V6(address)),
            Host::Name(name) if wildcard => Ok(Self::Wildcard(name.to_ascii_lowercase().into())),
            Host::Name(name) => Ok(Self::Exact(name.to_ascii_lowercase().into())),
        }
    }
}

/// Keeps the first entry; says whether this one was it.
fn insert<K>(place: Entry<'_, K, HostEntry>, entry: HostEntry) -> bool {
    match place {
        Entry::Occupied(_) => false,
        Entry::Vacant(vacant) => {
            vacant.insert(entry);
            true
        }
    }
}

/// Names each repeated pattern together with the first of its kind. Off the usual path, so that
/// the table need not remember where each entry came from.
fn duplicates<P: AsRef<str>>(
    entries: &[(P, HostEntry)],
    repeats: Vec<usize>,
) -> impl Iterator<Item = HostPatternError> {
    let mut firsts: HashMap<Pattern, (usize, &str)> = HashMap::new();
    if !repeats.is_empty() {
        for (index, (text, _)) in entries.iter().enumerate() {
            if let Ok(pattern) = Pattern::parse(index, text.as_ref()) {
                firsts
                    .entry(pattern)
                    .or_insert_with(|| (index, text.as_ref()));
            }
        }
    }
    repeats.into_iter().filter_map(move |second| {
        let repeated = entries.get(second)?.0.as_ref();
        let (first, first_pattern) = *firsts.get(&Pattern::parse(second, repeated).ok()?)?;
        Some(HostPatternError::Duplicate {
            first,
            first_pattern: first_pattern.to_owned(),
            second,
            second_pattern: repeated.to_owned(),
        })
    })
}

fn labels(name: &[u8]) -> u32 {
    name.iter()
        .fold(1, |count, &byte| count + u32::from(byte == b'.'))
}

fn bit(depth: u32) -> u128 {
    1u128.checked_shl(depth).unwrap_or(0)
}

/// Four numbers are an address: no wildcard of names has it.
fn is_v4(name: &[u8]) -> bool {
    name.last().is_some_and(u8::is_ascii_digit)
        && str::from_utf8(name).is_ok_and(|text| text.parse::<std::net::Ipv4Addr>().is_ok())
}

#[cfg(test)]
mod tests;
