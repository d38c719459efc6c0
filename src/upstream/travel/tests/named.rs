//! Endpoints whose name stands for several addresses, or for others than before.

use super::*;
use crate::balance::addresses::{Answer, Rules};
use crate::upstream::endpoint::Place;

/// The endpoint leaves its region while a request waits for its name to be resolved.
#[tokio::test]
async fn nothing_is_sent_to_an_endpoint_that_left_its_region_meanwhile() {
    let (port, reads) = endpoint(&[OK]).await;
    let (cluster, say) = named(port);
    let pools = Rc::<Pools>::default();
    let state = cluster.endpoints[0].state.clone();
    let reload = async {
        tokio::task::yield_now().await;
        assert_eq!(state.requests.now(), 1);
        state.withdraw();
        say(&[1]);
    };
    let ((result, _), ()) = tokio::join!(biased; ask(&cluster, &pools, "POST", b"secret"), reload);
    assert_eq!(result, Err((Failure::unsent(Cause::NoEndpoint), true)));
    assert_eq!(reads.load(Ordering::SeqCst), 0);
}

/// Servers at one port of these addresses of the loopback network, and how many requests each has read.
async fn servers<const N: usize>(hosts: [u8; N]) -> (u16, [Arc<AtomicUsize>; N]) {
    'port: loop {
        let mut listeners = Vec::new();
        let mut port = 0;
        for host in hosts {
            let at = std::net::SocketAddr::from(([127, 0, 0, host], port));
            let Ok(listener) = TcpListener::bind(at).await else {
                continue 'port;
            };
            port = listener.local_addr().expect("an address").port();
            listeners.push(listener);
        }
        let reads = [(); N].map(|()| Arc::default());
        for (listener, read) in listeners.into_iter().zip(&reads) {
            serve(listener, &[OK], Arc::clone(read));
        }
        return (port, reads);
    }
}

/// A region of one endpoint that has a name, and what tells it what the name stands for.
fn named(port: u16) -> (Cluster, impl Fn(&[u8])) {
    let mut cluster = cluster(&[port]);
    let endpoint = Arc::get_mut(&mut cluster.endpoints[0]).expect("the only one");
    endpoint.place = Place::Name("app".to_owned());
    let state = cluster.endpoints[0].state.clone();
    let say = move |hosts: &[u8]| {
        let minute = Duration::from_secs(60);
        let rules = Rules {
            least: minute,
            most: minute,
        };
        let addresses = hosts.iter().map(|host| [127, 0, 0, *host].into());
        let found = Answer::Addresses(addresses.collect(), minute);
        let now = Instant::now().into_std();
        let none = Answer::Addresses(Vec::new(), minute);
        state.resolved.settle([none, found], rules, now);
    };
    (cluster, say)
}

#[tokio::test]
async fn a_kept_connection_goes_when_its_address_leaves_the_answer() {
    let (port, [one, two]) = servers([2, 3]).await;
    let (cluster, say) = named(port);
    let pools = Rc::<Pools>::default();
    say(&[2]);
    for _ in 0..5 {
        assert_eq!(ask(&cluster, &pools, "POST", b"secret").await.0, Ok(200));
    }
    assert_eq!(one.load(Ordering::SeqCst), 5);
    assert_eq!(pools.idle(), 1, "one connection served them all");
    say(&[3]);
    for _ in 0..5 {
        assert_eq!(ask(&cluster, &pools, "POST", b"secret").await.0, Ok(200));
    }
    assert_eq!(
        (one.load(Ordering::SeqCst), two.load(Ordering::SeqCst)),
        (5, 5)
    );
    pools.sweep(Instant::now(), cluster.timeouts.pool_idle);
    assert_eq!(pools.idle(), 1, "the one to the old address is closed");
    // A connection in use when its address leaves is not kept either.
    say(&[2, 3]);
    say(&[2]);
    assert_eq!(ask(&cluster, &pools, "POST", b"secret").await.0, Ok(200));
    assert_eq!(one.load(Ordering::SeqCst), 6);
}

#[tokio::test]
async fn each_address_of_a_name_has_its_share_of_the_requests() {
    let (port, reads) = servers([2, 3, 4]).await;
    let (cluster, say) = named(port);
    let pools = Rc::<Pools>::default();
    say(&[2]);
    for _ in 0..10 {
        assert_eq!(ask(&cluster, &pools, "POST", b"secret").await.0, Ok(200));
    }
    // Two are added under steady load, while connections to the first are kept.
    say(&[2, 3, 4]);
    for _ in 0..300 {
        assert_eq!(ask(&cluster, &pools, "POST", b"secret").await.0, Ok(200));
    }
    let shares = reads.map(|read| read.load(Ordering::SeqCst));
    assert!(shares.iter().all(|share| *share > 50), "{shares:?}");
    assert_eq!(pools.idle(), 3, "and each its connection");
}

/// It would hold up each second request, or open a connection for it.
#[tokio::test]
async fn an_address_that_cannot_be_reached_is_not_chosen_again_and_again() {
    let (port, [read]) = servers([2]).await;
    let (cluster, say) = named(port);
    let pools = Rc::<Pools>::default();
    say(&[2, 3]);
    let mut connected = 0;
    for _ in 0..50 {
        let (result, journey) = ask(&cluster, &pools, "POST", b"secret").await;
        assert_eq!(result, Ok(200));
        connected += usize::from(journey.connect.is_some());
    }
    assert_eq!(read.load(Ordering::SeqCst), 50);
    assert!(connected <= 3, "{connected}");
}

#[tokio::test]
async fn a_connection_has_a_greatest_age() {
    let (port, _) = endpoint(&[OK]).await;
    let mut cluster = cluster(&[port]);
    let pools = Rc::<Pools>::default();
    assert_eq!(ask(&cluster, &pools, "GET", b"").await.0, Ok(200));
    assert_eq!(pools.idle(), 1);
    let later = Instant::now() + cluster.timeouts.pool_age;
    pools.sweep(later, Duration::MAX);
    assert_eq!(pools.idle(), 0);
    cluster.timeouts.pool_age = Duration::ZERO;
    for _ in 0..3 {
        let (result, journey) = ask(&cluster, &pools, "GET", b"").await;
        assert_eq!((result, journey.connect.is_some()), (Ok(200), true));
        assert_eq!(pools.idle(), 0);
    }
}

#[tokio::test]
async fn nobody_to_ask_is_said_before_anything_is_sent() {
    let (a, reads) = endpoint(&[OK]).await;
    let cluster = cluster(&[a]);
    let rules = ProbeRules { rise: 1, fall: 1 };
    let now = Instant::now().into_std();
    cluster.endpoints[0].state.probed(false, &rules, now);
    let (result, journey) = ask(&cluster, &Rc::default(), "POST", b"secret").await;
    assert_eq!(result, Err((Failure::unsent(Cause::NoEndpoint), true)));
    assert_eq!((journey.attempts, journey.retry_after), (0, Some(2)));
    assert_eq!(reads.load(Ordering::SeqCst), 0);
}
