//! The ways a demo endpoint can be made to fail, and their names.
//!
//! A name stands in the request header `X-Demo-Fault` or in the control's `fault?name=`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// The request header that asks for a fault.
pub const FAULT_HEADER: &str = "x-demo-fault";

/// The longest wait a fault may ask for.
const LONGEST: u64 = 3_600_000;

/// The most informational answers a fault may ask for.
const MOST: u32 = 10_000;

/// One way to fail.
///
/// Those that put something else in the answer's place ([`Fault::Status`], [`Fault::Hidden404`],
/// [`Fault::Hang`], [`Fault::ResetBefore`], [`Fault::Garbage`], [`Fault::HalfClose`],
/// [`Fault::RetryAfter`], [`Fault::ResetMidRead`], [`Fault::HangRead`], [`Fault::Deaf`],
/// [`Fault::ResetUnread`]) execute nothing; all others execute the request and spoil how its
/// answer travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// `status-NNN`: that status, 200 to 999, as the application would word it.
    Status(u16),
    /// `hidden-404`: the application's 404 for an internal error of its own.
    Hidden404,
    /// `slow=MS`: the answer begins only after so long.
    Slow(Duration),
    /// `hang`: reads the request and never answers.
    Hang,
    /// `hang-read`: reads the head and nothing more, ever.
    HangRead,
    /// `hang-head`: sends half of the answer's head and stops.
    HangHead,
    /// `hang-body`: sends the head and half of the body and stops.
    HangBody,
    /// `reset-before`: reads the request, then resets the connection.
    ResetBefore,
    /// `reset-mid-read`: resets the connection while the request's body is still coming.
    ResetMidRead,
    /// `reset-after-head`: sends the answer's head, then resets the connection.
    ResetAfterHead,
    /// `truncate`: announces the whole body, sends half of it, closes.
    Truncate,
    /// `garbage`: answers with bytes that are not HTTP, then closes.
    Garbage,
    /// `half-close`: reads the request, then closes its own direction only, without an answer.
    HalfClose,
    /// `slow-head=MS`: sends the head a byte at a time, so long apart.
    SlowHead(Duration),
    /// `slow-body=MS`: sends the body a byte at a time, so long apart.
    SlowBody(Duration),
    /// `1xx-storm=N`: so many informational answers, then the real one.
    InformationalStorm(u32),
    /// `double-length`: announces two differing lengths.
    DoubleLength,
    /// `bad-framing`: announces a length and the chunked coding together.
    BadFraming,
    /// `close-now`: a proper answer on a connection that seems to stay open, and is then closed.
    CloseNow,
    /// `retry-after`: 503 with `Retry-After: 7`.
    RetryAfter,
    /// `deaf`: reads nothing at all, ever. An endpoint's fault: where a request asks for it, its
    /// head has been read.
    Deaf,
    /// `reset-unread`: resets the connection as a request comes, with its bytes unread. An
    /// endpoint's fault, as [`Fault::Deaf`].
    ResetUnread,
    /// `close-next`: a proper answer; the connection is closed as the next request comes, with its
    /// bytes unread: the race that a client of kept connections can lose.
    CloseNext,
    /// `close-after=MS`: a proper answer; the connection is closed so much later, whatever has come.
    CloseAfter(Duration),
    /// `truncate-head`: sends half of the answer's head and closes.
    TruncateHead,
    /// `garbage-head`: a proper status line and then a line that is no field, and closes.
    GarbageHead,
    /// `garbage-body`: announces chunks, and sends what is none.
    GarbageBody,
}

/// Every name with its meaning, for the control's help.
pub const FAULTS: &[(&str, &str)] = &[
    ("status-NNN", "that status (status-500), executing nothing"),
    (
        "hidden-404",
        "the application's 404 for an internal error, executing nothing",
    ),
    ("slow=MS", "answers after so many milliseconds"),
    ("hang", "reads the request and never answers"),
    ("hang-read", "reads the head and nothing more"),
    ("hang-head", "sends half of the answer's head and stops"),
    ("hang-body", "sends half of the answer's body and stops"),
    (
        "reset-before",
        "reads the request, then resets the connection without an answer",
    ),
    (
        "reset-mid-read",
        "resets the connection while the request's body is still coming",
    ),
    (
        "reset-after-head",
        "sends the answer's head, then resets the connection",
    ),
    ("truncate", "sends half of the announced body, then closes"),
    ("garbage", "answers with bytes that are not HTTP"),
    (
        "half-close",
        "reads the request, then closes its own direction without an answer",
    ),
    ("slow-head=MS", "sends the head a byte at a time"),
    ("slow-body=MS", "sends the body a byte at a time"),
    (
        "1xx-storm=N",
        "sends so many informational answers before the real one",
    ),
    ("double-length", "announces two differing lengths"),
    (
        "bad-framing",
        "announces a length and the chunked coding together",
    ),
    (
        "close-now",
        "answers as if the connection stayed open, then closes it",
    ),
    ("retry-after", "503 with Retry-After: 7"),
    ("deaf", "reads nothing at all (an endpoint's fault)"),
    (
        "reset-unread",
        "resets as a request comes, unread (an endpoint's fault)",
    ),
    (
        "close-next",
        "answers, and closes as the next request comes, unread",
    ),
    (
        "close-after=MS",
        "answers, and closes so much later whatever has come",
    ),
    (
        "truncate-head",
        "sends half of the answer's head, then closes",
    ),
    (
        "garbage-head",
        "answers with a head that is none after its first line",
    ),
    ("garbage-body", "announces chunks and sends none"),
];

/// A name that is no fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no such fault")]
pub struct UnknownFault;

