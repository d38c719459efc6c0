//! Who receives a request how often, over real sockets, when endpoints misbehave.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::balance::budget::BudgetRules;
use crate::balance::health::ProbeRules;
use crate::headers::request::{Cookies, Facts, Outbound};
use crate::http1::Framing;
use crate::region::pin::CookieNames;
use crate::upstream::testing::cluster;

mod named;

/// What an endpoint does once it has read a request's head.
#[derive(Clone, Copy, Debug)]
enum Act {
    Say(&'static str),
    Wait,
    /// Ends the connection with a reset.
    Reset,
}

const OK: Act = Act::Say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");

/// An endpoint that follows its script, request by request, and repeats the last act; and how many
/// requests it has read.
async fn endpoint(script: &[Act]) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let read = Arc::new(AtomicUsize::new(0));
    serve(listener, script, read.clone());
    (port, read)
}

fn serve(listener: TcpListener, script: &[Act], count: Arc<AtomicUsize>) {
    let script = Arc::new(Mutex::new(VecDeque::from(script.to_vec())));
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let (script, count) = (script.clone(), count.clone());
            tokio::spawn(async move {
                let mut input = Vec::new();
                loop {
                    while !input.windows(4).any(|four| four == b"\r\n\r\n") {
                        if socket.read_buf(&mut input).await.unwrap_or(0) == 0 {
                            return;
                        }
                    }
                    input.clear();
                    count.fetch_add(1, Ordering::SeqCst);
                    let act = {
                        let mut script = script.lock().expect("no panic");
                        let first = script[0];
                        if script.len() > 1 {
                            script.pop_front();
                        }
                        first
                    };
                    match act {
                        Act::Say(answer) => {
                            let _ = socket.write_all(answer.as_bytes()).await;
                        }
                        Act::Wait => std::future::pending().await,
                        Act::Reset => {
                            let _ = socket.set_zero_linger();
                            return;
                        }
                    }
                }
            });
        }
    });
}

/// A port at which nobody listens.
fn nobody() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

/// A caller; `silent` ones never send the body that they announced.
#[derive(Default)]
struct Caller {
    silent: bool,
    body: &'static [u8],
    status: u16,
}

impl RequestBody for Caller {
    fn poll_data(&mut self, _context: &mut Context<'_>) -> Poll<Result<Option<&[u8]>, Cause>> {
        if self.silent {
            return Poll::Pending;
        }
        Poll::Ready(Ok((!self.body.is_empty()).then_some(self.body)))
    }

    fn consume(&mut self, count: usize) {
        self.body = &self.body[count..];
    }

    fn trailers(&self) -> &[u8] {
        &[]
    }
}

impl Client for Caller {
    fn informational(&mut self, _head: &ResponseHead<'_, '_>) {}

