//! What a configuration means, what is suspicious about it, and how problems look.

use std::path::Path;
use std::time::Duration;

use super::*;
use crate::config::decision::Credentials;
use crate::config::ejection::Ejection;
use crate::config::endpoint::{EndpointAddress, HostHeader};
use crate::config::health::Health;
use crate::config::host::Target;
use crate::config::route::{Action, Class};
use crate::config::server::Admin;

fn region(name: &str) -> RegionName {
    RegionName::parse(name).unwrap()
}

/// The warnings of a text, which must be good.
fn warnings(text: &str) -> Vec<String> {
    let (_, warnings) = parse(text).unwrap_or_else(|problems| panic!("{problems}"));
    warnings.iter().map(|warning| warning.0.summary()).collect()
}

#[test]
fn the_least_file_has_every_default() {
    let config = good(LEAST);
    assert_eq!(config.server, Server::default());
    assert_eq!(config.timeouts, Timeouts::default());
    assert_eq!(config.limits, Limits::default());
    assert_eq!(config.rate_limits, RateLimits::default());
    assert_eq!(config.retries, Retries::default());
    assert_eq!(config.dns, Dns::default());
    assert_eq!(config.log, Log::default());
    assert_eq!(
        config.decision.credentials_region,
        Credentials::Region(region("eu"))
    );
    let eu = &config.regions["eu"];
    assert_eq!(eu.jurisdiction, "EU");
    assert_eq!(eu.health, Some(Health::default()));
    assert_eq!(eu.ejection, Some(Ejection::default()));
    assert_eq!(eu.slow_start, Duration::from_secs(30));
    let [endpoint] = eu.endpoints.as_slice() else {
        panic!("{:?}", eu.endpoints)
    };
    assert_eq!(endpoint.sni.as_str(), "eu.example.com");
    assert_eq!(endpoint.host_header, HostHeader::Region);
    assert_eq!(
        (endpoint.tls, endpoint.port, endpoint.weight),
        (true, 8443, 1)
    );
    let targets: Vec<_> = config
        .hosts
        .iter()
        .map(|host| host.target.clone())
        .collect();
    assert_eq!(targets, [Target::Region(region("eu")), Target::Auto]);
}

#[test]
fn endpoints_take_from_their_region_what_they_do_not_say() {
    let text = LEAST.replace(
        r#"endpoints = ["https://10.1.0.1:8443"]"#,
        r#"
ca = "eu-ca.pem"
host_header = "client"
endpoints = [
    "https://[2001:DB8::1]",
    { url = "https://EU_app.internal:9443/", weight = 3, drain = true, sni = "other.example.com", host = "h:81", ca = "own.pem", certificate_name = "Shown.example.com", networks = ["10.0.0.0/8"] },
    "http://10.1.0.2",
]"#,
    );
    let config = good(&text);
    let [first, second, third] = config.regions["eu"].endpoints.as_slice() else {
        panic!("three endpoints");
    };
    assert_eq!(first.url(), "https://[2001:db8::1]:443");
    assert_eq!(first.host_header, HostHeader::Client);
    assert_eq!(
        first.ca.as_ref().unwrap().written.to_str(),
        Some("eu-ca.pem")
    );
    assert_eq!(
        second.address,
        EndpointAddress::Name("eu_app.internal".to_owned())
    );
    assert_eq!(second.sni.as_str(), "other.example.com");
    assert_eq!(second.host_header, HostHeader::Literal("h:81".to_owned()));
    assert_eq!(
        second.ca.as_ref().unwrap().written.to_str(),
        Some("own.pem")
    );
    assert!(second.drain && second.weight == 3);
    let name = second.certificate_name.as_ref().map(|name| name.as_str());
    assert_eq!(name, Some("shown.example.com"));
    assert_eq!(second.networks, ["10.0.0.0/8".parse().unwrap()]);
    assert_eq!((&first.certificate_name, first.networks.len()), (&None, 0));
    assert_eq!((third.tls, third.port, &third.ca), (false, 80, &None));
}

