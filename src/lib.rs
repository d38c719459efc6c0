//! The regional gateway of Onetime Secret.

pub mod admin;
pub mod balance;
pub mod cli;
pub mod client;
pub mod config;
pub mod demo;
pub mod geoip;
pub mod handover;
pub mod headers;
pub mod health;
pub mod http1;
pub mod limit;
pub mod listen;
pub mod net;
pub mod page;
pub mod proxy;
pub mod region;
pub mod reload;
pub mod route;
pub mod server;
pub mod snapshot;
pub mod telemetry;
pub mod tls;
pub mod upstream;
