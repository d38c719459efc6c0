//! A look-up at one region. All that can be sent from here is a [`Call`] with a key in it: nothing of
//! a request, of its caller or of any other region.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Instant;
use zeroize::Zeroizing;

use super::worker::View;
use crate::headers::request::Head;
use crate::http1::Framing;
use crate::http1::response::ResponseHead;
use crate::lookup::{Call, Said, said};
use crate::net::deadline;
use crate::region::RegionId;
use crate::upstream::client::Client;
use crate::upstream::failure::Cause;
use crate::upstream::outgoing::{Outgoing, RequestBody};
use crate::upstream::pool::Pools;
use crate::upstream::travel::{Journey, Terms, travel};

/// As much of an answer is read; a whole one is a tenth of it.
const MOST_BYTES: usize = 32 * 1024;

/// Asks one region whether it has what the call's key is of, and notes in `journey` how it fared.
pub async fn inquire(
    view: &View,
    pools: &Rc<Pools>,
    region: RegionId,
    call: Call,
    within: Duration,
    journey: &mut Journey,
) -> Said {
    let must_end = Instant::now() + within;
    let asked = ask(view, pools, region, call, must_end, journey);
    deadline::within(must_end, asked)
        .await
        .unwrap_or(Said::CannotSay)
}

async fn ask(
    view: &View,
    pools: &Rc<Pools>,
    region: RegionId,
    call: Call,
    must_end: Instant,
    journey: &mut Journey,
) -> Said {
    let content = call.content.as_ref();
    let content = content.map(|(content_type, content)| (*content_type, content.len()));
    let head = Head::inquiry(&call.path, content);
    let framing = content.map_or(Framing::Empty, |(_, length)| Framing::Length(length as u64));
    let outgoing = Outgoing::new(head, framing);
    let mut question = Question {
        body: call.content.map(|(_, content)| content).unwrap_or_default(),
        taken: 0,
        status: 0,
    };
    let terms = Terms {
        expects_continue: false,
        asked: None,
        alias: false,
        to_head: false,
        repeatable: false,
        // A generation that does not know the call may answer anything, or late, or not at all; its
        // health is another matter.
        judges: false,
        network: None,
        must_end,
    };
    let cluster = view.cluster(region);
    let travelled = travel(cluster, pools, outgoing, terms, &mut question, journey);
    let Ok(mut exchange) = travelled.await else {
        return Said::CannotSay;
    };
    let mut answer = Vec::new();
    let whole = poll_fn(|context| {
        loop {
            let data = match exchange.poll_data(&mut question, context) {
                Poll::Ready(Ok(Some(data))) => data,
                Poll::Ready(Ok(None)) => return Poll::Ready(true),
                Poll::Ready(Err(_)) => return Poll::Ready(false),
                Poll::Pending => return Poll::Pending,
            };
            answer.extend_from_slice(data);
            let count = data.len();
            exchange.consume(count);
            if answer.len() > MOST_BYTES {
                return Poll::Ready(false);
            }
        }
    });
    if !whole.await {
        return Said::CannotSay;
    }
    exchange.finish();
    said(view.generation(region), question.status, &answer)
}

/// What is sent, as `upstream` takes a client's body.
struct Question {
    body: Zeroizing<Vec<u8>>,
    taken: usize,
    status: u16,
}

impl RequestBody for Question {
    fn poll_data(&mut self, _context: &mut Context<'_>) -> Poll<Result<Option<&[u8]>, Cause>> {
        let rest = self.body.get(self.taken..).unwrap_or_default();
        Poll::Ready(Ok((!rest.is_empty()).then_some(rest)))
    }

    fn consume(&mut self, count: usize) {
        self.taken += count;
    }

    fn trailers(&self) -> &[u8] {
        &[]
    }
}

impl Client for Question {
    fn informational(&mut self, _head: &ResponseHead<'_, '_>) {}

    fn poll_informational(&mut self, _context: &mut Context<'_>) {}

    fn head(&mut self, head: &ResponseHead<'_, '_>) {
        self.status = head.status;
    }
}
