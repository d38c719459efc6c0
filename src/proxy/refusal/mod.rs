//! Every way a request can end early: one variant, with its status, whose fault it is, its label
//! and the words for the public. Nothing internal is ever among them.

use crate::http1::Fault as WireFault;
use crate::limit::ledger::Kind;
use crate::page::error::Advice;
use crate::page::form::FormFault;
use crate::page::language::Language;
use crate::page::message::Message;
use crate::region::question::Rejection;
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
    /// Whose doing it is that no answer came from a region, or not all of it.
    #[must_use]
    pub const fn of(cause: Cause) -> Self {
        match cause {
            Cause::BadBody(_) | Cause::BodyTooLarge | Cause::ClientGone | Cause::ClientStalled => {
                Self::Client
            }
            Cause::Drained | Cause::Overloaded | Cause::WrongRegion => Self::Gateway,
            Cause::BadAnswer(_)
            | Cause::Closed
            | Cause::ConnectRefused
            | Cause::ConnectTimeout
            | Cause::NoEndpoint
            | Cause::OutsideNetworks
            | Cause::ResponseTimeout
            | Cause::Tls
            | Cause::Unresolved => Self::Region,
        }
    }

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
    /// The region page's form cannot be carried out.
    BadChoice(FormFault),
    /// Bytes that are no acceptable HTTP/1.1.
    BadMessage(WireFault),
    /// A path with dot segments, encoded slashes, backslashes, NUL or control bytes.
    BadPath,
    /// The pin header names no region.
    BadPin,
    /// The body stalled.
    BodyTimeout,
    /// The body is larger than this route takes.
    BodyTooLarge,
    /// A token without anything that says which region issued it, where the operator refuses that.
    CredentialsWithoutRegion,
    /// A choice of region that no page of the site sent.
    CrossSite,
    /// A path that is not offered here.
    Denied,
    /// The process ends so soon that an answer might not come in time.
    Draining,
    /// An expectation other than `100-continue`.
    ExpectationFailed,
    /// The head did not arrive in time.
    HeadTimeout,
    /// The region of a key must be asked for, and a budget of look-ups is spent.
    LookUpBudget,
    /// The region of a key was asked for, and the answers do not determine it.
    LookUpUnclear,
    /// `Via` names this gateway.
    Loop,
    /// TRACE or CONNECT.
    MethodNotAllowed,
    /// A method that the region page does not have.
    MethodNotOfPage,
    /// A method that `/robots.txt` does not have.
    MethodNotOfRobots,
    /// A method that the application does not know.
    MethodUnknown,
    /// A host that nobody configured.
    Misdirected,
    /// The pin header contradicts the host.
    PinContradictsHost,
    /// The pin header comes more than once.
    PinRepeated,
    /// The region did not answer.
    Region(Failure),
    /// The process has as many requests in flight as it takes.
    TooBusy,
    /// The client has asked too much of this kind; seconds until it may again.
    TooMany(Kind, u32),
    /// The client, or its network, has too many requests in flight.
    TooManyAtOnce,
}

impl From<Rejection> for Refusal {
    fn from(rejection: Rejection) -> Self {
        match rejection {
            Rejection::PinHeaderRepeated => Self::PinRepeated,
            Rejection::PinHeaderUnknown => Self::BadPin,
            Rejection::PinHeaderContradictsHost { .. } => Self::PinContradictsHost,
            Rejection::CredentialsWithoutRegion => Self::CredentialsWithoutRegion,
        }
    }
}

