//! Hostile bytes against the gateway's own binary: what it refuses, what reaches a region, and what a
//! region's own hostile bytes do to a client.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test that cannot go on has failed"
)]
#![allow(clippy::too_many_lines, reason = "payloads stand in tables")]

mod answers;
mod downgrade;
mod early;
mod floods;
mod framing;
mod h2spec;
mod harness;
mod heads;
mod http2;
mod leavers;
mod lingering;
mod lost_answers;
mod overload;
mod own_pages;
mod passing;
mod refusals;
mod shares;
mod slow;
mod smuggle;
mod splitting;
mod storm;
mod streams;
mod talk;
mod targets;
mod tracing;
