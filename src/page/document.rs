//! The frame of every page: head, one style, landmarks; and the fields that go with it.

use std::fmt::Write;
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::html::Escaped;
use super::language::Language;

/// The one style of all pages. Its colours are a property of the root, so that a test can measure
/// their contrast.
pub(super) const STYLE: &str = include_str!("style.css");

/// `style-src` of that very style and no other.
static STYLE_SOURCE: LazyLock<String> =
    LazyLock::new(|| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(STYLE))));

/// What a page's fields say beside its length: what it is, what it may do, and to whom it tells
/// where the reader came from. `form_targets` are the origins to which its forms lead in the end,
/// empty for a page without forms: browsers hold `form-action` against every redirect that follows.
#[must_use]
pub fn fields(language: Language, form_targets: &[&str]) -> Vec<(&'static str, String)> {
    let mut policy = format!(
        "default-src 'none'; style-src {}; base-uri 'none'; frame-ancestors 'none'; form-action ",
        *STYLE_SOURCE
    );
    policy.push_str(if form_targets.is_empty() {
        "'none'"
    } else {
        "'self'"
    });
    for origin in form_targets {
        // Writing to a String cannot fail.
        let _ = write!(policy, " {origin}");
    }
    // A page that posts must let its own site see where the post comes from, or `Origin` is `null`.
    let referrer = if form_targets.is_empty() {
        "no-referrer"
    } else {
        "same-origin"
    };
    vec![
        ("Content-Security-Policy", policy),
        ("Referrer-Policy", referrer.to_owned()),
        ("Content-Language", language.tag().to_owned()),
    ]
}

/// A whole document. `brand` is what the site calls itself, `main` and `footer` are HTML.
pub(super) fn document(
    language: Language,
    title: &str,
    brand: &str,
    main: &str,
    footer: &str,
) -> String {
    let header = match brand {
        "" => String::new(),
        brand => format!("<header><p>{}</p></header>\n", Escaped(brand)),
    };
    let site = match brand {
        "" => String::new(),
        brand => format!(" · {}", Escaped(brand)),
    };
    format!(
        "<!doctype html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta name=\"robots\" content=\"noindex\">\n<title>{}{site}</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n{header}<main>\n{main}</main>\n\
         <footer>{footer}</footer>\n</body>\n</html>\n",
        language.tag(),
        Escaped(title),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn a_page_without_forms_posts_nowhere() {
        let policy = |targets: &[&str]| fields(Language::English, targets).swap_remove(0).1;
        assert!(policy(&[]).ends_with("form-action 'none'"));
        assert!(
            policy(&["https://eu.example", "https://us.example"])
                .ends_with("form-action 'self' https://eu.example https://us.example")
        );
        assert!(!policy(&[]).contains("unsafe"));
    }

    #[test]
    fn the_frame_says_its_language_and_escapes() {
        let page = document(Language::Chinese, "<t>", "a&b", "m", "f");
        assert!(page.starts_with("<!doctype html>\n<html lang=\"zh-Hans\">"));
        assert!(page.contains("<title>&lt;t&gt; · a&amp;b</title>"));
        assert!(page.contains("<main>\nm</main>"));
    }

    /// Relative luminance (WCAG 2.2) of `#rrggbb`.
    fn luminance(colour: &str) -> f64 {
        let channel = |at: usize| {
            let value = u8::from_str_radix(&colour[at..at + 2], 16).expect("hexadecimal");
            let share = f64::from(value) / 255.0;
            if share <= 0.04045 {
                share / 12.92
            } else {
                ((share + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
    }

    fn contrast(one: &str, other: &str) -> f64 {
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    #[test]
    fn text_and_borders_can_be_told_from_what_is_behind_them() {
        assert!((contrast("#000000", "#ffffff") - 21.0).abs() < 1e-9);
        let schemes: Vec<HashMap<&str, &str>> = STYLE
            .match_indices(":root{")
            .map(|(at, start)| {
                let rest = &STYLE[at + start.len()..];
                rest[..rest.find('}').expect("an end")]
                    .split(';')
                    .filter_map(|line| line.trim().strip_prefix("--")?.split_once(':'))
                    .map(|(name, value)| (name.trim(), value.trim()))
                    .collect()
            })
            .collect();
        assert_eq!(schemes.len(), 2, "light and dark");
        for scheme in schemes {
            for ground in ["page", "card"] {
                for (ink, least) in [
                    ("text", 7.0),
                    ("quiet", 4.5),
                    ("accent", 4.5),
                    ("line", 3.0),
                ] {
                    let found = contrast(scheme[ink], scheme[ground]);
                    assert!(found >= least, "{ink} on {ground}: {found:.2}");
                }
            }
            assert!(contrast(scheme["on-accent"], scheme["accent"]) >= 4.5);
        }
    }

    #[test]
    fn the_style_needs_nothing_from_elsewhere() {
        for word in ["url(", "@import", "</", "http"] {
            assert!(!STYLE.contains(word), "{word}");
        }
        assert!(STYLE.contains(":focus-visible"));
    }
}
