//! The class that each route of the application has by default, with the methods that it takes: a
//! GET may consume, and a POST may only look.

use http::Method;

use super::*;

const CLASSES: &[(DeliveryClass, &[&str])] = &[
    (
        DeliveryClass::Static,
        &[
            "GET /api/v1/status",
            "GET /api/v2/status",
            "GET /api/v2/version",
            "GET /api/v2/supported-locales",
            "GET /api/v3/status",
            "GET /api/v3/version",
            "GET /api/v3/supported-locales",
            "GET /dist/assets/main.js",
        ],
    ),
    (
        DeliveryClass::Create,
        &[
            "POST /api/v1/share",
            "POST /api/v1/create",
            "POST /api/v1/generate",
            "POST /api/v2/secret/generate",
            "POST /api/v2/secret/conceal",
            "POST /api/v2/guest/secret/generate",
            "POST /api/v2/guest/secret/conceal",
            "POST /api/v3/secret/generate",
            "POST /api/v3/secret/conceal",
            "POST /api/v3/guest/secret/generate",
            "POST /api/v3/guest/secret/conceal",
            "POST /api/v3/feedback",
            "POST /api/account/me",
            "POST /api/domains/add",
            "PUT /api/domains/x/logo",
            "POST /api/organizations",
            "POST /api/invite/x/accept",
            "POST /api/incoming/secret",
            "POST /api/colonel/users",
            "POST /auth/login",
            "POST /auth/create-account",
        ],
    ),
    (
        DeliveryClass::Consume,
        &[
            "POST /api/v1/secret/KEY",
            "GET /api/v1/secret/KEY",
            "GET /api/v1/private/KEY",
            "POST /api/v1/private/KEY",
            "GET /api/v1/metadata/KEY",
            "POST /api/v1/metadata/KEY",
            "GET /api/v1/receipt/KEY",
            "POST /api/v1/receipt/KEY",
            "POST /api/v1/private/KEY/burn",
            "POST /api/v1/metadata/KEY/burn",
            "POST /api/v1/receipt/KEY/burn",
            "GET /api/v2/receipt/KEY",
            "PATCH /api/v2/receipt/KEY",
            "GET /api/v2/guest/receipt/KEY",
            "PATCH /api/v2/guest/receipt/KEY",
            "GET /api/v3/receipt/KEY",
            "PATCH /api/v3/receipt/KEY",
            "GET /api/v3/guest/receipt/KEY",
            "PATCH /api/v3/guest/receipt/KEY",
            "POST /api/v2/receipt/KEY/burn",
            "POST /api/v2/guest/receipt/KEY/burn",
            "POST /api/v3/receipt/KEY/burn",
            "POST /api/v3/guest/receipt/KEY/burn",
            "GET /api/v2/private/KEY",
            "GET /api/v3/private/KEY",
            "POST /api/v2/private/KEY/burn",
            "POST /api/v3/private/KEY/burn",
            "GET /api/v2/secret/KEY",
            "GET /api/v2/guest/secret/KEY",
            "GET /api/v3/secret/KEY",
            "GET /api/v3/guest/secret/KEY",
            "POST /api/v2/secret/KEY/reveal",
            "POST /api/v2/guest/secret/KEY/reveal",
            "POST /api/v3/secret/KEY/reveal",
            "POST /api/v3/guest/secret/KEY/reveal",
            "POST /secret/KEY",
        ],
    ),
    (
        DeliveryClass::Read,
        &[
            "GET /api/v1/authcheck",
            "GET /api/v1/private/recent",
            "GET /api/v1/metadata/recent",
            "GET /api/v1/receipt/recent",
            "GET /api/v2/receipt/recent",
            "GET /api/v2/private/recent",
            "GET /api/v3/receipt/recent",
            "GET /api/v3/private/recent",
            "GET /api/v2/secret/KEY/status",
            "GET /api/v2/guest/secret/KEY/status",
            "GET /api/v3/secret/KEY/status",
            "GET /api/v3/guest/secret/KEY/status",
            "POST /api/v2/secret/status",
            "POST /api/v2/guest/secret/status",
            "POST /api/v3/secret/status",
            "POST /api/v3/guest/secret/status",
            "POST /api/v2/guest/receipts",
            "POST /api/v3/guest/receipts",
            "OPTIONS /api/v2/secret/generate",
            "OPTIONS /api/v2/secret/conceal",
            "OPTIONS /api/v3/secret/generate",
            "OPTIONS /api/v3/secret/conceal",
            "GET /",
            "GET /secret/KEY",
            "GET /receipt/KEY",
            "GET /receipt/KEY/burn",
            "GET /private/KEY",
            "GET /robots.txt",
            "GET /region",
            "GET /incoming/KEY",
            "GET /bootstrap/me",
            "GET /signin",
            "GET /api/account/me",
            "GET /health",
            "GET /auth/health",
        ],
    ),
];

#[test]
fn every_route_has_its_class() {
    for (class, routes) in CLASSES {
        for route in *routes {
            let (method, path) = route.split_once(' ').unwrap();
            let path = path.replace("KEY", "0123456789abcdefghijklmnopqrstu");
            let method: Method = method.parse().unwrap();
            let found = classify(&path).unwrap().class(&method);
            assert_eq!(found, *class, "{route}");
            // HEAD is served wherever GET is.
            if method == Method::GET {
                let head = classify(&path).unwrap().class(&Method::HEAD);
                assert_eq!(head, *class, "HEAD of {route}");
            }
        }
    }
}

/// A template that is added needs a line above.
#[test]
fn every_template_is_there() {
    use crate::route::template::TEMPLATES;
    let paths = CLASSES.iter().flat_map(|(_, routes)| *routes);
    let paths = paths.filter_map(|route| route.split_once(' '));
    let seen: Vec<&str> = paths
        .map(|(_, path)| classify(path).unwrap().template().label())
        .collect();
    let unnamed = |label: &str| label.ends_with("{other}") || label == "/private/{key}/burn";
    for template in TEMPLATES {
        let label = template.label();
        assert!(unnamed(label) || seen.contains(&label), "{label}");
    }
}
