//! How an answer that ends a request early reads to a person.

use std::fmt::Write;

use super::document::document;
use super::html::Escaped;
use super::language::Language;
use super::message::Message;
use super::region::PATH;

/// Whether it is wise to try again, where that can be said.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Advice {
    /// It may have taken effect.
    LookFirst,
    /// Nothing was done.
    TryAgain,
}

/// All that the page says.
#[derive(Clone, Copy, Debug)]
pub struct ErrorPage<'a> {
    /// The status and its standard phrase, for those who know them.
    pub status: (u16, &'a str),
    /// What happened.
    pub message: Message,
    /// What to do now.
    pub advice: Option<Advice>,
    /// The regions there are, where one that is none was named.
    pub regions: Option<&'a str>,
    /// The region, if one was decided.
    pub region: Option<&'a str>,
    /// Whether the page of the regions is of help.
    pub choose: bool,
    /// `X-Request-ID`.
    pub request_id: &'a str,
}

impl ErrorPage<'_> {
    /// The page.
    #[must_use]
    pub fn html(&self, language: Language) -> String {
        let words = language.words();
        let what = (words.message)(self.message);
        let mut main = format!("<h1>{}</h1>\n", Escaped(what));
        let mut paragraph = |html: &str| {
            // Writing to a String cannot fail.
            let _ = writeln!(main, "<p>{html}</p>");
        };
        match self.advice {
            Some(Advice::TryAgain) => paragraph(words.try_again),
            Some(Advice::LookFirst) => paragraph(words.look_first),
            None => {}
        }
        if let Some(regions) = self.regions {
            paragraph(&format!("{} <b>{}</b>", words.regions, Escaped(regions)));
        } else if let Some(region) = self.region {
            paragraph(&format!("{} <b>{}</b>", words.region, Escaped(region)));
        }
        if self.choose {
            paragraph(&format!("<a href=\"{PATH}\">{}</a>", words.see_regions));
        }
        let (status, phrase) = self.status;
        let footer = format!(
            "<p><span lang=\"en\">{status} {}</span><br>{} {}</p>",
            Escaped(phrase),
            words.request,
            Escaped(self.request_id),
        );
        document(language, what, "", &main, &footer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: ErrorPage<'static> = ErrorPage {
        status: (502, "Bad Gateway"),
        message: Message::RegionBrokeOff,
        advice: Some(Advice::LookFirst),
        regions: None,
        region: Some("eu"),
        choose: false,
        request_id: "id-1",
    };

    #[test]
    fn says_what_happened_and_what_to_do_in_every_language() {
        let mut pages = std::collections::HashSet::new();
        for language in Language::ALL {
            let html = PAGE.html(language);
            let words = language.words();
            for part in [
                &format!("<html lang=\"{}\">", language.tag()),
                &format!("<h1>{}</h1>", (words.message)(Message::RegionBrokeOff)),
                words.look_first,
                "<b>eu</b>",
                "502 Bad Gateway",
                "id-1",
            ] {
                assert!(html.contains(part), "{part}\n{html}");
            }
            assert!(!html.contains("href") && !html.contains(words.try_again));
            pages.insert(html);
        }
        assert_eq!(pages.len(), Language::ALL.len());
    }

    #[test]
    fn names_the_regions_to_whoever_named_none_of_them() {
        let html = ErrorPage {
            regions: Some("ca, eu"),
            choose: true,
            ..PAGE
        }
        .html(Language::English);
        assert!(html.contains("<b>ca, eu</b>") && html.contains("<a href=\"/region\">"));
    }
}
