//! One recording to its transcript, as the command has it.

use serde::Serialize;
use stonechat::{Recognizer, Settings, Stream, Transcript, Word};
use stonechat_audio::{AudioReader, SignalRepair, Warning};

use crate::Failure;

/// Audio after which finished words are taken out of the stream, seconds: a long recording then costs the memory of its words
/// and no more.
const TAKE_WORDS_S: f64 = 10.0;
/// Samples that are pushed at a time: between them somebody may ask for an end.
const PIECE: usize = 1 << 14;

/// The result of a recording: the object of `transcribe --json`, and how long the recording is.
#[derive(Debug, Serialize)]
pub struct Heard {
    /// What was said.
    #[serde(flatten)]
    pub said: Transcript,
    /// Where utterances end by themselves: each of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub utterances: Option<Vec<Transcript>>,
    /// What was wrong with the audio, and what was done about it.
    pub warnings: Vec<Warning>,
    /// Length of the recording.
    pub seconds: f64,
}

/// Audio that is there as a whole or comes in order.
pub enum Source {
    /// A file of any kind, at the model's rate.
    File(Box<AudioReader>),
    /// Mono samples.
    Samples(Box<Samples>),
}

/// Appends some samples; false, and nothing appended, at their end.
type More = Box<dyn FnMut(&mut Vec<f32>) -> Result<bool, Failure> + Send>;

/// Samples, checked and repaired as those of files are.
pub struct Samples {
    rate_hz: u32,
    repair: SignalRepair,
    more: More,
    raw: Vec<f32>,
    ended: bool,
}

impl Source {
    /// Samples at a rate, as `more` gives them: it appends some of them; false, and nothing appended, at their end.
    pub fn samples(
        rate_hz: u32,
        more: impl FnMut(&mut Vec<f32>) -> Result<bool, Failure> + Send + 'static,
    ) -> Self {
        let repair = SignalRepair::of_file(rate_hz, 1);
        let (raw, ended) = (Vec::new(), false);
        Self::Samples(Box::new(Samples { rate_hz, repair, more: Box::new(more), raw, ended }))
    }

    fn next(&mut self, out: &mut Vec<f32>) -> Result<bool, Failure> {
        match self {
            Self::File(reader) => Ok(reader.next_chunk(out)?),
            Self::Samples(samples) => samples.next(out),
        }
    }

    fn warnings(&self) -> Vec<Warning> {
        match self {
            Self::File(reader) => reader.warnings(),
            Self::Samples(samples) => samples.repair.warnings(),
        }
    }

    fn stream(&self, recognizer: &Recognizer) -> Result<Stream, Failure> {
        match self {
            Self::File(_) => Ok(recognizer.stream()),
            Self::Samples(samples) => Ok(recognizer.stream_at(samples.rate_hz)?),
        }
    }
}

impl Samples {
    fn next(&mut self, out: &mut Vec<f32>) -> Result<bool, Failure> {
        let before = out.len();
        while out.len() == before && !self.ended {
            self.raw.clear();
            self.ended = !(self.more)(&mut self.raw)?;
            self.repair.push(&self.raw, out);
            if self.ended {
                self.repair.finish(out);
            }
        }
        Ok(out.len() > before)
    }
}

/// Transcribes a recording by the recognizer of `settings`. `stop` is asked now and then, and its error ends the work.
///
/// # Errors
/// Those of the source and of `stop`.
pub fn hear(
    recognizer: &Recognizer,
    settings: &Settings,
    source: &mut Source,
    stop: &mut dyn FnMut() -> Result<(), Failure>,
) -> Result<Heard, Failure> {
    let mut stream = source.stream(recognizer)?;
    let mut heard = Collected::default();
    let (mut samples, mut taken_s, mut more) = (Vec::new(), 0.0, true);
    while more {
        samples.clear();
        more = source.next(&mut samples)?;
        for piece in samples.chunks(PIECE) {
            stop()?;
            stream.push(piece)?;
        }
        let last = if more { None } else { Some(stream.finish()) };
        if settings.endpoint.is_some() {
            for said in stream.take_utterances().into_iter().chain(last) {
                heard.add(said);
            }
        } else if let Some(last) = last {
            heard.alternatives.clone_from(&last.alternatives);
            heard.add(last);
        } else if settings.nbest == 0 && stream.seconds() - taken_s > TAKE_WORDS_S {
            // Alternatives are of the whole recording.
            taken_s = stream.seconds();
            let rejected = stream.take_rejected();
            let rejected = (!rejected.is_empty()).then_some(rejected);
            heard.add(Transcript { rejected, ..Transcript::from(stream.take_words()) });
        }
    }
    let Collected { words, rejected, mut utterances, alternatives } = heard;
    utterances.retain(|said| !said.is_silent());
    Ok(Heard {
        said: Transcript { rejected, alternatives, ..Transcript::from(words) },
        utterances: settings.endpoint.map(|_| utterances),
        warnings: source.warnings(),
        seconds: stream.seconds(),
    })
}

