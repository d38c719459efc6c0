//! The configuration: no text makes it panic, a refusal says where and why and repeats nothing that
//! looks like a secret, and what is accepted can be shown as a file that means the same.

use onetime_gateway::config::view::view;
use onetime_gateway::config::{Config, restart_needed};

/// Unbroken letters and digits of this number are taken for a secret.
const RUN: usize = 32;

pub fn holds(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    match Config::parse("f.toml", text) {
        Err(problems) => {
            assert!(!problems.is_empty());
            let mut before = (0, 0);
            for problem in problems.iter() {
                let place = &problem.place;
                assert!((place.line, place.column) >= before, "out of order");
                before = (place.line, place.column);
                assert!(place.line <= text.split('\n').count());
                assert!(!problem.message.is_empty());
            }
            hides(&problems.to_string());
        }
        Ok((config, warnings)) => {
            for warning in &warnings {
                hides(&warning.to_string());
            }
            assert!(restart_needed(&config.server, &config.server).is_empty());
            let shown = toml::to_string(&view(&config)).expect("TOML");
            let again = Config::parse("shown.toml", &shown);
            let again =
                again.unwrap_or_else(|problems| panic!("what is shown is refused: {problems}"));
            assert_eq!(again.0, config);
        }
    }
}

fn hides(shown: &str) {
    let longest = shown
        .split(|character: char| !character.is_ascii_alphanumeric())
        .map(str::len)
        .max();
    assert!(
        longest.unwrap_or(0) < RUN,
        "what may be a secret is shown: {shown}"
    );
}
