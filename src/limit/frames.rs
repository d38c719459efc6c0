//! HTTP/2 frames that make work and no request: pings, settings, resets, priorities, empty data,
//! crumbs of headers, credit for nothing. Counted in the bytes as they come, since whoever parses them has done the work
//! already; a bucket says how many are too many.

use super::bucket::{Full, Rule};

/// `PRI * HTTP/2.0`, two line ends, `SM`, two line ends (RFC 9113 §3.4).
const PREFACE: usize = 24;

/// A frame's head (RFC 9113 §4.1).
const HEAD: usize = 9;

/// A continuation shorter than this is a crumb: a header block of 32 KiB has one or two.
const CRUMB: usize = 1_024;

/// Bytes that we must have written for each WINDOW_UPDATE: the smallest frame of data has ten, and
/// two are sent back for it.
const CREDITED: usize = 4;

/// Of what we have written, so much is remembered.
const MOST_WRITTEN: usize = 64 * 1024;

const END_STREAM: u8 = 1;

/// What kind of frame was one too many.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Control {
    /// Small CONTINUATION (CVE-2024-27316).
    Continuation,
    /// WINDOW_UPDATE beyond what we have written.
    Credit,
    /// DATA without data, and not the end (CVE-2019-9518).
    EmptyData,
    /// A malformed request or trailer section, each of which costs a reset.
    Malformed,
    /// PING (CVE-2019-9512).
    Ping,
    /// PRIORITY.
    Priority,
    /// RST_STREAM (CVE-2023-44487).
    Reset,
    /// SETTINGS (CVE-2019-9515).
    Settings,
    /// A type that RFC 9113 does not know.
    Unknown,
}

impl Control {
    /// The word in metrics.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Continuation => "continuation",
            Self::Credit => "credit",
            Self::EmptyData => "empty-data",
            Self::Malformed => "malformed",
            Self::Ping => "ping",
            Self::Priority => "priority",
            Self::Reset => "reset",
            Self::Settings => "settings",
            Self::Unknown => "unknown",
        }
    }

    fn of(kind: u8, flags: u8, length: usize) -> Option<Self> {
        match kind {
            0 if length == 0 && flags & END_STREAM == 0 => Some(Self::EmptyData),
            // Data, headers, GOAWAY.
            0 | 1 | 7 => None,
            2 => Some(Self::Priority),
            3 => Some(Self::Reset),
            4 => Some(Self::Settings),
            6 => Some(Self::Ping),
            8 => Some(Self::Credit),
            9 if length < CRUMB => Some(Self::Continuation),
            9 => None,
            _ => Some(Self::Unknown),
        }
    }
}

/// Follows one connection's bytes.
#[derive(Debug)]
pub struct FrameMeter {
    rule: Rule,
    bucket: Full,
    head: [u8; HEAD],
    known: usize,
    skip: usize,
    written: usize,
}

impl FrameMeter {
    /// A connection that has not said a byte.
    #[must_use]
    pub const fn new(rule: Rule) -> Self {
        Self {
            rule,
            bucket: Full::NOW,
            head: [0; HEAD],
            known: 0,
            skip: PREFACE,
            written: 0,
        }
    }

    /// Takes in that so many bytes were written to the client, who may give credit for them.
    pub fn wrote(&mut self, bytes: usize) {
        self.written = (self.written + bytes).min(MOST_WRITTEN);
    }

    /// Whether a frame is credit for what was written.
    const fn is_due(&mut self, control: Control) -> bool {
        if !matches!(control, Control::Credit) || self.written < CREDITED {
            return false;
        }
        self.written -= CREDITED;
        true
    }

