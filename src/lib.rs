//! The regional gateway of Onetime Secret.

pub mod demo;
