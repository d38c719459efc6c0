//! From a path to its route: which template, which dialect, where the key stands.
//!
//! Literals are compared decoded, as the application does; whatever stands in a key's position
//! and is no literal is a key, for every method. Doubled and trailing slashes do not hide a key.

use std::fmt;

use http::Method;

use super::path::{PathFault, check, segments};
use super::template::{DeliveryClass, Id, RouteTemplate, template};
use super::word::Word;

/// The form that the gateway's own errors take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// `/api/v1`: JSON with `message`.
    V1,
    /// `/api/v2` and `/api/v3`: JSON with `error` and `error_type`.
    V2V3,
    /// Everything else: HTML or problem details, by `Accept`.
    Other,
}

/// Where a key stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyPlace {
    /// `/secret/KEY`.
    SecretPage,
    /// `/receipt/KEY`, and `/incoming/KEY`.
    ReceiptPage,
    /// `/private/KEY`, the old name of `/receipt/KEY`.
    PrivatePage,
    /// A secret's path in the API.
    ApiSecret,
    /// A receipt's path in the API, under whatever name.
    ApiReceipt,
}

impl KeyPlace {
    /// Whether it is a page, which is redirected rather than proxied.
    pub fn is_page(self) -> bool {
        !matches!(self, Self::ApiSecret | Self::ApiReceipt)
    }

    /// Whether the key is a receipt's and not a secret's.
    pub fn is_receipt(self) -> bool {
        matches!(
            self,
            Self::ApiReceipt | Self::ReceiptPage | Self::PrivatePage
        )
    }
}

/// What is known of a path. Its `Debug` shows the template only.
#[derive(Clone, Copy)]
pub struct RouteMatch<'a> {
    template: &'static RouteTemplate,
    dialect: Dialect,
    key: Option<(KeyPlace, &'a str)>,
    path: &'a str,
    is_api: bool,
}

impl fmt::Debug for RouteMatch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RouteMatch({})", self.template.label())
    }
}

impl<'a> RouteMatch<'a> {
    /// The route.
    pub fn template(&self) -> &'static RouteTemplate {
        self.template
    }

    /// The form of the gateway's own errors.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// What a request with this method may do.
    pub fn class(&self, method: &Method) -> DeliveryClass {
        self.template.effect.class(method, self.key.is_some())
    }

    /// The segment in the key's position, as it was sent.
    pub fn key(&self) -> Option<&'a str> {
        self.key.map(|(_, segment)| segment)
    }

    /// Where the key stands, if there is one.
    pub fn key_place(&self) -> Option<KeyPlace> {
        self.key.map(|(place, _)| place)
    }

    /// Whether the path is under `/api`.
    pub fn is_api(&self) -> bool {
        self.is_api
    }

    /// The path of a redirect to the region's own host, in two parts to be joined: as it came,
    /// but `/private/KEY` becomes `/receipt/KEY`.
    pub fn location_path(&self) -> (&'static str, &'a str) {
        if self.key_place() != Some(KeyPlace::PrivatePage) {
            return ("", self.path);
        }
        let trimmed = self.path.trim_start_matches('/');
        let rest = trimmed.find('/').and_then(|slash| trimmed.get(slash..));
        ("/receipt", rest.unwrap_or_default())
    }

    /// The path as it came.
    pub(super) fn path(&self) -> &'a str {
        self.path
    }
}

/// No route is deeper than `/api/v3/guest/secret/KEY/reveal`; one more tells deeper paths apart.
const DEEPEST: usize = 7;

/// Reads a path without its query.
///
/// # Errors
/// If the path could mean two things.
pub fn classify(path: &str) -> Result<RouteMatch<'_>, PathFault> {
    check(path)?;
    let mut words = [Word::Other; DEEPEST];
    let mut sent = [""; DEEPEST];
    let mut depth = 0;
    for ((word, slot), segment) in words.iter_mut().zip(&mut sent).zip(segments(path)) {
        *word = Word::of(segment);
        *slot = segment;
        depth += 1;
    }
    let words = words.get_mut(..depth).unwrap_or_default();
    let key = find_key(words).and_then(|(place, position)| {
        *words.get_mut(position)? = Word::Key;
        Some((place, *sent.get(position)?))
    });
    let is_api = words.first() == Some(&Word::Api);
    let (id, dialect) = match words {
        [Word::Api, Word::V1, rest @ ..] => (v1(rest), Dialect::V1),
        [Word::Api, Word::V2, rest @ ..] => (later(rest).0, Dialect::V2V3),
        [Word::Api, Word::V3, rest @ ..] => (later(rest).1, Dialect::V2V3),
        [Word::Api, rest @ ..] => (api(rest), Dialect::Other),
        _ => (page(words), Dialect::Other),
    };
    Ok(RouteMatch {
        template: template(id),
        dialect,
        key,
        path,
        is_api,
    })
}

