//! Every way in which a request can name regions, decided.
//!
//! Each combination of what is there and what is not (a pin cookie that names a region, one that names
//! none, none at all, and so on for each of seven things) is asked several times: with one region for
//! all that name one, and with regions so given out that any two of the seven name different ones. Then
//! each two of the seven with each region, the same for both and another. The rules compare nothing
//! else, so that whoever wins is told apart from whoever should.

use zeroize::Zeroizing;

use super::{HostSample, PlaceSample, Prover};
use crate::region::hosts::HostKind;
use crate::region::pin::Sent;
use crate::region::question::Question;
use crate::region::{Binding, RegionId};
use crate::sovereignty::promise::{self, Home, Named, Request};
use crate::sovereignty::samples::UNTAGGED;

/// What a caller says by a header or cookie.
#[derive(Clone, Copy)]
enum Said<'a> {
    Nothing,
    Several,
    /// What is no region's name.
    Unknown,
    Region(&'a str),
}

/// One thing that bears on the decision.
#[derive(Clone, Copy)]
enum Value<'a> {
    Host(&'a HostSample<'a>),
    /// The key in the path, and the region that tagged it.
    Key(Option<&'a str>, Option<&'a str>),
    Header(Said<'a>),
    Cookie(Said<'a>),
    Credentials(bool),
    Sticky(Said<'a>),
    Place(&'a PlaceSample<'a>),
}

/// The values of one thing: by kind, and of each kind with whichever regions it can name.
type Dimension<'a> = Vec<Vec<Value<'a>>>;

/// How many of them there are.
const DIMENSIONS: usize = 7;

/// A request.
#[derive(Clone, Copy)]
struct Case<'a> {
    host: &'a HostSample<'a>,
    key: (Option<&'a str>, Option<&'a str>),
    header: Said<'a>,
    cookie: Said<'a>,
    credentials: bool,
    sticky: Said<'a>,
    place: &'a PlaceSample<'a>,
}

impl<'a> Prover<'a> {
    /// Puts every class of questions, and compares.
    pub(super) fn questions(
        &mut self,
        hosts: &[HostSample<'a>],
        keys: &[(RegionId, Zeroizing<String>)],
        places: &[PlaceSample<'a>],
    ) {
        let regions = self.regions;
        let names: Vec<&str> = regions.iter().map(|(_, one)| one.name().as_str()).collect();
        let dimensions = self.dimensions(hosts, keys, places, &names);
        let (Some(host), Some(place)) = (hosts.first(), places.first()) else {
            return;
        };
        let plain = Case {
            host,
            key: (None, None),
            header: Said::Nothing,
            cookie: Said::Nothing,
            credentials: false,
            sticky: Said::Nothing,
            place,
        };
        self.pages(hosts, keys);
        self.patterns(&dimensions, &names, plain);
        self.pairs(&dimensions, &names, plain);
    }

    fn dimensions<'s>(
        &self,
        hosts: &'s [HostSample<'s>],
        keys: &'s [(RegionId, Zeroizing<String>)],
        places: &'s [PlaceSample<'s>],
        names: &[&'s str],
    ) -> [Dimension<'s>; DIMENSIONS]
    where
        'a: 's,
    {
        let of_kind = |label: &str| -> Vec<Value<'s>> {
            let of_kind = hosts.iter().filter(|host| host.kind.label() == label);
            of_kind.map(Value::Host).collect()
        };
        let tagged = keys.iter().map(|(region, key)| {
            let region = self.name(*region);
            Value::Key(Some(key.as_str()), Some(region))
        });
        let said = |value: fn(Said<'s>) -> Value<'s>| -> Dimension<'s> {
            let regions = names.iter().map(|name| value(Said::Region(name)));
            let odd = [Said::Nothing, Said::Several, Said::Unknown].map(|said| vec![value(said)]);
            odd.into_iter().chain([regions.collect()]).collect()
        };
        let mut whereabouts: Dimension<'s> = Vec::new();
        for place in places {
            let of_kind = |values: &&mut Vec<Value<'s>>| matches!(values.first(), Some(Value::Place(other)) if other.kind == place.kind);
            match whereabouts.iter_mut().find(of_kind) {
                Some(values) => values.push(Value::Place(place)),
                None => whereabouts.push(vec![Value::Place(place)]),
            }
        }
        let keys = vec![
            vec![Value::Key(None, None)],
            vec![Value::Key(Some(UNTAGGED), None)],
            tagged.collect(),
        ];
        let mut dimensions = [
            ["auto", "own", "alias"].map(of_kind).into(),
            keys,
            said(Value::Header),
            said(Value::Cookie),
            [false, true].map(|is| vec![Value::Credentials(is)]).into(),
            said(Value::Sticky),
            whereabouts,
        ];
        if !self.config.decision.sticky {
            // Nobody looks at it: it is there, or it is not.
            let [.., kept, _] = &mut dimensions;
            kept.drain(1..3);
        }
        for dimension in &mut dimensions {
            dimension.retain(|kind| !kind.is_empty());
        }
        dimensions
    }

    /// Every combination of kinds.
    fn patterns(
        &mut self,
        dimensions: &[Dimension<'_>; DIMENSIONS],
        names: &[&str],
        plain: Case<'_>,
    ) {
        let mut pattern = [0usize; DIMENSIONS];
        let mut turn = 0;
        loop {
            for spread in 0..spreads(names.len()) {
                let mut case = plain;
                for (at, (dimension, kind)) in dimensions.iter().zip(pattern).enumerate() {
                    let place = turn + offset(at, spread, names.len());
                    let wanted = names.get(place % names.len().max(1)).copied();
                    let kind = dimension.get(kind).map_or(&[][..], Vec::as_slice);
                    if let Some(value) = naming(kind, wanted, place) {
                        case.set(value);
                    }
                }
                self.question(&case);
                // Who names nothing that could be a region is refused, whatever else there is.
                if case.header.named() == Named::Odd {
                    break;
                }
            }
            turn += 1;
            if !self.found.is_empty() || !advance(&mut pattern, dimensions) {
                return;
            }
        }
    }

    /// Each two of the things, with each region, where both name one.
    fn pairs(&mut self, dimensions: &[Dimension<'_>; DIMENSIONS], names: &[&str], plain: Case<'_>) {
        for (at, first) in dimensions.iter().enumerate() {
            for value in first.iter().flatten() {
                let own = names.iter().position(|name| Some(*name) == value.region());
                let Some(own) = own else { continue };
                let seconds = dimensions.iter().skip(at + 1).flatten();
                let naming_one = |kind: &&Vec<Value<'_>>| kind.iter().any(|v| v.region().is_some());
                for kind in seconds.filter(naming_one) {
                    for place in [own, own + 1] {
                        let wanted = names.get(place % names.len()).copied();
                        let mut case = plain;
                        case.set(*value);
                        if let Some(other) = naming(kind, wanted, place) {
                            case.set(other);
                        }
                        self.question(&case);
                    }
                }
            }
        }
    }

    /// The page of a key is redirected from another region's own host, and only from there.
    fn pages(&mut self, hosts: &[HostSample<'a>], keys: &[(RegionId, Zeroizing<String>)]) {
        for host in hosts {
            // The key of the host's own region, and one of another.
            let own = |region: &RegionId| host.kind.region() == Some(*region);
            let at = keys.iter().position(|(region, _)| own(region)).unwrap_or(0);
            let others = keys.iter().cycle().skip(at).take(keys.len());
            let other = others.clone().find(|(region, _)| !own(region));
            for (tagged, key) in keys.get(at).into_iter().chain(other) {
                self.classes += 1;
                let elsewhere = self.road.page_elsewhere(host.kind, Some(key));
                let own = matches!(host.kind, HostKind::Own(region) if region != *tagged);
                if elsewhere != own.then_some(*tagged) {
                    let to = elsewhere.map_or("nobody", |region| self.name(region));
                    let words = format!(
                        "the page of a key of {} on the host `{}` would be redirected to {to}",
                        self.name(*tagged),
                        host.pattern
                    );
                    self.found(None, words);
                }
            }
        }
    }

    fn question(&mut self, case: &Case<'_>) {
        self.classes += 1;
        let question = Question {
            host: case.host.kind,
            key: case.key.0,
            pin_header: case.header.sent(),
            pin_cookie: case.cookie.sent(),
            sticky: case.sticky.sent(),
            credentials: case.credentials,
            client: case.place.address,
        };
        let location = case.place.location;
        let decided = self.road.decide(&question, &|_| location);
        let would = match &decided {
            Err(_) => Home::Nowhere,
            Ok(outcome) => {
                let region = self.name(outcome.decision.region);
                match outcome.decision.binding() {
                    Binding::Bound => Home::Only(region),
                    Binding::Preferred => Home::Rather(region),
                }
            }
        };
        let request = Request {
            host: case.host.region,
            key: case.key.1,
            header: case.header.named(),
            cookie: case.cookie.named(),
            credentials: case.credentials,
            sticky: case.sticky.named(),
            place: case.place.region,
        };
        let should = promise::home(self.config, &request);
        if would != should {
            let rule = decided.as_ref().map_or_else(
                |rejection| rejection.label(),
                |outcome| outcome.decision.reason.label(),
            );
            let words = format!(
                "{} {}, but {} (rule `{rule}`)",
                case.words(),
                belongs(should),
                goes(would),
            );
            self.found(None, words);
        }
    }
}

fn belongs(home: Home<'_>) -> String {
    match home {
        Home::Nowhere => "must be refused".to_owned(),
        Home::Only(region) => format!("belongs to {region} and nobody else"),
        Home::Rather(region) => format!("belongs to {region}"),
    }
}

fn goes(home: Home<'_>) -> String {
    match home {
        Home::Nowhere => "would be refused".to_owned(),
        Home::Only(region) => format!("would go to {region} and nobody else"),
        Home::Rather(region) => format!("would go to {region} or whoever stands in for it"),
    }
}

/// How often each pattern is asked so that any two dimensions differ in a region at least once: all
/// alike, then by each digit of their number, to the base of as many regions as there are.
fn spreads(regions: usize) -> usize {
    let (mut reach, mut spreads) = (1, 1);
    while regions > 1 && reach < DIMENSIONS {
        reach *= regions;
        spreads += 1;
    }
    spreads
}

fn offset(dimension: usize, spread: usize, regions: usize) -> usize {
    match u32::try_from(spread)
        .ok()
        .and_then(|spread| spread.checked_sub(1))
    {
        None => 0,
        Some(digit) => dimension / regions.max(1).pow(digit) % regions.max(1),
    }
}

/// The value of a kind that names the region wanted, or else any.
fn naming<'v>(kind: &[Value<'v>], wanted: Option<&str>, place: usize) -> Option<Value<'v>> {
    let names = kind
        .iter()
        .find(|value| wanted.is_some() && value.region() == wanted);
    names
        .or_else(|| kind.get(place % kind.len().max(1)))
        .copied()
}

/// The next combination; false after the last.
fn advance(pattern: &mut [usize; DIMENSIONS], dimensions: &[Dimension<'_>; DIMENSIONS]) -> bool {
    for (digit, dimension) in pattern.iter_mut().zip(dimensions) {
        *digit += 1;
        if *digit < dimension.len() {
            return true;
        }
        *digit = 0;
    }
    false
}

impl<'a> Value<'a> {
    fn region(&self) -> Option<&'a str> {
        match self {
            Self::Host(host) => host.region,
            Self::Key(_, region) => *region,
            Self::Header(said) | Self::Cookie(said) | Self::Sticky(said) => match said {
                Said::Region(region) => Some(region),
                _ => None,
            },
            Self::Credentials(_) => None,
            Self::Place(place) => Some(place.region),
        }
    }
}

impl<'a> Said<'a> {
    fn sent(self) -> Sent<'a> {
        match self {
            Self::Nothing => Sent::Nothing,
            Self::Several => Sent::Several,
            Self::Unknown => Sent::One(b"-"),
            Self::Region(name) => Sent::One(name.as_bytes()),
        }
    }

    fn named(self) -> Named<'a> {
        match self {
            Self::Nothing => Named::Nothing,
            Self::Several | Self::Unknown => Named::Odd,
            Self::Region(name) => Named::Region(name),
        }
    }

    fn words(self, what: &str) -> Option<String> {
        match self {
            Self::Nothing => None,
            Self::Several => Some(format!("several {what}s")),
            Self::Unknown => Some(format!("a {what} that names no region")),
            Self::Region(name) => Some(format!("a {what} that names {name}")),
        }
    }
}

