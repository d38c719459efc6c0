//! Whatever the text is: no panic, nothing hidden by something else, no order that matters, no secret shown.

use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::*;
use crate::config::view::view;

const FILE: &str = include_str!("../../../config/gateway.toml");

/// Independent mistakes: a piece of [`mistakable`], and what it becomes.
const MISTAKES: [(&str, &str); 16] = [
    ("drain = \"30s\"", "drain = 30"),
    ("threads = 0", "threads = \"0\""),
    ("min_version = \"1.2\"", "min_version = \"1.0\""),
    ("\"example.com\" = \"auto\"", "\"example.com\" = \"atuo\""),
    ("\"*.example.org\" = \"us\"", "\"*example.org\" = \"us\""),
    (
        "url = \"https://10.1.0.1:8443\"",
        "url = \"https://10.1.0.1:8443/x\"",
    ),
    ("weight = 2", "weight = 0"),
    ("rise = 3", "raise = 3"),
    ("failover = []", "failover = [\"us\"]"),
    (
        "endpoints = [\"http://10.2.0.1\"]",
        "endpoints = [\"http://10.2.0.1:x\"]",
    ),
    ("GB = \"eu\"", "UK = \"eu\""),
    ("no_country = \"eu\"", "no_country = \"ue\""),
    ("pin_cookie = \"__Host-a\"", "pin_cookie = \"a\""),
    ("prefix = \"/a\"", "prefix = \"a\""),
    ("connect = \"3s\"", "conect = \"3s\""),
    ("level = \"info\"", "level = \"info\"\nlevel = \"info\""),
];

/// A good file with every piece that a mistake is made of, as tables that may stand in any order.
fn tables() -> Vec<&'static str> {
    vec![
        "[server]\ndrain = \"30s\"\nthreads = 0\n",
        "[tls]\nmin_version = \"1.2\"\n",
        "[[tls.certificates]]\nchain = \"a.pem\"\nkey = \"a.key\"\n",
        "[hosts]\n\"example.com\" = \"auto\"\n\"*.example.org\" = \"us\"\n\"eu.example.com\" = \"eu\"\n\"us.example.com\" = \"us\"\n",
        "[regions.eu]\nhost = \"eu.example.com\"\nfailover = []\nendpoints = [{ url = \"https://10.1.0.1:8443\", weight = 2 }]\n",
        "[regions.eu.health]\nrise = 3\n",
        "[regions.us]\nhost = \"us.example.com\"\nendpoints = [\"http://10.2.0.1\"]\n",
        "[geo]\ndatabase = \"x.mmdb\"\nno_country = \"eu\"\ndefault = \"us\"\n",
        "[geo.countries]\nGB = \"eu\"\n",
        "[decision]\npin_cookie = \"__Host-a\"\n",
        "[[routes]]\nprefix = \"/a\"\naction = \"deny\"\n",
        "[timeouts]\nconnect = \"3s\"\n",
        "[log]\nlevel = \"info\"\n",
    ]
}

