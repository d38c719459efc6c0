//! The book of a run: who asked what, what each caller was told, what each endpoint testifies; and
//! the promises that all of it is held against.

use std::collections::HashMap;

use onetime_gateway::demo::fault::Fault;
use onetime_gateway::demo::witness::Testimony;

use crate::ask::Ask;
use crate::caller::{Answer, Outcome};
use crate::stage::Stage;

/// Where a request arrived: region, endpoint, and its place there.
pub(crate) type Arrival = (String, usize, (u64, u64));

/// What the book says about a request that is over.
#[derive(Clone, Debug, Default)]
pub(crate) struct Page {
    /// Where it arrived.
    pub(crate) arrivals: Vec<Arrival>,
    /// The status that the caller was told, and by whom.
    pub(crate) told: Option<Told>,
    most: usize,
    regions: &'static [&'static str],
}

/// What a caller was told.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Told {
    /// A region's answer, whole.
    Answered(u16),
    /// A region's answer that broke off.
    Cut(u16),
    /// The gateway's own answer: status, delivery, and why (RFC 9209).
    Own(u16, String, String),
    /// Nothing: the caller had left.
    Left,
}

/// A request that is not over, or not yet held against anything.
struct Open {
    ask: Ask,
    outcome: Option<Outcome>,
    heard: Vec<(Arrival, Testimony)>,
}

/// All requests of a run by their id.
#[derive(Default)]
pub(crate) struct Book {
    open: HashMap<String, Open>,
    pub(crate) pages: HashMap<String, Page>,
    /// Bytes that lay unread in an endpoint that went down.
    pub(crate) unread: Vec<u8>,
}

impl Book {
    /// A caller is about to ask.
    pub(crate) fn asked(&mut self, ask: &Ask) {
        let open = Open {
            ask: ask.clone(),
            outcome: None,
            heard: Vec::new(),
        };
        let before = self.open.insert(ask.id.clone(), open);
        assert!(before.is_none(), "two of {}", ask.id);
    }

    /// A caller has been answered, or not.
    pub(crate) fn answered(&mut self, id: &str, outcome: Outcome) {
        self.open.get_mut(id).expect("asked").outcome = Some(outcome);
    }

    /// Takes in what all endpoints testify and closes the pages of all that is over.
    pub(crate) fn settle(&mut self, stage: &Stage) {
        for (region, number) in stage.endpoints() {
            let (heard, unread) = stage.world.regions.hear(region, number).expect("heard");
            self.unread.extend(unread);
            for testimony in heard {
                self.hear((region.to_owned(), number, testimony.place), testimony);
            }
        }
        let over: Vec<String> = self
            .open
            .iter()
            .filter(|(_, open)| open.outcome.is_some())
            .map(|(id, _)| id.clone())
            .collect();
        for id in over {
            let Open {
                ask,
                outcome,
                heard,
            } = self.open.remove(&id).expect("open");
            let told = judge(&ask, &outcome.expect("over"), &heard);
            let page = Page {
                arrivals: heard.into_iter().map(|(arrival, _)| arrival).collect(),
                told: Some(told),
                most: ask.class.most(),
                regions: ask.regions,
            };
            page.hold(&id);
            self.pages.insert(id, page);
        }
    }

    fn hear(&mut self, arrival: Arrival, testimony: Testimony) {
        if testimony.probe {
            return;
        }
        let id = testimony.request_id.clone().unwrap_or_default();
        if let Some(Open { ask, heard, .. }) = self.open.get_mut(&id) {
            assert_eq!(testimony.method, ask.method.as_str(), "{id} as it arrived");
            assert_eq!(testimony.target, ask.target, "{id} as it arrived");
            if let Some(body) = &testimony.body {
                assert_eq!(ask.leaves_after, None, "{id}: cut short, and yet whole");
                assert!(
                    *body == ask.body,
                    "{id}: its body is not the one that was sent"
                );
            }
            heard.retain(|(other, _)| *other != arrival);
            heard.push((arrival, testimony));
            return;
        }
        // What was under way when its page was closed is told again, and may be new.
        let page = self.pages.get_mut(&id);
        let page = page.unwrap_or_else(|| panic!("nobody asked {testimony:?} at {arrival:?}"));
        if !page.arrivals.contains(&arrival) {
            page.arrivals.push(arrival);
            page.hold(&id);
        }
    }

    /// The page of a request that is over.
    pub(crate) fn page(&self, id: &str) -> &Page {
        self.pages.get(id).expect("a page")
    }
}

impl Page {
    /// Whether some endpoint saw it.
    pub(crate) fn arrived(&self) -> bool {
        !self.arrivals.is_empty()
    }

