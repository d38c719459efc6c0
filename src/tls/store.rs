//! shim
pub struct CertStore;
