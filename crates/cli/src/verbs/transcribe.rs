//! `stonechat transcribe`: audio in, text out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use serde::Serialize;
use stonechat::{Recognizer, Transcript, Word, subtitles};
use stonechat_audio::Warning;

use crate::audio_source::AudioSource;
use crate::decoder_args::DecoderArgs;
use crate::failure::{Verdict, usage};
use crate::inputs::{self, Input};
use crate::model_file::ModelArg;
use crate::partial_line::PartialLine;
use crate::settings_args::{checked, set};
use crate::voice_args::VoiceArgs;
use crate::{output, recordings};

/// Audio after which finished words are taken out of the stream, in seconds: an endless
/// recording then costs the memory of its words and no more.
const TAKE_WORDS_S: f64 = 10.0;

#[derive(Args)]
pub struct Transcribe {
    /// Audio files (wav, flac, mp3, ogg, opus, m4a, webm and others; any rate and channels), folders of them, pipes, patterns
    /// such as 'talks/*.mp3', or - for stdin: an audio file, or raw PCM (signed 16 bit, little endian, mono; see --rate)
    #[arg(required = true, value_name = "AUDIO")]
    audio: Vec<PathBuf>,
    #[command(flatten)]
    model: ModelArg,
    #[command(flatten)]
    decoder: DecoderArgs,
    /// With --json: also the N likeliest texts, as "alternatives"; implies a beam search
    #[arg(long, value_name = "N", value_parser = checked("nbest"))]
    nbest: Option<String>,
    /// Output format; srt and vtt of several recordings need --beside
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// The same as --format json: Vosk's {"text", "result"} and "warnings", [{"kind", "message"}]; for several recordings {"files": [...]}, each
    /// with its "file" and either that or an "error"
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// Write each result to a file next to its recording: talk.mp3 gets talk.srt (.vtt, .txt, .json); stdout lists them
    #[arg(long, conflicts_with_all = ["json", "partial"])]
    beside: bool,
    /// With --beside: write over a .txt that says something else, as a transcript of the recording does
    #[arg(long, requires = "beside")]
    replace: bool,
    /// Recordings to work on at the same time, each on one core
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: u16,
    /// Sample rate of the PCM on stdin [default: the model's]
    #[arg(long, value_name = "HZ")]
    rate: Option<u32>,
    /// End utterances after SECONDS of silence [default: 1], at the latest after 20 s: as text a line each, printed when
    /// they end; with --json also as "utterances"
    #[arg(
        long, value_name = "SECONDS", num_args = 0..=1, require_equals = true, default_missing_value = "1",
        value_parser = checked("endpoint"), conflicts_with = "nbest"
    )]
    endpoint: Option<String>,
    #[command(flatten)]
    voice: VoiceArgs,
    /// Show partial results on stderr
    #[arg(long, conflicts_with = "jobs")]
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
    /// What was wrong with the audio, and what was done about it.
    warnings: Vec<Warning>,
    /// Length of the recording.
    #[serde(skip)]
    seconds: f64,
}

impl Format {
    /// How files of it are called.
    fn extension(self) -> &'static str {
        match self {
            Self::Text => "txt",
            Self::Srt => "srt",
            Self::Vtt => "vtt",
            Self::Json => "json",
        }
    }
}

impl Heard {
    fn render(&self, format: Format) -> Result<String> {
        let words = &self.said.words;
        Ok(match format {
            Format::Text => self.lines().collect::<Vec<_>>().join("\n"),
            Format::Srt => subtitles::srt(words, self.seconds),
            Format::Vtt => subtitles::vtt(words, self.seconds),
            Format::Json => serde_json::to_string_pretty(self)?,
        })
    }

    /// The text, or that of each utterance.
    fn lines(&self) -> impl Iterator<Item = &str> {
        let whole = self.utterances.is_none().then_some(&self.said);
        let utterances = self.utterances.iter().flatten();
        let spoken = utterances.filter(|said| !said.words.is_empty());
        whole.into_iter().chain(spoken).map(|said| &said.text[..])
    }
}

