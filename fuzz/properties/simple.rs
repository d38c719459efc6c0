//! A second reader of HTTP/1 heads, as plain as can be: lines, words, colons. It knows nothing of
//! the gateway's own and of no leniency at all.

/// A start line's words and the fields, values without white space around them.
#[derive(Debug, Eq, PartialEq)]
pub struct Head {
    pub start: Vec<Vec<u8>>,
    pub fields: Vec<(String, Vec<u8>)>,
}

/// How a body is announced.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Announced {
    Chunked,
    Length(u64),
    Nothing,
}

impl Head {
    /// Reads a head from its first byte to the empty line.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let text = bytes.strip_suffix(b"\r\n\r\n")?;
        let mut lines = Vec::new();
        let mut line = Vec::new();
        let mut rest = text.iter().copied().peekable();
        while let Some(byte) = rest.next() {
            match byte {
                b'\r' if rest.next_if_eq(&b'\n').is_some() => lines.push(std::mem::take(&mut line)),
                b'\r' | b'\n' => return None,
                byte => line.push(byte),
            }
        }
        lines.push(line);
        let mut lines = lines.into_iter();
        let start = lines.next()?;
        let start = start.splitn(3, |byte| *byte == b' ').map(<[u8]>::to_vec);
        let start: Vec<_> = start.collect();
        let fields = lines.map(|line| field(&line)).collect::<Option<Vec<_>>>()?;
        (start.len() >= 2).then_some(Self { start, fields })
    }

    /// Every value of a field.
    pub fn values(&self, name: &str) -> Vec<&[u8]> {
        let named = self.fields.iter().filter(|(known, _)| known == name);
        named.map(|(_, value)| value.as_slice()).collect()
    }

    /// What frames the body, if that can be only one thing.
    pub fn announced(&self) -> Option<Announced> {
        let codings = self.values("transfer-encoding");
        let lengths = self.values("content-length");
        match (codings.as_slice(), lengths.as_slice()) {
            ([], []) => Some(Announced::Nothing),
            ([coding], []) if coding.eq_ignore_ascii_case(b"chunked") => Some(Announced::Chunked),
            ([], [length]) => {
                let digits = std::str::from_utf8(length).ok()?;
                let plain = digits.len() <= 19 && digits.bytes().all(|byte| byte.is_ascii_digit());
                plain.then(|| digits.parse().ok().map(Announced::Length))?
            }
            _ => None,
        }
    }

    /// Method, target and whether it is HTTP/1.1, of a request.
    pub fn request(&self) -> Option<(&[u8], &[u8], bool)> {
        let [method, target, version] = self.start.as_slice() else {
            return None;
        };
        let minor = minor(version)?;
        let plain = !method.is_empty() && method.iter().all(|byte| is_token(*byte));
        let fine = plain && !target.is_empty() && target.iter().all(u8::is_ascii_graphic);
        (fine && !(minor == 0 && self.announced()? == Announced::Chunked)).then_some((
            method,
            target,
            minor == 1,
        ))
    }

    /// The status of an answer, and whether it is HTTP/1.1.
    pub fn status(&self) -> Option<(u16, bool)> {
        let (version, status) = (self.start.first()?, self.start.get(1)?);
        let minor = minor(version)?;
        let plain = status.len() == 3 && status.iter().all(u8::is_ascii_digit);
        let status: u16 = std::str::from_utf8(status).ok()?.parse().ok()?;
        let reason = self.start.get(2).map_or(&[][..], Vec::as_slice);
        let fine = plain && (100..600).contains(&status) && reason.iter().all(|b| is_text(*b));
        (fine && !(minor == 0 && self.announced()? == Announced::Chunked))
            .then_some((status, minor == 1))
    }
}

fn minor(version: &[u8]) -> Option<u8> {
    match version {
        b"HTTP/1.0" => Some(0),
        b"HTTP/1.1" => Some(1),
        _ => None,
    }
}

fn field(line: &[u8]) -> Option<(String, Vec<u8>)> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let (name, value) = (&line[..colon], &line[colon + 1..]);
    let fine = !name.is_empty() && name.iter().all(|byte| is_token(*byte));
    let value = trimmed(value);
    let name = String::from_utf8(name.to_ascii_lowercase()).ok()?;
    (fine && value.iter().all(|byte| is_text(*byte))).then(|| (name, value.to_vec()))
}

/// Without spaces and tabs at both ends.
pub fn trimmed(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

/// A byte of a field value: no control byte but the tab.
pub fn is_text(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}

/// A byte of a method or a field name.
pub fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
