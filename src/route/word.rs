//! The literal words of the application's paths, compared decoded.

/// The words that stand literally in the application's paths.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    Account,
    Api,
    Auth,
    Authcheck,
    Billing,
    Burn,
    Colonel,
    Conceal,
    Create,
    Dist,
    Domains,
    Feedback,
    Generate,
    Guest,
    Incoming,
    Internal,
    Invite,
    Locales,
    Metadata,
    Organizations,
    Private,
    Receipt,
    Receipts,
    Recent,
    Region,
    Reveal,
    Robots,
    Secret,
    Share,
    Status,
    V1,
    V2,
    V3,
    Version,
    /// What stands in a key's position.
    Key,
    /// Any other segment.
    Other,
}

impl Word {
    /// The word that a segment is, decoded.
    pub(super) fn of(segment: &str) -> Self {
        if !segment.contains('%') {
            return word(segment.as_bytes());
        }
        let mut buffer = [0u8; 24];
        let mut length = 0;
        for byte in percent_encoding::percent_decode_str(segment) {
            let Some(place) = buffer.get_mut(length) else {
                return Self::Other;
            };
            *place = byte;
            length += 1;
        }
        word(buffer.get(..length).unwrap_or_default())
    }
}

fn word(text: &[u8]) -> Word {
    match text {
        b"account" => Word::Account,
        b"api" => Word::Api,
        b"auth" => Word::Auth,
        b"authcheck" => Word::Authcheck,
        b"billing" => Word::Billing,
        b"burn" => Word::Burn,
        b"conceal" => Word::Conceal,
        b"create" => Word::Create,
        b"dist" => Word::Dist,
        b"domains" => Word::Domains,
        b"feedback" => Word::Feedback,
        b"generate" => Word::Generate,
        b"guest" => Word::Guest,
        b"incoming" => Word::Incoming,
        b"invite" => Word::Invite,
        b"metadata" => Word::Metadata,
        b"organizations" => Word::Organizations,
        b"private" => Word::Private,
        b"receipt" => Word::Receipt,
        b"receipts" => Word::Receipts,
        b"recent" => Word::Recent,
        b"region" => Word::Region,
        b"reveal" => Word::Reveal,
        b"robots.txt" => Word::Robots,
        b"secret" => Word::Secret,
        b"share" => Word::Share,
        b"status" => Word::Status,
        b"supported-locales" => Word::Locales,
        b"v1" => Word::V1,
        b"v2" => Word::V2,
        b"v3" => Word::V3,
        b"version" => Word::Version,
        // Denied on some hosts: whatever a region might take for these words is these words.
        _ if text.eq_ignore_ascii_case(b"colonel") => Word::Colonel,
        _ if text.eq_ignore_ascii_case(b"internal") => Word::Internal,
        _ => Word::Other,
    }
}
