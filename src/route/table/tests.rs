//! Tests of what is done with paths.

use proptest::prelude::*;

use super::*;
use crate::route::classify::classify;

use Action::{Deny, Proxy, Redirect, RegionPage, Robots};

fn rule(prefix: &str, hosts: &[HostClass], action: RuleAction) -> RouteRule {
    RouteRule {
        prefix: prefix.to_owned(),
        hosts: hosts.to_vec(),
        action,
    }
}

fn teapot() -> FixedResponse {
    FixedResponse {
        status: StatusCode::IM_A_TEAPOT,
        content_type: HeaderValue::from_static("text/plain"),
        body: Bytes::from_static(b"short and stout"),
    }
}

fn action<'t>(table: &'t RouteTable, host: HostClass, path: &str) -> Action<'t> {
    table.action(host, &classify(path).unwrap(), false)
}

#[test]
fn the_built_in_table_is_the_one_of_the_design() {
    let table = RouteTable::default();
    for (path, [auto, own, alias]) in [
        ("/", [Redirect, Proxy, Proxy]),
        ("/secret/KEY", [Redirect, Proxy, Proxy]),
        ("/receipt/KEY", [Redirect, Proxy, Proxy]),
        ("/private/KEY", [Redirect, Proxy, Proxy]),
        ("/signin", [Redirect, Proxy, Proxy]),
        ("/dist/app.js", [Redirect, Proxy, Proxy]),
        ("/api", [Proxy, Proxy, Proxy]),
        ("/api/", [Proxy, Proxy, Proxy]),
        ("//api//v1/status", [Proxy, Proxy, Proxy]),
        ("/%61pi/v1/status", [Proxy, Proxy, Proxy]),
        ("/api/v1/share", [Proxy, Proxy, Proxy]),
        ("/api/account/x", [Proxy, Proxy, Proxy]),
        ("/apis", [Redirect, Proxy, Proxy]),
        ("/api/colonel", [Deny, Proxy, Deny]),
        ("/api/colonel/stats", [Deny, Proxy, Deny]),
        ("/api//%63olonel/", [Deny, Proxy, Deny]),
        ("/api/COLONEL", [Deny, Proxy, Deny]),
        ("/api/v2/colonel/info", [Deny, Proxy, Deny]),
        ("/api/internal/acme/ask", [Deny, Proxy, Deny]),
        ("/colonel", [Deny, Proxy, Deny]),
        ("//colonel/users", [Deny, Proxy, Deny]),
        ("/colonels", [Redirect, Proxy, Proxy]),
        ("/robots.txt", [Robots, Proxy, Proxy]),
        ("/region", [RegionPage, Proxy, Proxy]),
        ("/region/", [RegionPage, Proxy, Proxy]),
        ("/region/eu", [Redirect, Proxy, Proxy]),
    ] {
        for (host, expected) in HostClass::ALL.into_iter().zip([auto, own, alias]) {
            assert_eq!(
                action(&table, host, path),
                expected,
                "{} {path}",
                host.label()
            );
        }
    }
}

#[test]
fn a_page_whose_key_is_elsewhere_is_redirected_from_an_own_host_only() {
    let table = RouteTable::default();
    let elsewhere = |host, path| table.action(host, &classify(path).unwrap(), true);
    assert_eq!(elsewhere(HostClass::Own, "/secret/KEY"), Redirect);
    assert_eq!(elsewhere(HostClass::Own, "/receipt/KEY/burn"), Redirect);
    assert_eq!(
        elsewhere(HostClass::Own, "/api/v1/secret/KEY"),
        Proxy,
        "the host says where"
    );
    assert_eq!(elsewhere(HostClass::Alias, "/secret/KEY"), Proxy);
    assert_eq!(elsewhere(HostClass::Auto, "/api/v1/secret/KEY"), Proxy);
    let table = RouteTable::new(&[
        rule("/", &[HostClass::Own], RuleAction::Deny),
        rule("/receipt", &[HostClass::Own], RuleAction::Proxy),
    ])
    .unwrap();
    let elsewhere = |path| table.action(HostClass::Own, &classify(path).unwrap(), true);
    assert_eq!(
        elsewhere("/secret/KEY"),
        Redirect,
        "a longer prefix than the operator's"
    );
    assert_eq!(elsewhere("/receipt/KEY"), Proxy);
    assert_eq!(elsewhere("/"), Deny);
}

