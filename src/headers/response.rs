//! An answer's fields on their way to the client: the region's own untouched, but for those that
//! end here and those that only the gateway may say.

use httparse::Header;
use smallvec::SmallVec;

use super::name::Name;
use super::request::Cookies;
use super::value;

/// What the gateway adds to a region's answer.
pub struct Downward<'a> {
    /// `O-Region`.
    pub region: &'a str,
    /// `O-Region-Reason`.
    pub reason: &'a str,
    /// `X-Request-ID`.
    pub request_id: &'a str,
    /// This gateway's name in `Via`.
    pub pseudonym: &'a str,
    /// `Strict-Transport-Security` where the region set none; `None` in the demo.
    pub hsts: Option<&'a str>,
    /// Whether the region may set cookies here.
    pub cookies: Cookies,
    /// `Set-Cookie` values of the gateway's own.
    pub set_cookies: &'a [String],
    /// Whether this is an asset that a cache may store, with a status under which it is one.
    pub asset: bool,
    /// Bare-host notices, and whatever else belongs to this host.
    pub notices: &'a [(String, String)],
    /// `Date`, for an answer that came without (RFC 9110 §6.6.1).
    pub date: &'a str,
}

/// What of a region's answer was seen on the way.
#[derive(Clone, Copy, Default)]
struct Seen {
    cache_control: bool,
    set_cookie: bool,
    hsts: bool,
    date: bool,
}

impl Downward<'_> {
    /// Calls `emit` with each field for the client, framing fields excepted: those are written by
    /// whoever frames the body. `keep_trailer` when trailers can follow.
    pub fn each(
        &self,
        fields: &[Header<'_>],
        keep_trailer: bool,
        mut emit: impl FnMut(&str, &[u8]),
    ) {
        let named = connection_names(fields);
        let mut seen = Seen::default();
        let listed = |name: &str| {
            let same = |other: &&[u8]| other.eq_ignore_ascii_case(name.as_bytes());
            named.iter().any(same)
        };
        for field in fields {
            // It ends here, so for the client it was never said.
            if listed(field.name) {
                continue;
            }
            let passes = match Name::of(field.name) {
                Name::CacheControl => {
                    seen.cache_control = true;
                    true
                }
                Name::StrictTransportSecurity => {
                    seen.hsts = true;
                    true
                }
                Name::Date => {
                    seen.date = true;
                    true
                }
                Name::SetCookie => {
                    seen.set_cookie = true;
                    self.cookies == Cookies::Forward
                }
                Name::Trailer => keep_trailer,
                // A region's own word on what only the gateway can say.
                Name::Spoofable => !is_gateway_field(field.name),
                Name::Connection
                | Name::ContentLength
                | Name::HopByHop
                | Name::Pin
                | Name::RequestId
                | Name::Te
                | Name::TransferEncoding
                | Name::Via => false,
                Name::Plain => self.is_regions_to_say(field),
                Name::Authorization
                | Name::Baggage
                | Name::Cookie
                | Name::Credential
                | Name::CsrfToken
                | Name::Expect
                | Name::Forwarded
                | Name::Host
                | Name::MaxForwards
                | Name::TraceParent
                | Name::TraceState
                | Name::XForwardedFor => true,
            };
            if passes {
                emit(field.name, field.value);
            }
        }
        self.additions(seen, emit);
    }

    /// Whether a region's word about something else than this answer may pass: this connection is
    /// ours, and on the bare host so is the browser's memory of the host.
    fn is_regions_to_say(&self, field: &Header<'_>) -> bool {
        let is = |name: &str| field.name.eq_ignore_ascii_case(name);
        match field.name.as_bytes().first() {
            // RFC 7838: it would lead clients past the gateway, or to a port where nothing listens.
            Some(b'a' | b'A') => !is("alt-svc"),
            // RFC 9209: the region, or a proxy before it, speaks for itself only.
            Some(b'p' | b'P') if is("proxy-status") => {
                !value::proxy_status_names(field.value, self.pseudonym)
            }
            // They act on the host, which on the bare host is of no region: cookies and reports of
            // all paths, keys among them.
            Some(b'c' | b'C') if is("clear-site-data") => self.cookies == Cookies::Forward,
            Some(b'n' | b'N') if is("nel") => self.cookies == Cookies::Forward,
            Some(b'r' | b'R') if is("report-to") || is("reporting-endpoints") => {
                self.cookies == Cookies::Forward
            }
            _ => true,
        }
    }

    fn additions(&self, seen: Seen, mut emit: impl FnMut(&str, &[u8])) {
        if !seen.date {
            emit("Date", self.date.as_bytes());
        }
        // A cookie must not be stored with an asset.
        let stored = self.asset && !seen.set_cookie && self.set_cookies.is_empty();
        if !seen.cache_control && !stored {
            emit("Cache-Control", b"no-store");
        }
        if let (Some(hsts), false) = (self.hsts, seen.hsts) {
            emit("Strict-Transport-Security", hsts.as_bytes());
        }
        emit("O-Region", self.region.as_bytes());
        emit("O-Region-Reason", self.reason.as_bytes());
        emit("O-Delivery", b"executed");
        emit("X-Request-ID", self.request_id.as_bytes());
        for cookie in self.set_cookies {
            emit("Set-Cookie", cookie.as_bytes());
        }
        for (name, value) in self.notices {
            emit(name, value.as_bytes());
        }
        let mut via: SmallVec<[u8; 64]> = SmallVec::from_slice(b"1.1 ");
        via.extend_from_slice(self.pseudonym.as_bytes());
        emit("Via", &via);
    }
}

