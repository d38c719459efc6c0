//! Properties of the body decoder.

use super::*;
use proptest::prelude::*;

/// Feeds `input` in pieces and returns the data, the trailers and the number of bytes used.
fn decode(
    framing: Framing,
    input: &[u8],
    piece: usize,
) -> Result<(Vec<u8>, Vec<u8>, usize), Fault> {
    decode_with(Decoder::new(framing), input, piece)
}

fn decode_with(
    mut decoder: Decoder,
    input: &[u8],
    piece: usize,
) -> Result<(Vec<u8>, Vec<u8>, usize), Fault> {
    let (mut data, mut used, mut seen) = (Vec::new(), 0, 0);
    loop {
        match decoder.step(&input[used..seen])? {
            Step::Data(count) => {
                data.extend_from_slice(&input[used..used + count]);
                decoder.took(count);
                used += count;
            }
            Step::Skip(count) => used += count,
            Step::End => return Ok((data, decoder.trailers().to_vec(), used)),
            Step::More if seen == input.len() => {
                decoder.input_ended()?;
                return Ok((data, Vec::new(), used));
            }
            Step::More => seen = (seen + piece).min(input.len()),
        }
    }
}

#[test]
fn extensions_have_an_end_however_many_chunks_they_come_in() {
    let extension = "x".repeat(200);
    let body = |chunks| format!("1;{extension}\r\na\r\n").repeat(chunks) + "0\r\n\r\n";
    let most = LONGEST_EXTENSIONS / 201;
    assert!(chunked(body(most).as_bytes()).is_ok());
    assert_eq!(chunked(body(most + 1).as_bytes()), Err(Fault::BadChunk));
}

fn chunked(body: &[u8]) -> Result<Vec<u8>, Fault> {
    decode(Framing::Chunked, body, 3).map(|(data, _, _)| data)
}

#[test]
fn reads_chunks_extensions_and_trailers() {
    let body = b"5;a=b\r\nhello\r\n6\r\n world\r\n0\r\nX-Sum: 1\r\n\r\nGET";
    let (data, trailers, used) = decode(Framing::Chunked, body, 1).expect("a good body");
    assert_eq!(data, b"hello world");
    assert_eq!(trailers, b"X-Sum: 1\r\n");
    assert_eq!(used, body.len() - 3);
}

/// To refuse such an answer loses a secret that its region has consumed; to accept such a request lets
/// two parsers disagree.
#[test]
fn padding_of_chunk_sizes_is_accepted_in_answers_and_in_no_request() {
    for size in [
        "3  ",
        "3 ;a=b",
        "3\t;a=b",
        "3 \t ; a=\"b\"",
        "3;a=\"\u{e9}\"",
        "0000000000000000003",
        "3                                                              ",
    ] {
        for last in ["0", "0 ", "0 ;x", "00000000000000000000"] {
            let body = format!("{size}\r\nabc\r\n{last}\r\n\r\n");
            let answer = Decoder::of_answer(Framing::Chunked);
            let (data, _, used) = decode_with(answer, body.as_bytes(), 1).expect(size);
            assert_eq!(
                (data.as_slice(), used),
                (&b"abc"[..], body.len()),
                "{size:?}"
            );
            assert_eq!(chunked(body.as_bytes()), Err(Fault::BadChunk), "{size:?}");
        }
    }
    for bad in [
        " 3",
        "\t3",
        "3 3",
        "1 0",
        "3\u{b}",
        "3 a",
        "3 \u{0};a",
        ";a",
        " ",
        "3;a\u{0}",
        "3\u{c}",
        "1000000000000000",
        "0x3",
        "+3",
    ] {
        let body = format!("{bad}\r\nabc\r\n0\r\n\r\n");
        let answer = Decoder::of_answer(Framing::Chunked);
        let decoded = decode_with(answer, body.as_bytes(), 1);
        assert_eq!(decoded.err(), Some(Fault::BadChunk), "{bad:?}");
    }
    // Padding is not counted as extensions: an answer may have any number of padded chunks.
    let body = "1               \r\na\r\n".repeat(2_000) + "0\r\n\r\n";
    let answer = Decoder::of_answer(Framing::Chunked);
    assert!(decode_with(answer, body.as_bytes(), 1_000).is_ok());
}

