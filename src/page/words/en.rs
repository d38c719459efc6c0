//! English.

use super::Words;
use crate::page::message::Message;
use crate::region::Reason;

/// The texts.
pub const WORDS: Words = Words {
    title: "Your region",
    sent_to: "You are sent to",
    jurisdiction: "Jurisdiction",
    choose: "Choose a region",
    choose_note: "Each region keeps its own accounts and secrets, under its own law. Choosing another one \
                  moves nothing. This browser remembers your choice for a year, in one cookie.",
    current: "current",
    forget: "Forget my choice",
    forget_note: "Your region is then decided again by where you come from.",
    back: "Back to where you were",
    programs: "Programs choose with the O-Region header, and can read this page as application/json.",
    region: "Region",
    regions: "The regions are",
    see_regions: "See the regions and choose one",
    request: "Request",
    try_again: "Nothing was done. It is safe to try again.",
    look_first: "It may have taken effect all the same. Look before you try again.",
    reason,
    message,
};

fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::Host => "The address that you used names this region.",
        Reason::Key => "The link that you followed belongs to this region.",
        Reason::LookUp => "A region was asked and has what this link is for.",
        Reason::PinHeader => "Your program asks for this region with the O-Region header.",
        Reason::PinCookie => "You chose this region, and this browser remembers it.",
        Reason::Credentials => "Requests that carry credentials are sent to this region.",
        Reason::Sticky => "This browser remembers that you were sent to this region before.",
        Reason::Network => "The network that you come from is assigned to this region.",
        Reason::Geo => "This region serves the part of the world that you come from.",
        Reason::NoCountry => "It is not known which country you come from.",
        Reason::Default => "The country that you come from has no region of its own.",
    }
}

fn message(message: Message) -> &'static str {
    match message {
        Message::Abandoned => "The request was abandoned",
        Message::AmbiguousHost => "The request does not name one host",
        Message::AmbiguousChoice => "The form chooses more than one thing",
        Message::BadBody => "The request body is malformed",
        Message::BadPath => "The path is not acceptable",
        Message::BodyLate => "The request body did not arrive in time",
        Message::BodyTooLarge => "The request body is too large",
        Message::CredentialsWithoutRegion => {
            "A request with credentials must name its region: use the region's own host or O-Region"
        }
        Message::CrossSite => "A region can be chosen only on the page of this site itself",
        Message::EmptyChoice => "The form chooses no region",
        Message::Expectation => "The expectation cannot be met",
        Message::GatewayBusy => "The gateway has too much to do at the moment",
        Message::HeadLate => "The request did not arrive in time",
        Message::HeadTooLarge => "The request head is too large",
        Message::HttpVersion => "The HTTP version is not supported",
        Message::Loop => "The request has passed this gateway before",
        Message::Malformed => "The request is malformed",
        Message::MethodNotAllowed => "The method is not allowed here",
        Message::MethodUnknown => "The method is not known",
        Message::Misdirected => "This host is not served here",
        Message::Mistake => "The gateway made a mistake",
        Message::NoForm => "A choice is sent as application/x-www-form-urlencoded",
        Message::NotFound => "Not Found",
        Message::OffSiteReturn => "The way back must be a path of this site",
        Message::PinContradictsHost => "O-Region contradicts the host",
        Message::RegionBrokeOff => "The region broke off before it answered",
        Message::RegionBusy => "The region has too many requests at the moment",
        Message::RegionInsecure => "No secure connection to the region could be made",
        Message::RegionInvalid => "The region gave an invalid answer",
        Message::RegionSilent => "The region did not answer in time",
        Message::RegionUnavailable => "The region is not available",
        Message::RegionUndetermined => {
            "It could not be determined which region this key belongs to"
        }
        Message::RegionUnreachable => "The region could not be reached",
        Message::RegionUnreachableInTime => "The region could not be reached in time",
        Message::TargetTooLong => "The request target is too long",
        Message::TooManyRequests => {
            "There were too many requests from this address; try again later"
        }
        Message::TransferCoding => "The transfer coding is not known",
        Message::RepeatedPin => "O-Region is there more than once",
        Message::UnknownPin => "O-Region names no region",
        Message::UnknownRegion => "There is no such region",
    }
}
