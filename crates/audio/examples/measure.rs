//! Speed of this crate on one core, in multiples of real time.
//!
//! ```text
//! cargo run --release -p stonechat-audio --example measure [FILE...]
//! ```
//! Without files it extracts features from 10 minutes of noise; with files it also streams each of them (decode, mix,
//! resample to 16 kHz, 80 log-mel) and prints the length and the seconds it took.

use std::time::Instant;

use stonechat_audio::{AudioReader, Error, FeatureConfig, FeatureExtractor, FeatureKind, features};

fn main() -> Result<(), Error> {
    let mut state = 1_u32;
    let signal: Vec<f32> = (0..600 * 16_000)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 24) as f32 - 0.5
        })
        .collect();
    for kind in [FeatureKind::LogMel, FeatureKind::LogLinear] {
        let config = FeatureConfig { kind, ..Default::default() };
        let mut best = f64::INFINITY;
        for _ in 0..5 {
            let start = Instant::now();
            std::hint::black_box(features(&config, &signal)?);
            best = best.min(start.elapsed().as_secs_f64());
        }
        println!("{kind:?}, {} features: {:.0} x real time", config.dim(), 600.0 / best);
    }
    for path in std::env::args().skip(1) {
        let start = Instant::now();
        let mut reader = AudioReader::open(&path, 16_000)?;
        let mut extractor = FeatureExtractor::new(&FeatureConfig::default())?;
        let (mut samples, mut frames, mut count) = (Vec::new(), Vec::new(), 0);
        while reader.next_chunk(&mut samples)? {
            count += samples.len();
            extractor.push(&samples, &mut frames);
            samples.clear();
            frames.clear();
        }
        let (length, took) = (count as f64 / 16_000.0, start.elapsed().as_secs_f64());
        println!(
            "{path}: {length:.1} s in {took:.2} s, {:.0} x real time; {:?}",
            length / took,
            reader.warnings()
        );
    }
    Ok(())
}
