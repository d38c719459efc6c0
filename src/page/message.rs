//! What can have gone wrong, as far as a caller is told: the keys of the catalogue.

/// What a caller is told of a request that ended early. Its words are in [`super::words`].
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Message {
    /// The request was abandoned half-way.
    Abandoned,
    /// The host is missing, double, malformed or contradicted.
    AmbiguousHost,
    /// The form chooses more than one thing.
    AmbiguousChoice,
    /// The body is malformed.
    BadBody,
    /// The path is not acceptable.
    BadPath,
    /// The body did not arrive in time.
    BodyLate,
    /// The body is too large.
    BodyTooLarge,
    /// Credentials without a region.
    CredentialsWithoutRegion,
    /// A choice that no page of this site sent.
    CrossSite,
    /// The form chooses nothing.
    EmptyChoice,
    /// The expectation cannot be met.
    Expectation,
    /// The gateway has too much to do.
    GatewayBusy,
    /// The head did not arrive in time.
    HeadLate,
    /// The head is too large.
    HeadTooLarge,
    /// The HTTP version is not supported.
    HttpVersion,
    /// The request came back to where it was.
    Loop,
    /// The request is malformed.
    Malformed,
    /// The method is not allowed here.
    MethodNotAllowed,
    /// The method is not known.
    MethodUnknown,
    /// The host is not served here.
    Misdirected,
    /// The gateway is at fault.
    Mistake,
    /// What was sent is no form.
    NoForm,
    /// There is nothing here.
    NotFound,
    /// The way back leads elsewhere.
    OffSiteReturn,
    /// The pin header contradicts the host.
    PinContradictsHost,
    /// The region broke off.
    RegionBrokeOff,
    /// The region has too many requests.
    RegionBusy,
    /// The region that a key belongs to could not be determined.
    RegionUndetermined,
    /// No secure connection to the region.
    RegionInsecure,
    /// The region's answer is invalid.
    RegionInvalid,
    /// The region did not answer in time.
    RegionSilent,
    /// The region takes no requests.
    RegionUnavailable,
    /// The region could not be reached.
    RegionUnreachable,
    /// The region could not be reached in time.
    RegionUnreachableInTime,
    /// The target is too long.
    TargetTooLong,
    /// The caller has asked too much.
    TooManyRequests,
    /// The transfer coding is not known.
    TransferCoding,
    /// The pin header comes more than once.
    RepeatedPin,
    /// The pin header names no region.
    UnknownPin,
    /// The form names no region.
    UnknownRegion,
}

impl Message {
    /// Every message.
    pub const ALL: [Self; 40] = [
        Self::Abandoned,
        Self::AmbiguousHost,
        Self::AmbiguousChoice,
        Self::BadBody,
        Self::BadPath,
        Self::BodyLate,
        Self::BodyTooLarge,
        Self::CredentialsWithoutRegion,
        Self::CrossSite,
        Self::EmptyChoice,
        Self::Expectation,
        Self::GatewayBusy,
        Self::HeadLate,
        Self::HeadTooLarge,
        Self::HttpVersion,
        Self::Loop,
        Self::Malformed,
        Self::MethodNotAllowed,
        Self::MethodUnknown,
        Self::Misdirected,
        Self::Mistake,
        Self::NoForm,
        Self::NotFound,
        Self::OffSiteReturn,
        Self::PinContradictsHost,
        Self::RegionBrokeOff,
        Self::RegionBusy,
        Self::RegionInsecure,
        Self::RegionInvalid,
        Self::RegionSilent,
        Self::RegionUnavailable,
        Self::RegionUndetermined,
        Self::RegionUnreachable,
        Self::RegionUnreachableInTime,
        Self::TargetTooLong,
        Self::TooManyRequests,
        Self::TransferCoding,
        Self::RepeatedPin,
        Self::UnknownPin,
        Self::UnknownRegion,
    ];

    /// Whether the regions there are belong to the answer.
    #[must_use]
    pub const fn names_regions(self) -> bool {
        matches!(
            self,
            Self::RepeatedPin | Self::UnknownPin | Self::UnknownRegion
        )
    }

    /// Whether the page of the regions helps whoever reads it.
    #[must_use]
    pub const fn helped_by_choosing(self) -> bool {
        matches!(
            self,
            Self::AmbiguousChoice
                | Self::CrossSite
                | Self::EmptyChoice
                | Self::NoForm
                | Self::OffSiteReturn
                | Self::RepeatedPin
                | Self::UnknownPin
                | Self::UnknownRegion
        )
    }
}
