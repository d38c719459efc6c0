//! Roads with one slip each: whoever forgets a rule, a tie or a table would make one of these.

use super::*;
use crate::headers::request::Facts;
use crate::region::pin::Sent;
use crate::region::place::Location;
use crate::region::{Binding, Reason};
use crate::route::classify::classify;

/// What is wrong with a road.
#[derive(Clone, Copy, Debug)]
pub(super) enum Slip {
    HostForgotten,
    KeyForgotten,
    PinHeaderForgotten,
    PinCookieForgotten,
    CredentialsForgotten,
    StickyForgotten,
    PinHeaderBeforeKey,
    PinCookieBeforePinHeader,
    CredentialsBeforePinCookie,
    CredentialsBeforeKey,
    StickyBeforeCredentials,
    AddressBeforeSticky,
    UnknownPinTakenForNone,
    SeveralPinsTakenForNone,
    ContradictionPassed,
    StickyTakenForPin,
    BoundTakenForPreferred,
    PreferredTakenForBound,
    KeyOfAnother,
    NetworksForgotten,
    GeoForgotten,
    HostOfAnother,
    HostOfNobody,
    ServersOfAnother,
    PageNotRedirected,
    PageRedirectedFromEverywhere,
    AdministrationProxied,
    OwnHostRedirected,
    BindingIgnored,
    CredentialsIgnored,
    CsrfTokenIgnored,
    CookieIgnored,
    QueryIgnored,
    PathIgnored,
    UnknownRouteIgnored,
    CrossingUnwritten,
    StandInUnlisted,
    PassedOnInTurn,
}

impl Slip {
    /// Each, and words of the counter-example that must come.
    pub(super) const ALL: &[(Self, &str)] = &[
        (Self::HostForgotten, "a request to `eu.example.com`"),
        (Self::KeyForgotten, "with a key of"),
        (Self::PinHeaderForgotten, "with a pin header that names"),
        (Self::PinCookieForgotten, "with a pin cookie that names"),
        (Self::CredentialsForgotten, "with credentials from"),
        (Self::StickyForgotten, "with a sticky cookie that names"),
        (Self::PinHeaderBeforeKey, "(rule `pin-header`)"),
        (Self::PinCookieBeforePinHeader, "(rule `pin-cookie`)"),
        (Self::CredentialsBeforePinCookie, "(rule `credentials`)"),
        (Self::CredentialsBeforeKey, "(rule `credentials`)"),
        (Self::StickyBeforeCredentials, "(rule `sticky`)"),
        (Self::AddressBeforeSticky, "but would go to"),
        (Self::UnknownPinTakenForNone, "must be refused"),
        (Self::SeveralPinsTakenForNone, "must be refused"),
        (Self::ContradictionPassed, "must be refused"),
        (Self::StickyTakenForPin, "(rule `pin-cookie`)"),
        (Self::BoundTakenForPreferred, "or whoever stands in for it"),
        (
            Self::PreferredTakenForBound,
            "and nobody else (rule `pin-cookie`)",
        ),
        (Self::KeyOfAnother, "with a key of"),
        (Self::NetworksForgotten, "a caller at 203.0.113."),
        (Self::GeoForgotten, "a caller in"),
        (
            Self::HostOfAnother,
            "the host `eu.example.com` is \"eu\" in [hosts]",
        ),
        (
            Self::HostOfNobody,
            "the host `eu.example.com` is \"eu\" in [hosts]",
        ),
        (
            Self::ServersOfAnother,
            "would be sent to http://127.0.0.1:2, an endpoint of fr",
        ),
        (Self::PageNotRedirected, "the page of a key of"),
        (Self::PageRedirectedFromEverywhere, "the page of a key of"),
        (Self::AdministrationProxied, "on a host of kind auto: proxy"),
        (Self::OwnHostRedirected, "on a host of kind own: redirect"),
        (Self::BindingIgnored, "its region was chosen, not guessed"),
        (Self::CredentialsIgnored, "it carries credentials"),
        (Self::CsrfTokenIgnored, "it carries a CSRF token"),
        (Self::CookieIgnored, "it carries a cookie"),
        (Self::QueryIgnored, "its query may hold a key"),
        (Self::PathIgnored, "but nobody else may: it carries a key"),
        (Self::UnknownRouteIgnored, "its path may hold a token"),
        (
            Self::CrossingUnwritten,
            "but `failover` of eu does not list it",
        ),
        (
            Self::StandInUnlisted,
            "but `failover` of fr does not list it",
        ),
        (
            Self::PassedOnInTurn,
            "but `failover` of us does not list it",
        ),
    ];
}

