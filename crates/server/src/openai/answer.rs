//! Transcripts in the formats that may be asked for.

use serde_json::{Value, json};
use stonechat::{Word, subtitles};

use super::form::{Form, Format};
use super::recording::Recording;

/// The body of an answer.
pub(crate) fn render(form: &Form, recording: &Recording) -> String {
    let (text, words, seconds) = (recording.text(), recording.words(), recording.seconds());
    match form.format {
        Format::Json => json!({ "text": text, "usage": usage(seconds) }).to_string(),
        Format::Text => format!("{text}\n"),
        Format::Srt => subtitles::srt(words, seconds) + "\n",
        Format::Vtt => subtitles::vtt(words, seconds) + "\n",
        Format::Verbose => verbose(form, recording).to_string(),
    }
}

/// Audio is what is paid for where somebody pays.
fn usage(seconds: f64) -> Value {
    json!({ "type": "duration", "seconds": seconds.ceil() as u64 })
}

fn verbose(form: &Form, recording: &Recording) -> Value {
    let (words, seconds) = (recording.words(), recording.seconds());
    let mut answer = json!({
        "task": "transcribe",
        "language": "english",
        "duration": seconds,
        "text": recording.text(),
        "usage": usage(seconds),
    });
    if form.words {
        answer["words"] = words
            .iter()
            .map(|w| json!({ "word": w.word, "start": w.start, "end": w.end, "probability": w.conf }))
            .collect();
    }
    // As the service has it: where words alone are asked for, there are no segments.
    if form.segments || !form.words {
        let groups = subtitles::groups(words);
        let segments = groups.iter().enumerate().map(|(id, words)| segment(id, words, form));
        answer["segments"] = segments.collect();
    }
    answer
}

/// What is said between two pauses.
fn segment(id: usize, words: &[Word], form: &Form) -> Value {
    let text: String = words.iter().flat_map(|word| [" ", &word.word]).collect();
    let (first, last) = (&words[0], &words[words.len() - 1]);
    let log = |word: &Word| f64::from(word.conf).max(1e-10).ln();
    json!({
        "id": id,
        // Whisper counts frames of 10 ms.
        "seek": (first.start * 100.0) as u64,
        "start": first.start,
        "end": last.end,
        "text": text,
        // Words are not made of numbered tokens here.
        "tokens": [],
        "temperature": form.temperature,
        "avg_logprob": words.iter().map(log).sum::<f64>() / words.len() as f64,
        "compression_ratio": compression_ratio(&text),
        // Frames without speech are left out before they are heard.
        "no_speech_prob": 0.0,
    })
}

/// Bytes of the text over those of what zlib makes of it; text that repeats itself has much.
fn compression_ratio(text: &str) -> f64 {
    use std::io::Write;
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    // Writing to a Vec cannot fail.
    let packed = zlib.write_all(text.as_bytes()).and_then(|()| zlib.finish());
    text.len() as f64 / packed.map_or(1.0, |packed| packed.len() as f64)
}

/// An event: more text.
pub(crate) fn delta(text: &str) -> Value {
    json!({ "type": "transcript.text.delta", "delta": text })
}

/// The last event.
pub(crate) fn done(recording: &Recording) -> Value {
    let usage = usage(recording.seconds());
    json!({ "type": "transcript.text.done", "text": recording.text(), "usage": usage })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repetition_compresses() {
        let once = compression_ratio(" the cat sat on the mat");
        let often = compression_ratio(&" the cat sat on the mat".repeat(20));
        assert!(once < 1.2 && often > 5.0, "{once} {often}");
    }
}
