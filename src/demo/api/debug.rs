//! Routes that no application has: they show what reached the region, byte for byte, and answer
//! with what a test asks for.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::Request;
use crate::demo::keys::hex;
use crate::demo::options::Dialect;
use crate::demo::params::Params;
use crate::demo::wire::answer::{Answer, Body};

/// How much of a body `/demo/echo` shows.
const SHOWN: usize = 64 * 1024;

/// The most bytes that `/demo/bytes/N` sends.
const LARGEST: u64 = 1 << 40;

/// The body of `/demo/trailers`, whose hash follows it.
const TRAILED: &[u8] = b"This body is followed by its own hash.\n";

/// What a request looked like when it arrived.
#[derive(Serialize)]
struct Echo<'a> {
    method: &'a str,
    target: &'a str,
    version: &'static str,
    /// In order, names as sent.
    headers: Vec<(&'a str, String)>,
    trailers: &'a [(String, String)],
    body_length: u64,
    body_sha256: String,
    /// The first 64 KiB, if they are text.
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<&'a str>,
    /// The first 64 KiB, if they are not.
    #[serde(skip_serializing_if = "Option::is_none")]
    body_base64: Option<String>,
    /// The number of the connection at this endpoint, from 1.
    connection: u64,
    /// The number of the request on this connection, from 1.
    request: u64,
}

/// Answers a route under `/demo/`; `None` for all others.
pub(super) fn answer(request: &Request<'_>) -> Option<Answer> {
    let path = request.head.path().strip_prefix("/demo/")?;
    Some(match path.split_once('/') {
        None if path == "echo" => echo(request),
        None if path == "trailers" => trailers(),
        None if path == "answer" => wanted(request).unwrap_or_else(refused),
        Some(("bytes", count)) => bytes(request, count).unwrap_or_else(|| refused("no such count")),
        _ => refused("there are /demo/echo, /demo/bytes/N, /demo/trailers and /demo/answer"),
    })
}

fn refused(why: &str) -> Answer {
    Answer::json(400, &serde_json::json!({ "error": why }))
}

fn echo(request: &Request<'_>) -> Answer {
    let head = request.head;
    let shown = request.body.kept.get(..SHOWN).unwrap_or(&request.body.kept);
    let text = std::str::from_utf8(shown).ok();
    let echo = Echo {
        method: head.method(),
        target: head.target(),
        version: if head.minor() == 0 {
            "HTTP/1.0"
        } else {
            "HTTP/1.1"
        },
        headers: head
            .fields()
            .map(|(name, value)| (name, latin(value)))
            .collect(),
        trailers: &request.body.trailers,
        body_length: request.body.length,
        body_sha256: request
            .body
            .sha256
            .map(|hash| hex(&hash))
            .unwrap_or_default(),
        body: text,
        body_base64: text.is_none().then(|| BASE64_STANDARD.encode(shown)),
        connection: request.place.0,
        request: request.place.1,
    };
    Answer::json(200, &echo)
}

/// A field value as text: UTF-8, or else each byte as the character of its number.
fn latin(value: &[u8]) -> String {
    match std::str::from_utf8(value) {
        Ok(text) => text.to_owned(),
        Err(_) => value.iter().copied().map(char::from).collect(),
    }
}

/// `/demo/bytes/N`, in chunks with `?chunked=1`.
fn bytes(request: &Request<'_>, count: &str) -> Option<Answer> {
    let length: u64 = count.parse().ok().filter(|&length| length <= LARGEST)?;
    let chunked = request.head.query() == Some("chunked=1");
    let mut answer = Answer::new(200, "application/octet-stream", Vec::new());
    answer.body = Body::Pattern { length, chunked };
    Some(answer)
}

fn trailers() -> Answer {
    let mut answer = Answer::new(200, "text/plain; charset=utf-8", Vec::new());
    answer.body = Body::Trailered {
        body: TRAILED.to_vec(),
        trailer: ("x-demo-sha256", hex(&Sha256::digest(TRAILED))),
    };
    answer
}

/// `/demo/answer?status=NNN&header=Name:value&header=...&body=...`: exactly that answer.
fn wanted(request: &Request<'_>) -> Result<Answer, &'static str> {
    let query = Params::read(request.head.query(), None, &[], Dialect::Classic);
    let params = query.map_err(|_| "no parameters")?;
    let status = params.get("status").unwrap_or("200").parse().ok();
    let status = status.filter(|status| (200..=999).contains(status));
    let mut answer = Answer::empty(status.ok_or("no such status")?);
    for field in params.all("header") {
        let (name, value) = field.split_once(':').ok_or("a header is Name:value")?;
        let name = http::HeaderName::try_from(name).map_err(|_| "no header name")?;
        let printable = value.bytes().all(|byte| byte >= b' ' && byte != 127);
        if !printable {
            return Err("a header value with control characters");
        }
        answer
            .fields
            .push((name.as_str().to_owned().into(), value.trim().to_owned()));
    }
    answer.body = Body::Full(params.text("body").as_bytes().to_vec());
    Ok(answer)
}
