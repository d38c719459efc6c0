//! A payload, what it protects, and its run: sent whole and byte by byte, followed by an honest
//! request on the same connection.

use super::gateway::World;
use super::shown;

/// What must become of a payload.
#[derive(Clone, Debug)]
pub(crate) enum Want {
    /// Refused with this status; the connection ends, nothing reaches a region, and neither does
    /// the honest request behind it.
    Refused(u16),
    /// Refused with this status once its body goes wrong; the connection ends, and no region sees
    /// a whole request, neither this one nor the honest one behind it.
    Broken(u16),
    /// Answered by the gateway with this status; nothing reaches a region, and the honest request
    /// behind it is served.
    Answered(u16),
    /// One region sees exactly this, once, and the honest request behind it is served.
    Forwarded(&'static str, &'static str, &'static [u8]),
    /// The same, but the connection ends after it.
    Last(&'static str, &'static str, &'static [u8]),
}

/// Bytes that somebody hostile, or just odd, might send. `~~` stands for a mark of its own.
pub(crate) struct Payload {
    pub(crate) bytes: Vec<u8>,
    pub(crate) want: Want,
}

/// A payload.
pub(crate) fn payload(want: Want, bytes: impl AsRef<[u8]>) -> Payload {
    Payload {
        bytes: bytes.as_ref().to_vec(),
        want,
    }
}

/// A POST with these field lines, each with its line end, and this body.
pub(crate) fn post(want: Want, fields: &str, body: &str) -> Payload {
    let head = "POST /api/v2/~~ HTTP/1.1\r\nHost: eu.test\r\n";
    payload(want, format!("{head}{fields}\r\n{body}"))
}

/// A GET with these field lines.
pub(crate) fn get(want: Want, fields: &str) -> Payload {
    let head = "GET /api/v2/~~ HTTP/1.1\r\nHost: eu.test\r\n";
    payload(want, format!("{head}{fields}\r\n"))
}

/// A GET of this target.
pub(crate) fn target(want: Want, target: &str) -> Payload {
    let head = format!("GET {target} HTTP/1.1\r\nHost: eu.test\r\n\r\n");
    payload(want, head)
}

/// Payloads that attack the same promise.
pub(crate) struct Table {
    /// The promise.
    pub(crate) protects: &'static str,
    /// The attacks.
    pub(crate) payloads: Vec<Payload>,
}

/// Longer payloads are not sent byte by byte.
const MOST_DRIBBLED: usize = 1500;

/// Runs every payload of every table against one gateway; all failures at once.
pub(crate) fn run(tables: Vec<Table>) -> usize {
    let world = World::new();
    let count = tables.iter().map(|table| table.payloads.len()).sum();
    let mut failures = Vec::new();
    let mut served = 0;
    for (t, table) in tables.iter().enumerate() {
        for (p, payload) in table.payloads.iter().enumerate() {
            for whole in [true, false] {
                if !whole && payload.bytes.len() > MOST_DRIBBLED {
                    continue;
                }
                let mark = format!("n{t:02}p{p:03}{}", if whole { 'w' } else { 'b' });
                match attempt(&world, payload, &mark, whole) {
                    Ok(count) => served += count,
                    Err(what) => failures.push(format!(
                        "{}\n  {}\n  whole: {whole}, want {:?}\n  {what}",
                        table.protects,
                        shown(&payload.bytes),
                        payload.want,
                    )),
                }
            }
        }
    }
    let (eu, us) = (world.eu.clone(), world.us.clone());
    failures.extend(world.end());
    assert!(
        failures.is_empty(),
        "{} failures\n{}",
        failures.len(),
        failures.join("\n")
    );
    assert_eq!(eu.count(), served, "requests that nobody can account for");
    assert_eq!(us.count(), 0, "requests in the wrong region");
    assert!(eu.seen("/smuggled").is_empty(), "a smuggled request");
    count
}

/// How many requests were served.
fn attempt(world: &World, payload: &Payload, mark: &str, whole: bool) -> Result<usize, String> {
    let path = format!("/api/v2/{mark}");
    let probe = format!("/api/v2/probe-{mark}");
    let mut bytes = replace(&payload.bytes, b"~~", mark.as_bytes());
    let honest = format!("GET {probe} HTTP/1.1\r\nHost: eu.test\r\nConnection: close\r\n\r\n");
    bytes.extend_from_slice(honest.as_bytes());
    let mut client = world.door.open();
    if whole {
        client.send(&bytes);
    } else {
        client.dribble(&bytes);
    }
    let answers = client.answers()?;
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status()).collect();
    let got = format!("got {statuses:?}");
    let (arrived, followed) = (world.eu.seen(&path), world.eu.seen(&probe));
    match &payload.want {
        Want::Refused(status) | Want::Broken(status) => {
            let closed = answers.last().is_some_and(|answer| answer.says_close());
            check(statuses == [*status] && closed, &got)?;
            check(followed.is_empty(), "the next request was served")?;
            check(arrived.is_empty(), "it arrived")?;
            if matches!(payload.want, Want::Refused(_)) {
                check(!world.eu.received(mark.as_bytes()), "some of it arrived")?;
            }
            Ok(0)
        }
        Want::Answered(status) => {
            check(statuses == [*status, 200], &got)?;
            check(followed.len() == 1, "the next request was lost")?;
            check(arrived.is_empty(), "it arrived")?;
            Ok(1)
        }
        Want::Forwarded(method, target, body) | Want::Last(method, target, body) => {
            let last = matches!(payload.want, Want::Last(..));
            let wanted: &[u16] = if last { &[200] } else { &[200, 200] };
            check(statuses == wanted, &got)?;
            check(
                followed.len() == usize::from(!last),
                "the next request was lost",
            )?;
            let [seen] = arrived.as_slice() else {
                return Err(format!("it arrived {} times", arrived.len()));
            };
            let target = target.replace("~~", mark);
            check(seen.request.method() == *method, &seen.request.start)?;
            check(seen.request.target() == target, &seen.request.start)?;
            check(seen.request.body == *body, &shown(&seen.request.body))?;
            let echo = answers.first().and_then(|answer| answer.field("x-echo"));
            check(echo == Some(&target), "somebody else's answer")?;
            Ok(wanted.len())
        }
    }
}

fn check(fine: bool, what: &str) -> Result<(), String> {
    if fine { Ok(()) } else { Err(what.to_owned()) }
}

fn replace(bytes: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = bytes;
    while let Some(at) = super::find(rest, old) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(new);
        rest = &rest[at + old.len()..];
    }
    out.extend_from_slice(rest);
    out
}