#[test]
fn a_host_is_its_regions_own_or_an_alias() {
    let text = LEAST.replace(
        "[regions.eu]",
        r#"
"EU2.example.com" = { region = "eu", kind = "region" }
"*.secrets.example.com" = "eu"
"old.example.com" = { region = "auto", notice = { deprecation = 2027-01-01, sunset = 1830297600 } }

[regions.eu]"#,
    );
    let config = good(&text);
    let target = |name: &str| {
        let host = config
            .hosts
            .iter()
            .find(|host| host.pattern.to_string() == name);
        host.unwrap_or_else(|| panic!("{name}")).target.clone()
    };
    assert_eq!(target("eu.example.com"), Target::Region(region("eu")));
    assert_eq!(target("eu2.example.com"), Target::Region(region("eu")));
    assert_eq!(target("*.secrets.example.com"), Target::Alias(region("eu")));
    let old = config
        .hosts
        .iter()
        .find(|host| host.notice.is_some())
        .unwrap();
    let notice = old.notice.as_ref().unwrap();
    assert_eq!(notice.deprecation, Some(1_798_761_600));
    assert_eq!(notice.sunset, Some(1_830_297_600));
    assert!(notice.link);
}

#[test]
fn routes_say_what_is_done() {
    let text = format!(
        "{LEAST}\n[[routes]]\nprefix = \"/\"\naction = \"redirect\"\n\
         [[routes]]\nprefix = \"/a\"\nhosts = [\"auto\", \"alias\"]\naction = \"respond\"\nbody = \"hi\"\n\
         [[routes]]\nprefix = \"/b\"\naction = \"proxy\"\nmax_body = \"1KiB\"\nclass = \"static\"\n"
    );
    let config = good(&text);
    let [root, fixed, proxied] = config.routes.as_slice() else {
        panic!("three routes")
    };
    assert_eq!((&root.action, root.hosts.len()), (&Action::Redirect, 3));
    let Action::Respond {
        status,
        body,
        content_type,
    } = &fixed.action
    else {
        panic!("respond")
    };
    assert_eq!((status.as_u16(), body.as_str()), (200, "hi"));
    assert_eq!(content_type, "text/plain; charset=utf-8");
    assert_eq!(
        (proxied.max_body, proxied.class),
        (Some(1024), Some(Class::Static))
    );
}

#[test]
fn what_is_off_is_none() {
    let text = format!("[server]\nhsts = false\nhttp = []\nadmin = \"unix:/run/x.sock\"\n{LEAST}");
    let config = good(&text.replace("host = ", "health = false\nhost = "));
    assert_eq!(config.server.hsts, None);
    assert_eq!(config.server.http, []);
    assert_eq!(config.server.admin, Admin::Unix("/run/x.sock".into()));
    assert_eq!(config.regions["eu"].health, None);
}

#[test]
fn what_may_be_meant_is_a_warning() {
    let eu = "regions.eu";
    let cases = [
        (
            LEAST.replace("\"eu.example.com\" = \"eu\"", ""),
            format!("test.toml:10:8: {eu}.host: redirects lead to `eu.example.com`, which `[hosts]` does not have"),
        ),
        (
            LEAST.replace("https://10.1.0.1:8443", "http://192.0.2.1").replace("192.0.2", "8.8.8"),
            format!("test.toml:11:14: {eu}.endpoints[0]: http to a public address: whoever is on the way reads the secrets"),
        ),
        (
            LEAST.replace("host = ", "drain = true\nhost = "),
            "test.toml: every region is draining: nothing is answered".to_owned(),
        ),
        (
            LEAST.replace("\"https://10.1.0.1:8443\"", "{ url = \"https://10.1.0.1\", drain = true }"),
            format!("test.toml:9:1: {eu}: every endpoint is draining: the region answers 503"),
        ),
        (
            LEAST.replace("host = ", "health = { interval = \"2s\" }\nhost = "),
            format!("test.toml:10:23: {eu}.health.interval: `timeout` (3s) lets probes overlap, for it is longer than `interval` (2s)"),
        ),
        (
            format!("{LEAST}\n[timeouts]\nconnect = \"5m\""),
            "test.toml:18:11: timeouts.connect: `connect` (5m) never ends a request, for `request` (2m) does so first".to_owned(),
        ),
        (
            format!("{LEAST}\n[limits]\nuri_bytes = \"32KiB\""),
            "test.toml:18:13: limits.uri_bytes: `uri_bytes` is never reached, for `head_bytes` is no more".to_owned(),
        ),
        (
            format!("{LEAST}\n[geo.continents]\nEU = \"eu\""),
            "test.toml:13:1: geo: countries and continents decide nothing without `database`".to_owned(),
        ),
        (
            format!("{LEAST}\n[server]\ntrusted_proxies = [\"0.0.0.0/0\"]"),
            "test.toml:18:20: server.trusted_proxies[0]: every client is believed about its own address".to_owned(),
        ),
        (
            format!("{LEAST}\n[server]\nhttp = []\nacme_webroot = \"acme\""),
            "test.toml:19:16: server.acme_webroot: answers nothing, for there is no plain listener (`http`)".to_owned(),
        ),
        (
            format!("{LEAST}\n[[routes]]\nprefix = \"/api/v1\"\naction = \"proxy\"\nclass = \"static\""),
            "test.toml:20:9: routes[0].class: `static` does not hold for /api/v1/share and 9 more routes".to_owned(),
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(warnings(&text), [expected], "{text}");
    }
}

#[test]
fn one_ingress_may_serve_two_regions_if_both_say_so() {
    let two = |eu: &str, us: &str| {
        let text = LEAST.replace("\"https://10.1.0.1:8443\"", eu);
        format!(
            "{text}\n[regions.us]\nhost = \"us.example.com\"\nendpoints = [{us}]\n\
             [hosts.\"us.example.com\"]\nregion = \"us\"\n"
        )
    };
    let plain = "\"https://ingress:443\"";
    let eu = "{ url = \"https://ingress\", sni = \"eu.example.com\" }";
    let us = "{ url = \"https://ingress\", sni = \"us.example.com\" }";
    good(&two(eu, us));
    for (eu, us) in [(plain, plain), (eu, plain), (plain, us), (eu, eu)] {
        assert_eq!(summaries(&two(eu, us)).len(), 1, "{eu} {us}");
    }
}

#[test]
fn a_problem_shows_the_line_what_is_allowed_and_a_hint() {
    let text = LEAST.replace("default = \"eu\"", "defualt = \"eu\"");
    let problems = parse(&text).expect_err("unknown key");
    let shown: Vec<_> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        [
            "test.toml:13:1: geo: `default` is missing\n  13 | [geo]\n     | ^",
            "test.toml:15:1: geo.defualt: unknown key `defualt`\n  15 | defualt = \"eu\"\n     | ^\n     \
             = allowed: database, no_country, default, max_age, countries, continents, networks\n     \
             = hint: did you mean `default`?",
        ]
    );
}

