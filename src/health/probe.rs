//! One probe: a GET on a connection of its own, and whether the answer is what a healthy region
//! says. A connection that others use would be found healthy for being open.

use memchr::memmem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

use crate::config::health::Health;
use crate::http1::HeadLimits;
use crate::http1::body::{Decoder, Step};
use crate::http1::head::EndFinder;
use crate::http1::request::field_space;
use crate::http1::response::{self, MOST_INFORMATIONAL};
use crate::net::deadline;
use crate::net::stream::Stream;
use crate::upstream::connect::connect;
use crate::upstream::endpoint::{Endpoint, Timeouts};
use crate::upstream::failure::Cause;

/// What an answer to a probe may have as a head.
const HEAD: HeadLimits = HeadLimits {
    bytes: 64 * 1024,
    fields: 128,
    target: 0,
};

/// As much of an answer is looked at, head included.
const MOST_BYTES: usize = 128 * 1024;

/// Why a probe failed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Finding {
    /// No connection.
    Unreachable(Cause),
    /// The answer did not come in time.
    TimedOut,
    /// The connection ended before the answer was whole.
    Closed,
    /// What came is no acceptable HTTP, or too much.
    Garbled,
    /// Another status than the healthy one: this.
    Status(u16),
    /// The text that a healthy region says is not there.
    Text,
}

impl Finding {
    /// The kebab-case name in logs.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Unreachable(cause) => cause.label(),
            Self::TimedOut => "probe-timeout",
            Self::Closed => "closed",
            Self::Garbled => "bad-answer",
            Self::Status(_) => "unexpected-status",
            Self::Text => "unexpected-text",
        }
    }
}

/// What went wrong, in words: what was asked, and what came.
#[must_use]
pub fn words(finding: Finding, health: &Health) -> String {
    let label = finding.label();
    let (path, wanted) = (&health.path, health.status.as_u16());
    match finding {
        Finding::Unreachable(_) => label.to_owned(),
        Finding::Status(status) => format!("{label}: GET {path} answered {status}, not {wanted}"),
        Finding::Text => format!(
            "{label}: GET {path} answered {wanted} without {:?}",
            health.contains
        ),
        Finding::TimedOut | Finding::Closed | Finding::Garbled => format!("{label}: GET {path}"),
    }
}

/// Asks an endpoint how it is, within the probe's time-out as a whole.
///
/// # Errors
/// The [`Finding`] that speaks against it.
pub async fn probe(
    endpoint: &Endpoint,
    health: &Health,
    timeouts: &Timeouts,
) -> Result<(), Finding> {
    deadline::within(
        Instant::now() + health.timeout,
        ask(endpoint, health, timeouts),
    )
    .await
    .unwrap_or(Err(Finding::TimedOut))
}

async fn ask(endpoint: &Endpoint, health: &Health, timeouts: &Timeouts) -> Result<(), Finding> {
    let mut stream = connect(endpoint, timeouts)
        .await
        .map_err(Finding::Unreachable)?;
    let request = request(endpoint, health);
    let written = async {
        stream.write_all(request.as_bytes()).await?;
        stream.flush().await
    };
    written.await.map_err(|_| Finding::Closed)?;
    let (status, body) = answer(&mut stream).await?;
    if status != health.status.as_u16() {
        return Err(Finding::Status(status));
    }
    match memmem::find(&body, health.contains.as_bytes()) {
        Some(_) => Ok(()),
        None => Err(Finding::Text),
    }
}

/// Says what it is, so that a region's operator can tell it from people.
fn request(endpoint: &Endpoint, health: &Health) -> String {
    format!(
        "GET {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: onetime-gateway-probe/{}\r\nAccept: */*\r\n\
         X-Gateway-Probe: 1\r\nX-Forwarded-Proto: https\r\nConnection: close\r\n\r\n",
        health.path,
        endpoint.host,
        env!("CARGO_PKG_VERSION"),
    )
}

/// The final answer's status and body.
async fn answer(stream: &mut Stream) -> Result<(u16, Vec<u8>), Finding> {
    let mut input = Vec::new();
    let mut informational = 0;
    let (status, mut decoder) = loop {
        let span = EndFinder::default()
            .find(&input, HEAD.bytes)
            .map_err(|_| Finding::Garbled)?;
        let Some(span) = span else {
            more(stream, &mut input).await?;
            continue;
        };
        let mut space = field_space();
        let bytes = input.get(..span.end).unwrap_or_default();
        let head =
            response::parse(bytes, &mut space, &HEAD, false).map_err(|_| Finding::Garbled)?;
        let (status, framing) = (head.status, head.framing);
        input.drain(..span.end);
        if status >= 200 {
            break (status, Decoder::of_answer(framing));
        }
        informational += 1;
        // Nobody asked for another protocol, nor for a storm.
        if status == 101 || informational > MOST_INFORMATIONAL {
            return Err(Finding::Garbled);
        }
    };
    let mut body = Vec::new();
    loop {
        match decoder.step(&input).map_err(|_| Finding::Garbled)? {
            Step::Data(count) => {
                body.extend(input.drain(..count));
                decoder.took(count);
            }
            Step::Skip(count) => drop(input.drain(..count)),
            Step::End => return Ok((status, body)),
            Step::More if body.len() > MOST_BYTES => return Err(Finding::Garbled),
            Step::More => {
                if more(stream, &mut input).await.is_err() {
                    decoder.input_ended().map_err(|_| Finding::Closed)?;
                }
            }
        }
    }
}

async fn more(stream: &mut Stream, input: &mut Vec<u8>) -> Result<(), Finding> {
    if input.len() > MOST_BYTES {
        return Err(Finding::Garbled);
    }
    match stream.read_buf(input).await {
        Ok(0) | Err(_) => Err(Finding::Closed),
        Ok(_) => Ok(()),
    }
}
