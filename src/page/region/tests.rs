//! The page and its JSON say the same, and nothing that they must not.

use proptest::prelude::*;

use super::*;
use crate::region::{Reason, RegionDefinition};

fn regions(jurisdiction: &str) -> Regions {
    let definition = |name: &str, jurisdiction: &str| RegionDefinition {
        name: name.to_owned(),
        jurisdiction: jurisdiction.to_owned(),
        host: format!("{name}.example.com"),
    };
    Regions::new(&[definition("eu", jurisdiction), definition("us", "US")]).expect("regions")
}

fn page<'a>(regions: &'a Regions, name: &str, reason: Reason) -> RegionPage<'a> {
    RegionPage {
        regions,
        decision: Decision {
            region: regions.by_name(name.as_bytes()).expect("a region"),
            reason,
        },
        host: "onetimesecret.com",
        back: None,
        kept: false,
    }
}

#[test]
fn the_page_tells_where_and_why_and_marks_the_current_one() {
    let regions = regions("EU");
    let html = page(&regions, "us", Reason::Geo).html(Language::English);
    for part in [
        "<html lang=\"en\">",
        "<title>Your region · onetimesecret.com</title>",
        "<button name=\"region\" value=\"eu\">",
        "<button name=\"region\" value=\"us\" aria-current=\"true\">",
        "<span>us.example.com</span> <span>Jurisdiction US</span>",
        "part of the world that you come from",
        "<form method=\"post\" action=\"/region\">",
    ] {
        assert!(html.contains(part), "{part}\n{html}");
    }
    assert_eq!(html.matches(" aria-current=").count(), 1);
    assert!(!html.contains("name=\"forget\"") && !html.contains("return"));
    assert!(!html.contains("<script") && !html.contains("style="));
}

#[test]
fn what_is_kept_can_be_forgotten_and_the_way_back_is_carried_along() {
    let regions = regions("EU");
    let back = ReturnPath::parse(b"/recent?a=b&c='d'").expect("a path");
    let html = RegionPage {
        back: Some(&back),
        kept: true,
        ..page(&regions, "eu", Reason::PinCookie)
    }
    .html(Language::French);
    let hidden = "<input type=\"hidden\" name=\"return\" value=\"/recent?a=b&amp;c=&#39;d&#39;\">";
    assert_eq!(html.matches(hidden).count(), 2);
    assert!(html.contains("<a href=\"/recent?a=b&amp;c=&#39;d&#39;\">"));
    assert!(html.contains("<button name=\"forget\" value=\"1\">Oublier mon choix</button>"));
}

#[test]
fn json_says_the_same_and_how_to_choose() {
    let regions = regions("EU");
    let back = ReturnPath::parse(b"/secret/k3y").expect("a path");
    let json = RegionPage {
        back: Some(&back),
        ..page(&regions, "eu", Reason::PinCookie)
    }
    .json();
    assert_eq!(
        json,
        json!({
            "region": "eu",
            "reason": "pin-cookie",
            "binding": "bound",
            "jurisdiction": "EU",
            "host": "eu.example.com",
            "choices": [
                {"region": "eu", "jurisdiction": "EU", "host": "eu.example.com", "current": true},
                {"region": "us", "jurisdiction": "US", "host": "us.example.com", "current": false},
            ],
            "choose": {
                "header": "O-Region",
                "form": {
                    "method": "POST",
                    "path": "/region",
                    "choose": "region=NAME",
                    "forget": "forget=1",
                    "return": "return=/PATH",
                },
            },
        })
    );
}

/// Every element that is opened is closed, in order; void elements aside.
fn is_balanced(html: &str) -> bool {
    let mut open = Vec::new();
    for tag in html.split('<').skip(1) {
        let name = tag.split(['>', ' ', '\n']).next().unwrap_or_default();
        if let Some(name) = name.strip_prefix('/') {
            if open.pop() != Some(name) {
                return false;
            }
        } else if !matches!(name, "!doctype" | "meta" | "input") {
            open.push(name);
        }
    }
    open.is_empty()
}

proptest! {
    #[test]
    fn every_page_is_well_formed_whatever_operators_and_callers_write(
        language in prop::sample::select(Language::ALL.to_vec()),
        reason in prop::sample::select(Reason::ALL.to_vec()),
        jurisdiction in "[!-~]{1,32}",
        path in "/[a-z&'=?;]{0,20}",
        kept: bool,
    ) {
        let regions = regions(&jurisdiction);
        let back = ReturnPath::parse(path.as_bytes());
        let html = RegionPage { back: back.as_ref(), kept, ..page(&regions, "eu", reason) }.html(language);
        prop_assert!(is_balanced(&html), "{}", html);
        prop_assert!(html.contains(&Escaped(&jurisdiction).to_string()), "{}", html);
        prop_assert!(html.contains((language.words().reason)(reason)), "{}", html);
        prop_assert_eq!(html.contains("name=\"forget\""), kept);
    }
}