#[test]
fn a_region_that_is_missing_is_one_problem_however_often_it_is_named() {
    let text = LEAST.replace("\"eu\"", "\"us\"");
    assert_eq!(
        summaries(&text),
        [
            "test.toml:7:20: hosts.\"eu.example.com\": there is no region `us`; also named on lines 14, 15"
        ]
    );
}

#[test]
fn others_report_what_is_wrong_with_files_at_the_key_that_names_them() {
    let config = good(LEAST);
    let [key, chain] = config.files()[..] else {
        panic!("{:?}", config.files())
    };
    assert_eq!(
        chain.resolve("/etc/gateway".as_ref()),
        Path::new("/etc/gateway/a.pem")
    );
    let mut problems = Problems::new("test.toml", LEAST);
    problems.at(&key.place, "is empty");
    problems.at(&chain.place, "no such file");
    problems.whole("cannot be watched");
    assert_eq!(problems.len(), 3);
    let shown = problems.to_string();
    assert_eq!(
        shown,
        [
            "test.toml: cannot be watched\n",
            "test.toml:3:27: tls.certificates[0].chain: no such file",
            "  3 | certificates = [{ chain = \"a.pem\", key = \"a.key\" }]",
            "    |                           ^\n",
            "test.toml:3:42: tls.certificates[0].key: is empty",
            "  3 | certificates = [{ chain = \"a.pem\", key = \"a.key\" }]",
            "    |                                          ^",
        ]
        .join("\n")
    );
}

#[test]
fn a_broken_file_still_says_which_files_it_names() {
    let problems = parse(&format!("{LEAST}\n[log]\nlevel = 1")).expect_err("level");
    let named: Vec<_> = problems
        .files()
        .iter()
        .map(|file| file.written.clone())
        .collect();
    assert_eq!(named, [Path::new("a.pem"), Path::new("a.key")]);
}

#[test]
fn equal_meanings_are_equal_wherever_they_stand() {
    let moved = format!("# a comment\n\n{}", LEAST.replace(" = ", "   =  "));
    assert_eq!(good(&moved), good(LEAST));
}

#[test]
fn a_file_from_windows_is_the_same_file() {
    let text = LEAST.replace('\n', "\r\n");
    assert_eq!(good(&format!("\u{feff}{text}")), good(LEAST));
    let bad = text.replace("eu\"\r", "ue\"\r");
    let problems = parse(&bad).expect_err("unknown region");
    assert!(!problems.to_string().contains('\r'), "{problems}");
}

