//! The routes of the application, v0.23 to now, as templates: label and delivery class of each.

use http::Method;

/// What sending a request may do in the region, which decides whether it may be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeliveryClass {
    /// Makes something, or changes what is not a secret.
    Create,
    /// Reads once, destroys, or counts: a secret, a receipt that may claim its one display.
    Consume,
    /// Reads, though perhaps leaving a trace.
    Read,
    /// Reads what is the same for everybody: the one class that may be sent twice.
    Static,
}

impl DeliveryClass {
    /// The word of metrics and `explain`.
    pub fn label(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Consume => "consume",
            Self::Read => "read",
            Self::Static => "static",
        }
    }
}

/// How the class of a route follows from the method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// GET and HEAD are static, all else as [`Effect::Unknown`].
    Static,
    /// Creates, whatever the method.
    Create,
    /// Consumes, whatever the method: HEAD is served wherever GET is, and a GET of a receipt may
    /// claim its one display.
    Consume,
    /// GET and HEAD read; all else as [`Effect::Unknown`].
    Read,
    /// A look-up without side effect that is a POST.
    LookUp,
    /// Not known: GET and HEAD read, all else creates; with a key in an API path, consumes.
    Unknown,
    /// A page of a key, which is a shell: GET and HEAD read, all else consumes.
    KeyPage,
}

impl Effect {
    /// The class of a request, given whether its path carries a key.
    pub(super) fn class(self, method: &Method, keyed: bool) -> DeliveryClass {
        let (get, options) = (
            matches!(*method, Method::GET | Method::HEAD),
            *method == Method::OPTIONS,
        );
        match self {
            _ if options => DeliveryClass::Read,
            Self::Static if get => DeliveryClass::Static,
            Self::Create => DeliveryClass::Create,
            Self::Consume => DeliveryClass::Consume,
            Self::Read | Self::KeyPage if get => DeliveryClass::Read,
            Self::LookUp if get || *method == Method::POST => DeliveryClass::Read,
            Self::KeyPage => DeliveryClass::Consume,
            _ if keyed => DeliveryClass::Consume,
            _ if get => DeliveryClass::Read,
            _ => DeliveryClass::Create,
        }
    }
}

/// A route of the application.
#[derive(Debug, PartialEq, Eq)]
pub struct RouteTemplate {
    label: &'static str,
    index: usize,
    pub(super) id: Id,
    pub(super) effect: Effect,
}

impl RouteTemplate {
    /// The path with placeholders, such as `/api/v1/secret/{key}`.
    pub fn label(&self) -> &'static str {
        self.label
    }

    /// Position in [`TEMPLATES`], for arrays of metrics.
    pub fn index(&self) -> usize {
        self.index
    }

    /// Whether it is known what the route does; what it takes in its body else is not.
    pub fn is_known(&self) -> bool {
        self.effect != Effect::Unknown
    }

    /// Whether even a GET or HEAD is sent once only, whatever an operator says: it carries a key,
    /// creates or consumes.
    pub fn is_sent_once(&self) -> bool {
        let class = self.effect.class(&Method::GET, false);
        let once = matches!(class, DeliveryClass::Create | DeliveryClass::Consume);
        once || self.label.contains(KEY)
    }

    /// Whether keys may stand in the body (the batch look-ups): such a request never falls back.
    pub fn keys_in_body(&self) -> bool {
        self.effect == Effect::LookUp
    }
}

/// Where a key stands in a label.
pub(super) const KEY: &str = "{key}";

/// The template of a route.
#[expect(
    clippy::indexing_slicing,
    reason = "one macro makes both the ids and the table"
)]
pub(super) fn template(id: Id) -> &'static RouteTemplate {
    &TEMPLATES[id as usize]
}

macro_rules! templates {
    ($($id:ident $label:literal $effect:ident)*) => {
        /// Names the templates within this room.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Id { $($id),* }

        /// Every template; a template's index is its position here.
        pub static TEMPLATES: &[RouteTemplate] = &[
            $(RouteTemplate {
                label: $label,
                index: Id::$id as usize,
                id: Id::$id,
                effect: Effect::$effect,
            }),*
        ];
    };
}

