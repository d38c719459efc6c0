//! What must hold of header blocks and of the frames that carry them.

use proptest::prelude::*;

use super::block::{Blocks, Undecodable};
use super::guard::Guard;
use super::huffman;

fn decoded(bytes: &[u8]) -> Result<Vec<u8>, huffman::Broken> {
    let mut out = Vec::new();
    huffman::decode(bytes, |byte| out.push(byte)).map(|()| out)
}

#[test]
fn the_huffman_code_is_the_one_of_rfc_7541() {
    // Appendices C.4 and C.6.
    for (coded, text) in [
        ("f1e3c2e5f23a6ba0ab90f4ff", "www.example.com"),
        ("a8eb10649cbf", "no-cache"),
        ("25a849e95ba97d7f", "custom-key"),
        ("25a849e95bb8e8b4bf", "custom-value"),
        (
            "d07abe941054d444a8200595040b8166e082a62d1bff",
            "Mon, 21 Oct 2013 20:13:21 GMT",
        ),
        (
            "94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
            "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
        ),
    ] {
        let bytes: Vec<u8> = (0..coded.len() / 2)
            .map(|i| u8::from_str_radix(&coded[2 * i..2 * i + 2], 16).expect("hex"))
            .collect();
        assert_eq!(decoded(&bytes).as_deref(), Ok(text.as_bytes()));
    }
    // NUL has thirteen bits, and its padding is of ones.
    assert_eq!(decoded(&[0xff, 0xc7]), Ok(vec![0]));
    for broken in [
        &[0xff][..],
        &[0xff, 0xff, 0xff, 0xff],
        &[0xff, 0xc0],
        &[0x00, 0x07, 0xfe],
    ] {
        assert_eq!(decoded(broken), Err(huffman::Broken), "{broken:x?}");
    }
}

fn text(out: &mut Vec<u8>, text: &[u8]) {
    assert!(text.len() < 127);
    out.push(text.len() as u8);
    out.extend_from_slice(text);
}

fn literal(first: u8, name: &[u8], value: &[u8]) -> Vec<u8> {
    let mut out = vec![first];
    if matches!(first, 0 | 0x10 | 0x40) {
        text(&mut out, name);
    }
    text(&mut out, value);
    out
}

#[test]
fn what_a_block_must_not_hold_is_malformed() {
    for (name, value, good) in [
        (&b"x"[..], &b"y"[..], true),
        (b"x", b"", true),
        (b"x-long-name-of-a-field", b"\xff\t y", true),
        (b"te", b"trailers", true),
        (b"te", b"gzip", false),
        (b"te", b"", false),
        (b"X", b"y", false),
        (b"", b"y", false),
        (b"", b"", false),
        (b"x\"a", b"y", false),
        (b"x a", b"y", false),
        (b"x\xe9", b"y", false),
        (b"x", b"a\0", false),
        (b"x", b"a\x7f", false),
        (b"connection", b"close", false),
        (b"keep-alive", b"1", false),
        (b"proxy-connection", b"1", false),
        (b"transfer-encoding", b"chunked", false),
        (b"upgrade", b"h2c", false),
        (b":unknown", b"x", false),
        (b":", b"x", false),
        (b":status", b"200", false),
        (b":protocol", b"x", false),
        (b":path", b"/a", true),
        (b":path", b"/a#b", false),
        (b":path", b"/a b", false),
        (b":path", b"/\xc3\xa9", false),
        (b":method", b"G T", false),
        (b":method", b"", false),
        (b":authority", b"a\nb", false),
        (b":scheme", b"\xff", false),
    ] {
        for first in [0, 0x10, 0x40] {
            let block = literal(first, name, value);
            let read = Blocks::default().read(&block, false);
            assert_eq!(read, Ok(good), "{name:?} {value:?}");
        }
    }
    let read = |block: &[u8], trailers| Blocks::default().read(block, trailers);
    // Twice, behind a field, and in trailers.
    assert_eq!(read(&[0x82, 0x84, 0x82], false), Ok(false));
    assert_eq!(read(&[0x82, 0x93, 0x84], false), Ok(false));
    assert_eq!(read(&[0x82], true), Ok(false));
    assert_eq!(read(&[0x93], true), Ok(true));
    assert_eq!(read(&[0x88], false), Ok(false));
    for broken in [
        &[0x80][..],
        &[0xbe],
        &[0x82, 0x20],
        &[0x3f, 0xe2, 0x1f],
        &[0x40, 5, b'x'],
    ] {
        assert_eq!(read(broken, false), Err(Undecodable), "{broken:x?}");
    }
}

