//! What the words of the file mean: pure functions of a text, whose errors say what is wrong, what is allowed,
//! and what was probably meant.

pub(super) mod address;
pub(super) mod header;
pub(super) mod measure;
