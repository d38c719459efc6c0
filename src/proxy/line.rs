//! One request's line in the access log: a JSON object of what its record holds, and the record
//! cannot hold a path, a query, a key, a field value or a byte of a body.
//!
//! Written by hand into a buffer that is used again: none of the texts needs escaping, for they are
//! labels of ours, names of the configuration, and request ids of a narrow alphabet.

use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use super::arrival::Protocol;
use super::record::{Method, Record};
use super::refusal::Fault;
use crate::config::log::AddressDetail;
use crate::config::name::HostPattern;

/// Appends the line, without a line end. `now` and `wall` are the same moment.
pub fn write(out: &mut String, record: &Record, now: Instant, wall: SystemTime) {
    out.push_str("{\"time\":\"");
    write_time(out, wall);
    text(out, "\",\"request_id\":", record.request_id());
    if let Some(client) = shown(record.client, record.view().config.log.access_address) {
        out.push_str(",\"client\":\"");
        write_address(out, client);
        out.push('"');
    }
    match record.host_pattern() {
        Some(HostPattern::Exact(host)) => text(out, ",\"host\":", host.as_str()),
        Some(HostPattern::Below(host)) => {
            out.push_str(",\"host\":\"*.");
            out.push_str(host.as_str());
            out.push('"');
        }
        None => {}
    }
    let method = Method::LABELS.get(record.method as usize);
    text(out, ",\"method\":", method.copied().unwrap_or("other"));
    option(out, ",\"route\":", record.route.map(|route| route.label()));
    text(
        out,
        ",\"protocol\":",
        record.protocol.map_or("unread", Protocol::label),
    );
    option(out, ",\"tls\":", record.tls);
    if let Some(trace) = record.trace {
        out.push_str(",\"trace_id\":\"");
        for byte in trace.id {
            // Writing to a String cannot fail, here and below.
            let _ = write!(out, "{byte:02x}");
        }
        out.push('"');
    }
    if let Some((region, reason)) = record.decided {
        text(out, ",\"region\":", record.view().region_name(region));
        text(out, ",\"reason\":", reason.label());
    }
    let instead_of = record.replaced;
    let instead_of = instead_of.map(|region| record.view().region_name(region));
    option(out, ",\"instead_of\":", instead_of);
    let journey = record.travelled();
    let endpoint = journey.endpoint.as_ref();
    option(out, ",\"endpoint\":", endpoint.map(|one| one.url.as_str()));
    number(out, ",\"attempts\":", journey.attempts.into());
    number(out, ",\"status\":", record.status.into());
    if let Some(refusal) = record.refusal {
        text(out, ",\"refusal\":", refusal.label());
        text(out, ",\"fault\":", refusal.fault().label());
    }
    if let Some(cause) = record.broken {
        text(out, ",\"broken\":", cause.label());
        if record.refusal.is_none() {
            text(out, ",\"fault\":", Fault::of(cause).label());
        }
    }
    number(out, ",\"bytes_in\":", record.bytes_in);
    number(out, ",\"bytes_out\":", record.bytes_out);
    times(out, record, now);
    out.push('}');
}

/// The time of the whole and whose it was, in microseconds: reading and deciding (`gateway`), a new
/// connection to the region (`connect`), the region (`region`), and from the first byte of the
/// answer to the last, which is as long as the client takes to read it (`client`).
fn times(out: &mut String, record: &Record, now: Instant) {
    let split = record.times(now);
    let parts = [
        (",\"total_us\":", Some(split.total)),
        (",\"gateway_us\":", Some(split.gateway)),
        (",\"connect_us\":", split.connect),
        (",\"region_us\":", split.region),
        (",\"client_us\":", split.client),
    ];
    for (lead, part) in parts {
        if let Some(part) = part {
            let micros = u64::try_from(part.as_micros()).unwrap_or(u64::MAX);
            number(out, lead, micros);
        }
    }
}

/// `lead`, which ends a member's name, and a text that needs no escaping.
fn text(out: &mut String, lead: &str, value: &str) {
    out.push_str(lead);
    out.push('"');
    out.push_str(value);
    out.push('"');
}

/// `lead`, which ends a member's name, and a number.
fn number(out: &mut String, lead: &str, value: u64) {
    out.push_str(lead);
    digits(out, value, 1);
}

fn write_address(out: &mut String, address: IpAddr) {
    match address {
        IpAddr::V4(address) => {
            for (place, octet) in address.octets().into_iter().enumerate() {
                if place > 0 {
                    out.push('.');
                }
                digits(out, octet.into(), 1);
            }
        }
        IpAddr::V6(address) => {
            let _ = write!(out, "{address}");
        }
    }
}

