//! SIGUSR2, and what else may happen to the old process meanwhile. No path of a hand-over is configured.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::load::redirect;
use super::process::{Process, wait};
use super::{Stage, Successor, aside};

fn stage() -> Stage {
    let stage = Stage::new();
    stage.edit(|text| text.replace("handover = ", "# handover = "));
    stage
}

/// Starts a successor; it is killed at the end of the test.
fn upgrade(old: &Process) -> Successor {
    old.signal(Signal::USR2);
    let line = old.hear("successor started");
    let (_, pid) = line.rsplit_once("pid=").expect("a number");
    let pid = pid.trim().parse().ok().and_then(Pid::from_raw);
    Successor(pid.expect("a number"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upgrade_by_signal_needs_no_path() {
    let stage = stage();
    let config = stage.world.config.clone();
    let mut old = aside(|| stage.begin(&config).serve()).await;
    let load = stage.load();
    load.more(100).await;
    let first = aside(|| upgrade(&old)).await;
    assert!(aside(|| old.ended()).await.success(), "{}", old.words());
    assert!(
        old.words().contains("another process has taken over"),
        "{}",
        old.words()
    );
    load.more(100).await;
    // And the successor has one in the same way; both write to the same log.
    kill_process(first.0, Signal::USR2).expect("a signal");
    let taken = || {
        let twice = old.words().matches("successor started").count() == 2;
        twice.then(|| old.words())
    };
    let words = aside(|| wait(taken)).await.expect("a second");
    let (_, pid) = words
        .rsplit_once("successor started pid=")
        .expect("a number");
    let pid = pid.lines().next().and_then(|pid| pid.trim().parse().ok());
    let second = Successor(pid.and_then(Pid::from_raw).expect("a number"));
    let stopped = || (old.words().matches(" stopped").count() == 2).then_some(());
    aside(|| wait(stopped))
        .await
        .expect("the first has stopped");
    load.more(100).await;
    aside(|| load.end(&stage.world, "signal without a path")).await;
    kill_process(second.0, Signal::TERM).expect("a signal");
    let stopped = || (old.words().matches(" stopped").count() == 3).then_some(());
    aside(|| wait(stopped))
        .await
        .expect("the second has stopped");
    assert!(redirect(stage.http).await.is_err(), "nothing listens");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_successor_serves_if_the_old_process_is_killed_meanwhile() {
    let stage = stage();
    let config = stage.world.config.clone();
    // The last ones are counted from when it has the sockets.
    let early = [0, 20, 80, 200].map(|delay| (delay, false));
    let late = [0, 0, 1, 2, 5, 10].map(|delay| (delay, true));
    for (delay, has_sockets) in early.into_iter().chain(late) {
        let mut old = aside(|| stage.begin(&config).serve()).await;
        let successor = aside(|| upgrade(&old)).await;
        if has_sockets {
            aside(|| old.hear("taking over the listening sockets")).await;
        }
        tokio::time::sleep(Duration::from_millis(delay)).await;
        old.signal(Signal::KILL);
        aside(|| old.ended()).await;
        let serves = || (old.words().matches(" serving ").count() >= 2).then_some(());
        let serving = aside(|| wait(serves)).await;
        assert!(serving.is_some(), "after {delay} ms: {}", old.words());
        assert!(redirect(stage.http).await.is_ok(), "{}", old.words());
        kill_process(successor.0, Signal::TERM).expect("a signal");
        gone(&successor, &old).await;
    }
}

/// The process and its log.
async fn gone(successor: &Successor, old: &Process) {
    let pid = successor.0;
    // Whoever takes in orphans may not wait for them at once.
    let gone = || {
        let path = format!("/proc/{}/stat", pid.as_raw_nonzero());
        let stat = std::fs::read_to_string(path).unwrap_or_default();
        let state = stat.rsplit_once(") ").map(|(_, rest)| rest.to_owned());
        state
            .is_none_or(|state| state.starts_with('Z'))
            .then_some(())
    };
    let ended = aside(|| wait(gone)).await;
    assert!(ended.is_some(), "the successor is left: {}", old.words());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_is_stopped_while_it_is_upgraded_stays_stopped() {
    let stage = stage();
    let config = stage.world.config.clone();
    for delay in [0, 20, 50, 100, 200] {
        let mut old = aside(|| stage.begin(&config).serve()).await;
        old.signal(Signal::USR2);
        tokio::time::sleep(Duration::from_millis(delay)).await;
        old.signal(Signal::TERM);
        assert!(aside(|| old.ended()).await.success(), "{}", old.words());
        if let Some((_, rest)) = old.words().split_once("successor started pid=") {
            let pid = rest.lines().next().and_then(|pid| pid.trim().parse().ok());
            let successor = Successor(pid.and_then(Pid::from_raw).expect("a number"));
            gone(&successor, &old).await;
            std::mem::forget(successor);
        }
        assert!(
            redirect(stage.http).await.is_err(),
            "after {delay} ms: {}",
            old.words()
        );
    }
}
