//! Every way a request can end early: one variant, with its status, whose fault it is, its label
//! and the words for the public. Nothing internal is ever among them.

use crate::http1::Fault as WireFault;
use crate::upstream::failure::{Cause, Delivery, Failure};

/// Whose doing it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// The caller's.
    Client,
    /// This gateway's.
    Gateway,
    /// The region's, or the way to it.
    Region,
}

impl Fault {
    /// The kebab-case name in metrics and logs.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Gateway => "gateway",
            Self::Region => "region",
        }
    }
}

/// Why the gateway answers by itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Refusal {
    /// `Host` or `:authority` is missing, double, malformed or contradicted by the target.
    BadAuthority,
    /// Bytes that are no acceptable HTTP/1.1.
    BadMessage(WireFault),
    /// A path with dot segments, encoded slashes, backslashes, NUL or control bytes.
    BadPath,
    /// The pin header names no region, or comes twice.
    BadPin,
    /// The body stalled.
    BodyTimeout,
    /// The body is larger than this route takes.
    BodyTooLarge,
    /// A token without anything that says which region issued it, where the operator refuses that.
    CredentialsWithoutRegion,
    /// A path that is not offered here.
    Denied,
    /// An expectation other than `100-continue`.
    ExpectationFailed,
    /// The head did not arrive in time.
    HeadTimeout,
    /// `Via` names this gateway.
    Loop,
    /// TRACE or CONNECT, or a method that a page of ours does not have.
    MethodNotAllowed,
    /// A method that the application does not know.
    MethodUnknown,
    /// A host that nobody configured.
    Misdirected,
    /// The pin header contradicts the host.
    PinContradictsHost,
    /// The region did not answer.
    Region(Failure),
    /// The process is at its limit of connections.
    TooBusy,
}

