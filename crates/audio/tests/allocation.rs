//! After warm-up a frame allocates nothing.

mod common;

use stonechat_audio::{FeatureConfig, FeatureExtractor, FeatureKind};
use stonechat_testing::{Counting, allocations};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn nothing_is_allocated_after_warm_up() {
    let signal = common::noise(5, 16_000);
    for kind in [FeatureKind::LogMel, FeatureKind::LogLinear] {
        let mut extractor =
            FeatureExtractor::new(&FeatureConfig { kind, ..Default::default() }).unwrap();
        let mut out = Vec::new();
        let mut round = |out: &mut Vec<f32>| {
            out.clear();
            for chunk in signal.chunks(437) {
                extractor.push(chunk, out);
            }
            extractor.finish(out)
        };
        round(&mut out);
        let before = allocations();
        for _ in 0..5 {
            round(&mut out);
        }
        assert_eq!(allocations() - before, 0, "{kind:?}: allocations in 500 frames");
    }
    #[cfg(feature = "files")]
    for (from_hz, to_hz) in [(48_000, 16_000), (44_100, 16_000), (16_000, 16_000), (8_000, 16_000)]
    {
        let mut resampler = stonechat_audio::Resampler::new(from_hz, to_hz).unwrap();
        let mut out = Vec::with_capacity(64_000);
        let mut round = |out: &mut Vec<f32>| {
            out.clear();
            signal.chunks(437).for_each(|chunk| resampler.push(chunk, out).unwrap());
            resampler.finish(out).unwrap();
        };
        round(&mut out);
        let before = allocations();
        round(&mut out);
        assert_eq!(allocations() - before, 0, "{from_hz} to {to_hz} Hz");
    }
}
