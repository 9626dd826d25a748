//! `stonechat transcribe`: audio in, text out.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, ValueEnum};
use serde::Serialize;
use stonechat::{Alternative, Options, Recognizer, Transcript};

use crate::audio_source::AudioSource;
use crate::decoder_args::DecoderArgs;
use crate::failure::{Verdict, message, usage};
use crate::inputs::{self, Input};
use crate::model_file::ModelArg;
use crate::partial_line::PartialLine;
use crate::{output, subtitles};

/// Audio after which finished words are taken out of the stream, in seconds: an endless
/// recording then costs the memory of its words and no more.
const TAKE_WORDS_S: f64 = 10.0;

#[derive(Args)]
pub struct Transcribe {
    /// Audio files (wav, flac, mp3, ogg vorbis; any rate and channels), patterns such as 'talks/*.mp3',
    /// or - for raw PCM on stdin (signed 16 bit, little endian, mono; see --rate)
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
    /// The same as --format json: Vosk's {"text", "result"}; for several recordings {"files": [...]}, each
    /// with its "file" and either that or an "error"
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// Sample rate of the PCM on stdin [default: the model's]
    #[arg(long, value_name = "HZ")]
    rate: Option<u32>,
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

/// The result of a recording: Vosk's object, with what else it may have been.
#[derive(Serialize)]
struct Heard {
    #[serde(flatten)]
    transcript: Transcript,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    alternatives: Vec<Alternative>,
}

/// The results of several recordings.
#[derive(Serialize)]
struct Files {
    files: Vec<FileResult>,
}

/// The result of one of several recordings.
#[derive(Serialize)]
struct FileResult {
    file: String,
    #[serde(flatten)]
    outcome: Outcome,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Outcome {
    Done(Heard),
    Failed { error: String },
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
        match &inputs[..] {
            [input] => {
                let heard = self.transcribe(&recognizer, input)?;
                print(format, &heard)?;
                Ok(Verdict::Good)
            }
            _ => self.several(&recognizer, &inputs, format),
        }
    }

    /// One recording after the other; one that fails does not stop the others.
    fn several(
        &self,
        recognizer: &Recognizer,
        inputs: &[Input],
        format: Format,
    ) -> Result<Verdict> {
        let mut verdict = Verdict::Good;
        let mut files = Vec::new();
        for input in inputs {
            let outcome = match self.transcribe(recognizer, input) {
                Ok(heard) => {
                    if format == Format::Text {
                        output::text(&format!("{input}: {}", heard.transcript.text))?;
                    }
                    Outcome::Done(heard)
                }
                Err(error) => {
                    verdict = Verdict::Bad;
                    let error = message(&error);
                    eprintln!("error: {error}");
                    Outcome::Failed { error }
                }
            };
            if format == Format::Json {
                files.push(FileResult { file: input.to_string(), outcome });
            }
        }
        if format == Format::Json {
            output::json(&Files { files })?;
        }
        Ok(verdict)
    }

    fn transcribe(&self, recognizer: &Recognizer, input: &Input) -> Result<Heard> {
        let rate_hz = recognizer.model().sample_rate_hz();
        let mut source = AudioSource::open(input, rate_hz, self.rate.unwrap_or(rate_hz))?;
        let mut stream = recognizer.stream();
        let mut partial = self.partial.then(PartialLine::new);
        let (mut samples, mut words, mut taken_s) = (Vec::new(), Vec::new(), 0.0);
        while source.next_chunk(&mut samples)? {
            stream.push(&samples)?;
            samples.clear();
            // Alternatives are of the whole recording.
            if self.nbest.is_none() && stream.seconds() - taken_s > TAKE_WORDS_S {
                taken_s = stream.seconds();
                words.extend(stream.take_words());
            }
            if let Some(line) = &mut partial {
                line.show(&words, stream.partial());
            }
        }
        words.extend(stream.finish().words);
        if let Some(line) = &mut partial {
            line.clear();
        }
        if let Some(damage) = source.damage() {
            eprintln!("warning: {input}: {damage}");
        }
        let alternatives = self.nbest.map_or_else(Vec::new, |n| stream.alternatives(n as usize));
        Ok(Heard { transcript: Transcript::from(words), alternatives })
    }
}

fn print(format: Format, heard: &Heard) -> Result<()> {
    let transcript = &heard.transcript;
    match format {
        Format::Text => output::text(&transcript.text),
        Format::Srt => output::text(&subtitles::srt(&transcript.words)),
        Format::Vtt => output::text(&subtitles::vtt(&transcript.words)),
        Format::Json => output::json(heard),
    }
}