/// A good snapshot with one slip.
pub(super) struct Broken<'s>(pub(super) &'s Snapshot, pub(super) Slip);

impl Broken<'_> {
    fn id(&self, name: &str) -> RegionId {
        self.0.regions().by_name(name.as_bytes()).unwrap()
    }

    /// eu for fr, us for ca, and the other way round.
    fn another(&self, region: RegionId) -> RegionId {
        let name = match self.0.region_name(region) {
            "eu" => "fr",
            "fr" => "eu",
            "us" => "ca",
            _ => "us",
        };
        self.id(name)
    }

    fn names_region(&self, sent: Sent<'_>) -> bool {
        matches!(sent, Sent::One(name) if self.0.regions().by_name(name).is_some())
    }
}

impl Road for Broken<'_> {
    fn host(&self, authority: &Authority<'_>) -> Option<HostKind> {
        let kind = self.0.host(authority)?;
        match (self.1, kind) {
            (Slip::HostOfAnother, HostKind::Own(id)) => Some(HostKind::Own(self.another(id))),
            (Slip::HostOfNobody, HostKind::Own(_)) => None,
            _ => Some(kind),
        }
    }

    fn decide(&self, question: &Question<'_>, geo: &dyn Geo) -> Result<Outcome, Rejection> {
        let mut asked = *question;
        let (host, key) = (asked.host == HostKind::Auto, asked.key);
        let tagged = key.and_then(|key| self.0.rules().key_region(key));
        let header = self.names_region(asked.pin_header);
        let cookie = self.names_region(asked.pin_cookie);
        let listed = self.0.rules().networks.region_of(asked.client).is_some();
        let nowhere = |_: std::net::IpAddr| None::<Location>;
        let mut geo = geo;
        match self.1 {
            Slip::HostForgotten => asked.host = HostKind::Auto,
            Slip::KeyForgotten => asked.key = None,
            Slip::PinHeaderForgotten if header => asked.pin_header = Sent::Nothing,
            Slip::PinCookieForgotten => asked.pin_cookie = Sent::Nothing,
            Slip::CredentialsForgotten => asked.credentials = false,
            Slip::StickyForgotten => asked.sticky = Sent::Nothing,
            Slip::PinHeaderBeforeKey if header => asked.key = None,
            Slip::PinCookieBeforePinHeader if cookie && host && header => {
                asked.pin_header = Sent::Nothing;
            }
            Slip::CredentialsBeforePinCookie if asked.credentials => {
                asked.pin_cookie = Sent::Nothing;
            }
            Slip::CredentialsBeforeKey if asked.credentials && !header && !cookie => {
                asked.key = None;
            }
            Slip::StickyBeforeCredentials if self.names_region(asked.sticky) => {
                asked.credentials = false;
            }
            Slip::AddressBeforeSticky if listed => asked.sticky = Sent::Nothing,
            Slip::UnknownPinTakenForNone if matches!(asked.pin_header, Sent::One(_)) && !header => {
                asked.pin_header = Sent::Nothing;
            }
            Slip::SeveralPinsTakenForNone if asked.pin_header == Sent::Several => {
                asked.pin_header = Sent::Nothing;
            }
            Slip::ContradictionPassed if !host && header => asked.pin_header = Sent::Nothing,
            Slip::StickyTakenForPin if !cookie => asked.pin_cookie = asked.sticky,
            Slip::NetworksForgotten => asked.client = std::net::Ipv4Addr::LOCALHOST.into(),
            Slip::GeoForgotten => geo = &nowhere,
            _ => {}
        }
        let mut outcome = self.0.decide(&asked, geo)?;
        let decision = &mut outcome.decision;
        match self.1 {
            Slip::BoundTakenForPreferred if decision.reason == Reason::PinCookie => {
                decision.reason = Reason::Geo;
            }
            Slip::PreferredTakenForBound if decision.binding() == Binding::Preferred => {
                decision.reason = Reason::PinCookie;
            }
            Slip::KeyOfAnother if host && tagged.is_some() => {
                decision.region = self.another(decision.region);
            }
            _ => {}
        }
        Ok(outcome)
    }

    fn page_elsewhere(&self, host: HostKind, key: Option<&str>) -> Option<RegionId> {
        match self.1 {
            Slip::PageNotRedirected => None,
            Slip::PageRedirectedFromEverywhere => self.0.rules().key_region(key?),
            _ => self.0.page_elsewhere(host, key),
        }
    }

    fn action(&self, host: HostClass, route: &RouteMatch<'_>, elsewhere: bool) -> Action<'_> {
        let action = self.0.action(host, route, elsewhere);
        match (self.1, host) {
            (Slip::AdministrationProxied, _) if action == Action::Deny => Action::Proxy,
            (Slip::OwnHostRedirected, HostClass::Own) => Action::Redirect,
            _ => action,
        }
    }

    fn fallback(&self, decision: Decision, carried: &Carried<'_, '_>) -> Fallback {
        let slip = self.1;
        let kept = carried.facts;
        let mut facts = Facts {
            authorization: kept.authorization && !matches!(slip, Slip::CredentialsIgnored),
            csrf_token: kept.csrf_token && !matches!(slip, Slip::CsrfTokenIgnored),
            ..Facts::default()
        };
        if !matches!(slip, Slip::CookieIgnored) {
            facts.cookies = kept.cookies.clone();
        }
        let status = classify("/api/v2/status").unwrap();
        let mut decision = decision;
        if matches!(slip, Slip::BindingIgnored) {
            decision.reason = Reason::Geo;
        }
        let carried = Carried {
            facts: &facts,
            route: match slip {
                Slip::PathIgnored => &status,
                Slip::UnknownRouteIgnored if !carried.route.template().is_known() => &status,
                _ => carried.route,
            },
            query: carried
                .query
                .filter(|_| !matches!(slip, Slip::QueryIgnored)),
        };
        let lists = |lists: [(&str, &[&str]); 4]| {
            let of = |(_, names): (&str, &[&str])| names.iter().map(|name| self.id(name)).collect();
            Fallback::of(&Failovers::new(lists.map(of)), decision, &carried)
        };
        // In the order of their names.
        match slip {
            Slip::CrossingUnwritten => lists([
                ("ca", &[]),
                ("eu", &["fr", "us"]),
                ("fr", &[]),
                ("us", &["ca"]),
            ]),
            Slip::StandInUnlisted => lists([
                ("ca", &[]),
                ("eu", &["fr"]),
                ("fr", &["eu"]),
                ("us", &["ca"]),
            ]),
            Slip::PassedOnInTurn => lists([
                ("ca", &[]),
                ("eu", &["fr"]),
                ("fr", &[]),
                ("us", &["ca", "eu", "fr"]),
            ]),
            _ => Fallback::of(self.0.failovers(), decision, &carried),
        }
    }

    fn servers(&self, region: RegionId) -> Servers<'_> {
        match self.1 {
            Slip::ServersOfAnother => self.0.servers(self.another(region)),
            _ => self.0.servers(region),
        }
    }

    fn tagged(&self) -> Vec<(RegionId, Zeroizing<String>)> {
        self.0.tagged()
    }
}