    fn poll_informational(&mut self, _context: &mut Context<'_>) {}

    fn head(&mut self, head: &ResponseHead<'_, '_>) {
        self.status = head.status;
    }
}

fn request(method: &str, framing: Framing) -> Outgoing {
    let names = CookieNames::new("__Host-ots-region", "__Host-sticky").expect("good names");
    let outbound = Outbound {
        method,
        target: "/api/v2/status",
        client: "203.0.113.7",
        pseudonym: "onetime-gateway",
        received: "1.1",
        request_id: "id-1",
        traceparent: None,
        tracestate: false,
        baggage: false,
        country: None,
        cookies: Cookies::Forward,
        own_cookies: &names,
        framing,
    };
    Outgoing::new(
        outbound.write(&[], &Facts::read(&[], "onetime-gateway")),
        framing,
    )
}

/// One request's way: the status or the failure, and the journey. A connection that can serve
/// another request is kept.
async fn ask(
    cluster: &Cluster,
    pools: &Rc<Pools>,
    method: &str,
    body: &'static [u8],
) -> (Result<u16, (Failure, bool)>, Journey) {
    let mut caller = Caller {
        body,
        ..Caller::default()
    };
    let framing = match body.len() {
        0 => Framing::Empty,
        length => Framing::Length(length as u64),
    };
    let terms = Terms {
        expects_continue: false,
        asked: None,
        alias: false,
        to_head: false,
        repeatable: method == "GET",
        judges: true,
        network: None,
        must_end: Instant::now() + cluster.timeouts.request,
    };
    let (outgoing, mut journey) = (request(method, framing), Journey::default());
    let answered = travel(cluster, pools, outgoing, terms, &mut caller, &mut journey).await;
    let result = match answered {
        Ok(mut exchange) => {
            loop {
                let data = poll_fn(|context| {
                    exchange
                        .poll_data(&mut caller, context)
                        .map_ok(|data| data.map(<[u8]>::len))
                });
                match data.await.expect("a whole body") {
                    Some(count) => exchange.consume(count),
                    None => break,
                }
            }
            exchange.finish();
            Ok(caller.status)
        }
        Err(stopped) => Err((stopped.failure, stopped.whole.is_some())),
    };
    (result, journey)
}

const MAYBE: Failure = Failure {
    cause: Cause::Closed,
    delivery: Delivery::MaybeExecuted,
};

#[tokio::test]
async fn what_may_have_been_sent_is_sent_again_only_if_static() {
    for first in [0, 1] {
        let scripts = if first == 0 {
            [Act::Reset, OK]
        } else {
            [OK, Act::Reset]
        };
        let (a, reads_a) = endpoint(&scripts[..1]).await;
        let (b, reads_b) = endpoint(&scripts[1..]).await;
        let cluster = cluster(&[a, b]);
        let pools = Rc::<Pools>::default();
        for _ in 0..8 {
            let (result, journey) = ask(&cluster, &pools, "GET", b"").await;
            assert_eq!(result, Ok(200));
            assert!(journey.attempts <= 2);
            assert_eq!(journey.retried.len() as u32, journey.attempts - 1);
        }
        let before = reads_a.load(Ordering::SeqCst) + reads_b.load(Ordering::SeqCst);
        let mut failures = 0;
        for _ in 0..8 {
            let (result, journey) = ask(&cluster, &pools, "POST", b"secret").await;
            assert_eq!(journey.attempts, 1);
            match result {
                Ok(status) => assert_eq!(status, 200),
                Err(failure) => {
                    assert_eq!(failure, (MAYBE, false), "nothing is left to be sent");
                    failures += 1;
                }
            }
        }
        let after = reads_a.load(Ordering::SeqCst) + reads_b.load(Ordering::SeqCst);
        assert_eq!(after - before, 8, "each exactly once; {failures} failed");
    }
}

#[tokio::test]
async fn what_was_never_sent_goes_elsewhere_whatever_it_is() {
    let (good, reads) = endpoint(&[OK]).await;
    let cluster = cluster(&[nobody(), good]);
    let pools = Rc::<Pools>::default();
    for i in 1..=20 {
        let (result, _) = ask(&cluster, &pools, "POST", b"secret").await;
        assert_eq!(result, Ok(200));
        assert_eq!(reads.load(Ordering::SeqCst), i);
    }
    let now = Instant::now().into_std();
    assert!(
        !cluster.endpoints[0].state.takes_requests(now),
        "ejected meanwhile"
    );
    let (result, journey) = ask(&cluster, &pools, "POST", b"secret").await;
    assert_eq!((result, journey.attempts), (Ok(200), 1));
}

#[tokio::test]
async fn a_kept_connection_that_ends_as_we_write_costs_nothing_but_a_post() {
    let (port, reads) = endpoint(&[OK, Act::Reset, OK, Act::Reset, OK]).await;
    let cluster = cluster(&[port]);
    let pools = Rc::<Pools>::default();
    assert_eq!(ask(&cluster, &pools, "GET", b"").await.0, Ok(200));
    let (result, journey) = ask(&cluster, &pools, "GET", b"").await;
    assert_eq!(
        (result, journey.attempts),
        (Ok(200), 2),
        "on a new connection"
    );
    assert_eq!(reads.load(Ordering::SeqCst), 3);
    let (result, journey) = ask(&cluster, &pools, "POST", b"secret").await;
    assert_eq!((result, journey.attempts), (Err((MAYBE, false)), 1));
    assert_eq!(reads.load(Ordering::SeqCst), 4, "never replayed");
    let now = Instant::now().into_std();
    assert_eq!(
        cluster.endpoints[0]
            .state
            .shown(now, Duration::ZERO)
            .failures,
        0
    );
    assert_eq!(ask(&cluster, &pools, "POST", b"secret").await.0, Ok(200));
}

#[tokio::test]
async fn retries_are_bounded_by_attempts_and_budget() {
    let (port, reads) = endpoint(&[Act::Reset]).await;
    let mut cluster = cluster(&[port]);
    let pools = Rc::<Pools>::default();
    let (result, journey) = ask(&cluster, &pools, "GET", b"").await;
    assert_eq!(result, Err((MAYBE, false)));
    assert_eq!(
        (journey.attempts, journey.retry_refused),
        (3, Some("attempts"))
    );
    assert_eq!(reads.load(Ordering::SeqCst), 3);
    cluster.rules.retries = BudgetRules {
        share: 0,
        milli_per_second: 0,
    };
    let (_, journey) = ask(&cluster, &pools, "GET", b"").await;
    assert_eq!(
        (journey.attempts, journey.retry_refused),
        (1, Some("budget"))
    );
    assert_eq!(reads.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn a_region_that_asks_for_a_pause_gets_it() {
    let busy = "HTTP/1.1 503 Busy\r\nRetry-After: 5\r\nContent-Length: 0\r\n\r\n";
    let (port, reads) = endpoint(&[Act::Say(busy), Act::Reset]).await;
    let cluster = cluster(&[port]);
    let pools = Rc::<Pools>::default();
    assert_eq!(ask(&cluster, &pools, "GET", b"").await.0, Ok(503));
    let (_, journey) = ask(&cluster, &pools, "GET", b"").await;
    assert_eq!(
        (journey.attempts, journey.retry_refused),
        (1, Some("retry-after"))
    );
    assert_eq!(reads.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn what_was_sent_once_is_never_called_unsent() {
    let (port, _) = endpoint(&[Act::Reset]).await;
    let cluster = cluster(&[port, nobody(), nobody()]);
    let mut sent = 0;
    for _ in 0..20 {
        let (result, journey) = ask(&cluster, &Rc::default(), "GET", b"").await;
        let (failure, whole) = result.expect_err("nobody answers");
        assert_eq!(whole, failure.is_unsent());
        assert_eq!(
            failure.is_unsent(),
            journey.retried.is_empty() && failure != MAYBE
        );
        sent += u32::from(!failure.is_unsent());
    }
    assert!(sent > 0);
}

#[tokio::test]
async fn an_error_that_a_404_hides_counts_and_a_plain_404_does_not() {
    let hidden = "HTTP/1.1 404 Not Found\r\nContent-Length: 47\r\n\r\n\
                  {\"message\": \"An unexpected error occurred :[\" }";
    let chunked = "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n\
                   2f\r\n{\"message\": \"An unexpected error occurred :[\" }\r\n0\r\n\r\n";
    let plain = "HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nNot Found";
    let meant = |status: u16| -> &'static str {
        let head = "HTTP/1.1 404 Not Found\r\nX-OTS-Intended-Status:";
        format!("{head} {status}\r\nContent-Length: 2\r\n\r\n{{}}").leak()
    };
    for (answer, ejects) in [
        (hidden, true),
        (chunked, true),
        (meant(500), true),
        (meant(503), true),
        (plain, false),
        (meant(400), false),
        (meant(401), false),
    ] {
        let (a, _) = endpoint(&[Act::Say(answer)]).await;
        let (b, _) = endpoint(&[Act::Say(answer)]).await;
        let cluster = cluster(&[a, b]);
        let pools = Rc::<Pools>::default();
        let mut ejected = 0;
        for _ in 0..10 {
            let (result, journey) = ask(&cluster, &pools, "POST", b"secret").await;
            assert_eq!((result, journey.attempts), (Ok(404), 1));
            assert_eq!(journey.went_well, !ejects);
            ejected += journey.ejected.len();
        }
        assert_eq!(
            ejected,
            usize::from(ejects),
            "one of two, the last one never"
        );
    }
}

#[tokio::test]
async fn an_ejection_counts_only_while_another_endpoint_takes_requests() {
    let (a, reads_a) = endpoint(&[OK]).await;
    let (b, reads_b) = endpoint(&[OK]).await;
    let cluster = cluster(&[a, b]);
    let now = Instant::now().into_std();
    while !cluster.failed(&cluster.endpoints[0], Evidence::Status, now) {}
    for _ in 0..10 {
        assert_eq!(ask(&cluster, &Rc::default(), "POST", b"s").await.0, Ok(200));
    }
    assert_eq!(reads_a.load(Ordering::SeqCst), 0);
    assert_eq!(reads_b.load(Ordering::SeqCst), 10);
    let rules = ProbeRules { rise: 1, fall: 1 };
    cluster.endpoints[1].state.probed(false, &rules, now);
    assert_eq!(ask(&cluster, &Rc::default(), "POST", b"s").await.0, Ok(200));
    assert_eq!(reads_a.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_client_that_does_not_send_is_nobody_elses_fault() {
    let (a, _) = endpoint(&[Act::Wait]).await;
    let (b, _) = endpoint(&[Act::Wait]).await;
    let mut cluster = cluster(&[a, b]);
    cluster.timeouts.client_idle = Duration::from_secs(60);
    let pools = Rc::<Pools>::default();
    for _ in 0..10 {
        let mut caller = Caller {
            silent: true,
            ..Caller::default()
        };
        let terms = Terms {
            expects_continue: false,
            asked: None,
            alias: false,
            to_head: false,
            repeatable: false,
            judges: true,
            network: None,
            must_end: Instant::now() + Duration::from_millis(10),
        };
        let (outgoing, mut journey) = (request("POST", Framing::Length(9)), Journey::default());
        let travelled = travel(&cluster, &pools, outgoing, terms, &mut caller, &mut journey);
        let stopped = travelled.await.err().expect("no answer");
        assert_eq!(stopped.failure.cause, Cause::ClientStalled);
        assert!(journey.ejected.is_empty());
    }
    let now = Instant::now().into_std();
    for endpoint in &cluster.endpoints {
        assert_eq!(endpoint.state.shown(now, Duration::ZERO).failures, 0);
    }
}

mod model {
    //! Random endpoints under random requests: what is sent how often, and what is said of it.

    use proptest::prelude::*;

    use super::*;

    fn acts() -> impl Strategy<Value = Vec<Act>> {
        let busy = Act::Say("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
        let closing = Act::Say("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
        let garbage = Act::Say("garbage\r\n\r\n");
        let act = prop::sample::select(vec![OK, OK, Act::Reset, busy, closing, garbage]);
        prop::collection::vec(act, 1..12)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn each_post_is_read_at_most_once_and_each_get_within_bounds(
            scripts in prop::collection::vec(prop::option::weighted(0.8, acts()), 1..4),
            requests in prop::collection::vec((any::<bool>(), any::<bool>()), 1..30),
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async {
                let (mut ports, mut counts) = (Vec::new(), Vec::new());
                for script in &scripts {
                    match script {
                        Some(script) => {
                            let (port, count) = endpoint(script).await;
                            ports.push(port);
                            counts.push(count);
                        }
                        None => ports.push(nobody()),
                    }
                }
                let read = || counts.iter().map(|one| one.load(Ordering::SeqCst)).sum::<usize>();
                let cluster = cluster(&ports);
                let pools = Rc::<Pools>::default();
                for (is_get, has_body) in requests {
                    let before = read();
                    let method = if is_get { "GET" } else { "POST" };
                    let body: &[u8] = if has_body && !is_get { b"secret" } else { b"" };
                    let (result, journey) = ask(&cluster, &pools, method, body).await;
                    let times = read() - before;
                    assert!(journey.attempts <= MOST_ATTEMPTS);
                    assert!(times <= if is_get { MOST_ATTEMPTS as usize } else { 1 });
                    assert!(is_get || journey.retried.is_empty());
                    match result {
                        Ok(_) => assert!(times > 0),
                        Err((failure, whole)) => {
                            assert_eq!(failure.is_unsent(), whole);
                            assert!(times == 0 || !failure.is_unsent(), "the truth is told");
                        }
                    }
                    let now = Instant::now().into_std();
                    let takers = cluster.endpoints.iter().filter(|one| one.state.takes_requests(now));
                    assert!(takers.count() > 0, "never all ejected");
                }
            });
        }
    }
}
