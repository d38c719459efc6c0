//! Who is chosen, and when nobody is.

use std::future::{Future, poll_fn};
use std::task::Poll;

use super::*;
use crate::balance::health::ProbeRules;
use crate::upstream::testing::cluster;

const PROBES: ProbeRules = ProbeRules { rise: 1, fall: 1 };

#[tokio::test]
async fn beyond_the_limit_a_request_is_refused_until_one_ends() {
    let mut cluster = cluster(&[1, 2]);
    cluster.limits.connections = 2;
    let (pools, now) = (Rc::<Pools>::default(), Instant::now());
    let mut leases: Vec<Lease> = (0..4)
        .map(|_| pools.lease(&cluster, &[], now).expect("room"))
        .collect();
    let refused = pools.lease(&cluster, &[], now).err();
    assert_eq!(refused, Some(Cause::Overloaded));
    leases.pop();
    assert!(pools.lease(&cluster, &[], now).is_ok());
}

/// A request that waits across a reload: the server may be another region's by now.
#[tokio::test(start_paused = true)]
async fn an_endpoint_that_left_its_region_is_not_leased() {
    let mut cluster = cluster(&[1, 2]);
    (cluster.limits.requests, cluster.limits.queue) = (1, 3);
    let (pools, now) = (Rc::<Pools>::default(), Instant::now());
    let held = pools.lease(&cluster, &[], now).expect("room");
    let wait = async {
        let lease = pools.lease_in_line(&cluster, Instant::now()).await;
        lease.map(|lease| lease.endpoint.id)
    };
    let reload = async {
        tokio::task::yield_now().await;
        assert_eq!(cluster.state.breaker.waiting(), 1);
        cluster.endpoints[0].state.withdraw();
        drop(held);
    };
    let (found, ()) = tokio::join!(biased; wait, reload);
    assert_eq!(found, Ok(cluster.endpoints[1].id));
    cluster.endpoints[1].state.withdraw();
    let none = pools.lease(&cluster, &[], now).err();
    assert_eq!(none, Some(Cause::NoEndpoint));
}

/// Two threads, as far as the limits are concerned.
#[tokio::test]
async fn limits_are_those_of_all_threads_together() {
    let mut cluster = cluster(&[1, 2]);
    (cluster.limits.connections, cluster.limits.requests) = (2, 3);
    let (one, two, now) = (
        Rc::<Pools>::default(),
        Rc::<Pools>::default(),
        Instant::now(),
    );
    let mut leases: Vec<Lease> = [&one, &two, &one]
        .map(|pools| pools.lease(&cluster, &[], now).expect("room"))
        .into();
    assert!(cluster.is_full());
    assert_eq!(two.lease(&cluster, &[], now).err(), Some(Cause::Overloaded));
    let counts = [0, 1].map(|i| cluster.endpoints[i].state.requests.now());
    assert_eq!(counts.iter().sum::<u32>(), 3);
    leases.clear();
    assert_eq!(cluster.state.breaker.requests.now(), 0);
    assert!(!cluster.is_full());
}

