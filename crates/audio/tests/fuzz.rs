//! The targets of the fuzzer (`fuzz/`), run with damaged files of every container without a fuzzer;
//! also proves that they compile. `FUZZ_SECONDS` makes it longer.
#![cfg(feature = "files")]

mod common;
#[path = "../fuzz/drive.rs"]
mod drive;

use std::time::{Duration, Instant};

use common::{Wav, fixture, sweep};
use stonechat_testing::{Counting, Random, peak_bytes};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Flips, removes, repeats, moves and overwrites parts of `bytes`; half of it near the start, where
/// headers are.
fn damage(bytes: &[u8], other: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=random.below(4) {
        if bytes.is_empty() {
            break;
        }
        let near = if random.below(2) == 0 { 256 } else { bytes.len() };
        let at = random.below(near.min(bytes.len()));
        let end = (at + 1 + random.below(64)).min(bytes.len());
        match random.below(7) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][random.below(5)],
            2 => bytes[at..end].fill([0, 0xff][random.below(2)]),
            3 => drop(bytes.drain(at..end)),
            4 => {
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part);
            }
            5 => bytes.truncate(at),
            _ => {
                let from = random.below(other.len().max(1));
                bytes.splice(at..end, other[from..].iter().copied().take(400));
            }
        }
    }
    bytes
}

#[test]
fn damaged_files_of_every_container() {
    let seconds =
        std::env::var("FUZZ_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(10);
    let names = [
        "sweep.flac",
        "sweep.mp3",
        "vbr.mp3",
        "sweep.ogg",
        "sweep.opus",
        "sweep.webm",
        "sweep.m4a",
        "sweep.aac",
        "alac.m4a",
        "sweep.caf",
        "sweep.mka",
        "flac.ogg",
        "ima.wav",
        "ms.wav",
        "mp3.wav",
        "sweep.mp2",
        "speex.ogg",
    ];
    let mut seeds: Vec<(String, Vec<u8>)> = names
        .iter()
        .map(|name| (name.to_string(), std::fs::read(fixture(name)).unwrap()))
        .collect();
    seeds.push(("pcm.wav".into(), Wav::pcm16(8_000, 2, &sweep(8_000, 0.2)).bytes()));
    seeds.push(("float.wav".into(), Wav::float(22_050, 1, &sweep(22_050, 0.1)).bytes()));
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut count = 0u32;
    while Instant::now() < end {
        let (name, seed) = &seeds[count as usize % seeds.len()];
        let other = &seeds[random.below(seeds.len())].1;
        let start = random.0;
        let bytes = damage(seed, other, &mut random);
        let (caught, peak) = peak_bytes(|| std::panic::catch_unwind(|| drive::file(&bytes)));
        if caught.is_err() {
            let path = std::env::temp_dir().join(format!("stonechat-audio-{start:x}"));
            std::fs::write(&path, &bytes).unwrap();
            panic!("{name}, random state {start:#x}: panicked; the input is {}", path.display());
        }
        // The pipe holds the input once more; that copy is not the reader's.
        let limit = 4 * bytes.len() + (16 << 20);
        assert!(peak <= limit, "{name}, random state {start:#x}: {peak} bytes for {}", bytes.len());
        drive::signal(&bytes);
        drive::wav(bytes.get(12..).unwrap_or(b""));
        count += 1;
    }
    println!("{count} damaged files");
    assert!(count > 0);
}
