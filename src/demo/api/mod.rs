//! The application's routes as a region answers them, without any gateway's rules.
//!
//! Everything here is synchronous: a request finds the store, changes it and leaves it in one go.

mod account;
mod call;
mod create;
mod debug;
mod pages;
mod v1;
mod v2;

use std::borrow::Cow;
use std::net::IpAddr;

use super::region::Region;
use super::wire::answer::Answer;
use super::wire::body::Received;
use super::wire::head::Head;

use self::account::Caller;
use self::call::Call;
pub(super) use self::call::{display_host, hidden_failure, server_failure};
use super::params::Params;

/// A request that has come whole.
pub(super) struct Request<'a> {
    pub(super) head: &'a Head,
    pub(super) body: &'a Received,
    /// The socket's other end.
    pub(super) peer: IpAddr,
    /// As the region echoes it.
    pub(super) request_id: &'a str,
    /// The connection's number at its endpoint, and this request's number on it.
    pub(super) place: (u64, u64),
}

/// Answers a request.
pub(super) fn answer(region: &Region, request: &Request<'_>) -> Answer {
    let head = request.head;
    if let Some(answer) = debug::answer(request) {
        return answer;
    }
    if request.body.cut() {
        return server_failure(head.path(), region.dialect);
    }
    let method = match head.method() {
        "HEAD" => "GET",
        method => method,
    };
    let Some(path) = Path::of(head.path(), region.current()) else {
        return not_found(head.path());
    };
    let parts: Vec<&str> = path.parts.iter().map(String::as_str).collect();
    let content_type = joined(head, "content-type");
    let params = Params::read(
        head.query(),
        content_type.as_deref(),
        &request.body.kept,
        region.dialect,
    );
    let Ok(params) = params else {
        let words = b"failed to parse body as JSON".to_vec();
        return Answer::new(400, "text/plain", words);
    };
    let call = Call {
        region,
        head,
        params,
        client: call::client(head, request.peer),
        now: region.clock.now(),
        caller: Caller::of(region, head.field("authorization")),
        request_id: request.request_id,
    };
    match parts.as_slice() {
        ["api", "v1", rest @ ..] => v1::answer(&call, method, rest),
        ["api", "v2", rest @ ..] => v2::answer(&call, v2::Version::Two, method, rest),
        ["api", "v3", rest @ ..] if region.current() => {
            v2::answer(&call, v2::Version::Three, method, rest)
        }
        ["api", ..] => not_found(head.path()),
        parts => pages::answer(&call, method, parts),
    }
}

/// The values of all fields of this name, as the application's server joins them.
fn joined<'a>(head: &'a Head, name: &str) -> Option<Cow<'a, str>> {
    let several = head
        .fields()
        .filter(|(other, _)| other.eq_ignore_ascii_case(name));
    several.fold(None, |before: Option<Cow<'a, str>>, (_, value)| {
        let value = String::from_utf8_lossy(value);
        Some(match before {
            None => value,
            Some(before) => format!("{before}, {value}").into(),
        })
    })
}

/// What a route that does not exist is answered with.
pub(super) fn not_found(path: &str) -> Answer {
    if path == "/api/v1" || path.starts_with("/api/v1/") {
        return Answer::json(404, &serde_json::json!({"error": "Not Found"}));
    }
    if path == "/api" || path.starts_with("/api/") {
        let body = serde_json::json!({"error": "Not Found", "error_type": "NotFound"});
        return Answer::json(404, &body);
    }
    pages::missing()
}

/// A path's segments, decoded once.
struct Path {
    parts: Vec<String>,
}

impl Path {
    /// The current dialect forgives doubled and trailing slashes; the classic one does not.
    fn of(path: &str, forgiving: bool) -> Option<Self> {
        let path = path.strip_prefix('/')?;
        let mut parts = Vec::new();
        for part in path.split('/') {
            if part.is_empty() {
                if forgiving || path.is_empty() {
                    continue;
                }
                return None;
            }
            let part = percent_encoding::percent_decode_str(part).decode_utf8_lossy();
            parts.push(part.into_owned());
        }
        Some(Self { parts })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(path: &str, forgiving: bool) -> Option<Vec<String>> {
        Path::of(path, forgiving).map(|path| path.parts)
    }

    #[test]
    fn slashes_are_forgiven_by_the_current_dialect_only() {
        assert_eq!(parts("/", false).unwrap(), Vec::<String>::new());
        assert_eq!(
            parts("/api//v1/status/", true).unwrap(),
            ["api", "v1", "status"]
        );
        assert_eq!(parts("/api/v1/status/", false), None);
        assert_eq!(parts("/api//v1/status", false), None);
        assert_eq!(parts("/secret/a%2Bb", false).unwrap(), ["secret", "a+b"]);
        assert_eq!(parts("*", true), None);
    }

    #[test]
    fn what_is_unknown_is_told_in_its_own_dialect() {
        let body = |path| String::from_utf8(not_found(path).body()).unwrap();
        assert_eq!(body("/api/v1/x"), r#"{"error":"Not Found"}"#);
        assert_eq!(
            body("/api/v2"),
            r#"{"error":"Not Found","error_type":"NotFound"}"#
        );
        assert!(body("/x").contains("<html"));
    }
}
