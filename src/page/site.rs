//! Whether a form was sent by a page of this very site.

use crate::region::authority::Authority;
use crate::region::pin::Sent;

/// Whether a post comes from the site itself: the browser says so in `Sec-Fetch-Site`, or, where it
/// does not know that field, `Origin` is `https` and the authority that was asked. Says neither
/// one, it is a stranger's: a choice is never planted.
#[must_use]
pub fn is_same_origin(fetch_site: Sent<'_>, origin: Sent<'_>, asked: &Authority<'_>) -> bool {
    match (fetch_site, origin) {
        (Sent::One(site), _) => site == b"same-origin",
        (Sent::Nothing, Sent::One(origin)) => origin
            .strip_prefix(b"https://")
            .and_then(|authority| Authority::parse(authority).ok())
            .is_some_and(|authority| authority.agrees_with(asked, 443)),
        (Sent::Several, _) | (Sent::Nothing, Sent::Nothing | Sent::Several) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn is(fetch_site: Option<&str>, origin: Option<&str>, asked: &str) -> bool {
        is_same_origin(
            Sent::header(fetch_site.map(str::as_bytes).into_iter()),
            Sent::header(origin.map(str::as_bytes).into_iter()),
            &Authority::parse(asked.as_bytes()).expect("an authority"),
        )
    }

    #[test]
    fn the_browsers_own_word_counts_first() {
        let host = "onetimesecret.com";
        let own = Some("https://onetimesecret.com");
        assert!(is(Some("same-origin"), None, host));
        assert!(is(Some("same-origin"), own, host));
        for site in [
            "cross-site",
            "same-site",
            "none",
            "",
            "Same-Origin",
            "same-origin,",
        ] {
            assert!(!is(Some(site), own, host), "{site}");
        }
        assert!(!is(None, None, host));
    }

    #[test]
    fn an_origin_must_be_this_one() {
        for (origin, host, same) in [
            ("https://onetimesecret.com", "onetimesecret.com", true),
            ("https://onetimesecret.com", "OnetimeSecret.com:443", true),
            ("https://localhost:8443", "localhost:8443", true),
            ("https://[::1]:8443", "[::1]:8443", true),
            ("https://localhost", "localhost:8443", false),
            ("https://localhost:8443", "localhost", false),
            ("http://onetimesecret.com", "onetimesecret.com", false),
            ("HTTPS://onetimesecret.com", "onetimesecret.com", false),
            ("https://eu.onetimesecret.com", "onetimesecret.com", false),
            (
                "https://onetimesecret.com.example.org",
                "onetimesecret.com",
                false,
            ),
            ("https://a@onetimesecret.com", "onetimesecret.com", false),
            ("https://onetimesecret.com/", "onetimesecret.com", false),
            (
                "https://onetimesecret.com https://b",
                "onetimesecret.com",
                false,
            ),
            ("onetimesecret.com", "onetimesecret.com", false),
            ("null", "onetimesecret.com", false),
            ("", "onetimesecret.com", false),
        ] {
            assert_eq!(is(None, Some(origin), host), same, "{origin} at {host}");
        }
    }

    #[test]
    fn what_is_said_twice_is_not_believed() {
        let asked = Authority::parse(b"a.example").expect("an authority");
        let own = Sent::One(b"https://a.example".as_slice());
        let site = Sent::One(b"same-origin".as_slice());
        assert!(!is_same_origin(Sent::Several, own, &asked));
        assert!(!is_same_origin(Sent::Nothing, Sent::Several, &asked));
        assert!(is_same_origin(site, Sent::Several, &asked));
    }

    proptest! {
        #[test]
        fn another_host_is_never_the_same(
            scheme in "(https?://)?",
            host in "[a-z]{1,4}(\\.[a-z]{1,4})?(:[0-9]{1,4})?",
            asked in "[a-z]{1,4}\\.example",
        ) {
            let origin = format!("{scheme}{host}");
            prop_assert!(!is(None, Some(&origin), &asked));
            let own = format!("https://{asked}");
            prop_assert!(is(None, Some(&own), &asked));
            prop_assert!(!is(Some("cross-site"), Some(&own), &asked));
        }
    }
}