fn in_any_order() -> impl Strategy<Value = Vec<&'static str>> {
    Just(tables()).prop_shuffle()
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "(?s).{0,300}") {
        let _ = parse(&text);
    }

    #[test]
    fn nothing_that_looks_like_toml_makes_it_panic(
        text in "([a-z.\"]{0,8}( = |=|\\[|\\]|\\{|\\}|\"|'|\"\"\"|#|,|\n|-1|[0-9]{1,3}|true|1979-05-27|é)){0,60}",
    ) {
        let _ = parse(&text);
    }

    /// Cuts, doubles and swaps of the documented file.
    #[test]
    fn no_mutation_of_a_good_file_makes_it_panic(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..4_u8), 1..4),
    ) {
        let mut text: Vec<char> = FILE.chars().filter(|c| c.is_ascii()).collect();
        for (from, length, kind) in edits {
            let from = from.index(text.len());
            let to = (from + length.index(40)).min(text.len());
            let part: Vec<char> = text[from..to].to_vec();
            match kind {
                0 => drop(text.drain(from..to)),
                1 => drop(text.splice(from..from, part)),
                2 => text[from..to].reverse(),
                _ => text[from..to].fill('"'),
            }
        }
        let text: String = text.into_iter().collect();
        if let Err(problems) = parse(&text) {
            prop_assert!(!problems.is_empty());
            prop_assert!(!problems.to_string().is_empty());
        }
    }

    #[test]
    fn every_mistake_is_reported_and_nothing_else(mistakes in subsequence(MISTAKES.to_vec(), 0..=16)) {
        let mut text = tables().join("\n");
        for (right, wrong) in &mistakes {
            prop_assert_eq!(text.matches(right).count(), 1, "{}", right);
            text = text.replace(right, wrong);
        }
        match parse(&text) {
            Ok(_) => prop_assert!(mistakes.is_empty()),
            Err(problems) => prop_assert_eq!(problems.len(), mistakes.len(), "{}", problems),
        }
    }

    /// A bracket, a quote or an equals sign too few or too many is one problem, or none where it changes
    /// nothing.
    #[test]
    fn a_slip_of_one_character_makes_few_problems(
        at in any::<prop::sample::Index>(),
        slip in select(vec!["", "[", "]", "{", "}", "\"", "=", ",", "\n"]),
    ) {
        let mut text = tables().join("\n");
        let at = at.index(text.len());
        text.replace_range(at..=at, slip);
        if let Err(problems) = parse(&text) {
            prop_assert!(problems.len() <= 3, "{}\n{}", text, problems);
        }
    }

    #[test]
    fn the_order_of_tables_means_nothing(shuffled in in_any_order()) {
        prop_assert_eq!(good(&shuffled.join("\n")), good(&tables().join("\n")));
    }

    #[test]
    fn the_order_of_tables_hides_no_mistake(
        tables in in_any_order(),
        mistakes in subsequence(MISTAKES.to_vec(), 1..=16),
    ) {
        let mut text = tables.join("\n");
        for (right, wrong) in &mistakes {
            text = text.replace(right, wrong);
        }
        prop_assert_eq!(parse(&text).expect_err("mistakes").len(), mistakes.len(), "{}", text);
    }

    /// Problems are by position, and each line that is shown is the line it is said to be.
    #[test]
    fn problems_are_sorted_and_quote_their_line(mistakes in subsequence(MISTAKES.to_vec(), 1..=16)) {
        let mut text = tables().join("\n");
        for (right, wrong) in &mistakes {
            text = text.replace(right, wrong);
        }
        let problems = parse(&text).expect_err("mistakes");
        let positions: Vec<_> = problems.iter().map(|p| (p.place.line, p.place.column)).collect();
        prop_assert!(positions.is_sorted());
        for problem in problems.iter() {
            let line = text.lines().nth(problem.place.line - 1).unwrap();
            prop_assert!(problem.to_string().contains(line), "{}", problem);
        }
    }

    /// What is shown of any configuration is a file that means the same.
    #[test]
    fn the_view_is_a_file_that_means_the_same(text in meaningful()) {
        let (config, _) = parse(&text).unwrap_or_else(|problems| panic!("{problems}"));
        let shown = toml::to_string(&view(&config)).unwrap();
        let (again, _) = parse(&shown).unwrap_or_else(|problems| panic!("{shown}\n{problems}"));
        prop_assert_eq!(again, config, "{}", shown);
    }

    /// Wherever a secret is put by mistake in place of a reference, it is never shown.
    #[test]
    fn a_secret_in_the_file_is_never_shown(
        form in select(vec![
            "identifier_secrets = [\"SECRET\"]", "identifier_secrets = \"SECRET\"",
            "identifier_secrets = [{ env = \"SECRET\" }]", "identifier_secrets = [{ value = \"SECRET\" }]",
            "identifier_secrets = [{ env = \"A\", secret = \"SECRET\" }]", "identifier_secret = \"SECRET\"",
            "identifier_secrets = [SECRET]", "identifier_secrets = ['SECRET", "ca = \"SECRET",
            "identifier_secrets = [{ file = \"-----BEGIN X-----SECRET\" }]", "jurisdiction = \"a SECRET\"",
        ]),
        secret in "[a-f][0-9a-f]{63}",
        cut in 0..40_usize,
    ) {
        let line = form.replace("SECRET", &secret);
        let text = LEAST.replace("endpoints = ", &format!("{line}\nendpoints = "));
        let text = format!("{text}\n[log]\nlevel = 1\n");
        let shown = parse(&text).expect_err("a secret").to_string();
        prop_assert!(!shown.contains(&secret), "{}", shown);
        // Broken off somewhere behind it.
        let end = text.find(&secret).unwrap() + secret.len() + cut;
        if let Err(problems) = parse(&text[..end.min(text.len())]) {
            prop_assert!(!problems.to_string().contains(&secret), "{}", problems);
        }
    }
}

