//! The decision: the ten rules, in order, in one pure and total function.
//!
//! [`Rules::decide`] serves the request's road and `explain` alike. It reads the facts of one
//! [`Question`], asks where the client is only if nothing else decided, and tells a
//! [`Trace`] what it did; what it tells never holds a key, a header or a cookie value.

use std::net::IpAddr;
use std::sync::Arc;

use super::hosts::HostKind;
use super::key::{IdentifierSecrets, Key, TAGGED};
use super::network::Networks;
use super::pin::Sent;
use super::place::{Geo, Location, Place, Places};
use super::question::{KeyFinding, Outcome, Question, Rejection};
use super::trace::Trace;
use super::{Decision, Reason, RegionId, Regions};

/// The rules of one snapshot. All ids are of `regions`.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The regions there are.
    pub regions: Arc<Regions>,
    /// Rule 2: whose tags verify.
    pub secrets: IdentifierSecrets,
    /// The regions that may be asked for a key without a tag, by whoever can ask: nothing here can.
    pub lookup: Vec<RegionId>,
    /// Rule 5: where `Authorization` travels.
    pub credentials: CredentialsRule,
    /// Rule 6: whether a geographic decision is kept.
    pub sticky: bool,
    /// Rule 7: the operator's networks.
    pub networks: Networks,
    /// Rule 8: countries and continents.
    pub places: Places,
    /// Rule 9: the region of callers whose country is not known.
    pub no_country: RegionId,
    /// Rule 10: the region of callers whose country is mapped nowhere.
    pub default: RegionId,
}

/// What becomes of a request with credentials whose region nothing fixes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialsRule {
    /// It belongs to this region.
    Region(RegionId),
    /// It is refused.
    Refuse,
}

/// What a cookie of ours says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kept {
    Nothing,
    Unknown,
    Region(RegionId),
}

impl Rules {
    /// Decides, or says why not. The first rule that fires wins.
    ///
    /// # Errors
    /// A pin header that is no choice, or credentials that the operator refuses.
    pub fn decide(
        &self,
        question: &Question<'_>,
        geo: &(impl Geo + ?Sized),
        trace: &mut impl Trace,
    ) -> Result<Outcome, Rejection> {
        let pinned = self.pinned(question)?;
        let pin = self.kept(question.pin_cookie);
        let sticky = if self.sticky {
            self.kept(question.sticky)
        } else {
            Kept::Nothing
        };
        let mut key = KeyFinding::NotAsked;
        let mut look_up = false;
        let decision = self
            .by_host(question, trace)
            .or_else(|| self.by_key(question, &mut key, trace))
            .or_else(|| self.by_look_up(question, key, &mut look_up, trace))
            .or_else(|| self.by_pin_header(pinned, trace))
            .or_else(|| self.by_cookie(Reason::PinCookie, "pin", pin, trace));
        let decision = match decision {
            Some(decision) => decision,
            None => match self.by_credentials(question, trace)? {
                Some(decision) => decision,
                None => self
                    .by_sticky(sticky, trace)
                    .unwrap_or_else(|| self.by_address(question.client, geo, trace)),
            },
        };
        Ok(Outcome {
            decision,
            key,
            look_up,
            expire_pin: pin == Kept::Unknown,
            expire_sticky: sticky == Kept::Unknown,
            keep: self.sticky && matches!(decision.reason, Reason::Geo | Reason::Default),
        })
    }

    /// The region to which the page of a key is redirected from a region's own host: the one that
    /// the key's tag names, if it is another. The host decides all the same.
    pub fn page_elsewhere(&self, host: HostKind, key: Option<&str>) -> Option<RegionId> {
        let HostKind::Own(own) = host else {
            return None;
        };
        self.key_region(key?).filter(|&region| region != own)
    }

    /// The region whose identifier secret verifies the key in a raw path segment.
    pub fn key_region(&self, segment: &str) -> Option<RegionId> {
        // A key is at least as long encoded as decoded: most segments need no work at all.
        if self.secrets.is_empty() || segment.len() < TAGGED {
            return None;
        }
        self.secrets.region_of(&Key::from_segment(segment)?)
    }