impl<'a> Case<'a> {
    fn set(&mut self, value: Value<'a>) {
        match value {
            Value::Host(host) => self.host = host,
            Value::Key(key, region) => self.key = (key, region),
            Value::Header(said) => self.header = said,
            Value::Cookie(said) => self.cookie = said,
            Value::Credentials(is) => self.credentials = is,
            Value::Sticky(said) => self.sticky = said,
            Value::Place(place) => self.place = place,
        }
    }

    fn words(&self) -> String {
        let key = match self.key {
            (None, _) => None,
            (Some(_), None) => Some("a key without a tag".to_owned()),
            (Some(_), Some(region)) => Some(format!("a key of {region}")),
        };
        let carried: Vec<String> = [
            key,
            self.header.words("pin header"),
            self.cookie.words("pin cookie"),
            self.credentials.then(|| "credentials".to_owned()),
            self.sticky.words("sticky cookie"),
        ]
        .into_iter()
        .flatten()
        .collect();
        let with = match carried.is_empty() {
            true => String::new(),
            false => format!(" with {}", carried.join(", ")),
        };
        let host = &self.host.pattern;
        format!(
            "a request to `{host}`{with} from a caller {}",
            self.place.words()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_two_things_name_different_regions_once_and_the_same_once() {
        for regions in 2..=255 {
            for one in 0..DIMENSIONS {
                for two in 0..one {
                    let differs = |spread: &usize| {
                        offset(one, *spread, regions) != offset(two, *spread, regions)
                    };
                    let times = (0..spreads(regions)).filter(differs).count();
                    assert!(times > 0, "{regions} regions: {one} and {two}");
                    assert!(
                        times < spreads(regions),
                        "{regions} regions: {one} and {two}"
                    );
                }
            }
        }
        assert_eq!(spreads(1), 1);
    }
}
