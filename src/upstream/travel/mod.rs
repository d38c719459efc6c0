//! A request's attempts within one region. Another attempt is made when not one byte of the
//! request was handed to the network; or, for what may be sent twice, after a failure that the
//! retry budget covers. Everything else has one attempt.

use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use smallvec::SmallVec;
use tokio::time::Instant;

use super::asked::Asked;
use super::connect::connect;
use super::endpoint::{Cluster, Endpoint};
use super::exchange::{Client, Exchange};
use super::failure::{Cause, Delivery, Failure};
use super::outgoing::{Outgoing, RequestBody};
use super::pool::{Connected, Lease, Pools};
use crate::balance::backoff::delay;
use crate::balance::ejection::Evidence;
use crate::http1::response::ResponseHead;
use crate::limit::block::Block;

/// Attempts for one request.
const MOST_ATTEMPTS: u32 = 3;

/// The longest wait before an attempt.
const MOST_BACKOFF: Duration = Duration::from_secs(1);

/// The application's v1 answers 404 to errors of its own, and says so in these words only.
const HIDDEN_FAILURE: &[u8] = b"An unexpected error occurred";

/// They stand at the beginning of a short answer, if at all.
const HIDDEN_WITHIN: usize = 512;

/// v1's field for the status that was meant.
const INTENDED: &str = "x-ots-intended-status";

/// What is known of a request's way, for the record.
#[derive(Clone, Default)]
pub struct Journey {
    /// Attempts made.
    pub attempts: u32,
    /// Time spent connecting, if a connection had to be made.
    pub connect: Option<Duration>,
    /// The endpoint of the last attempt.
    pub endpoint: Option<Arc<Endpoint>>,
    /// Failures on the way before anything was sent, by cause.
    pub failed: SmallVec<[Cause; 2]>,
    /// Failures after which a request that may have been sent was sent again, by cause.
    pub retried: SmallVec<[Cause; 2]>,
    /// Why a request that may be sent twice was not.
    pub retry_refused: Option<&'static str>,
    /// Endpoints ejected for what this request met, by cause.
    pub ejected: SmallVec<[Evidence; 1]>,
    /// Whether the answer's head speaks for its endpoint.
    pub went_well: bool,
    /// Seconds after which it is worth asking again, where no endpoint took the request.
    pub retry_after: Option<u32>,
}

/// What a request asks of its way.
#[derive(Clone, Copy)]
pub struct Terms<'a> {
    /// The host that the client named, where an endpoint of the region is to see that one.
    pub asked: Option<&'a str>,
    /// Whether it is an alias of the region: then all of its endpoints are.
    pub alias: bool,
    /// Whether it is a HEAD.
    pub to_head: bool,
    /// Whether it may be sent twice: a GET or HEAD of a route of class `static`, and nothing else.
    pub repeatable: bool,
    /// Whether what becomes of it speaks for its endpoint; that no connection was made always does.
    pub judges: bool,
    /// Whether the client sends its body only once it is told to go on.
    pub expects_continue: bool,
    /// The network that the client counts under, unless no limit holds for it.
    pub network: Option<Block>,
    /// When all must be over.
    pub must_end: Instant,
}

/// A request that got no answer.
pub struct Stopped {
    /// Why, and what the region can have seen.
    pub failure: Failure,
    /// The request, if not one byte of it was sent: only then is there anything to send elsewhere.
    pub whole: Option<Outgoing>,
}

