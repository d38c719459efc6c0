//! The regional gateway of Onetime Secret.

pub mod client;
pub mod config;
pub mod geoip;
pub mod headers;
pub mod http1;
pub mod listen;
pub mod net;
pub mod proxy;
pub mod region;
pub mod route;
pub mod snapshot;
pub mod telemetry;
pub mod tls;
pub mod upstream;
