//! Which endpoint, at which address, and whether at all: choice, health, ejection, retries and limits as pure state
//! machines. They are given `now` and dice; the clock, the sockets and the counting are others'.

pub mod addresses;
pub mod backoff;
pub mod budget;
pub mod ejection;
pub mod health;
pub mod limit;
pub mod line;
pub mod pick;
