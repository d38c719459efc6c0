//! The house rules that the compiler cannot see: which room may import which, which rooms only
//! think, how long a file may grow, and that each says what it is. It reads text, not meaning:
//! words in strings count as code.

#![allow(
    clippy::expect_used,
    reason = "a test that cannot read its sources has failed"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Every room, ground floor first. A room imports rooms of lower floors only.
const FLOORS: &[&[&str]] = &[
    &[
        "balance",
        "client",
        "geoip",
        "handover",
        "http1",
        "http2",
        "limit",
        "net",
        "region",
        "telemetry",
        "tls",
    ],
    &["headers", "lookup", "page", "route"],
    &["config", "upstream"],
    &["sovereignty"],
    &["snapshot"],
    &["dns", "health", "reload", "proxy"],
    &["admin", "listen"],
    &["server"],
    &["demo"],
    &["cli"],
];

/// Rooms that only think: they are given `now`, they never fetch it.
const THINKING: &[&str] = &[
    "balance",
    "client",
    "config",
    "headers",
    "http1",
    "http2",
    "limit",
    "lookup",
    "page",
    "region",
    "route",
    "sovereignty",
];

/// Words by which a thinking room would betray itself.
const DOING_WORDS: &[&str] = &[
    "tokio",
    "std::fs",
    "std::net::Tcp",
    "Instant::now",
    "SystemTime::now",
    "async fn",
    ".await",
    "fastrand",
];

const LONGEST_FILE: usize = 500;

#[test]
fn imports_go_down() {
    for (path, text) in sources() {
        let Some(from) = room(&path) else { continue };
        for to in rooms_named_in(&code(&text)) {
            assert!(
                to == from || floor(&to) < floor(&from),
                "{}: `{from}` (floor {}) imports `{to}` (floor {})",
                path.display(),
                floor(&from),
                floor(&to),
            );
        }
    }
}

#[test]
fn thinking_rooms_only_think() {
    for (path, text) in sources() {
        let is_test = path.file_name().is_some_and(|name| name == "tests.rs")
            || path.iter().any(|part| part == "tests");
        if is_test || !room(&path).is_some_and(|room| THINKING.contains(&room.as_str())) {
            continue;
        }
        let code = code(text.split("#[cfg(test)]").next().unwrap_or_default());
        for word in DOING_WORDS {
            assert!(
                !code.contains(word),
                "{}: a thinking room says `{word}`",
                path.display()
            );
        }
    }
}

#[test]
fn files_are_short_and_introduce_themselves() {
    for (path, text) in sources() {
        let lines = text.lines().count();
        assert!(
            lines <= LONGEST_FILE,
            "{} has {lines} lines",
            path.display()
        );
        assert!(
            text.starts_with("//!"),
            "{} does not say what it is",
            path.display()
        );
    }
}

/// Exactly one expression on the road chooses a region's servers; all behind it hold only those.
/// Nothing but one place makes a list of regions that may stand in for another.
#[test]
fn a_cluster_is_chosen_where_a_request_is_forwarded_and_nowhere_else() {
    let saying = |words: &str| -> Vec<String> {
        sources()
            .into_iter()
            .flat_map(|(path, text)| {
                let times = code(&text).matches(words).count();
                vec![path.display().to_string(); times]
            })
            .collect()
    };
    // A request's servers, and those that a look-up asks: it has no request to send.
    let choosing =
        BTreeSet::from(["src/proxy/errand.rs", "src/proxy/inquiry.rs"].map(str::to_owned));
    let found = saying(".cluster(");
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), choosing);
    let inquiry = fs::read_to_string("src/proxy/inquiry.rs").expect("the file");
    for word in [
        "Errand", "Forward", "Arrival", "Facts", "Outbound", "judge::",
    ] {
        assert!(!code(&inquiry).contains(word), "an inquiry knows no {word}");
    }
    // The type sees to it that nothing else reads what operators list.
    assert_eq!(saying(".listed("), ["src/sovereignty/fallback.rs"]);
}

/// `src/region/pin.rs` and `src/region.rs` both lie in `region`; the roots lie in no room.
fn room(path: &Path) -> Option<String> {
    let first = path.strip_prefix("src").ok()?.iter().next()?.to_str()?;
    let name = first.trim_end_matches(".rs");
    (!matches!(name, "lib" | "main")).then(|| name.to_owned())
}

fn floor(room: &str) -> usize {
    FLOORS
        .iter()
        .position(|floor| floor.contains(&room))
        .unwrap_or_else(|| panic!("room `{room}` stands on no floor: give it one in FLOORS"))
}

/// The text without comment lines, so that a doc link is no import.
fn code(text: &str) -> String {
    text.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// The rooms behind `crate::room…` and `crate::{room…, room…}`.
fn rooms_named_in(code: &str) -> BTreeSet<String> {
    let mut rooms = BTreeSet::new();
    for (at, prefix) in code.match_indices("crate::") {
        let rest = &code[at + prefix.len()..];
        match rest.strip_prefix('{') {
            None => rooms.extend(word(rest)),
            Some(group) => rooms.extend(top_level_words(group)),
        }
    }
    rooms
}

/// The first word of each member of a group, nested groups left out.
fn top_level_words(group: &str) -> Vec<String> {
    let (mut depth, mut fresh, mut words) = (1, true, Vec::new());
    for (i, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => fresh = true,
            c if fresh && depth == 1 && c.is_alphabetic() => {
                words.extend(word(&group[i..]));
                fresh = false;
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    words
}

fn word(text: &str) -> Option<String> {
    let word: String = text
        .chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect();
    (!word.is_empty()).then_some(word)
}

fn sources() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("src can be listed") {
            let path = entry.expect("an entry can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("a source file is UTF-8");
                found.push((path, text));
            }
        }
    }
    found
}
