//! How much one client may have: connections at a time, requests by the second, frames that make
//! work and no request. Thinking only: addresses, counts and `now` are given, and memory is bounded
//! whatever is given.

pub mod block;
pub mod bucket;
pub mod connections;
pub mod crowd;
pub mod frames;
pub mod ledger;
pub mod pace;
pub mod shares;
pub mod table;
pub mod waiting;