/// What was said so far.
#[derive(Default)]
struct Collected {
    words: Vec<Word>,
    /// Where there is something that rejects.
    rejected: Option<Vec<Word>>,
    utterances: Vec<Transcript>,
    alternatives: Vec<stonechat::Alternative>,
}

impl Collected {
    fn add(&mut self, said: Transcript) {
        self.words.extend_from_slice(&said.words);
        if let Some(more) = &said.rejected {
            self.rejected.get_or_insert_default().extend_from_slice(more);
        }
        self.utterances.push(said);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    const SAID: &str = "turn on the light in the kitchen";

    fn kitchen(rate_hz: u32) -> Vec<f32> {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../samples/kitchen.flac");
        stonechat_audio::read_file(path, rate_hz).unwrap().samples
    }

    fn of(samples: Vec<f32>, rate_hz: u32) -> Source {
        let mut samples = Some(samples);
        Source::samples(rate_hz, move |out| {
            out.extend(samples.take().unwrap_or_default());
            Ok(!out.is_empty())
        })
    }

    fn recognizer(settings: &Settings) -> Recognizer {
        let lm = stonechat::PackedLanguageModel::from_bytes(stonechat_english::LANGUAGE_MODEL);
        let model = stonechat::Model::from_bytes(stonechat_english::MODEL).unwrap();
        settings.recognizer(Arc::new(model.with_language_model(lm.unwrap()))).unwrap()
    }

    #[test]
    fn samples_are_heard_as_the_file_they_are_of() {
        let settings = Settings { endpoint: Some(1.0), ..Settings::default() };
        let recognizer = recognizer(&settings);
        let loud: Vec<f32> = kitchen(16_000).iter().map(|sample| sample * 32_768.0).collect();
        for (samples, rate_hz, warnings) in
            [(kitchen(16_000), 16_000, 0), (kitchen(48_000), 48_000, 0), (loud, 16_000, 1)]
        {
            let mut source = of(samples, rate_hz);
            let heard = hear(&recognizer, &settings, &mut source, &mut || Ok(())).unwrap();
            assert_eq!(heard.said.text, SAID, "at {rate_hz} Hz");
            assert_eq!(heard.utterances.unwrap()[0].text, SAID);
            assert_eq!(heard.warnings.len(), warnings, "{:?}", heard.warnings);
        }
    }

    #[test]
    fn words_are_taken_on_the_way_and_none_is_lost() {
        let settings = Settings { greedy: true, ..Settings::default() };
        let recognizer = recognizer(&settings);
        let pause = vec![0.0; 32_000];
        let once = [pause.clone(), kitchen(16_000), pause].concat();
        let long = once.repeat(8);
        let mut whole = recognizer.stream();
        whole.push(&long).unwrap();
        let expected = whole.finish().words;
        let mut source = of(long, 16_000);
        let heard = hear(&recognizer, &settings, &mut source, &mut || Ok(())).unwrap();
        assert!(heard.seconds > 3.0 * TAKE_WORDS_S, "{} s", heard.seconds);
        assert_eq!(heard.said.words, expected);
    }

    #[test]
    fn somebody_may_ask_for_the_end() {
        let settings = Settings::default();
        let mut asked = 0;
        let mut stop = || {
            asked += 1;
            if asked < 3 { Ok(()) } else { Err(Failure::runtime("enough")) }
        };
        let mut source = of(vec![0.0; 1 << 20], 16_000);
        let error = hear(&recognizer(&settings), &settings, &mut source, &mut stop).unwrap_err();
        assert_eq!(error.message, "enough");
    }
}
