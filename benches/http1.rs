//! What the strict reading of a head costs: finding its end, parsing it, reading its facts and
//! writing the region's head.

#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a benchmark that cannot go on has failed"
)]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use onetime_gateway::headers::request::{Cookies, Facts, Outbound};
use onetime_gateway::http1::HeadLimits;
use onetime_gateway::http1::head::EndFinder;
use onetime_gateway::http1::request::{field_space, parse};
use onetime_gateway::region::pin::CookieNames;

/// What a browser sends: 15 fields, some 600 bytes.
const HEAD: &[u8] = b"POST /api/v1/share HTTP/1.1\r\n\
    Host: onetimesecret.com\r\nConnection: keep-alive\r\nContent-Length: 1024\r\n\
    sec-ch-ua: \"Chromium\";v=\"156\", \"Not A Brand\";v=\"99\"\r\nsec-ch-ua-mobile: ?0\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36\r\n\
    Content-Type: application/x-www-form-urlencoded\r\nAccept: application/json\r\n\
    Origin: https://onetimesecret.com\r\nSec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: cors\r\n\
    Sec-Fetch-Dest: empty\r\nAccept-Encoding: gzip, deflate, br\r\nAccept-Language: en-GB,en;q=0.9\r\n\
    Cookie: __Host-ots-region=eu\r\n\r\n";

const LIMITS: HeadLimits = HeadLimits {
    bytes: 32_768,
    fields: 100,
    target: 12_288,
};

fn bench(c: &mut Criterion) {
    c.bench_function("find the end of a head", |b| {
        b.iter(|| {
            EndFinder::default()
                .find(black_box(HEAD), LIMITS.bytes)
                .unwrap()
        });
    });
    c.bench_function("parse a head", |b| {
        b.iter(|| {
            let mut space = field_space();
            parse(black_box(HEAD), &mut space, &LIMITS)
                .unwrap()
                .fields
                .len()
        });
    });
    let names = CookieNames::new("__Host-ots-region", "__Host-ots-sticky").unwrap();
    let mut space = field_space();
    let head = parse(HEAD, &mut space, &LIMITS).unwrap();
    c.bench_function("read the facts, write the region's head", |b| {
        b.iter(|| {
            let facts = Facts::read(black_box(head.fields), "onetime-gateway");
            let outbound = Outbound {
                method: head.method,
                target: head.target,
                client: "203.0.113.7",
                pseudonym: "onetime-gateway",
                received: "1.1",
                request_id: "01a1fcad-a77a-79fe-8d5d-5543913049f3",
                traceparent: None,
                baggage: false,
                tracestate: false,
                country: None,
                cookies: Cookies::Withhold,
                own_cookies: &names,
                framing: head.framing,
            };
            outbound.write(head.fields, &facts)
        });
    });
}

criterion_group!(benches, bench);
criterion_main!(benches);
