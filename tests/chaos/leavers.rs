//! Callers that go away in the middle of their bodies: no region takes for whole what was cut, and
//! nobody else is touched.

use crate::ask::{Ask, KINDS, Kind};
use crate::book::{Book, Told};
use crate::stage::{Stage, Step};

#[tokio::test]
async fn a_body_that_was_cut_is_never_whole_to_a_region() {
    let stage = Stage::new(2, "health = false", "");
    let (seed, mut book) = (fastrand::u64(..), Book::default());
    let mut asks = Vec::new();
    for turn in 0..240_u64 {
        let leaves = [Kind::BoundEcho, Kind::FreeConceal, Kind::BoundShare];
        let mut ask = Ask::new(seed, 2 * turn, leaves[fastrand::usize(..3)]);
        ask.leaves_after = Some(fastrand::usize(..ask.body.len()));
        asks.push(ask);
        asks.push(Ask::new(
            seed,
            2 * turn + 1,
            KINDS[fastrand::usize(..KINDS.len())],
        ));
    }
    let steps = asks.iter().cloned().map(Step::Ask).collect();
    stage.act(16, steps, &mut book).await;
    stage.end(&mut book).await;
    for ask in &asks {
        let page = book.page(&ask.id);
        let what = format!("seed {seed}: {:?}: {page:?}", ask.kind);
        let told = page.told.as_ref().expect("told");
        match ask.leaves_after {
            Some(_) => assert_eq!(*told, Told::Left, "{what}"),
            None => {
                assert!(matches!(told, Told::Answered(_)), "{what}");
                assert_eq!(page.arrivals.len(), 1, "{what}");
            }
        }
    }
}
