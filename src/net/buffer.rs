//! A byte queue over memory that a worker lends and takes back, so that an idle connection holds
//! none: thousands of them wait for every one that speaks.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Size of a lent block: a TLS record's worth of plaintext.
pub const BLOCK: usize = 16 * 1024;

/// Blocks kept for the next user, per thread.
const MOST_SPARE: usize = 256;

thread_local! {
    static SPARE: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// Bytes read but not yet consumed, or to be written but not yet sent. No `Debug`: it holds
/// people's bytes.
#[derive(Default)]
pub struct Buffer {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl Buffer {
    /// An empty buffer that holds no memory.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            bytes: Vec::new(),
            start: 0,
            end: 0,
        }
    }

    /// The bytes in it.
    #[must_use]
    pub fn filled(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// How many bytes are in it.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.end - self.start
    }

    /// Whether it is empty.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Drops `count` bytes from the front.
    pub fn consume(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
        }
    }

    /// Gives the memory back if nothing is in it.
    pub fn release(&mut self) {
        if self.is_empty() && !self.bytes.is_empty() {
            give_back(std::mem::take(&mut self.bytes));
        }
    }

    /// Gives memory back that is not needed while nothing moves: the thread's block, or what a larger
    /// one has to spare.
    pub fn park(&mut self) {
        self.release();
        if self.bytes.len() > self.len() + BLOCK / 4 {
            let few = self.filled().to_vec();
            give_back(std::mem::replace(&mut self.bytes, few));
            self.end -= self.start;
            self.start = 0;
        }
    }

    /// Appends `bytes`.
    pub fn push(&mut self, bytes: &[u8]) {
        self.make_room(bytes.len());
        if let Some(room) = self.bytes.get_mut(self.end..self.end + bytes.len()) {
            room.copy_from_slice(bytes);
            self.end += bytes.len();
        }
    }

    /// Lets `write` append to a plain vector that continues this buffer.
    pub fn append_with(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        thread_local! {
            static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
        }
        let mut scratch = SCRATCH.take();
        scratch.clear();
        write(&mut scratch);
        self.push(&scratch);
        SCRATCH.set(scratch);
    }

    /// Reads once from `stream`, as much as there is room for; 0 is the end.
    ///
    /// # Errors
    /// What the stream says.
    pub fn poll_fill<S: AsyncRead + Unpin>(
        &mut self,
        stream: &mut S,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        self.make_room(if self.is_empty() { 1 } else { BLOCK / 4 });
        let mut room = ReadBuf::new(self.bytes.get_mut(self.end..).unwrap_or_default());
        ready!(Pin::new(stream).poll_read(context, &mut room))?;
        let count = room.filled().len();
        self.end += count;
        Poll::Ready(Ok(count))
    }

    /// Writes as much as `stream` takes; `Ready` once the buffer is empty.
    ///
    /// # Errors
    /// What the stream says; a stream that takes nothing is a `WriteZero`.
    pub fn poll_drain<S: AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while !self.is_empty() {
            ready!(self.poll_some(stream, context, usize::MAX))?;
        }
        Poll::Ready(Ok(()))
    }

    /// Writes once, of what is filled at most so many bytes.
    ///
    /// # Errors
    /// As [`Buffer::poll_drain`].
    pub fn poll_some<S: AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        context: &mut Context<'_>,
        most: usize,
    ) -> Poll<io::Result<()>> {
        let filled = self.filled();
        let some = filled.get(..most).unwrap_or(filled);
        let count = ready!(Pin::new(stream).poll_write(context, some))?;
        if count == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        self.consume(count);
        Poll::Ready(Ok(()))
    }

    /// Makes sure that `room` more bytes fit behind the filled ones.
    fn make_room(&mut self, room: usize) {
        if self.bytes.is_empty() {
            self.bytes = lend();
        }
        if self.bytes.len() - self.end >= room {
            return;
        }
        self.bytes.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.bytes.len() - self.end >= room {
            return;
        }
        let needed = self.end + room;
        if needed <= BLOCK {
            let mut block = lend();
            if let Some(start) = block.get_mut(..self.end) {
                start.copy_from_slice(self.bytes.get(..self.end).unwrap_or_default());
            }
            self.bytes = block;
            return;
        }
        // Not twice as much each time: many clients that send half a head are to cost what they send.
        let wanted = needed
            .next_multiple_of(BLOCK / 4)
            .max(self.bytes.len() * 9 / 8);
        self.bytes.reserve_exact(wanted - self.bytes.len());
        self.bytes.resize(wanted, 0);
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if !self.bytes.is_empty() {
            give_back(std::mem::take(&mut self.bytes));
        }
    }
}

fn lend() -> Vec<u8> {
    SPARE
        .with_borrow_mut(Vec::pop)
        .unwrap_or_else(|| vec![0; BLOCK])
}

fn give_back(block: Vec<u8>) {
    // Grown blocks are not kept: one large head must not make a worker large for ever.
    if block.len() == BLOCK {
        // A thread that is ending has no spare list any more.
        let _ = SPARE.try_with(|spare| {
            if let Ok(mut spare) = spare.try_borrow_mut()
                && spare.len() < MOST_SPARE
            {
                spare.push(block);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn is_a_queue(steps: Vec<(Vec<u8>, usize)>) {
            let mut buffer = Buffer::new();
            let mut model = std::collections::VecDeque::new();
            for (bytes, consumed) in steps {
                buffer.push(&bytes);
                model.extend(bytes);
                let consumed = consumed % 64;
                buffer.consume(consumed);
                model.drain(..consumed.min(model.len()));
                prop_assert_eq!(buffer.filled(), model.make_contiguous() as &[u8]);
            }
        }
    }

    #[tokio::test]
    async fn one_write_takes_no_more_than_it_may() {
        let mut buffer = Buffer::new();
        buffer.push(&[7; 40]);
        let mut taken = Vec::new();
        for left in [24, 8, 0] {
            std::future::poll_fn(|context| buffer.poll_some(&mut taken, context, 16))
                .await
                .expect("written");
            assert_eq!((buffer.len(), taken.len()), (left, 40 - left));
        }
    }

    #[test]
    fn half_a_head_costs_what_was_sent_of_it() {
        for length in [1, 100, 5_000, 16_000, 20_000, 30_000, 200_000] {
            let mut buffer = Buffer::new();
            let sent: Vec<u8> = (0..length)
                .map(|at| u8::try_from(at % 251).unwrap())
                .collect();
            for piece in sent.chunks(1_400) {
                buffer.make_room(BLOCK / 4);
                buffer.push(piece);
                buffer.park();
                assert!(buffer.bytes.capacity() <= buffer.len() * 9 / 8 + BLOCK / 2);
            }
            assert_eq!(buffer.filled(), sent);
        }
    }

    #[test]
    fn holds_no_memory_when_released() {
        let mut buffer = Buffer::new();
        buffer.push(b"x");
        buffer.consume(1);
        buffer.release();
        assert_eq!(buffer.bytes.capacity(), 0);
    }
}
