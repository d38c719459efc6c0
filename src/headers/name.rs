//! What a field name means to the gateway. One look at each name, no allocation, no hashing.

use super::forged;

/// The meaning of a field name, in either direction.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Name {
    /// `Authorization`.
    Authorization,
    /// `baggage` (W3C Baggage): what callers say of themselves in a trace; a trusted proxy's only.
    Baggage,
    /// `Cache-Control`.
    CacheControl,
    /// `Connection`.
    Connection,
    /// `Content-Length`.
    ContentLength,
    /// `Cookie`.
    Cookie,
    /// A field that carries credentials, beside `Authorization` and `Cookie`: `X-Api-Key` and others.
    Credential,
    /// `Date`.
    Date,
    /// `Expect`.
    Expect,
    /// `Forwarded` (RFC 7239): a client's word about the path, never passed on.
    Forwarded,
    /// `Host`.
    Host,
    /// Fields that end here by RFC 9110 §7.6.1, whatever `Connection` says.
    HopByHop,
    /// `Max-Forwards`: how many more intermediaries an OPTIONS may pass (RFC 9110 §7.6.2).
    MaxForwards,
    /// `O-Region`: the pin header of a request.
    Pin,
    /// An end-to-end field that the gateway has no opinion on.
    Plain,
    /// `X-Request-ID`.
    RequestId,
    /// `Set-Cookie`.
    SetCookie,
    /// `Strict-Transport-Security`.
    StrictTransportSecurity,
    /// A field that only the gateway itself may write: removed from what a client sends.
    Spoofable,
    /// `TE`.
    Te,
    /// `Trailer`.
    Trailer,
    /// `traceparent` (W3C Trace Context): passed on if it is well-formed, or another written.
    TraceParent,
    /// `tracestate`: goes with a well-formed `traceparent` and never without.
    TraceState,
    /// `Transfer-Encoding`.
    TransferEncoding,
    /// `Via`.
    Via,
    /// `X-CSRF-Token`: bound to a session, so a kind of credential.
    CsrfToken,
    /// `X-Forwarded-For`: the client address, where a trusted proxy sends it.
    XForwardedFor,
}

/// Longest name that is compared as a whole; longer ones are told by their words.
const LONGEST: usize = 32;

/// As much of a longer name is searched for words.
const LONGEST_BY_WORDS: usize = 128;

impl Name {
    /// The meaning of `name`, in any case.
    #[must_use]
    pub fn of(name: &str) -> Self {
        let bytes = name.as_bytes();
        // The application's server folds `_` into `-`, so any underscore could forge a field.
        if bytes.contains(&b'_') {
            return Self::Spoofable;
        }
        if bytes.len() <= LONGEST {
            Self::exact(lowered(bytes, &mut [0; LONGEST]))
        } else {
            Self::by_words(lowered(bytes, &mut [0; LONGEST_BY_WORDS]))
        }
    }

