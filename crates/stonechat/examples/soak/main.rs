//! Hours of audio through a recognizer: `soak HOURS UTTERANCES THREADS [FILE...]`.
//!
//! With search, language model, hotwords, a keyword, endpoints and voice activity detection. Texts must be those of the files
//! recognised one by one, whatever the pieces, and memory must not grow by more than 1 MiB. `tests/soak.rs` is its short
//! form. Without files the samples of the repository are heard.

mod work;

use std::path::PathBuf;

use work::{endless, many_utterances, one_stream, recognizer, recordings, threads, timed};

#[global_allocator]
static ALLOCATOR: stonechat_testing::Counting = stonechat_testing::Counting;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [hours, utterances, count, files @ ..] = &arguments[..] else {
        return Err("usage: soak HOURS UTTERANCES THREADS [FILE...]".into());
    };
    let (hours, utterances, count): (f64, u64, usize) =
        (hours.parse()?, utterances.parse()?, count.parse()?);
    let mut paths: Vec<PathBuf> = files.iter().map(PathBuf::from).collect();
    if paths.is_empty() {
        let samples = concat!(env!("CARGO_MANIFEST_DIR"), "/../../samples/");
        paths = ["kitchen", "train", "winter"]
            .map(|name| format!("{samples}{name}.flac").into())
            .into();
    }
    let read = |path: &PathBuf| Ok(stonechat_audio::read_file(path, 16_000)?.samples);
    let samples = paths.iter().map(read).collect::<Result<Vec<_>, stonechat_audio::Error>>()?;
    let recognizer = recognizer();
    let recordings = recordings(&recognizer, samples);
    println!("{} recordings", recordings.len());
    timed("recordings through one stream", || one_stream(&recognizer, &recordings, hours)).check();
    timed("a stream without end", || endless(&recognizer, &recordings, hours)).check();
    timed("utterances of one recognizer", || many_utterances(&recognizer, &recordings, utterances))
        .check();
    timed(&format!("{count} threads"), || threads(&recognizer, &recordings, count, 8));
    Ok(())
}