impl Refusal {
    /// The status code.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::BadAuthority
            | Self::BadPath
            | Self::BadPin
            | Self::CredentialsWithoutRegion
            | Self::PinContradictsHost => 400,
            Self::BadMessage(fault) => wire_status(fault),
            Self::Denied => 404,
            Self::MethodNotAllowed => 405,
            Self::BodyTimeout | Self::HeadTimeout => 408,
            Self::BodyTooLarge => 413,
            Self::ExpectationFailed => 417,
            Self::Misdirected => 421,
            Self::MethodUnknown => 501,
            Self::TooBusy => 503,
            Self::Loop => 508,
            Self::Region(failure) => match failure.cause {
                Cause::BadBody(_) | Cause::ClientGone => 400,
                Cause::BodyTooLarge => 413,
                Cause::ClientStalled => 408,
                Cause::ConnectTimeout | Cause::ResponseTimeout => 504,
                Cause::NoEndpoint | Cause::Overloaded => 503,
                Cause::WrongRegion => 500,
                Cause::BadAnswer(_)
                | Cause::Closed
                | Cause::ConnectRefused
                | Cause::Tls
                | Cause::Unresolved => 502,
            },
        }
    }

    /// Whose fault it is.
    #[must_use]
    pub const fn fault(self) -> Fault {
        match self {
            Self::TooBusy => Fault::Gateway,
            Self::Region(failure) => match failure.cause {
                Cause::BadBody(_)
                | Cause::BodyTooLarge
                | Cause::ClientGone
                | Cause::ClientStalled => Fault::Client,
                Cause::Overloaded | Cause::WrongRegion => Fault::Gateway,
                Cause::BadAnswer(_)
                | Cause::Closed
                | Cause::ConnectRefused
                | Cause::ConnectTimeout
                | Cause::NoEndpoint
                | Cause::ResponseTimeout
                | Cause::Tls
                | Cause::Unresolved => Fault::Region,
            },
            Self::BadAuthority
            | Self::BadMessage(_)
            | Self::BadPath
            | Self::BadPin
            | Self::BodyTimeout
            | Self::BodyTooLarge
            | Self::CredentialsWithoutRegion
            | Self::Denied
            | Self::ExpectationFailed
            | Self::HeadTimeout
            | Self::Loop
            | Self::MethodNotAllowed
            | Self::MethodUnknown
            | Self::Misdirected
            | Self::PinContradictsHost => Fault::Client,
        }
    }

    /// The kebab-case name in metrics, logs and `error_type`.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::BadAuthority => "bad-authority",
            Self::BadMessage(fault) => fault.label(),
            Self::BadPath => "bad-path",
            Self::BadPin => "unknown-region",
            Self::BodyTimeout => "body-timeout",
            Self::BodyTooLarge => "body-too-large",
            Self::CredentialsWithoutRegion => "credentials-without-region",
            Self::Denied => "denied",
            Self::ExpectationFailed => "expectation-failed",
            Self::HeadTimeout => "head-timeout",
            Self::Loop => "loop",
            Self::MethodNotAllowed => "method-not-allowed",
            Self::MethodUnknown => "method-unknown",
            Self::Misdirected => "misdirected",
            Self::PinContradictsHost => "pin-contradicts-host",
            Self::Region(failure) => failure.cause.label(),
            Self::TooBusy => "too-busy",
        }
    }

    /// What the caller is told, in English.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::BadAuthority => "The request does not name one host",
            Self::BadMessage(fault) => wire_words(fault),
            Self::BadPath => "The path is not acceptable",
            Self::BadPin => "O-Region names no region; the regions are",
            Self::BodyTimeout => "The request body did not arrive in time",
            Self::BodyTooLarge => "The request body is too large",
            Self::CredentialsWithoutRegion => {
                "A request with credentials must name its region: use the region's own host or O-Region"
            }
            Self::Denied => "Not Found",
            Self::ExpectationFailed => "The expectation cannot be met",
            Self::HeadTimeout => "The request did not arrive in time",
            Self::Loop => "The request has passed this gateway before",
            Self::MethodNotAllowed => "The method is not allowed here",
            Self::MethodUnknown => "The method is not known",
            Self::Misdirected => "This host is not served here",
            Self::PinContradictsHost => "O-Region contradicts the host",
            Self::Region(failure) => match failure.cause {
                Cause::BadBody(_) => "The request body is malformed",
                Cause::BodyTooLarge => "The request body is too large",
                Cause::ClientGone => "The request was abandoned",
                Cause::ClientStalled => "The request body did not arrive in time",
                Cause::ConnectTimeout => "The region could not be reached in time",
                Cause::ResponseTimeout => "The region did not answer in time",
                Cause::NoEndpoint => "The region is not available",
                Cause::Overloaded => "The region has too many requests at the moment",
                Cause::BadAnswer(_) => "The region gave an invalid answer",
                Cause::Closed => "The region broke off before it answered",
                Cause::ConnectRefused | Cause::Unresolved => "The region could not be reached",
                Cause::Tls => "No secure connection to the region could be made",
                Cause::WrongRegion => "The gateway made a mistake",
            },
            Self::TooBusy => "The gateway has too many connections at the moment",
        }
    }

    /// Whether the request may have taken effect.
    #[must_use]
    pub const fn delivery(self) -> Delivery {
        match self {
            Self::Region(failure) => failure.delivery,
            _ => Delivery::NotSent,
        }
    }

    /// Seconds after which it is worth trying again, where that is known.
    #[must_use]
    pub const fn retry_after(self) -> Option<u32> {
        match self.status() {
            503 => Some(5),
            _ => None,
        }
    }

    /// Whether the connection cannot be trusted any further.
    #[must_use]
    pub const fn closes(self) -> bool {
        match self {
            Self::BadMessage(_)
            | Self::BodyTimeout
            | Self::BodyTooLarge
            | Self::ExpectationFailed
            | Self::HeadTimeout
            | Self::BadAuthority
            | Self::BadPath
            | Self::TooBusy => true,
            Self::Region(failure) => {
                matches!(
                    failure.cause,
                    Cause::BadBody(_)
                        | Cause::BodyTooLarge
                        | Cause::ClientGone
                        | Cause::ClientStalled
                )
            }
            Self::BadPin
            | Self::CredentialsWithoutRegion
            | Self::Denied
            | Self::Loop
            | Self::MethodNotAllowed
            | Self::MethodUnknown
            | Self::Misdirected
            | Self::PinContradictsHost => false,
        }
    }

    /// The error type of RFC 9209 §2.3.
    #[must_use]
    pub const fn proxy_error(self) -> &'static str {
        match self {
            Self::Region(failure) => match failure.cause {
                Cause::BadAnswer(_) => "http_protocol_error",
                Cause::BadBody(_)
                | Cause::BodyTooLarge
                | Cause::ClientGone
                | Cause::ClientStalled => "http_request_error",
                Cause::Closed => "connection_terminated",
                Cause::ConnectRefused => "connection_refused",
                Cause::ConnectTimeout => "connection_timeout",
                Cause::NoEndpoint => "destination_unavailable",
                Cause::Overloaded => "connection_limit_reached",
                Cause::ResponseTimeout => "http_response_timeout",
                Cause::Tls => "tls_protocol_error",
                Cause::Unresolved => "dns_error",
                Cause::WrongRegion => "proxy_internal_error",
            },
            Self::Loop => "proxy_loop_detected",
            Self::TooBusy => "connection_limit_reached",
            Self::Denied | Self::CredentialsWithoutRegion => "http_request_denied",
            _ => "http_request_error",
        }
    }
}

