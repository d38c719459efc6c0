//! The gateway's own pages: what `/region` shows, what its form may say, and how an error reads to
//! a person, in six languages. Thinking only: texts in, texts out; nothing here decides a region.

pub mod accept;
pub mod back;
mod document;
pub mod error;
pub mod form;
pub mod html;
pub mod language;
pub mod message;
pub mod region;
pub mod site;
mod weight;
pub mod words;

pub use document::fields;