fn is_gateway_field(name: &str) -> bool {
    name.eq_ignore_ascii_case("o-delivery")
        || name
            .get(..8)
            .is_some_and(|prefix| prefix.eq_ignore_ascii_case("o-region"))
}

fn connection_names<'b>(fields: &[Header<'b>]) -> SmallVec<[&'b [u8]; 4]> {
    fields
        .iter()
        .filter(|field| field.name.eq_ignore_ascii_case("connection"))
        .flat_map(|field| value::members(field.value))
        .collect()
}

/// Whether a region's `Connection` says that it will close.
#[must_use]
pub fn says_close(fields: &[Header<'_>]) -> bool {
    connection_names(fields)
        .iter()
        .any(|name| name.eq_ignore_ascii_case(b"close"))
}

/// The request that a region says it answers, as a number ([`value::number`]).
#[must_use]
pub fn request_id(fields: &[Header<'_>]) -> Option<u64> {
    fields
        .iter()
        .find(|field| field.name.eq_ignore_ascii_case("x-request-id"))
        .map(|field| value::number(field.value))
}

/// Whether an HTTP/1.0 answer's `Connection` says that it will stay.
#[must_use]
pub fn says_keep_alive(fields: &[Header<'_>]) -> bool {
    connection_names(fields)
        .iter()
        .any(|name| name.eq_ignore_ascii_case(b"keep-alive"))
}

/// The trailer lines that may pass: no field that frames, routes, modifies, authenticates or says
/// what the content is (RFC 9110 §6.5.1), and none that the gateway itself writes.
#[must_use]
pub fn passing_trailers(lines: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for line in lines.split_inclusive(|byte| *byte == b'\n') {
        let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
        if std::str::from_utf8(name)
            .is_ok_and(|name| Name::of(name) == Name::Plain && !belongs_in_a_head(name))
        {
            out.extend_from_slice(line);
        }
    }
    out
}

/// Whether a field says something on which a recipient has acted before any trailer comes. One that
/// merges trailers into the head all the same must not be told another story by them.
fn belongs_in_a_head(name: &str) -> bool {
    const PREFIXES: [&str; 6] = [
        "accept",
        "access-control-",
        "content-",
        "if-",
        "sec-",
        "www-",
    ];
    const NAMES: [&str; 20] = [
        "age",
        "allow",
        "alt-svc",
        "clear-site-data",
        "expires",
        "location",
        "nel",
        "origin",
        "pragma",
        "proxy-status",
        "range",
        "referer",
        "referrer-policy",
        "refresh",
        "report-to",
        "reporting-endpoints",
        "retry-after",
        "user-agent",
        "vary",
        "warning",
    ];
    PREFIXES.iter().any(|prefix| {
        name.get(..prefix.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    }) || NAMES.iter().any(|own| own.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOWNWARD: Downward<'_> = Downward {
        region: "eu",
        reason: "geo",
        request_id: "id-1",
        pseudonym: "onetime-gateway",
        hsts: Some("max-age=1"),
        cookies: Cookies::Forward,
        set_cookies: &[],
        asset: false,
        notices: &[],
        date: "now",
    };

    fn emitted(downward: &Downward<'_>, pairs: &[(&str, &str)]) -> Vec<String> {
        let fields: Vec<Header<'_>> = pairs
            .iter()
            .map(|(name, value)| Header {
                name,
                value: value.as_bytes(),
            })
            .collect();
        let mut lines = Vec::new();
        downward.each(&fields, false, |name, value| {
            lines.push(format!("{name}: {}", String::from_utf8_lossy(value)));
        });
        lines
    }

    #[test]
    fn passes_end_to_end_fields_and_says_where_one_landed() {
        let lines = emitted(
            &DOWNWARD,
            &[
                ("x-csrf-token", "t"),
                ("Set-Cookie", "onetime.session=x"),
                ("X-OTS-Intended-Status", "401"),
                ("O-Region", "mars"),
                ("O-Region-Reason", "mars"),
                ("O-Delivery", "mars"),
                ("O-Domain-Strategy", "canonical"),
                ("X-Request-ID", "theirs"),
                ("Via", "1.1 caddy"),
                ("Connection", "close, X-Hop"),
                ("X-Hop", "1"),
                ("Transfer-Encoding", "chunked"),
                ("Date", "then"),
            ],
        );
        assert_eq!(
            lines,
            [
                "x-csrf-token: t",
                "Set-Cookie: onetime.session=x",
                "X-OTS-Intended-Status: 401",
                "O-Domain-Strategy: canonical",
                "Date: then",
                "Cache-Control: no-store",
                "Strict-Transport-Security: max-age=1",
                "O-Region: eu",
                "O-Region-Reason: geo",
                "O-Delivery: executed",
                "X-Request-ID: id-1",
                "Via: 1.1 onetime-gateway",
            ]
        );
    }

    #[test]
    fn what_connection_names_was_never_said() {
        let lines = emitted(
            &DOWNWARD,
            &[
                ("Cache-Control", "public"),
                ("Strict-Transport-Security", "max-age=0"),
                ("Date", "then"),
                (
                    "Connection",
                    "cache-control, strict-transport-security, date",
                ),
            ],
        );
        assert_eq!(
            lines.get(..3).expect("three"),
            [
                "Date: now",
                "Cache-Control: no-store",
                "Strict-Transport-Security: max-age=1",
            ]
        );
    }

    #[test]
    fn adds_only_what_the_region_did_not_say() {
        let lines = emitted(
            &Downward {
                cookies: Cookies::Withhold,
                set_cookies: &["a=; Max-Age=0".to_owned()],
                ..DOWNWARD
            },
            &[
                ("Set-Cookie", "onetime.session=x"),
                ("Cache-Control", "max-age=60"),
                ("Strict-Transport-Security", "max-age=31536000"),
            ],
        );
        assert!(
            !lines
                .iter()
                .any(|line| line.contains("session") || line.contains("no-store"))
        );
        assert!(!lines.contains(&"Strict-Transport-Security: max-age=1".to_owned()));
        assert!(lines.contains(&"Set-Cookie: a=; Max-Age=0".to_owned()));
        assert!(lines.contains(&"Date: now".to_owned()));
    }

    #[test]
    fn a_region_speaks_neither_in_our_name_nor_for_the_host() {
        let fields = [
            ("Alt-Svc", "h3=\":443\""),
            ("Proxy-Status", "onetime-gateway; error=dns_error"),
            ("proxy-status", "caddy, \"onetime-gateway\""),
            ("Proxy-Status", "caddy; error=dns_error"),
            ("Clear-Site-Data", "\"cookies\""),
            ("NEL", "{}"),
            ("Report-To", "{}"),
            ("Set-Cookie2", "a=b"),
        ];
        let said = |cookies| {
            let lines = emitted(
                &Downward {
                    cookies,
                    ..DOWNWARD
                },
                &fields,
            );
            let theirs = lines
                .into_iter()
                .take_while(|line| !line.starts_with("Date"));
            theirs.collect::<Vec<_>>()
        };
        assert_eq!(
            said(Cookies::Withhold),
            ["Proxy-Status: caddy; error=dns_error"]
        );
        assert_eq!(
            said(Cookies::Forward),
            [
                "Proxy-Status: caddy; error=dns_error",
                "Clear-Site-Data: \"cookies\"",
                "NEL: {}",
                "Report-To: {}",
                "Set-Cookie2: a=b",
            ]
        );
        let lines = b"Proxy-Status: onetime-gateway\r\nAlt-Svc: clear\r\nX-Sum: 1\r\nNEL: {}\r\n";
        assert_eq!(passing_trailers(lines), b"X-Sum: 1\r\n");
    }

    #[test]
    fn an_asset_may_be_stored_unless_a_cookie_comes_with_it() {
        let says = |asset, pairs: &[(&str, &str)], set_cookies: &[String]| {
            let downward = Downward {
                asset,
                set_cookies,
                ..DOWNWARD
            };
            let lines = emitted(&downward, pairs);
            lines.contains(&"Cache-Control: no-store".to_owned())
        };
        assert!(!says(true, &[("ETag", "x")], &[]));
        assert!(says(false, &[("ETag", "x")], &[]));
        assert!(says(true, &[("Set-Cookie", "a=b")], &[]));
        assert!(says(true, &[], &["a=b".to_owned()]));
    }

    #[test]
    fn trailers_cannot_say_what_a_head_must() {
        let lines =
            b"X-Sum: 1\r\nContent-Length: 3\r\nHost: a\r\nO-Region: us\r\nSet-Cookie: a\r\n";
        assert_eq!(passing_trailers(lines), b"X-Sum: 1\r\n");
    }

    #[test]
    fn trailers_cannot_change_what_the_head_said_of_the_content() {
        let lines = b"Content-Type: text/html\r\nIF-MATCH: x\r\nRange: x\r\nOrigin: x\r\n\
            Location: x\r\nSec-Fetch-Site: x\r\nServer-Timing: 1\r\n";
        assert_eq!(passing_trailers(lines), b"Server-Timing: 1\r\n");
    }
}
