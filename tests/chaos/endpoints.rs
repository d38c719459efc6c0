//! Endpoints that fail for everybody: one of two, both of a region, a region and the next one.

use std::sync::Arc;

use onetime_gateway::demo::fault::Fault;

use crate::ask::{Ask, Class, KINDS, Kind};
use crate::book::{Book, Told};
use crate::stage::{ENDPOINTS, Stage, Step};

const PLAIN: &str = "health = false\nejection = false";
const QUICK: &str = "[timeouts]\nconnect = \"1s\"\nresponse_head = \"1s\"\nresponse_idle = \"1s\"\n\
     [retries]\nshare = 100\nper_second = 10000\nbackoff = \"2ms\"";

/// So many of each kind.
fn asks(seed: u64, from: u64, each: usize, kinds: &[Kind]) -> Vec<Ask> {
    let kinds = kinds.iter().cycle().take(each * kinds.len());
    let mut asks: Vec<Ask> = (from..)
        .zip(kinds)
        .map(|(n, kind)| Ask::new(seed, n, *kind))
        .collect();
    fastrand::shuffle(&mut asks);
    asks
}

async fn act(stage: &Arc<Stage>, asks: &[Ask], book: &mut Book) {
    let steps = asks.iter().cloned().map(Step::Ask).collect();
    stage.act(16, steps, book).await;
}

/// All regions' first endpoints fail: no look-up does, and of everything else only what they got.
#[tokio::test]
async fn one_bad_endpoint_of_two_fails_no_look_up_and_nothing_that_it_never_got() {
    let stage = Stage::new(2, PLAIN, QUICK);
    let (seed, mut book) = (fastrand::u64(..), Book::default());
    let firsts = ["eu", "ca", "us", "uk"];
    let quick = [
        "reset-unread",
        "reset-mid-read",
        "reset-before",
        "half-close",
        "garbage",
        "garbage-head",
        "truncate-head",
        "double-length",
        "1xx-storm=100",
    ];
    let faults = quick.iter().map(|fault| (fault, 4));
    let faults = faults.chain([(&"deaf", 1), (&"hang", 1)]);
    let (mut number, mut failed) = (0, 0);
    for (name, each) in faults {
        let fault: Fault = name.parse().expect("a fault");
        for region in firsts {
            stage.world.regions.fault(region, 1, fault).expect("set");
        }
        let asks = asks(seed, number, each, &KINDS);
        number += asks.len() as u64;
        act(&stage, &asks, &mut book).await;
        for ask in &asks {
            let page = book.page(&ask.id);
            let what = format!("seed {seed}: {name}: {:?}: {page:?}", ask.kind);
            match page.told.as_ref().expect("told") {
                Told::Answered(_) => {
                    let last = page.arrivals.last().expect("arrived");
                    assert_eq!(last.1, 2, "{what}");
                    let only = ask.class == Class::Static || page.arrivals.len() == 1;
                    assert!(only, "{what}: answered by the good one alone");
                }
                Told::Own(502 | 504, delivery, _) => {
                    assert_eq!(ask.class, Class::Once, "{what}");
                    assert_eq!(delivery, "maybe-executed", "{what}");
                    assert!(page.arrivals.iter().all(|(_, n, _)| *n == 1), "{what}");
                    failed += 1;
                }
                told => panic!("{what}: {told:?}"),
            }
        }
    }
    stage.end(&mut book).await;
    assert!(failed > 0, "seed {seed}: the bad ones were never asked");
}

/// Down is refused, before a byte is written: nothing fails and nothing arrives twice.
#[tokio::test]
async fn endpoints_that_refuse_cost_nobody_anything() {
    let stage = Stage::new(2, PLAIN, QUICK);
    let (seed, mut book) = (fastrand::u64(..), Book::default());
    for region in ["eu", "ca", "us", "uk"] {
        stage.world.regions.down(region, 1).expect("down");
    }
    let asks = asks(seed, 0, 10, &KINDS);
    act(&stage, &asks, &mut book).await;
    stage.end(&mut book).await;
    for ask in &asks {
        let page = book.page(&ask.id);
        assert!(matches!(page.told, Some(Told::Answered(_))), "{page:?}");
        assert_eq!(page.arrivals.len(), 1, "{page:?}");
    }
}

