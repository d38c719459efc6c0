//! A request's attempts within one region. Another attempt is made only when not one byte of the
//! request was handed to the network.

use std::time::Duration;

use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use smallvec::SmallVec;
use tokio::time::Instant;

use super::connect::connect;
use super::endpoint::{Cluster, Endpoint};
use super::exchange::{Client, Exchange, Outgoing};
use super::failure::{Cause, Failure};
use super::pool::{Lease, Pools};
use crate::net::stream::Stream;

/// Attempts for one request, each at another endpoint.
const MOST_ATTEMPTS: usize = 3;

/// What is known of a request's way, for the record.
#[derive(Clone, Default)]
pub struct Journey {
    /// Attempts made.
    pub attempts: u32,
    /// Time spent connecting, if a connection had to be made.
    pub connect: Option<Duration>,
    /// The endpoint of the last attempt.
    pub endpoint: Option<Arc<Endpoint>>,
    /// Connect failures on the way, by cause.
    pub failed: SmallVec<[Cause; 2]>,
}

/// Sends a request to one of the cluster's endpoints and waits for the answer's head. `asked` is
/// the host that the client named, where the region is to see that one.
///
/// # Errors
/// The last attempt's [`Failure`].
pub async fn travel(
    cluster: &Cluster,
    pools: &Rc<Pools>,
    mut outgoing: Outgoing,
    asked: Option<&str>,
    to_head: bool,
    client: &mut impl Client,
    journey: &mut Journey,
) -> Result<Exchange, Failure> {
    let must_end = Instant::now() + cluster.timeouts.request;
    let mut tried: SmallVec<[u32; MOST_ATTEMPTS]> = SmallVec::new();
    let mut last = Failure::unsent(Cause::NoEndpoint);
    while tried.len() < MOST_ATTEMPTS {
        let lease = match pools.lease(cluster, &tried) {
            Ok(lease) => lease,
            Err(_) if !tried.is_empty() => break,
            Err(cause) => return Err(Failure::unsent(cause)),
        };
        tried.push(lease.endpoint.id);
        journey.attempts += 1;
        journey.endpoint = Some(lease.endpoint.clone());
        let stream = match obtain(cluster, &lease, journey).await {
            Ok(stream) => stream,
            Err(cause) => {
                journey.failed.push(cause);
                last = Failure::unsent(cause);
                continue;
            }
        };
        let endpoint = lease.endpoint.clone();
        let host = asked.unwrap_or(&endpoint.host);
        let exchange = Exchange::new(
            stream,
            lease,
            outgoing,
            host,
            cluster.timeouts,
            must_end,
            to_head,
        );
        match exchange.answer(client).await {
            Ok(exchange) => return Ok(exchange),
            Err(lost) => {
                last = lost.failure;
                let unsent = last == Failure::unsent(last.cause);
                if !unsent || !last.cause.is_endpoints_own() {
                    break;
                }
                journey.failed.push(last.cause);
                outgoing = lost.outgoing;
            }
        }
    }
    Err(last)
}

/// A kept connection, or a new one.
async fn obtain(cluster: &Cluster, lease: &Lease, journey: &mut Journey) -> Result<Stream, Cause> {
    let now = Instant::now();
    let kept = poll_fn(|context| Poll::Ready(lease.kept(context, now, &cluster.timeouts))).await;
    if let Some(stream) = kept {
        return Ok(stream);
    }
    let connected = connect(&lease.endpoint, &cluster.timeouts).await;
    journey.connect = Some(now.elapsed());
    connected
}
