//! Reads a request's body: a length or chunks with trailers, kept up to a bound, counted and, for
//! the debugging routes, hashed to the end.

use bytes::{Buf, BytesMut};
use sha2::{Digest, Sha256};

use super::Ended;
use super::head::{Framing, Head, Malformed};
use super::socket::Socket;

/// How much of a body is kept; of the rest only length and hash are known.
const KEPT: usize = 8 * 1024 * 1024;

/// The longest chunk-size or trailer line.
const LONGEST_LINE: usize = 8 * 1024;

/// The most trailer fields.
const MOST_TRAILERS: usize = 64;

/// A body that has come whole.
pub(in crate::demo) struct Received {
    /// Its first 8 MiB.
    pub(in crate::demo) kept: BytesMut,
    /// Its length.
    pub(in crate::demo) length: u64,
    /// Its hash, where the route shows one.
    pub(in crate::demo) sha256: Option<[u8; 32]>,
    /// The trailer fields after a chunked body, names as sent.
    pub(in crate::demo) trailers: Vec<(String, String)>,
}

impl Received {
    /// Whether some of it was not kept.
    pub(in crate::demo) fn cut(&self) -> bool {
        self.length > self.kept.len() as u64
    }
}

/// Takes a body in.
struct Sink {
    kept: BytesMut,
    length: u64,
    hash: Option<Sha256>,
}

impl Sink {
    fn take(&mut self, bytes: &[u8]) {
        self.length += bytes.len() as u64;
        if let Some(hash) = &mut self.hash {
            hash.update(bytes);
        }
        let room = KEPT.saturating_sub(self.kept.len());
        let bytes = bytes.get(..room).unwrap_or(bytes);
        self.kept.extend_from_slice(bytes);
    }
}

/// Reads the body that follows `head`; what follows the body stays in `buffer`.
pub(super) async fn receive(
    socket: &Socket,
    buffer: &mut BytesMut,
    head: &Head,
) -> Result<Received, Ended> {
    let shown = head.path().starts_with("/demo/");
    let mut sink = Sink {
        kept: BytesMut::new(),
        length: 0,
        hash: shown.then(Sha256::new),
    };
    let mut trailers = Vec::new();
    match head.framing() {
        Framing::Length(length) => exactly(socket, buffer, length, &mut sink).await?,
        Framing::Chunked => {
            loop {
                let length = chunk_length(&line(socket, buffer).await?)?;
                if length == 0 {
                    break;
                }
                exactly(socket, buffer, length, &mut sink).await?;
                if !line(socket, buffer).await?.is_empty() {
                    return Err(Malformed("a chunk longer than its length").into());
                }
            }
            trailers = trailer_fields(socket, buffer).await?;
        }
    }
    Ok(Received {
        kept: sink.kept,
        length: sink.length,
        sha256: sink.hash.map(|hash| hash.finalize().into()),
        trailers,
    })
}

async fn exactly(
    socket: &Socket,
    buffer: &mut BytesMut,
    mut length: u64,
    sink: &mut Sink,
) -> Result<(), Ended> {
    while length > 0 {
        if buffer.is_empty() && socket.read(buffer).await? == 0 {
            return Err(Ended::Gone);
        }
        let take = usize::try_from(length).map_or(buffer.len(), |left| left.min(buffer.len()));
        sink.take(buffer.get(..take).unwrap_or_default());
        buffer.advance(take);
        length -= take as u64;
    }
    Ok(())
}

/// The next line without its CR LF.
async fn line(socket: &Socket, buffer: &mut BytesMut) -> Result<BytesMut, Ended> {
    loop {
        if let Some(end) = memchr::memchr(b'\n', buffer) {
            let mut line = buffer.split_to(end + 1);
            if !line.ends_with(b"\r\n") {
                return Err(Malformed("a bare line feed").into());
            }
            line.truncate(end - 1);
            return Ok(line);
        }
        if buffer.len() > LONGEST_LINE {
            return Err(Malformed("a line too long").into());
        }
        if socket.read(buffer).await? == 0 {
            return Err(Ended::Gone);
        }
    }
}

/// RFC 9112 section 7.1: hex digits, then extensions, which are ignored.
fn chunk_length(line: &[u8]) -> Result<u64, Malformed> {
    let size = line.split(|&byte| byte == b';').next().unwrap_or_default();
    let size = size.trim_ascii_end();
    let digits = (1..=15).contains(&size.len()) && size.iter().all(u8::is_ascii_hexdigit);
    std::str::from_utf8(size)
        .ok()
        .filter(|_| digits)
        .and_then(|size| u64::from_str_radix(size, 16).ok())
        .ok_or(Malformed("a chunk without a length"))
}

async fn trailer_fields(
    socket: &Socket,
    buffer: &mut BytesMut,
) -> Result<Vec<(String, String)>, Ended> {
    let mut trailers = Vec::new();
    loop {
        let line = line(socket, buffer).await?;
        if line.is_empty() {
            return Ok(trailers);
        }
        let text = String::from_utf8_lossy(&line);
        let (name, value) = text
            .split_once(':')
            .ok_or(Malformed("a trailer without a name"))?;
        if trailers.len() == MOST_TRAILERS {
            return Err(Malformed("too many trailers").into());
        }
        trailers.push((name.to_owned(), value.trim().to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunk_lengths_are_read_strictly() {
        assert_eq!(chunk_length(b"1A"), Ok(26));
        assert_eq!(chunk_length(b"0;name=value"), Ok(0));
        assert_eq!(chunk_length(b"a ;x"), Ok(10));
        for line in [
            &b""[..],
            b";x",
            b"-1",
            b"0x10",
            b" 1",
            b"g",
            b"1234567890abcdef",
        ] {
            assert!(chunk_length(line).is_err(), "{line:?}");
        }
    }

    #[test]
    fn a_sink_counts_what_it_does_not_keep() {
        let mut sink = Sink {
            kept: BytesMut::new(),
            length: 0,
            hash: None,
        };
        sink.take(&vec![1; KEPT - 1]);
        sink.take(&[2, 3, 4]);
        assert_eq!(sink.kept.len(), KEPT);
        assert_eq!(sink.kept[KEPT - 1], 2);
        assert_eq!(sink.length, KEPT as u64 + 2);
    }
}