/// A number in decimal, with zeros in front up to so many digits. The formatter of the standard library
/// takes several times as long, and a line has a dozen numbers.
fn digits(out: &mut String, mut value: u64, least: usize) {
    // 2^64 has 20 digits.
    let mut text = [b'0'; 20];
    let mut start = text.len();
    for (at, digit) in text.iter_mut().enumerate().rev() {
        let shown = 20 - at;
        if value == 0 && shown > least {
            break;
        }
        *digit = b'0' + u8::try_from(value % 10).unwrap_or(0);
        value /= 10;
        start = at;
    }
    let text = text.get(start..).unwrap_or_default();
    out.push_str(std::str::from_utf8(text).unwrap_or_default());
}

fn option(out: &mut String, lead: &str, value: Option<&str>) {
    if let Some(value) = value {
        text(out, lead, value);
    }
}

/// As much of an address as may be kept: all of it, its /24 or /48, or nothing.
#[must_use]
pub fn shown(address: Option<IpAddr>, detail: AddressDetail) -> Option<IpAddr> {
    match (detail, address?) {
        (AddressDetail::None, _) => None,
        (AddressDetail::Full, address) => Some(address),
        (AddressDetail::Truncated, IpAddr::V4(address)) => {
            let bits = address.to_bits() & (u32::MAX << 8);
            Some(Ipv4Addr::from_bits(bits).into())
        }
        (AddressDetail::Truncated, IpAddr::V6(address)) => {
            let bits = address.to_bits() & (u128::MAX << 80);
            Some(Ipv6Addr::from_bits(bits).into())
        }
    }
}

/// `2026-01-31T23:59:59.999Z` (RFC 3339), in UTC.
fn write_time(out: &mut String, wall: SystemTime) {
    let since = wall.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let seconds = since.as_secs();
    let (year, month, day) = civil(seconds / 86_400);
    let parts = [
        (year, 4, '-'),
        (month, 2, '-'),
        (day, 2, 'T'),
        (seconds / 3600 % 24, 2, ':'),
        (seconds / 60 % 60, 2, ':'),
        (seconds % 60, 2, '.'),
        (since.subsec_millis().into(), 3, 'Z'),
    ];
    for (value, width, then) in parts {
        digits(out, value, width);
        out.push(then);
    }
}

/// Year, month and day of a day since 1970 in the Gregorian calendar: eras of 400 years that begin
/// on 1 March, so that a leap day is the last of its year.
const fn civil(day: u64) -> (u64, u64, u64) {
    let day = day + 719_468;
    let (era, of_era) = (day / 146_097, day % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    (era * 400 + year + carry, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn time(seconds: u64, millis: u64) -> String {
        let mut out = String::new();
        let since = Duration::from_secs(seconds) + Duration::from_millis(millis);
        write_time(&mut out, UNIX_EPOCH + since);
        out
    }

    #[test]
    fn knows_leap_years() {
        assert_eq!(time(0, 7), "1970-01-01T00:00:00.007Z");
        assert_eq!(time(951_782_399, 0), "2000-02-28T23:59:59.000Z");
        assert_eq!(time(951_782_400, 0), "2000-02-29T00:00:00.000Z");
        assert_eq!(time(4_107_542_400, 0), "2100-03-01T00:00:00.000Z");
    }

    #[test]
    fn shows_no_more_of_an_address_than_it_may() {
        let address = |text: &str| text.parse::<IpAddr>().ok();
        let short = |text| shown(address(text), AddressDetail::Truncated);
        assert_eq!(short("203.0.113.77"), address("203.0.113.0"));
        assert_eq!(short("2001:db8:1:2:3:4:5:6"), address("2001:db8:1::"));
        assert_eq!(shown(address("::1"), AddressDetail::None), None);
        assert_eq!(shown(address("::1"), AddressDetail::Full), address("::1"));
    }

    proptest! {
        #[test]
        fn writes_numbers_as_the_formatter_does(value: u64, least in 1_usize..=20) {
            let mut out = String::new();
            digits(&mut out, value, least);
            prop_assert_eq!(out, format!("{value:0least$}"));
        }

        #[test]
        fn writes_addresses_as_the_formatter_does(v4: u32, v6: u128) {
            let both = [IpAddr::from(Ipv4Addr::from(v4)), IpAddr::from(Ipv6Addr::from(v6))];
            for address in both {
                let mut out = String::new();
                write_address(&mut out, address);
                prop_assert_eq!(out, address.to_string());
            }
        }

        #[test]
        fn agrees_with_the_date_of_http(seconds in 0_u64..200_000_000_000) {
            let wall = UNIX_EPOCH + Duration::from_secs(seconds);
            let http = httpdate::HttpDate::from(wall).to_string();
            let line = time(seconds, 0);
            let (day, clock) = (&http[5..7], &http[17..25]);
            prop_assert!(line.ends_with(&format!("-{day}T{clock}.000Z")), "{} {}", line, http);
            prop_assert!(line.starts_with(&http[12..16]), "{} {}", line, http);
        }
    }
}