/// Sends a request to one of the cluster's endpoints and waits for the answer's head.
///
/// # Errors
/// [`Stopped`], with the last attempt's failure.
pub async fn travel(
    cluster: &Cluster,
    pools: &Rc<Pools>,
    mut outgoing: Outgoing,
    terms: Terms<'_>,
    client: &mut impl Client,
    journey: &mut Journey,
) -> Result<Box<Exchange>, Stopped> {
    let breaker = &cluster.state.breaker;
    let expecting = (terms.expects_continue)
        .then(|| breaker.expect(cluster.limits.requests))
        .flatten();
    if terms.expects_continue && expecting.is_none() {
        // RFC 9110 section 10.1.1: a proxy may say so itself.
        client.go_on();
        poll_fn(|context| {
            client.poll_informational(context);
            Poll::Ready(())
        })
        .await;
    }
    // A body that does not come takes no place at the region, and no part of it gets there.
    if expecting.is_none()
        && let Err(cause) = outgoing
            .gather(client, &cluster.timeouts, terms.must_end)
            .await
    {
        return Err(Stopped {
            failure: Failure::unsent(cause),
            whole: None,
        });
    }
    let mut way = Way {
        cluster,
        pools,
        terms,
        journey,
        tried: SmallVec::new(),
        stale: false,
        was_sent: false,
    };
    let mut last = Stopped {
        failure: Failure::unsent(Cause::NoEndpoint),
        whole: Some(outgoing),
    };
    for attempt in 1..=MOST_ATTEMPTS {
        let Some(outgoing) = last.whole.take() else {
            break;
        };
        last = match way.attempt(attempt, outgoing, last.failure, client).await {
            Ok(exchange) => return Ok(exchange),
            Err(Next::Stop(stopped)) => return Err(stopped),
            Err(Next::Again(stopped)) => stopped,
        };
    }
    // What was made ready for an attempt that is not left was sent before.
    if !last.failure.is_unsent() {
        last.whole = None;
    }
    Err(last)
}

/// What follows an attempt that failed.
enum Next {
    /// Another one, with what is in `whole`.
    Again(Stopped),
    /// None.
    Stop(Stopped),
}

struct Way<'a> {
    cluster: &'a Cluster,
    pools: &'a Rc<Pools>,
    terms: Terms<'a>,
    journey: &'a mut Journey,
    /// Endpoints that have failed.
    tried: SmallVec<[u32; MOST_ATTEMPTS as usize]>,
    /// A kept connection was found dead: the next attempt makes a new one.
    stale: bool,
    /// An earlier attempt may have been sent, whatever a later one says of itself.
    was_sent: bool,
}

