//! Look-ups: a region's answer is read without panic and as a second reader reads it, a call holds
//! the key and nothing else of the input, and what the answers come to never depends on their order.

use onetime_gateway::lookup::{Generation, Kind, Said, Verdict, said, verdict};
use onetime_gateway::region::key::Key;
use serde_json::Value;

use super::flags;

pub fn holds(data: &[u8]) {
    let Some((flags, body)) = flags(data) else {
        return;
    };
    let status = if flags & 1 == 0 { 200 } else { 404 };
    for generation in [Generation::Current, Generation::V023] {
        let read = said(generation, status, body);
        if status != 200 {
            assert_eq!(read, Said::CannotSay);
            continue;
        }
        assert_eq!(read, plainly(generation, body), "{generation:?}");
    }
    if let Some(key) = std::str::from_utf8(body).ok().and_then(Key::from_segment) {
        calls(&key);
    }
    order(body);
}

/// The same by way of the text that the value is written as.
fn plainly(generation: Generation, body: &[u8]) -> Said {
    let Ok(Value::Object(answer)) = serde_json::from_slice(body) else {
        return Said::CannotSay;
    };
    match generation {
        Generation::Current => {
            let Some(Value::Array(records)) = answer.get("records") else {
                return Said::CannotSay;
            };
            let count = match answer.get("count") {
                Some(Value::String(text)) => text.strip_prefix('+').unwrap_or(text).to_owned(),
                Some(Value::Number(number)) => number.to_string(),
                _ => return Said::CannotSay,
            };
            let is = |number: &str| {
                !count.is_empty() && count.trim_start_matches('0') == number.trim_start_matches('0')
            };
            match records.len() {
                0 if is("0") => Said::NotHere,
                1 if is("1") => Said::Here,
                _ => Said::CannotSay,
            }
        }
        Generation::V023 => match &answer.get("record").unwrap_or(&Value::Null)["state"] {
            Value::String(state) if state == "unknown" => Said::NotHere,
            Value::String(state)
                if !state.is_empty() && state.chars().all(|c| c.is_ascii_lowercase()) =>
            {
                Said::Here
            }
            _ => Said::CannotSay,
        },
    }
}

fn calls(key: &Key) {
    let text = std::str::from_utf8(key.reveal()).expect("ASCII");
    for kind in [Kind::Secret, Kind::Receipt] {
        for generation in [Generation::Current, Generation::V023] {
            let Some(call) = kind.call(generation, key) else {
                assert_eq!((kind, generation), (Kind::Receipt, Generation::V023));
                continue;
            };
            assert!(call.path.starts_with("/api/"));
            assert!(
                call.path
                    .bytes()
                    .all(|byte| byte.is_ascii_graphic() && byte != b'?')
            );
            match &call.content {
                None => assert_eq!(*call.path, format!("/api/v2/secret/{text}/status")),
                Some((content_type, content)) => {
                    let content = std::str::from_utf8(content).expect("ASCII");
                    if content_type.ends_with("json") {
                        let value: Value = serde_json::from_str(content).expect("JSON");
                        assert_eq!(value["identifiers"], serde_json::json!([text]));
                    } else {
                        assert_eq!(content, format!("identifiers={text}"));
                    }
                }
            }
        }
    }
}

/// Each byte is what one region says.
fn order(bytes: &[u8]) {
    let said: Vec<(usize, Said)> = bytes
        .iter()
        .take(16)
        .map(|byte| match byte % 3 {
            0 => Said::Here,
            1 => Said::NotHere,
            _ => Said::CannotSay,
        })
        .enumerate()
        .collect();
    let here: Vec<usize> = said
        .iter()
        .filter(|(_, said)| *said == Said::Here)
        .map(|(region, _)| *region)
        .collect();
    let all_say = said.iter().all(|(_, said)| *said != Said::CannotSay);
    let expected = match here.as_slice() {
        [] if all_say => Verdict::Nowhere,
        [one] => Verdict::At(*one),
        _ => Verdict::Unclear,
    };
    assert_eq!(verdict(said.iter().copied()), expected);
    assert_eq!(verdict(said.iter().rev().copied()), expected);
}
