//! `stonechat transcribe`: audio in, text out.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, ValueEnum};
use serde::Serialize;
use stonechat::{Alternative, Options, Recognizer, Transcript, Word};
use stonechat_audio::Warning;

use crate::audio_source::AudioSource;
use crate::decoder_args::DecoderArgs;
use crate::failure::{Verdict, usage};
use crate::inputs::{self, Input};
use crate::model_file::ModelArg;
use crate::partial_line::PartialLine;
use crate::voice_args::VoiceArgs;
use crate::{endpoint_args, output, recordings, subtitles};

/// Audio after which finished words are taken out of the stream, in seconds: an endless
/// recording then costs the memory of its words and no more.
const TAKE_WORDS_S: f64 = 10.0;

#[derive(Args)]
pub struct Transcribe {
    /// Audio files (wav, flac, mp3, ogg, opus, m4a, webm and others; any rate and channels), pipes, patterns such as
    /// 'talks/*.mp3', or - for stdin: an audio file, or raw PCM (signed 16 bit, little endian, mono; see --rate)
    #[arg(required = true, value_name = "AUDIO")]
    audio: Vec<PathBuf>,
    #[command(flatten)]
    model: ModelArg,
    #[command(flatten)]
    decoder: DecoderArgs,
    /// With --json: also the N likeliest texts, as "alternatives"; implies a beam search
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    nbest: Option<u32>,
    /// How the result is written; srt and vtt take one recording
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// The same as --format json: Vosk's {"text", "result"} and "warnings", [{"kind", "message"}]; for several recordings {"files": [...]}, each
    /// with its "file" and either that or an "error"
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// Sample rate of the PCM on stdin [default: the model's]
    #[arg(long, value_name = "HZ")]
    rate: Option<u32>,
    /// End utterances after SECONDS of silence [default: 1], at the latest after 20 s: as text a line each, printed when
    /// they end; with --json also as "utterances"
    #[arg(
        long, value_name = "SECONDS", num_args = 0..=1, require_equals = true, default_missing_value = "1",
        value_parser = endpoint_args::silence, conflicts_with = "nbest"
    )]
    endpoint: Option<f64>,
    #[command(flatten)]
    voice: VoiceArgs,
    /// Show the text on stderr while it grows
    #[arg(long)]
    partial: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Srt,
    Vtt,
    Json,
}

/// The result of a recording, with what else it may have been.
#[derive(Serialize)]
struct Heard {
    #[serde(flatten)]
    said: Transcript,
    #[serde(skip_serializing_if = "Option::is_none")]
    utterances: Option<Vec<Transcript>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    alternatives: Vec<Alternative>,
    /// What was wrong with the audio, and what was done about it.
    warnings: Vec<Warning>,
}

impl Transcribe {
    pub fn run(self) -> Result<Verdict> {
        let format = if self.json { Format::Json } else { self.format };
        let inputs = inputs::expand(&self.audio)?;
        if matches!(format, Format::Srt | Format::Vtt) && inputs.len() > 1 {
            return Err(usage("srt and vtt take one recording: call the command once for each"));
        }
        if self.rate.is_some() && !inputs.contains(&Input::Stdin) {
            return Err(usage("--rate is that of raw PCM on stdin: files say their own"));
        }
        if self.nbest.is_some() && format != Format::Json {
            return Err(usage("--nbest needs --json: the other formats have one text"));
        }
        let beam = self.nbest.is_some();
        let recognizer = self.decoder.recognizer(&self.model, Options::default(), beam)?;
        let mut recognizer = self.voice.apply(recognizer, true)?;
        if let Some(silence_s) = self.endpoint {
            recognizer = endpoint_args::splitting(recognizer, silence_s);
        }
        if let [input] = &inputs[..] {
            let print = |text: &str| output::text(text);
            let heard = self.transcribe(&recognizer, input, format, &print)?;
            let words = &heard.said.words;
            match format {
                Format::Text => {}
                Format::Srt => output::text(&subtitles::srt(words))?,
                Format::Vtt => output::text(&subtitles::vtt(words))?,
                Format::Json => output::json(&heard)?,
            }
            return Ok(Verdict::Good);
        }
        let (verdict, files) = recordings::each(&inputs, |input| {
            let print = |text: &str| output::text(&format!("{input}: {text}"));
            self.transcribe(&recognizer, input, format, &print)
        });
        if format == Format::Json {
            output::json(&files)?;
        }
        Ok(verdict)
    }

    /// One recording; as text it goes to `print`.
    fn transcribe(
        &self,
        recognizer: &Recognizer,
        input: &Input,
        format: Format,
        print: &dyn Fn(&str) -> Result<()>,
    ) -> Result<Heard> {
        let rate_hz = recognizer.model().sample_rate_hz();
        let mut source = AudioSource::open(input, rate_hz, self.rate.unwrap_or(rate_hz))?;
        let mut stream = recognizer.stream();
        let mut partial = self.partial.then(PartialLine::new);
        let (mut samples, mut words, mut taken_s) = (Vec::new(), Vec::new(), 0.0);
        let (mut rejected, mut utterances) = (None, Vec::new());
        loop {
            let more = source.next_chunk(&mut samples)?;
            stream.push(&samples)?;
            samples.clear();
            let last = if more { None } else { Some(stream.finish()) };
            if let Some(line) = partial.as_mut().filter(|_| !more) {
                line.clear();
            }
            if self.endpoint.is_some() {
                for said in stream.take_utterances().into_iter().chain(last) {
                    words.extend_from_slice(&said.words);
                    add(&mut rejected, said.rejected.clone());
                    if format == Format::Text && !said.words.is_empty() {
                        if let Some(line) = &mut partial {
                            line.clear();
                        }
                        print(&said.text)?;
                    }
                    utterances.push(said);
                }
            } else if let Some(last) = last {
                words.extend(last.words);
                add(&mut rejected, last.rejected);
            } else if self.nbest.is_none() && stream.seconds() - taken_s > TAKE_WORDS_S {
                // Alternatives are of the whole recording.
                taken_s = stream.seconds();
                words.extend(stream.take_words());
                let taken = stream.take_rejected();
                add(&mut rejected, (!taken.is_empty()).then_some(taken));
            }
            if !more {
                break;
            }
            if let Some(line) = &mut partial {
                let before = if self.endpoint.is_some() { &[] } else { &words[..] };
                line.show(before, stream.partial());
            }
        }
        let warnings = source.tell_warnings(input);
        let alternatives = self.nbest.map_or_else(Vec::new, |n| stream.alternatives(n as usize));
        let said = Transcript { rejected, ..Transcript::from(words) };
        if format == Format::Text && self.endpoint.is_none() {
            print(&said.text)?;
        }
        utterances.retain(|said| !said.is_silent());
        let utterances = self.endpoint.map(|_| utterances);
        Ok(Heard { said, utterances, alternatives, warnings })
    }
}

/// Adds rejected words, where there is something that rejects.
fn add(rejected: &mut Option<Vec<Word>>, more: Option<Vec<Word>>) {
    if let Some(more) = more {
        rejected.get_or_insert_default().extend(more);
    }
}
