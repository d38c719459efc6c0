//! A request's body as a caller sends it: whole or in pieces, of a known length or not, to its end
//! or only so far.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// A body on its way out.
pub(crate) struct Sending {
    left: Bytes,
    /// Bytes in one piece.
    piece: usize,
    /// Whether its length is announced.
    is_sized: bool,
    /// How many bytes go out before the caller leaves; `None` is all, and to stay.
    leaves_after: Option<usize>,
    /// Whether others had their turn since the last piece.
    rested: bool,
}

impl Sending {
    pub(crate) fn new(
        body: Vec<u8>,
        piece: usize,
        is_sized: bool,
        leaves_after: Option<usize>,
    ) -> Self {
        Self {
            left: body.into(),
            piece: piece.max(1),
            is_sized,
            leaves_after,
            rested: true,
        }
    }
}

impl Body for Sending {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = self.get_mut();
        if this.leaves_after == Some(0) {
            return Poll::Ready(Some(Err(io::ErrorKind::ConnectionAborted.into())));
        }
        if this.left.is_empty() {
            return Poll::Ready(None);
        }
        this.rested = !this.rested;
        if this.rested {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let most = this.leaves_after.unwrap_or(usize::MAX).min(this.piece);
        let piece = this.left.split_to(most.min(this.left.len()));
        if let Some(left) = &mut this.leaves_after {
            *left -= piece.len();
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty() && self.leaves_after.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        if self.is_sized {
            SizeHint::with_exact(self.left.len() as u64)
        } else {
            SizeHint::default()
        }
    }
}