#[test]
fn a_name_outlives_a_bad_value_in_the_table() {
    let mut blocks = Blocks::default();
    let mut bad = literal(0x40, b"x-name", b"a\0b");
    bad.extend(literal(0x40, b"X-Upper", b"y"));
    assert_eq!(blocks.read(&bad, false), Ok(false));
    // The newest is first: 62 is the bad name, 63 the good one with the bad value.
    assert_eq!(blocks.read(&[0xbe], false), Ok(false));
    assert_eq!(blocks.read(&[0xbf], false), Ok(false));
    assert_eq!(
        blocks.read(&literal(0x0f, b"", b"")[..1], false),
        Err(Undecodable)
    );
    assert_eq!(blocks.read(&[0x0f, 48, 1, b'y'], false), Ok(true));
    assert_eq!(blocks.read(&[0x0f, 47, 1, b'y'], false), Ok(false));
}

fn blocks() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let name = prop_oneof![
        Just(b"x".to_vec()),
        Just(b"X".to_vec()),
        Just(b"te".to_vec()),
        Just(b":path".to_vec()),
        Just(b":method".to_vec()),
        Just(b"connection".to_vec()),
        proptest::collection::vec(any::<u8>(), 1..100),
    ];
    let value = prop_oneof![
        Just(b"trailers".to_vec()),
        Just(b"/a".to_vec()),
        proptest::collection::vec(any::<u8>(), 0..120),
    ];
    let entry = prop_oneof![
        (
            prop_oneof![Just(0_u8), Just(0x10), Just(0x40)],
            name,
            value.clone()
        )
            .prop_map(|(first, name, value)| literal(first, &name, &value)),
        (0x41_u8..0x7f, value).prop_map(|(first, value)| literal(first, b"", &value)),
        (0x81_u8..0xc8).prop_map(|index| vec![index]),
    ];
    let block = proptest::collection::vec(entry, 0..12).prop_map(|entries| entries.concat());
    proptest::collection::vec(block, 1..12)
}

proptest! {
    /// The reader's table stays that of the client, whatever was replaced.
    #[test]
    fn a_substitute_is_malformed_and_changes_the_table_as_the_block_did(all in blocks()) {
        let (mut ours, mut reader) = (Blocks::default(), Blocks::default());
        for block in all {
            match ours.read(&block, false) {
                Ok(true) => prop_assert_eq!(reader.read(&block, false), Ok(true)),
                Ok(false) => {
                    let Ok(other) = ours.substitute(&block) else { return Ok(()) };
                    prop_assert_eq!(reader.read(&other, false), Ok(false));
                }
                Err(_) => return Ok(()),
            }
            prop_assert_eq!(ours.sizes(), reader.sizes());
        }
    }

    #[test]
    fn any_bytes_are_read_to_their_end(bytes: Vec<u8>, block: Vec<u8>) {
        let _ = decoded(&bytes);
        let mut blocks = Blocks::default();
        if blocks.read(&block, false) == Ok(false) {
            let _ = blocks.substitute(&block);
        }
        let mut guard = Guard::new(1_000);
        guard.take(&[0; 24]);
        guard.take(&bytes);
        guard.take(&block);
    }

    #[test]
    fn how_the_bytes_are_cut_does_not_matter(
        all in blocks(),
        kinds in proptest::collection::vec((0_u8..11, any::<bool>()), 12),
        pieces in 1_usize..9,
        cuts in proptest::collection::vec(1_usize..40, 1..100),
    ) {
        let mut bytes = vec![0; 24];
        for (number, (block, (kind, pads))) in all.iter().zip(kinds).enumerate() {
            let stream = 2 * number as u8 + 1;
            if kind < 8 && kind != 1 && kind != 5 {
                bytes.extend([0, 0, 8, kind, 0, 0, 0, 0, stream, 0, 0, 0, 1, 0, 0, 0, 1]);
            }
            let mut parts = block.chunks((block.len() / pieces).max(1)).peekable();
            let mut kind = 1;
            while let Some(part) = parts.next() {
                let last = if parts.peek().is_none() { 4 } else { 0 };
                let padded = pads && kind == 1;
                let mut payload = if padded { vec![2] } else { vec![] };
                payload.extend(part);
                payload.extend(if padded { &[0; 2][..] } else { &[] });
                let length = (payload.len() as u32).to_be_bytes();
                bytes.extend(&length[1..]);
                bytes.extend([kind, last | if padded { 8 } else { 0 }, 0, 0, 0, stream]);
                bytes.extend(payload);
                kind = 9;
            }
        }
        let through = |sizes: &[usize]| {
            let (mut guard, mut out, mut rest) = (Guard::new(32_768), Vec::new(), &bytes[..]);
            let mut sizes = sizes.iter().cycle();
            while !rest.is_empty() {
                let (front, back) = rest.split_at((*sizes.next().expect("endless")).min(rest.len()));
                let passed = guard.take(front);
                out.extend_from_slice(&front[..passed]);
                out.append(guard.out());
                rest = back;
            }
            (out, guard.malformed(), guard.is_within_frame())
        };
        prop_assert_eq!(through(&cuts), through(&[usize::MAX]));
    }
}
