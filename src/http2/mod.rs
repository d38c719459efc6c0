//! HTTP/2 as bytes, below the library that speaks it: header blocks are checked here, so that one
//! malformed field resets one stream and no others (RFC 9113 section 8.1.1).

pub mod block;
pub mod guard;
pub mod huffman;
pub mod resets;

#[cfg(test)]
mod tests;
