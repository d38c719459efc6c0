//! The form of `/region`: a second reader finds the same choice, and no way back leads to another
//! site, however often it is decoded.

use onetime_gateway::page::form::{Form, FormFault, MOST_BYTES, Wish, back, is_form, read};
use onetime_gateway::region::{RegionDefinition, Regions};
use url::{Url, form_urlencoded};

pub fn holds(data: &[u8]) {
    let _ = is_form([data].into_iter());
    if data.len() as u64 > MOST_BYTES {
        return;
    }
    let definition = |name: &str| RegionDefinition {
        name: name.to_owned(),
        jurisdiction: "EU".to_owned(),
        host: format!("{name}.example.com"),
    };
    let regions = Regions::new(&[definition("eu"), definition("us")]).expect("two regions");
    let fields: Vec<_> = form_urlencoded::parse(data).collect();
    let of = |name: &str| -> Vec<&str> {
        let named = fields.iter().filter(|(known, _)| known == name);
        named.map(|(_, value)| value.as_ref()).collect()
    };
    let (chosen, forgotten, return_to) = (of("region"), of("forget"), of("return"));
    match read(data, &regions) {
        Ok(form) => {
            agrees(&form, &regions, &chosen, &forgotten);
            match &form.back {
                Some(path) => {
                    assert_eq!(return_to, [path.as_str()]);
                    stays(path.as_str());
                }
                None => assert!(return_to.is_empty() || return_to == [""]),
            }
            assert!(
                !format!("{form:?}").contains('/'),
                "a way back is not shown"
            );
        }
        Err(FormFault::Ambiguous) => {
            let several = [&chosen, &forgotten, &return_to]
                .iter()
                .any(|all| all.len() > 1);
            assert!(several || (!chosen.is_empty() && !forgotten.is_empty()));
        }
        Err(FormFault::OffSite) => assert_eq!(return_to.len(), 1),
        Err(FormFault::UnknownRegion) => assert_eq!(chosen.len(), 1),
        Err(FormFault::Empty) => assert!(chosen.is_empty()),
        Err(FormFault::NoForm) => panic!("that is said of the content type"),
    }
    if let Ok(query) = std::str::from_utf8(data)
        && let Some(path) = back(query)
    {
        stays(path.as_str());
        assert_eq!(return_to, [path.as_str()]);
    }
}

fn agrees(form: &Form, regions: &Regions, chosen: &[&str], forgotten: &[&str]) {
    match form.wish {
        Wish::Choose(region) => {
            assert_eq!(chosen, [regions.get(region).name().as_str()]);
            assert!(forgotten.is_empty());
        }
        Wish::Forget => {
            assert_eq!(forgotten, ["1"]);
            assert!(chosen.is_empty());
        }
    }
}

/// As browsers read it, now and decoded once, twice, three times.
fn stays(path: &str) {
    assert!(path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_graphic()));
    let base = Url::parse("https://example.com/region").expect("an address");
    let mut text = path.to_owned();
    for _ in 0..4 {
        let url = base.join(&text).expect("a reference");
        assert_eq!(url.origin(), base.origin(), "it leaves the site");
        let decoded = percent_encoding::percent_decode_str(&text).decode_utf8_lossy();
        text = decoded.into_owned();
    }
}
