//! Every container and codec, from files and from pipes, compared with the original signal.
#![cfg(feature = "files")]

mod common;

use common::{Folder, Wav, fixture, sweep};
use stonechat_audio::{AudioReader, Error};

fn all(mut reader: AudioReader) -> Result<(Vec<f32>, Vec<String>), Error> {
    let mut out = Vec::new();
    while reader.next_chunk(&mut out)? {}
    Ok((out, reader.warnings().into_iter().map(|warning| warning.message).collect()))
}

/// The signal's delay relative to the sweep in samples, and the share of its power that is not the
/// sweep.
fn compare(samples: &[f32], most_delay: usize) -> (usize, f32) {
    let expected = &sweep(16_000, 1.2)[1_600..14_400];
    let power: f32 = expected.iter().map(|x| x * x).sum();
    let error = |delay: usize| {
        let there = &samples[1_600 + delay..14_400 + delay];
        expected.iter().zip(there).map(|(x, y)| (x - y) * (x - y)).sum::<f32>() / power
    };
    let best = (0..=most_delay).min_by(|&a, &b| error(a).total_cmp(&error(b))).unwrap();
    (best, error(best))
}

#[test]
fn every_codec_gives_the_sweep() {
    // (file, samples more than the sweep has, largest delay, share of the power that may be wrong)
    let cases = [
        ("sweep.flac", 0, 0, 1e-6),
        ("sweep.ogg", 1, 1, 1e-2),
        ("sweep.opus", 320, 0, 0.05),
        ("sweep.webm", 640, 320, 0.05),
        ("sweep.m4a", 3_072, 2_048, 1e-2),
        ("sweep.aac", 3_072, 2_048, 1e-2),
        ("alac.m4a", 0, 0, 1e-6),
        ("sweep.caf", 4_096, 0, 1e-6),
        ("sweep.mka", 2_048, 1_024, 1e-2),
        ("flac.ogg", 0, 0, 1e-6),
        ("ima.wav", 2_048, 0, 1e-2),
        ("ms.wav", 2_048, 0, 1e-2),
        ("mp3.wav", 3_456, 2_304, 0.05),
        ("sweep.mp2", 1_152, 600, 0.05),
    ];
    for (name, more, most_delay, share) in cases {
        let path = fixture(name);
        let (samples, warnings) = all(AudioReader::open(&path, 16_000).unwrap())
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(warnings, [""; 0], "{name}");
        assert!(
            (19_199..=19_200 + more).contains(&samples.len()),
            "{name}: {} samples",
            samples.len()
        );
        let (delay, error) = compare(&samples, most_delay);
        assert!(error < share, "{name}: {error} of the power is wrong, at a delay of {delay}");
        // The same from memory and through a pipe, which cannot be searched.
        let bytes = std::fs::read(&path).unwrap();
        let memory = AudioReader::from_bytes(bytes.clone(), name, 16_000).unwrap();
        assert!(all(memory).unwrap().0 == samples, "{name} from memory");
        let (piped, _) = all_of_pipe(&bytes, name).unwrap();
        assert!(piped == samples, "{name} through a pipe: {}", piped.len());
    }
}

fn all_of_pipe(bytes: &[u8], name: &str) -> Result<(Vec<f32>, Vec<String>), Error> {
    all(AudioReader::from_pipe(std::io::Cursor::new(bytes.to_vec()), name, 16_000)?)
}

/// An AIFF with 16-bit samples.
fn aiff(samples: &[f32]) -> Vec<u8> {
    let data: Vec<u8> =
        samples.iter().flat_map(|x| ((x * 32_767.0) as i16).to_be_bytes()).collect();
    // 16,000 as a float of 80 bits.
    let rate = [0x40, 0x0c, 0xfa, 0, 0, 0, 0, 0, 0, 0];
    let chunk =
        |id: &[u8], bytes: &[u8]| [id, &(bytes.len() as u32).to_be_bytes()[..], bytes].concat();
    let common = [&[0, 1][..], &(samples.len() as u32).to_be_bytes(), &[0, 16], &rate].concat();
    let sound = [vec![0; 8], data].concat();
    let body = [b"AIFF".to_vec(), chunk(b"COMM", &common), chunk(b"SSND", &sound)].concat();
    chunk(b"FORM", &body)
}

#[test]
fn aiff_is_read() {
    let folder = Folder::new();
    let path = folder.write("a.wav", aiff(&sweep(16_000, 1.2)));
    let (samples, warnings) = all(AudioReader::open(path, 16_000).unwrap()).unwrap();
    assert_eq!((samples.len(), warnings.len()), (19_200, 0));
    assert!(compare(&samples, 0).1 < 1e-6);
}

#[test]
fn what_is_not_decoded_is_named_with_the_way_out() {
    let folder = Folder::new();
    let gsm = Wav { tag: 0x31, data: vec![1; 650], ..Wav::empty(1, 0, 8_000, 1) }.bytes();
    let speex = std::fs::read(fixture("speex.ogg")).unwrap();
    // (name, content, words of the message)
    let cases: [(&str, &[u8], &[&str]); 5] = [
        ("a.ogg", &speex, &["speex", "ffmpeg -i"]),
        ("a.wav", &gsm, &["GSM 6.10", "ffmpeg -i"]),
        ("a.amr", b"#!AMR\n\x3c\x91\x17\x16\xbe\x66\x78", &["AMR", "ffmpeg -i"]),
        ("a.wma", b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9", &["Windows Media", "ffmpeg -i"]),
        ("a.stonechat", b"stoneLM\x01\x03\x08\x08\0\0\0", &["language model", "--lm"]),
    ];
    for (name, content, words) in cases {
        let path = folder.write(name, content);
        let message = match AudioReader::open(&path, 16_000) {
            Ok(_) => panic!("{name} was opened"),
            Err(error) => error.to_string(),
        };
        for word in words.iter().chain([&name]) {
            assert!(message.contains(word), "{name}: {message} lacks {word}");
        }
    }
}