/// A region that cannot be reached: what is bound to nothing is answered elsewhere, once; all the
/// rest is told that it was not sent, and was not.
#[tokio::test]
async fn only_what_is_bound_to_nothing_leaves_a_region_that_is_gone() {
    let stage = Stage::new(2, PLAIN, QUICK);
    let (seed, mut book) = (fastrand::u64(..), Book::default());
    let mut number = 0;
    for (gone, instead) in [
        (&["ca"][..], Some("us")),
        (&["ca", "us"], Some("uk")),
        (&["ca", "us", "uk"], None),
    ] {
        for region in gone {
            for endpoint in 1..=ENDPOINTS {
                stage.world.regions.down(region, endpoint).expect("down");
            }
        }
        let asks = asks(seed, number, 6, &KINDS);
        number += asks.len() as u64;
        act(&stage, &asks, &mut book).await;
        for ask in &asks {
            let page = book.page(&ask.id);
            let what = format!("seed {seed}: {gone:?} gone: {:?}: {page:?}", ask.kind);
            let is_gone = gone.contains(&ask.regions[0]);
            let stands_in = instead.filter(|_| ask.regions.len() > 1);
            if is_gone && stands_in.is_none() {
                let told = page.told.as_ref().expect("told");
                assert!(
                    matches!(told, Told::Own(503, delivery, _) if delivery == "not-sent"),
                    "{what}"
                );
                assert!(!page.arrived(), "{what}");
            } else {
                let region = if is_gone { stands_in } else { None };
                let region = region.unwrap_or(ask.regions[0]);
                assert!(matches!(page.told, Some(Told::Answered(_))), "{what}");
                assert_eq!(page.arrivals.len(), 1, "{what}");
                assert_eq!(page.arrivals[0].0, region, "{what}");
            }
        }
    }
    stage.end(&mut book).await;
}

/// A region that takes requests and breaks them off: what it may have read stays with it.
#[tokio::test]
async fn what_a_region_may_have_read_goes_to_no_other() {
    let stage = Stage::new(2, PLAIN, QUICK);
    let (seed, mut book) = (fastrand::u64(..), Book::default());
    let kinds = [
        Kind::FreeStatus,
        Kind::FreeHead,
        Kind::FreeConceal,
        Kind::FreeShare,
    ];
    let mut number = 0;
    for (name, each, reads) in [
        ("reset-before", 10, true),
        ("garbage", 10, true),
        ("half-close", 10, true),
        ("hang", 2, true),
        ("reset-unread", 10, false),
        ("deaf", 2, false),
    ] {
        let fault: Fault = name.parse().expect("a fault");
        for endpoint in 1..=ENDPOINTS {
            stage
                .world
                .regions
                .fault("ca", endpoint, fault)
                .expect("set");
        }
        let asks = asks(seed, number, each, &kinds);
        number += asks.len() as u64;
        act(&stage, &asks, &mut book).await;
        for ask in &asks {
            let page = book.page(&ask.id);
            let what = format!("seed {seed}: {name}: {:?}: {page:?}", ask.kind);
            let told = page.told.as_ref().expect("told");
            assert!(
                matches!(told, Told::Own(502 | 504, delivery, _) if delivery == "maybe-executed"),
                "{what}"
            );
            let expected = if reads { ask.class.most() } else { 0 };
            assert_eq!(page.arrivals.len(), expected, "{what}");
            assert!(page.arrivals.iter().all(|(at, ..)| at == "ca"), "{what}");
        }
    }
    stage.end(&mut book).await;
}
