//! That no request goes where it must not: who may answer instead of a region ([`fallback`]), and the
//! proof ([`proof`]), over everything compiled from one configuration, that what is bound stays in its
//! region and nothing leaves a jurisdiction unless the operator wrote so.

pub mod fallback;
mod promise;
pub mod proof;
mod samples;