    fn exact(lower: &[u8]) -> Self {
        match lower {
            b"te" => Self::Te,
            b"via" => Self::Via,
            b"date" => Self::Date,
            b"host" => Self::Host,
            b"cookie" => Self::Cookie,
            b"baggage" => Self::Baggage,
            b"expect" => Self::Expect,
            b"tracestate" => Self::TraceState,
            b"traceparent" => Self::TraceParent,
            b"trailer" => Self::Trailer,
            b"o-region" => Self::Pin,
            b"forwarded" => Self::Forwarded,
            b"connection" => Self::Connection,
            b"set-cookie" | b"set-cookie2" => Self::SetCookie,
            b"x-csrf-token" => Self::CsrfToken,
            b"x-request-id" => Self::RequestId,
            b"max-forwards" => Self::MaxForwards,
            b"authorization" => Self::Authorization,
            b"cache-control" => Self::CacheControl,
            b"content-length" => Self::ContentLength,
            b"x-forwarded-for" => Self::XForwardedFor,
            b"transfer-encoding" => Self::TransferEncoding,
            b"strict-transport-security" => Self::StrictTransportSecurity,
            b"upgrade"
            | b"keep-alive"
            | b"proxy-connection"
            | b"http2-settings"
            | b"proxy-authenticate"
            | b"proxy-authorization"
            | b"proxy-authentication-info" => Self::HopByHop,
            b"x-real-ip"
            | b"x-client-ip"
            | b"client-ip"
            | b"true-client-ip"
            | b"x-original-host"
            | b"x-original-url"
            | b"x-rewrite-url"
            | b"x-http-method-override"
            | b"x-http-method"
            | b"x-method-override"
            | b"x-forwarded"
            | b"x-cluster-client-ip"
            | b"x-scheme"
            | b"x-url-scheme"
            | b"front-end-https"
            // Rack::Sendfile takes these for a front server's word (CVE-2025-61780).
            | b"x-sendfile-type"
            | b"x-accel-mapping"
            | b"proxy"
            | b"apx-incoming-host"
            | b"o-domain-context"
            | b"o-homepage-mode"
            | b"o-delivery" => Self::Spoofable,
            _ => Self::by_words(lower),
        }
    }

    /// By the words that a name in lower case consists of.
    fn by_words(lower: &[u8]) -> Self {
        if forged::is_common(lower) {
            return Self::Plain;
        }
        let starts = |prefix: &[u8]| lower.starts_with(prefix);
        if starts(b"x-forwarded-") || starts(b"x-ots-proxy-debug-") || starts(b"o-region") {
            return Self::Spoofable;
        }
        match forged::says(lower) {
            forged::Says::Place => Self::Spoofable,
            forged::Says::Credential => Self::Credential,
            forged::Says::Neither => Self::Plain,
        }
    }
}

/// A name in lower case, as much of it as `buffer` holds.
fn lowered<'b>(name: &[u8], buffer: &'b mut [u8]) -> &'b [u8] {
    let length = name.len().min(buffer.len());
    for (to, from) in buffer.iter_mut().zip(name) {
        *to = from.to_ascii_lowercase();
    }
    buffer.get(..length).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn everything_that_forges_is_spoofable() {
        for name in [
            "X-Forwarded-Host",
            "x-forwarded-proto",
            "X-Forwarded-A-Name-That-Is-Longer-Than-Any-Other",
            "X-Real-IP",
            "X-Client-IP",
            "Client-IP",
            "True-Client-IP",
            "CF-IPCountry",
            "CF-Connecting-IP",
            "X-Original-Host",
            "X-Original-URL",
            "X-Rewrite-URL",
            "X-HTTP-Method-Override",
            "X-HTTP-Method",
            "X-Method-Override",
            "X-Forwarded",
            "X-Cluster-Client-IP",
            "X-Scheme",
            "X-URL-Scheme",
            "Front-End-Https",
            "X-Sendfile-Type",
            "X-Accel-Mapping",
            "Proxy",
            "CDN-RequestCountryCode",
            "Apx-Incoming-Host",
            "O-Domain-Context",
            "O-Homepage-Mode",
            "X-Ots-Proxy-Debug-Anything",
            "O-Region-Reason",
            "O-Regions",
            "O-Delivery",
            "X_Forwarded_For",
            "X-Forwarded_For",
            "any_thing",
        ] {
            assert_eq!(Name::of(name), Name::Spoofable, "{name}");
        }
        for name in ["Accept", "X-CSRF", "Origin", "X-Demo-Fault", "Content-Type"] {
            assert_eq!(Name::of(name), Name::Plain, "{name}");
        }
    }

    proptest! {
        #[test]
        fn case_never_matters(name in "[A-Za-z0-9_-]{0,50}") {
            prop_assert_eq!(Name::of(&name.to_ascii_lowercase()), Name::of(&name.to_ascii_uppercase()));
        }
    }
}
