//! The corpora of the fuzz targets, replayed on a stable compiler: what once was found stays found,
//! and what every input must hold to is checked at each test run.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::allow_attributes,
    unreachable_pub,
    missing_docs,
    reason = "a property that does not hold panics"
)]

#[path = "../fuzz/properties/mod.rs"]
mod properties;

#[test]
fn every_input_of_every_corpus_holds() {
    let corpora = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus");
    for (name, holds) in properties::ALL {
        let mut inputs = 0;
        for entry in std::fs::read_dir(format!("{corpora}/{name}")).expect(name) {
            let path = entry.expect("an entry").path();
            eprintln!("{}", path.display());
            holds(&std::fs::read(&path).expect("an input"));
            inputs += 1;
        }
        assert!(inputs >= 10, "{name}: {inputs} inputs");
        holds(b"");
    }
}
