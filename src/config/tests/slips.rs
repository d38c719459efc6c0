//! Text that is no TOML.

use super::*;

const ENDPOINTS: &str = "endpoints = [\"https://10.1.0.1:8443\"]";

/// A piece of [`LEAST`], what it becomes, and the one problem that this is.
const SLIPS: [(&str, &str, &str); 13] = [
    (
        "host = \"eu",
        "host \"eu",
        "10:6: key with no value, expected `=`",
    ),
    (
        "host = \"eu.example.com\"",
        "host = ",
        "10:8: string values must be quoted, expected literal string",
    ),
    (
        "host = \"eu",
        "host = = \"eu",
        "10:8: extra `=`, expected nothing",
    ),
    (
        "[regions.eu]",
        "[regions.eu",
        "9:12: unclosed table, expected `]`",
    ),
    (
        "[regions.eu]",
        "[[regions.eu]",
        "9:14: unclosed array table, expected `]`",
    ),
    (
        "[geo]",
        "[geo]]",
        "13:6: unexpected key or value, expected newline, `#`",
    ),
    (
        "\"auto\"",
        "\"auto",
        "6:22: invalid basic string, expected `\"`",
    ),
    (
        ENDPOINTS,
        "endpoints = [",
        "11:13: a bracket that is opened here is not closed",
    ),
    (
        ENDPOINTS,
        "endpoints = [\n\"https://a\",\n",
        "11:13: a bracket that is opened here is not closed",
    ),
    (
        ENDPOINTS,
        "endpoints = [\"https://a\" \"https://b\"]",
        "11:26: missing comma between array elements, expected `,`",
    ),
    (
        ENDPOINTS,
        "endpoints = [{ url = \"https://a\"",
        "11:13: a bracket that is opened here is not closed",
    ),
    (
        "default = \"eu\"",
        "default = \"\"\"eu",
        "15:1: a string that is opened here is not closed",
    ),
    (
        "default = \"eu\"",
        "default = [\"eu\"",
        "15:11: a bracket that is opened here is not closed",
    ),
];

/// One slip in the structure is one problem, and mistakes elsewhere are still reported.
#[test]
fn a_line_that_is_no_toml_hides_only_itself() {
    for (right, wrong, expected) in SLIPS {
        let text = LEAST.replace(right, wrong);
        assert_ne!(text, LEAST, "{wrong}");
        assert_eq!(
            summaries(&text),
            [format!("test.toml:{expected}")],
            "{wrong}"
        );
        // Before it and behind it.
        let text = format!("{}\n[log]\nlevel = 1\n", text.replace("a.pem", ""));
        assert_eq!(
            summaries(&text).len(),
            3,
            "{wrong}\n{:#?}",
            summaries(&text)
        );
    }
}
