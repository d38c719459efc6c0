//! The pages of a region, as shells without application: 200 for any key, naming the region, so
//! that a person sees where a link has led.

use serde_json::json;

use super::call::Call;
use crate::demo::options::Dialect;
use crate::demo::region::Region;
use crate::demo::wire::answer::Answer;

const HTML: &str = "text/html; charset=utf-8";

/// What a page loads: it creates and reads secrets by the region's own v1, same-origin.
const SCRIPT: &str = include_str!("pages.js");

/// Its name changes with its content, as the application's builds do.
const SCRIPT_NAME: &str = "main.demo1.js";

/// First segments of the paths that show the shell to anybody.
const SHELLS: &[&str] = &[
    "secret",
    "receipt",
    "l",
    "i",
    "invite",
    "incoming",
    "forgot",
    "reset-password",
    "verify-account",
    "email-login",
    "mfa-verify",
    "link-sso",
    "sso-link-confirm",
    "signin",
    "signup",
    "check-email",
    "pricing",
    "feedback",
    "disabled",
    "welcome",
];

/// First segments of the paths that need somebody signed in.
const OWNERS: &[&str] = &[
    "dashboard",
    "recent",
    "domains",
    "account",
    "teams",
    "org",
    "orgs",
    "colonel",
];

/// Answers a path outside `/api`.
pub(super) fn answer(call: &Call<'_>, method: &str, path: &[&str]) -> Answer {
    if method != "GET" {
        return missing();
    }
    match path {
        [] => with_session(call, shell(call)),
        ["health"] => health(call, json!({"status": "ok"})),
        ["health", "advanced"] if call.region.current() => {
            health(call, json!({"status": "ok", "checks": {"datastore": "ok"}}))
        }
        ["dist", name] if *name == SCRIPT_NAME => {
            Answer::new(200, "text/javascript; charset=utf-8", SCRIPT.into())
                .with("cache-control", "public, max-age=31536000, immutable")
        }
        ["robots.txt"] => {
            let text =
                "User-agent: *\nDisallow: /secret/\nDisallow: /private/\nDisallow: /receipt/\n";
            Answer::new(200, "text/plain; charset=utf-8", text.into())
        }
        ["favicon.ico"] => {
            let icon = r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><circle cx="4" cy="4" r="4" fill="#dc4a22"/></svg>"##;
            Answer::new(200, "image/svg+xml", icon.into())
                .with("cache-control", "public, max-age=86400")
        }
        ["site.webmanifest"] => Answer::json(200, &json!({"name": "Onetime Secret (demo)"}))
            .with("cache-control", "public, max-age=3600"),
        ["bootstrap", "me"] if call.region.current() => {
            let body = json!({
                "authenticated": false,
                "jurisdiction": call.region.jurisdiction,
                "site_host": &*call.region.site(),
                "locale": call.locale(),
            });
            with_session(call, Answer::json(200, &body))
        }
        ["private", ..] if !call.region.current() => with_session(call, shell(call)),
        ["account", "email", "confirm", _] => with_session(call, shell(call)),
        [first, ..] if SHELLS.contains(first) => with_session(call, shell(call)),
        [first, ..] if OWNERS.contains(first) => {
            let answer = Answer::empty(302).with("location", "/signin");
            with_session(call, answer)
        }
        _ => missing(),
    }
}

/// What a path that leads nowhere is answered with.
pub(super) fn missing() -> Answer {
    let page = "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">\
                <title>Not found</title><h1>Not found</h1></html>\n";
    Answer::new(404, HTML, page.into())
}

/// The same for every page and every key. It repeats nothing of the request.
fn shell(call: &Call<'_>) -> Answer {
    let Region {
        name, jurisdiction, ..
    } = call.region;
    let nonce = call.region.random.token();
    let page = format!(
        "<!doctype html>\n\
         <html lang=\"en\" data-region=\"{name}\">\n\
         <meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>Onetime Secret: region {name}</title>\n\
         <style nonce=\"{nonce}\">body{{font:1rem/1.5 system-ui;max-width:40rem;margin:3rem auto;\
         padding:0 1rem;color-scheme:light dark}}textarea{{width:100%;height:6rem}}</style>\n\
         <h1>Demo region {name}</h1>\n\
         <p>This page was served by region <strong>{name}</strong> (jurisdiction {jurisdiction}).</p>\n\
         <main></main>\n\
         <script nonce=\"{nonce}\" src=\"/dist/{SCRIPT_NAME}\"></script>\n\
         </html>\n"
    );
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; \
         connect-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'"
    );
    Answer::new(200, HTML, page.into()).with("content-security-policy", policy)
}

/// The current dialect answers private clients only; the classic one everybody, with a cookie.
fn health(call: &Call<'_>, body: serde_json::Value) -> Answer {
    if !call.region.current() {
        let body = json!({"success": true, "status": "nominal", "locale": "en"});
        return with_session(call, Answer::json(200, &body));
    }
    let near = match call.client.to_canonical() {
        std::net::IpAddr::V4(address) => address.is_loopback() || address.is_private(),
        std::net::IpAddr::V6(address) => address.is_loopback() || address.is_unique_local(),
    };
    match near {
        true => Answer::json(200, &body),
        false => Answer::json(403, &json!({"error": "Forbidden"})),
    }
}

/// The same answer as one of a session: a cookie, if the region believes that the client came by
/// https (else the application leaves it out without a word), and a fresh CSRF value.
pub(super) fn with_session(call: &Call<'_>, answer: Answer) -> Answer {
    let region = call.region;
    let (name, rest) = match region.dialect {
        Dialect::Current => (
            "onetime.session",
            "path=/; max-age=86400; secure; httponly; samesite=lax",
        ),
        Dialect::Classic => ("sess", "path=/; max-age=1200; secure"),
    };
    let answer = match region.dialect {
        Dialect::Current => answer.with("X-CSRF-Token", region.random.token()),
        Dialect::Classic => answer,
    };
    let secure = call.head.field("x-forwarded-proto");
    if !secure.is_some_and(|scheme| scheme.eq_ignore_ascii_case("https")) {
        return answer;
    }
    let session = session(call, name).unwrap_or_else(|| region.random.token());
    answer.with("set-cookie", format!("{name}={session}; {rest}"))
}

/// The session that the client names, if it looks like one of ours.
fn session(call: &Call<'_>, name: &str) -> Option<String> {
    let cookies = call.head.field("cookie")?;
    let (_, value) = cookies
        .split(';')
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(other, _)| *other == name)?;
    let ours = value.len() == 64 && value.bytes().all(|byte| byte.is_ascii_hexdigit());
    ours.then(|| value.to_owned())
}