#[test]
fn listeners_and_threads_need_a_restart_and_nothing_else_does() {
    let old = good(LEAST);
    let new = format!(
        "[server]\nthreads = 2\nhttps = [\"127.0.0.1:0\"]\nhttp = []\nadmin = \"127.0.0.1:1\"\n\
         metrics = \"127.0.0.1:2\"\nhandover = \"/run/h\"\ndrain = \"1s\"\nvia = \"v\"\n{LEAST}"
    );
    let new = good(&new.replace("10.1.0.1", "10.1.0.2"));
    let all = [
        "server.https",
        "server.http",
        "server.admin",
        "server.metrics",
        "server.handover",
        "server.threads",
    ];
    assert_eq!(restart_needed(&old.server, &new.server), all);
    let mut other = new.clone();
    other.server.drain = Duration::from_secs(9);
    other.limits.body = 1;
    other.regions.clear();
    assert_eq!(
        restart_needed(&new.server, &other.server),
        Vec::<&str>::new()
    );
}

#[test]
fn the_number_of_a_content_is_the_head_of_its_digest() {
    // FIPS 180-2, appendix B.1: "abc" begins ba7816bf 8f01.
    assert_eq!(hash("abc"), 0xba78_16bf_8f01);
    assert_ne!(hash(LEAST), hash(&format!("{LEAST} ")));
}

#[test]
fn one_address_in_two_regions_is_refused_in_every_spelling() {
    let with = |ours: &str, theirs: &str| {
        let eu = LEAST.replace("https://10.1.0.1:8443", ours);
        let us = format!(
            "\n[regions.us]\njurisdiction = \"us\"\nhost = \"us.example.com\"\n\
             endpoints = [\"{theirs}\"]\n"
        );
        Config::parse("test", &format!("{eu}{us}"))
    };
    for (ours, theirs) in [
        ("http://127.0.0.1:1", "http://[::ffff:127.0.0.1]:1"),
        ("http://127.0.0.1:1", "http://[::ffff:7f00:1]:1"),
        ("http://[64:ff9b::10.1.0.1]:1", "http://10.1.0.1:1"),
        ("http://0.0.0.0:1", "http://127.0.0.1:1"),
        ("http://[::]:1", "http://[0:0::1]:1"),
        ("http://localhost:1", "http://127.0.0.1:1"),
        ("http://App.Internal", "http://app.internal.:80"),
        ("http://app:443", "https://app."),
        ("http://10.1.0.1:443", "https://10.1.0.1"),
    ] {
        for (ours, theirs) in [(ours, theirs), (theirs, ours)] {
            let problems = with(ours, theirs).expect_err(ours).to_string();
            let message = "is an endpoint of region `eu` already";
            assert!(problems.contains(message), "{ours} {theirs}: {problems}");
        }
    }
    for (ours, theirs) in [
        ("http://127.0.0.1:1", "http://127.0.0.2:1"),
        ("http://10.1.0.1:1", "http://10.1.0.1:2"),
        ("http://app.internal", "http://app2.internal"),
    ] {
        assert!(with(ours, theirs).is_ok(), "{ours} {theirs}");
    }
}

#[test]
fn a_name_may_be_written_as_an_absolute_one() {
    let text = LEAST.replace(
        r#"endpoints = ["https://10.1.0.1:8443"]"#,
        r#"endpoints = ["https://us1.Backend.internal.:8443", { url = "https://app.", sni = "Shown.example.", certificate_name = "cert.example.", host = "h.example.:81" }]"#,
    );
    let config = good(&text);
    let [first, second] = config.regions["eu"].endpoints.as_slice() else {
        panic!("two endpoints");
    };
    assert_eq!(first.url(), "https://us1.backend.internal:8443");
    // Without that dot, one label is looked for in the search list.
    assert_eq!(second.url(), "https://app.:443");
    assert_eq!(second.sni.as_str(), "shown.example");
    let shown = second.certificate_name.as_ref().map(|name| name.as_str());
    assert_eq!(shown, Some("cert.example"));
    assert_eq!(
        second.host_header,
        HostHeader::Literal("h.example:81".to_owned())
    );
    for bad in [
        "https://a..",
        "https://127.0.0.1.",
        "https://.",
        "https://[::1].",
    ] {
        let text = LEAST.replace("https://10.1.0.1:8443", bad);
        assert!(Config::parse("test", &text).is_err(), "{bad}");
    }
}
