//! Sockets into requests: listeners, handshakes, and one connection of either protocol.

pub mod accept;
pub mod http1;
pub mod http2;
mod seat;
pub mod socket;
mod spoken_for;
