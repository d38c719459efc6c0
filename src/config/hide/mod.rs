//! What of the file may be shown: lines that may hold a secret are cut, and so is whatever looks like one.
//!
//! Works on text that is no TOML at all, since that is when lines are quoted. Errs on the side of hiding.

use std::borrow::Cow;

/// How much of one line may be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// All but what looks like a secret.
    Whole,
    /// The bytes before this one.
    Until(usize),
}

/// What stands in place of what is not shown.
const HIDDEN: &str = "(not shown: it may hold a secret)";

/// Unbroken runs of this many letters and digits are taken for keys or digests. No word of a configuration is
/// as long.
const RUN: usize = 32;

impl Shown {
    /// The line as it may be shown, and how many of its characters a caret may point at.
    pub(super) fn apply(self, line: &str) -> (String, usize) {
        let Self::Until(end) = self else {
            return (mask(line), usize::MAX);
        };
        let mut shown = mask(line.get(..end).unwrap_or_default());
        if shown.ends_with('=') {
            shown.push(' ');
        }
        let visible = shown.chars().count();
        shown.push_str(HIDDEN);
        (shown, visible)
    }
}

/// A value from the file as a message may repeat it: without control characters, without what looks like a
/// secret, cut after 60 characters.
pub(super) fn echo(text: &str) -> Cow<'_, str> {
    // Of a hundred thousand hosts, each is named at least once: short and plain ones need no second look.
    if text.len() < RUN && text.bytes().all(|b| b.is_ascii_graphic() && b != b'@') {
        return Cow::Borrowed(text);
    }
    let masked = mask(text);
    let mut shown: String = masked
        .chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .take(60)
        .collect();
    if masked.chars().nth(60).is_some() {
        shown.push('…');
    }
    Cow::Owned(shown)
}

/// How much of each line of the text may be shown.
pub(super) fn lines(text: &str) -> Vec<Shown> {
    let mut scanner = Scanner::default();
    text.split('\n').map(|line| scanner.line(line)).collect()
}

/// Replaces long runs of letters and digits, and what stands before the `@` of a URL, character by character.
fn mask(text: &str) -> String {
    let mut masked: Vec<char> = text.chars().collect();
    for run in masked.chunk_by_mut(|a, b| a.is_ascii_alphanumeric() && b.is_ascii_alphanumeric()) {
        if run.len() >= RUN {
            run.fill('*');
        }
    }
    let mut from = 0;
    while let Some(at) = find(&masked, from, "://") {
        let rest = masked.get_mut(at + 3..).unwrap_or_default();
        let end = rest
            .iter()
            .position(|c| matches!(c, '"' | '\'' | ' ' | ','))
            .unwrap_or(rest.len());
        let authority = rest.get_mut(..end).unwrap_or_default();
        if let Some(sign) = authority.iter().rposition(|c| *c == '@') {
            authority.get_mut(..sign).unwrap_or_default().fill('*');
        }
        from = at + 3;
    }
    masked.into_iter().collect()
}

fn find(text: &[char], from: usize, wanted: &str) -> Option<usize> {
    let wanted: Vec<char> = wanted.chars().collect();
    let rest = text.get(from..)?;
    rest.windows(wanted.len())
        .position(|window| window == wanted)
        .map(|at| from + at)
}

/// The state that one line hands on to the next.
#[derive(Debug, Default)]
struct Scanner {
    /// The delimiter of the multi-line string that is open.
    string: Option<&'static str>,
    /// Open brackets.
    depth: usize,
    /// Whether a value is being hidden, and how many brackets were open when it began.
    hiding: Option<usize>,
    /// Whether the table's header names secrets.
    table: bool,
    /// Whether a PEM block is open.
    pem: bool,
}

impl Scanner {
    fn line(&mut self, line: &str) -> Shown {
        if let Some(shown) = self.pem(line) {
            return shown;
        }
        let begun = line.trim_start();
        let in_string = self.string.is_some();
        if !in_string && self.depth == 0 && begun.starts_with('[') {
            self.hiding = None;
            self.table = header_is_secret(begun);
            return Shown::Whole;
        }
        // Nothing but the next key ends a hidden value, for it may be no value at all.
        let ended = !in_string && self.hiding.is_some_and(|depth| self.depth <= depth);
        if ended && looks_like_statement(begun) {
            self.hiding = None;
        }
        let carried = self.hiding.is_some() || self.table;
        let mut from = self.scan(line);
        if in_string {
            // A string that was never closed must not make a key of its own a harmless text.
            from = from.or_else(|| Self::default().scan(line));
        }
        let start = if carried { Some(0) } else { from };
        match start {
            Some(at) if in_string || !refers_only(line.get(at..).unwrap_or_default()) => {
                Shown::Until(at)
            }
            _ => Shown::Whole,
        }
    }

    /// Hides from the first line of a PEM block to its last.
    fn pem(&mut self, line: &str) -> Option<Shown> {
        let begin = line.find("-----BEGIN");
        let inside = self.pem;
        self.pem = (inside || begin.is_some()) && !line.contains("-----END");
        match begin {
            _ if inside => Some(Shown::Until(0)),
            Some(at) => Some(Shown::Until(at)),
            None => None,
        }
    }

