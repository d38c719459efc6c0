//! A region's head: what is accepted says to a second reader what it said to us, and what the client
//! is sent of it is a head that says the gateway's own words once, frames nothing and keeps the rest.

use onetime_gateway::headers::request::Cookies;
use onetime_gateway::headers::response::{Downward, says_close, says_keep_alive};
use onetime_gateway::http1::head::EndFinder;
use onetime_gateway::http1::request::field_space;
use onetime_gateway::http1::response::{ResponseHead, parse};
use onetime_gateway::http1::{Framing, HeadLimits, Version};

use super::flags;
use super::simple::{Announced, Head};

const LIMITS: HeadLimits = HeadLimits {
    bytes: 8192,
    fields: 64,
    target: 0,
};

pub fn holds(data: &[u8]) {
    let Some((flags, input)) = flags(data) else {
        return;
    };
    let Ok(Some(span)) = EndFinder::default().find(input, LIMITS.bytes) else {
        return;
    };
    let bytes = &input[span.start..span.end];
    let to_head = flags & 1 == 1;
    let mut space = field_space();
    let simple = Head::read(bytes);
    let Ok(head) = parse(bytes, &mut space, &LIMITS, to_head) else {
        if let Some(simple) = simple {
            let fine = simple.status().is_some() && simple.announced().is_some();
            assert!(
                !fine || simple.fields.len() > LIMITS.fields,
                "refused without need"
            );
        }
        return;
    };
    let simple = simple.expect("the simple reader refuses it");
    agrees(&head, &simple, to_head);
    let _ = (says_close(head.fields), says_keep_alive(head.fields));
    let cookies = if flags & 2 == 0 {
        Cookies::Forward
    } else {
        Cookies::Withhold
    };
    downward(&head, &simple, cookies, flags & 4 != 0);
}

fn agrees(head: &ResponseHead<'_, '_>, simple: &Head, to_head: bool) {
    let (status, is_11) = simple.status().expect("a status");
    assert_eq!(head.status, status);
    assert_eq!(head.version == Version::Http11, is_11);
    let fields = head.fields.iter();
    let fields: Vec<_> = fields
        .map(|field| (field.name.to_ascii_lowercase(), field.value.to_vec()))
        .collect();
    assert_eq!(fields, simple.fields);
    let announced = simple.announced().expect("one framing");
    let framing = match announced {
        _ if to_head || status < 200 || status == 204 || status == 304 => Framing::Empty,
        Announced::Chunked => Framing::Chunked,
        Announced::Length(length) => Framing::Length(length),
        Announced::Nothing => Framing::UntilClose,
    };
    assert_eq!(head.framing, framing);
    let length = match announced {
        Announced::Length(length) => Some(length),
        _ => None,
    };
    assert_eq!(head.announced, length);
}

fn downward(head: &ResponseHead<'_, '_>, simple: &Head, cookies: Cookies, keep_trailer: bool) {
    let own_cookie = ["__Host-ots-region=; Max-Age=0".to_owned()];
    let downward = Downward {
        asset: false,
        region: "eu",
        reason: "geo",
        request_id: "an-id",
        pseudonym: "a-gateway",
        hsts: Some("max-age=1"),
        cookies,
        set_cookies: &own_cookie,
        notices: &[],
        date: "now",
    };
    let mut out = b"HTTP/1.1 200 \r\n".to_vec();
    downward.each(head.fields, keep_trailer, |name, value| {
        onetime_gateway::headers::request::write_field(&mut out, name, value);
    });
    out.extend_from_slice(b"\r\n");
    let sent = Head::read(&out).expect("what the client is sent is a head");
    for (name, value) in [
        ("o-region", "eu"),
        ("o-region-reason", "geo"),
        ("o-delivery", "executed"),
        ("x-request-id", "an-id"),
        ("via", "1.1 a-gateway"),
    ] {
        assert_eq!(sent.values(name), [value.as_bytes()], "{name}");
    }
    for name in [
        "content-length",
        "transfer-encoding",
        "connection",
        "keep-alive",
        "upgrade",
        "te",
    ] {
        assert!(
            sent.values(name).is_empty(),
            "{name} is the framer's to write"
        );
    }
    assert!(!sent.values("date").is_empty() && !sent.values("cache-control").is_empty());
    if cookies == Cookies::Withhold {
        assert_eq!(sent.values("set-cookie"), [own_cookie[0].as_bytes()]);
    }
    let own = [
        "cache-control",
        "date",
        "o-delivery",
        "o-region",
        "o-region-reason",
        "set-cookie",
        "strict-transport-security",
        "via",
        "x-request-id",
    ];
    for field in &sent.fields {
        let known = own.contains(&field.0.as_str()) || simple.fields.contains(field);
        assert!(known, "a field from nowhere: {}", field.0);
    }
}