    /// The pin header is judged before any rule is asked.
    fn pinned(&self, question: &Question<'_>) -> Result<Option<RegionId>, Rejection> {
        let pinned = match question.pin_header {
            Sent::Nothing => return Ok(None),
            Sent::Several => return Err(Rejection::PinHeaderRepeated),
            Sent::One(value) => self
                .regions
                .by_name(value)
                .ok_or(Rejection::PinHeaderUnknown)?,
        };
        match question.host.region() {
            Some(host) if host != pinned => {
                Err(Rejection::PinHeaderContradictsHost { pinned, host })
            }
            _ => Ok(Some(pinned)),
        }
    }

    fn kept(&self, cookie: Sent<'_>) -> Kept {
        match cookie {
            Sent::Nothing => Kept::Nothing,
            Sent::Several => Kept::Unknown,
            Sent::One(value) => self
                .regions
                .by_name(value)
                .map_or(Kept::Unknown, Kept::Region),
        }
    }

    fn name(&self, region: RegionId) -> &str {
        self.regions.get(region).name().as_str()
    }

    fn by_host(&self, question: &Question<'_>, trace: &mut impl Trace) -> Option<Decision> {
        let reason = Reason::Host;
        let why = match question.host {
            HostKind::Auto => {
                trace.passed(reason, format_args!("the host names no region"));
                return None;
            }
            HostKind::Own(_) => "the host is the region's own",
            HostKind::Alias(_) => "the host is an alias of the region",
        };
        let region = question.host.region()?;
        trace.fired(reason, format_args!("{why}: {}", self.name(region)));
        Some(Decision { region, reason })
    }

    fn by_key(
        &self,
        question: &Question<'_>,
        finding: &mut KeyFinding,
        trace: &mut impl Trace,
    ) -> Option<Decision> {
        let reason = Reason::Key;
        let Some(segment) = question.key else {
            trace.passed(reason, format_args!("the path carries no key"));
            return None;
        };
        match self.key_region(segment) {
            Some(region) => {
                *finding = KeyFinding::Tagged(region);
                let name = self.name(region);
                trace.fired(
                    reason,
                    format_args!("the key's tag verifies under an identifier secret of {name}"),
                );
                Some(Decision { region, reason })
            }
            None => {
                *finding = KeyFinding::Untagged;
                let why = match self.secrets.is_empty() {
                    true => "no region has an identifier secret",
                    false => "the key has no tag that verifies under any identifier secret",
                };
                trace.passed(reason, format_args!("{why}"));
                None
            }
        }
    }

    /// What regions say is not known here: who asks them may replace the decision.
    fn by_look_up(
        &self,
        question: &Question<'_>,
        key: KeyFinding,
        look_up: &mut bool,
        trace: &mut impl Trace,
    ) -> Option<Decision> {
        let reason = Reason::LookUp;
        if key != KeyFinding::Untagged {
            trace.passed(reason, format_args!("there is no key to ask for"));
        } else if question.credentials || question.pin_header != Sent::Nothing {
            // What a region says must not lead credentials away from the region that they are for,
            // nor a program from the one that it names.
            trace.passed(
                reason,
                format_args!("a request with O-Region or credentials is not looked up"),
            );
        } else if self.lookup.is_empty() {
            trace.passed(reason, format_args!("look-ups are switched off"));
        } else {
            *look_up = true;
            let names: Vec<_> = self
                .lookup
                .iter()
                .map(|region| self.name(*region))
                .collect();
            trace.passed(
                reason,
                format_args!(
                    "{} would be asked; the region that has it decides",
                    names.join(", ")
                ),
            );
        }
        None
    }

    fn by_pin_header(&self, pinned: Option<RegionId>, trace: &mut impl Trace) -> Option<Decision> {
        let reason = Reason::PinHeader;
        match pinned {
            Some(region) => {
                trace.fired(reason, format_args!("O-Region names {}", self.name(region)));
                Some(Decision { region, reason })
            }
            None => {
                trace.passed(reason, format_args!("there is no O-Region header"));
                None
            }
        }
    }

