//! The regional gateway of Onetime Secret.

pub mod region;
pub mod route;