impl Transcribe {
    pub fn run(self) -> Result<Verdict> {
        let format = if self.json { Format::Json } else { self.format };
        let inputs = inputs::expand(&self.audio)?;
        if matches!(format, Format::Srt | Format::Vtt) && inputs.len() > 1 && !self.beside {
            return Err(usage("srt and vtt of several recordings go into files: add --beside"));
        }
        if self.beside {
            places_beside(&inputs, format)?;
        }
        if self.rate.is_some() && !inputs.contains(&Input::Stdin) {
            return Err(usage("--rate is that of raw PCM on stdin: files say their own"));
        }
        if self.nbest.is_some() && format != Format::Json {
            return Err(usage("--nbest needs --json: the other formats have one text"));
        }
        self.decoder.check_normalise()?;
        let mut settings = self.decoder.settings()?;
        self.voice.apply(&mut settings, true)?;
        set(&mut settings, "endpoint", self.endpoint.as_ref())?;
        set(&mut settings, "nbest", self.nbest.as_ref())?;
        let recognizer = self.decoder.recognizer(&settings, &self.model)?;
        let hear = |input: &Input, stop: &AtomicBool, print: &dyn Fn(&str) -> Result<()>| {
            self.transcribe(&recognizer, input, stop, print)
        };
        if let ([input], false) = (&inputs[..], self.beside) {
            let heard = hear(input, &AtomicBool::new(false), &|text| match format {
                Format::Text => output::text(text),
                _ => Ok(()),
            })?;
            if format != Format::Text {
                output::text(&heard.render(format)?)?;
            }
            return Ok(Verdict::Good);
        }
        let work = |input: &Input, stop: &AtomicBool| {
            let heard = hear(input, stop, &|_| Ok(()))?;
            if let (true, Input::File(path)) = (self.beside, input) {
                let (text, place) = (heard.render(format)? + "\n", beside(path, format));
                if format == Format::Text && !self.replace {
                    keep_transcript(&place, &text)?;
                }
                stonechat_files::write(&place, text.as_bytes())?;
            }
            Ok(heard)
        };
        let show = |input: &Input, heard: &Heard| match (input, format) {
            (Input::File(path), _) if self.beside => {
                output::text(&beside(path, format).display().to_string())
            }
            (_, Format::Text) => {
                heard.lines().try_for_each(|line| output::text(&format!("{input}: {line}")))
            }
            _ => Ok(()),
        };
        let (verdict, files) = recordings::each(&inputs, usize::from(self.jobs), work, show)?;
        if format == Format::Json && !self.beside {
            output::json(&files)?;
        }
        Ok(verdict)
    }

    /// One recording. Each line of text goes to `print` when it is there; `stop` ends the work early.
    fn transcribe(
        &self,
        recognizer: &Recognizer,
        input: &Input,
        stop: &AtomicBool,
        print: &dyn Fn(&str) -> Result<()>,
    ) -> Result<Heard> {
        let rate_hz = recognizer.model().sample_rate_hz();
        let mut source = AudioSource::open(input, rate_hz, self.rate)?;
        let mut stream = recognizer.stream();
        let mut partial = self.partial.then(PartialLine::new);
        let (mut samples, mut words, mut taken_s) = (Vec::new(), Vec::new(), 0.0);
        let (mut rejected, mut utterances, mut alternatives) = (None, Vec::new(), Vec::new());
        loop {
            if stop.load(Ordering::Relaxed) {
                bail!("{input}: given up");
            }
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
                    if !said.words.is_empty() {
                        if let Some(line) = &mut partial {
                            line.clear();
                        }
                        print(&said.text)?;
                    }
                    utterances.push(said);
                }
            } else if let Some(last) = last {
                words.extend(last.words);
                alternatives = last.alternatives;
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
        let said = Transcript { rejected, alternatives, ..Transcript::from(words) };
        if self.endpoint.is_none() {
            print(&said.text)?;
        }
        utterances.retain(|said| !said.is_silent());
        let utterances = self.endpoint.as_ref().map(|_| utterances);
        Ok(Heard { said, utterances, warnings, seconds: stream.seconds() })
    }
}

/// Adds rejected words, where there is something that rejects.
fn add(rejected: &mut Option<Vec<Word>>, more: Option<Vec<Word>>) {
    if let Some(more) = more {
        rejected.get_or_insert_default().extend(more);
    }
}

/// Where the result of a recording goes with `--beside`.
fn beside(recording: &Path, format: Format) -> PathBuf {
    recording.with_extension(format.extension())
}

/// An error if there is another text in the place of a result: recordings have their transcripts there.
fn keep_transcript(place: &Path, text: &str) -> Result<()> {
    let there = if place.is_file() { std::fs::read(place).unwrap_or_default() } else { Vec::new() };
    if there.is_empty() || there == text.as_bytes() {
        return Ok(());
    }
    bail!(
        "{}: is there with another text, perhaps the transcript of the recording: move it, or write over it by --replace",
        place.display()
    );
}

/// Finds out before the work what could not be written after it.
fn places_beside(inputs: &[Input], format: Format) -> Result<()> {
    let mut taken: BTreeMap<PathBuf, &Path> = BTreeMap::new();
    for input in inputs {
        let Input::File(path) = input else {
            return Err(usage("--beside needs recordings in files, not `-`"));
        };
        let place = beside(path, format);
        if let Some(other) = taken.insert(place.clone(), path) {
            bail!(
                "{}: would have the results of both {} and {}: call the command once for each",
                place.display(),
                other.display(),
                path.display()
            );
        }
    }
    let read = inputs.iter().filter_map(|input| match input {
        Input::File(path) => Some(path.as_path()),
        Input::Stdin => None,
    });
    for place in taken.keys() {
        match place.exists() {
            true => output::reserve(place, read.clone())?,
            false => output::reserve(place, [])?,
        }
    }
    Ok(())
}
