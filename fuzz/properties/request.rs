//! Request admission, from bytes to verdict: what is accepted says to a second reader what it said
//! to us; what a region is sent is one honest head about the same request with the gateway's own
//! truth in it; what the client is answered holds no injected line and leads to no other site.

use std::net::SocketAddr;
use std::rc::Rc;

use onetime_gateway::http1::head::EndFinder;
use onetime_gateway::http1::request::{RequestHead, field_space, parse};
use onetime_gateway::http1::{Fault, Framing, HeadLimits, Version};
use onetime_gateway::proxy::answer::Answer;
use onetime_gateway::proxy::arrival::{Arrival, Protocol, Scheme, Target};
use onetime_gateway::proxy::circuit::Circuit;
use onetime_gateway::proxy::forward::Forward;
use onetime_gateway::proxy::refusal::Refusal;
use onetime_gateway::proxy::worker::Worker;
use onetime_gateway::proxy::{Verdict, plan, refuse_unread};
use onetime_gateway::region::Reason;
use onetime_gateway::region::pin::{CookieNames, Sent};

use super::flags;
use super::simple::{Announced, Head, is_text};
use super::world::{HOSTS, worker};

const LIMITS: HeadLimits = HeadLimits {
    bytes: 8192,
    fields: 64,
    target: 2048,
};

/// The host that the region's endpoint is sent.
const ENDPOINT: &str = "endpoint.internal:1";

pub fn holds(data: &[u8]) {
    let Some((flags, input)) = flags(data) else {
        return;
    };
    let worker = worker();
    let circuit = circuit(flags);
    let refused = |fault: Fault| {
        let view = worker.view();
        let planned = refuse_unread(Refusal::BadMessage(fault), input, &circuit, &view, &worker);
        if let Verdict::Answer(answer) = planned.verdict {
            answered(&answer, None);
        }
    };
    let found = EndFinder::default().find(input, LIMITS.bytes);
    in_pieces(
        input,
        usize::from(flags >> 4) + 1,
        found.is_ok_and(|span| span.is_some()),
    );
    let span = match found {
        Ok(Some(span)) => span,
        Ok(None) => return,
        Err(fault) => return refused(fault),
    };
    let bytes = &input[span.start..span.end];
    let mut space = field_space();
    let simple = Head::read(bytes);
    match parse(bytes, &mut space, &LIMITS) {
        Ok(head) => {
            let simple = simple.expect("the simple reader refuses it");
            agrees(&head, &simple);
            judged(&head, &simple, flags, &circuit, &worker);
        }
        Err(fault) => {
            if let Some(simple) = simple
                && let Some((_, target, _)) = simple.request()
            {
                let fine = simple.announced().is_some()
                    && target.len() <= LIMITS.target
                    && simple.fields.len() <= LIMITS.fields;
                assert!(!fine, "refused without need: {fault}");
            }
            refused(fault);
        }
    }
}

fn circuit(flags: u8) -> Circuit {
    let peer: SocketAddr = if flags & 2 == 0 {
        "203.0.113.9:4711".parse().expect("an address")
    } else {
        "10.0.0.1:4711".parse().expect("an address")
    };
    Circuit {
        scheme: if flags & 1 == 0 {
            Scheme::Https
        } else {
            Scheme::Http
        },
        tls: Some("1.3"),
        server_name: Some(HOSTS[0].into()),
        ..Circuit::plain(peer, true)
    }
}

/// The end of a head is found in the same place however it arrives.
fn in_pieces(input: &[u8], step: usize, found: bool) {
    let mut finder = EndFinder::default();
    let mut end = 0;
    while end < input.len() {
        end = (end + step).min(input.len());
        match finder.find(&input[..end], LIMITS.bytes) {
            Ok(None) => {}
            Ok(Some(span)) => {
                let whole = EndFinder::default().find(input, LIMITS.bytes);
                return assert_eq!(whole, Ok(Some(span)));
            }
            Err(_) => return assert!(!found, "an end that is found only at once"),
        }
    }
    assert!(!found, "an end that is found only at once");
}

