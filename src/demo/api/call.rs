//! One request as the routes see it, and the failures that several routes share.

use std::net::IpAddr;
use std::rc::Rc;

use serde_json::{Map, Value, json};

use super::account::Caller;
use crate::demo::options::Dialect;
use crate::demo::params::Params;
use crate::demo::region::{Region, without_port};
use crate::demo::wire::answer::Answer;
use crate::demo::wire::head::Head;

/// The application's words for a fault of its own.
const UNEXPECTED: &str = "An unexpected error occurred :[";

/// One request.
pub(super) struct Call<'a> {
    pub(super) region: &'a Region,
    pub(super) head: &'a Head,
    pub(super) params: Params,
    /// The client as the region believes it to be.
    pub(super) client: IpAddr,
    /// Milliseconds since 1970.
    pub(super) now: u64,
    pub(super) caller: Caller,
    pub(super) request_id: &'a str,
}

impl Call<'_> {
    /// `https://` and the region's own host: the beginning of every link.
    pub(super) fn origin(&self) -> String {
        let site: Rc<str> = self.region.site();
        format!("https://{site}")
    }

    pub(super) fn locale(&self) -> &str {
        match self.params.get("locale") {
            Some(locale) if LOCALES.contains(&locale) => locale,
            _ => "en",
        }
    }

    /// v1's way of saying no: always 404, with the status that was meant beside it in the current
    /// dialect, or a CSRF value in the classic one.
    pub(super) fn refuse_v1(&self, intended: u16, message: &str) -> Answer {
        if self.region.current() {
            return Answer::json(404, &json!({ "message": message }))
                .with("X-OTS-Intended-Status", intended.to_string());
        }
        let mut body = Map::new();
        if intended != 401 {
            body.insert("shrimp".to_owned(), Value::from(shrimp(self.region)));
        }
        body.insert("message".to_owned(), Value::from(message));
        Answer::json(404, &body)
    }

    /// The fault of its own that v1 hides behind a 404.
    pub(super) fn unexpected_v1(&self) -> Answer {
        hidden_failure(self.region)
    }
}

/// The languages that the regions offer, the first being the default.
pub(super) const LOCALES: [&str; 8] = ["en", "de", "fr_FR", "pl", "sv_SE", "uk", "zh", "es"];

/// A CSRF value as the classic dialect puts it into errors.
pub(super) fn shrimp(region: &Region) -> String {
    crate::demo::keys::hex(&region.random.bytes::<20>())
}

/// v1's answer to an internal error: a 404.
pub(in crate::demo) fn hidden_failure(region: &Region) -> Answer {
    if region.current() {
        return Answer::json(404, &json!({ "message": UNEXPECTED }))
            .with("X-OTS-Intended-Status", "400");
    }
    let body = json!({ "message": UNEXPECTED, "shrimp": shrimp(region) });
    Answer::json(404, &body)
}

/// The answer of the application's outer layers to an internal error.
pub(in crate::demo) fn server_failure(path: &str, dialect: Dialect) -> Answer {
    let honest = path.starts_with("/api/v2/") || path.starts_with("/api/v3/");
    if honest && dialect == Dialect::Current {
        let body = json!({"error": "Internal Server Error", "error_type": "ServerError"});
        return Answer::json(500, &body);
    }
    if path.starts_with("/api/") {
        return Answer::json(500, &json!({"error": "Internal Server Error"}));
    }
    let page =
        b"<!doctype html>\n<html><title>Error</title><h1>Internal Server Error</h1></html>\n";
    Answer::new(500, "text/html; charset=utf-8", page.to_vec())
}

/// The client as a region in "filter" mode finds it: the first of `X-Forwarded-For`, since the
/// peer is a proxy that it trusts.
pub(super) fn client(head: &Head, peer: IpAddr) -> IpAddr {
    head.field("x-forwarded-for")
        .and_then(|list| list.split(',').next())
        .or_else(|| head.field("x-real-ip"))
        .and_then(|first| first.trim().parse().ok())
        .unwrap_or(peer)
}

/// The host that the region believes it serves: the first well-formed one of the headers that it
/// reads, in its order.
pub(in crate::demo) fn display_host(head: &Head) -> &str {
    ["x-forwarded-host", "apx-incoming-host", "x-original-host"]
        .into_iter()
        .filter_map(|name| head.field(name))
        .chain(head.field("forwarded").and_then(forwarded_host))
        .chain(head.field("host"))
        .map(without_port)
        .find(|host| well_formed(host))
        .unwrap_or_default()
}

/// The `host` of the first element of `Forwarded` (RFC 7239).
fn forwarded_host(forwarded: &str) -> Option<&str> {
    forwarded
        .split(',')
        .next()?
        .split(';')
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| name.eq_ignore_ascii_case("host"))
        .map(|(_, host)| host.trim_matches('"'))
}

fn well_formed(host: &str) -> bool {
    let usual = |byte: u8| byte.is_ascii_alphanumeric() || b"-._[]:".contains(&byte);
    !host.is_empty() && host.len() <= 253 && host.bytes().all(usual)
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::*;

    fn head(fields: &str) -> Head {
        let text = format!("GET / HTTP/1.1\r\nHost: eu.localhost:8443\r\n{fields}\r\n");
        Head::take(&mut BytesMut::from(text.as_str()))
            .unwrap_or_else(|refused| panic!("{refused:?}"))
            .unwrap()
    }

    #[test]
    fn the_forwarded_host_outranks_the_host() {
        assert_eq!(display_host(&head("")), "eu.localhost");
        assert_eq!(
            display_host(&head("Forwarded: for=1;host=\"a:1\", host=b\r\n")),
            "a"
        );
        let both = "X-Original-Host: c.example\r\nX-Forwarded-Host: d.example\r\n";
        assert_eq!(display_host(&head(both)), "d.example");
        assert_eq!(
            display_host(&head("X-Forwarded-Host: <x>\r\n")),
            "eu.localhost"
        );
    }

    #[test]
    fn the_client_is_the_leftmost_forwarded_address() {
        let peer: IpAddr = "127.0.0.1".parse().unwrap();
        assert_eq!(client(&head(""), peer), peer);
        let forwarded = head("X-Forwarded-For: 203.0.113.7, 10.0.0.1\r\n");
        assert_eq!(client(&forwarded, peer).to_string(), "203.0.113.7");
        assert_eq!(client(&head("X-Forwarded-For: x\r\n"), peer), peer);
    }
}
