//! A request's fields: read once into [`Facts`], written once as the region's head.

use std::io::Write;

use httparse::Header;
use smallvec::SmallVec;

use super::name::Name;
use super::response::passing_trailers;
use super::value;
use crate::http1::Framing;
use crate::region::pin::{CookieNames, Sent};

/// What `Expect` asks for (RFC 9110 §10.1.1).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Expect {
    /// `100-continue`.
    Continue,
    /// Nothing.
    #[default]
    Nothing,
    /// Anything else: answered with 417.
    Unknown,
}

/// What a request's fields say, read in one pass. Holds credentials: it has no `Debug`.
#[derive(Default)]
pub struct Facts<'b> {
    /// The value of `Host`, if there is any.
    pub host: Option<&'b [u8]>,
    /// More than one `Host`.
    pub host_repeated: bool,
    /// `Content-Length` is present.
    pub length: bool,
    /// More than one `Content-Length`, alike or not; HTTP/1 heads with such are refused before.
    pub length_repeated: bool,
    /// `Authorization` is present.
    pub authorization: bool,
    /// `X-CSRF-Token` is present.
    pub csrf_token: bool,
    /// The values of `Cookie`, in order.
    pub cookies: SmallVec<[&'b [u8]; 4]>,
    /// The pin header.
    pub pin: Sent<'b>,
    /// The first `X-Request-ID`.
    pub request_id: Option<&'b [u8]>,
    /// A `Via` names this gateway.
    pub looped: bool,
    /// `Max-Forwards`.
    pub max_forwards: Sent<'b>,
    /// `traceparent`.
    pub traceparent: Sent<'b>,
    /// `Expect`.
    pub expect: Expect,
    /// `Connection: close`.
    pub close: bool,
    /// `Connection: keep-alive`.
    pub keep_alive: bool,
    /// Field names that `Connection` lists: they end here.
    pub connection_names: SmallVec<[&'b [u8]; 4]>,
    /// `TE` names `trailers`.
    pub te_trailers: bool,
    /// A field that only HTTP/1 has, or a value with white space around it, which HTTP/1 would
    /// trim: malformed in HTTP/2 (RFC 9113 §8.2.1, §8.2.2).
    pub unfit_for_http2: bool,
}

impl<'b> Facts<'b> {
    /// Reads the fields; `pseudonym` is this gateway's name in `Via`.
    #[must_use]
    pub fn read(fields: &[Header<'b>], pseudonym: &str) -> Self {
        let mut facts = Self::default();
        for field in fields {
            facts.take(field, pseudonym);
        }
        facts
    }

    /// How many more intermediaries an OPTIONS may pass (RFC 9110 §7.6.2), as many as there are where it
    /// does not say; `None` if what it says is malformed.
    #[must_use]
    pub fn forwards_left(&self) -> Option<u32> {
        match self.max_forwards {
            Sent::Nothing => Some(u32::MAX),
            Sent::One(value) => value::max_forwards(value),
            Sent::Several => None,
        }
    }

    fn take(&mut self, field: &Header<'b>, pseudonym: &str) {
        let padded = matches!(field.value, [b' ' | b'\t', ..] | [.., b' ' | b'\t']);
        self.unfit_for_http2 |= padded;
        match Name::of(field.name) {
            Name::Host => self.host_repeated |= self.host.replace(field.value).is_some(),
            Name::ContentLength => {
                self.length_repeated |= std::mem::replace(&mut self.length, true);
            }
            Name::Authorization => self.authorization = true,
            Name::CsrfToken => self.csrf_token = true,
            Name::Cookie => self.cookies.push(field.value),
            Name::Pin => once_more(&mut self.pin, field.value),
            Name::MaxForwards => once_more(&mut self.max_forwards, field.value),
            Name::TraceParent => once_more(&mut self.traceparent, field.value),
            Name::RequestId => {
                self.request_id.get_or_insert(field.value);
            }
            Name::Via => self.looped |= value::via_names(field.value, pseudonym),
            Name::Expect => {
                let known = field.value.eq_ignore_ascii_case(b"100-continue");
                self.expect = if known && self.expect != Expect::Unknown {
                    Expect::Continue
                } else {
                    Expect::Unknown
                };
            }
            Name::Te => {
                self.te_trailers |= value::members(field.value)
                    .any(|member| member.eq_ignore_ascii_case(b"trailers"));
            }
            Name::Connection => {
                self.unfit_for_http2 = true;
                self.take_connection(field.value);
            }
            Name::TransferEncoding => self.unfit_for_http2 = true,
            _ => {}
        }
    }

    fn take_connection(&mut self, list: &'b [u8]) {
        for member in value::members(list) {
            if member.eq_ignore_ascii_case(b"close") {
                self.close = true;
            } else if member.eq_ignore_ascii_case(b"keep-alive") {
                self.keep_alive = true;
            } else {
                self.connection_names.push(member);
            }
        }
    }
}

/// Takes in one more field of a name that should come once.
const fn once_more<'b>(sent: &mut Sent<'b>, value: &'b [u8]) {
    *sent = match sent {
        Sent::Nothing => Sent::One(value),
        Sent::One(_) | Sent::Several => Sent::Several,
    };
}

/// Whether the region sees the client's cookies.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Cookies {
    /// Forwarded, without the gateway's own.
    Forward,
    /// Dropped: on the bare host they would reach whichever region the request goes to.
    Withhold,
}