#[test]
fn refuses_malformed_chunks() {
    for bad in [
        "\r\n0\r\n\r\n",
        "5\nhello\n0\n\n",
        "5\r\nhello0\r\n\r\n",
        "5\r\nhello\n0\r\n\r\n",
        "+5\r\nhello\r\n0\r\n\r\n",
        "-5\r\nhello\r\n0\r\n\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n",
        "5 \r\nhello\r\n0\r\n\r\n",
        " 5\r\nhello\r\n0\r\n\r\n",
        "5;\x00\r\nhello\r\n0\r\n\r\n",
        "5;a\rb\r\nhello\r\n0\r\n\r\n",
        "fffffffffffffffff\r\nhello",
        "10000000000000005\r\nhello\r\n0\r\n\r\n",
    ] {
        assert_eq!(chunked(bad.as_bytes()), Err(Fault::BadChunk), "{bad:?}");
    }
    let long = format!("5;{}\r\nhello\r\n0\r\n\r\n", "a".repeat(400));
    assert_eq!(chunked(long.as_bytes()), Err(Fault::BadChunk));
    for bad in [
        "0\r\nno colon\r\n\r\n",
        "0\r\n folded: x\r\n\r\n",
        "0\r\nX: 1\n\r\n",
    ] {
        assert_eq!(chunked(bad.as_bytes()), Err(Fault::BadTrailers), "{bad:?}");
    }
}

#[test]
fn a_cut_body_is_truncated_and_nothing_else() {
    assert_eq!(chunked(b"5\r\nhel"), Err(Fault::Truncated));
    assert_eq!(chunked(b"5\r\nhello\r\n0\r\n"), Err(Fault::Truncated));
    assert_eq!(decode(Framing::Length(5), b"hel", 9), Err(Fault::Truncated));
    assert_eq!(
        decode(Framing::UntilClose, b"hel", 9),
        Ok((b"hel".to_vec(), Vec::new(), 3))
    );
    assert_eq!(
        decode(Framing::Length(3), b"helGET", 9),
        Ok((b"hel".to_vec(), Vec::new(), 3))
    );
}

proptest! {
    #[test]
    fn what_is_written_is_read(pieces: Vec<Vec<u8>>, piece in 1_usize..40, rest: Vec<u8>) {
        let mut wire = Vec::new();
        for part in &pieces {
            write_chunk(&mut wire, part);
        }
        write_last_chunk(&mut wire, b"A: b\r\n");
        let body_end = wire.len();
        wire.extend_from_slice(&rest);
        let (data, trailers, used) = decode(Framing::Chunked, &wire, piece).expect("our own coding");
        prop_assert_eq!(data, pieces.concat());
        prop_assert_eq!(trailers, b"A: b\r\n");
        prop_assert_eq!(used, body_end);
    }

    #[test]
    fn never_panics_whatever_the_split(input: Vec<u8>, piece in 1_usize..9) {
        let at_once = decode(Framing::Chunked, &input, input.len().max(1));
        prop_assert_eq!(decode(Framing::Chunked, &input, piece), at_once);
    }
}

#[test]
fn what_was_chunked_is_unchunked() {
    let mut out = Vec::new();
    for data in [b"shr".as_slice(), b"", b"imp=1", &[b'x'; 300]] {
        write_chunk(&mut out, data);
    }
    let whole = [b"shrimp=1".as_slice(), &[b'x'; 300]].concat();
    assert_eq!(unchunked(&out), whole);
    write_last_chunk(&mut out, b"a: b\r\n");
    assert_eq!(unchunked(&out), whole);
    assert_eq!(unchunked(&out[..12]), b"shr");
    assert_eq!(unchunked(b""), b"");
    assert_eq!(unchunked(b"nonsense"), b"");
}
