//! shim
pub mod store;
