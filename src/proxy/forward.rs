//! A decided request on its way: what the region is sent, and what the client will be told.

use httparse::Header;

use crate::headers::request::Cookies;
use crate::headers::response::Downward;
use crate::page::language::Language;
use crate::region::Reason;

use super::answer::Dialect;
use super::errand::{Errand, Whereabouts};
use super::worker::View;

/// A request as its region will see it.
pub struct Forward {
    /// What is sent, and where.
    pub errand: Errand,
    /// What the client will be told.
    pub down: Down,
}

/// What the client is told beside the region's own words.
pub struct Down {
    /// The snapshot that decided.
    pub view: View,
    /// The region that answers.
    pub region: Whereabouts,
    /// Why.
    pub reason: Reason,
    /// `X-Request-ID`.
    pub request_id: String,
    /// Whether the region may set cookies here.
    pub cookies: Cookies,
    /// `Set-Cookie` values of the gateway's own.
    pub set_cookies: Vec<String>,
    /// The host's settings, for its notices.
    pub host: u32,
    /// How this caller reads errors.
    pub dialect: Dialect,
    /// The language of pages.
    pub language: Language,
}

impl Down {
    /// Calls `emit` with each field for the client; see [`Downward::each`].
    pub fn each(&self, fields: &[Header<'_>], keep_trailer: bool, emit: impl FnMut(&str, &[u8])) {
        let date = super::date::now();
        let snapshot = &self.view;
        let region = self.region.get();
        let downward = Downward {
            region: snapshot.region_name(region),
            reason: self.reason.label(),
            request_id: &self.request_id,
            pseudonym: snapshot.pseudonym(),
            hsts: snapshot.hsts(),
            cookies: self.cookies,
            set_cookies: &self.set_cookies,
            notices: snapshot.notices(self.host, region),
            date: &date,
        };
        downward.each(fields, keep_trailer, emit);
    }
}
