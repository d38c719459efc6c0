//! Each page of the admin listener: a request in, an answer out, nothing else.

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HOST};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;

use super::{Control, HEADER, Scope};

const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json; charset=utf-8";
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

const INDEX: &str = "onetime-gateway\n\n\
    GET  /metrics   for Prometheus\n\
    GET  /healthz   200 while the process lives\n\
    GET  /readyz    200 while new work is taken\n\
    GET  /config    the live configuration, as JSON, without secrets\n\
    GET  /regions   regions and endpoints, as JSON\n\
    POST /reload    with the header X-Gateway-Admin: 1; answers with the verdict\n";

/// Answers one request.
pub fn answer<B>(
    request: &Request<B>,
    scope: Scope,
    local: bool,
    control: &dyn Control,
) -> Response<Full<Bytes>> {
    let path = request.uri().path();
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let all = scope == Scope::Admin;
    if all
        && !local
        && matches!(path, "/config" | "/regions" | "/reload")
        && !names_loopback(request)
    {
        let why = "the Host of this request is not this listener: use localhost or its address\n";
        return plain(StatusCode::FORBIDDEN, TEXT, why);
    }
    match path {
        "/metrics" if reads => plain(StatusCode::OK, METRICS, control.metrics()),
        "/healthz" if reads => plain(StatusCode::OK, TEXT, "ok\n"),
        "/readyz" if reads => match control.unready() {
            None => plain(StatusCode::OK, TEXT, "ready\n"),
            Some(why) => plain(StatusCode::SERVICE_UNAVAILABLE, TEXT, format!("{why}\n")),
        },
        "/" if reads && all => plain(StatusCode::OK, TEXT, INDEX),
        "/config" if reads && all => plain(StatusCode::OK, JSON, control.config()),
        "/regions" if reads && all => {
            plain(StatusCode::OK, JSON, format!("{}\n", control.regions()))
        }
        "/reload" if all && *request.method() == Method::POST => reload(request, control),
        "/reload" if all => not_allowed("POST"),
        "/metrics" | "/healthz" | "/readyz" => not_allowed("GET, HEAD"),
        "/" | "/config" | "/regions" if all => not_allowed("GET, HEAD"),
        _ => plain(StatusCode::NOT_FOUND, TEXT, "not found\n"),
    }
}

/// Whether the answer may take long and block its thread.
pub fn is_reload<B>(request: &Request<B>) -> bool {
    *request.method() == Method::POST && request.uri().path() == "/reload"
}

fn reload<B>(request: &Request<B>, control: &dyn Control) -> Response<Full<Bytes>> {
    if !request.headers().contains_key(HEADER) {
        return plain(
            StatusCode::FORBIDDEN,
            TEXT,
            "send the header X-Gateway-Admin: 1\n",
        );
    }
    match control.reload() {
        Ok(verdict) => plain(StatusCode::OK, JSON, format!("{verdict:#}\n")),
        Err(verdict) => plain(
            StatusCode::UNPROCESSABLE_ENTITY,
            JSON,
            format!("{verdict:#}\n"),
        ),
    }
}

/// Whether `Host` is a loopback name or address: a page of the web that reaches this listener by a
/// name of its own (DNS rebinding) sends that name.
fn names_loopback<B>(request: &Request<B>) -> bool {
    let mut hosts = request.headers().get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return false;
    };
    let Ok(host) = host.to_str() else {
        return false;
    };
    let Ok(authority) = host.parse::<http::uri::Authority>() else {
        return false;
    };
    let name = authority
        .host()
        .trim_start_matches('[')
        .trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost")
        || name
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

fn not_allowed(methods: &'static str) -> Response<Full<Bytes>> {
    let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, TEXT, "method not allowed\n");
    response
        .headers_mut()
        .insert(ALLOW, http::HeaderValue::from_static(methods));
    response
}

fn plain(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, http::HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, http::HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fake;

    impl Control for Fake {
        fn metrics(&self) -> String {
            "m 1\n".to_owned()
        }
        fn unready(&self) -> Option<&'static str> {
            Some("draining")
        }
        fn reload(&self) -> Result<serde_json::Value, serde_json::Value> {
            Ok(serde_json::json!({ "result": "applied" }))
        }
        fn config(&self) -> String {
            String::new()
        }
        fn regions(&self) -> serde_json::Value {
            serde_json::json!([])
        }
    }

    fn status(method: &str, path: &str, headers: &[(&str, &str)], scope: Scope) -> u16 {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(()).expect("a request");
        answer(&request, scope, false, &Fake).status().as_u16()
    }

    #[test]
    fn only_a_deliberate_caller_reloads() {
        let post = |headers: &[(&str, &str)]| status("POST", "/reload", headers, Scope::Admin);
        let marked = ("x-gateway-admin", "1");
        assert_eq!(post(&[("host", "localhost:9090"), marked]), 200);
        assert_eq!(post(&[("host", "127.0.0.1:9090"), marked]), 200);
        assert_eq!(post(&[("host", "[::1]:9090"), marked]), 200);
        assert_eq!(post(&[("host", "localhost:9090")]), 403);
        assert_eq!(post(&[("host", "evil.example"), marked]), 403);
        assert_eq!(post(&[("host", "127.0.0.1.evil.example"), marked]), 403);
        assert_eq!(post(&[marked]), 403);
        assert_eq!(
            post(&[("host", "localhost"), ("host", "evil.example"), marked]),
            403
        );
        let get = |host| status("GET", "/reload", &[("host", host), marked], Scope::Admin);
        assert_eq!(get("localhost"), 405);
        assert_eq!(status("POST", "/reload", &[marked], Scope::Metrics), 404);
    }

    /// A name of its own leads a page of the web here (DNS rebinding): it learns no address inside.
    #[test]
    fn a_page_of_the_web_learns_nothing_of_the_inside() {
        let get = |path, host, scope| status("GET", path, &[("host", host)], scope);
        for path in ["/config", "/regions"] {
            assert_eq!(get(path, "evil.example:9090", Scope::Admin), 403);
            assert_eq!(get(path, "127.0.0.1:9090", Scope::Admin), 200);
            assert_eq!(get(path, "evil.example", Scope::Metrics), 404);
        }
        assert_eq!(get("/metrics", "gateway.example", Scope::Admin), 200);
    }

    #[test]
    fn the_metrics_listener_only_reads() {
        for (path, admin, metrics) in [
            ("/metrics", 200, 200),
            ("/healthz", 200, 200),
            ("/readyz", 503, 503),
            ("/config", 200, 404),
            ("/regions", 200, 404),
            ("/", 200, 404),
            ("/nothing", 404, 404),
        ] {
            let host = [("host", "[::1]:9090")];
            assert_eq!(status("GET", path, &host, Scope::Admin), admin, "{path}");
            assert_eq!(
                status("GET", path, &host, Scope::Metrics),
                metrics,
                "{path}"
            );
        }
        assert_eq!(status("POST", "/metrics", &[], Scope::Metrics), 405);
    }
}