    /// The promises that hold for every request, whatever happened.
    fn hold(&self, id: &str) {
        let Self {
            arrivals, regions, ..
        } = self;
        assert!(
            arrivals.len() <= self.most,
            "{id}: arrived {} times: {arrivals:?}",
            arrivals.len()
        );
        for (region, ..) in arrivals {
            assert!(
                regions.contains(&region.as_str()),
                "{id}: arrived in {region}, allowed are {regions:?}"
            );
            assert_eq!(*region, arrivals[0].0, "{id}: arrived in two regions");
        }
        if let Some(Told::Own(_, delivery, _)) = &self.told {
            let untrue = match delivery.as_str() {
                "not-sent" => self.arrived(),
                "executed" => !self.arrived(),
                _ => false,
            };
            assert!(!untrue, "{id}: {:?} is untrue: {arrivals:?}", self.told);
        }
    }
}

/// Holds one caller's outcome against the testimonies.
fn judge(ask: &Ask, outcome: &Outcome, heard: &[(Arrival, Testimony)]) -> Told {
    let id = &ask.id;
    let (answer, is_whole) = match outcome {
        Outcome::Nothing(_) if ask.leaves_after.is_some() => return Told::Left,
        // A reset can overtake the head of an answer that is broken off.
        Outcome::Nothing(why) => {
            let is_reset = why.contains("INTERNAL_ERROR, Remote");
            let was_cut = heard.iter().any(|(_, testimony)| cuts(testimony.fault));
            let what = format!("{id}: {:?} {:?}: {heard:?}", ask.kind, ask.fault);
            assert!(is_reset && was_cut, "{what}: no answer: {why}");
            return Told::Cut(0);
        }
        Outcome::Whole(answer) => (answer, true),
        Outcome::Broken(answer) => (answer, false),
    };
    assert_eq!(answer.header("x-request-id"), id, "another caller's answer");
    let region = answer.header("o-region");
    assert!(ask.regions.contains(&region), "{id}: {region}: {answer:?}");
    let status = answer.status.as_u16();
    if answer.header("x-demo-place").is_empty() {
        assert!(is_whole, "{id}: an answer of the gateway's own broke off");
        return own(ask, answer, status);
    }
    let (_, testimony) = heard
        .iter()
        .find(|(arrival, _)| *arrival == place(answer))
        .unwrap_or_else(|| panic!("{id}: answered with what another was answered: {answer:?}"));
    assert_eq!(answer.header("x-demo-region"), region, "{id}");
    assert_eq!(answer.header("o-delivery"), "executed", "{id}");
    let (sent, body) = testimony.answer.as_ref().expect("an answer was made");
    assert_eq!(status, *sent, "{id}");
    let is_head = ask.method == http::Method::HEAD;
    if !is_whole {
        let beginning = &answer.body[..answer.body.len().min(body.len())];
        assert!(
            body.starts_with(beginning),
            "{id}: the beginning of something else"
        );
        return Told::Cut(status);
    }
    assert!(
        is_head || answer.body == *body,
        "{id}: not what the region sent"
    );
    assert!(
        is_head || !cuts(testimony.fault),
        "{id}: an answer that was cut ({:?}) looks whole",
        testimony.fault
    );
    assert!(
        testimony.body.is_some(),
        "{id}: answered before it was read"
    );
    Told::Answered(status)
}

fn place(answer: &Answer) -> Arrival {
    let number = |text: &str| text.parse().expect("a number");
    let place = answer.header("x-demo-place");
    let (connection, request) = place.split_once('.').expect("two numbers");
    (
        answer.header("x-demo-region").to_owned(),
        answer.header("x-demo-endpoint").parse().expect("a number"),
        (number(connection), number(request)),
    )
}

/// An answer of the gateway's own says what happened, in its head and in its body.
fn own(ask: &Ask, answer: &Answer, status: u16) -> Told {
    let id = &ask.id;
    assert!(
        matches!(status, 502..=504),
        "{id}: {status}, which no fault of a region explains: {answer:?}"
    );
    let delivery = answer.header("o-delivery");
    assert!(
        matches!(delivery, "not-sent" | "maybe-executed" | "executed"),
        "{id}: {delivery:?}"
    );
    if ask.method != http::Method::HEAD {
        let json: serde_json::Value = serde_json::from_slice(&answer.body)
            .unwrap_or_else(|_| panic!("{id}: no JSON: {:?}", answer.body));
        assert_eq!(json["request_id"], id.as_str());
        assert_eq!(json["delivery"], delivery);
    }
    let (_, why) = answer
        .header("proxy-status")
        .split_once("error=")
        .unwrap_or_else(|| panic!("{id}: no reason: {answer:?}"));
    let why = why.split(';').next().unwrap_or_default();
    Told::Own(status, delivery.to_owned(), why.to_owned())
}

/// Faults whose answers must not look whole.
fn cuts(fault: Option<Fault>) -> bool {
    matches!(
        fault,
        Some(
            Fault::Truncate
                | Fault::TruncateHead
                | Fault::ResetAfterHead
                | Fault::HangHead
                | Fault::HangBody
                | Fault::Garbage
                | Fault::GarbageHead
                | Fault::GarbageBody
                | Fault::DoubleLength
                | Fault::BadFraming
        )
    )
}
