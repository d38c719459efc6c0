//! HTTP/2 header blocks: what stands for a malformed one is malformed to a second reader too, and
//! leaves that reader's table able to read what follows; and how the bytes are cut does not matter.

use onetime_gateway::http2::block::Blocks;
use onetime_gateway::http2::guard::Guard;

use super::flags;

pub fn holds(data: &[u8]) {
    let Some((flags, input)) = flags(data) else {
        return;
    };
    let (mut ours, mut reader) = (Blocks::default(), Blocks::default());
    // Blocks behind each other, each with its length before it.
    let mut rest = input;
    while let Some((length, behind)) = rest.split_first() {
        let (block, next) = behind.split_at(usize::from(*length).min(behind.len()));
        rest = next;
        let trailers = flags & 1 != 0;
        match ours.read(block, trailers) {
            Ok(true) => assert_eq!(reader.read(block, trailers), Ok(true)),
            Ok(false) => {
                let Ok(other) = ours.substitute(block) else {
                    break;
                };
                assert_eq!(reader.read(&other, trailers), Ok(false));
            }
            Err(_) => break,
        }
    }
    let size = usize::from(flags >> 1) + 1;
    assert_eq!(through(input, size), through(input, usize::MAX));
}

/// What comes out of the guard for frames that come in pieces of this size.
fn through(frames: &[u8], size: usize) -> (Vec<u8>, usize) {
    let (mut guard, mut out) = (Guard::new(1_000), Vec::new());
    let bytes = [&[0; 24], frames].concat();
    for piece in bytes.chunks(size.min(bytes.len())) {
        let passed = guard.take(piece);
        out.extend_from_slice(&piece[..passed]);
        out.append(guard.out());
    }
    (out, guard.malformed())
}
