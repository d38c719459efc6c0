//! What the gateway answers by itself when nothing went wrong.

use super::answer::{Answer, Context};
use super::arrival::Target;
use super::refusal::Refusal;
use super::worker::View;
use crate::region::authority::{Authority, Host};
use crate::route::table::FixedResponse;

/// Keys are not for crawlers.
const ROBOTS: &str =
    "User-agent: *\nDisallow: /secret/\nDisallow: /private/\nDisallow: /receipt/\n";

/// The plain listener's answer: the same, by https. 308 keeps method and body.
#[must_use]
pub fn to_https(
    authority: Authority<'_>,
    target: &Target<'_>,
    view: &View,
    context: &Context<'_>,
) -> Answer {
    let host = match authority.host() {
        Host::V6(address) => format!("[{address}]"),
        Host::Name(name) => String::from_utf8_lossy(name).to_ascii_lowercase(),
    };
    let mut answer = Answer::new(308, context);
    answer
        .fields
        .push(("Referrer-Policy", "no-referrer".to_owned()));
    let origin = if target.path == "*" {
        "/"
    } else {
        &target.origin
    };
    answer.fields.push((
        "Location",
        format!("https://{host}{}{origin}", view.public_port()),
    ));
    answer
}

/// Where certificate authorities look for an answer over plain HTTP (RFC 8555 §8.3).
const CHALLENGES: &str = "/.well-known/acme-challenge/";

/// An ACME challenge's answer from the operator's directory, where there is one; 404 for a token
/// that is not in it. `None` for all other paths. The one file that is read for a request: some
/// hundred bytes, a few times a year.
#[must_use]
pub fn acme_challenge(path: &str, view: &View, context: &Context<'_>) -> Option<Answer> {
    let directory = view.acme_webroot()?;
    let token = path.strip_prefix(CHALLENGES)?;
    // RFC 8555 §8.1: base64url, so nothing in it can lead out of the directory.
    let plain = (1..=128).contains(&token.len())
        && token
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    let file = directory.join(CHALLENGES.trim_matches('/')).join(token);
    let small = |meta: std::fs::Metadata| meta.is_file() && meta.len() <= MOST_CHALLENGE;
    let content = if plain && std::fs::metadata(&file).is_ok_and(small) {
        std::fs::read(&file).ok()
    } else {
        None
    };
    Some(match content {
        Some(content) => Answer::new(200, context).with_body("application/octet-stream", content),
        None => Answer::refuse(Refusal::Denied, view.region_names(), context),
    })
}

/// A key authorisation is some hundred bytes.
const MOST_CHALLENGE: u64 = 4096;

/// `/robots.txt`.
///
/// # Errors
/// [`Refusal::MethodNotOfRobots`] for whatever does not read it.
pub fn robots(method: &str, context: &Context<'_>) -> Result<Answer, Refusal> {
    match method {
        "GET" | "HEAD" => {
            Ok(Answer::new(200, context).with_body("text/plain; charset=utf-8", ROBOTS))
        }
        _ => Err(Refusal::MethodNotOfRobots),
    }
}

/// A fixed answer of the operator's.
#[must_use]
pub fn fixed(fixed: &FixedResponse, context: &Context<'_>) -> Answer {
    let content_type = fixed
        .content_type
        .to_str()
        .unwrap_or("text/plain; charset=utf-8");
    Answer::new(fixed.status.as_u16(), context).with_body(content_type, fixed.body.to_vec())
}
