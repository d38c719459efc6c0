//! How each fault breaks an exchange on the socket.

use std::time::Duration;

use super::fault::Fault;
use super::serve::Next;
use super::wire::answer::{Answer, Body, Lengths, Plan, chunk};
use super::wire::head::{Framing, Head};
use super::wire::{Connection, Ended};

/// What `garbage` answers.
const GARBAGE: &[u8] = b"\x00\x01\xfe\xff this is not HTTP \r\n\r\n";

/// What `truncate` and the like send half of when the true body is shorter.
const LEAST: usize = 16;

/// How long a head that is to be followed by a reset gets to be read.
const GRACE: Duration = Duration::from_millis(10);

/// What follows the status line of `garbage-head`.
const NO_FIELD: &[u8] = b"\xff\x00 this is no field\r\n\r\n";

/// What `garbage-body` sends instead of chunks.
const NO_CHUNK: &[u8] = b"this is no chunk\r\n\x00\xff\r\n";

/// Faults that come before anything of a request is read; `None` if there is none.
pub(super) async fn before_head(fault: Option<Fault>, connection: &Connection) -> Option<Next> {
    match fault? {
        Fault::Deaf => connection.ignore().await,
        Fault::ResetUnread => connection.socket().reset(),
        _ => return None,
    }
    Some(Next::Close)
}

/// Faults that come before the request's body is read; `None` if there is none.
pub(super) async fn before_body(
    fault: Option<Fault>,
    connection: &mut Connection,
    head: &Head,
) -> Result<Option<Next>, Ended> {
    match fault {
        Some(Fault::ResetMidRead) => {
            // A body that was announced is let begin, so that it breaks in the middle.
            if head.framing() != Framing::Length(0) && !head.expects_continue() {
                connection.begin_body().await?;
            }
            connection.socket().reset();
            Ok(Some(Next::Close))
        }
        Some(Fault::HangRead | Fault::Deaf) => {
            connection.ignore().await;
            Ok(Some(Next::Close))
        }
        Some(Fault::ResetUnread) => {
            connection.socket().reset();
            Ok(Some(Next::Close))
        }
        _ => Ok(None),
    }
}

/// Faults that come before an answer, or in its place; `None` if the answer follows.
pub(super) async fn instead(
    fault: Option<Fault>,
    connection: &mut Connection,
) -> Result<Option<Next>, Ended> {
    match fault {
        Some(Fault::Slow(wait)) => {
            tokio::time::sleep(wait).await;
            return Ok(None);
        }
        Some(Fault::Hang) => connection.outlast().await,
        Some(Fault::ResetBefore) => connection.socket().reset(),
        Some(Fault::Garbage) => connection.socket().write_all(GARBAGE).await?,
        Some(Fault::HalfClose) => {
            connection.socket().close_write().await?;
            connection.outlast().await;
        }
        _ => return Ok(None),
    }
    Ok(Some(Next::Close))
}

/// Sends the answer, spoiled if the fault says so.
pub(super) async fn answer(
    fault: Option<Fault>,
    connection: &mut Connection,
    answer: &Answer,
    mut plan: Plan<'_>,
) -> Result<Next, Ended> {
    let next = match plan.last {
        true => Next::Close,
        false => Next::Request,
    };
    match fault {
        Some(
            Fault::ResetAfterHead
            | Fault::Truncate
            | Fault::TruncateHead
            | Fault::HangHead
            | Fault::HangBody,
        ) => {
            cut(fault, connection, answer, &plan).await?;
            return Ok(Next::Close);
        }
        Some(Fault::GarbageHead | Fault::GarbageBody) => {
            garble(fault, connection, answer, &plan).await?;
            return Ok(Next::Close);
        }
        Some(Fault::SlowHead(wait)) => {
            let answer = whole(answer);
            drip(connection, &answer.head(&plan), wait).await?;
            if !plan.bodiless(answer.status) {
                connection.socket().write_all(&answer.body()).await?;
            }
        }
        Some(Fault::SlowBody(wait)) => {
            let head = whole(answer).head(&plan);
            connection.socket().write_all(&head).await?;
            if !plan.bodiless(answer.status) {
                drip(connection, &answer.body(), wait).await?;
            }
        }
        Some(Fault::InformationalStorm(count)) => {
            for _ in 0..count {
                let hints = b"HTTP/1.1 103 Early Hints\r\nlink: </dist/>; rel=preload\r\n\r\n";
                connection.socket().write_all(hints).await?;
            }
            connection.answer(answer, &plan).await?;
        }
        Some(Fault::DoubleLength) => {
            plan.lengths = Lengths::Double;
            let mut bytes = whole(answer).head(&plan);
            bytes.extend_from_slice(&answer.body());
            connection.socket().write_all(&bytes).await?;
            return Ok(Next::Close);
        }
        Some(Fault::BadFraming) => {
            plan.lengths = Lengths::Both;
            let mut bytes = whole(answer).head(&plan);
            bytes.extend_from_slice(&chunk(&answer.body()));
            bytes.extend_from_slice(b"0\r\n\r\n");
            connection.socket().write_all(&bytes).await?;
            return Ok(Next::Close);
        }
        Some(Fault::CloseNow | Fault::CloseNext | Fault::CloseAfter(_)) => {
            connection.answer(answer, &plan).await?;
            match fault {
                Some(Fault::CloseNext) => connection.arrival().await?,
                Some(Fault::CloseAfter(wait)) => tokio::time::sleep(wait).await,
                _ => {}
            }
            return Ok(Next::Close);
        }
        _ => connection.answer(answer, &plan).await?,
    }
    Ok(next)
}