impl Way<'_> {
    async fn attempt(
        &mut self,
        number: u32,
        outgoing: Outgoing,
        before: Failure,
        client: &mut impl Client,
    ) -> Result<Box<Exchange>, Next> {
        let now = Instant::now();
        let lease = match self.lease(number, before, now).await {
            Ok(lease) => lease,
            Err(failure) => {
                let whole = failure.is_unsent().then_some(outgoing);
                return Err(Next::Stop(Stopped { failure, whole }));
            }
        };
        let endpoint = lease.endpoint.clone();
        self.journey.attempts += 1;
        self.journey.endpoint = Some(endpoint.clone());
        let (connected, kept) = match self.obtain(&lease, now).await {
            Ok(found) => found,
            Err(cause) => {
                let failure = Failure::unsent(cause);
                return Err(self.unsent(&endpoint, failure, outgoing, false));
            }
        };
        let keeps_host = self.terms.alias || endpoint.keeps_host;
        let asked = self.terms.asked.filter(|_| keeps_host);
        let host = asked.unwrap_or(&endpoint.host);
        let exchange = Exchange::new(
            connected,
            lease,
            outgoing,
            host,
            self.cluster.timeouts,
            self.terms.must_end,
            self.terms.to_head,
        );
        let mut watched = Watched::new(client);
        match exchange.answer(&mut watched).await {
            Ok(exchange) => {
                let (status, meant) = (watched.status, watched.meant);
                if let Some(seconds) = watched.pause {
                    let now = Instant::now().into_std();
                    self.cluster.state.pause_retries(seconds, now);
                }
                let evidence = Evidence::of_status(status).or_else(|| {
                    let admits = meant.and_then(Evidence::of_status).is_some();
                    (status == 404 && (admits || hides_failure(exchange.at_hand())))
                        .then_some(Evidence::Hidden)
                });
                match evidence.filter(|_| self.terms.judges) {
                    Some(evidence) => self.blame(&endpoint, evidence),
                    None => self.journey.went_well = true,
                }
                Ok(exchange)
            }
            Err(lost) if lost.failure.is_unsent() => {
                Err(self.unsent(&endpoint, lost.failure, lost.outgoing, kept))
            }
            Err(lost) => {
                Err(Box::pin(self.sent(number, &endpoint, lost.failure, lost.outgoing, kept)).await)
            }
        }
    }

    async fn lease(
        &mut self,
        number: u32,
        before: Failure,
        now: Instant,
    ) -> Result<Lease, Failure> {
        let first = number == 1;
        if first {
            self.pools.count(self.cluster, now);
        }
        // Only who has not been served at all waits: another attempt would do so for nothing.
        let leased = if first {
            self.pools
                .lease_in_line(self.cluster, self.terms.network, now)
                .await
        } else {
            self.pools
                .lease(self.cluster, &self.tried, self.terms.network, now)
        };
        if leased.as_ref().err() == Some(&Cause::WrongRegion) {
            // Counted whatever the caller is told in the end.
            self.journey.failed.push(Cause::WrongRegion);
        }
        match leased {
            Ok(lease) => Ok(lease),
            Err(cause) if first => {
                let seconds = self.cluster.retry_after(now.into_std());
                self.journey.retry_after = self.journey.retry_after.or(seconds);
                Err(Failure::unsent(cause))
            }
            // A request that is sent again goes to where it went before, if there is no other.
            Err(_) if !before.is_unsent() => self
                .pools
                .lease(self.cluster, &[], self.terms.network, now)
                .map_err(|_| before),
            Err(_) => Err(before),
        }
    }

    /// A kept connection, or a new one; and whether it was a kept one.
    async fn obtain(&mut self, lease: &Lease, now: Instant) -> Result<(Connected, bool), Cause> {
        if !self.stale {
            let timeouts = &self.cluster.timeouts;
            let kept = poll_fn(|context| Poll::Ready(lease.kept(context, now, timeouts))).await;
            if let Some(connected) = kept {
                return Ok((connected, true));
            }
        }
        // Not since `now`: it may have waited in line.
        let begun = Instant::now();
        let connected = Box::pin(connect(&lease.endpoint, &self.cluster.timeouts)).await;
        self.journey.connect = Some(begun.elapsed());
        let asked = Asked::default();
        connected.map(|stream| (Connected { stream, asked }, false))
    }

    /// After a failure before the first byte: any request may be tried again, elsewhere or, where
    /// only a kept connection was found dead, on a new one.
    fn unsent(
        &mut self,
        endpoint: &Endpoint,
        mut failure: Failure,
        outgoing: Outgoing,
        kept: bool,
    ) -> Next {
        if self.was_sent {
            failure.delivery = Delivery::MaybeExecuted;
        }
        if !failure.cause.is_endpoints_own() {
            let whole = failure.is_unsent().then_some(outgoing);
            return Next::Stop(Stopped { failure, whole });
        }
        let stopped = Stopped {
            failure,
            whole: Some(outgoing),
        };
        self.journey.failed.push(failure.cause);
        self.note(endpoint, failure.cause, kept);
        Next::Again(stopped)
    }

    /// After a failure of what may have been sent.
    async fn sent(
        &mut self,
        number: u32,
        endpoint: &Endpoint,
        failure: Failure,
        outgoing: Outgoing,
        kept: bool,
    ) -> Next {
        self.note(endpoint, failure.cause, kept);
        let stop = Next::Stop(Stopped {
            failure,
            whole: None,
        });
        let may_help = failure.cause.is_endpoints_own() && failure.delivery != Delivery::Executed;
        if !self.terms.repeatable || !may_help {
            return stop;
        }
        let now = Instant::now();
        let wait = delay(
            number,
            self.cluster.rules.backoff,
            MOST_BACKOFF,
            fastrand::u64(..),
        );
        let refused = if number == MOST_ATTEMPTS {
            Some("attempts")
        } else if now + wait >= self.terms.must_end {
            Some("deadline")
        } else if self.cluster.state.retries_paused(now.into_std()) {
            Some("retry-after")
        } else if !self.pools.may_retry(self.cluster, now) {
            Some("budget")
        } else {
            None
        };
        if refused.is_some() {
            self.journey.retry_refused = refused;
            return stop;
        }
        let Some(whole) = outgoing.again() else {
            return stop;
        };
        self.was_sent = true;
        self.journey.retried.push(failure.cause);
        tokio::time::sleep(wait).await;
        Next::Again(Stopped {
            failure,
            whole: Some(whole),
        })
    }

    /// A kept connection that the region closed as we came says nothing about the endpoint;
    /// everything else does.
    fn note(&mut self, endpoint: &Endpoint, cause: Cause, kept: bool) {
        self.stale = kept && cause == Cause::Closed;
        if self.stale {
            return;
        }
        self.tried.push(endpoint.id);
        let counts = |evidence: &Evidence| self.terms.judges || *evidence == Evidence::Connect;
        if let Some(evidence) = cause.evidence().filter(counts) {
            self.blame(endpoint, evidence);
        }
    }

    fn blame(&mut self, endpoint: &Endpoint, evidence: Evidence) {
        let now = Instant::now().into_std();
        if self.cluster.failed(endpoint, evidence, now) {
            self.journey.ejected.push(evidence);
        }
    }
}

