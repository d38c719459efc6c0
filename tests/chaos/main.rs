//! Chaos over real sockets: regions fail in every way that they know while many callers ask at the
//! same time. Each request has an id that the regions record; what they testify is held against
//! what each caller sent and was told.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

mod ask;
mod book;
mod caller;
mod endpoints;
mod kill;
mod leavers;
mod model;
mod own;
mod schedule;
mod sending;
mod stage;