/// Good files of many shapes.
fn meaningful() -> impl Strategy<Value = String> {
    let server = select(vec![
        "",
        "hsts = false\nhttp = []\n",
        "admin = \"unix:/run/x\"\nmetrics = \"[::1]:9\"\nhandover = \"/run/y\"\nthreads = 3\n",
        "trusted_proxies = [\"10.0.0.0/8\", \"fd00::/8\"]\nclient_address_header = \"forwarded\"\nvia = \"x\"\n",
        "drain = \"1500ms\"\nacme_webroot = \"a b\"\ncountry_header = \"CF-IPCountry\"\nhttps_public_port = 8443\n",
    ]);
    let region = select(vec![
        "",
        "health = false\nejection = false\nslow_start = \"0s\"\n",
        "ejection = { consecutive = 1, base = \"1s\", most = \"2s\", share = 100 }\n",
        "health = { path = \"/x?y\", contains = \"é\", status = 204, interval = \"90s\", rise = 9 }\n",
        "identifier_secrets = [{ env = \"A\" }, { file = \"b c\" }]\nca = \"x.pem\"\n",
        "host_header = \"client\"\ndrain = true\njurisdiction = \"X\"\nfailover = [\"us\"]\nallow_crossing = true\n",
        "host_header = \"a:1\"\ndialect = \"v0.23\"\n",
    ]);
    let endpoints = select(vec![
        "\"https://a\"",
        "\"http://[::1]:81\"",
        "{ url = \"https://a_b:444\", weight = 7, drain = true, sni = \"q\", host = \"client\", ca = \"y\" }",
        "{ url = \"https://a\", certificate_name = \"c.d\", networks = [\"10.0.0.0/8\", \"::1/128\"] }",
        "\"http://10.9.9.9\", { url = \"https://10.9.9.9\", host = \"[::1]:3\" }",
    ]);
    let rest = select(vec![
        "",
        "[[routes]]\nprefix = \"/\"\naction = \"respond\"\nbody = \"a\\nb\"\nstatus = 404\n",
        "[[routes]]\nprefix = \"/a\"\nhosts = [\"alias\"]\naction = \"proxy\"\nclass = \"read\"\nmax_body = 7\n",
        "[hosts.\"*.x.org\"]\nregion = \"us\"\nkind = \"region\"\nnotice = { deprecation = 5, link = false }\n",
        "[geo.networks]\n\"2001:db8::/32\" = \"us\"\n\"10.0.0.0/8\" = \"eu\"\n[geo.continents]\nAN = \"us\"\n",
        "[decision]\ncredentials_region = \"refuse\"\nsticky = true\nsticky_cookie = \"__Host-z\"\n",
        "[timeouts]\nhandshake = \"1ms\"\nrequest = \"1d\"\n[limits]\nbody = \"1.5MiB\"\npool_per_endpoint = 0\nrequests_per_endpoint = 1\n",
        "[retries]\nshare = 0\nper_second = 0\nbackoff = \"0s\"\n",
        "[dns]\nservers = [\"[::1]:53\"]\nmin_ttl = \"100ms\"\nmax_ttl = \"1d\"\n",
        "[log]\nlevel = \"trace\"\nformat = \"json\"\n",
    ]);
    (server, region, endpoints, rest).prop_map(|(server, region, endpoints, rest)| {
        let text = LEAST.replace("\"https://10.1.0.1:8443\"", endpoints);
        let text = text.replace("host = \"eu", &format!("{region}host = \"eu"));
        let us = "[regions.us]\nhost = \"us.example.com\"\nendpoints = [\"https://b\"]\n";
        let host = "[hosts.\"us.example.com\"]\nregion = \"us\"\n";
        format!("[server]\n{server}{text}\n{us}{host}{rest}")
    })
}
