//! The gateway as a whole: the real server in this process, demo regions behind it, real TLS and a
//! real HTTP client (hyper) before it, all on ports that the system chooses.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

mod access;
mod breaker;
mod certificates;
mod clients;
mod command;
mod drain;
mod failures;
mod health;
mod limits;
mod links;
mod lookups;
mod names;
mod networks;
mod observe;
mod reload;
mod road;
mod spoken_for;
mod support;
mod telling;
mod upgrade;
