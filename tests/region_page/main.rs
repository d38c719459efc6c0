//! `/region` over real sockets: choose, forget, return, in two protocols and six languages; and
//! that nobody but the page itself chooses.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod browser;
mod site;
mod webdriver;

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Version};
use http_body::{Body, Frame};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::site::{Ask, FORM, HOST, PAGE, Site};

const VERSIONS: [Version; 2] = [Version::HTTP_11, Version::HTTP_2];

#[tokio::test(flavor = "multi_thread")]
async fn choosing_sets_the_cookie_that_decides_from_then_on() {
    let site = Site::start("");
    for version in VERSIONS {
        let fields = [("Content-Type", FORM), ("Sec-Fetch-Site", "same-origin")];
        let chosen = site
            .ask(&Ask {
                method: "POST",
                version,
                fields: &fields,
                body: "region=us&return=%2Frecent%3Fa%3D1",
                ..Ask::default()
            })
            .await;
        assert_eq!(chosen.status, 303, "{}", chosen.body);
        assert_eq!(chosen.field("location"), Some("/recent?a=1"));
        assert_eq!(chosen.field("cache-control"), Some("no-store"));
        assert_eq!(
            chosen.cookies(),
            ["__Host-ots-region=us; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=31536000"]
        );
        let cookie = chosen.cookies()[0]
            .split(';')
            .next()
            .expect("a pair")
            .to_owned();
        let seen = site
            .ask(&Ask {
                version,
                fields: &[("Cookie", &cookie)],
                ..Ask::default()
            })
            .await;
        assert_eq!(seen.json()["region"], "us");
        assert_eq!(seen.json()["reason"], "pin-cookie");
        assert_eq!(seen.field("o-region"), Some("us"));
        let page = site
            .ask(&Ask {
                version,
                target: "/recent?a=1",
                fields: &[("Cookie", &cookie)],
                ..Ask::default()
            })
            .await;
        assert_eq!(page.status, 302);
        assert_eq!(
            page.field("location"),
            Some("https://us.onetimesecret.com/recent?a=1")
        );
    }
    site.gateway.drain();
}

