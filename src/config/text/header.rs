//! Words of headers: tokens, names, values.

use http::{HeaderName, HeaderValue};

use crate::config::hide::echo;
use crate::config::problem::Complaint;

/// A token (RFC 9110 section 5.6.2).
pub(in crate::config) fn token(text: &str) -> Result<String, Complaint> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if !text.is_empty() && text.len() <= 64 && text.bytes().all(fits) {
        return Ok(text.to_owned());
    }
    Err(Complaint::new(format!("`{}` is no token", echo(text)))
        .allowed("1 to 64 letters, digits or any of !#$%&'*+-.^_`|~"))
}

/// The name of a cookie that only this host can have set.
pub(in crate::config) fn cookie_name(text: &str) -> Result<String, Complaint> {
    let complaint = match token(text) {
        Ok(name) if name.len() > "__Host-".len() && name.starts_with("__Host-") => return Ok(name),
        Ok(name) => Complaint::new("the name of the cookie must begin with `__Host-`").hint(
            format!("\"__Host-{name}\": browsers then refuse it from any other host"),
        ),
        Err(complaint) => complaint,
    };
    Err(complaint)
}

/// Fields by which the gateway frames, routes or proves; none of them can carry a country.
const TAKEN: [&str; 22] = [
    "accept",
    "authorization",
    "connection",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "origin",
    "proxy",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "traceparent",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "via",
    "x-request-id",
];

/// The name of a header of our own choosing to a region.
pub(in crate::config) fn free_header(text: &str) -> Result<HeaderName, Complaint> {
    let name: HeaderName = text
        .parse()
        .map_err(|_| Complaint::new(format!("`{}` is no name of a header", echo(text))))?;
    let lower = name.as_str();
    let taken = TAKEN.contains(&lower)
        || ["x-forwarded-", "x-real-", "o-"]
            .iter()
            .any(|prefix| lower.starts_with(prefix));
    if taken {
        return Err(
            Complaint::new(format!("`{}` has a meaning of its own", echo(text)))
                .hint("\"cf-ipcountry\" is one that the application reads"),
        );
    }
    if lower.contains('_') {
        return Err(
            Complaint::new("the name of a header cannot have an underscore")
                .hint("the application's server takes `_` for `-`"),
        );
    }
    Ok(name)
}

/// A value of `Strict-Transport-Security` (RFC 6797 section 6.1).
pub(in crate::config) fn hsts(text: &str) -> Result<HeaderValue, Complaint> {
    let complaint = || {
        Complaint::new(format!("`{}` is no Strict-Transport-Security", echo(text))).allowed(
            "\"max-age=SECONDS\", \"; includeSubDomains\" and \"; preload\" after it, or false",
        )
    };
    let mut ages = 0;
    for part in text.split(';').map(str::trim) {
        let known = ["includeSubDomains", "preload"]
            .iter()
            .any(|word| part.eq_ignore_ascii_case(word));
        match part.split_once('=') {
            Some(("max-age", age)) if age.parse::<u32>().is_ok() => ages += 1,
            None if known => {}
            _ => return Err(complaint()),
        }
    }
    if ages != 1 {
        return Err(complaint());
    }
    HeaderValue::from_str(text).map_err(|_| complaint())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_tokens() {
        assert_eq!(
            token("onetime-gateway.1"),
            Ok("onetime-gateway.1".to_owned())
        );
        for text in ["", "a b", "a:b", "é", "a/b", &"a".repeat(65)] {
            assert!(token(text).is_err(), "{text}");
        }
    }

    #[test]
    fn cookies_belong_to_this_host_alone() {
        assert!(cookie_name("__Host-a").is_ok());
        for text in [
            "__Host-",
            "__host-a",
            "__Secure-a",
            "a",
            "__Host-a=b",
            "__Host-a;b",
        ] {
            assert!(cookie_name(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_country_goes_into_a_header_of_its_own() {
        assert_eq!(
            free_header("CF-IPCountry").unwrap().as_str(),
            "cf-ipcountry"
        );
        let bad = [
            "",
            "a b",
            "Host",
            "Cookie",
            "X-Forwarded-Country",
            "x-real-ip",
            "O-Region",
            "a_b",
            "é",
        ];
        for text in bad {
            assert!(free_header(text).is_err(), "{text}");
        }
    }

    #[test]
    fn hsts_has_one_age() {
        for text in [
            "max-age=0",
            "max-age=31536000; includeSubDomains; preload",
            "preload;max-age=1",
        ] {
            assert_eq!(hsts(text).unwrap(), text);
        }
        for text in [
            "",
            "preload",
            "max-age",
            "max-age=x",
            "max-age=1;",
            "max-age=1; max-age=2",
            "max-age=1\r\na",
        ] {
            assert!(hsts(text).is_err(), "{text}");
        }
    }
}
