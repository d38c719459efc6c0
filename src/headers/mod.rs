//! Header fields as they pass: what each field name means to a proxy, and what is written to the
//! region and to the client. Thinking only.

mod forged;
pub mod name;
pub mod request;
pub mod response;
pub mod trace;
pub mod value;
