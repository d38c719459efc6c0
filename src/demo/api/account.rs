//! Who calls: nobody, the region's one account, or somebody it does not know. A foreign region's
//! account is somebody it does not know.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::demo::region::Region;

/// The caller as the `Authorization` field shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Caller {
    Anonymous,
    Account,
    /// Explicit, and wrong: never taken for anonymous.
    Refused,
}

impl Caller {
    pub(super) fn of(region: &Region, authorization: Option<&str>) -> Self {
        let Some(authorization) = authorization else {
            return Self::Anonymous;
        };
        match credentials(authorization) {
            Some((user, token)) if user == region.user && token == region.token => Self::Account,
            _ => Self::Refused,
        }
    }
}

/// User and token of the Basic scheme (RFC 7617).
fn credentials(authorization: &str) -> Option<(String, String)> {
    let (scheme, rest) = authorization.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = BASE64_STANDARD.decode(rest.trim()).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (user, token) = text.split_once(':')?;
    Some((user.to_owned(), token.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::keys::Random;
    use crate::demo::options::RegionOptions;

    #[test]
    fn only_the_regions_own_account_is_known() {
        let options = RegionOptions::new("eu", "EU");
        let region = Region::new(&options, "", Random::new(), Default::default());
        let basic = |text: &str| format!("Basic {}", BASE64_STANDARD.encode(text));
        let of = |authorization: &str| Caller::of(&region, Some(authorization));
        assert_eq!(Caller::of(&region, None), Caller::Anonymous);
        assert_eq!(of(&basic("demo@eu.example:eu-token")), Caller::Account);
        assert_eq!(of(&basic("demo@us.example:us-token")), Caller::Refused);
        assert_eq!(of(&basic("demo@eu.example:")), Caller::Refused);
        assert_eq!(of("Bearer eu-token"), Caller::Refused);
        assert_eq!(of("Basic ???"), Caller::Refused);
        assert_eq!(of(""), Caller::Refused);
    }
}
