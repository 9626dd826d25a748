//! After warm-up a frame allocates nothing. What is counted are the allocations of the test's own thread: the harness has
//! another, which allocates when it likes.
#![allow(unsafe_code)]

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use stonechat_audio::{FeatureConfig, FeatureExtractor, FeatureKind};

struct Counting;

thread_local! {
    // Const and without a destructor: reading it allocates nothing.
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call is passed on unchanged to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

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
        let before = ALLOCATIONS.get();
        for _ in 0..5 {
            round(&mut out);
        }
        assert_eq!(ALLOCATIONS.get() - before, 0, "{kind:?}: allocations in 500 frames");
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
        let before = ALLOCATIONS.get();
        round(&mut out);
        assert_eq!(ALLOCATIONS.get() - before, 0, "{from_hz} to {to_hz} Hz");
    }
}
