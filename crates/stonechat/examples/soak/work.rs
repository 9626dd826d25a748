//! The three loads, each a function of how much of it there is to be.
//!
//! Recordings go in pieces of the sizes that callers have: 10 ms of a telephone, 20 ms of a browser, blocks of sound cards and of
//! files, seconds of a queue.

use std::sync::Arc;
use std::time::{Duration, Instant};

use stonechat::{Model, Recognizer, Settings, Stream};
use stonechat_testing::{Random, live_bytes, sound};

/// Samples that are pushed at once.
const CUTS: [usize; 10] = [1, 80, 160, 320, 441, 1_024, 1_600, 4_096, 16_000, 48_000];
/// What memory may grow by.
const FLAT_BYTES: u64 = 1 << 20;
/// Memory is looked at for the first time when so much of a load is done: all buffers have their size then.
const WARM: f64 = 0.1;

/// A recording with the text that it has as a file.
pub struct Recording {
    samples: Vec<f32>,
    text: String,
}

/// What came of a load.
#[derive(Debug, Default)]
pub struct Report {
    pub utterances: u64,
    pub words: u64,
    pub seconds: f64,
    /// Resident memory of the process, in bytes, when the load was warm and at its end; 0 where it cannot be known.
    pub resident: [u64; 2],
    /// Bytes that the thread had allocated, likewise; 0 without a counting allocator.
    pub live: [i64; 2],
}

impl Report {
    /// # Panics
    /// If memory grew.
    pub fn check(&self) {
        let [warm, end] = self.live;
        assert!(end <= warm + FLAT_BYTES as i64, "{self:?}: allocated bytes grew");
        let [warm, end] = self.resident;
        assert!(end <= warm + FLAT_BYTES, "{self:?}: resident memory grew");
    }

    fn look(&mut self, when: usize) {
        self.resident[when] = resident_bytes().unwrap_or(0);
        self.live[when] = live_bytes() as i64;
    }
}

/// A recognizer with everything that takes memory as a stream goes on.
pub fn recognizer() -> Recognizer {
    let model = Model::from_bytes(stonechat_english::MODEL).expect("the bundled model");
    let lm = stonechat::PackedLanguageModel::from_bytes(stonechat_english::LANGUAGE_MODEL.to_vec());
    let mut settings =
        Settings { endpoint: Some(0.5), vad: Some(true), nbest: 2, ..Settings::default() };
    settings.set("hotwords", "kitchen\nlittle station:6\nwinter:3\n").expect("hotwords");
    settings.set("keyword", "cold day").expect("a keyword");
    settings
        .recognizer_with(Arc::new(model), Some(lm.expect("the bundled language model")))
        .expect("settings that go together")
}

/// Recordings with their texts: what is given, made sounds, and both in noise.
pub fn recordings(recognizer: &Recognizer, samples: Vec<Vec<f32>>) -> Vec<Recording> {
    let made = (1..4).map(|seed| sound(1.0 + seed as f64, 16_000, seed));
    let mut stream = recognizer.stream();
    let recording = |samples: Vec<f32>| {
        stream.reset();
        stream.push(&samples).expect("samples at the model's rate");
        let text = text_of(&mut stream).1;
        Recording { samples, text }
    };
    samples.into_iter().chain(made).map(recording).collect()
}

/// Utterances, words and text of a stream that ends.
fn text_of(stream: &mut Stream) -> (u64, String) {
    let mut said = stream.take_utterances();
    said.push(stream.finish());
    said.extend(stream.take_utterances());
    let texts: Vec<&str> = said.iter().map(|t| &t.text[..]).filter(|t| !t.is_empty()).collect();
    (texts.len() as u64, texts.join(" "))
}

fn push_in_pieces(stream: &mut Stream, samples: &[f32], random: &mut Random) {
    let mut rest = samples;
    // One size for a while, as callers have it, then another.
    let mut size = CUTS[random.below(CUTS.len())];
    while !rest.is_empty() {
        if random.below(50) == 0 {
            size = CUTS[random.below(CUTS.len())];
        }
        let (piece, after) = rest.split_at(size.min(rest.len()));
        stream.push(piece).expect("samples at the model's rate");
        rest = after;
    }
}

/// Recordings one after the other through one stream, each a stream of its own in between: `hours` of them.
///
/// # Panics
/// If a text is not that of the file.
pub fn one_stream(recognizer: &Recognizer, recordings: &[Recording], hours: f64) -> Report {
    let (mut report, mut random) = (Report::default(), Random(1));
    let mut stream = recognizer.stream();
    let mut warm = false;
    while report.seconds < 3600.0 * hours {
        let recording = &recordings[random.below(recordings.len())];
        stream.reset();
        push_in_pieces(&mut stream, &recording.samples, &mut random);
        let (utterances, text) = text_of(&mut stream);
        stream.take_spotted();
        assert_eq!(text, recording.text, "after {:.0} s", report.seconds);
        report.utterances += utterances;
        report.words += text.split_whitespace().count() as u64;
        report.seconds += recording.samples.len() as f64 / 16_000.0;
        if !warm && report.seconds > WARM * 3600.0 * hours {
            warm = true;
            report.look(0);
        }
    }
    report.look(1);
    report
}