/// The one truth that the region is told, beside the client's own end-to-end fields.
pub struct Outbound<'a> {
    /// The method.
    pub method: &'a str,
    /// The target in origin form.
    pub target: &'a str,
    /// The client's address, as text.
    pub client: &'a str,
    /// This gateway's name in `Via`.
    pub pseudonym: &'a str,
    /// The version that the client spoke, as `Via` writes it: `1.0`, `1.1` or `2`.
    pub received: &'a str,
    /// `X-Request-ID`.
    pub request_id: &'a str,
    /// `traceparent`, where there is one to be told.
    pub traceparent: Option<&'a [u8]>,
    /// Whether the client's `tracestate` goes with it.
    pub tracestate: bool,
    /// Name and value of the country field, where configured and known.
    pub country: Option<(&'a str, &'a str)>,
    /// What becomes of cookies.
    pub cookies: Cookies,
    /// Names of the gateway's own cookies, never forwarded.
    pub own_cookies: &'a CookieNames,
    /// How the body will be framed; the client's framing is never copied.
    pub framing: Framing,
}

/// A region's head that wants only its host. No `Debug`: it holds paths and credentials.
pub struct Head {
    bytes: Vec<u8>,
    host_at: usize,
    /// The name of a field that only the gateway may say, where trailers can follow.
    own_field: Option<Box<str>>,
    /// `X-Request-ID` as a number; `None` where there is none.
    id: Option<u64>,
    /// Whether it is a GET or HEAD.
    reads: bool,
}

impl Head {
    /// The head of a call of the gateway's own: a POST of `content`, its type and its length, or a GET
    /// if there is none. It says nothing of any client.
    #[must_use]
    pub fn inquiry(path: &str, content: Option<(&str, usize)>) -> Self {
        let method = if content.is_some() { "POST" } else { "GET" };
        let line = format!("{method} {path} HTTP/1.1\r\n");
        let framing = content.map_or_else(String::new, |(content_type, length)| {
            format!("Content-Type: {content_type}\r\nContent-Length: {length}\r\n")
        });
        let fields = format!(
            "User-Agent: onetime-gateway-lookup/{}\r\nAccept: application/json\r\n\
             X-Forwarded-Proto: https\r\n{framing}\r\n",
            env!("CARGO_PKG_VERSION"),
        );
        Self {
            host_at: line.len(),
            bytes: (line + &fields).into_bytes(),
            own_field: None,
            id: None,
            reads: content.is_none(),
        }
    }

