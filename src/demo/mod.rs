//! Demo regions: in-memory doubles of Onetime Secret's regions that speak its API on loopback,
//! keep secrets really one-time, record what they receive, and fail on demand.
//!
//! The demo and the tests put the gateway in front of them. All of them live on one thread of
//! their own; nothing here is on the gateway's path.

pub mod fault;
mod keys;
mod listen;
pub mod options;
mod params;
pub mod record;
mod region;
mod store;
mod wire;
pub mod world;
