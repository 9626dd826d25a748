//! Wrong wav headers: understood if the file's length tells the truth, otherwise a named error.
#![cfg(feature = "files")]

mod common;

use std::path::Path;

use common::{Folder, Wav, sweep};
use stonechat_audio::{AudioReader, Error};

/// Samples and warning of a file that can be read.
fn read(path: &Path) -> Result<(Vec<f32>, Option<String>), Error> {
    let mut reader = AudioReader::open(path, 16_000)?;
    let mut out = Vec::new();
    while reader.next_chunk(&mut out)? {}
    Ok((out, reader.warnings().first().map(|warning| warning.message.clone())))
}

/// A chunk of `bytes` named `id`, padded to an even length.
fn chunk(id: &[u8; 4], bytes: &[u8]) -> Vec<u8> {
    let mut chunk = [id, &(bytes.len() as u32).to_le_bytes()[..], bytes].concat();
    chunk.resize(chunk.len().next_multiple_of(2), 0);
    chunk
}

#[test]
fn wav_headers_that_lie_but_can_be_understood() {
    let folder = Folder::new();
    let signal = sweep(16_000, 0.1);
    let good = Wav::pcm16(16_000, 1, &signal);
    let (expected, _) = read(&folder.write("good.wav", good.bytes())).unwrap();
    assert_eq!(expected.len(), 1_600);
    let odd =
        [chunk(b"LIST", &[b"INFO", &chunk(b"ISFT", b"nest")[..]].concat()), chunk(b"junk", b"odd")]
            .concat();
    let mut double = good.clone();
    double.after = [chunk(b"LIST", b"INFO"), vec![1, 2, 3]].concat();
    // The same wav as RF64, whose 32-bit sizes are all ones and whose real ones are in ds64.
    let sizes =
        [3_300_u64.to_le_bytes(), 3_200_u64.to_le_bytes(), 1_600_u64.to_le_bytes()].concat();
    let mut long = Wav { after: vec![9; 100], ..good.clone() }.bytes();
    long[..4].copy_from_slice(b"RF64");
    long[4..8].fill(0xff);
    long[40..44].fill(0xff);
    long.splice(12..12, chunk(b"ds64", &[sizes, vec![0; 4]].concat()));
    // (what, bytes, whether damage is reported)
    let cases = [
        ("chunks before the data", Wav { between: odd, ..good.clone() }.bytes(), false),
        ("chunks and rubbish after the data", double.bytes(), false),
        ("riff size 0", Wav { riff_bytes: Some(0), ..good.clone() }.bytes(), false),
        ("riff size too small", Wav { riff_bytes: Some(40), ..good.clone() }.bytes(), false),
        ("riff size too large", Wav { riff_bytes: Some(1 << 30), ..good.clone() }.bytes(), false),
        ("data size too large", Wav { data_bytes: Some(1 << 30), ..good.clone() }.bytes(), true),
        (
            "data size open",
            Wav { data_bytes: Some(u32::MAX), riff_bytes: Some(u32::MAX), ..good.clone() }.bytes(),
            false,
        ),
        (
            "never completed",
            Wav { data_bytes: Some(0), riff_bytes: Some(0), ..good.clone() }.bytes(),
            true,
        ),
        (
            "never completed, 36",
            Wav { data_bytes: Some(0), riff_bytes: Some(36), ..good.clone() }.bytes(),
            true,
        ),
        ("block size 0", Wav { block: Some(0), ..good.clone() }.bytes(), false),
        ("block size 999", Wav { block: Some(999), ..good.clone() }.bytes(), false),
        ("half a sample at the end", [good.bytes(), vec![7]].concat(), false),
        ("RF64, and tabs behind it", long, true),
    ];
    for (what, bytes, damaged) in cases {
        let (samples, damage) =
            read(&folder.write("a.wav", &bytes)).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert!(samples == expected, "{what}: {} samples", samples.len());
        assert_eq!(damage.is_some(), damaged, "{what}: {damage:?}");
    }
}

#[test]
fn wav_headers_that_cannot_be_understood() {
    let folder = Folder::new();
    let good = Wav::pcm16(16_000, 1, &sweep(16_000, 0.1));
    let header = |wav: &Wav, length: usize| wav.bytes()[..length].to_vec();
    let backwards =
        [b"RIFF\0\0\0\0WAVE".to_vec(), chunk(b"data", &[0; 100]), chunk(b"fmt ", &[1; 16])]
            .concat();
    let endless = [b"RIFF\0\0\0\0WAVE".to_vec(), vec![0; 100_000]].concat();
    // (what, bytes, words of the message)
    let cases = [
        ("data of 0 bytes", Wav { data: vec![], ..good.clone() }.bytes(), "data chunk is empty"),
        ("data of 1 byte", Wav { data: vec![1], ..good.clone() }.bytes(), "no whole sample"),
        ("data missing", header(&good, 36), "before a data chunk"),
        ("fmt missing", header(&good, 12), "before a fmt chunk"),
        ("fmt cut", header(&good, 30), "at least 16"),
        ("fmt of 0 bytes", Wav { fmt_bytes: 0, ..good.clone() }.bytes(), "at least 16"),
        ("fmt of 4 GB", Wav { fmt_bytes: u32::MAX, ..good.clone() }.bytes(), "before a data chunk"),
        ("0 channels", Wav { channels: 0, ..good.clone() }.bytes(), "0 channels"),
        ("0 Hz", Wav { rate_hz: 0, ..good.clone() }.bytes(), "0 Hz"),
        ("4 GHz", Wav { rate_hz: u32::MAX, ..good.clone() }.bytes(), "4294967295 Hz"),
        ("0 bits", Wav { bits: 0, ..good.clone() }.bytes(), "0 bits"),
        ("77 bits", Wav { bits: 77, ..good.clone() }.bytes(), "77 bits"),
        ("16-bit float", Wav { tag: 3, ..good.clone() }.bytes(), "16 bits"),
        ("ADPCM in blocks of 2 bytes", Wav { tag: 2, ..good.clone() }.bytes(), "damaged"),
        ("GSM", Wav { tag: 0x31, ..good.clone() }.bytes(), "GSM 6.10"),
        ("65,535 channels", Wav { channels: 65_535, ..good.clone() }.bytes(), "no whole sample"),
        ("extensible without extension", Wav { tag: 0xfffe, ..good.clone() }.bytes(), "extensible"),
        ("data before fmt", backwards, "comes before"),
        ("nothing but empty chunks", endless, "no data chunk among"),
    ];
    for (what, bytes, words) in cases {
        let message = match read(&folder.write("a.wav", &bytes)) {
            Ok((samples, _)) => panic!("{what}: {} samples", samples.len()),
            Err(error) => error.to_string(),
        };
        assert!(message.contains(words) && message.contains("a.wav"), "{what}: {message}");
    }
}
