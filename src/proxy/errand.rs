//! A decided request on its way to its region; and, where it is bound to none and not one byte was
//! sent, to the regions that its operator wrote. The one place on the road where servers are chosen.

use std::cell::Cell;
use std::rc::Rc;

use tokio::time::Instant;

use super::forward::Down;
use super::record::Record;
use crate::headers::request::Head;
use crate::http1::Framing;
use crate::region::RegionId;
use crate::sovereignty::fallback::{self, Fallback};
use crate::upstream::client::Client;
use crate::upstream::exchange::Exchange;
use crate::upstream::failure::Failure;
use crate::upstream::outgoing::Outgoing;
use crate::upstream::pool::Pools;
use crate::upstream::travel::{Stopped, Terms, travel};

/// A request as its region will see it.
pub struct Errand {
    /// The one region it goes to.
    pub(super) region: RegionId,
    /// The ones that may answer instead.
    pub(super) fallback: Fallback,
    /// The head.
    pub head: Head,
    /// The host that the client named, where the region is to see that one.
    pub(super) asked: Option<String>,
    /// Whether that is an alias of the region.
    pub(super) alias: bool,
    /// How the body follows.
    pub(super) framing: Framing,
    /// Whether it is a HEAD.
    pub(super) to_head: bool,
    /// Whether it may be sent twice.
    pub(super) repeatable: bool,
    /// Whether the client sends its body only once it is told to go on.
    pub(super) expects_continue: bool,
}

impl Errand {
    /// Sends it to another region, which a look-up found: bound, so that no other may stand in.
    pub(super) fn rebind(&mut self, region: RegionId, asked: Option<String>) {
        self.region = region;
        self.asked = asked;
        self.alias = false;
        self.fallback = Fallback::default();
    }

    /// Sends it and waits for the answer's head, which `client` is given. `down.region` is then the
    /// region that answered.
    ///
    /// # Errors
    /// The [`Failure`] of the region that was decided; or, if something was sent to another one, of
    /// that one.
    pub async fn send(
        mut self,
        down: &Down,
        pools: &Rc<Pools>,
        client: &mut impl Client,
        record: &mut Record,
    ) -> Result<Box<Exchange>, Failure> {
        let view = &down.view;
        let must_end = Instant::now() + view.config.timeouts.request;
        let mut outgoing = Outgoing::new(self.head, self.framing);
        let mut region = self.region;
        let mut decided = None;
        loop {
            let asked = self
                .asked
                .as_deref()
                .filter(|_| region == self.region || view.keeps_host(region));
            let terms = Terms {
                asked,
                alias: self.alias,
                to_head: self.to_head,
                repeatable: self.repeatable,
                judges: true,
                expects_continue: self.expects_continue,
                network: record.network(),
                must_end,
            };
            let cluster = view.cluster(region);
            let travelled = travel(cluster, pools, outgoing, terms, client, record.journey());
            let Stopped { failure, whole } = match travelled.await {
                Ok(mut exchange) => {
                    record.pointed = down.pointed.get();
                    if down.hint.get().with(|| exchange.ready_data()) {
                        record.guessed();
                    }
                    return Ok(exchange);
                }
                Err(stopped) => stopped,
            };
            // What was sent to a region is that region's, whatever became of it.
            let Some(whole) = whole else {
                return Err(failure);
            };
            let decided = *decided.get_or_insert(failure);
            let next = failure.cause.is_absence().then(|| self.fallback.next());
            let Some(next) = next.flatten().filter(|_| !body_ties(&whole)) else {
                enter(self.region, down, record);
                return Err(decided);
            };
            enter(next, down, record);
            (region, outgoing) = (next, whole);
        }
    }
}

/// Whether the body may hold what only the region that was decided may see.
fn body_ties(whole: &Outgoing) -> bool {
    let (start, is_all) = whole.body_start();
    fallback::body_ties(&start, is_all)
}

/// Notes which region the request is with.
fn enter(region: RegionId, down: &Down, record: &mut Record) {
    down.region.set(region);
    record.entered(region);
}

/// The region that a request is with, which is another one after a fallback.
pub type Whereabouts = Cell<RegionId>;
