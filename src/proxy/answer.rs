//! Answers that the gateway itself makes, in the caller's dialect.

use std::fmt::Write;

use super::refusal::{Refusal, phrase};
use crate::page;
use crate::page::error::ErrorPage;
use crate::page::language::Language;

/// The methods of the application, for `Allow`.
pub const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

/// A whole answer of the gateway's own.
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The fields, framing excepted.
    pub fields: Vec<(&'static str, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// Whether the connection ends after it.
    pub close: bool,
}

/// How a caller reads errors.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Dialect {
    /// `/api/v1`: `{"message": …}`.
    Message,
    /// `/api/v2`, `/api/v3` and the rest of the API: `{"error": …, "error_type": …}`.
    Error,
    /// Pages, for people.
    Html,
    /// Anything else: `application/problem+json` (RFC 9457).
    Problem,
}

/// What every answer of ours says beside its words.
pub struct Context<'a> {
    /// How the caller reads errors.
    pub dialect: Dialect,
    /// The language of pages.
    pub language: Language,
    /// Whether this host has a page where the region can be chosen.
    pub chooses: bool,
    /// `X-Request-ID`.
    pub request_id: &'a str,
    /// Region and reason, once decided.
    pub decided: Option<(&'a str, &'a str)>,
    /// This gateway's name in `Via` and `Proxy-Status`.
    pub pseudonym: &'a str,
    /// `Strict-Transport-Security`, where it is on.
    pub hsts: Option<&'a str>,
    /// `Set-Cookie` values of the gateway's own.
    pub set_cookies: &'a [String],
}

impl Answer {
    /// An answer with the fields that every answer of ours has.
    #[must_use]
    pub fn new(status: u16, context: &Context<'_>) -> Self {
        let mut fields = vec![
            ("Cache-Control", "no-store".to_owned()),
            ("X-Request-ID", context.request_id.to_owned()),
            ("Via", format!("1.1 {}", context.pseudonym)),
            ("Proxy-Status", context.pseudonym.to_owned()),
            ("X-Content-Type-Options", "nosniff".to_owned()),
        ];
        if let Some((region, reason)) = context.decided {
            fields.push(("O-Region", region.to_owned()));
            fields.push(("O-Region-Reason", reason.to_owned()));
        }
        if let Some(hsts) = context.hsts {
            fields.push(("Strict-Transport-Security", hsts.to_owned()));
        }
        for cookie in context.set_cookies {
            fields.push(("Set-Cookie", cookie.clone()));
        }
        Self {
            status,
            fields,
            body: Vec::new(),
            close: false,
        }
    }

    /// With a body of `content_type`.
    #[must_use]
    pub fn with_body(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.fields.push(("Content-Type", content_type.to_owned()));
        self.body = body.into();
        self
    }

    /// A redirect. `Location` is the only field that ever repeats a path: it can hold a key.
    #[must_use]
    pub fn redirect(method: &str, location: String, context: &Context<'_>) -> Self {
        let status = if matches!(method, "GET" | "HEAD") {
            302
        } else {
            307
        };
        let mut answer = Self::new(status, context);
        answer
            .fields
            .push(("Referrer-Policy", "no-referrer".to_owned()));
        answer.fields.push(("Location", location));
        answer
    }

    /// Leads elsewhere than it did.
    pub(super) fn rebind(&mut self, location: String, region: &str, reason: &str) {
        for (name, value) in &mut self.fields {
            match *name {
                "Location" => value.clone_from(&location),
                "O-Region" => region.clone_into(value),
                "O-Region-Reason" => reason.clone_into(value),
                _ => {}
            }
        }
    }

    /// The answer to a request that ends early. `regions` are named where the caller may choose.
    #[must_use]
    pub fn refuse(refusal: Refusal, regions: &str, context: &Context<'_>) -> Self {
        let mut answer = Self::new(refusal.status(), context);
        if let Some((_, value)) = answer
            .fields
            .iter_mut()
            .find(|(name, _)| *name == "Proxy-Status")
        {
            // Writing to a String cannot fail.
            let _ = write!(
                value,
                "; error={}; details=\"{}\"",
                refusal.proxy_error(),
                refusal.delivery().label()
            );
        }
        answer
            .fields
            .push(("O-Delivery", refusal.delivery().label().to_owned()));
        if let Some(seconds) = refusal.retry_after() {
            answer.fields.push(("Retry-After", seconds.to_string()));
        }
        if let Some(methods) = refusal.allow() {
            answer.fields.push(("Allow", methods.to_owned()));
        }
        answer.close = refusal.closes();
        answer.with_words(refusal, regions, context)
    }

    /// Says more precisely when to come back, where it is said at all.
    pub fn retry_after(&mut self, seconds: u32) {
        for (name, value) in &mut self.fields {
            if *name == "Retry-After" {
                *value = seconds.to_string();
            }
        }
    }

    /// The caller chose among representations by these fields (RFC 9110 §12.5.5).
    #[must_use]
    pub fn varying(mut self) -> Self {
        self.fields
            .push(("Vary", "Accept, Accept-Language".to_owned()));
        self
    }

