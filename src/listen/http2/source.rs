//! A stream's request body, as a region takes it.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Incoming};

use crate::upstream::failure::Cause;
use crate::upstream::outgoing::RequestBody;

/// A stream's request body.
pub(super) struct Source {
    pub(super) body: Incoming,
    pub(super) data: Bytes,
    pub(super) trailers: Vec<u8>,
    pub(super) read: u64,
    pub(super) limit: u64,
}

impl Source {
    /// A whole small body.
    pub(super) async fn collect(&mut self) -> Result<Vec<u8>, Cause> {
        let mut whole = Vec::new();
        while let Some(count) = poll_fn(|context| {
            let data = ready!(self.poll_data(context))?;
            whole.extend_from_slice(data.unwrap_or_default());
            Poll::Ready(Ok::<_, Cause>(data.map(<[u8]>::len)))
        })
        .await?
        {
            self.consume(count);
        }
        Ok(whole)
    }
}

impl RequestBody for Source {
    fn poll_data(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<&[u8]>, Cause>> {
        while self.data.is_empty() {
            let Some(frame) = ready!(Pin::new(&mut self.body).poll_frame(context)) else {
                // hyper also ends a body so when the client resets its stream with NO_ERROR: a part
                // must not pass for the whole.
                return Poll::Ready(if self.body.is_end_stream() {
                    Ok(None)
                } else {
                    Err(Cause::ClientGone)
                });
            };
            match frame.map_err(|_| Cause::ClientGone)?.into_data() {
                Ok(data) => {
                    self.read += data.len() as u64;
                    if self.read > self.limit {
                        return Poll::Ready(Err(Cause::BodyTooLarge));
                    }
                    self.data = data;
                }
                Err(frame) => {
                    for (name, value) in frame.trailers_ref().into_iter().flatten() {
                        crate::headers::request::write_field(
                            &mut self.trailers,
                            name.as_str(),
                            value.as_bytes(),
                        );
                    }
                }
            }
        }
        Poll::Ready(Ok(Some(&self.data)))
    }

    fn consume(&mut self, count: usize) {
        let count = count.min(self.data.len());
        bytes::Buf::advance(&mut self.data, count);
    }

    fn trailers(&self) -> &[u8] {
        &self.trailers
    }
}
