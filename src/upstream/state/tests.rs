//! What threads see of each other's evidence.

use super::*;
use crate::upstream::testing::cluster;

const PROBES: ProbeRules = ProbeRules { rise: 1, fall: 1 };

fn fail(cluster: &Cluster, i: usize, times: usize, now: Instant) -> usize {
    (0..times)
        .filter(|_| cluster.failed(&cluster.endpoints[i], Evidence::Connect, now))
        .count()
}

#[test]
fn consecutive_failures_eject_and_a_success_between_does_not() {
    let (cluster, now) = (cluster(&[1, 2]), Instant::now());
    let first = &cluster.endpoints[0].state;
    assert_eq!(fail(&cluster, 0, 2, now), 0);
    first.succeeded();
    assert_eq!(fail(&cluster, 0, 2, now), 0);
    assert!(first.takes_requests(now));
    assert_eq!(fail(&cluster, 0, 5, now), 1, "ejected once");
    assert!(!first.takes_requests(now) && !first.is_down());
    assert_eq!(fail(&cluster, 1, 50, now), 0, "the last one stays");
    let back = now + Duration::from_secs(10);
    assert!(first.takes_requests(back), "without anybody's doing");
    assert_eq!(first.share(back, cluster.rules.slow_start), 100);
    assert_eq!(cluster.look(back), 1, "what nobody could spare before");
    assert!(first.takes_requests(back));
}

#[test]
fn failures_of_answers_that_had_begun_count_too() {
    let (cluster, now) = (cluster(&[1, 2]), Instant::now());
    (0..3).for_each(|_| cluster.endpoints[1].state.failed_late());
    assert!(cluster.endpoints[1].state.takes_requests(now));
    assert_eq!(cluster.look(now), 1);
    assert!(!cluster.endpoints[1].state.takes_requests(now));
}

#[test]
fn probes_close_and_open_and_say_when_to_come_back() {
    let (cluster, now) = (cluster(&[1, 2]), Instant::now());
    for endpoint in &cluster.endpoints {
        let change = endpoint.state.probed(false, &PROBES, now);
        assert_eq!(change, Some(Change::Down));
        assert!(endpoint.state.is_down());
    }
    assert_eq!(cluster.retry_after(now), Some(2));
    assert_eq!(fail(&cluster, 0, 10, now), 0);
    let change = cluster.endpoints[0].state.unprobed(now);
    assert_eq!(change, Some(Change::Up));
    assert!(cluster.endpoints[0].state.takes_requests(now));
    let shown = cluster.endpoints[1].state.shown(now, Duration::ZERO);
    assert_eq!((shown.standing, shown.bad_probes), (Standing::Down, 1));
}

#[test]
fn a_pause_of_retries_ends_and_is_capped() {
    let (state, now) = (RegionState::new(), Instant::now());
    assert!(!state.retries_paused(now));
    state.pause_retries(10, now);
    state.pause_retries(1, now);
    assert!(state.retries_paused(now + Duration::from_secs(9)));
    assert!(!state.retries_paused(now + Duration::from_secs(10)));
    state.pause_retries(u32::MAX, now);
    assert!(!state.retries_paused(now + LONGEST_PAUSE));
}

#[test]
fn threads_that_fail_together_never_eject_too_many() {
    for _ in 0..50 {
        let (cluster, now) = (cluster(&[1, 2, 3, 4]), Instant::now());
        let ejected: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|i| {
                    scope.spawn({
                        let cluster = &cluster;
                        move || fail(cluster, i, 20, now)
                    })
                })
                .collect();
            threads
                .into_iter()
                .map(|one| one.join().expect("no panic"))
                .sum()
        });
        assert_eq!(ejected, 2);
        let takers = cluster
            .endpoints
            .iter()
            .filter(|one| one.state.takes_requests(now));
        assert_eq!(takers.count(), 2);
    }
}
