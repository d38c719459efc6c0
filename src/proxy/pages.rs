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
