//! Tests of routes of paths.

use proptest::prelude::*;

use super::*;

const KEY: &str = "gbexbxw247g0cinp1ia1ogu5nc31g72s4j3reusv6ufo4ju7hqrcx8fsll4omg";

fn read(path: &str) -> RouteMatch<'_> {
    classify(path).unwrap_or_else(|fault| panic!("{path}: {fault}"))
}

fn label(path: &str) -> &'static str {
    read(path).template().label()
}

/// Every template that needs no `{other}`, with a path of its own.
#[test]
fn every_template_is_the_template_of_its_own_label() {
    for template in super::super::template::TEMPLATES {
        let path = template
            .label()
            .replace("{key}", KEY)
            .replace("{other}", "something")
            .replace("{asset}", "app.js")
            .replace("{page}", "about");
        assert_eq!(label(&path), template.label());
        let keyed = template.label().contains("{key}");
        assert_eq!(read(&path).key(), keyed.then_some(KEY), "{path}");
        // Trailing and doubled slashes change nothing, nor does encoding a letter.
        assert_eq!(label(&format!("{path}/")), template.label());
        assert_eq!(label(&path.replace('/', "//")), template.label());
        let encoded: String = path
            .chars()
            .map(|c| {
                if c == '/' {
                    "/".to_owned()
                } else {
                    format!("%{:02x}", u32::from(c))
                }
            })
            .collect();
        assert_eq!(label(&encoded), template.label(), "{encoded}");
    }
}

#[test]
fn a_key_is_found_wherever_one_stands() {
    use KeyPlace::{ApiReceipt, ApiSecret, PrivatePage, ReceiptPage, SecretPage};
    for (path, place) in [
        ("/secret/KEY", SecretPage),
        ("/secret/KEY/", SecretPage),
        ("//secret///KEY//", SecretPage),
        ("/secret/KEY/anything/else", SecretPage),
        ("/receipt/KEY", ReceiptPage),
        ("/receipt/KEY/burn", ReceiptPage),
        ("/private/KEY", PrivatePage),
        ("/private/KEY/burn", PrivatePage),
        ("/incoming/KEY", ReceiptPage),
        ("/api/v1/secret/KEY", ApiSecret),
        ("/api/v1/secret/KEY/unheard/of", ApiSecret),
        ("/api/v1/private/KEY", ApiReceipt),
        ("/api/v1/metadata/KEY/burn", ApiReceipt),
        ("/api/v1/receipt/KEY", ApiReceipt),
        ("/api//v1/secret//KEY", ApiSecret),
        ("/api/v2/secret/KEY", ApiSecret),
        ("/api/v2/secret/KEY/reveal", ApiSecret),
        ("/api/v3/secret/KEY/status", ApiSecret),
        ("/api/v3/guest/secret/KEY/reveal", ApiSecret),
        ("/api/v3/guest/secret/KEY/reveal/more/and/more", ApiSecret),
        ("/api/v2/guest/receipt/KEY/burn", ApiReceipt),
        ("/api/v2/guest/private/KEY", ApiReceipt),
        ("/api/v2/metadata/KEY", ApiReceipt),
        ("/api/v2/private/KEY", ApiReceipt),
        ("/%61pi/v1/%73ecret/KEY", ApiSecret),
    ] {
        let path = path.replace("KEY", KEY);
        let route = read(&path);
        assert_eq!(route.key(), Some(KEY), "{path}");
        assert_eq!(route.key_place(), Some(place), "{path}");
        assert_eq!(route.key_place().unwrap().is_page(), !path.contains("pi/"));
        let named = place != SecretPage && place != ApiSecret;
        assert_eq!(place.is_receipt(), named, "{path}");
    }
    assert_eq!(
        read("/secret/x%20y+z.").key(),
        Some("x%20y+z."),
        "as it was sent"
    );
    assert_eq!(
        read("/api/v1/secret/status").key(),
        Some("status"),
        "no literal in v1"
    );
}

