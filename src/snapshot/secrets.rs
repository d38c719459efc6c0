//! The regions' identifier secrets, from files and the environment; and what is wrong with them,
//! without a word of what they are.

use super::build::Builder;
use crate::config::region::SecretSource;
use crate::region::key::{IdentifierSecret, IdentifierSecrets, SecretFault, SecretWarning};
use crate::region::{RegionId, Regions};

impl<'a> Builder<'a> {
    pub(super) fn secrets(&mut self, regions: &Regions) -> Option<IdentifierSecrets> {
        let mut lists: Vec<(RegionId, Vec<IdentifierSecret>)> = Vec::new();
        let mut complete = true;
        for region in self.config.regions.values() {
            let id = regions.by_name(region.name.as_str().as_bytes())?;
            let mut secrets = Vec::new();
            for source in &region.identifier_secrets {
                match self.secret(source) {
                    Some(secret) => secrets.push(secret),
                    None => complete = false,
                }
            }
            lists.push((id, secrets));
        }
        match IdentifierSecrets::new(&lists) {
            Ok(secrets) => {
                for warning in secrets.warnings() {
                    let (words, region, position) = match *warning {
                        SecretWarning::Short { region, position } => {
                            ("is short: use at least 32 bytes", region, position)
                        }
                        SecretWarning::Repeated { region, position } => {
                            ("is listed twice", region, position)
                        }
                        SecretWarning::Odd {
                            region,
                            position,
                            what,
                        } => (what, region, position),
                    };
                    let name = regions.get(region).name().as_str();
                    let place = match self.source(name, position) {
                        Some(SecretSource::Env { name, .. }) => format!(" (variable {name})"),
                        Some(SecretSource::File(path)) => {
                            format!(" (file {})", path.written.display())
                        }
                        None => String::new(),
                    };
                    self.warnings
                        .push(format!("an identifier secret of {name}{place} {words}"));
                }
                complete.then_some(secrets)
            }
            Err(faults) => {
                for fault in faults {
                    self.secret_fault(&fault, regions);
                }
                None
            }
        }
    }

    /// Reports a fault at the value that names the secret.
    fn secret_fault(&mut self, fault: &SecretFault, regions: &Regions) {
        let (region, position, words) = match *fault {
            SecretFault::Empty { region, position }
            | SecretFault::Unusable {
                region, position, ..
            } => (region, position, fault.to_string()),
            SecretFault::Shared {
                first: (first, _),
                second: (second, position),
            } => {
                let words = format!(
                    "{} and {} have the same identifier secret: a key could not tell them apart",
                    regions.get(first).name().as_str(),
                    regions.get(second).name().as_str()
                );
                (second, position, words)
            }
        };
        let name = regions.get(region).name().as_str();
        match self.source(name, position) {
            Some(SecretSource::Env { place, .. }) => self.problems.at(place, words),
            Some(SecretSource::File(path)) => self.problems.at(&path.place, words),
            None => self.problems.whole(words),
        }
    }

    /// Where a region's secret is from.
    fn source(&self, region: &str, position: usize) -> Option<&'a SecretSource> {
        let mut regions = self.config.regions.values();
        let region = regions.find(|one| one.name.as_str() == region)?;
        region.identifier_secrets.get(position)
    }

    fn secret(&mut self, source: &SecretSource) -> Option<IdentifierSecret> {
        match source {
            SecretSource::Env { name, place } => match std::env::var_os(name) {
                Some(value) => {
                    let secret = IdentifierSecret::new(value.into_encoded_bytes());
                    if secret.is_empty() {
                        self.problems
                            .at(place, format!("the environment variable {name} is empty"));
                        return None;
                    }
                    Some(secret)
                }
                None => {
                    self.problems
                        .at(place, format!("the environment variable {name} is not set"));
                    None
                }
            },
            SecretSource::File(path) => {
                let secret = IdentifierSecret::new(self.read(path)?);
                self.advise_on_secrecy(path, "identifier secret");
                if secret.is_empty() {
                    self.problems
                        .at(&path.place, "the file of the identifier secret is empty");
                    return None;
                }
                Some(secret)
            }
        }
    }
}
