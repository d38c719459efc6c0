//! The form of an identifier secret: what is trimmed from its ends, and what cannot be, or hardly
//! is, what a region uses. Only reasons leave this module, never a part of the secret.

/// White space of Unicode, byte order marks and other characters without width.
const fn is_debris(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            '\u{feff}' | '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}'
        )
}

/// Without what editors, shells and copying leave at the ends.
pub(super) fn trimmed(text: &[u8]) -> &[u8] {
    let start = trimmed_start(text);
    match std::str::from_utf8(start) {
        Ok(text) => text.trim_end_matches(is_debris).as_bytes(),
        Err(_) => start.trim_ascii_end(),
    }
}

/// The same at the beginning alone.
pub(super) fn trimmed_start(text: &[u8]) -> &[u8] {
    match std::str::from_utf8(text) {
        Ok(text) => text.trim_start_matches(is_debris).as_bytes(),
        Err(_) => text.trim_ascii_start(),
    }
}

/// Why a trimmed text cannot be a secret: no application is given such a one in a variable.
pub(super) fn unusable(text: &[u8]) -> Option<&'static str> {
    if text.contains(&0) {
        return Some("has NUL bytes: is its text UTF-16, or is it binary?");
    }
    if text.iter().any(|byte| matches!(byte, b'\n' | b'\r')) {
        return Some("has more than one line");
    }
    let is_control = |byte: &u8| byte.is_ascii_control() && *byte != b'\t';
    text.iter()
        .any(is_control)
        .then_some("has control characters")
}

/// Why a trimmed text is probably not the bare secret.
pub(super) fn odd(text: &[u8]) -> Option<&'static str> {
    let Ok(text) = std::str::from_utf8(text) else {
        return Some("is not UTF-8: is it the right file?");
    };
    let has_quote = |c: Option<char>| c.is_some_and(|c| "\"'`\u{201c}\u{201d}".contains(c));
    if has_quote(text.chars().next()) || has_quote(text.chars().next_back()) {
        return Some("begins or ends with a quotation mark, which counts as part of it");
    }
    if text.ends_with("\\n") || text.ends_with("\\r") || text.ends_with("\\0") {
        return Some("ends with an escape sequence, which counts as part of it");
    }
    // Base64 has `=` at its end alone.
    if let Some((name, value)) = text.split_once('=')
        && !value.trim_start_matches('=').is_empty()
        && name
            .chars()
            .all(|c| c.is_alphanumeric() || c == '_' || c == ' ')
    {
        return Some("looks like an assignment (NAME=value): only the value is the secret");
    }
    if ["${", "$(", "{{", "<%"]
        .iter()
        .any(|mark| text.contains(mark))
        || (text.starts_with('<') && text.ends_with('>'))
    {
        return Some("looks like a placeholder that was not filled in");
    }
    if text.contains(is_debris) {
        return Some("has white space inside");
    }
    (!text.is_ascii()).then_some("has characters beyond ASCII")
}
