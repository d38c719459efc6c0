//! The regional gateway of Onetime Secret.
pub mod headers;
pub mod http1;
pub mod net;
pub mod upstream;