const fn wire_status(fault: WireFault) -> u16 {
    match fault {
        WireFault::TargetTooLong => 414,
        WireFault::HeadTooLarge | WireFault::TooManyFields => 431,
        WireFault::UnknownTransferCoding => 501,
        WireFault::BadVersion => 505,
        _ => 400,
    }
}

const fn wire_words(fault: WireFault) -> &'static str {
    match fault {
        WireFault::TargetTooLong => "The request target is too long",
        WireFault::HeadTooLarge | WireFault::TooManyFields => "The request head is too large",
        WireFault::UnknownTransferCoding => "The transfer coding is not known",
        WireFault::BadVersion => "The HTTP version is not supported",
        _ => "The request is malformed",
    }
}

/// The standard phrase of a status that the gateway itself answers.
#[must_use]
pub fn phrase(status: u16) -> &'static str {
    http::StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or("Unknown")
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAUSES: [Cause; 14] = [
        Cause::BadAnswer(WireFault::BadChunk),
        Cause::BadBody(WireFault::BadChunk),
        Cause::BodyTooLarge,
        Cause::ClientGone,
        Cause::ClientStalled,
        Cause::Closed,
        Cause::ConnectRefused,
        Cause::ConnectTimeout,
        Cause::NoEndpoint,
        Cause::Overloaded,
        Cause::ResponseTimeout,
        Cause::Tls,
        Cause::Unresolved,
        Cause::WrongRegion,
    ];

    fn all() -> Vec<Refusal> {
        let plain = [
            Refusal::BadAuthority,
            Refusal::BadMessage(WireFault::BadStartLine),
            Refusal::BadMessage(WireFault::TargetTooLong),
            Refusal::BadMessage(WireFault::HeadTooLarge),
            Refusal::BadPath,
            Refusal::BadPin,
            Refusal::BodyTimeout,
            Refusal::BodyTooLarge,
            Refusal::CredentialsWithoutRegion,
            Refusal::Denied,
            Refusal::ExpectationFailed,
            Refusal::HeadTimeout,
            Refusal::Loop,
            Refusal::MethodNotAllowed,
            Refusal::MethodUnknown,
            Refusal::Misdirected,
            Refusal::PinContradictsHost,
            Refusal::TooBusy,
        ];
        plain
            .into_iter()
            .chain(CAUSES.map(|cause| Refusal::Region(Failure::unsent(cause))))
            .collect()
    }

    #[test]
    fn a_client_error_is_the_clients_fault_and_no_other() {
        for refusal in all() {
            // 501, 505 and 508 are the caller's doing although they begin with a 5.
            let clients = (400..500).contains(&refusal.status())
                || matches!(refusal.status(), 501 | 505 | 508);
            assert_eq!(clients, refusal.fault() == Fault::Client, "{refusal:?}");
        }
    }

    #[test]
    fn a_region_that_may_have_acted_is_never_called_not_sent() {
        let failure = Failure {
            cause: Cause::Closed,
            delivery: Delivery::MaybeExecuted,
        };
        assert_eq!(
            Refusal::Region(failure).delivery().label(),
            "maybe-executed"
        );
    }

    #[test]
    fn every_503_says_when_to_come_back() {
        for refusal in all() {
            assert_eq!(
                refusal.status() == 503,
                refusal.retry_after().is_some(),
                "{refusal:?}"
            );
        }
    }
}
