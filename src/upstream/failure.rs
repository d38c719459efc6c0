//! Why no answer came from a region, and whether the request may have taken effect there.

use thiserror::Error;

use crate::balance::ejection::Evidence;
use crate::http1::Fault;

/// What the region can have seen of a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Delivery {
    /// A final answer came back: the region has acted.
    Executed,
    /// At least one byte was handed to the network, and no answer came.
    MaybeExecuted,
    /// Not one byte was handed to the network.
    NotSent,
}

impl Delivery {
    /// The value of `O-Delivery`.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Executed => "executed",
            Self::MaybeExecuted => "maybe-executed",
            Self::NotSent => "not-sent",
        }
    }
}

/// What went wrong.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum Cause {
    /// The answer's bytes are no acceptable HTTP.
    #[error("invalid answer: {0}")]
    BadAnswer(Fault),
    /// The client's body is malformed.
    #[error("invalid request body: {0}")]
    BadBody(Fault),
    /// The client's body is larger than allowed.
    #[error("request body too large")]
    BodyTooLarge,
    /// The client stopped sending its body.
    #[error("client stalled while sending the body")]
    ClientStalled,
    /// The client went away.
    #[error("client went away")]
    ClientGone,
    /// The process ended while the request was in flight: the time for draining was over.
    #[error("the gateway stopped")]
    Drained,
    /// The region closed or reset the connection.
    #[error("region closed the connection")]
    Closed,
    /// No connection: refused, unreachable.
    #[error("connection refused")]
    ConnectRefused,
    /// No connection in time.
    #[error("connect time-out")]
    ConnectTimeout,
    /// The endpoint's name has no address.
    #[error("endpoint name does not resolve")]
    Unresolved,
    /// No endpoint takes requests.
    #[error("no endpoint available")]
    NoEndpoint,
    /// All of the endpoint's addresses are outside the networks that its operator declared.
    #[error("endpoint resolves outside its networks")]
    OutsideNetworks,
    /// The pool is at its limit.
    #[error("too many connections to the region")]
    Overloaded,
    /// The answer's head, or its next byte, did not come in time.
    #[error("response time-out")]
    ResponseTimeout,
    /// The TLS handshake with the endpoint failed.
    #[error("TLS handshake with the region failed")]
    Tls,
    /// An endpoint of another region was about to be used. Must never happen.
    #[error("endpoint belongs to another region")]
    WrongRegion,
}

impl Cause {
    /// The kebab-case name in metrics and logs.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::BadAnswer(_) => "bad-answer",
            Self::BadBody(_) => "bad-body",
            Self::BodyTooLarge => "body-too-large",
            Self::ClientStalled => "client-stalled",
            Self::ClientGone => "client-gone",
            Self::Closed => "closed",
            Self::ConnectRefused => "connect-refused",
            Self::ConnectTimeout => "connect-timeout",
            Self::Drained => "drained",
            Self::NoEndpoint => "no-endpoint",
            Self::OutsideNetworks => "outside-networks",
            Self::Overloaded => "overloaded",
            Self::ResponseTimeout => "response-timeout",
            Self::Tls => "tls",
            Self::Unresolved => "unresolved",
            Self::WrongRegion => "wrong-region",
        }
    }

    /// What it says against the endpoint at which it happened.
    #[must_use]
    pub const fn evidence(self) -> Option<Evidence> {
        match self {
            Self::ConnectRefused
            | Self::ConnectTimeout
            | Self::OutsideNetworks
            | Self::Tls
            | Self::Unresolved => Some(Evidence::Connect),
            Self::BadAnswer(_) | Self::Closed => Some(Evidence::Reset),
            Self::ResponseTimeout => Some(Evidence::TimeOut),
            Self::BadBody(_)
            | Self::BodyTooLarge
            | Self::ClientGone
            | Self::ClientStalled
            | Self::Drained
            | Self::NoEndpoint
            | Self::Overloaded
            | Self::WrongRegion => None,
        }
    }

    /// Whether the region as a whole cannot be reached, so that another one might stand in. A
    /// region that has too much to do is not among them: it would take the next one with it.
    #[must_use]
    pub const fn is_absence(self) -> bool {
        matches!(
            self,
            Self::Closed
                | Self::ConnectRefused
                | Self::ConnectTimeout
                | Self::NoEndpoint
                | Self::OutsideNetworks
                | Self::Tls
                | Self::Unresolved
        )
    }

    /// Whether the cause lies with one endpoint, so that another may do better.
    #[must_use]
    pub const fn is_endpoints_own(self) -> bool {
        match self {
            Self::BadAnswer(_)
            | Self::Closed
            | Self::ConnectRefused
            | Self::ConnectTimeout
            | Self::OutsideNetworks
            | Self::Overloaded
            | Self::ResponseTimeout
            | Self::Tls
            | Self::Unresolved => true,
            Self::BadBody(_)
            | Self::BodyTooLarge
            | Self::ClientGone
            | Self::ClientStalled
            | Self::Drained
            | Self::NoEndpoint
            | Self::WrongRegion => false,
        }
    }
}

/// A request without an answer.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("{cause}")]
pub struct Failure {
    /// What went wrong.
    pub cause: Cause,
    /// What the region can have seen.
    pub delivery: Delivery,
}

impl Failure {
    /// Whether nothing was sent.
    #[must_use]
    pub const fn is_unsent(&self) -> bool {
        matches!(self.delivery, Delivery::NotSent)
    }

    /// A failure before anything was sent.
    #[must_use]
    pub const fn unsent(cause: Cause) -> Self {
        Self {
            cause,
            delivery: Delivery::NotSent,
        }
    }
}