    /// Moves on over one line; where a value begins in it that must be hidden, the byte at which it does.
    fn scan(&mut self, line: &str) -> Option<usize> {
        let mut hidden = None;
        let mut at = 0;
        let mut token = 0..0;
        while let Some(rest) = line.get(at..).filter(|rest| !rest.is_empty()) {
            let mut step = rest.chars().next().map_or(1, char::len_utf8);
            if let Some(delimiter) = self.string {
                let Some(length) = string_end(rest, delimiter) else {
                    break;
                };
                self.string = None;
                token = token.start..at + length;
                step = length;
            } else if rest.starts_with(['"', '\'']) {
                let delimiter = delimiter(rest);
                token = at..at + delimiter.len();
                step = delimiter.len();
                self.string = Some(delimiter);
            } else if rest.starts_with(['[', '{']) {
                self.depth += 1;
            } else if rest.starts_with([']', '}']) {
                self.depth = self.depth.saturating_sub(1);
            } else if rest.starts_with('=') && self.hiding.is_none() {
                if is_secret_key(line.get(token.clone()).unwrap_or_default()) {
                    self.hiding = Some(self.depth);
                    hidden = Some(at + 1);
                }
            } else if let Some(comment) = rest.strip_prefix('#') {
                // What was commented out may still be valid.
                let inner = Self::default().scan(comment);
                hidden = hidden.or_else(|| inner.map(|inner| at + 1 + inner));
                break;
            } else if rest.starts_with(is_bare) {
                step = rest.find(|c| !is_bare(c)).unwrap_or(rest.len());
                token = at..at + step;
            }
            at += step;
        }
        // A string of one line ends with it, closed or not.
        self.string = self.string.filter(|delimiter| delimiter.len() == 3);
        hidden
    }
}

/// The bytes up to the end of the string whose opening delimiter is passed, or `None` where the line ends
/// first.
fn string_end(text: &str, delimiter: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if escaped {
            escaped = false;
        } else if c == '\\' && delimiter.starts_with('"') {
            escaped = true;
        } else if text.get(at..).unwrap_or_default().starts_with(delimiter) {
            return Some(at + delimiter.len());
        }
    }
    None
}

fn delimiter(text: &str) -> &'static str {
    ["\"\"\"", "'''", "\""]
        .into_iter()
        .find(|one| text.starts_with(one))
        .unwrap_or("'")
}

fn is_bare(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-')
}

/// Whether a line begins with a key and an equals sign.
fn looks_like_statement(line: &str) -> bool {
    let key = |c: char| is_bare(c) || matches!(c, '.' | '"' | '\'' | ' ' | '\t' | '*' | ':' | '/');
    line.find('=')
        .and_then(|at| line.get(..at))
        .is_some_and(|before| before.chars().all(key))
        && !line.starts_with('=')
}

/// Whether the last segment of a table's header names secrets.
fn header_is_secret(header: &str) -> bool {
    let inner = header.trim_matches(|c: char| matches!(c, '[' | ']') || c.is_whitespace());
    inner
        .rsplit('.')
        .next()
        .is_some_and(|last| is_secret_key(last.trim()))
}

/// Whether a key may be meant to hold a secret: it says so, or it is `identifier_secrets` with slips of the
/// pen.
fn is_secret_key(token: &str) -> bool {
    let key = token
        .trim_matches(|c| matches!(c, '"' | '\''))
        .to_ascii_lowercase();
    // A quoted key with a dot is a host, and hosts are called `onetimesecret.com`.
    !key.contains('.')
        && (["secret", "passw", "token", "hmac"]
            .iter()
            .any(|word| key.contains(word))
            || strsim::normalized_damerau_levenshtein(&key, "identifier_secrets") >= 0.5)
}

/// Whether a text is nothing but references to secrets: `{ env = "NAME" }`, `{ file = "path" }`, brackets and
/// commas.
fn refers_only(text: &str) -> bool {
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        if matches!(first, '[' | ']' | '{' | '}' | ',') {
            rest = rest.get(1..).unwrap_or_default().trim_start();
            continue;
        }
        match reference(rest) {
            Some(after) => rest = after.trim_start(),
            None => return false,
        }
    }
    true
}

/// What follows after `env = "NAME"` or `file = "path"`, if that is what the text begins with.
fn reference(text: &str) -> Option<&str> {
    let (value, is_fit): (_, fn(&str) -> bool) = match text.strip_prefix("env") {
        Some(after) => (after, is_variable),
        None => (text.strip_prefix("file")?, |path| !path.contains("-----")),
    };
    let value = value
        .trim_start()
        .strip_prefix('=')?
        .trim_start()
        .strip_prefix('"')?;
    let (value, after) = value.split_once('"')?;
    is_fit(value).then_some(after)
}

/// Whether a text is the name of an environment variable as we take it: upper case, so that a secret that was
/// pasted in its place is told from a name and never repeated.
pub(super) fn is_variable(text: &str) -> bool {
    let first = text
        .bytes()
        .next()
        .is_some_and(|b| b.is_ascii_uppercase() || b == b'_');
    let rest = text
        .bytes()
        .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    first && rest && text.len() <= 128
}

#[cfg(test)]
mod tests;
