//! The state machine, by example and against every order of events.

use proptest::prelude::*;

use super::*;

const PROBES: ProbeRules = ProbeRules { rise: 2, fall: 3 };

const EJECTION: EjectionRules = EjectionRules {
    consecutive: 5,
    base: Duration::from_secs(10),
    most: Duration::from_secs(60),
    share: 50,
};

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

#[test]
fn falls_and_rises_by_its_thresholds() {
    let mut health = Health::default();
    let now = Instant::now();
    let mut probe = |good| health.probed(good, &PROBES, now);
    assert_eq!([probe(false), probe(false), probe(true)], [None; 3]);
    assert_eq!(
        [probe(false), probe(false)],
        [None; 2],
        "a good one between starts anew"
    );
    assert_eq!(probe(false), Some(Change::Down));
    assert_eq!(
        [probe(false), probe(true), probe(false), probe(true)],
        [None; 4]
    );
    assert_eq!(probe(true), Some(Change::Up));
    assert_eq!(health.since(), Some(now));
}

#[test]
fn ejections_grow_end_and_are_forgotten() {
    let mut health = Health::default();
    let start = Instant::now();
    assert_eq!(
        health.eject(&EJECTION, start),
        Some(Change::Ejected(seconds(10), 1))
    );
    assert_eq!(health.eject(&EJECTION, start), None, "out already");
    assert_eq!(
        health.standing(start),
        Standing::Ejected(start + seconds(10))
    );
    assert_eq!(health.tick(start + seconds(9)), None);
    let back = start + seconds(10);
    assert_eq!(
        health.standing(back),
        Standing::Up,
        "with or without a tick"
    );
    assert_eq!(health.tick(back), Some(Change::Returned));
    assert_eq!(health.tick(back), None, "told once");
    let again = back + seconds(59);
    assert_eq!(
        health.eject(&EJECTION, again),
        Some(Change::Ejected(seconds(20), 2))
    );
    let well = again + seconds(20) + seconds(60);
    assert_eq!(
        health.eject(&EJECTION, well),
        Some(Change::Ejected(seconds(10), 1))
    );
}

#[test]
fn going_down_ends_an_ejection_and_coming_up_is_slow() {
    let mut health = Health::default();
    let now = Instant::now();
    health.eject(&EJECTION, now);
    for _ in 0..3 {
        health.probed(false, &PROBES, now);
    }
    assert_eq!(health.standing(now), Standing::Down);
    assert_eq!(health.eject(&EJECTION, now), None);
    assert_eq!(health.tick(now + seconds(100)), None);
    assert_eq!(health.unprobed(now), Some(Change::Up));
    assert_eq!(health.unprobed(now), None);
    assert_eq!(health.standing(now), Standing::Up);
    assert_eq!(health.since(), Some(now));
}

#[test]
fn weight_grows_from_a_tenth() {
    let at = |n| share(seconds(n), seconds(30));
    assert_eq!(
        [at(0), at(10), at(20), at(29), at(30), at(99)],
        [100, 400, 700, 970, 1000, 1000]
    );
    assert_eq!(share(Duration::ZERO, Duration::ZERO), FULL_SHARE);
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Probe(usize, bool),
    Fail(usize),
    Wait(u64),
}

fn steps() -> impl Strategy<Value = (usize, Vec<Step>)> {
    (1_usize..6).prop_flat_map(|endpoints| {
        let step = prop_oneof![
            (0..endpoints, any::<bool>()).prop_map(|(i, good)| Step::Probe(i, good)),
            (0..endpoints).prop_map(Step::Fail),
            (0_u64..40).prop_map(Step::Wait),
        ];
        (Just(endpoints), prop::collection::vec(step, 0..200))
    })
}

proptest! {
    /// A region under any order of events: never all ejected, never more than the share, every
    /// ejection ends in time, and what probes have not called down takes requests in the end.
    #[test]
    fn a_region_always_keeps_an_endpoint((count, steps) in steps(), share in 1_u32..=100) {
        let rules = EjectionRules { share, ..EJECTION };
        let mut region = vec![Health::default(); count];
        let mut now = Instant::now();
        for step in steps {
            match step {
                Step::Probe(i, good) => {
                    region[i].probed(good, &PROBES, now);
                }
                Step::Wait(n) => now += seconds(n),
                Step::Fail(i) => {
                    let ejected = region.iter().filter(|one| matches!(one.standing(now), Standing::Ejected(_))).count();
                    let takers = region.iter().enumerate()
                        .filter(|(j, one)| *j != i && one.standing(now) == Standing::Up).count();
                    if rules.permit(count, ejected, takers) {
                        region[i].eject(&rules, now);
                        let up = region.iter().filter(|one| one.standing(now) == Standing::Up).count();
                        prop_assert!(up > 0);
                    }
                }
            }
            let standings: Vec<Standing> = region.iter().map(|one| one.standing(now)).collect();
            let ejected = standings.iter().filter(|one| matches!(one, Standing::Ejected(_))).count();
            prop_assert!(ejected * 100 <= count * share as usize);
            prop_assert!(ejected < count);
            for standing in standings {
                if let Standing::Ejected(until) = standing {
                    prop_assert!(until > now && until <= now + rules.most);
                }
            }
        }
        now += rules.most;
        for one in &mut region {
            one.tick(now);
            prop_assert!(!matches!(one.standing(now), Standing::Ejected(_)));
            one.unprobed(now);
            prop_assert_eq!(one.standing(now), Standing::Up);
        }
    }

    #[test]
    fn a_share_is_never_nothing_and_never_shrinks(elapsed in 0_u64..100_000, more in 0_u64..1_000, window in 0_u64..100_000) {
        let at = |millis| share(Duration::from_millis(millis), Duration::from_millis(window));
        prop_assert!((FIRST_SHARE..=FULL_SHARE).contains(&at(elapsed)));
        prop_assert!(at(elapsed) <= at(elapsed + more));
    }
}
