//! Damaged, wrong and mistaken files: a clear error or the right samples, never a panic.
#![cfg(feature = "files")]

mod common;

use std::path::Path;

use common::{Folder, Wav, fixture, noise, sweep};
use stonechat_audio::{AudioReader, Error, read_file};

/// Samples and warning of a file that can be read.
fn read(path: &Path) -> Result<(Vec<f32>, Option<String>), Error> {
    let mut reader = AudioReader::open(path, 16_000)?;
    let mut out = Vec::new();
    while reader.next_chunk(&mut out)? {}
    Ok((out, reader.warnings().first().map(|warning| warning.message.clone())))
}

#[test]
fn what_is_no_audio_is_named() {
    let folder = Folder::new();
    let text = "This is a transcript, not a recording.\n".repeat(400);
    let zeros = vec![0; 50_000];
    let bytes: Vec<u8> = noise(3, 50_000).iter().map(|x| (x * 255.0) as i32 as u8).collect();
    // (name, content, words of the message)
    let cases: [(&str, &[u8], &str); 9] = [
        ("empty.wav", b"", "empty (0 bytes)"),
        ("text.wav", text.as_bytes(), "not audio, but text"),
        ("text.mp3", text.as_bytes(), "not audio, but text"),
        ("one.wav", b"R", "not audio, but text"),
        ("zeros.wav", &zeros, "nothing but zeros"),
        ("noise.mp3", &bytes, "noise.mp3"),
        ("video.mp4", b"\0\0\0\x18ftypisom\0\0\x02\0isomiso2avc1mp41", "MPEG-4"),
        ("page.ogg", b"OggS\0\x02", "ogg"),
        ("image.wav", b"RIFF\x10\0\0\0WEBPVP8 ", "a WebP picture"),
    ];
    for (name, content, words) in cases {
        let path = folder.write(name, content);
        let message = read(&path).unwrap_err().to_string();
        assert!(message.contains(words) && message.contains(name), "{name}: {message}");
    }
    let message = read(&fixture("no-such-file.wav")).unwrap_err().to_string();
    assert!(message.contains("no-such-file.wav: cannot read"), "{message}");
    assert!(matches!(read(&fixture("")), Err(Error::Read { .. })), "a folder");
}

#[test]
fn nan_and_infinite_floats_become_silence() {
    let folder = Folder::new();
    let mut signal = sweep(16_000, 0.1);
    let mut expected = signal.clone();
    for (n, bad) in [(0, f32::NAN), (800, f32::INFINITY), (1_599, f32::NEG_INFINITY)] {
        signal[n] = bad;
        expected[n] = 0.0;
    }
    let path = folder.write("nan.wav", Wav::float(16_000, 1, &signal).bytes());
    assert_eq!(read_file(path, 16_000).unwrap().samples, expected);
    let all = folder.write("all.wav", Wav::float(44_100, 2, &[f32::NAN; 10_000]).bytes());
    assert!(read_file(all, 16_000).unwrap().samples.iter().all(|&x| x == 0.0));
}

#[test]
fn a_cut_file_gives_what_is_there() {
    let folder = Folder::new();
    let wav = folder.write("whole.wav", Wav::pcm16(44_100, 2, &noise(6, 40_000)).bytes());
    // Most of this ogg file is headers, and an incomplete page (0.2 s) is lost.
    let cases = [
        (wav, 0.65),
        (fixture("sweep.mp3"), 0.65),
        (fixture("sweep.flac"), 0.65),
        (fixture("sweep.ogg"), 0.9),
    ];
    for (path, kept) in cases {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let bytes = std::fs::read(&path).unwrap();
        let (whole, _) = read(&path).unwrap();
        let (part, damage) =
            read(&folder.write("cut", &bytes[..(bytes.len() as f64 * kept) as usize])).unwrap();
        let share = part.len() as f64 / whole.len() as f64;
        assert!((0.5..0.8).contains(&share), "{name}: {share:.2} of the samples");
        // The last block before the cut may differ: it misses what would have overlapped.
        let same = part.len() - 1_500;
        assert!(part[..same] == whole[..same], "{name}: other samples than in the whole file");
        let damage = damage.unwrap_or_else(|| panic!("{name}: truncation must be noted"));
        assert!(damage.contains("truncated"), "{name}: {damage}");
    }
}