    /// `X-Request-ID` as a number ([`value::number`]), if it says one.
    #[must_use]
    pub const fn id(&self) -> Option<u64> {
        self.id
    }

    /// Whether it is a GET or HEAD: what a cache may answer (RFC 9110 §9.2.3).
    #[must_use]
    pub const fn reads(&self) -> bool {
        self.reads
    }

    /// Appends the head with `Host`, and `X-Forwarded-Host`, which outranks it at the region.
    pub fn write(&self, host: &str, out: &mut Vec<u8>) {
        let (line, fields) = self
            .bytes
            .split_at_checked(self.host_at)
            .unwrap_or_default();
        out.extend_from_slice(line);
        write_field(out, "Host", host.as_bytes());
        write_field(out, "X-Forwarded-Host", host.as_bytes());
        out.extend_from_slice(fields);
    }

    /// The client's trailer lines that may pass behind this head: of those that ever may, not the
    /// one that would speak of the country in the gateway's place.
    #[must_use]
    pub fn passing_trailers(&self, lines: &[u8]) -> Vec<u8> {
        let mut passing = passing_trailers(lines);
        if let Some(own) = &self.own_field {
            let lines = std::mem::take(&mut passing);
            for line in lines.split_inclusive(|byte| *byte == b'\n') {
                let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
                if !name.eq_ignore_ascii_case(own.as_bytes()) {
                    passing.extend_from_slice(line);
                }
            }
        }
        passing
    }
}