#[tokio::test(start_paused = true)]
async fn the_line_is_served_in_order_and_no_newcomer_goes_before_it() {
    let mut cluster = cluster(&[1]);
    (cluster.limits.requests, cluster.limits.queue) = (1, 3);
    let (pools, now) = (Rc::<Pools>::default(), Instant::now());
    let held = pools.lease(&cluster, &[], now).expect("room");
    let served = RefCell::new(Vec::new());
    let wait = async |number: u8| {
        let lease = pools.lease_in_line(&cluster, Instant::now()).await;
        served.borrow_mut().push((number, lease.is_ok()));
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        drop(lease);
    };
    let end = async {
        tokio::task::yield_now().await;
        assert_eq!(cluster.state.breaker.waiting(), 3);
        drop(held);
    };
    // The fourth finds the line full, at once.
    tokio::join!(biased; wait(1), wait(2), wait(3), wait(4), end);
    assert_eq!(
        *served.borrow(),
        [(4, false), (1, true), (2, true), (3, true)]
    );
    assert_eq!(cluster.state.breaker.refused(), (1, 0));
    assert!(!cluster.state.breaker.has_line());
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_and_so_does_that_of_who_went_away() {
    let mut cluster = cluster(&[1]);
    cluster.limits.connections = 1;
    let (pools, now) = (Rc::<Pools>::default(), Instant::now());
    let held = pools.lease(&cluster, &[], now).expect("room");
    let late = pools.lease_in_line(&cluster, now).await.err();
    assert_eq!(late, Some(Cause::Overloaded));
    assert_eq!(now.elapsed(), cluster.limits.wait);
    assert_eq!(cluster.state.breaker.refused(), (0, 1));
    assert_eq!(cluster.state.breaker.turned(), Some(true));
    // A client that goes away leaves the line; the next one has its turn.
    let now = Instant::now();
    {
        let mut gone = Box::pin(pools.lease_in_line(&cluster, now));
        let first = poll_fn(|context| Poll::Ready(gone.as_mut().poll(context).is_pending()));
        assert!(first.await);
        assert_eq!(cluster.state.breaker.waiting(), 1);
    }
    assert!(!cluster.state.breaker.has_line());
    drop(held);
    assert!(pools.lease_in_line(&cluster, now).await.is_ok());
    assert_eq!(cluster.state.breaker.turned(), Some(false));
    assert_eq!(cluster.state.breaker.turned(), None);
}

/// Threads that take and give all the time never have more than the limit, and nobody sleeps for ever.
#[test]
fn threads_keep_the_limit_and_wake_each_other() {
    let mut cluster = cluster(&[1, 2]);
    (cluster.limits.requests, cluster.limits.queue) = (2, 100);
    cluster.limits.wait = std::time::Duration::from_secs(60);
    let cluster = &cluster;
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(move || {
                let pools = Rc::<Pools>::default();
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_time()
                    .build();
                runtime.expect("a runtime").block_on(async {
                    for _ in 0..500 {
                        let lease = pools.lease_in_line(cluster, Instant::now()).await;
                        assert!(lease.is_ok());
                        assert!(
                            cluster
                                .endpoints
                                .iter()
                                .map(|one| one.state.requests.now())
                                .sum::<u32>()
                                <= 2
                        );
                        tokio::task::yield_now().await;
                    }
                });
            });
        }
    });
    assert_eq!(cluster.state.breaker.refused(), (0, 0));
    assert_eq!(cluster.state.breaker.requests.now(), 0);
}

#[tokio::test]
async fn what_is_down_or_tried_is_not_chosen() {
    let cluster = cluster(&[1, 2]);
    let (pools, now) = (Rc::<Pools>::default(), Instant::now());
    let [first, second] = [0, 1].map(|i| &cluster.endpoints[i]);
    first.state.probed(false, &PROBES, now.into_std());
    for _ in 0..50 {
        let lease = pools.lease(&cluster, &[], now).expect("the other one");
        assert_eq!(lease.endpoint.id, second.id);
    }
    let refused = pools.lease(&cluster, &[second.id], now).err();
    assert_eq!(refused, Some(Cause::NoEndpoint));
}

#[tokio::test]
async fn what_came_back_has_less_than_its_share_at_first() {
    let cluster = cluster(&[1, 2]);
    let (pools, now) = (Rc::<Pools>::default(), Instant::now());
    let returned = &cluster.endpoints[0];
    returned.state.probed(false, &PROBES, now.into_std());
    returned.state.probed(true, &PROBES, now.into_std());
    let share = |at: Instant| {
        let chosen = (0..4_000).filter(|_| {
            let lease = pools.lease(&cluster, &[], at).expect("an endpoint");
            lease.endpoint.id == returned.id
        });
        chosen.count()
    };
    let first = share(now);
    assert!(
        (200..550).contains(&first),
        "a tenth beside a whole: {first}"
    );
    let grown = share(now + cluster.rules.slow_start);
    assert!((1_500..2_500).contains(&grown), "{grown}");
}

/// The second check: whatever chose the endpoint, it is not used for another region's request.
#[tokio::test]
async fn an_endpoint_of_another_region_is_never_leased() {
    let mut cluster = cluster(&[1]);
    let endpoint = Arc::get_mut(&mut cluster.endpoints[0]).expect("nobody else's");
    endpoint.region = "us".into();
    let pools = Rc::<Pools>::default();
    let refused = pools.lease(&cluster, &[], Instant::now()).err();
    assert_eq!(refused, Some(Cause::WrongRegion));
}
