//! Faults that requests ask for themselves, so that it is known what each must be told: every fault
//! with every kind of request over both protocols, all at the same time.

use crate::ask::{Ask, Class, KINDS, Kind};
use crate::book::{Book, Told};
use crate::caller::Speak;
use crate::stage::{Stage, Step};

/// Nothing but the faults themselves decides: nobody is left alone for having failed, and the
/// budget is never used up.
const PLAIN: &str = "health = false\nejection = false";
const QUICK: &str = "[timeouts]\nconnect = \"1500ms\"\nresponse_head = \"1500ms\"\n\
     response_idle = \"500ms\"\n[retries]\nshare = 100\nper_second = 10000\nbackoff = \"2ms\"";

/// What a fault leads to.
#[derive(Clone, Copy, Debug)]
enum Effect {
    /// The region's answer, whole.
    Answer,
    /// The region's answer, cut.
    Cut,
    /// An answer of the gateway's own that says this, after every attempt that may be made.
    Own(u16, &'static str),
}

const TIMEOUT: Effect = Effect::Own(504, "http_response_timeout");
const CLOSED: Effect = Effect::Own(502, "connection_terminated");
const INVALID: Effect = Effect::Own(502, "http_protocol_error");

const FAULTS: &[(&str, Effect)] = &[
    ("slow=20", Effect::Answer),
    ("slow-head=0", Effect::Answer),
    ("slow-body=0", Effect::Answer),
    ("1xx-storm=3", Effect::Answer),
    ("status-500", Effect::Answer),
    ("status-503", Effect::Answer),
    ("status-204", Effect::Answer),
    ("hidden-404", Effect::Answer),
    ("hang-read", TIMEOUT),
    ("hang", TIMEOUT),
    ("hang-head", TIMEOUT),
    ("hang-body", Effect::Cut),
    ("reset-mid-read", CLOSED),
    ("reset-before", CLOSED),
    ("reset-after-head", Effect::Cut),
    ("half-close", CLOSED),
    ("truncate-head", CLOSED),
    ("truncate", Effect::Cut),
    ("garbage", INVALID),
    ("garbage-head", INVALID),
    ("garbage-body", Effect::Cut),
    ("double-length", INVALID),
    ("bad-framing", INVALID),
    ("1xx-storm=100", INVALID),
];

impl Effect {
    fn assert(self, what: &str, class: Class, told: &Told, arrivals: usize) {
        let (matches, expected) = match self {
            Self::Answer => (matches!(told, Told::Answered(_)), 1),
            Self::Cut => (matches!(told, Told::Cut(_)), 1),
            Self::Own(status, why) => {
                let own = Told::Own(status, "maybe-executed".to_owned(), why.to_owned());
                (*told == own, class.most())
            }
        };
        assert!(matches, "{what}: {self:?} expected, not {told:?}");
        assert_eq!(arrivals, expected, "{what}: arrivals");
    }
}

#[tokio::test]
async fn every_fault_has_its_one_answer_and_nothing_arrives_twice() {
    let stage = Stage::new(2, PLAIN, QUICK);
    let (seed, mut book) = (fastrand::u64(..), Book::default());
    let mut expected = Vec::new();
    let mut groups = Vec::new();
    for speak in [Speak::Http1, Speak::Http2] {
        let mut steps = Vec::new();
        for (fault, effect) in FAULTS {
            for kind in KINDS {
                // A byte at a time, the long ones would take a minute.
                if fault.starts_with("slow-body") && matches!(kind, Kind::BoundEcho | Kind::Bytes) {
                    continue;
                }
                // Without a body nothing is cut: the answer is whole, and the next request of
                // anybody is the one that meets the connection's end.
                if matches!((effect, kind), (Effect::Cut, Kind::FreeHead)) {
                    continue;
                }
                let ask = Ask::new(seed, expected.len() as u64, kind).with(fault);
                expected.push((ask.id.clone(), speak, *fault, kind, ask.class, *effect));
                steps.push(Step::Ask(ask));
            }
        }
        fastrand::shuffle(&mut steps);
        groups.push((stage.callers(speak, 24), steps));
    }
    stage.act_in_groups(groups, &mut book).await;
    stage.end(&mut book).await;
    for (id, speak, fault, kind, class, effect) in expected {
        let page = book.page(&id);
        let what = format!("seed {seed}: {fault} on {kind:?} over {speak:?}");
        let told = page.told.as_ref().expect("told");
        effect.assert(&what, class, told, page.arrivals.len());
    }
}

/// The race of kept connections: the region closes as the next request is written. A look-up is
/// asked again; of everything else nobody can know, and it is said so and not repeated.
#[tokio::test]
async fn a_region_that_closes_as_a_request_is_written_gets_no_request_twice() {
    let stage = Stage::new(1, PLAIN, QUICK);
    let (seed, mut book) = (fastrand::u64(..), Book::default());
    let faults = ["close-next", "close-now", "close-after=0", "close-after=2"];
    let mut asks = Vec::new();
    for _ in 0..6 {
        for fault in faults {
            for kind in KINDS {
                asks.push(Ask::new(seed, asks.len() as u64, kind).with(fault));
            }
        }
    }
    fastrand::shuffle(&mut asks);
    let steps = asks.iter().cloned().map(Step::Ask).collect();
    stage.act(8, steps, &mut book).await;
    stage.end(&mut book).await;
    let mut lost = 0;
    for ask in &asks {
        let page = book.page(&ask.id);
        let what = format!("seed {seed}: {:?} {:?}", ask.kind, ask.fault);
        match page.told.as_ref().expect("told") {
            Told::Answered(_) => assert!(page.arrived()),
            Told::Own(502, delivery, why)
                if delivery == "maybe-executed" && why == "connection_terminated" =>
            {
                assert_eq!(ask.class, Class::Once, "{what}: look-ups are asked again");
                assert!(!page.arrived(), "{what}: closed with its bytes unread");
                lost += 1;
            }
            told => panic!("{what}: {told:?}"),
        }
    }
    assert!(lost > 0, "seed {seed}: the race was never lost");
}
