//! `/region`: the page that shows where a caller is sent, and the form by which another region is
//! chosen or the choice forgotten. A choice is taken only from a page of the very same site.

use super::answer::{Answer, Context, Dialect};
use super::arrival::Arrival;
use super::record::Record;
use super::refusal::Refusal;
use super::worker::View;
use crate::headers::request::Facts;
use crate::http1::Framing;
use crate::page;
use crate::page::form::{self, FormFault, Wish};
use crate::page::language::Language;
use crate::page::region::{PATH, RegionPage};
use crate::page::site::is_same_origin;
use crate::region::authority::{Authority, Host};
use crate::region::pin::{OwnCookies, Sent};
use crate::region::question::Outcome;
use crate::region::{Reason, RegionId};
use crate::upstream::failure::{Cause, Failure};

/// A request for the page, as far as the road has read it.
pub struct Visit<'c, 'b> {
    /// The request.
    pub arrival: &'c Arrival<'b>,
    /// Its fields.
    pub facts: &'c Facts<'b>,
    /// The snapshot.
    pub view: &'b View,
    /// The host that was asked.
    pub asked: Authority<'b>,
    /// The query.
    pub query: &'b str,
    /// Where this caller is sent.
    pub outcome: &'c Outcome,
}

impl Visit<'_, '_> {
    /// `GET`: a page or JSON, as the caller prefers.
    #[must_use]
    pub fn show(&self, context: &Context<'_>) -> Answer {
        let host = match self.asked.host() {
            Host::V6(address) => format!("[{address}]"),
            Host::Name(name) => String::from_utf8_lossy(name).to_ascii_lowercase(),
        };
        let back = form::back(self.query);
        let cookies = self.cookies();
        let page = RegionPage {
            regions: self.view.regions(),
            decision: self.outcome.decision,
            host: &host,
            back: back.as_ref(),
            kept: (cookies.pin != Sent::Nothing && !self.outcome.expire_pin)
                || (cookies.sticky != Sent::Nothing && !self.outcome.expire_sticky),
        };
        let mut answer = Answer::new(200, context).varying();
        // Who does not prefer a page, by the same weights, reads JSON.
        if context.dialect != Dialect::Html {
            let json = page.json().to_string();
            return answer.with_body("application/json; charset=utf-8", json);
        }
        let regions = self.view.regions().iter();
        let origins: Vec<&str> = regions
            .map(|(region, _)| self.view.origin(region))
            .collect();
        answer
            .fields
            .extend(page::fields(context.language, &origins));
        answer.with_body("text/html; charset=utf-8", page.html(context.language))
    }

    /// `POST`: all that can be said before the body is there.
    ///
    /// # Errors
    /// [`Refusal::CrossSite`], [`Refusal::BadChoice`] or [`Refusal::BodyTooLarge`].
    pub fn post(&self, context: &Context<'_>) -> Result<Choosing, Refusal> {
        let fetch_site = Sent::header(self.values("sec-fetch-site"));
        let origin = Sent::header(self.values("origin"));
        if !is_same_origin(fetch_site, origin, &self.asked) {
            return Err(Refusal::CrossSite);
        }
        if !form::is_form(self.values("content-type")) {
            return Err(Refusal::BadChoice(FormFault::NoForm));
        }
        if matches!(self.arrival.framing, Framing::Length(length) if length > form::MOST_BYTES) {
            return Err(Refusal::BodyTooLarge);
        }
        let decision = self.outcome.decision;
        Ok(Choosing {
            view: self.view.clone(),
            request_id: context.request_id.to_owned(),
            decided: (decision.region, decision.reason),
            dialect: context.dialect,
            language: context.language,
            sticks: self.cookies().sticky != Sent::Nothing,
        })
    }

    fn cookies(&self) -> OwnCookies<'_> {
        let fields = self.facts.cookies.iter().copied();
        self.view.cookie_names().read(fields)
    }

    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        super::values(self.arrival.fields, name)
    }
}

/// A choice whose form has yet to be read.
pub struct Choosing {
    view: View,
    request_id: String,
    decided: (RegionId, Reason),
    dialect: Dialect,
    language: Language,
    /// The browser keeps a geographic decision.
    sticks: bool,
}

impl Choosing {
    /// The answer, once the body has been read or could not be: the choice is kept or forgotten and
    /// the caller led back, or nothing is.
    #[must_use]
    pub fn answer(self, body: Result<&[u8], Cause>, record: &mut Record) -> Answer {
        let read = body
            .map_err(|cause| Refusal::Region(Failure::unsent(cause)))
            .and_then(|body| form::read(body, self.view.regions()).map_err(Refusal::BadChoice));
        let form = match read {
            Ok(form) => form,
            Err(refusal) => {
                record.refused(refusal);
                let regions = self.view.region_names();
                return Answer::refuse(refusal, regions, &self.context(&[]));
            }
        };
        record.pinned = Some(match form.wish {
            Wish::Choose(region) => Some(self.view.region_label(region)),
            Wish::Forget => None,
        });
        let cookies = self.cookies(form.wish);
        // RFC 9110 §15.4.4: what follows is a GET, whatever this was.
        let mut answer = Answer::new(303, &self.context(&cookies));
        let back = form.back.as_ref().map_or(PATH, |back| back.as_str());
        answer.fields.push(("Location", back.to_owned()));
        answer
            .fields
            .push(("Referrer-Policy", "no-referrer".to_owned()));
        answer
    }

    /// Whoever forgets is decided anew: a kept geographic decision goes too.
    fn cookies(&self, wish: Wish) -> Vec<String> {
        let names = self.view.cookie_names();
        match wish {
            Wish::Choose(region) => {
                vec![names.set_pin(self.view.regions().get(region).name())]
            }
            Wish::Forget if self.sticks => vec![names.clear_pin(), names.clear_sticky()],
            Wish::Forget => vec![names.clear_pin()],
        }
    }

    fn context<'a>(&'a self, set_cookies: &'a [String]) -> Context<'a> {
        let (region, reason) = self.decided;
        Context {
            dialect: self.dialect,
            language: self.language,
            chooses: true,
            request_id: &self.request_id,
            decided: Some((self.view.region_name(region), reason.label())),
            pseudonym: self.view.pseudonym(),
            hsts: self.view.hsts(),
            set_cookies,
        }
    }
}
