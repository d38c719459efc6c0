//! What the gateway answers by itself when nothing went wrong.

use super::answer::{Answer, Context, Dialect};
use super::arrival::{Arrival, Target};
use super::refusal::Refusal;
use super::worker::View;
use crate::region::authority::{Authority, Host};
use crate::region::question::Outcome;
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
        target.origin
    };
    answer.fields.push((
        "Location",
        format!("https://{host}{}{origin}", view.public_port()),
    ));
    answer
}

/// `/robots.txt`.
#[must_use]
pub fn robots(context: &Context<'_>) -> Answer {
    Answer::new(200, context).with_body("text/plain; charset=utf-8", ROBOTS)
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

/// `GET /region`: where the caller is sent, why, and what there is to choose from.
///
/// # Errors
/// [`Refusal::MethodNotAllowed`] for anything but GET and HEAD.
pub fn region(
    arrival: &Arrival<'_>,
    outcome: &Outcome,
    view: &View,
    context: &Context<'_>,
) -> Result<Answer, Refusal> {
    if !matches!(arrival.method, "GET" | "HEAD") {
        return Err(Refusal::MethodNotAllowed);
    }
    let choices: Vec<serde_json::Value> = view
        .regions()
        .iter()
        .map(|(_, region)| {
            serde_json::json!({
                "region": region.name().as_str(),
                "jurisdiction": region.jurisdiction(),
                "host": region.host(),
            })
        })
        .collect();
    let body = serde_json::json!({
        "region": view.region_name(outcome.decision.region),
        "reason": outcome.decision.reason.label(),
        "binding": outcome.decision.binding().label(),
        "choices": choices,
    });
    let content_type = match context.dialect {
        Dialect::Message | Dialect::Error | Dialect::Html | Dialect::Problem => {
            "application/json; charset=utf-8"
        }
    };
    Ok(Answer::new(200, context).with_body(content_type, body.to_string()))
}
