//! Random schedules of requests and faults, held against the book's promises: nothing unsafe sent
//! twice, nothing in a region that may not have it, no caller given another's answer.
//!
//! `CHAOS_SEED` replays a run, `CHAOS_REQUESTS` makes it longer or shorter.

use std::collections::BTreeMap;
use std::env;
use std::fmt::Debug;
use std::str::FromStr;

use crate::book::{Book, Told};
use crate::schedule::Schedule;
use crate::stage::Stage;

const QUICK: &str = "[timeouts]\nconnect = \"200ms\"\nresponse_head = \"150ms\"\n\
     response_idle = \"150ms\"\n[retries]\nshare = 100\nper_second = 10000\nbackoff = \"2ms\"";

/// Requests in one round, after which the book is settled.
const ROUND: usize = 500;

/// Requests in one world, which then gives way to another one.
const WORLD: usize = 10_000;

/// Says how to run it again if it ends in a panic.
struct Replay {
    seed: u64,
    requests: usize,
}

impl Drop for Replay {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Self { seed, requests } = self;
            eprintln!("to run it again: CHAOS_SEED={seed} CHAOS_REQUESTS={requests}");
        }
    }
}

fn given<T: FromStr<Err: Debug>>(name: &str, default: T) -> T {
    env::var(name).map_or(default, |text| text.parse().expect(name))
}

#[tokio::test]
async fn two_thousand_requests_meet_random_faults() {
    run(given("CHAOS_REQUESTS", 2_000)).await;
}

#[tokio::test]
#[ignore = "minutes long"]
async fn a_hundred_thousand_requests_meet_random_faults() {
    run(given("CHAOS_REQUESTS", 100_000)).await;
}

async fn run(requests: usize) {
    let seed = given("CHAOS_SEED", fastrand::u64(..));
    let _replay = Replay { seed, requests };
    let mut schedule = Schedule::new(seed);
    let mut sums = BTreeMap::<String, usize>::new();
    let mut left = requests;
    while left > 0 {
        let mut here = left.min(WORLD);
        left -= here;
        let (threads, each) = schedule.stage();
        let stage = Stage::new(threads, &each, QUICK);
        let mut book = Book::default();
        while here > 0 {
            let count = here.min(ROUND);
            here -= count;
            stage.act(32, schedule.round(count), &mut book).await;
        }
        stage.end(&mut book).await;
        for page in book.pages.values() {
            *sums.entry(summary(page)).or_default() += 1;
        }
    }
    eprintln!("seed {seed}: {requests} requests");
    for (what, count) in &sums {
        eprintln!("{count:>8}  {what}");
    }
    let answered = |what: &str| -> usize {
        let those = sums.iter().filter(|(key, _)| key.starts_with(what));
        those.map(|(_, count)| count).sum()
    };
    assert_eq!(sums.values().sum::<usize>(), requests, "each was settled");
    // All of this would prove little if everything failed, or nothing did.
    assert!(answered("answered") * 4 > requests, "{sums:?}");
    assert!(answered("own") * 50 > requests, "{sums:?}");
}

fn summary(page: &crate::book::Page) -> String {
    let told = match page.told.as_ref().expect("told") {
        Told::Answered(_) => "answered".to_owned(),
        Told::Cut(_) => "cut".to_owned(),
        Told::Own(status, delivery, why) => format!("own {status} {delivery} {why}"),
        Told::Left => "left".to_owned(),
    };
    format!("{told}, arrived {}", page.arrivals.len())
}