/// Answers that stop before their end.
async fn cut(
    fault: Option<Fault>,
    connection: &mut Connection,
    answer: &Answer,
    plan: &Plan<'_>,
) -> Result<(), Ended> {
    let answer = long_enough(answer);
    let head = answer.head(plan);
    let half = |bytes: &[u8]| bytes.get(..bytes.len() / 2).unwrap_or_default().to_vec();
    match fault {
        Some(Fault::TruncateHead) => connection.socket().write_all(&half(&head)).await?,
        Some(Fault::HangHead) => {
            connection.socket().write_all(&half(&head)).await?;
            connection.outlast().await;
        }
        Some(Fault::ResetAfterHead) => {
            connection.socket().write_all(&head).await?;
            tokio::time::sleep(GRACE).await;
            connection.socket().reset();
        }
        _ => {
            let mut bytes = head;
            if !plan.bodiless(answer.status) {
                bytes.extend_from_slice(&half(&answer.body()));
            }
            connection.socket().write_all(&bytes).await?;
            if fault == Some(Fault::HangBody) {
                connection.outlast().await;
            }
        }
    }
    Ok(())
}

/// Answers that are no HTTP after a good beginning.
async fn garble(
    fault: Option<Fault>,
    connection: &Connection,
    answer: &Answer,
    plan: &Plan<'_>,
) -> Result<(), Ended> {
    let mut bytes = Vec::new();
    if fault == Some(Fault::GarbageHead) {
        let head = answer.head(plan);
        let line = head.split_inclusive(|&byte| byte == b'\n').next();
        bytes.extend_from_slice(line.unwrap_or_default());
        bytes.extend_from_slice(NO_FIELD);
    } else {
        let chunked = Answer {
            body: Body::Pattern {
                length: 0,
                chunked: true,
            },
            ..whole(answer)
        };
        bytes.extend_from_slice(&chunked.head(plan));
        bytes.extend_from_slice(NO_CHUNK);
    }
    connection.socket().write_all(&bytes).await?;
    Ok(())
}

/// The answer with its body as bytes of a known length.
fn whole(answer: &Answer) -> Answer {
    Answer {
        status: answer.status,
        fields: answer.fields.clone(),
        body: Body::Full(answer.body()),
    }
}

/// The same with something to cut.
fn long_enough(answer: &Answer) -> Answer {
    let mut body = answer.body();
    if body.len() < LEAST {
        body.resize(LEAST, b' ');
    }
    Answer {
        body: Body::Full(body),
        ..whole(answer)
    }
}

/// One byte at a time.
async fn drip(connection: &Connection, bytes: &[u8], wait: Duration) -> Result<(), Ended> {
    for byte in bytes {
        connection.socket().write_all(&[*byte]).await?;
        // The shortest sleep is a millisecond: no wait is a turn of everybody else.
        if wait.is_zero() {
            tokio::task::yield_now().await;
        } else {
            tokio::time::sleep(wait).await;
        }
    }
    Ok(())
}
