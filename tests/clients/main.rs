//! Programs that nobody here wrote, on both sides of the gateway's own binary: real clients that are
//! told the gateway's own answers, real servers as regions. What is not installed is skipped with a
//! word, but in CI (`CI=true`) it must be there: `.ci/run` installs it.
//!
//! `OTS_GATEWAY` names another binary of the gateway to try, `OTS_ROUNDS` another number of rounds,
//! `OTS_SERVERS` a virtual environment of Python that has some of the servers (see `.ci/run`).

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test that cannot go on has failed"
)]

mod gateway;
#[path = "../wire/harness/mod.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    clippy::too_many_lines,
    reason = "the harness of another suite, of which this one needs a part"
)]
mod harness;
mod own_answers;
mod program;
mod servers;
