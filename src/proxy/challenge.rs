//! Answers to ACME challenges (RFC 8555 section 8.3) from the operator's directory.
//!
//! The directory may lie on a slow or broken file system. A thread of the blocking pool reads it, so
//! that the worker goes on serving its other connections. The number of reads and their length and
//! time are limited.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::answer::{Answer, Context};
use super::refusal::Refusal;
use crate::snapshot::Snapshot;
use crate::snapshot::files::read_regular;

/// Where certificate authorities look for an answer over plain HTTP.
const CHALLENGES: &str = "/.well-known/acme-challenge/";

/// The longest file, in bytes. A key authorization has some hundred.
const MOST_BYTES: u64 = 4096;

/// How many files a worker reads at a time.
pub(super) const MOST_READS: usize = 4;

/// How long the client waits for a file.
const PATIENCE: Duration = Duration::from_secs(5);

/// A file that has to be read before the request can be answered.
pub struct Challenge {
    file: PathBuf,
    found: Answer,
    absent: Answer,
    permit: OwnedSemaphorePermit,
}

/// The token that a request for this path asks for, if there is a directory; it is not checked yet.
pub(super) fn token<'p>(path: &'p str, view: &Snapshot) -> Option<&'p str> {
    view.acme_webroot()?;
    path.strip_prefix(CHALLENGES)
}

/// The answer, and what has to be read first: if the read fails, the answer holds.
///
/// # Errors
/// [`Refusal::TooBusy`]: the worker reads as many files as it may.
pub(super) fn begin(
    token: &str,
    view: &Snapshot,
    reads: &Arc<Semaphore>,
    context: &Context<'_>,
) -> Result<(Answer, Option<Box<Challenge>>), Refusal> {
    let refuse = |refusal| Answer::refuse(refusal, view.region_names(), context);
    // RFC 8555 section 8.1: base64url. Such a name does not lead out of the directory.
    let is_plain = (1..=128).contains(&token.len())
        && token
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    let Some(directory) = view.acme_webroot().filter(|_| is_plain) else {
        return Ok((refuse(Refusal::Denied), None));
    };
    let permit = reads.clone().try_acquire_owned();
    let challenge = Challenge {
        file: directory.join(CHALLENGES.trim_matches('/')).join(token),
        found: Answer::new(200, context),
        absent: refuse(Refusal::Denied),
        permit: permit.map_err(|_| Refusal::TooBusy)?,
    };
    Ok((refuse(Refusal::TooBusy), Some(Box::new(challenge))))
}

impl Challenge {
    /// The file's content, or 404 without such a regular file.
    ///
    /// # Errors
    /// [`Refusal::TooBusy`]: the file could not be read in time.
    pub(super) async fn answer(self) -> Result<Answer, Refusal> {
        let Self {
            file,
            found,
            absent,
            permit,
        } = self;
        let read = spawn_blocking(move || {
            // A read that the client no longer waits for still counts.
            let _permit = permit;
            read_regular(&file, MOST_BYTES)
        });
        match timeout(PATIENCE, read).await {
            Ok(Ok(Ok(content))) => Ok(found.with_body("application/octet-stream", content)),
            Ok(Ok(Err(_))) => Ok(absent),
            Ok(Err(_)) | Err(_) => Err(Refusal::TooBusy),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::mpsc::channel;

    use super::*;
    use crate::page::language::Language;
    use crate::proxy::answer::Dialect;

    fn challenge(file: &Path, reads: &Arc<Semaphore>) -> Challenge {
        let context = Context {
            dialect: Dialect::Problem,
            language: Language::default(),
            chooses: false,
            request_id: "id",
            decided: None,
            pseudonym: "gateway",
            hsts: None,
            set_cookies: &[],
        };
        Challenge {
            file: file.to_owned(),
            found: Answer::new(200, &context),
            absent: Answer::new(404, &context),
            permit: reads.clone().try_acquire_owned().expect("a permit"),
        }
    }

    /// One thread serves, and one reads: it is kept busy as by a file system that does not answer.
    #[test]
    fn a_webroot_that_does_not_answer_holds_up_neither_the_worker_nor_the_client() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("token");
        std::fs::write(&file, "proof").expect("written");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .max_blocking_threads(1)
            .build()
            .expect("a runtime");
        let reads = Arc::new(Semaphore::new(2));
        runtime.block_on(async {
            let (free, is_free) = channel::<()>();
            let busy = spawn_blocking(move || is_free.recv());
            let waiting = tokio::spawn(challenge(&file, &reads).answer());
            let left = tokio::spawn(challenge(&file, &reads).answer());
            // The worker goes on, although neither file was read.
            tokio::task::yield_now().await;
            assert!(!waiting.is_finished() && !left.is_finished());
            left.abort();
            assert!(left.await.is_err());
            assert_eq!(reads.available_permits(), 0);
            tokio::time::advance(PATIENCE).await;
            let refused = waiting.await.expect("an answer").err();
            assert_eq!(refused, Some(Refusal::TooBusy));
            // Both reads are still to come, so no others may begin.
            assert_eq!(reads.available_permits(), 0);
            free.send(()).expect("a reader");
            busy.await.expect("a reader").expect("a word");
            let _both = reads.acquire_many(2).await.expect("permits");
        });
        let answer = runtime.block_on(challenge(&file, &reads).answer());
        let answer = answer.expect("an answer");
        assert_eq!((answer.status, &*answer.body), (200, &b"proof"[..]));
    }
}