/// Finds the key's position: after the word that announces one, unless a literal stands there.
fn find_key(words: &[Word]) -> Option<(KeyPlace, usize)> {
    let (place, position) = match words {
        [Word::Api, Word::V1, Word::Secret, at, ..] if !is_literal(*at) => (KeyPlace::ApiSecret, 3),
        [Word::Api, Word::V2 | Word::V3, Word::Secret, at, ..] if !is_secret_literal(*at) => {
            (KeyPlace::ApiSecret, 3)
        }
        [
            Word::Api,
            Word::V2 | Word::V3,
            Word::Guest,
            Word::Secret,
            at,
            ..,
        ] if !is_secret_literal(*at) => (KeyPlace::ApiSecret, 4),
        [
            Word::Api,
            Word::V1 | Word::V2 | Word::V3,
            Word::Receipt | Word::Private | Word::Metadata,
            at,
            ..,
        ] if !is_literal(*at) => (KeyPlace::ApiReceipt, 3),
        [
            Word::Api,
            Word::V2 | Word::V3,
            Word::Guest,
            Word::Receipt | Word::Private | Word::Metadata,
            at,
            ..,
        ] if !is_literal(*at) => (KeyPlace::ApiReceipt, 4),
        [Word::Secret, at, ..] if !is_literal(*at) => (KeyPlace::SecretPage, 1),
        [Word::Receipt, at, ..] if !is_literal(*at) => (KeyPlace::ReceiptPage, 1),
        [Word::Private, at, ..] if !is_literal(*at) => (KeyPlace::PrivatePage, 1),
        // What was sent in is shown to its sender by the receipt's key.
        [Word::Incoming, at, ..] if !is_literal(*at) => (KeyPlace::ReceiptPage, 1),
        _ => return None,
    };
    Some((place, position))
}

/// A literal in every key's position.
fn is_literal(word: Word) -> bool {
    matches!(word, Word::Recent | Word::Burn)
}

/// A literal after `secret` in v2 and v3.
fn is_secret_literal(word: Word) -> bool {
    is_literal(word) || matches!(word, Word::Status | Word::Generate | Word::Conceal)
}

fn v1(rest: &[Word]) -> Id {
    match rest {
        [Word::Status] => Id::V1Status,
        [Word::Authcheck] => Id::V1Authcheck,
        [Word::Share] => Id::V1Share,
        [Word::Create] => Id::V1Create,
        [Word::Generate] => Id::V1Generate,
        [Word::Secret, Word::Key] => Id::V1Secret,
        [Word::Private, Word::Key] => Id::V1Private,
        [Word::Private, Word::Key, Word::Burn] => Id::V1PrivateBurn,
        [Word::Private, Word::Recent] => Id::V1PrivateRecent,
        [Word::Metadata, Word::Key] => Id::V1Metadata,
        [Word::Metadata, Word::Key, Word::Burn] => Id::V1MetadataBurn,
        [Word::Metadata, Word::Recent] => Id::V1MetadataRecent,
        [Word::Receipt, Word::Key] => Id::V1Receipt,
        [Word::Receipt, Word::Key, Word::Burn] => Id::V1ReceiptBurn,
        [Word::Receipt, Word::Recent] => Id::V1ReceiptRecent,
        // v0.23 has its administration under the version.
        [Word::Colonel, ..] => Id::ApiColonel,
        _ => Id::V1Other,
    }
}

