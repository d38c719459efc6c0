//! shim
pub mod worker;