impl FromStr for Fault {
    type Err = UnknownFault;

    fn from_str(name: &str) -> Result<Self, UnknownFault> {
        if let Some(status) = name.strip_prefix("status-") {
            return status_of(status).map(Self::Status).ok_or(UnknownFault);
        }
        if let Some((name, argument)) = name.split_once('=') {
            let wait = || wait_of(argument).ok_or(UnknownFault);
            return match name {
                "slow" => wait().map(Self::Slow),
                "slow-head" => wait().map(Self::SlowHead),
                "slow-body" => wait().map(Self::SlowBody),
                "close-after" => wait().map(Self::CloseAfter),
                "1xx-storm" => number_of(argument)
                    .and_then(|count| u32::try_from(count).ok())
                    .filter(|&count| count <= MOST)
                    .map(Self::InformationalStorm)
                    .ok_or(UnknownFault),
                _ => Err(UnknownFault),
            };
        }
        Ok(match name {
            "hidden-404" => Self::Hidden404,
            "hang" => Self::Hang,
            "hang-read" => Self::HangRead,
            "hang-head" => Self::HangHead,
            "hang-body" => Self::HangBody,
            "reset-before" => Self::ResetBefore,
            "reset-mid-read" => Self::ResetMidRead,
            "reset-after-head" => Self::ResetAfterHead,
            "truncate" => Self::Truncate,
            "garbage" => Self::Garbage,
            "half-close" => Self::HalfClose,
            "double-length" => Self::DoubleLength,
            "bad-framing" => Self::BadFraming,
            "close-now" => Self::CloseNow,
            "retry-after" => Self::RetryAfter,
            "deaf" => Self::Deaf,
            "reset-unread" => Self::ResetUnread,
            "close-next" => Self::CloseNext,
            "truncate-head" => Self::TruncateHead,
            "garbage-head" => Self::GarbageHead,
            "garbage-body" => Self::GarbageBody,
            _ => return Err(UnknownFault),
        })
    }
}

/// The name that [`Fault::from_str`] reads.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Status(status) => return write!(f, "status-{status}"),
            Self::Slow(wait) => return write!(f, "slow={}", wait.as_millis()),
            Self::SlowHead(wait) => return write!(f, "slow-head={}", wait.as_millis()),
            Self::SlowBody(wait) => return write!(f, "slow-body={}", wait.as_millis()),
            Self::CloseAfter(wait) => return write!(f, "close-after={}", wait.as_millis()),
            Self::InformationalStorm(count) => return write!(f, "1xx-storm={count}"),
            Self::Hidden404 => "hidden-404",
            Self::Hang => "hang",
            Self::HangRead => "hang-read",
            Self::HangHead => "hang-head",
            Self::HangBody => "hang-body",
            Self::ResetBefore => "reset-before",
            Self::ResetMidRead => "reset-mid-read",
            Self::ResetAfterHead => "reset-after-head",
            Self::Truncate => "truncate",
            Self::Garbage => "garbage",
            Self::HalfClose => "half-close",
            Self::DoubleLength => "double-length",
            Self::BadFraming => "bad-framing",
            Self::CloseNow => "close-now",
            Self::RetryAfter => "retry-after",
            Self::Deaf => "deaf",
            Self::ResetUnread => "reset-unread",
            Self::CloseNext => "close-next",
            Self::TruncateHead => "truncate-head",
            Self::GarbageHead => "garbage-head",
            Self::GarbageBody => "garbage-body",
        };
        f.write_str(name)
    }
}

/// A decimal number without a sign.
fn number_of(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

fn wait_of(text: &str) -> Option<Duration> {
    number_of(text)
        .filter(|&wait| wait <= LONGEST)
        .map(Duration::from_millis)
}

fn status_of(text: &str) -> Option<u16> {
    let status = number_of(text).filter(|_| text.len() == 3)?;
    u16::try_from(status).ok().filter(|&status| status >= 200)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_listed_name_is_read_and_written_back() {
        for (name, _) in FAULTS {
            let name = name.replace("NNN", "418").replace("MS", "25");
            let name = name.replace("=N", "=3");
            let fault: Fault = name.parse().unwrap();
            assert_eq!(fault.to_string(), name);
        }
    }

    #[test]
    fn the_documented_names_mean_what_is_documented() {
        let wait = Duration::from_millis(1500);
        for (name, fault) in [
            ("status-500", Fault::Status(500)),
            ("hidden-404", Fault::Hidden404),
            ("slow=1500", Fault::Slow(wait)),
            ("hang", Fault::Hang),
            ("reset-before", Fault::ResetBefore),
            ("reset-after-head", Fault::ResetAfterHead),
            ("truncate", Fault::Truncate),
            ("garbage", Fault::Garbage),
        ] {
            assert_eq!(name.parse(), Ok(fault));
        }
    }

    #[test]
    fn what_is_no_fault_is_refused() {
        for name in [
            "",
            "HANG",
            "hang ",
            "hang=1",
            "slow",
            "slow=",
            "slow=-1",
            "slow=+1",
            "slow=1.5",
            "slow=3600001",
            "status-",
            "status-99",
            "status-100",
            "status-0500",
            "status-abc",
            "1xx-storm=10001",
            "1xx-storm=99999999999999999999",
        ] {
            assert_eq!(name.parse::<Fault>(), Err(UnknownFault), "{name}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_read_is_written_back_canonically(name in "[a-z0-9=-]{0,24}") {
            if let Ok(fault) = name.parse::<Fault>() {
                prop_assert_eq!(fault.to_string().parse(), Ok(fault));
            }
        }
    }
}