#[test]
fn the_longest_prefix_wins_and_as_long_a_one_of_the_operators_beats_the_built_in() {
    let response = teapot();
    let table = RouteTable::new(&[
        rule("/", &[], RuleAction::Proxy),
        rule("/api/v1/", &[], RuleAction::Deny),
        rule(
            "/api/v1/status",
            &[HostClass::Auto],
            RuleAction::Respond(response.clone()),
        ),
        rule("/about", &[], RuleAction::Deny),
        rule("/about", &[HostClass::Alias], RuleAction::Redirect),
        rule("/region", &[HostClass::Auto], RuleAction::Deny),
        rule("/go", &[], RuleAction::Redirect),
    ])
    .unwrap();
    let of = |host, path| action(&table, host, path);
    assert_eq!(of(HostClass::Auto, "/signin"), Proxy);
    assert_eq!(of(HostClass::Auto, "/api/v2/status"), Proxy);
    assert_eq!(of(HostClass::Auto, "/api/v1/share"), Deny);
    assert_eq!(of(HostClass::Auto, "/api//%76%31/share"), Deny);
    assert_eq!(of(HostClass::Auto, "/api/v10"), Proxy);
    assert_eq!(
        of(HostClass::Auto, "/api/v1/status"),
        Action::Respond(&response)
    );
    assert_eq!(
        of(HostClass::Auto, "/api/v1/status/x"),
        Action::Respond(&response)
    );
    assert_eq!(of(HostClass::Own, "/api/v1/status"), Deny);
    assert_eq!(of(HostClass::Auto, "/about"), Deny);
    assert_eq!(of(HostClass::Alias, "/about"), Redirect);
    assert_eq!(of(HostClass::Auto, "/region"), Deny);
    assert_eq!(
        of(HostClass::Auto, "/robots.txt"),
        Robots,
        "a longer prefix than the operator's"
    );
    assert_eq!(of(HostClass::Alias, "/go/x"), Redirect);
    assert_eq!(of(HostClass::Own, "/go/x"), Proxy, "never to itself");
    assert_eq!(of(HostClass::Auto, "/api/colonel"), Deny);
}

#[test]
fn administration_is_denied_whatever_the_operator_says() {
    let open = [
        "/",
        "/colonel",
        "/api",
        "/api/colonel",
        "/api/internal",
        "/api/v2/colonel",
    ]
    .map(|prefix| rule(prefix, &[], RuleAction::Proxy));
    let table = RouteTable::new(&open).unwrap();
    for path in [
        "/colonel/x",
        "/api/colonel",
        "/api/internal/acme",
        "/api/v2/colonel/x",
    ] {
        assert_eq!(action(&table, HostClass::Auto, path), Deny, "{path}");
        assert_eq!(action(&table, HostClass::Alias, path), Deny, "{path}");
        assert_eq!(action(&table, HostClass::Own, path), Proxy, "{path}");
    }
    let closed = [rule("/colonel", &[HostClass::Own], RuleAction::Deny)];
    let table = RouteTable::new(&closed).unwrap();
    assert_eq!(action(&table, HostClass::Own, "/colonel"), Deny);
}

#[test]
fn bad_rules_are_all_reported() {
    let faults = RouteTable::new(&[
        rule("api", &[], RuleAction::Deny),
        rule("/a/../b", &[], RuleAction::Deny),
        rule("/x", &[HostClass::Own], RuleAction::Redirect),
        rule("/y", &[], RuleAction::Deny),
        rule("//%79/", &[], RuleAction::Proxy),
        rule("/y", &[HostClass::Auto], RuleAction::Proxy),
        rule(
            "/y",
            &[HostClass::Alias, HostClass::Auto],
            RuleAction::Proxy,
        ),
        rule("/z", &[HostClass::Own], RuleAction::Proxy),
        rule("/z", &[HostClass::Auto], RuleAction::Proxy),
    ])
    .unwrap_err();
    let words: Vec<_> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(
        words,
        [
            "route \"api\": the path does not begin with /",
            "route \"/a/../b\": the path has a dot segment",
            "route \"/x\": a region's own host cannot be redirected to itself",
            "routes \"/y\" and \"//%79/\" are for the same paths on auto hosts",
            "routes \"/y\" and \"/y\" are for the same paths on auto hosts",
        ]
    );
}

#[test]
fn a_redirect_keeps_the_method_unless_it_is_get() {
    for (method, status) in [
        (Method::GET, 302),
        (Method::HEAD, 302),
        (Method::POST, 307),
        (Method::DELETE, 307),
    ] {
        assert_eq!(redirect_status(&method).as_u16(), status, "{method}");
    }
}

proptest! {
    /// Of rules that only differ in length, the longest that is a prefix on whole segments wins.
    #[test]
    fn rules_agree_with_trying_every_prefix(
        prefixes in proptest::collection::btree_set("(/[ab]{1,2}){0,4}", 0..8),
        path in "(/[ab]{1,2}){1,5}",
    ) {
        let body = |n: usize| FixedResponse { body: Bytes::from(n.to_string()), ..teapot() };
        let rules: Vec<_> = prefixes
            .iter()
            .enumerate()
            .map(|(n, prefix)| rule(&format!("{prefix}/"), &[], RuleAction::Respond(body(n))))
            .collect();
        let table = RouteTable::new(&rules).unwrap();
        let longest = prefixes
            .iter()
            .enumerate()
            .filter(|(_, prefix)| format!("{path}/").starts_with(&format!("{prefix}/")))
            .max_by_key(|(_, prefix)| prefix.len())
            .map(|(n, _)| body(n));
        for host in HostClass::ALL {
            let built_in = if host == HostClass::Auto { Redirect } else { Proxy };
            let expected = longest.as_ref().map_or(built_in, Action::Respond);
            prop_assert_eq!(action(&table, host, &path), expected);
        }
    }
}
