//! One region's servers: endpoints, pooled connections, one request there and its answer back.
//! What forwards holds one region's endpoints and nothing else, so it cannot leave the region.

pub mod asked;
pub mod breaker;
pub mod client;
pub mod connect;
pub mod endpoint;
pub mod exchange;
pub mod failure;
mod hidden;
pub mod hosts;
pub mod networks;
pub mod outgoing;
pub mod pool;
pub mod resolved;
pub mod state;
pub mod travel;

#[cfg(test)]
pub(crate) mod testing;
