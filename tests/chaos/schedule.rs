//! A run's schedule, made from its seed alone: which requests, which faults at which endpoints, and
//! when. Only the callers' turns are the scheduler's.

use fastrand::Rng;
use onetime_gateway::demo::fault::Fault;

use crate::ask::{Ask, KINDS, rng};
use crate::stage::{ENDPOINTS, Step};

/// Faults that a request may ask for itself.
const OWN: &[&str] = &[
    "slow=3",
    "slow-head=0",
    "1xx-storm=3",
    "1xx-storm=100",
    "status-500",
    "status-204",
    "hidden-404",
    "hang",
    "hang-read",
    "hang-head",
    "hang-body",
    "reset-mid-read",
    "reset-before",
    "reset-after-head",
    "half-close",
    "truncate",
    "truncate-head",
    "garbage",
    "garbage-head",
    "garbage-body",
    "double-length",
    "bad-framing",
    "close-now",
    "close-next",
    "close-after=1",
];

/// Faults that strike before a request is read, beside the ones above.
const UNREAD: &[&str] = &["deaf", "reset-unread"];

/// Where the requests of [`KINDS`] go.
const REGIONS: [&str; 4] = ["eu", "ca", "us", "uk"];

/// A schedule.
pub(crate) struct Schedule {
    pub(crate) seed: u64,
    rng: Rng,
    number: u64,
}

impl Schedule {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            seed,
            rng: Rng::with_seed(seed),
            number: 0,
        }
    }

    /// Worker threads, and what every region's section says.
    pub(crate) fn stage(&mut self) -> (usize, String) {
        let health = [
            "health = false",
            "health = { interval = \"100ms\", fast_interval = \"100ms\", timeout = \"100ms\", rise = 1 }",
        ];
        let ejection = [
            "ejection = false",
            "ejection = { consecutive = 3, base = \"200ms\", most = \"1s\" }",
        ];
        let rng = &mut self.rng;
        let (health, ejection) = (health[rng.usize(..2)], ejection[rng.usize(..2)]);
        let each = format!("slow_start = \"0s\"\n{health}\n{ejection}");
        (rng.usize(1..=2), each)
    }

    /// The next so many requests, and what is done to the regions meanwhile.
    pub(crate) fn round(&mut self, requests: usize) -> Vec<Step> {
        let mut steps = Vec::new();
        for _ in 0..requests {
            if self.rng.u8(..100) < 8 {
                steps.push(self.deed());
            }
            let mut dice = rng(!self.seed, self.number);
            let kind = KINDS[dice.usize(..KINDS.len())];
            let mut ask = Ask::new(self.seed, self.number, kind);
            if dice.u8(..100) < 15 {
                ask = ask.with(OWN[dice.usize(..OWN.len())]);
            }
            if dice.u8(..100) < 3 && !ask.body.is_empty() {
                ask.leaves_after = Some(dice.usize(..ask.body.len()));
            }
            self.number += 1;
            steps.push(Step::Ask(ask));
        }
        steps
    }

    fn deed(&mut self) -> Step {
        let rng = &mut self.rng;
        let (region, number) = (REGIONS[rng.usize(..4)], rng.usize(1..=ENDPOINTS));
        match rng.u8(..100) {
            0..25 => {
                let known = OWN.len() + UNREAD.len();
                let which = rng.usize(..known);
                let name = OWN.iter().chain(UNREAD).nth(which).expect("a name");
                let fault: Fault = name.parse().expect("a fault");
                Step::deed(move |stage| {
                    stage
                        .world
                        .regions
                        .fault(region, number, fault)
                        .expect("set");
                })
            }
            25..60 => Step::deed(move |stage| {
                stage.world.regions.heal(region, number).expect("healed");
            }),
            60..75 => Step::deed(move |stage| {
                stage.world.regions.down(region, number).expect("down");
            }),
            75..98 => Step::deed(move |stage| {
                stage.world.regions.up(region, number).expect("up");
            }),
            _ => Step::deed(crate::stage::Stage::reload),
        }
    }
}
