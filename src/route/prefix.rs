//! What an operator says of all paths below a prefix, on some kinds of host.

use super::classify::classify;
use super::path::{is, segments};
use super::table::HostClass;
use super::template::{KEY, RouteTemplate, TEMPLATES};

/// One thing that is said. Prefixes are compared by whole segments, decoded, as routes are.
#[derive(Clone, Debug)]
pub struct Prefixes<T>(Vec<Said<T>>);

#[derive(Clone, Debug)]
struct Said<T> {
    segments: Box<[Box<[u8]>]>,
    hosts: Vec<HostClass>,
    value: T,
}

impl<T: Copy> Prefixes<T> {
    /// Of several that are said of a path on a kind of host, the longest prefix counts.
    pub fn new(said: impl IntoIterator<Item = (String, Vec<HostClass>, T)>) -> Self {
        let of = |(prefix, hosts, value): (String, Vec<HostClass>, T)| Said {
            segments: segments(&prefix).map(|one| one.as_bytes().into()).collect(),
            hosts,
            value,
        };
        let mut said: Vec<_> = said.into_iter().map(of).collect();
        said.sort_by_key(|one| std::cmp::Reverse(one.segments.len()));
        Self(said)
    }

    /// What is said of a path.
    pub fn of(&self, host: HostClass, path: &str) -> Option<T> {
        let has = |said: &&Said<T>| {
            let mut sent = segments(path);
            let mut own = said.segments.iter();
            said.hosts.contains(&host)
                && own.all(|own| sent.next().is_some_and(|segment| is(segment, own)))
        };
        self.0.iter().find(has).map(|said| said.value)
    }
}

/// The routes at a prefix and below it of which no request may be sent twice, whatever is said of
/// the prefix.
pub fn sent_once(prefix: &str) -> impl Iterator<Item = &'static RouteTemplate> {
    // `recent` and its like are no keys.
    let keyed = classify(prefix).is_ok_and(|route| route.key().is_some());
    let covers = move |label: &'static str| {
        let mut theirs = segments(label);
        segments(prefix).all(|own| {
            let one = theirs.next();
            one.is_some_and(|one| is(own, one.as_bytes()) || (keyed && one == KEY))
        })
    };
    let once = TEMPLATES.iter().filter(|one| one.is_sent_once());
    once.filter(move |one| covers(one.label()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_prefix_on_this_kind_of_host_counts_however_the_path_is_written() {
        let said =
            |prefix: &str, hosts: &[HostClass], value| (prefix.to_owned(), hosts.to_vec(), value);
        let prefixes = Prefixes::new([
            said("/api", &HostClass::ALL, 1),
            said("/api/v2/status", &[HostClass::Own], 2),
            said("/api/v2/status", &[HostClass::Alias], 3),
        ]);
        for (host, path, value) in [
            (HostClass::Own, "/api/v2/status", Some(2)),
            (HostClass::Alias, "/api/v2/status/x", Some(3)),
            (HostClass::Auto, "/api/v2/status", Some(1)),
            (HostClass::Own, "/api//v2/status/", Some(2)),
            (HostClass::Own, "//api/v2/%73tatus", Some(2)),
            (HostClass::Own, "/api/v2/statusx", Some(1)),
            (HostClass::Own, "/apix", None),
            (HostClass::Own, "/", None),
        ] {
            assert_eq!(prefixes.of(host, path), value, "{} {path}", host.label());
        }
        let whole = Prefixes::new([said("/", &[HostClass::Auto], 1)]);
        assert_eq!(whole.of(HostClass::Auto, "/x/y"), Some(1));
    }

    #[test]
    fn what_is_sent_once_is_found_below_a_prefix() {
        let first = |prefix| sent_once(prefix).map(RouteTemplate::label).next();
        for (prefix, expected) in [
            ("/api/v1/secret", Some("/api/v1/secret/{key}")),
            ("/api//v%31/secret/abcdefghij", Some("/api/v1/secret/{key}")),
            ("/api/v1", Some("/api/v1/share")),
            ("/secret", Some("/secret/{key}")),
            ("/api/v2/secret/conceal", Some("/api/v2/secret/conceal")),
            ("/", Some("/api/v1/share")),
            ("/api/v1/private/recent", None),
            ("/api/v2/secret/status", None),
            ("/api/v1/status", None),
            ("/dist", None),
            ("/brand", None),
            ("/api/account", None),
        ] {
            assert_eq!(first(prefix), expected, "{prefix}");
        }
    }
}