impl Refusal {
    /// The status code.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::BadAuthority
            | Self::BadChoice(_)
            | Self::BadPath
            | Self::BadPin
            | Self::CredentialsWithoutRegion
            | Self::PinContradictsHost
            | Self::PinRepeated => 400,
            Self::BadMessage(fault) => wire_status(fault),
            Self::CrossSite => 403,
            Self::Denied => 404,
            Self::MethodNotAllowed | Self::MethodNotOfPage | Self::MethodNotOfRobots => 405,
            Self::BodyTimeout | Self::HeadTimeout => 408,
            Self::BodyTooLarge => 413,
            Self::ExpectationFailed => 417,
            Self::Misdirected => 421,
            Self::TooMany(..) | Self::TooManyAtOnce => 429,
            Self::MethodUnknown => 501,
            Self::Draining | Self::LookUpBudget | Self::LookUpUnclear | Self::TooBusy => 503,
            Self::Loop => 508,
            // Nobody could be reached: to the caller it is the same whether probes know it already.
            Self::Region(failure) if failure.is_unsent() && failure.cause.is_absence() => 503,
            Self::Region(failure) => match failure.cause {
                Cause::BadBody(_) | Cause::ClientGone => 400,
                Cause::BodyTooLarge => 413,
                Cause::ClientStalled => 408,
                Cause::ConnectTimeout | Cause::ResponseTimeout => 504,
                Cause::Drained | Cause::NoEndpoint | Cause::Overloaded => 503,
                Cause::WrongRegion => 500,
                Cause::BadAnswer(_)
                | Cause::Closed
                | Cause::ConnectRefused
                | Cause::OutsideNetworks
                | Cause::Tls
                | Cause::Unresolved => 502,
            },
        }
    }

    /// Whose fault it is.
    #[must_use]
    pub const fn fault(self) -> Fault {
        match self {
            Self::Draining | Self::LookUpBudget | Self::TooBusy => Fault::Gateway,
            Self::LookUpUnclear => Fault::Region,
            Self::Region(failure) => Fault::of(failure.cause),
            Self::BadAuthority
            | Self::BadChoice(_)
            | Self::BadMessage(_)
            | Self::BadPath
            | Self::BadPin
            | Self::BodyTimeout
            | Self::BodyTooLarge
            | Self::CredentialsWithoutRegion
            | Self::CrossSite
            | Self::Denied
            | Self::ExpectationFailed
            | Self::HeadTimeout
            | Self::Loop
            | Self::MethodNotAllowed
            | Self::MethodNotOfPage
            | Self::MethodNotOfRobots
            | Self::MethodUnknown
            | Self::Misdirected
            | Self::PinContradictsHost
            | Self::PinRepeated
            | Self::TooMany(..)
            | Self::TooManyAtOnce => Fault::Client,
        }
    }

    /// The kebab-case name in metrics, logs and `error_type`.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::BadAuthority => "bad-authority",
            Self::BadChoice(fault) => fault.label(),
            Self::BadMessage(fault) => fault.label(),
            Self::BadPath => "bad-path",
            Self::BadPin => "unknown-region",
            Self::BodyTimeout => "body-timeout",
            Self::BodyTooLarge => "body-too-large",
            Self::CredentialsWithoutRegion => "credentials-without-region",
            Self::CrossSite => "cross-site",
            Self::Denied => "denied",
            Self::ExpectationFailed => "expectation-failed",
            Self::HeadTimeout => "head-timeout",
            Self::LookUpBudget => "look-up-budget",
            Self::LookUpUnclear => "look-up-unclear",
            Self::Loop => "loop",
            Self::MethodNotAllowed => "method-not-allowed",
            Self::MethodNotOfPage => "method-not-of-page",
            Self::MethodNotOfRobots => "method-not-of-robots",
            Self::MethodUnknown => "method-unknown",
            Self::Misdirected => "misdirected",
            Self::PinContradictsHost => "pin-contradicts-host",
            Self::PinRepeated => "pin-repeated",
            Self::Region(failure) => failure.cause.label(),
            Self::Draining => "draining",
            Self::TooBusy => "too-busy",
            Self::TooMany(kind, _) => kind.label(),
            Self::TooManyAtOnce => "too-many-at-once",
        }
    }

    /// What the caller is told: programs in English, people in their language.
    #[must_use]
    pub const fn message(self) -> Message {
        match self {
            Self::BadAuthority => Message::AmbiguousHost,
            Self::BadChoice(fault) => match fault {
                FormFault::Ambiguous => Message::AmbiguousChoice,
                FormFault::Empty => Message::EmptyChoice,
                FormFault::NoForm => Message::NoForm,
                FormFault::OffSite => Message::OffSiteReturn,
                FormFault::UnknownRegion => Message::UnknownRegion,
            },
            Self::BadMessage(fault) => wire_message(fault),
            Self::BadPath => Message::BadPath,
            Self::BadPin => Message::UnknownPin,
            Self::BodyTimeout => Message::BodyLate,
            Self::BodyTooLarge => Message::BodyTooLarge,
            Self::CredentialsWithoutRegion => Message::CredentialsWithoutRegion,
            Self::CrossSite => Message::CrossSite,
            Self::Denied => Message::NotFound,
            Self::ExpectationFailed => Message::Expectation,
            Self::HeadTimeout => Message::HeadLate,
            Self::LookUpUnclear => Message::RegionUndetermined,
            Self::Loop => Message::Loop,
            Self::MethodNotAllowed | Self::MethodNotOfPage | Self::MethodNotOfRobots => {
                Message::MethodNotAllowed
            }
            Self::MethodUnknown => Message::MethodUnknown,
            Self::Misdirected => Message::Misdirected,
            Self::PinContradictsHost => Message::PinContradictsHost,
            Self::PinRepeated => Message::RepeatedPin,
            Self::Region(failure) => match failure.cause {
                Cause::BadBody(_) => Message::BadBody,
                Cause::BodyTooLarge => Message::BodyTooLarge,
                Cause::ClientGone => Message::Abandoned,
                Cause::ClientStalled => Message::BodyLate,
                Cause::ConnectTimeout => Message::RegionUnreachableInTime,
                Cause::Drained => Message::GatewayBusy,
                Cause::ResponseTimeout => Message::RegionSilent,
                Cause::NoEndpoint => Message::RegionUnavailable,
                Cause::Overloaded => Message::RegionBusy,
                Cause::BadAnswer(_) => Message::RegionInvalid,
                Cause::Closed => Message::RegionBrokeOff,
                Cause::ConnectRefused | Cause::OutsideNetworks | Cause::Unresolved => {
                    Message::RegionUnreachable
                }
                Cause::Tls => Message::RegionInsecure,
                Cause::WrongRegion => Message::Mistake,
            },
            Self::Draining | Self::LookUpBudget | Self::TooBusy => Message::GatewayBusy,
            Self::TooMany(..) | Self::TooManyAtOnce => Message::TooManyRequests,
        }
    }

    /// The message's words in English.
    #[must_use]
    pub fn words(self) -> &'static str {
        (Language::English.words().message)(self.message())
    }

    /// Whether it is wise to try again, where that can be said: only a person who did nothing wrong
    /// is helped by trying the same again.
    #[must_use]
    pub fn advice(self) -> Option<Advice> {
        match (self.fault(), self.delivery()) {
            (Fault::Client, _) => None,
            (_, Delivery::NotSent) => Some(Advice::TryAgain),
            (_, Delivery::MaybeExecuted | Delivery::Executed) => Some(Advice::LookFirst),
        }
    }

    /// The methods that are allowed, where another one was used (RFC 9110 §15.5.6).
    #[must_use]
    pub const fn allow(self) -> Option<&'static str> {
        match self {
            Self::MethodNotAllowed => Some(crate::proxy::answer::METHODS),
            Self::MethodNotOfPage => Some("GET, HEAD, POST"),
            Self::MethodNotOfRobots => Some("GET, HEAD"),
            _ => None,
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
        match self {
            Self::TooMany(_, seconds) => Some(seconds),
            Self::LookUpBudget | Self::LookUpUnclear | Self::TooManyAtOnce => Some(1),
            _ if self.status() == 503 => Some(5),
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
            | Self::BadPath => true,
            Self::Region(failure) => {
                matches!(
                    failure.cause,
                    Cause::BadBody(_)
                        | Cause::BodyTooLarge
                        | Cause::ClientGone
                        | Cause::ClientStalled
                )
            }
            Self::BadChoice(_)
            | Self::BadPin
            | Self::CredentialsWithoutRegion
            | Self::CrossSite
            | Self::Denied
            | Self::Draining
            | Self::LookUpBudget
            | Self::LookUpUnclear
            | Self::Loop
            | Self::MethodNotAllowed
            | Self::MethodNotOfPage
            | Self::MethodNotOfRobots
            | Self::MethodUnknown
            | Self::Misdirected
            | Self::PinContradictsHost
            | Self::PinRepeated
            | Self::TooBusy
            | Self::TooMany(..)
            | Self::TooManyAtOnce => false,
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
                Cause::Closed | Cause::Drained => "connection_terminated",
                Cause::ConnectRefused => "connection_refused",
                Cause::ConnectTimeout => "connection_timeout",
                Cause::NoEndpoint => "destination_unavailable",
                Cause::OutsideNetworks => "destination_ip_prohibited",
                Cause::Overloaded => "connection_limit_reached",
                Cause::ResponseTimeout => "http_response_timeout",
                Cause::Tls => "tls_protocol_error",
                Cause::Unresolved => "dns_error",
                Cause::WrongRegion => "proxy_internal_error",
            },
            Self::Loop => "proxy_loop_detected",
            Self::Draining | Self::LookUpUnclear => "destination_unavailable",
            Self::LookUpBudget | Self::TooBusy => "connection_limit_reached",
            Self::Denied
            | Self::CredentialsWithoutRegion
            | Self::CrossSite
            | Self::TooMany(..)
            | Self::TooManyAtOnce => "http_request_denied",
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

const fn wire_message(fault: WireFault) -> Message {
    match fault {
        WireFault::TargetTooLong => Message::TargetTooLong,
        WireFault::HeadTooLarge | WireFault::TooManyFields => Message::HeadTooLarge,
        WireFault::UnknownTransferCoding => Message::TransferCoding,
        WireFault::BadVersion => Message::HttpVersion,
        _ => Message::Malformed,
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
mod tests;