    fn with_words(self, refusal: Refusal, regions: &str, context: &Context<'_>) -> Self {
        let mut words = refusal.words().to_owned();
        if refusal.message().names_regions() {
            words = format!("{words}; the regions are {regions}");
        }
        let mut members = serde_json::Map::new();
        let mut put = |name: &str, value: &str| {
            members.insert(name.to_owned(), value.into());
        };
        match context.dialect {
            Dialect::Message => put("message", &words),
            Dialect::Error => {
                put("error", &words);
                put("error_type", refusal.label());
            }
            Dialect::Problem => {
                put("type", "about:blank");
                put("title", phrase(refusal.status()));
                put("detail", &words);
            }
            Dialect::Html => return self.with_page(refusal, regions, context),
        }
        put("request_id", context.request_id);
        put("delivery", refusal.delivery().label());
        if let Some((region, _)) = context.decided {
            put("region", region);
        }
        if context.dialect == Dialect::Problem {
            members.insert("status".to_owned(), refusal.status().into());
        }
        let body = serde_json::Value::Object(members).to_string();
        match context.dialect {
            Dialect::Problem => self.varying().with_body("application/problem+json", body),
            _ => self.with_body("application/json; charset=utf-8", body),
        }
    }

    fn with_page(mut self, refusal: Refusal, regions: &str, context: &Context<'_>) -> Self {
        let status = refusal.status();
        let message = refusal.message();
        let page = ErrorPage {
            status: (status, phrase(status)),
            message,
            advice: refusal.advice(),
            regions: message.names_regions().then_some(regions),
            region: context.decided.map(|(region, _)| region),
            choose: context.chooses && message.helped_by_choosing(),
            request_id: context.request_id,
        };
        self.fields.extend(page::fields(context.language, &[]));
        self.varying()
            .with_body("text/html; charset=utf-8", page.html(context.language))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::failure::{Cause, Delivery, Failure};

    fn context(dialect: Dialect) -> Context<'static> {
        Context {
            dialect,
            language: Language::English,
            chooses: true,
            request_id: "id-1",
            decided: Some(("eu", "geo")),
            pseudonym: "onetime-gateway",
            hsts: None,
            set_cookies: &[],
        }
    }

    const CLOSED: Refusal = Refusal::Region(Failure {
        cause: Cause::Closed,
        delivery: Delivery::MaybeExecuted,
    });

    #[test]
    fn speaks_the_callers_dialect() {
        let json = |dialect| -> serde_json::Value {
            let answer = Answer::refuse(CLOSED, "eu, us", &context(dialect));
            serde_json::from_slice(&answer.body).expect("JSON")
        };
        let v1 = json(Dialect::Message);
        assert_eq!(v1["message"], "The region broke off before it answered");
        assert_eq!(v1["region"], "eu");
        assert_eq!(v1["delivery"], "maybe-executed");
        assert_eq!(v1["request_id"], "id-1");
        let v3 = json(Dialect::Error);
        assert_eq!(v3["error_type"], "closed");
        assert_eq!(json(Dialect::Problem)["status"], 502);
    }

    #[test]
    fn people_read_a_page_in_their_language_and_programs_english() {
        let page = |refusal, language| {
            let context = Context {
                language,
                ..context(Dialect::Html)
            };
            let answer = Answer::refuse(refusal, "eu, us", &context);
            assert!(
                answer
                    .fields
                    .contains(&("Vary", "Accept, Accept-Language".to_owned()))
            );
            String::from_utf8(answer.body).expect("text")
        };
        let broken = page(CLOSED, Language::Swedish);
        assert!(broken.contains("<h1>Regionen bröt förbindelsen innan den svarade</h1>"));
        assert!(broken.contains("<b>eu</b>") && !broken.contains("href"));
        let unknown = page(Refusal::BadPin, Language::English);
        assert!(unknown.contains("<b>eu, us</b>") && unknown.contains("<a href=\"/region\">"));
        let problem = Answer::refuse(Refusal::BadPin, "eu, us", &context(Dialect::Problem));
        let problem: serde_json::Value = serde_json::from_slice(&problem.body).expect("JSON");
        assert_eq!(
            problem["detail"],
            "O-Region names no region; the regions are eu, us"
        );
    }

    #[test]
    fn a_host_without_the_page_does_not_link_to_it() {
        let elsewhere = Context {
            chooses: false,
            ..context(Dialect::Html)
        };
        let answer = Answer::refuse(Refusal::BadPin, "eu, us", &elsewhere);
        assert!(!String::from_utf8_lossy(&answer.body).contains("href"));
    }

    #[test]
    fn says_how_far_it_got() {
        let answer = Answer::refuse(CLOSED, "", &context(Dialect::Message));
        let field = |name| {
            answer
                .fields
                .iter()
                .find(|(found, _)| *found == name)
                .map(|(_, value)| value.as_str())
        };
        assert_eq!(field("O-Delivery"), Some("maybe-executed"));
        assert_eq!(
            field("Proxy-Status"),
            Some("onetime-gateway; error=connection_terminated; details=\"maybe-executed\"")
        );
    }

    #[test]
    fn redirects_keep_the_method_where_it_matters() {
        let status =
            |method| Answer::redirect(method, "/".to_owned(), &context(Dialect::Html)).status;
        assert_eq!(
            (status("GET"), status("HEAD"), status("POST")),
            (302, 302, 307)
        );
    }
}
