//! One of two endpoints is killed under a steady load: its listener is dropped and its connections
//! are reset. No look-up fails; of the rest only what had been written to it, which is said.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use crate::ask::{Ask, Class, Kind};
use crate::book::{Book, Told};
use crate::caller::{Caller, Outcome, Speak};
use crate::stage::Stage;

/// Requests in a second, look-ups and POSTs in turn.
const RATE: u64 = 1_000;

/// One beat of the load.
const BEAT: Duration = Duration::from_millis(5);

/// Callers over each protocol, enough that none of the load waits for one.
const CALLERS: usize = 40;

/// The endpoint's death, as far as a clock can tell.
struct Death {
    before: Instant,
    after: Instant,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_dies_under_a_thousand_requests_a_second() {
    run(Duration::from_millis(1_500), 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "half a minute long"]
async fn an_endpoint_dies_ten_times_under_a_thousand_requests_a_second() {
    run(Duration::from_secs(30), 10).await;
}

async fn run(length: Duration, deaths: u32) {
    // As it is delivered: probes, ejections, budgets.
    let stage = Stage::new(2, "", "");
    let seed = fastrand::u64(..);
    let mut callers = stage.callers(Speak::Http1, CALLERS);
    callers.extend(stage.callers(Speak::Http2, CALLERS));
    let (asks, waiting) = mpsc::unbounded_channel();
    let waiting = Arc::new(tokio::sync::Mutex::new(waiting));
    let tasks: Vec<_> = callers
        .into_iter()
        .map(|caller| tokio::spawn(serve(caller, waiting.clone())))
        .collect();
    let begun = Instant::now();
    let load = tokio::spawn(load(seed, length, asks));
    let dying = tokio::task::spawn_blocking({
        let stage = stage.clone();
        move || die(&stage, begun, length, deaths)
    });
    let asked = load.await.expect("a load");
    let died = dying.await.expect("deaths");
    let mut book = Book::default();
    asked.iter().for_each(|ask| book.asked(ask));
    let mut spans = std::collections::HashMap::new();
    for task in tasks {
        for (id, span, outcome) in task.await.expect("a caller") {
            book.answered(&id, outcome);
            spans.insert(id, span);
        }
    }
    let took = begun.elapsed();
    book.settle(&stage);
    stage.end(&mut book).await;
    let (mut failed, mut unproven) = (0, 0);
    let unread = String::from_utf8_lossy(&book.unread).into_owned();
    for ask in &asked {
        let page = book.page(&ask.id);
        let what = format!("seed {seed}: {:?}: {page:?}", ask.kind);
        let told = page.told.as_ref().expect("told");
        if matches!(told, Told::Answered(200)) {
            continue;
        }
        assert_eq!(ask.class, Class::Once, "{what}: a look-up failed");
        let closed = Told::Own(502, "maybe-executed".into(), "connection_terminated".into());
        assert_eq!(*told, closed, "{what}");
        assert!(page.arrivals.iter().all(|(_, n, _)| *n == 1), "{what}");
        failed += 1;
        let written = page.arrived() || unread.contains(&format!("{}\r\n", ask.id));
        if !written {
            // Between its last look into a socket and the reset, bytes can still have come.
            let (begin, end) = spans[&ask.id];
            let overlaps = died
                .iter()
                .any(|death| begin <= death.after && death.before <= end);
            assert!(overlaps, "{what}: nobody has read it, and nobody had died");
            unproven += 1;
        }
    }
    let rate = asked.len() as f64 / took.as_secs_f64();
    eprintln!(
        "{} requests at {rate:.0}/s, {deaths} deaths: no look-up failed, {failed} POSTs did \
         ({unproven} in the moment of a death)",
        asked.len()
    );
    assert!(unproven <= 1 + deaths as usize / 5, "{unproven}");
}

/// Brings requests at a steady rate, whoever waits for whom.
async fn load(seed: u64, length: Duration, asks: mpsc::UnboundedSender<Ask>) -> Vec<Ask> {
    let mut asked = Vec::new();
    let begun = tokio::time::Instant::now();
    let mut beat = tokio::time::interval(BEAT);
    while begun.elapsed() < length {
        beat.tick().await;
        let millis = u64::try_from(begun.elapsed().as_millis()).expect("short");
        while (asked.len() as u64) < millis * RATE / 1_000 {
            let number = asked.len() as u64;
            let kind = [Kind::BoundStatus, Kind::BoundShare][asked.len() % 2];
            let ask = Ask::new(seed, number, kind);
            asked.push(ask.clone());
            asks.send(ask).expect("callers");
        }
    }
    asked
}

type Waiting = Arc<tokio::sync::Mutex<mpsc::UnboundedReceiver<Ask>>>;

async fn serve(mut caller: Caller, waiting: Waiting) -> Vec<(String, (Instant, Instant), Outcome)> {
    let mut outcomes = Vec::new();
    loop {
        let next = waiting.lock().await.recv().await;
        let Some(ask) = next else {
            return outcomes;
        };
        let begin = Instant::now();
        let outcome = caller.ask(&ask).await;
        outcomes.push((ask.id, (begin, Instant::now()), outcome));
    }
}

/// Kills the endpoint so often, and brings it back in between.
fn die(stage: &Stage, begun: Instant, length: Duration, deaths: u32) -> Vec<Death> {
    let mut died = Vec::new();
    let part = length / (2 * deaths + 1);
    let wait = |until: Duration| {
        std::thread::sleep(until.saturating_sub(begun.elapsed()));
    };
    for turn in 0..deaths {
        wait(part * (2 * turn + 1));
        let before = Instant::now();
        stage.world.regions.down("eu", 1).expect("down");
        let after = Instant::now();
        died.push(Death { before, after });
        wait(part * (2 * turn + 2));
        stage.world.regions.up("eu", 1).expect("up");
    }
    died
}