#[test]
fn literals_are_no_keys_and_other_paths_have_none() {
    for path in [
        "/",
        "/secret",
        "/secret/",
        "/receipt//",
        "/secret/recent",
        "/private/burn",
        "/api",
        "/api/v1",
        "/api/v1/secret",
        "/api/v1/private/recent",
        "/api/v1/metadata/recent",
        "/api/v1/receipt/%72ecent",
        "/api/v1/private/burn",
        "/api/v2/secret/status",
        "/api/v2/secret/generate",
        "/api/v2/secret/conceal",
        "/api/v3/guest/secret/conceal",
        "/api/v3/guest/secret/status",
        "/api/v3/receipt/recent",
        "/api/v3/guest/receipts",
        "/api/v3/guest/receipts/KEY",
        "/api/v4/secret/KEY",
        "/api/secret/KEY",
        "/API/v1/secret/KEY",
        "/Secret/KEY",
        "/incoming",
        "/api/incoming/KEY",
        "/x/secret/KEY",
        "/api/v1/guest/secret/KEY",
    ] {
        assert_eq!(read(path).key(), None, "{path}");
        assert_eq!(read(path).key_place(), None, "{path}");
    }
}

#[test]
fn unknown_paths_have_general_labels() {
    for (path, expected) in [
        ("/api", "/api/{other}"),
        ("/api/", "/api/{other}"),
        ("/api/v1", "/api/v1/{other}"),
        ("/api/v10/status", "/api/{other}"),
        ("/apis/v1/status", "/{page}"),
        ("/api/v1/status/more", "/api/v1/{other}"),
        ("/api/v1/secret/KEY/more", "/api/v1/{other}"),
        ("/api/v3/guest/secret/KEY/reveal/more", "/api/v3/{other}"),
        ("/api/v2/feedback", "/api/v2/{other}"),
        ("/api/account/apikey", "/api/account/{other}"),
        ("/dist", "/{page}"),
        ("/dist/assets/main.abc.js", "/dist/{asset}"),
        ("/secret/KEY/more", "/{page}"),
        ("/region/", "/region"),
        ("/region/eu", "/{page}"),
        ("/robots.txt", "/robots.txt"),
        ("//", "/"),
        ("/signin", "/{page}"),
        ("/auth/login", "/auth/{other}"),
        ("/api/v2/colonel/stats", "/api/colonel/{other}"),
        ("/API/colonel", "/{page}"),
        ("/api/Colonel", "/api/colonel/{other}"),
        ("/COLONEL", "/colonel/{other}"),
        ("/api/%69nternal/acme", "/api/internal/{other}"),
    ] {
        assert_eq!(label(path), expected, "{path}");
    }
}

#[test]
fn classes_are_as_the_application_behaves() {
    use DeliveryClass::{Consume, Create, Read, Static};
    let rows: &[(&str, [DeliveryClass; 3])] = &[
        // GET, POST, OPTIONS
        ("/api/v1/status", [Static, Create, Read]),
        ("/api/v1/authcheck", [Read, Create, Read]),
        ("/api/v1/share", [Create, Create, Read]),
        ("/api/v1/create", [Create, Create, Read]),
        ("/api/v1/generate", [Create, Create, Read]),
        ("/api/v1/secret/KEY", [Consume, Consume, Read]),
        ("/api/v1/secret/KEY/x", [Consume, Consume, Read]),
        ("/api/v1/private/KEY", [Consume, Consume, Read]),
        ("/api/v1/metadata/KEY/burn", [Consume, Consume, Read]),
        ("/api/v1/private/recent", [Read, Create, Read]),
        ("/api/v1/unheard/of", [Read, Create, Read]),
        ("/api/v2/status", [Static, Create, Read]),
        ("/api/v3/version", [Static, Create, Read]),
        ("/api/v2/supported-locales", [Static, Create, Read]),
        ("/api/v2/secret/KEY", [Consume, Consume, Read]),
        ("/api/v3/secret/KEY/status", [Read, Consume, Read]),
        ("/api/v3/secret/KEY/reveal", [Consume, Consume, Read]),
        ("/api/v3/secret/status", [Read, Read, Read]),
        ("/api/v2/secret/conceal", [Create, Create, Read]),
        ("/api/v3/receipt/KEY", [Consume, Consume, Read]),
        ("/api/v3/guest/receipt/KEY", [Consume, Consume, Read]),
        ("/api/v3/guest/receipts", [Read, Read, Read]),
        ("/api/account/x", [Read, Create, Read]),
        ("/dist/a.js", [Static, Create, Read]),
        ("/", [Read, Create, Read]),
        ("/secret/KEY", [Read, Consume, Read]),
        ("/receipt/KEY/burn", [Read, Consume, Read]),
        ("/robots.txt", [Read, Create, Read]),
        ("/signin", [Read, Create, Read]),
    ];
    for (path, [get, post, options]) in rows {
        let route = read(path);
        assert_eq!(route.class(&Method::GET), *get, "GET {path}");
        assert_eq!(route.class(&Method::HEAD), *get, "HEAD {path}");
        assert_eq!(route.class(&Method::POST), *post, "POST {path}");
        assert_eq!(route.class(&Method::OPTIONS), *options, "OPTIONS {path}");
    }
    let labels = [Create, Consume, Read, Static].map(DeliveryClass::label);
    assert_eq!(labels, ["create", "consume", "read", "static"]);
}