#[tokio::test(flavor = "multi_thread")]
async fn forgetting_clears_the_choice_and_what_geography_kept() {
    let site = Site::start("");
    let pinned = site
        .post("forget=1", &[("Cookie", "__Host-ots-region=us")])
        .await;
    assert_eq!(pinned.status, 303);
    assert_eq!(pinned.field("location"), Some("/region"));
    let cleared =
        |name: &str| format!("{name}=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0");
    assert_eq!(pinned.cookies(), [cleared("__Host-ots-region")]);
    let both = [("Cookie", "__Host-ots-region=us; __Host-ots-sticky=eu")];
    let both = site.post("forget=1&return=/", &both).await;
    assert_eq!(both.field("location"), Some("/"));
    assert_eq!(
        both.cookies(),
        [cleared("__Host-ots-region"), cleared("__Host-ots-sticky")]
    );
    site.gateway.drain();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_sets_no_cookie_but_its_own() {
    let database = concat!(env!("CARGO_MANIFEST_DIR"), "/geoip/country.mmdb");
    let site = Site::start(&format!(
        "database = {database:?}\nmax_age = \"3650d\"\ncountries = {{ FR = \"eu\" }}\n\
         [decision]\nsticky = true"
    ));
    let french = ("X-Forwarded-For", "80.67.169.12");
    let fields = [french, ("Cookie", "__Host-ots-region=mars")];
    // Shown to the same caller, a retired region's cookie is expired and geography kept.
    let shown = site
        .ask(&Ask {
            fields: &fields,
            ..Ask::default()
        })
        .await;
    assert_eq!(shown.json()["reason"], "geo");
    assert_eq!(shown.cookies().len(), 2, "{:?}", shown.cookies());
    let chosen = site.post("region=us", &fields).await;
    assert_eq!(chosen.cookies().len(), 1, "{:?}", chosen.cookies());
    assert!(chosen.cookies()[0].starts_with("__Host-ots-region=us;"));
    let refused = site.post("region=mars", &fields).await;
    assert_eq!((refused.status, refused.cookies().len()), (400, 0));
    site.gateway.drain();
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_but_the_page_itself_chooses() {
    let site = Site::start("");
    let origin = "https://onetimesecret.com";
    for (fields, status) in [
        (&[][..], 403),
        (&[("Sec-Fetch-Site", "cross-site"), ("Origin", origin)], 403),
        (&[("Sec-Fetch-Site", "same-site"), ("Origin", origin)], 403),
        (&[("Sec-Fetch-Site", "none")], 403),
        (&[("Origin", "https://example.org")], 403),
        (&[("Origin", "http://onetimesecret.com")], 403),
        (&[("Origin", "null")], 403),
        (&[("Origin", origin), ("Origin", origin)], 403),
        (&[("Referer", "https://onetimesecret.com/region")], 403),
        (&[("Origin", origin)], 303),
        (
            &[
                ("Origin", "https://example.org"),
                ("Sec-Fetch-Site", "same-origin"),
            ],
            303,
        ),
    ] {
        for version in VERSIONS {
            let mut all = vec![("Content-Type", FORM), ("Accept", PAGE)];
            all.extend_from_slice(fields);
            let answer = site
                .ask(&Ask {
                    method: "POST",
                    version,
                    fields: &all,
                    body: "region=us",
                    ..Ask::default()
                })
                .await;
            assert_eq!(answer.status, status, "{fields:?}");
            assert_eq!(answer.cookies().len(), usize::from(status == 303));
            if status == 403 {
                assert_eq!(
                    answer.field("content-type"),
                    Some("text/html; charset=utf-8")
                );
                assert!(answer.body.contains("<a href=\"/region\">"));
            }
        }
    }
    site.gateway.drain();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_carried_out_is_a_page_without_a_cookie() {
    let site = Site::start("");
    for (body, what) in [
        ("", "The form chooses no region"),
        ("region=mars", "There is no such region"),
        ("region=us&forget=1", "The form chooses more than one thing"),
        (
            "region=us&return=//example.org",
            "must be a path of this site",
        ),
        (
            "region=us&return=/%255cexample.org",
            "must be a path of this site",
        ),
        (
            "region=us&return=https://example.org/",
            "must be a path of this site",
        ),
    ] {
        let answer = site.post(body, &[]).await;
        assert_eq!(answer.status, 400, "{body}");
        assert!(answer.body.contains(what), "{body}: {}", answer.body);
        assert_eq!(
            (answer.cookies().len(), answer.field("location")),
            (0, None)
        );
    }
    let long = format!("region=us&x={}", "a".repeat(5000));
    for version in VERSIONS {
        let fields = [("Content-Type", FORM), ("Sec-Fetch-Site", "same-origin")];
        let ask = Ask {
            method: "POST",
            version,
            fields: &fields,
            body: &long,
            ..Ask::default()
        };
        assert_eq!(site.ask(&ask).await.status, 413);
        let fields = [
            ("Content-Type", "application/json"),
            ("Sec-Fetch-Site", "same-origin"),
        ];
        let ask = Ask {
            fields: &fields,
            body: r#"{"region":"us"}"#,
            ..ask
        };
        let answer = site.ask(&ask).await;
        assert_eq!(answer.status, 400);
        assert!(answer.body.contains(FORM), "{}", answer.body);
    }
    site.gateway.drain();
}

/// What hyper's client would not write: an expectation, chunks, and two requests on a connection.
#[tokio::test(flavor = "multi_thread")]
async fn a_body_may_come_in_pieces_and_the_connection_goes_on() {
    let site = Site::start("");
    let mut stream = site.connect(b"http/1.1").await;
    let head = format!(
        "POST /region HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: {FORM}\r\n\
         Sec-Fetch-Site: same-origin\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.expect("a head");
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).await.expect("an invitation");
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    for piece in ["6\r\nregi", "on\r\n", "3\r\n=us\r\n0\r\n\r\n"] {
        stream.write_all(piece.as_bytes()).await.expect("a piece");
        stream.flush().await.expect("sent");
    }
    let next = format!("GET /region HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n");
    stream.write_all(next.as_bytes()).await.expect("a request");
    let mut rest = Vec::new();
    // The gateway closes as asked; an unclean TLS end is of no account here.
    let _ = stream.read_to_end(&mut rest).await;
    let rest = String::from_utf8(rest).expect("text");
    assert!(rest.starts_with("HTTP/1.1 303 See Other\r\n"), "{rest}");
    assert!(rest.contains("Set-Cookie: __Host-ots-region=us;"), "{rest}");
    assert!(rest.contains("HTTP/1.1 200 OK\r\n"), "{rest}");
    site.gateway.drain();
}

/// A body that begins and never ends.
struct Stalled(Option<Bytes>);

impl Body for Stalled {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.0.take() {
            Some(data) => Poll::Ready(Some(Ok(Frame::data(data)))),
            None => Poll::Pending,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_waited_for_without_end() {
    let site = Site::start("[timeouts]\nbody_idle = \"50ms\"");
    for version in VERSIONS {
        let uri = if version == Version::HTTP_2 {
            format!("https://{HOST}/region")
        } else {
            "/region".to_owned()
        };
        let mut request = Request::post(uri)
            .version(version)
            .header("Content-Type", FORM)
            .header("Sec-Fetch-Site", "same-origin");
        if version == Version::HTTP_11 {
            request = request.header("Host", HOST);
        }
        let body = Stalled(Some(Bytes::from_static(b"region=u")));
        let answer = site
            .send(version, request.body(body).expect("a request"))
            .await;
        assert_eq!((answer.status, answer.cookies().len()), (408, 0));
    }
    site.gateway.drain();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_speaks_six_languages() {
    let site = Site::start("");
    for (accepted, tag, title) in [
        ("de", "en", "Your region"),
        ("fr-CA, en;q=0.8", "fr", "Votre région"),
        ("en;q=0.3, pl;q=0.4", "pl", "Twój region"),
        ("sv", "sv", "Din region"),
        ("uk, en", "uk", "Ваш регіон"),
        ("zh-CN,zh;q=0.9", "zh-Hans", "您的区域"),
    ] {
        let fields = [("Accept", PAGE), ("Accept-Language", accepted)];
        let page = site
            .ask(&Ask {
                fields: &fields,
                target: "/region?return=/recent",
                ..Ask::default()
            })
            .await;
        assert_eq!(page.status, 200);
        assert_eq!(page.field("content-type"), Some("text/html; charset=utf-8"));
        assert_eq!(page.field("content-language"), Some(tag));
        assert_eq!(page.field("vary"), Some("Accept, Accept-Language"));
        assert_eq!(page.field("referrer-policy"), Some("same-origin"));
        let policy = page.field("content-security-policy").expect("a policy");
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"));
        assert!(policy.ends_with(
            "form-action 'self' https://eu.onetimesecret.com https://us.onetimesecret.com"
        ));
        assert!(page.body.contains(&format!("<html lang=\"{tag}\">")));
        assert!(
            page.body.contains(&format!("<h1>{title}</h1>")),
            "{}",
            page.body
        );
        assert!(page.body.contains("name=\"return\" value=\"/recent\""));
        let unknown = [&fields[..], &[("O-Region", "mars")]].concat();
        let error = site
            .ask(&Ask {
                fields: &unknown,
                ..Ask::default()
            })
            .await;
        assert_eq!(error.status, 400);
        assert_eq!(error.field("content-language"), Some(tag));
        assert!(error.body.contains("<b>eu, us</b>"), "{}", error.body);
        assert!(error.body.contains("<a href=\"/region\">"));
    }
    site.gateway.drain();
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_read_json() {
    let site = Site::start("");
    for accept in [
        "*/*",
        "application/json",
        "application/json, text/html;q=0.5",
    ] {
        let fields = [("Accept", accept), ("Accept-Language", "fr")];
        let answer = site
            .ask(&Ask {
                fields: &fields,
                target: "/region?return=/secret/k3y",
                ..Ask::default()
            })
            .await;
        let json = answer.json();
        assert_eq!(json["region"], "eu");
        assert_eq!(json["reason"], "no-country");
        assert_eq!(json["binding"], "preferred");
        assert_eq!(json["host"], "eu.onetimesecret.com");
        assert_eq!(json["choices"][1]["jurisdiction"], "US");
        assert_eq!(json["choices"][1]["current"], false);
        assert!(!answer.body.contains("k3y") && !answer.body.contains("127.0.0.1"));
        assert_eq!(answer.field("vary"), Some("Accept, Accept-Language"));
    }
    let pinned = [("O-Region", "us")];
    let pinned = site
        .ask(&Ask {
            fields: &pinned,
            ..Ask::default()
        })
        .await
        .json();
    assert_eq!(
        (&pinned["region"], &pinned["reason"]),
        (&"us".into(), &"pin-header".into())
    );
    site.gateway.drain();
}

#[tokio::test(flavor = "multi_thread")]
async fn other_methods_and_other_hosts() {
    let site = Site::start("");
    for method in ["PUT", "PATCH", "DELETE", "OPTIONS"] {
        let answer = site
            .ask(&Ask {
                method,
                ..Ask::default()
            })
            .await;
        assert_eq!(answer.status, 405, "{method}");
        assert_eq!(answer.field("allow"), Some("GET, HEAD, POST"), "{method}");
    }
    let head = site
        .ask(&Ask {
            method: "HEAD",
            ..Ask::default()
        })
        .await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert_ne!(head.field("content-length"), Some("0"));
    // On a region's own host the path is the region's, which does not listen here.
    let fields = [("Accept", PAGE), ("Accept-Language", "sv")];
    let own = site
        .ask(&Ask {
            host: "eu.onetimesecret.com",
            fields: &fields,
            ..Ask::default()
        })
        .await;
    assert_eq!(own.status, 503);
    assert!(
        own.body.contains("<h1>Regionen kunde inte nås</h1>"),
        "{}",
        own.body
    );
    assert!(own.body.contains("Det är säkert att försöka igen") && !own.body.contains("href"));
    site.gateway.drain();
}
