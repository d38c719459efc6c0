//! Bytes in and out of one socket: plain or TLS streams, pooled buffers, deadlines.

pub mod buffer;
pub mod deadline;
pub mod family;
pub mod stream;
