//! What `/region` shows: where one is sent and why, and what there is to choose from; as a page for
//! people and as JSON for programs. Never a key, never an address.

use std::fmt::Write;

use serde_json::{Value, json};

use super::back::ReturnPath;
use super::document::document;
use super::html::Escaped;
use super::language::Language;
use super::words::Words;
use crate::region::{Decision, Region, Regions};

/// The path of the page.
pub const PATH: &str = "/region";

/// All that it shows.
#[derive(Clone, Copy, Debug)]
pub struct RegionPage<'a> {
    /// What there is to choose from.
    pub regions: &'a Regions,
    /// Where this caller is sent, and why.
    pub decision: Decision,
    /// The host that was asked, as people write it.
    pub host: &'a str,
    /// Where the caller was before.
    pub back: Option<&'a ReturnPath>,
    /// Whether the browser keeps anything that could be forgotten.
    pub kept: bool,
}

impl RegionPage<'_> {
    /// As `application/json`. The way back is not part of it: it can hold a key.
    #[must_use]
    pub fn json(&self) -> Value {
        let here = self.regions.get(self.decision.region);
        let choices: Vec<Value> = self
            .regions
            .iter()
            .map(|(id, region)| {
                json!({
                    "region": region.name().as_str(),
                    "jurisdiction": region.jurisdiction(),
                    "host": region.host(),
                    "current": id == self.decision.region,
                })
            })
            .collect();
        json!({
            "region": here.name().as_str(),
            "reason": self.decision.reason.label(),
            "binding": self.decision.binding().label(),
            "jurisdiction": here.jurisdiction(),
            "host": here.host(),
            "choices": choices,
            "choose": {
                "header": "O-Region",
                "form": {
                    "method": "POST",
                    "path": PATH,
                    "choose": "region=NAME",
                    "forget": "forget=1",
                    "return": "return=/PATH",
                },
            },
        })
    }

    /// As a page.
    #[must_use]
    pub fn html(&self, language: Language) -> String {
        let words = language.words();
        let main = format!(
            "<h1>{}</h1>\n{}{}{}{}",
            words.title,
            self.here(words),
            self.choices(words),
            self.forget(words),
            self.way_back(words),
        );
        document(language, words.title, self.host, &main, words.programs)
    }

    fn here(&self, words: &Words) -> String {
        let here = self.regions.get(self.decision.region);
        format!(
            "<section class=\"card\" aria-labelledby=\"here\">\n<h2 id=\"here\">{}</h2>\n\
             <p>{}</p>\n<p>{}</p>\n</section>\n",
            words.sent_to,
            facts(here, words),
            (words.reason)(self.decision.reason),
        )
    }

    fn choices(&self, words: &Words) -> String {
        let mut list = String::new();
        for (id, region) in self.regions.iter() {
            let (current, mark) = if id == self.decision.region {
                let mark = format!(" <span class=\"here\">{}</span>", words.current);
                (" aria-current=\"true\"", mark)
            } else {
                ("", String::new())
            };
            // Writing to a String cannot fail.
            let _ = writeln!(
                list,
                "<li><button name=\"region\" value=\"{}\"{current}>{}{mark}</button></li>",
                Escaped(region.name().as_str()),
                facts(region, words),
            );
        }
        format!(
            "<section aria-labelledby=\"choose\">\n<h2 id=\"choose\">{}</h2>\n<p>{}</p>\n\
             <form method=\"post\" action=\"{PATH}\">\n{}<ul role=\"list\">\n{list}</ul>\n\
             </form>\n</section>\n",
            words.choose,
            words.choose_note,
            self.hidden(),
        )
    }

    fn forget(&self, words: &Words) -> String {
        if !self.kept {
            return String::new();
        }
        format!(
            "<section aria-labelledby=\"forget\">\n<h2 id=\"forget\">{0}</h2>\n<p>{1}</p>\n\
             <form method=\"post\" action=\"{PATH}\">\n{2}\
             <p><button name=\"forget\" value=\"1\">{0}</button></p>\n</form>\n</section>\n",
            words.forget,
            words.forget_note,
            self.hidden(),
        )
    }

    /// The way back as both forms carry it along.
    fn hidden(&self) -> String {
        self.back.map_or_else(String::new, |back| {
            format!(
                "<input type=\"hidden\" name=\"return\" value=\"{}\">\n",
                Escaped(back.as_str())
            )
        })
    }

    fn way_back(&self, words: &Words) -> String {
        self.back.map_or_else(String::new, |back| {
            format!(
                "<p class=\"back\"><a href=\"{}\">{}</a></p>\n",
                Escaped(back.as_str()),
                words.back
            )
        })
    }
}

/// A region as people tell it from others.
fn facts(region: &Region, words: &Words) -> String {
    format!(
        "<span class=\"name\">{}</span> <span class=\"facts\"><span>{}</span> \
         <span>{} {}</span></span>",
        Escaped(region.name().as_str()),
        Escaped(region.host()),
        words.jurisdiction,
        Escaped(region.jurisdiction()),
    )
}

#[cfg(test)]
mod tests;