/// A microphone that never ends: all recordings again and again with pauses, in pieces; what is said is taken as it ends.
///
/// # Panics
/// If the utterances are not those of the same samples in pieces of a second.
pub fn endless(recognizer: &Recognizer, recordings: &[Recording], hours: f64) -> Report {
    let (mut report, mut random) = (Report::default(), Random(2));
    let (mut stream, mut other) = (recognizer.stream(), recognizer.stream());
    let pause = vec![0.0; 16_000];
    let mut warm = false;
    // Utterances that one of the streams has ended, and the other not yet.
    let (mut ahead, mut behind) = (Vec::new(), Vec::new());
    while report.seconds < 3600.0 * hours {
        let recording = &recordings[random.below(recordings.len())];
        for samples in [&recording.samples, &pause] {
            push_in_pieces(&mut stream, samples, &mut random);
            samples.chunks(16_000).for_each(|piece| other.push(piece).expect("samples"));
            report.seconds += samples.len() as f64 / 16_000.0;
        }
        ahead.extend(stream.take_utterances());
        behind.extend(other.take_utterances());
        stream.take_spotted();
        other.take_spotted();
        let both = ahead.len().min(behind.len());
        assert!(
            ahead[..both] == behind[..both],
            "after {:.0} s: {ahead:?} {behind:?}",
            report.seconds
        );
        report.utterances += both as u64;
        report.words += ahead[..both].iter().map(|said| said.words.len() as u64).sum::<u64>();
        ahead.drain(..both);
        behind.drain(..both);
        if !warm && report.seconds > WARM * 3600.0 * hours {
            warm = true;
            report.look(0);
        }
    }
    report.look(1);
    report
}

/// Short utterances, each a stream of its own of one recognizer.
///
/// # Panics
/// If one has another text than the same samples had at first.
pub fn many_utterances(recognizer: &Recognizer, recordings: &[Recording], count: u64) -> Report {
    const SAMPLES: usize = 4_800;
    let (mut report, mut random) = (Report::default(), Random(3));
    let clips: Vec<&[f32]> = recordings
        .iter()
        .flat_map(|recording| recording.samples.chunks_exact(SAMPLES))
        .take(64)
        .collect();
    let mut texts: Vec<Option<String>> = vec![None; clips.len()];
    for n in 0..count {
        let clip = random.below(clips.len());
        let mut stream = recognizer.stream();
        stream.push(clips[clip]).expect("samples at the model's rate");
        let (_, text) = text_of(&mut stream);
        drop(stream);
        report.words += text.split_whitespace().count() as u64;
        let first = texts[clip].get_or_insert_with(|| text.clone());
        assert_eq!(*first, text, "utterance {n}");
        report.utterances += 1;
        report.seconds += SAMPLES as f64 / 16_000.0;
        if n == (WARM * count as f64) as u64 {
            report.look(0);
        }
    }
    report.look(1);
    report
}

/// Threads that share a recognizer, each with a stream of its own in pieces of its own.
///
/// # Panics
/// If a text is not that of the file.
pub fn threads(
    recognizer: &Recognizer,
    recordings: &[Recording],
    threads: usize,
    rounds: usize,
) -> Report {
    let heard = std::thread::scope(|scope| {
        let start = |number: usize| {
            scope.spawn(move || {
                let mut random = Random(100 + number as u64);
                let mut stream = recognizer.stream();
                let mut seconds = 0.0;
                for _ in 0..rounds {
                    let recording = &recordings[random.below(recordings.len())];
                    stream.reset();
                    push_in_pieces(&mut stream, &recording.samples, &mut random);
                    assert_eq!(text_of(&mut stream).1, recording.text, "thread {number}");
                    seconds += recording.samples.len() as f64 / 16_000.0;
                }
                seconds
            })
        };
        let started: Vec<_> = (0..threads).map(start).collect();
        started.into_iter().map(|thread| thread.join().expect("a thread that hears the same")).sum()
    });
    Report { utterances: (threads * rounds) as u64, seconds: heard, ..Report::default() }
}

/// Resident memory of this process.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(1024 * line.trim().strip_suffix(" kB")?.parse::<u64>().ok()?)
}

/// Runs a load and prints a line about it.
pub fn timed(what: &str, load: impl FnOnce() -> Report) -> Report {
    let begun = Instant::now();
    let report = load();
    let Report { utterances, words, seconds, resident: [warm, end], live: [live_warm, live_end] } =
        report;
    let took: Duration = begun.elapsed();
    println!(
        "{what}: {:.2} h of audio, {utterances} utterances, {words} words in {:.0} s; resident {} to {} KiB, allocated {} to {} KiB",
        seconds / 3600.0,
        took.as_secs_f64(),
        warm >> 10,
        end >> 10,
        live_warm >> 10,
        live_end >> 10,
    );
    report
}
