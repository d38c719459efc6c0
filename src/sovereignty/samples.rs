//! One path for each thing that the application does with paths, v0.23 to now, and what a request for
//! it carries: written by hand, so that the proof does not believe the route templates.

/// What a request for a path carries beside its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carries {
    /// Nothing that belongs to one region.
    Nothing,
    /// A key in the path of an API call.
    Key,
    /// A key in the path of a page.
    PageKey,
    /// Keys in its body.
    KeysInBody,
    /// Nobody knows what its path and body may hold: an invitation's token, a key.
    UnknownRoute,
    /// It administers a region, of which the same is true.
    Administration,
}

/// Stands for a key in the paths below.
pub(super) const KEY: &str = "KEY";

/// A key of the shape that v0.23 makes, without a tag.
pub(super) const UNTAGGED: &str = "0123456789abcdefghijklmnopqrstu";

/// Paths, and what they carry.
pub(super) const SAMPLES: &[(Carries, &[&str])] = {
    use Carries::{Administration, Key, KeysInBody, Nothing, PageKey, UnknownRoute};
    &[
        (
            Nothing,
            &[
                "/",
                "/robots.txt",
                "/region",
                "/dist/assets/main.js",
                "/api/v1/status",
                "/api/v1/authcheck",
                "/api/v1/share",
                "/api/v1/create",
                "/api/v1/generate",
                "/api/v1/private/recent",
                "/api/v1/metadata/recent",
                "/api/v1/receipt/recent",
                "/api/v2/status",
                "/api/v2/version",
                "/api/v2/supported-locales",
                "/api/v2/secret/generate",
                "/api/v2/secret/conceal",
                "/api/v2/guest/secret/generate",
                "/api/v2/guest/secret/conceal",
                "/api/v2/receipt/recent",
                "/api/v2/private/recent",
                "/api/v3/status",
                "/api/v3/version",
                "/api/v3/supported-locales",
                "/api/v3/secret/generate",
                "/api/v3/secret/conceal",
                "/api/v3/guest/secret/generate",
                "/api/v3/guest/secret/conceal",
                "/api/v3/receipt/recent",
                "/api/v3/private/recent",
                "/api/v3/feedback",
            ],
        ),
        (
            Key,
            &[
                "/api/v1/secret/KEY",
                "/api/v1/private/KEY",
                "/api/v1/private/KEY/burn",
                "/api/v1/metadata/KEY",
                "/api/v1/metadata/KEY/burn",
                "/api/v1/receipt/KEY",
                "/api/v1/receipt/KEY/burn",
                "/api/v2/secret/KEY",
                "/api/v2/secret/KEY/status",
                "/api/v2/secret/KEY/reveal",
                "/api/v2/receipt/KEY",
                "/api/v2/receipt/KEY/burn",
                "/api/v2/private/KEY",
                "/api/v2/private/KEY/burn",
                "/api/v2/guest/secret/KEY",
                "/api/v2/guest/secret/KEY/status",
                "/api/v2/guest/secret/KEY/reveal",
                "/api/v2/guest/receipt/KEY",
                "/api/v2/guest/receipt/KEY/burn",
                "/api/v3/secret/KEY",
                "/api/v3/secret/KEY/status",
                "/api/v3/secret/KEY/reveal",
                "/api/v3/receipt/KEY",
                "/api/v3/receipt/KEY/burn",
                "/api/v3/private/KEY",
                "/api/v3/private/KEY/burn",
                "/api/v3/guest/secret/KEY",
                "/api/v3/guest/secret/KEY/status",
                "/api/v3/guest/secret/KEY/reveal",
                "/api/v3/guest/receipt/KEY",
                "/api/v3/guest/receipt/KEY/burn",
            ],
        ),
        (
            PageKey,
            &[
                "/secret/KEY",
                "/receipt/KEY",
                "/receipt/KEY/burn",
                "/private/KEY",
                "/private/KEY/burn",
                "/incoming/KEY",
            ],
        ),
        (
            KeysInBody,
            &[
                "/api/v2/secret/status",
                "/api/v2/guest/secret/status",
                "/api/v2/guest/receipts",
                "/api/v3/secret/status",
                "/api/v3/guest/secret/status",
                "/api/v3/guest/receipts",
            ],
        ),
        (
            UnknownRoute,
            &[
                "/signin",
                "/auth/login",
                "/billing/plans",
                "/api/v1/unheard",
                "/api/v2/unheard",
                "/api/v3/unheard",
                "/api/unheard",
                "/api/account/me",
                "/api/domains/list",
                "/api/organizations/list",
                "/api/invite/someone",
                "/api/incoming/config",
            ],
        ),
        (
            Administration,
            &[
                "/colonel",
                "/colonel/users",
                "/api/colonel/users",
                "/api/internal/acme/ask",
                "/api/v1/colonel",
                "/api/v2/colonel/users",
                "/api/v3/colonel/users",
            ],
        ),
    ]
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::classify::classify;
    use crate::route::template::TEMPLATES;

    /// A route that is added to the templates needs a sample, or the proof does not look at it.
    #[test]
    fn every_template_has_a_sample() {
        let paths = SAMPLES.iter().flat_map(|(_, paths)| *paths);
        let seen: Vec<&str> = paths
            .map(|path| classify(path).unwrap().template().label())
            .collect();
        for template in TEMPLATES {
            assert!(seen.contains(&template.label()), "{}", template.label());
        }
    }
}