#[test]
fn batches_carry_keys_in_the_body() {
    for template in super::super::template::TEMPLATES {
        let batch = template.label().ends_with("secret/status")
            || template.label().ends_with("guest/receipts");
        assert_eq!(template.keys_in_body(), batch, "{}", template.label());
    }
}

#[test]
fn dialects_go_by_prefix() {
    for (path, dialect) in [
        ("/api/v1", Dialect::V1),
        ("/api/v1/nothing", Dialect::V1),
        ("/api/v2/status", Dialect::V2V3),
        ("/api/v3/x/y/z/a/b/c/d/e/f", Dialect::V2V3),
        ("/api/v2/colonel", Dialect::V2V3),
        ("/api/account", Dialect::Other),
        ("/secret/KEY", Dialect::Other),
    ] {
        assert_eq!(read(path).dialect(), dialect, "{path}");
    }
}

#[test]
fn old_receipt_pages_are_renamed_and_nothing_else_is() {
    for (path, location) in [
        ("/private/KEY", "/receipt/KEY"),
        ("/private/KEY/burn", "/receipt/KEY/burn"),
        ("//private//KEY/", "/receipt//KEY/"),
        ("/%70rivate/KEY", "/receipt/KEY"),
        ("/private", "/private"),
        ("/private/recent", "/private/recent"),
        ("/secret/KEY", "/secret/KEY"),
        ("/", "/"),
        ("//secret//KEY", "//secret//KEY"),
        ("/api/v1/private/KEY", "/api/v1/private/KEY"),
    ] {
        let (head, tail) = read(path).location_path();
        assert_eq!(format!("{head}{tail}"), location, "{path}");
    }
}

#[test]
fn nothing_prints_a_key() {
    let path = format!("/api/v1/secret/{KEY}");
    assert_eq!(
        format!("{:?}", read(&path)),
        "RouteMatch(/api/v1/secret/{key})"
    );
}

/// Segments by their meaning, and a naive reading of them.
fn naive_key(segments: &[String]) -> Option<&str> {
    let words: Vec<&str> = segments.iter().map(String::as_str).collect();
    let (keyed, rest): (&[&str], _) = match &words[..] {
        ["api", "v2" | "v3", "guest", rest @ ..] => {
            (&["secret", "receipt", "private", "metadata"], rest)
        }
        ["api", "v1" | "v2" | "v3", rest @ ..] => {
            (&["secret", "receipt", "private", "metadata"], rest)
        }
        rest => (&["secret", "receipt", "private"], rest),
    };
    let later = words.first() == Some(&"api") && words.get(1) != Some(&"v1");
    let [first, key, ..] = rest else { return None };
    let literal = ["recent", "burn"].contains(key)
        || (later && *first == "secret" && ["status", "generate", "conceal"].contains(key));
    (keyed.contains(first) && !literal).then_some(key)
}

proptest! {
    #[test]
    fn a_key_is_found_as_a_naive_reading_finds_it(
        segments in proptest::collection::vec(
            "api|v1|v2|v3|guest|secret|receipt|private|metadata|recent|burn|status|generate|conceal|reveal|k1|k2",
            0..9,
        ),
        slashes in proptest::collection::vec(1usize..3, 10),
    ) {
        let mut path = String::new();
        for (segment, count) in segments.iter().zip(&slashes) {
            path.push_str(&"/".repeat(*count));
            path.push_str(segment);
        }
        path.push_str(&"/".repeat(if path.is_empty() { 1 } else { slashes[9] - 1 }));
        prop_assert_eq!(read(&path).key(), naive_key(&segments), "{}", path);
    }

    #[test]
    fn classifying_is_total_and_the_label_holds_nothing_of_an_unknown_path(path in "/\\PC{0,60}") {
        if let Ok(route) = classify(&path) {
            let known = super::super::template::TEMPLATES;
            prop_assert_eq!(known[route.template().index()].label(), route.template().label());
            let (head, tail) = route.location_path();
            prop_assert!(path.ends_with(tail) && (head.is_empty() || head == "/receipt"));
        }
    }
}
