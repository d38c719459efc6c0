//! An honest HTTP/1.1 reader, written apart from the gateway's own: it knows one meaning of a
//! message or none. Both the recording origins and the clients read with it.

use super::{find, shown};

/// A message as an honest parser reads it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Message {
    /// The start line.
    pub(crate) start: String,
    /// The fields, names in lower case.
    pub(crate) fields: Vec<(String, String)>,
    /// The body, decoded.
    pub(crate) body: Vec<u8>,
    /// The trailer lines.
    pub(crate) trailers: Vec<String>,
    /// Whether the body was chunked.
    pub(crate) chunked: bool,
}

/// Which side speaks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Side {
    /// A request.
    Request,
    /// An answer; `true` to a HEAD.
    Answer(bool),
}

/// How reading went.
#[derive(Debug)]
pub(crate) enum Read {
    /// A whole message, and how many bytes it took.
    Whole(Message, usize),
    /// Bytes are missing.
    More,
    /// The body ends when the connection does.
    UntilClose(Message),
    /// Nothing that an honest sender sends.
    Wrong(String),
}

impl Message {
    /// The one value of a field; `None` if there is none, a panic if there are several.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let all = self.all(name);
        assert!(all.len() < 2, "{name} is there {} times", all.len());
        all.first().copied()
    }

    /// All values of a field.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let found = self.fields.iter().filter(|(found, _)| found == name);
        found.map(|(_, value)| value.as_str()).collect()
    }

    /// The method of a request.
    pub(crate) fn method(&self) -> &str {
        self.start.split(' ').next().unwrap_or_default()
    }

    /// The target of a request.
    pub(crate) fn target(&self) -> &str {
        self.start.split(' ').nth(1).unwrap_or_default()
    }

    /// The status of an answer.
    pub(crate) fn status(&self) -> u16 {
        self.target().parse().unwrap_or_default()
    }

    /// Whether the sender closes after it.
    pub(crate) fn says_close(&self) -> bool {
        let mut options = self
            .all("connection")
            .into_iter()
            .flat_map(|list| list.split(','));
        options.any(|option| option.trim().eq_ignore_ascii_case("close"))
    }
}

/// Reads one message from the front of `bytes`.
pub(crate) fn read(bytes: &[u8], side: Side) -> Read {
    let Some(end) = find(bytes, b"\r\n\r\n") else {
        return Read::More;
    };
    let mut message = match head(&bytes[..end], side) {
        Ok(message) => message,
        Err(wrong) => return Read::Wrong(format!("{wrong} in {}", shown(&bytes[..end]))),
    };
    let body = &bytes[end + 4..];
    let lengths = message.all("content-length");
    let codings = message.all("transfer-encoding");
    let status = message.status();
    let bodiless = side == Side::Answer(true)
        || (side != Side::Request && (status < 200 || status == 204 || status == 304));
    match (lengths.as_slice(), codings.as_slice()) {
        _ if bodiless => Read::Whole(message, end + 4),
        ([], []) if side == Side::Request => Read::Whole(message, end + 4),
        ([], []) => {
            message.body = body.to_vec();
            Read::UntilClose(message)
        }
        ([length], []) => {
            let digits = length.bytes().all(|byte| byte.is_ascii_digit());
            let Some(length) = digits.then(|| length.parse::<usize>().ok()).flatten() else {
                return Read::Wrong(format!("content-length {length:?}"));
            };
            match body.get(..length) {
                Some(whole) => {
                    message.body = whole.to_vec();
                    Read::Whole(message, end + 4 + length)
                }
                None => Read::More,
            }
        }
        ([], ["chunked"]) => chunked(message, body, end + 4),
        _ => Read::Wrong(format!("framing {lengths:?} {codings:?}")),
    }
}

fn head(bytes: &[u8], side: Side) -> Result<Message, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "bytes beyond UTF-8".to_owned())?;
    let mut lines = text.split("\r\n");
    let start = lines.next().unwrap_or_default().to_owned();
    if text
        .split("\r\n")
        .any(|line| line.contains(['\r', '\n', '\0']))
    {
        return Err("a bare line break or NUL".to_owned());
    }
    let parts: Vec<&str> = start.splitn(3, ' ').collect();
    let fine = match (side, parts.as_slice()) {
        (Side::Request, [method, target, "HTTP/1.1"]) => {
            is_token(method)
                && target.starts_with('/')
                && target.bytes().all(|byte| byte.is_ascii_graphic())
        }
        (Side::Answer(_), ["HTTP/1.1", status, _]) => status.len() == 3,
        _ => false,
    };
    if !fine {
        return Err(format!("start line {start:?}"));
    }
    let mut message = Message {
        start,
        ..Message::default()
    };
    for line in lines {
        let (name, value) = line
            .split_once(':')
            .ok_or_else(|| format!("line {line:?}"))?;
        if !is_token(name) {
            return Err(format!("field name {name:?}"));
        }
        if value.bytes().any(|byte| byte < b' ' && byte != b'\t') || value.contains('\x7f') {
            return Err(format!("field value {value:?}"));
        }
        message
            .fields
            .push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    Ok(message)
}

fn is_token(text: &str) -> bool {
    let other = |byte| b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || other(byte))
}

fn chunked(mut message: Message, body: &[u8], mut taken: usize) -> Read {
    message.chunked = true;
    let mut rest = body;
    loop {
        let Some(end) = find(rest, b"\r\n") else {
            return Read::More;
        };
        let size = std::str::from_utf8(&rest[..end]).unwrap_or("?");
        let plain = !size.is_empty() && size.bytes().all(|byte| byte.is_ascii_hexdigit());
        let Some(size) = plain
            .then(|| usize::from_str_radix(size, 16).ok())
            .flatten()
        else {
            return Read::Wrong(format!("chunk size {size:?}"));
        };
        rest = &rest[end + 2..];
        taken += end + 2;
        if size == 0 {
            break;
        }
        let Some(data) = rest.get(..size + 2) else {
            return Read::More;
        };
        if !data.ends_with(b"\r\n") {
            return Read::Wrong("a chunk that does not end in CRLF".to_owned());
        }
        message.body.extend_from_slice(&data[..size]);
        rest = &rest[size + 2..];
        taken += size + 2;
    }
    loop {
        let Some(end) = find(rest, b"\r\n") else {
            return Read::More;
        };
        taken += end + 2;
        if end == 0 {
            return Read::Whole(message, taken);
        }
        message
            .trailers
            .push(String::from_utf8_lossy(&rest[..end]).into_owned());
        rest = &rest[end + 2..];
    }
}
