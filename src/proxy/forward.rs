//! A decided request on its way: what the region is sent, and what the client will be told.

use std::cell::Cell;

use crate::headers::request::Cookies;
use crate::headers::response::Downward;
use crate::http1::response::ResponseHead;
use crate::page::language::Language;
use crate::region::{Reason, RegionId};

use super::answer::Dialect;
use super::elsewhere::{self, Elsewhere};
use super::errand::{Errand, Whereabouts};
use super::unknown::{Hint, Unknown};
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
    /// Which answers may mean that another region has what was asked for.
    pub elsewhere: Elsewhere,
    /// Whether the answer was one of these.
    pub pointed: Cell<bool>,
    /// Which answers say that a key is not known.
    pub unknown: Unknown,
    /// What the answer's head says of that.
    pub hint: Cell<Hint>,
    /// `X-Request-ID`.
    pub request_id: String,
    /// Whether the region may set cookies here.
    pub cookies: Cookies,
    /// `Set-Cookie` values of the gateway's own.
    pub set_cookies: Vec<String>,
    /// The host's settings, for its notices.
    pub host: u32,
    /// Whether an asset was asked for, which caches may store.
    pub asset: bool,
    /// How this caller reads errors.
    pub dialect: Dialect,
    /// The language of pages.
    pub language: Language,
}

impl Down {
    /// The region is another one, which a look-up found: there is no better place to point to.
    pub(super) fn rebind(&mut self, region: RegionId) {
        self.region.set(region);
        self.reason = Reason::LookUp;
        self.elsewhere = Elsewhere::Never;
    }

    /// Calls `emit` with each field for the client; see [`Downward::each`]. Whoever may be in the
    /// wrong region is pointed to the page where regions are chosen.
    pub fn each(
        &self,
        head: &ResponseHead<'_, '_>,
        keep_trailer: bool,
        mut emit: impl FnMut(&str, &[u8]),
    ) {
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
            // What is not the asset itself, such as a 404 of another build, is not to be kept.
            asset: self.asset && matches!(head.status, 200 | 206 | 304),
            notices: snapshot.notices(self.host, region),
            date: &date,
        };
        downward.each(head.fields, keep_trailer, &mut emit);
        self.hint.set(self.unknown.hint(head));
        if self.elsewhere.is_said_by(head.status, head.fields) {
            emit("Link", elsewhere::link().as_bytes());
            self.pointed.set(true);
        }
    }
}
