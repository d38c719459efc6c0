//! What must hold of every input, one file for each fuzz target. Both the targets and the test that
//! replays the corpora (`tests/corpus.rs`) call these; a property that does not hold panics.

mod chunked_body;
mod client_address;
mod configuration;
mod cookie_and_pin;
mod country_database;
mod header_block;
mod lookup;
mod path_and_key;
mod proxy_protocol;
mod region_form;
mod request;
mod response;
mod simple;
mod world;

/// Takes one input.
pub type Property = fn(&[u8]);

/// Every property, by the name of its target and of its corpus.
pub const ALL: [(&str, Property); 12] = [
    ("chunked_body", chunked_body::holds),
    ("client_address", client_address::holds),
    ("configuration", configuration::holds),
    ("cookie_and_pin", cookie_and_pin::holds),
    ("country_database", country_database::holds),
    ("header_block", header_block::holds),
    ("lookup", lookup::holds),
    ("path_and_key", path_and_key::holds),
    ("proxy_protocol", proxy_protocol::holds),
    ("region_form", region_form::holds),
    ("request", request::holds),
    ("response", response::holds),
];

/// The property of this name.
#[allow(dead_code, reason = "the replaying test takes all of them")]
pub fn named(name: &str) -> Property {
    let found = ALL.iter().find(|(known, _)| *known == name);
    found.expect("a property of this name").1
}

/// The first byte, which chooses among ways to ask, and the rest.
fn flags(data: &[u8]) -> Option<(u8, &[u8])> {
    data.split_first().map(|(first, rest)| (*first, rest))
}
