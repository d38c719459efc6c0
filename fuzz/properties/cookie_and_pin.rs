//! The gateway's cookies and the pin header: what is taken out is exactly what is read, a second
//! reader agrees, and nothing prints a value.

use std::collections::BTreeSet;

use onetime_gateway::region::RegionName;
use onetime_gateway::region::pin::{CookieNames, Sent};

use super::simple::{is_text, trimmed};

pub fn holds(data: &[u8]) {
    // Field values: nothing else comes through the head's reader.
    let fields: Vec<&[u8]> = data.split(|byte| *byte == b'\n').map(trimmed).collect();
    if !fields
        .iter()
        .all(|value| value.iter().all(|byte| is_text(*byte)))
    {
        return;
    }
    let names = CookieNames::default();
    let own = names.read(fields.iter().copied());
    let pairs = pairs(&fields);
    for (sent, name) in [(own.pin, names.pin()), (own.sticky, names.sticky())] {
        let values: BTreeSet<&[u8]> = pairs
            .iter()
            .filter(|(known, _)| *known == name.as_bytes())
            .map(|(_, value)| *value)
            .collect();
        let expected = match values.len() {
            0 => Sent::Nothing,
            1 => Sent::One(values.first().expect("one")),
            _ => Sent::Several,
        };
        assert!(sent == expected, "{name}: {sent:?}, not {expected:?}");
    }

    let mut kept = Vec::new();
    let any = names.foreign(fields.iter().copied(), &mut kept);
    assert_eq!(any, own.foreign);
    assert_eq!(any, !kept.is_empty());
    assert!(kept.iter().all(|byte| is_text(*byte)));
    let again = names.read([kept.as_slice()].into_iter());
    assert!(again.pin == Sent::Nothing && again.sticky == Sent::Nothing);
    let mut twice = Vec::new();
    names.foreign([kept.as_slice()].into_iter(), &mut twice);
    assert_eq!(twice, kept, "taking out twice is taking out once");

    let header = Sent::header(fields.iter().copied());
    match (fields.as_slice(), header) {
        ([value], Sent::One(read)) => assert_eq!(read, *value),
        ([_, _, ..], Sent::Several) => {}
        (fields, header) => panic!("{header:?} of {} fields", fields.len()),
    }
    let shown = format!("{own:?} {header:?}");
    assert!(
        shown.len() < 120,
        "a Debug that grows with its value: {shown}"
    );

    // A name that may be chosen makes a cookie that says this and nothing more.
    if let Ok(name) = std::str::from_utf8(data)
        && let Ok(region) = RegionName::new(name)
    {
        let set = names.set_pin(&region);
        let pair = set.split(';').next().expect("a pair");
        assert!(names.read([pair.as_bytes()].into_iter()).pin == Sent::One(name.as_bytes()));
        assert!(
            set.bytes().all(is_text) && set.matches(';').count() == 5,
            "{set}"
        );
    }
}

/// Name and value of every cookie.
fn pairs<'a>(fields: &[&'a [u8]]) -> Vec<(&'a [u8], &'a [u8])> {
    let all = fields
        .iter()
        .flat_map(|field| field.split(|byte| *byte == b';'));
    all.map(|pair| {
        let mut parts = pair.splitn(2, |byte| *byte == b'=');
        let mut next = || trimmed(parts.next().unwrap_or_default());
        (next(), next())
    })
    .collect()
}
