//! The regional gateway of Onetime Secret.

pub mod headers;
pub mod http1;
pub mod listen;
pub mod net;
pub mod proxy;
pub mod region;
pub mod route;
pub mod upstream;
pub mod config;
