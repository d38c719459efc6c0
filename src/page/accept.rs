//! Page or JSON: what a caller's `Accept` prefers (RFC 9110 §12.5.1).

use super::weight::weighted;

/// The two ways in which `/region` is said.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Representation {
    /// `text/html`, for people.
    Html,
    /// `application/json`, for programs.
    Json,
}

/// How well a media type is wanted: by how precise a range, and how much.
#[derive(Clone, Copy, Default)]
struct Wanted {
    precision: u8,
    weight: u16,
}

impl Wanted {
    /// A more precise range outweighs a less precise one; of equals, the greater weight counts.
    fn and(&mut self, precision: u8, weight: u16) {
        if (precision, weight) > (self.precision, self.weight) {
            *self = Self { precision, weight };
        }
    }
}

/// Text browsers: some of them (Links, ELinks) say that they take anything, as programs do.
const TEXT_BROWSERS: [&[u8]; 8] = [
    b"links",
    b"elinks",
    b"lynx",
    b"w3m",
    b"edbrowse",
    b"dillo",
    b"netsurf",
    b"retawq",
];

/// Whether a `User-Agent` is a text browser's: its product, then `/`, a space or `(`.
fn is_text_browser(user_agent: &[u8]) -> bool {
    let end = user_agent
        .iter()
        .position(|byte| matches!(byte, b'/' | b' ' | b'('));
    let product = user_agent.get(..end.unwrap_or(user_agent.len()));
    product.is_some_and(|product| {
        TEXT_BROWSERS
            .iter()
            .any(|browser| product.eq_ignore_ascii_case(browser))
    })
}

/// What the values of all `Accept` fields prefer. A page only for those who name it, and for text
/// browsers: else `*/*` or no `Accept` at all is a program's, and JSON where neither is wanted.
pub fn preferred<'a>(
    accept: impl Iterator<Item = &'a [u8]>,
    user_agent: Option<&[u8]>,
) -> Representation {
    let (mut html, mut json) = (Wanted::default(), Wanted::default());
    for range in weighted(accept) {
        for (wanted, names) in [
            (&mut html, ["text/html", "text/*", "*/*"]),
            (&mut json, ["application/json", "application/*", "*/*"]),
        ] {
            // 3 for the type itself, 1 for anything; 0 stays below them all.
            for (name, precision) in names.into_iter().zip([3, 2, 1]) {
                if range.item.eq_ignore_ascii_case(name.as_bytes()) {
                    wanted.and(precision, range.weight);
                }
            }
        }
    }
    let is_named = html.precision.max(json.precision) > 1;
    if !is_named && user_agent.is_some_and(is_text_browser) {
        return Representation::Html;
    }
    let named = html.precision > 1 && html.precision >= json.precision;
    if html.weight > json.weight || (html.weight == json.weight && html.weight > 0 && named) {
        Representation::Html
    } else {
        Representation::Json
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(accept: &str) -> Representation {
        preferred([accept.as_bytes()].into_iter(), None)
    }

    #[test]
    fn text_browsers_see_a_page_although_they_take_anything() {
        let of = |accept: &str, agent: &str| {
            preferred([accept.as_bytes()].into_iter(), Some(agent.as_bytes()))
        };
        for agent in [
            "Links (2.28; Linux 6.1.0 x86_64; GNU C 12.2; text)",
            "Links/2.28",
            "ELinks/0.13.2 (textmode; Linux; 80x24-2)",
            "ELinks (0.4pre5; Linux)",
            "w3m/0.5.3+git20230121",
            "Lynx/2.9.0dev.12 libwww-FM/2.14",
        ] {
            assert_eq!(of("*/*", agent), Representation::Html, "{agent}");
            assert_eq!(of("", agent), Representation::Html, "{agent}");
            assert_eq!(
                of("application/json", agent),
                Representation::Json,
                "{agent}"
            );
        }
        let lynx = "text/html, text/plain, text/sgml, text/css, application/xhtml+xml, */*;q=0.01";
        assert_eq!(of(lynx, "Lynx/2.9.0"), Representation::Html);
        let w3m = "text/html, text/*;q=0.5, image/*, application/*";
        assert_eq!(of(w3m, "w3m/0.5.3"), Representation::Html);
        for agent in [
            "curl/7.88.1",
            "Linkschecker/1",
            "linkchecker/10",
            "",
            "Mozilla/5.0",
        ] {
            assert_eq!(of("*/*", agent), Representation::Json, "{agent}");
        }
    }

    #[test]
    fn browsers_see_a_page() {
        for accept in [
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            "text/html",
            "TEXT/HTML;charset=utf-8",
            "text/html, */*",
            "text/*;q=0.1",
            "application/json;q=0.9, text/html",
            "application/json, text/html",
            "text/html;level=1;q=0.4, application/json;q=0.3",
        ] {
            assert_eq!(of(accept), Representation::Html, "{accept}");
        }
    }

    #[test]
    fn programs_see_json() {
        for accept in [
            "",
            "*/*",
            "application/json",
            "application/json, text/plain, */*",
            "application/*, */*;q=0.1",
            "application/json, text/html;q=0.9",
            "text/html;q=0, */*",
            "text/html;q=0, application/json;q=0",
            "image/png",
            "application/json, text/*",
        ] {
            assert_eq!(of(accept), Representation::Json, "{accept}");
        }
        assert_eq!(preferred(std::iter::empty(), None), Representation::Json);
    }

    #[test]
    fn several_fields_are_one_list() {
        let fields = [b"application/json;q=0.5".as_slice(), b"text/html"];
        assert_eq!(preferred(fields.into_iter(), None), Representation::Html);
    }

    proptest! {
        #[test]
        fn the_greater_weight_wins(html in 1u16..=999, json in 1u16..=999, order: bool) {
            let (a, b) = (format!("text/html;q=0.{html:03}"), format!("application/json;q=0.{json:03}"));
            let accept = if order { format!("{a}, {b}") } else { format!("{b}, {a}") };
            let expected = if html >= json { Representation::Html } else { Representation::Json };
            prop_assert_eq!(of(&accept), expected);
        }

        #[test]
        fn a_page_is_only_for_those_who_name_it(accept in "[a-z*/;=0-9., ]{0,60}") {
            if of(&accept) == Representation::Html {
                prop_assert!(accept.contains("text/"));
            }
        }
    }
}
