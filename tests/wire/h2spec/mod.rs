//! Every case of RFC 9113 and RFC 7541 that h2spec 2.6 names, as a test of our own against the
//! binary: each case here bears h2spec's number, and the test below fails if one is missing.
//! h2spec is content when a connection merely ends; here each reaction is exact, no request that is
//! malformed reaches a region whole, none that a region may have read is answered REFUSED_STREAM
//! or disowned by GOAWAY, and none arrives twice.
//!
//! Where the h2 crate, on which this side stands, differs from the RFC: it says PROTOCOL_ERROR
//! for COMPRESSION_ERROR, for FRAME_SIZE_ERROR of frames whose length is fixed, and for a window in
//! SETTINGS that is too large; and it ends the connection where the RFC would only reset a stream
//! (RFC 9113 section 5.4.2 allows it). Such a case names both codes, the RFC's first.

mod frames;
mod generic;
mod hpack;
mod messages;
mod settings;
mod streams;
mod talk;

use std::collections::BTreeSet;

use crate::harness::gateway::World;
use talk::{Done, Talk};

/// How many of a case's requests may reach a region.
#[derive(Clone, Copy, Debug)]
enum Reach {
    /// None, not even in part as a whole one.
    Never,
    /// One, and it was answered.
    Once,
    /// One perhaps: it was well-formed, and something went wrong after it.
    Perhaps,
    /// As many as the case itself has counted.
    Counted,
}

/// One case of h2spec.
struct Case {
    /// h2spec's number: `group/section/case`.
    name: &'static str,
    reach: Reach,
    run: fn(&mut Talk) -> Done,
}

const fn case(name: &'static str, reach: Reach, run: fn(&mut Talk) -> Done) -> Case {
    Case { name, reach, run }
}

/// Sections and their numbers of cases, as h2spec has them.
const SECTIONS: [(&str, usize); 49] = [
    ("generic/1", 1),
    ("generic/2", 5),
    ("generic/3.1", 3),
    ("generic/3.2", 3),
    ("generic/3.3", 5),
    ("generic/3.4", 1),
    ("generic/3.5", 1),
    ("generic/3.7", 1),
    ("generic/3.8", 1),
    ("generic/3.9", 2),
    ("generic/3.10", 2),
    ("generic/4", 4),
    ("generic/5", 15),
    ("hpack/2.3.3", 2),
    ("hpack/4.2", 1),
    ("hpack/5.2", 3),
    ("hpack/6.1", 1),
    ("hpack/6.3", 1),
    ("http2/3.5", 2),
    ("http2/4.1", 3),
    ("http2/4.2", 3),
    ("http2/4.3", 3),
    ("http2/5.1", 13),
    ("http2/5.1.1", 2),
    ("http2/5.1.2", 1),
    ("http2/5.3.1", 2),
    ("http2/5.4.1", 2),
    ("http2/5.5", 2),
    ("http2/6.1", 3),
    ("http2/6.2", 4),
    ("http2/6.3", 2),
    ("http2/6.4", 3),
    ("http2/6.5", 3),
    ("http2/6.5.2", 5),
    ("http2/6.5.3", 2),
    ("http2/6.7", 4),
    ("http2/6.8", 1),
    ("http2/6.9", 3),
    ("http2/6.9.1", 3),
    ("http2/6.9.2", 3),
    ("http2/6.10", 6),
    ("http2/7", 2),
    ("http2/8.1", 1),
    ("http2/8.1.2", 1),
    ("http2/8.1.2.1", 4),
    ("http2/8.1.2.2", 2),
    ("http2/8.1.2.3", 7),
    ("http2/8.1.2.6", 2),
    ("http2/8.2", 1),
];

fn all() -> Vec<Case> {
    [
        generic::cases(),
        hpack::cases(),
        frames::cases(),
        streams::cases(),
        settings::cases(),
        messages::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[test]
fn every_case_that_h2spec_names_has_its_reaction() {
    let cases = all();
    let wanted: BTreeSet<String> = SECTIONS
        .iter()
        .flat_map(|(section, count)| (1..=*count).map(move |case| format!("{section}/{case}")))
        .collect();
    let had: BTreeSet<String> = cases.iter().map(|case| case.name.to_owned()).collect();
    assert_eq!(had, wanted, "cases missing or unknown");
    assert_eq!((cases.len(), had.len()), (147, 147));

    let world = World::new();
    let path = |case: &Case| format!("/api/v2/{}", case.name.replace(['/', '.'], "-"));
    let mut failures: Vec<String> = cases
        .iter()
        .filter_map(|case| {
            let mut talk = Talk::open(&world, &path(case));
            // A panic is a silence that lasted too long.
            let run = std::panic::AssertUnwindSafe(|| (case.run)(&mut talk));
            let done = std::panic::catch_unwind(run).unwrap_or_else(|_| Err("silence".into()));
            done.err().map(|what| format!("{}: {what}", case.name))
        })
        .collect();
    let eu = world.eu.clone();
    failures.extend(world.end());
    // Only now can nothing more arrive.
    for case in &cases {
        let count = eu.seen(&path(case)).len();
        let fine = match case.reach {
            Reach::Never => count == 0,
            Reach::Once => count == 1,
            Reach::Perhaps => count <= 1,
            Reach::Counted => true,
        };
        if !fine {
            failures.push(format!("{}: {count} requests arrived", case.name));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
