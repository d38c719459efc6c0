//! Reads a request's parameters as the application does: query, then form, multipart or JSON body,
//! nested names flattened to `secret[ttl]`, the last of equal names winning.

use std::borrow::Cow;

use percent_encoding::percent_decode;
use serde_json::Value;

use super::options::Dialect;

/// The most parameters that are read.
const MOST: usize = 1_000;

/// How deep nested JSON is flattened.
const DEEPEST: usize = 8;

/// A request's parameters.
#[derive(Default)]
pub(super) struct Params(Vec<(String, String)>);

/// The body announces JSON and is none.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadJson;

impl Params {
    /// Reads query and body. The classic dialect reads no JSON.
    pub(super) fn read(
        query: Option<&str>,
        content_type: Option<&str>,
        body: &[u8],
        dialect: Dialect,
    ) -> Result<Self, BadJson> {
        let mut params = Self::default();
        params.form(query.unwrap_or_default().as_bytes());
        if body.is_empty() {
            return Ok(params);
        }
        match Format::of(content_type, body, dialect) {
            Format::Form => params.form(body),
            Format::Multipart(boundary) => params.multipart(boundary, body),
            Format::Json => {
                let value = serde_json::from_slice(body).map_err(|_| BadJson)?;
                params.json(&mut String::new(), &value, 0);
            }
            Format::None => {}
        }
        Ok(params)
    }

    /// The last value of this name.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().rev().find(|(other, _)| other == name)?;
        Some(value)
    }

    /// The last value of this name, or nothing.
    pub(super) fn text(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default()
    }

    /// All values of this name, also if it is written as a list.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .filter(move |(other, _)| other.strip_suffix("[]").unwrap_or(other) == name)
            .map(|(_, value)| value.as_str())
    }

    /// Whether the parameter is there and says `true`.
    pub(super) fn truth(&self, name: &str) -> bool {
        self.get(name) == Some("true")
    }

    fn push(&mut self, name: impl Into<String>, value: impl Into<String>) {
        if self.0.len() < MOST {
            self.0.push((name.into(), value.into()));
        }
    }

    fn form(&mut self, text: &[u8]) {
        for pair in text
            .split(|&byte| byte == b'&')
            .filter(|pair| !pair.is_empty())
        {
            let mut halves = pair.splitn(2, |&byte| byte == b'=');
            let name = decode(halves.next().unwrap_or_default());
            let value = decode(halves.next().unwrap_or_default());
            self.push(name, value);
        }
    }

    fn multipart(&mut self, boundary: &str, body: &[u8]) {
        let delimiter = format!("--{boundary}");
        let mut rest = body;
        while let Some(start) = memchr::memmem::find(rest, delimiter.as_bytes()) {
            rest = rest.get(start + delimiter.len()..).unwrap_or_default();
            let end = memchr::memmem::find(rest, delimiter.as_bytes()).unwrap_or(rest.len());
            if let Some((name, value)) = part(rest.get(..end).unwrap_or_default()) {
                self.push(name, value);
            }
        }
    }

    fn json(&mut self, name: &mut String, value: &Value, depth: usize) {
        if depth > DEEPEST {
            return;
        }
        let length = name.len();
        match value {
            Value::Null => {}
            Value::Bool(truth) => self.push(name.as_str(), truth.to_string()),
            Value::Number(number) => self.push(name.as_str(), number.to_string()),
            Value::String(text) => self.push(name.as_str(), text.as_str()),
            Value::Array(values) => {
                name.push_str("[]");
                for value in values {
                    self.json(name, value, depth + 1);
                }
            }
            Value::Object(members) => {
                for (member, value) in members {
                    match length {
                        0 => name.push_str(member),
                        _ => name.extend(["[", member.as_str(), "]"]),
                    }
                    self.json(name, value, depth + 1);
                    name.truncate(length);
                }
            }
        }
        name.truncate(length);
    }
}

/// What a body is taken for.
enum Format<'a> {
    Form,
    Multipart(&'a str),
    Json,
    None,
}

impl<'a> Format<'a> {
    /// By the announced type. The current dialect takes the first usable one of several, and looks
    /// at the body where there is none; the classic one takes the first.
    fn of(content_type: Option<&'a str>, body: &[u8], dialect: Dialect) -> Self {
        let announced = content_type.unwrap_or_default();
        let mut kinds = announced
            .split(',')
            .map(|kind| kind.split(';').next().unwrap_or_default().trim());
        let first = kinds.clone().next().unwrap_or_default();
        if let Some(boundary) = boundary(announced)
            && first.eq_ignore_ascii_case("multipart/form-data")
        {
            return Self::Multipart(boundary);
        }
        let usable = |kind: &str| match kind.to_ascii_lowercase().as_str() {
            "application/x-www-form-urlencoded" => Some(Self::Form),
            "application/json" if dialect == Dialect::Current => Some(Self::Json),
            _ => None,
        };
        match dialect {
            Dialect::Classic if first.is_empty() => Self::Form,
            Dialect::Classic => usable(first).unwrap_or(Self::None),
            Dialect::Current => {
                kinds
                    .find_map(usable)
                    .unwrap_or_else(|| match body.trim_ascii_start().first() {
                        Some(b'{' | b'[') => Self::Json,
                        _ => Self::Form,
                    })
            }
        }
    }
}

