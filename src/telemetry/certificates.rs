//! The certificates as a scrape finds them. Made from what is live: a certificate that was replaced
//! must not go on to warn of its end.

use std::collections::BTreeMap;
use std::fmt::Write;

/// The Prometheus text of certificates, each by its first name and the end of its validity in
/// seconds since 1970. Of several with one name, the one that ends first counts.
#[must_use]
pub fn render<'a>(certificates: impl Iterator<Item = (&'a str, i64)>) -> String {
    let mut ends: BTreeMap<&str, i64> = BTreeMap::new();
    for (name, end) in certificates {
        ends.entry(name)
            .and_modify(|first| *first = end.min(*first))
            .or_insert(end);
    }
    let metric = "onetime_gateway_tls_certificate_expiry_timestamp_seconds";
    let mut out = format!(
        "# HELP {metric} When a certificate expires, by its first name.\n# TYPE {metric} gauge\n"
    );
    for (name, end) in ends {
        // Writing to a String cannot fail. A certificate's names are not ours: they are escaped.
        let name = name
            .replace('\\', "\\\\")
            .replace('"', "\\\"")
            .replace('\n', "\\n");
        let _ = writeln!(out, "{metric}{{name=\"{name}\"}} {end}");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_a_name() {
        let text = render([("a.example", 7), ("b\"c", 8), ("a.example", 5)].into_iter());
        let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        let metric = "onetime_gateway_tls_certificate_expiry_timestamp_seconds";
        assert_eq!(
            lines,
            [
                format!("{metric}{{name=\"a.example\"}} 5"),
                format!("{metric}{{name=\"b\\\"c\"}} 8")
            ]
        );
    }
}