/// The routes of v2 and v3, which have the same shapes.
fn later(rest: &[Word]) -> (Id, Id) {
    match rest {
        [Word::Status] => (Id::V2Status, Id::V3Status),
        [Word::Version] => (Id::V2Version, Id::V3Version),
        [Word::Locales] => (Id::V2Locales, Id::V3Locales),
        [Word::Feedback] => (Id::V2Other, Id::V3Feedback),
        [Word::Secret, Word::Key] => (Id::V2Secret, Id::V3Secret),
        [Word::Secret, Word::Key, Word::Status] => (Id::V2SecretKeyStatus, Id::V3SecretKeyStatus),
        [Word::Secret, Word::Key, Word::Reveal] => (Id::V2SecretReveal, Id::V3SecretReveal),
        [Word::Secret, Word::Status] => (Id::V2SecretStatus, Id::V3SecretStatus),
        [Word::Secret, Word::Generate] => (Id::V2SecretGenerate, Id::V3SecretGenerate),
        [Word::Secret, Word::Conceal] => (Id::V2SecretConceal, Id::V3SecretConceal),
        [Word::Receipt, Word::Key] => (Id::V2Receipt, Id::V3Receipt),
        [Word::Receipt, Word::Key, Word::Burn] => (Id::V2ReceiptBurn, Id::V3ReceiptBurn),
        [Word::Receipt, Word::Recent] => (Id::V2ReceiptRecent, Id::V3ReceiptRecent),
        [Word::Private, Word::Key] => (Id::V2Private, Id::V3Private),
        [Word::Private, Word::Key, Word::Burn] => (Id::V2PrivateBurn, Id::V3PrivateBurn),
        [Word::Private, Word::Recent] => (Id::V2PrivateRecent, Id::V3PrivateRecent),
        [Word::Guest, Word::Secret, Word::Key] => (Id::V2GuestSecret, Id::V3GuestSecret),
        [Word::Guest, Word::Secret, Word::Key, Word::Status] => {
            (Id::V2GuestSecretKeyStatus, Id::V3GuestSecretKeyStatus)
        }
        [Word::Guest, Word::Secret, Word::Key, Word::Reveal] => {
            (Id::V2GuestSecretReveal, Id::V3GuestSecretReveal)
        }
        [Word::Guest, Word::Secret, Word::Status] => {
            (Id::V2GuestSecretStatus, Id::V3GuestSecretStatus)
        }
        [Word::Guest, Word::Secret, Word::Generate] => {
            (Id::V2GuestSecretGenerate, Id::V3GuestSecretGenerate)
        }
        [Word::Guest, Word::Secret, Word::Conceal] => {
            (Id::V2GuestSecretConceal, Id::V3GuestSecretConceal)
        }
        [Word::Guest, Word::Receipt, Word::Key] => (Id::V2GuestReceipt, Id::V3GuestReceipt),
        [Word::Guest, Word::Receipt, Word::Key, Word::Burn] => {
            (Id::V2GuestReceiptBurn, Id::V3GuestReceiptBurn)
        }
        [Word::Guest, Word::Receipts] => (Id::V2GuestReceipts, Id::V3GuestReceipts),
        [Word::Colonel, ..] => (Id::ApiColonel, Id::ApiColonel),
        _ => (Id::V2Other, Id::V3Other),
    }
}

fn api(rest: &[Word]) -> Id {
    match rest {
        [Word::Account, ..] => Id::ApiAccount,
        [Word::Domains, ..] => Id::ApiDomains,
        [Word::Organizations, ..] => Id::ApiOrganizations,
        [Word::Invite, ..] => Id::ApiInvite,
        [Word::Incoming, ..] => Id::ApiIncoming,
        [Word::Colonel, ..] => Id::ApiColonel,
        [Word::Internal, ..] => Id::ApiInternal,
        _ => Id::ApiOther,
    }
}

fn page(words: &[Word]) -> Id {
    match words {
        [] => Id::Root,
        [Word::Robots] => Id::Robots,
        [Word::Region] => Id::Region,
        [Word::Dist, _, ..] => Id::Asset,
        [Word::Secret, Word::Key] => Id::SecretPage,
        [Word::Receipt, Word::Key] => Id::ReceiptPage,
        [Word::Receipt, Word::Key, Word::Burn] => Id::ReceiptBurnPage,
        [Word::Private, Word::Key] => Id::PrivatePage,
        [Word::Private, Word::Key, Word::Burn] => Id::PrivateBurnPage,
        [Word::Incoming, Word::Key] => Id::IncomingPage,
        [Word::Auth, ..] => Id::Auth,
        [Word::Billing, ..] => Id::Billing,
        [Word::Colonel, ..] => Id::Colonel,
        _ => Id::Page,
    }
}

#[cfg(test)]
mod classes;
#[cfg(test)]
mod tests;