impl Outbound<'_> {
    /// The region's head, but for the host: that is the endpoint's to say.
    #[must_use]
    pub fn write(&self, fields: &[Header<'_>], facts: &Facts<'_>) -> Head {
        let mut head = Vec::with_capacity(1024);
        for part in [self.method, " ", self.target, " HTTP/1.1\r\n"] {
            head.extend_from_slice(part.as_bytes());
        }
        let host_at = head.len();
        self.write_fields(fields, facts, &mut head);
        Head {
            bytes: head,
            host_at,
            own_field: self
                .country
                .filter(|_| self.framing == Framing::Chunked)
                .map(|(name, _)| name.into()),
            id: Some(value::number(self.request_id.as_bytes())),
            reads: matches!(self.method, "GET" | "HEAD"),
        }
    }

    fn write_fields(&self, fields: &[Header<'_>], facts: &Facts<'_>, out: &mut Vec<u8>) {
        for field in fields {
            if self.passes(field, facts) {
                write_field(out, field.name, field.value);
            }
        }
        if self.cookies == Cookies::Forward && !is_connection_named("cookie", facts) {
            write_cookies(out, &facts.cookies, self.own_cookies);
        }
        self.write_truth(fields, out);
        self.write_forwards_left(facts, out);
        self.write_framing(facts, out);
        out.extend_from_slice(b"\r\n");
    }

    fn passes(&self, field: &Header<'_>, facts: &Facts<'_>) -> bool {
        let passes = match Name::of(field.name) {
            Name::Plain
            | Name::Authorization
            | Name::CacheControl
            | Name::CsrfToken
            | Name::Date
            | Name::SetCookie
            | Name::StrictTransportSecurity => true,
            Name::TraceState => self.tracestate,
            // Of no meaning with other methods; OPTIONS gets the updated one.
            Name::MaxForwards => self.method != "OPTIONS",
            // Only meaningful where trailers can follow.
            Name::Trailer => self.framing == Framing::Chunked,
            Name::Connection
            | Name::ContentLength
            | Name::Cookie
            | Name::Expect
            | Name::Forwarded
            | Name::Host
            | Name::HopByHop
            | Name::Pin
            | Name::RequestId
            | Name::Spoofable
            | Name::Te
            | Name::TraceParent
            | Name::TransferEncoding
            | Name::Via
            | Name::XForwardedFor => false,
        };
        passes && !is_connection_named(field.name, facts) && !self.is_country_field(field.name)
    }

    fn is_country_field(&self, name: &str) -> bool {
        self.country
            .is_some_and(|(own, _)| own.eq_ignore_ascii_case(name))
    }

    fn write_truth(&self, fields: &[Header<'_>], out: &mut Vec<u8>) {
        write_field(out, "X-Forwarded-For", self.client.as_bytes());
        write_field(out, "X-Real-IP", self.client.as_bytes());
        out.extend_from_slice(b"X-Forwarded-Proto: https\r\n");
        write_field(out, "X-Request-ID", self.request_id.as_bytes());
        if let Some(value) = self.traceparent {
            write_field(out, "traceparent", value);
        }
        if let Some((name, value)) = self.country.filter(|(_, value)| !value.is_empty()) {
            write_field(out, name, value.as_bytes());
        }
        out.extend_from_slice(b"Via: ");
        for field in fields
            .iter()
            .filter(|field| Name::of(field.name) == Name::Via)
        {
            out.extend_from_slice(field.value);
            out.extend_from_slice(b", ");
        }
        for part in [self.received, " ", self.pseudonym, "\r\n"] {
            out.extend_from_slice(part.as_bytes());
        }
    }

    /// RFC 9110 §7.6.2: one less than came; whoever may pass no further is answered before.
    fn write_forwards_left(&self, facts: &Facts<'_>, out: &mut Vec<u8>) {
        let says = facts.max_forwards != Sent::Nothing;
        if let (Some(came), "OPTIONS", true) = (facts.forwards_left(), self.method, says)
            && !is_connection_named("max-forwards", facts)
        {
            // Writing to a Vec cannot fail.
            drop(write!(out, "Max-Forwards: {}\r\n", came.saturating_sub(1)));
        }
    }

    fn write_framing(&self, facts: &Facts<'_>, out: &mut Vec<u8>) {
        if facts.te_trailers {
            // RFC 9110 §10.1.4: TE is itself a hop-by-hop field and must be named as one.
            out.extend_from_slice(b"TE: trailers\r\nConnection: TE\r\n");
        }
        // HTTP/1.0 has no expectations (RFC 9110 §10.1.1), and HTTP/2 gets no informational answers
        // from us: there the body simply comes.
        let expects = facts.expect == Expect::Continue && self.received == "1.1";
        if expects && self.framing != Framing::Empty {
            out.extend_from_slice(b"Expect: 100-continue\r\n");
        }
        match self.framing {
            Framing::Chunked => out.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
            // Writing to a Vec cannot fail.
            Framing::Length(length) => drop(write!(out, "Content-Length: {length}\r\n")),
            // RFC 9110 §8.6: a method that anticipates a body says that there is none.
            Framing::Empty if matches!(self.method, "POST" | "PUT" | "PATCH") => {
                out.extend_from_slice(b"Content-Length: 0\r\n");
            }
            Framing::Empty | Framing::UntilClose => {}
        }
    }
}

/// Appends `name: value` and CRLF.
pub fn write_field(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

fn is_connection_named(name: &str, facts: &Facts<'_>) -> bool {
    facts
        .connection_names
        .iter()
        .any(|named| named.eq_ignore_ascii_case(name.as_bytes()))
}

/// Joins split `Cookie` fields (RFC 9113 §8.2.3), leaving the gateway's own cookies out.
fn write_cookies(out: &mut Vec<u8>, values: &[&[u8]], own: &CookieNames) {
    let start = out.len();
    out.extend_from_slice(b"Cookie: ");
    if own.foreign(values.iter().copied(), out) {
        out.extend_from_slice(b"\r\n");
    } else {
        out.truncate(start);
    }
}

#[cfg(test)]
mod tests;
