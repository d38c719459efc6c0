//! Forms as browsers and others send them.

use proptest::prelude::*;
use url::Url;

use super::*;
use crate::region::RegionDefinition;

fn regions() -> Regions {
    let definitions: Vec<_> = ["ca", "eu", "us"]
        .into_iter()
        .map(|name| RegionDefinition {
            name: name.to_owned(),
            jurisdiction: name.to_ascii_uppercase(),
            host: format!("{name}.example.com"),
        })
        .collect();
    Regions::new(&definitions).expect("regions")
}

fn read_as(body: &str) -> Result<(String, Option<String>), FormFault> {
    let regions = regions();
    read(body.as_bytes(), &regions).map(|form| {
        let wish = match form.wish {
            Wish::Choose(region) => regions.get(region).name().to_string(),
            Wish::Forget => "forget".to_owned(),
        };
        (wish, form.back.map(|back| back.as_str().to_owned()))
    })
}

#[test]
fn chooses_and_forgets() {
    let said = |wish: &str, back: Option<&str>| Ok((wish.to_owned(), back.map(str::to_owned)));
    assert_eq!(read_as("region=eu"), said("eu", None));
    assert_eq!(read_as("forget=1"), said("forget", None));
    assert_eq!(
        read_as("return=%2Frecent%3Fa%3Db%2526c&region=us&other=x"),
        said("us", Some("/recent?a=b%26c"))
    );
    assert_eq!(read_as("&&region=%65%75&return="), said("eu", None));
}

#[test]
fn says_what_is_wrong() {
    for (body, fault) in [
        ("", FormFault::Empty),
        ("return=/a", FormFault::Empty),
        ("forget=0", FormFault::Empty),
        ("forget", FormFault::Empty),
        ("Region=eu", FormFault::Empty),
        ("region=mars", FormFault::UnknownRegion),
        ("region=", FormFault::UnknownRegion),
        ("region=EU", FormFault::UnknownRegion),
        ("region=eu+", FormFault::UnknownRegion),
        ("region=eu&region=us", FormFault::Ambiguous),
        ("region=eu&region=eu", FormFault::Ambiguous),
        ("region=eu&forget=1", FormFault::Ambiguous),
        ("forget=1&forget=1", FormFault::Ambiguous),
        ("region=eu&return=/a&return=/b", FormFault::Ambiguous),
        ("region=eu&return=//example.org", FormFault::OffSite),
        ("region=eu&return=%2F%2Fexample.org", FormFault::OffSite),
        ("region=eu&return=https://example.org", FormFault::OffSite),
        ("forget=1&return=/%255Cexample.org", FormFault::OffSite),
    ] {
        assert_eq!(read_as(body), Err(fault), "{body}");
    }
}

#[test]
fn only_a_form_is_a_form() {
    let one = |value: &'static str| is_form([value.as_bytes()].into_iter());
    assert!(one("application/x-www-form-urlencoded"));
    assert!(one("Application/X-WWW-Form-Urlencoded ; charset=UTF-8"));
    for other in [
        "",
        "text/plain",
        "application/json",
        "multipart/form-data; boundary=x",
        "application/x-www-form-urlencoded2",
        "text/plain; application/x-www-form-urlencoded",
    ] {
        assert!(!one(other), "{other}");
    }
    assert!(!is_form(std::iter::empty()));
    let form = b"application/x-www-form-urlencoded".as_slice();
    assert!(!is_form([form, form].into_iter()));
}

#[test]
fn the_pages_own_query_may_name_a_way_back() {
    let way = |query| back(query).map(|back| back.as_str().to_owned());
    assert_eq!(way("return=/a%3Fb"), Some("/a?b".to_owned()));
    assert_eq!(way("x=1&return=%2Fa"), Some("/a".to_owned()));
    for none in [
        "",
        "return",
        "return=//a",
        "return=/a&return=/a",
        "Return=/a",
    ] {
        assert_eq!(way(none), None, "{none}");
    }
}

#[test]
fn labels_are_unique() {
    let labels: std::collections::HashSet<_> =
        FormFault::ALL.into_iter().map(FormFault::label).collect();
    assert_eq!(labels.len(), FormFault::ALL.len());
}

/// Pieces from which forms, and ways out, are made.
fn forms() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "region=eu",
        "region=",
        "region",
        "forget=1",
        "forget",
        "return=",
        "return=/",
        "&",
        "=",
        "/",
        "//",
        "%2F",
        "%5C",
        "\\",
        "%25",
        "%09",
        "%0D%0A",
        "..",
        "example.org",
        "https:",
        "@",
        "+",
        "%",
        "2f",
        "#",
        "?",
        "é",
        "\0",
        "a",
    ]);
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_form_leads_off_the_site(body in forms()) {
        let base = Url::parse("https://onetimesecret.com/region").expect("an address");
        let regions = regions();
        let backs = [read(body.as_bytes(), &regions).ok().and_then(|form| form.back), back(&body)];
        for back in backs.into_iter().flatten() {
            let url = base.join(back.as_str()).expect("a reference");
            prop_assert_eq!(url.origin(), base.origin());
            prop_assert!(back.as_str().bytes().all(|byte| byte.is_ascii_graphic()));
        }
    }

    #[test]
    fn what_a_browser_encodes_is_read(path in "/[a-z]{1,6}(\\?[a-z]=[a-z&%]{0,6})?", choose: bool) {
        let (name, value) = if choose { ("region", "ca") } else { ("forget", "1") };
        let body = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("return", &path)
            .append_pair(name, value)
            .finish();
        let wish = if choose { "ca" } else { "forget" };
        let expected = if ReturnPath::parse(path.as_bytes()).is_some() {
            Ok((wish.to_owned(), Some(path)))
        } else {
            Err(FormFault::OffSite)
        };
        prop_assert_eq!(read_as(&body), expected);
    }

    #[test]
    fn never_panics(body in prop::collection::vec(any::<u8>(), 0..80)) {
        let _ = read(&body, &regions());
    }
}