fn boundary(content_type: &str) -> Option<&str> {
    let (_, rest) = content_type.split_once("boundary=")?;
    let boundary = match rest.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next(),
        None => rest.split([';', ',', ' ']).next(),
    };
    boundary.filter(|boundary| !boundary.is_empty())
}

/// Name and value of one part of a multipart body.
fn part(bytes: &[u8]) -> Option<(String, String)> {
    let split = memchr::memmem::find(bytes, b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(bytes.get(..split)?);
    let value = bytes.get(split + 4..)?;
    let value = value.strip_suffix(b"\r\n").unwrap_or(value);
    // `filename=` may come first, and must not be taken for `name=`.
    let (_, name) = head
        .split_once("; name=\"")
        .or_else(|| head.split_once(";name=\""))?;
    let name = name.split('"').next()?;
    Some((name.to_owned(), String::from_utf8_lossy(value).into_owned()))
}

/// A form's text: `+` is a space, then percent-decoding.
fn decode(text: &[u8]) -> String {
    let text: Cow<'_, [u8]> = match text.contains(&b'+') {
        true => text
            .iter()
            .map(|&byte| if byte == b'+' { b' ' } else { byte })
            .collect(),
        false => text.into(),
    };
    percent_decode(&text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(query: &str, kind: &str, body: &str, dialect: Dialect) -> Params {
        Params::read(Some(query), Some(kind), body.as_bytes(), dialect).unwrap()
    }

    #[test]
    fn the_body_beats_the_query() {
        let form = "application/x-www-form-urlencoded";
        let params = read("secret=q&ttl=5", form, "secret=b%26+c&x", Dialect::Classic);
        assert_eq!(params.get("secret"), Some("b& c"));
        assert_eq!(params.get("ttl"), Some("5"));
        assert_eq!(params.get("x"), Some(""));
        assert_eq!(params.get("y"), None);
    }

    #[test]
    fn json_is_flattened_in_the_current_dialect_only() {
        let body = r#"{"secret":{"ttl":60,"recipient":["a@b","c@d"]},"continue":true,"n":null}"#;
        let params = read(
            "",
            "application/json; charset=utf-8",
            body,
            Dialect::Current,
        );
        assert_eq!(params.get("secret[ttl]"), Some("60"));
        assert!(params.truth("continue"));
        assert_eq!(params.get("n"), None);
        let all: Vec<_> = params.all("secret[recipient]").collect();
        assert_eq!(all, ["a@b", "c@d"]);
        let params = read("", "application/json", body, Dialect::Classic);
        assert!(params.0.is_empty());
    }

    #[test]
    fn broken_json_is_told() {
        let broken = Params::read(None, Some("application/json"), b"{", Dialect::Current);
        assert_eq!(broken.err(), Some(BadJson));
    }

    #[test]
    fn odd_types_are_repaired_by_looking() {
        let doubled = "text/html; charset=utf-8, application/x-www-form-urlencoded";
        let params = read("", doubled, "secret=a", Dialect::Current);
        assert_eq!(params.get("secret"), Some("a"));
        let params = read("", doubled, "secret=a", Dialect::Classic);
        assert_eq!(params.get("secret"), None);
        let params = read("", "text/plain", r#" {"secret":"a"}"#, Dialect::Current);
        assert_eq!(params.get("secret"), Some("a"));
        let params = read("", "text/plain", "secret=a", Dialect::Classic);
        assert_eq!(params.get("secret"), None);
    }

    #[test]
    fn multipart_is_read() {
        let body = "--x\r\nContent-Disposition: form-data; name=\"secret\"\r\n\r\na\r\nb\r\n\
                    --x\r\nContent-Disposition: form-data; filename=\"f\"; name=\"ttl\"\r\n\
                    Content-Type: text/plain\r\n\r\n60\r\n--x--\r\n";
        for kind in [
            "multipart/form-data; boundary=x",
            "multipart/form-data; boundary=\"x\"",
        ] {
            let params = read("", kind, body, Dialect::Classic);
            assert_eq!(params.get("secret"), Some("a\r\nb"));
            assert_eq!(params.get("ttl"), Some("60"));
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(
            query in ".{0,40}",
            kind in "(application/json|multipart/form-data; boundary=x|text/plain|.{0,30})",
            body in proptest::collection::vec(any::<u8>(), 0..120),
        ) {
            let _ = Params::read(Some(&query), Some(&kind), &body, Dialect::Current);
        }

        #[test]
        fn a_form_value_comes_through(value in "\\PC{0,40}") {
            let encoded = percent_encoding::utf8_percent_encode(
                &value,
                percent_encoding::NON_ALPHANUMERIC,
            );
            let body = format!("secret={encoded}");
            let params = read("", "application/x-www-form-urlencoded", &body, Dialect::Current);
            prop_assert_eq!(params.get("secret"), Some(value.as_str()));
        }
    }
}