/// Whatever comes out must be samples, and no more than such a small file can contain.
fn must_be_sane(folder: &Folder, bytes: &[u8], case: &str) -> bool {
    match read(&folder.write("damaged", bytes)) {
        Ok((samples, _)) => {
            assert!(samples.iter().all(|x| x.is_finite()), "{case}: not finite");
            assert!(samples.len() < 16_000 * 600, "{case}: {} samples", samples.len());
            true
        }
        Err(error) => {
            assert!(
                error.to_string().contains("damaged"),
                "{case}: {error} does not name the file"
            );
            false
        }
    }
}

#[test]
fn truncation_anywhere_never_panics() {
    let folder = Folder::new();
    let wav = Wav::pcm16(16_000, 1, &sweep(16_000, 0.01)).bytes();
    for length in 0..wav.len() {
        must_be_sane(&folder, &wav[..length], &format!("wav cut at {length}"));
    }
    for name in ["sweep.mp3", "sweep.ogg", "sweep.flac"] {
        let bytes = std::fs::read(fixture(name)).unwrap();
        for length in (0..300).chain((300..bytes.len()).step_by(389)) {
            must_be_sane(&folder, &bytes[..length], &format!("{name} cut at {length}"));
        }
    }
}

#[test]
fn flipped_bits_never_panic() {
    let folder = Folder::new();
    let wav = Wav::float(22_050, 2, &noise(1, 2_000)).bytes();
    let mut files = vec![("wav".to_string(), wav)];
    for name in ["sweep.mp3", "sweep.ogg", "sweep.flac"] {
        files.push((name.to_string(), std::fs::read(fixture(name)).unwrap()));
    }
    for (name, bytes) in files {
        let mut readable = 0;
        for seed in 0..150 {
            let mut damaged = bytes.clone();
            // Half of the flips are in the headers, where they do the most harm.
            for (flip, place) in noise(seed * 2 + 1, 1 + seed as usize % 8).iter().enumerate() {
                let range = if flip % 2 == 0 { damaged.len() } else { 200 };
                let bit = ((place + 0.5) * (range * 8 - 1) as f32) as usize;
                damaged[bit / 8] ^= 1 << (bit % 8);
            }
            readable +=
                usize::from(must_be_sane(&folder, &damaged, &format!("{name}, seed {seed}")));
        }
        // An mp3 is found again after any damage; in the others the headers matter.
        assert!(
            name == "sweep.mp3" || readable < 150,
            "{name}: flipped bits in a header were never noticed"
        );
        assert!(readable > 0, "{name}: not one damaged file could be read");
    }
}

#[test]
fn damage_in_the_middle_keeps_the_time_of_the_rest() {
    let folder = Folder::new();
    for name in ["sweep.mp3", "sweep.flac"] {
        let mut bytes = std::fs::read(fixture(name)).unwrap();
        let (whole, _) = read(&fixture(name)).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle..middle + 40].fill(0x55);
        let (samples, damage) = read(&folder.write(name, &bytes)).unwrap();
        // If an mp3 header is lost, so is its frame; and wrong bits that still form a header cannot
        // be detected.
        if name == "sweep.mp3" {
            assert!(
                samples.len().abs_diff(whole.len()) <= 2 * 420,
                "{name}: {} of {}",
                samples.len(),
                whole.len()
            );
            continue;
        }
        assert!(damage.is_some(), "{name}: damage must be noted");
        assert_eq!(samples.len(), whole.len(), "{name}");
        let tail = whole.len() - 3_000..whole.len();
        assert!(samples[tail.clone()] == whole[tail], "{name}: {damage:?}");
    }
}