fn agrees(head: &RequestHead<'_, '_>, simple: &Head) {
    let (method, target, is_11) = simple.request().expect("a request line");
    assert_eq!(head.method.as_bytes(), method);
    assert_eq!(head.target.as_bytes(), target);
    assert_eq!(head.version == Version::Http11, is_11);
    let fields = head.fields.iter();
    let fields: Vec<_> = fields
        .map(|field| (field.name.to_ascii_lowercase(), field.value.to_vec()))
        .collect();
    assert_eq!(fields, simple.fields);
    let framing = match simple.announced().expect("one framing") {
        Announced::Chunked => Framing::Chunked,
        Announced::Length(length) => Framing::Length(length),
        Announced::Nothing => Framing::Empty,
    };
    assert_eq!(head.framing, framing);
}

fn judged(
    head: &RequestHead<'_, '_>,
    simple: &Head,
    flags: u8,
    circuit: &Circuit,
    worker: &Rc<Worker>,
) {
    let host = simple.values("host").first().copied();
    let host = host.and_then(|host| std::str::from_utf8(host).ok());
    let (protocol, authority) = match head.version {
        Version::Http10 => (Protocol::Http10, None),
        // Also as HTTP/2 brings it: with an authority beside, or instead of, `Host`.
        Version::Http11 if flags & 8 != 0 => (Protocol::Http2, host.or(Some(HOSTS[0]))),
        Version::Http11 => (Protocol::Http11, None),
    };
    let arrival = Arrival {
        method: head.method,
        target: head.target,
        authority,
        scheme: authority.map(|_| "https"),
        fields: head.fields,
        protocol,
        framing: head.framing,
        circuit,
    };
    let (planned, _) = plan(&arrival, &worker.view(), worker);
    match planned.verdict {
        Verdict::Answer(answer) => answered(&answer, host.or(authority)),
        Verdict::Collect(_) => assert_eq!(head.method, "POST"),
        Verdict::Forward(forward) => {
            assert_eq!(
                circuit.scheme,
                Scheme::Https,
                "plain HTTP is never forwarded"
            );
            forwarded(&forward, &arrival, simple);
        }
    }
}

/// What the region would be sent.
fn forwarded(forward: &Forward, arrival: &Arrival<'_>, simple: &Head) {
    let mut out = Vec::new();
    forward.errand.head.write(ENDPOINT, &mut out);
    let sent = Head::read(&out).expect("what a region is sent is a head");
    let (method, target, is_11) = sent.request().expect("a request line");
    assert!(is_11);
    assert_eq!(method, arrival.method.as_bytes());
    let asked = Target::parse(arrival.target).expect("a target");
    assert_eq!(target, asked.origin.as_bytes());
    assert!(target.starts_with(b"/"));

    let one = |name: &str| match sent.values(name).as_slice() {
        [value] => value.to_vec(),
        values => panic!("{name} stands {} times", values.len()),
    };
    assert_eq!(one("host"), ENDPOINT.as_bytes());
    assert_eq!(one("x-forwarded-host"), ENDPOINT.as_bytes());
    assert_eq!(one("x-forwarded-proto"), b"https");
    assert_eq!(one("x-forwarded-for"), one("x-real-ip"));
    let client = String::from_utf8(one("x-real-ip")).expect("text");
    assert!(client.parse::<std::net::IpAddr>().is_ok());
    assert_eq!(one("x-request-id"), forward.down.request_id.as_bytes());
    assert!(one("via").ends_with(format!(" {}", forward.down.view.pseudonym()).as_bytes()));

    let announced = sent.announced().expect("one framing");
    let same = match arrival.framing {
        Framing::Chunked => announced == Announced::Chunked,
        Framing::Length(length) => announced == Announced::Length(length),
        _ => matches!(announced, Announced::Nothing | Announced::Length(0)),
    };
    assert!(same, "{announced:?} for {:?}", arrival.framing);
    let named = sent.values("connection");
    assert!(named.is_empty() || named == [b"TE"]);

    let ours = [
        "connection",
        "content-length",
        "cookie",
        "expect",
        "host",
        "te",
        "transfer-encoding",
        "via",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-real-ip",
        "x-request-id",
    ];
    for field in &sent.fields {
        let name = field.0.as_str();
        if ours.contains(&name) {
            continue;
        }
        assert!(
            simple.fields.contains(field),
            "a field from nowhere: {name}"
        );
        let forges = ["x-forwarded-", "cf-", "cdn-", "o-region-"];
        assert!(
            !name.contains('_')
                && name != "o-region"
                && !forges.iter().any(|start| name.starts_with(start))
        );
    }
    cookies(forward, &sent);
    host_decides(forward, arrival, simple);
}

