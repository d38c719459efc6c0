//! Durations, sizes and moments.

use std::time::Duration;

use toml::value::{Datetime, Offset};

use crate::config::hide::echo;
use crate::config::problem::Complaint;

/// The units of durations with their milliseconds, longest first.
const TIME_UNITS: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// The units of sizes with their bytes.
const SIZE_UNITS: [(&str, u64); 7] = [
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("kB", 1_000),
    ("B", 1),
];

/// `30s`, `500ms`, `5m`, `1h`, `45d`.
pub(in crate::config) fn duration(text: &str) -> Result<Duration, Complaint> {
    let complaint = || {
        Complaint::new(format!("`{}` is no duration", echo(text)))
            .allowed("a whole number and one of ms, s, m, h, d, such as \"30s\"")
    };
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    if unit.is_empty() && !number.is_empty() {
        return Err(complaint().hint(format!("the unit is missing: \"{}s\"?", echo(number))));
    }
    let factor = TIME_UNITS
        .iter()
        .find(|(name, _)| *name == unit)
        .map(|(_, factor)| *factor);
    let millis = factor
        .zip(number.parse::<u64>().ok())
        .and_then(|(f, n)| n.checked_mul(f));
    millis.map(Duration::from_millis).ok_or_else(complaint)
}

/// The duration as the file would have it, in the longest unit that keeps it whole. Nanoseconds are dropped.
pub(in crate::config) fn duration_text(duration: Duration) -> String {
    let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let fit = TIME_UNITS
        .iter()
        .find(|(_, factor)| millis > 0 && millis % factor == 0);
    match fit {
        Some((unit, factor)) => format!("{}{unit}", millis / factor),
        None => "0s".to_owned(),
    }
}

/// `256KiB`, `2.5MB`: a number, whole or with a decimal point, and a unit; in bytes.
pub(in crate::config) fn size(text: &str) -> Result<u64, Complaint> {
    let complaint = || {
        let units: Vec<_> = SIZE_UNITS.iter().rev().map(|(name, _)| *name).collect();
        Complaint::new(format!("`{}` is no size", echo(text))).allowed(format!(
            "bytes as a number, or a number and one of {}, such as \"256KiB\"",
            units.join(", ")
        ))
    };
    let digits = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor = SIZE_UNITS
        .iter()
        .find(|(name, _)| *name == unit)
        .map(|(_, factor)| *factor);
    let Some(factor) = factor else {
        let close = SIZE_UNITS
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(unit));
        return Err(match close {
            Some((name, _)) => {
                complaint().hint(format!("did you mean \"{}{name}\"?", echo(number)))
            }
            None => complaint(),
        });
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let bytes = whole
        .parse::<u64>()
        .ok()
        .and_then(|whole| whole.checked_mul(factor));
    // Six digits are enough to say every byte of a megabyte.
    let part = fraction.parse::<u64>().ok().filter(|_| fraction.len() <= 6);
    let scale = 10_u64.pow(u32::try_from(fraction.len().min(6)).unwrap_or(6));
    let part = part
        .and_then(|part| part.checked_mul(factor))
        .map(|part| part / scale);
    bytes
        .zip(part)
        .and_then(|(bytes, part)| bytes.checked_add(part))
        .ok_or_else(complaint)
}

/// A date of the file in seconds since 1970 UTC; a date without a time is its midnight UTC.
pub(in crate::config) fn unix_time(date: &Datetime) -> Result<u64, Complaint> {
    let day = date.date.ok_or_else(|| {
        Complaint::new("a time without a date says no moment")
            .allowed("2027-01-31T00:00:00Z, or 2027-01-31")
    })?;
    let mut seconds = days_since_1970(day.year.into(), day.month.into(), day.day.into()) * 86_400;
    if let Some(time) = date.time {
        let offset = match date.offset {
            Some(Offset::Z) => 0,
            Some(Offset::Custom { minutes }) => i64::from(minutes) * 60,
            None => {
                return Err(Complaint::new("a time without an offset says no moment")
                    .hint(format!("for UTC: {date}Z")));
            }
        };
        let second = time.second.unwrap_or(0);
        seconds += i64::from(time.hour) * 3600 + i64::from(time.minute) * 60 + i64::from(second);
        seconds -= offset;
    }
    u64::try_from(seconds).map_err(|_| Complaint::new("a moment before 1970"))
}

/// Days from 1970-01-01 to a day of the Gregorian calendar.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    // Years begin in March here, so that the leap day is their last.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    // Months of 31 and 30 days in the order of a year from March: 153 days in any five.
    let before_month = (153 * month + 2) / 5;
    year * 365 + leap_days + before_month + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_have_a_number_and_a_unit() {
        let good = [
            ("0s", 0),
            ("30s", 30_000),
            ("500ms", 500),
            ("5m", 300_000),
            ("1h", 3_600_000),
        ];
        for (text, millis) in good {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        assert_eq!(duration("45d"), Ok(Duration::from_secs(45 * 86_400)));
        let bad = [
            "", "s", "30", "30 s", " 30s", "1.5s", "-1s", "+1s", "1m30s", "30S", "1y",
        ];
        let huge = ["999999999999999999999s", "18446744073709551615d"];
        for text in bad.into_iter().chain(huge) {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_are_bytes_or_have_a_unit() {
        let good = [
            ("256KiB", 262_144),
            ("2.5MB", 2_500_000),
            ("1kB", 1_000),
            ("7B", 7),
            ("1.5GiB", 1_610_612_736),
            ("0.000001MB", 1),
        ];
        for (text, bytes) in good {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        let bad = [
            "",
            "1",
            "KiB",
            "1 KiB",
            "1kb",
            "1KB",
            "1.MB",
            ".5MB",
            "1.2.3MB",
            "-1B",
            "1.0000001MB",
        ];
        for text in bad
            .into_iter()
            .chain(["99999999999999999999B", "18446744073709551615kB"])
        {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn dates_are_moments() {
        let good = [
            ("1970-01-01", 0),
            ("1970-01-01T00:00:01Z", 1),
            ("2000-02-29T12:00:00Z", 951_825_600),
            ("2026-11-21", 1_795_219_200),
            ("2027-01-31T00:00:00+01:00", 1_801_350_000),
            ("2027-01-31T00:00:00.999Z", 1_801_353_600),
            ("9999-12-31T23:59:59Z", 253_402_300_799),
        ];
        for (text, seconds) in good {
            assert_eq!(unix_time(&text.parse().unwrap()), Ok(seconds), "{text}");
        }
        for text in ["12:00:00", "2027-01-31T00:00:00", "1969-12-31T23:59:59Z"] {
            assert!(unix_time(&text.parse().unwrap()).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(millis in 0..u64::MAX / 2) {
            let length = Duration::from_millis(millis);
            prop_assert_eq!(duration(&duration_text(length)), Ok(length));
        }

        #[test]
        fn no_text_makes_them_panic(text in "[0-9.]{0,25}.{0,4}") {
            let _ = duration(&text);
            let _ = size(&text);
        }

        #[test]
        fn days_follow_each_other(day in 0..2_900_000_i64) {
            // By the inverse, counted from 1970 year by year.
            let leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let (mut year, mut rest) = (1970, day);
            while rest >= 365 + i64::from(leap(year)) {
                rest -= 365 + i64::from(leap(year));
                year += 1;
            }
            let lengths = [31, 28 + i64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
            let mut month = 1;
            for length in lengths {
                if rest < length {
                    break;
                }
                rest -= length;
                month += 1;
            }
            prop_assert_eq!(days_since_1970(year, month, rest + 1), day);
        }
    }
}
