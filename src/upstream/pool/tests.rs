//! Who is chosen, and when nobody is.

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