    fn by_cookie(
        &self,
        reason: Reason,
        cookie: &str,
        kept: Kept,
        trace: &mut impl Trace,
    ) -> Option<Decision> {
        match kept {
            Kept::Region(region) => {
                let name = self.name(region);
                trace.fired(reason, format_args!("the {cookie} cookie names {name}"));
                return Some(Decision { region, reason });
            }
            Kept::Unknown => trace.passed(
                reason,
                format_args!("the {cookie} cookie names no region of ours; the answer expires it"),
            ),
            Kept::Nothing => {
                trace.passed(reason, format_args!("there is no {cookie} cookie"));
            }
        }
        None
    }

    fn by_credentials(
        &self,
        question: &Question<'_>,
        trace: &mut impl Trace,
    ) -> Result<Option<Decision>, Rejection> {
        let reason = Reason::Credentials;
        if !question.credentials {
            trace.passed(reason, format_args!("there are no credentials"));
            return Ok(None);
        }
        match self.credentials {
            CredentialsRule::Region(region) => {
                let name = self.name(region);
                trace.fired(
                    reason,
                    format_args!("credentials without a choice belong to {name}"),
                );
                Ok(Some(Decision { region, reason }))
            }
            CredentialsRule::Refuse => {
                trace.fired(
                    reason,
                    format_args!("credentials without a choice are refused"),
                );
                Err(Rejection::CredentialsWithoutRegion)
            }
        }
    }

    fn by_sticky(&self, sticky: Kept, trace: &mut impl Trace) -> Option<Decision> {
        if self.sticky {
            return self.by_cookie(Reason::Sticky, "sticky", sticky, trace);
        }
        trace.passed(
            Reason::Sticky,
            format_args!("sticky decisions are switched off"),
        );
        None
    }

    /// Rules 7 to 10: what is left is where the client is.
    fn by_address(
        &self,
        client: IpAddr,
        geo: &(impl Geo + ?Sized),
        trace: &mut impl Trace,
    ) -> Decision {
        // An IPv4-mapped IPv6 address is an IPv4 address.
        let client = client.to_canonical();
        if let Some(region) = self.networks.region_of(client) {
            let name = self.name(region);
            trace.fired(
                Reason::Network,
                format_args!("a network of {name} has {client}"),
            );
            return Decision {
                region,
                reason: Reason::Network,
            };
        }
        trace.passed(
            Reason::Network,
            format_args!("no listed network has {client}"),
        );
        let place = geo.lookup(client).map(Location::place).unwrap_or_default();
        self.by_country(place, trace)
            .or_else(|| self.by_continent(place, trace))
            .unwrap_or_else(|| self.by_default(place, trace))
    }

    fn by_country(&self, place: Place, trace: &mut impl Trace) -> Option<Decision> {
        let country = place.country?;
        let region = self.places.of_country(country)?;
        let name = self.name(region);
        trace.fired(
            Reason::Geo,
            format_args!("country {country} is mapped to {name}"),
        );
        Some(Decision {
            region,
            reason: Reason::Geo,
        })
    }

    fn by_continent(&self, place: Place, trace: &mut impl Trace) -> Option<Decision> {
        let continent = place.continent?;
        let region = self.places.of_continent(continent)?;
        let name = self.name(region);
        match place.country {
            Some(country) => trace.fired(
                Reason::Geo,
                format_args!("country {country} lies in {continent}, which is mapped to {name}"),
            ),
            None => trace.fired(
                Reason::Geo,
                format_args!("the continent is {continent}, which is mapped to {name}"),
            ),
        }
        Some(Decision {
            region,
            reason: Reason::Geo,
        })
    }

    fn by_default(&self, place: Place, trace: &mut impl Trace) -> Decision {
        let Some(country) = place.country else {
            let name = self.name(self.no_country);
            trace.passed(
                Reason::Geo,
                format_args!("the country of the address is not known"),
            );
            trace.fired(
                Reason::NoCountry,
                format_args!("callers of no country belong to {name}"),
            );
            return Decision {
                region: self.no_country,
                reason: Reason::NoCountry,
            };
        };
        let name = self.name(self.default);
        trace.passed(
            Reason::Geo,
            format_args!("neither country {country} nor its continent is mapped"),
        );
        trace.passed(
            Reason::NoCountry,
            format_args!("the country is known: {country}"),
        );
        trace.fired(
            Reason::Default,
            format_args!("what is mapped nowhere belongs to {name}"),
        );
        Decision {
            region: self.default,
            reason: Reason::Default,
        }
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod twin;