fn cookies(forward: &Forward, sent: &Head) {
    let names: &CookieNames = forward.down.view.cookie_names();
    let values = sent.values("cookie");
    assert!(values.len() <= 1);
    let own = names.read(values.into_iter());
    assert!(own.pin == Sent::Nothing && own.sticky == Sent::Nothing);
    for cookie in &forward.down.set_cookies {
        assert!(cookie.bytes().all(is_text));
    }
}

/// A region's own host goes to that region, whatever else the request says.
fn host_decides(forward: &Forward, arrival: &Arrival<'_>, simple: &Head) {
    let named = Target::parse(arrival.target).and_then(|target| target.authority);
    let named = named.or(arrival.authority).map(str::as_bytes);
    let host = simple.values("host").first().copied().or(named);
    let host = String::from_utf8_lossy(host.expect("a host")).to_ascii_lowercase();
    let name = host
        .split(':')
        .next()
        .unwrap_or_default()
        .trim_end_matches('.');
    assert!(HOSTS.contains(&name), "forwarded for {name}");
    let region = forward.down.view.region_name(forward.down.region.get());
    match name {
        "eu.example.com" => assert_eq!(region, "eu"),
        "us.example.com" | "alias.example.org" => assert_eq!(region, "us"),
        _ => bare(forward, simple, region),
    }
}

/// On the bare host the caller's own word decides, and cookies stay here.
fn bare(forward: &Forward, simple: &Head, region: &str) {
    let mut out = Vec::new();
    forward.errand.head.write(ENDPOINT, &mut out);
    let sent = Head::read(&out).expect("a head");
    assert!(
        sent.values("cookie").is_empty(),
        "cookies go to some region"
    );
    let reason = forward.down.reason;
    if reason == Reason::Key {
        return assert_eq!(region, "eu", "the only region with an identifier secret");
    }
    match simple.values("o-region").as_slice() {
        [] if reason != Reason::PinCookie && !simple.values("authorization").is_empty() => {
            assert_eq!((region, reason), ("us", Reason::Credentials));
        }
        [] => assert_ne!(reason, Reason::PinHeader),
        [pin] => assert_eq!((region.as_bytes(), reason), (*pin, Reason::PinHeader)),
        pins => panic!("{} pins, and it was forwarded", pins.len()),
    }
    let cookies = simple.values("cookie").concat();
    if reason == Reason::PinCookie {
        let name = forward.down.view.cookie_names().pin();
        let found = cookies
            .windows(name.len())
            .any(|part| part == name.as_bytes());
        assert!(found, "a choice that nobody made");
    }
}

/// What the client would be told.
fn answered(answer: &Answer, asked: Option<&str>) {
    assert!((200..600).contains(&answer.status));
    for (name, value) in &answer.fields {
        assert!(value.bytes().all(is_text), "{name}");
        if *name != "Location" {
            continue;
        }
        let url = url::Url::parse(value).expect("an address");
        let host = url.host_str().expect("a host").trim_end_matches('.');
        assert!(HOSTS.contains(&host), "sent to {host}, asked {asked:?}");
        assert_eq!(url.scheme(), "https");
        assert!(url.username().is_empty() && url.password().is_none());
    }
}