templates! {
    V1Status "/api/v1/status" Static
    V1Authcheck "/api/v1/authcheck" Read
    V1Share "/api/v1/share" Create
    V1Create "/api/v1/create" Create
    V1Generate "/api/v1/generate" Create
    V1Secret "/api/v1/secret/{key}" Consume
    V1Private "/api/v1/private/{key}" Consume
    V1PrivateBurn "/api/v1/private/{key}/burn" Consume
    V1PrivateRecent "/api/v1/private/recent" Read
    V1Metadata "/api/v1/metadata/{key}" Consume
    V1MetadataBurn "/api/v1/metadata/{key}/burn" Consume
    V1MetadataRecent "/api/v1/metadata/recent" Read
    V1Receipt "/api/v1/receipt/{key}" Consume
    V1ReceiptBurn "/api/v1/receipt/{key}/burn" Consume
    V1ReceiptRecent "/api/v1/receipt/recent" Read
    V1Other "/api/v1/{other}" Unknown

    V2Status "/api/v2/status" Static
    V2Version "/api/v2/version" Static
    V2Locales "/api/v2/supported-locales" Static
    V2Secret "/api/v2/secret/{key}" Consume
    V2SecretKeyStatus "/api/v2/secret/{key}/status" Read
    V2SecretReveal "/api/v2/secret/{key}/reveal" Consume
    V2SecretStatus "/api/v2/secret/status" LookUp
    V2SecretGenerate "/api/v2/secret/generate" Create
    V2SecretConceal "/api/v2/secret/conceal" Create
    V2Receipt "/api/v2/receipt/{key}" Consume
    V2ReceiptBurn "/api/v2/receipt/{key}/burn" Consume
    V2ReceiptRecent "/api/v2/receipt/recent" Read
    V2Private "/api/v2/private/{key}" Consume
    V2PrivateBurn "/api/v2/private/{key}/burn" Consume
    V2PrivateRecent "/api/v2/private/recent" Read
    V2GuestSecret "/api/v2/guest/secret/{key}" Consume
    V2GuestSecretKeyStatus "/api/v2/guest/secret/{key}/status" Read
    V2GuestSecretReveal "/api/v2/guest/secret/{key}/reveal" Consume
    V2GuestSecretStatus "/api/v2/guest/secret/status" LookUp
    V2GuestSecretGenerate "/api/v2/guest/secret/generate" Create
    V2GuestSecretConceal "/api/v2/guest/secret/conceal" Create
    V2GuestReceipt "/api/v2/guest/receipt/{key}" Consume
    V2GuestReceiptBurn "/api/v2/guest/receipt/{key}/burn" Consume
    V2GuestReceipts "/api/v2/guest/receipts" LookUp
    V2Other "/api/v2/{other}" Unknown

    V3Status "/api/v3/status" Static
    V3Version "/api/v3/version" Static
    V3Locales "/api/v3/supported-locales" Static
    V3Secret "/api/v3/secret/{key}" Consume
    V3SecretKeyStatus "/api/v3/secret/{key}/status" Read
    V3SecretReveal "/api/v3/secret/{key}/reveal" Consume
    V3SecretStatus "/api/v3/secret/status" LookUp
    V3SecretGenerate "/api/v3/secret/generate" Create
    V3SecretConceal "/api/v3/secret/conceal" Create
    V3Receipt "/api/v3/receipt/{key}" Consume
    V3ReceiptBurn "/api/v3/receipt/{key}/burn" Consume
    V3ReceiptRecent "/api/v3/receipt/recent" Read
    V3Private "/api/v3/private/{key}" Consume
    V3PrivateBurn "/api/v3/private/{key}/burn" Consume
    V3PrivateRecent "/api/v3/private/recent" Read
    V3GuestSecret "/api/v3/guest/secret/{key}" Consume
    V3GuestSecretKeyStatus "/api/v3/guest/secret/{key}/status" Read
    V3GuestSecretReveal "/api/v3/guest/secret/{key}/reveal" Consume
    V3GuestSecretStatus "/api/v3/guest/secret/status" LookUp
    V3GuestSecretGenerate "/api/v3/guest/secret/generate" Create
    V3GuestSecretConceal "/api/v3/guest/secret/conceal" Create
    V3GuestReceipt "/api/v3/guest/receipt/{key}" Consume
    V3GuestReceiptBurn "/api/v3/guest/receipt/{key}/burn" Consume
    V3GuestReceipts "/api/v3/guest/receipts" LookUp
    V3Feedback "/api/v3/feedback" Create
    V3Other "/api/v3/{other}" Unknown

    ApiAccount "/api/account/{other}" Unknown
    ApiDomains "/api/domains/{other}" Unknown
    ApiOrganizations "/api/organizations/{other}" Unknown
    ApiInvite "/api/invite/{other}" Unknown
    ApiIncoming "/api/incoming/{other}" Unknown
    ApiColonel "/api/colonel/{other}" Unknown
    ApiInternal "/api/internal/{other}" Unknown
    ApiOther "/api/{other}" Unknown

    Root "/" Read
    Asset "/dist/{asset}" Static
    Robots "/robots.txt" Read
    Region "/region" Read
    SecretPage "/secret/{key}" KeyPage
    ReceiptPage "/receipt/{key}" KeyPage
    ReceiptBurnPage "/receipt/{key}/burn" KeyPage
    PrivatePage "/private/{key}" KeyPage
    PrivateBurnPage "/private/{key}/burn" KeyPage
    IncomingPage "/incoming/{key}" KeyPage
    Auth "/auth/{other}" Unknown
    Billing "/billing/{other}" Unknown
    Colonel "/colonel/{other}" Unknown
    Page "/{page}" Unknown
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn labels_are_unique_and_indices_are_positions() {
        let labels: HashSet<_> = TEMPLATES.iter().map(RouteTemplate::label).collect();
        assert_eq!(labels.len(), TEMPLATES.len());
        for (position, template) in TEMPLATES.iter().enumerate() {
            assert_eq!(template.index(), position, "{}", template.label());
        }
    }

    #[test]
    fn only_get_and_head_of_static_routes_are_static() {
        let methods = [
            Method::GET,
            Method::HEAD,
            Method::POST,
            Method::PUT,
            Method::PATCH,
        ];
        for template in TEMPLATES {
            for method in &methods {
                let is = template.effect.class(method, false) == DeliveryClass::Static;
                let may = template.effect == Effect::Static
                    && (*method == Method::GET || *method == Method::HEAD);
                assert_eq!(is, may, "{method} {}", template.label());
            }
        }
    }

    #[test]
    fn a_key_is_never_created_with_and_unknown_methods_are_never_harmless() {
        let strange = Method::from_bytes(b"FROB").unwrap();
        for template in TEMPLATES {
            let class = template.effect.class(&strange, true);
            assert!(
                matches!(class, DeliveryClass::Consume | DeliveryClass::Create)
                    || template.label().ends_with("{key}/status"),
                "{} {class:?}",
                template.label()
            );
        }
    }
}
