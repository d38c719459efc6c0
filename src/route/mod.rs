//! What a path is: its route, dialect and delivery class, where its key stands, and what is done
//! with it on each kind of host.
//!
//! Thinking only. A path that could mean two things is refused ([`path::PathFault`]); every other
//! path has exactly one [`template::RouteTemplate`], whose label is all that logs and metrics see.

pub mod classify;
pub mod path;
pub mod prefix;
pub mod table;
pub mod template;
mod word;