/// Looks at the beginning of a body, as far as it is there; between chunks as well, of which an
/// answer so short has one.
fn hides_failure(body: &[u8]) -> bool {
    let beginning = body.get(..HIDDEN_WITHIN).unwrap_or(body);
    memchr::memmem::find(beginning, HIDDEN_FAILURE).is_some()
}

/// A client, and what the answer's head says about its endpoint.
struct Watched<'a, C> {
    client: &'a mut C,
    status: u16,
    /// The status that v1 would have given, were it not 404 for everything.
    meant: Option<u16>,
    /// Seconds for which a region that is not available asked to be left alone.
    pause: Option<u32>,
}

impl<'a, C: Client> Watched<'a, C> {
    const fn new(client: &'a mut C) -> Self {
        Self {
            client,
            status: 0,
            meant: None,
            pause: None,
        }
    }
}

impl<C: Client> RequestBody for Watched<'_, C> {
    fn poll_data(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<&[u8]>, Cause>> {
        self.client.poll_data(context)
    }

    fn consume(&mut self, count: usize) {
        self.client.consume(count);
    }

    fn trailers(&self) -> &[u8] {
        self.client.trailers()
    }
}

impl<C: Client> Client for Watched<'_, C> {
    fn informational(&mut self, head: &ResponseHead<'_, '_>) {
        self.client.informational(head);
    }

    fn poll_informational(&mut self, context: &mut Context<'_>) {
        self.client.poll_informational(context);
    }

    fn go_on(&mut self) {
        self.client.go_on();
    }

    fn head(&mut self, head: &ResponseHead<'_, '_>) {
        self.status = head.status;
        let value = |name: &str| {
            let mut fields = head.fields.iter();
            let field = fields.find(|field| field.name.eq_ignore_ascii_case(name))?;
            std::str::from_utf8(field.value).ok()
        };
        self.meant = value(INTENDED).and_then(|meant| meant.parse().ok());
        if head.status == 503 {
            // A date instead of seconds (RFC 9110 §10.2.3) is nothing that regions send.
            self.pause = value("retry-after").and_then(|seconds| seconds.parse().ok());
        }
        self.client.head(head);
    }
}

#[cfg(test)]
mod tests;