    /// Takes in the next bytes, whatever frames they cut; `now` is asked for only if there is
    /// something to count.
    ///
    /// # Errors
    /// The kind of frame of which there was one too many. The connection is of no more use.
    pub fn read(&mut self, mut bytes: &[u8], now: impl Fn() -> u64) -> Result<(), Control> {
        let mut time = None;
        loop {
            let skipped = self.skip.min(bytes.len());
            self.skip -= skipped;
            bytes = bytes.get(skipped..).unwrap_or_default();
            let taken = (HEAD - self.known).min(bytes.len());
            if taken == 0 {
                return Ok(());
            }
            let (front, rest) = bytes.split_at(taken);
            if let Some(room) = self.head.get_mut(self.known..self.known + taken) {
                room.copy_from_slice(front);
            }
            self.known += taken;
            bytes = rest;
            if self.known < HEAD {
                return Ok(());
            }
            self.known = 0;
            let [high, middle, low, kind, flags, ..] = self.head;
            let length = u32::from_be_bytes([0, high, middle, low]) as usize;
            self.skip = length;
            if let Some(control) = Control::of(kind, flags, length)
                && !self.is_due(control)
            {
                let now = *time.get_or_insert_with(&now);
                self.rule.take(&mut self.bucket, now).map_err(|_| control)?;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    fn frame(kind: u8, flags: u8, length: usize) -> Vec<u8> {
        let size = u32::try_from(length).expect("short").to_be_bytes();
        let mut bytes = size[1..].to_vec();
        bytes.extend([kind, flags, 0, 0, 0, 1]);
        // What looks like frames within a frame is none.
        bytes.extend([0, 0, 0, 6, 0, 0, 0, 0, 0].iter().cycle().take(length));
        bytes
    }

    fn meter(burst: u32) -> FrameMeter {
        FrameMeter::new(Rule::new(burst, Duration::from_nanos(10)))
    }

    #[test]
    fn requests_and_their_bodies_cost_nothing() {
        let mut bytes = vec![0; PREFACE];
        for _ in 0..100 {
            bytes.extend(frame(1, 4, 40));
            bytes.extend(frame(9, 4, 4_096));
            bytes.extend(frame(0, 0, 16_384));
            bytes.extend(frame(8, 0, 4));
            bytes.extend(frame(0, END_STREAM, 0));
        }
        let mut meter = meter(1);
        meter.wrote(100 * CREDITED);
        assert_eq!(meter.read(&bytes, || 0), Ok(()));
    }

    #[test]
    fn credit_is_for_what_was_written() {
        let mut meter = meter(3);
        meter.read(&[0; PREFACE], || 0).expect("the preface");
        let one = frame(8, 0, 4);
        for _ in 0..10_000 {
            // The smallest frame of data, and an update of either window.
            meter.wrote(HEAD + 1);
            assert_eq!(meter.read(&one, || 0), Ok(()));
            assert_eq!(meter.read(&one, || 0), Ok(()));
        }
        meter.wrote(usize::MAX / 2);
        for _ in 0..MOST_WRITTEN / CREDITED + 3 {
            assert_eq!(meter.read(&one, || 0), Ok(()));
        }
        assert_eq!(meter.read(&one, || 0), Err(Control::Credit));
    }

    #[test]
    fn each_kind_runs_out_and_comes_back_with_time() {
        for (kind, length, control) in [
            (0, 0, Control::EmptyData),
            (2, 5, Control::Priority),
            (3, 4, Control::Reset),
            (4, 0, Control::Settings),
            (4, 6, Control::Settings),
            (6, 8, Control::Ping),
            (8, 4, Control::Credit),
            (9, 1, Control::Continuation),
            (10, 3, Control::Unknown),
            (255, 0, Control::Unknown),
        ] {
            let mut meter = meter(3);
            meter.read(&[0; PREFACE], || 0).expect("the preface");
            let one = frame(kind, 0, length);
            for time in [0, 0, 0, 10, 20] {
                assert_eq!(meter.read(&one, || time), Ok(()), "{control:?}");
            }
            assert_eq!(meter.read(&one, || 20), Err(control));
        }
    }

    proptest! {
        #[test]
        fn how_the_bytes_are_cut_does_not_matter(
            frames in proptest::collection::vec((0_u8..12, 0_u8..2, 0_usize..40), 0..40),
            cuts in proptest::collection::vec(1_usize..30, 1..200),
            burst in 1_u32..30,
        ) {
            let mut bytes = vec![0; PREFACE];
            for (kind, flags, length) in frames {
                bytes.extend(frame(kind, flags, length));
            }
            let whole = meter(burst).read(&bytes, || 0);
            let (mut cut, mut rest, mut sizes) = (meter(burst), &bytes[..], cuts.iter().cycle());
            let mut result = Ok(());
            while !rest.is_empty() && result.is_ok() {
                let (front, back) = rest.split_at((*sizes.next().expect("endless")).min(rest.len()));
                result = cut.read(front, || 0);
                rest = back;
            }
            prop_assert_eq!(result, whole);
        }

        #[test]
        fn any_bytes_are_read_to_their_end(bytes: Vec<u8>) {
            let _ = meter(1_000_000).read(&bytes, || 0);
        }
    }
}
