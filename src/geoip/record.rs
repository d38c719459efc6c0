//! A record's country and continent, in each of the forms that publishers write.

use maxminddb::{LookupResult, MaxMindDbError, PathElement};

use super::Location;

/// Reads MaxMind's `country.iso_code` and `continent.code`, or the flat `country_code` and
/// `continent_code` (also `country` and `continent`, if these are codes).
///
/// `registered_country` is where a network's owner sits, not where its users are: it is not read.
///
/// # Errors
/// Damage. A member of another kind than expected is none: it says nothing.
pub(super) fn location<S: AsRef<[u8]>>(
    record: &LookupResult<'_, S>,
) -> Result<Location, MaxMindDbError> {
    Ok(Location {
        country: first(
            record,
            [
                &[PathElement::Key("country"), PathElement::Key("iso_code")],
                &[PathElement::Key("country_code")],
                &[PathElement::Key("country")],
            ],
        )?,
        continent: first(
            record,
            [
                &[PathElement::Key("continent"), PathElement::Key("code")],
                &[PathElement::Key("continent_code")],
                &[PathElement::Key("continent")],
            ],
        )?,
    })
}

/// The first code among these members.
fn first<S: AsRef<[u8]>>(
    record: &LookupResult<'_, S>,
    paths: [&[PathElement<'_>]; 3],
) -> Result<Option<[u8; 2]>, MaxMindDbError> {
    for path in paths {
        let text = match record.decode_path::<&str>(path) {
            Ok(text) => text,
            Err(MaxMindDbError::Decoding { .. }) => None,
            Err(damage) => return Err(damage),
        };
        if let Some(code) = text.and_then(code) {
            return Ok(Some(code));
        }
    }
    Ok(None)
}

fn code(text: &str) -> Option<[u8; 2]> {
    let code: [u8; 2] = text.as_bytes().try_into().ok()?;
    code.iter().all(u8::is_ascii_uppercase).then_some(code)
}
