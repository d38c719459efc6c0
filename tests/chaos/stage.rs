//! The world that chaos happens in, and how many callers ask at the same time.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use onetime_gateway::demo::world::{World, WorldOptions};
use onetime_gateway::reload::Verdict;

use crate::ask::Ask;
use crate::book::Book;
use crate::caller::{BOTH, Caller, Door, Outcome, Speak};

const REGIONS: [&str; 5] = ["us", "eu", "ca", "nz", "uk"];

/// Endpoints of each region.
pub(crate) const ENDPOINTS: usize = 2;

/// What is bound to nothing may leave `ca`, in this order.
const FAILOVER: &str = "failover = [\"us\", \"uk\"]\nallow_crossing = true\n";

/// All callers come from one address.
const UNLIMITED: &str = "[limits]\nexempt = [\"0.0.0.0/0\"]\n";

/// Regions, a gateway, and the book of all that is asked.
pub(crate) struct Stage {
    pub(crate) world: World,
    doors: Vec<Arc<Door>>,
}

impl Stage {
    /// `more` stands at the end of the gateway's configuration; `each` in every region's section.
    pub(crate) fn new(threads: usize, each: &str, more: &str) -> Arc<Self> {
        let options = WorldOptions {
            threads,
            more: format!("{more}\n{UNLIMITED}"),
            ..WorldOptions::ephemeral()
        };
        let world = World::start(options).expect("a world");
        world.regions.witness().expect("a witness");
        let stage = Self {
            doors: BOTH.map(|speak| Door::new(&world, speak)).to_vec(),
            world,
        };
        for region in REGIONS {
            let line = format!("host = \"{region}.localhost\"\n");
            let failover = if region == "ca" { FAILOVER } else { "" };
            stage.edit(&line, &format!("{line}{failover}{each}\n"));
        }
        stage.reload();
        Arc::new(stage)
    }

    /// Changes the configuration file, which is not yet read.
    fn edit(&self, from: &str, to: &str) {
        let text = std::fs::read_to_string(&self.world.config).expect("the file");
        assert!(text.contains(from), "{text}");
        std::fs::write(&self.world.config, text.replace(from, to)).expect("written");
    }

    pub(crate) fn reload(&self) {
        let verdict = self.world.gateway().expect("a gateway").reload();
        assert!(matches!(verdict, Verdict::Applied { .. }), "{verdict:?}");
    }

    /// Every endpoint there is.
    pub(crate) fn endpoints(&self) -> impl Iterator<Item = (&'static str, usize)> {
        let of = |region| (1..=ENDPOINTS).map(move |number| (region, number));
        REGIONS.into_iter().flat_map(of)
    }

    /// So many callers over one protocol.
    pub(crate) fn callers(&self, speak: Speak, count: usize) -> Vec<Caller> {
        let door = &self.doors[usize::from(speak == Speak::Http2)];
        (0..count).map(|_| door.caller()).collect()
    }

    /// Callers over both protocols take steps in turn; see [`Stage::act_in_groups`].
    pub(crate) async fn act(self: &Arc<Self>, count: usize, steps: Vec<Step>, book: &mut Book) {
        let mut callers = self.callers(Speak::Http1, count / 2);
        callers.extend(self.callers(Speak::Http2, count - count / 2));
        self.act_in_groups(vec![(callers, steps)], book).await;
    }

    /// All callers of all groups act at the same time, each taking its group's next step as soon
    /// as it is done with one; all that comes of it goes into the book.
    pub(crate) async fn act_in_groups(
        self: &Arc<Self>,
        groups: Vec<(Vec<Caller>, Vec<Step>)>,
        book: &mut Book,
    ) {
        let mut tasks = Vec::new();
        for (callers, steps) in groups {
            for step in &steps {
                if let Step::Ask(ask) = step {
                    book.asked(ask);
                }
            }
            let steps = Arc::new(Mutex::new(steps.into_iter()));
            for caller in callers {
                tasks.push(tokio::spawn(play(self.clone(), caller, steps.clone())));
            }
        }
        for task in tasks {
            for (id, outcome) in task.await.expect("a caller") {
                book.answered(&id, outcome);
            }
        }
        book.settle(self);
    }

    /// The gateway ends, with it every connection, and what the regions have read last is heard.
    pub(crate) async fn end(self: Arc<Self>, book: &mut Book) {
        let crossed = metric(&self.world, "cross_region_forwards_total");
        assert!(
            crossed < 0.5,
            "{crossed} requests at another region's endpoint"
        );
        let mut stage = Arc::into_inner(self).expect("nobody else");
        stage.doors.clear();
        // The callers' connections end on this thread, which must not wait for the gateway's.
        let ended = tokio::task::spawn_blocking(move || {
            stage.world.drain();
            stage
        });
        let stage = ended.await.expect("an end");
        let open = || -> usize {
            let open = |(region, number)| stage.world.regions.connections(region, number);
            let each = stage.endpoints().map(open);
            each.map(|open| open.expect("an endpoint")).sum()
        };
        let begun = Instant::now();
        while open() > 0 {
            assert!(begun.elapsed().as_secs() < 30, "{} are left open", open());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        book.settle(&stage);
    }
}

/// One thing for a caller to do.
pub(crate) enum Step {
    /// To ask.
    Ask(Ask),
    /// To change what the regions do.
    Deed(Box<dyn FnOnce(&Stage) + Send>),
}

impl Step {
    pub(crate) fn deed(deed: impl FnOnce(&Stage) + Send + 'static) -> Self {
        Self::Deed(Box::new(deed))
    }
}

type Steps = Arc<Mutex<std::vec::IntoIter<Step>>>;

async fn play(stage: Arc<Stage>, mut caller: Caller, steps: Steps) -> Vec<(String, Outcome)> {
    let next = || steps.lock().expect("no panic").next();
    let mut outcomes = Vec::new();
    while let Some(step) = next() {
        match step {
            Step::Ask(ask) => {
                let outcome = caller.ask(&ask).await;
                outcomes.push((ask.id, outcome));
            }
            Step::Deed(deed) => deed(&stage),
        }
    }
    outcomes
}

/// The sum of a metric's lines.
pub(crate) fn metric(world: &World, name: &str) -> f64 {
    let text = world.gateway().expect("a gateway").metrics();
    let lines = text
        .lines()
        .filter(|line| !line.starts_with('#') && line.contains(name));
    lines
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum()
}
