//! The short form of `examples/soak`: minutes instead of hours.
#![cfg(feature = "vad")]

#[path = "../examples/soak/work.rs"]
mod work;

use stonechat::Recognizer;
use work::{
    Recording, endless, many_utterances, one_stream, recognizer, recordings, threads, timed,
};

#[global_allocator]
static ALLOCATOR: stonechat_testing::Counting = stonechat_testing::Counting;

fn setup() -> (Recognizer, Vec<Recording>) {
    let samples = ["kitchen", "train", "winter"].map(|name| {
        let path = format!("{}/../../samples/{name}.flac", env!("CARGO_MANIFEST_DIR"));
        stonechat_audio::read_file(path, 16_000).unwrap().samples
    });
    let recognizer = recognizer();
    let recordings = recordings(&recognizer, samples.into());
    (recognizer, recordings)
}

/// One test, so that nothing else allocates while memory is looked at.
#[test]
fn hours_take_no_memory_and_change_no_text() {
    let (recognizer, recordings) = setup();
    let report =
        timed("recordings through one stream", || one_stream(&recognizer, &recordings, 0.1));
    report.check();
    assert!(report.words > 100, "{report:?}");
    let report = timed("a stream without end", || endless(&recognizer, &recordings, 0.1));
    report.check();
    assert!(report.utterances > 20, "{report:?}");
    timed("utterances of one recognizer", || many_utterances(&recognizer, &recordings, 1_000))
        .check();
    timed("64 threads", || threads(&recognizer, &recordings, 64, 1));
}
