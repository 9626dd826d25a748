//! A file that is heard piece by piece.

use stonechat::{Recognizer, Stream, Transcript, Word};
use stonechat_audio::AudioReader;
use tempfile::TempPath;

use super::ApiError;
use super::form::Upload;
use crate::certain::Certain;

/// Seconds of audio in one piece of work.
const PIECE_S: f64 = 1.0;
/// How the file is called in messages.
const NAME: &str = "file";

/// A file and what was heard in it so far.
pub(crate) struct Recording {
    reader: AudioReader,
    stream: Stream,
    samples: Vec<f32>,
    /// Utterances that have ended.
    text: String,
    words: Vec<Word>,
    /// What was told of this utterance.
    certain: Certain,
    longest_s: f64,
    ended: bool,
    /// Where a large file waits.
    path: Option<TempPath>,
}

/// What a piece gave.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// Text that is certain now and was not before.
    pub(crate) delta: String,
    /// Length of the piece.
    pub(crate) seconds: f64,
    /// Whether it was the last.
    pub(crate) ended: bool,
}

impl Recording {
    pub(crate) fn open(
        recognizer: &Recognizer,
        file: Upload,
        longest_s: f64,
    ) -> Result<Self, ApiError> {
        let rate_hz = recognizer.model().sample_rate_hz();
        let (opened, path) = match file {
            Upload::Memory(bytes) => (AudioReader::from_bytes(bytes, NAME, rate_hz), None),
            Upload::Disk(file) => {
                let path = file.into_temp_path();
                (AudioReader::open(&path, rate_hz), Some(path))
            }
        };
        let reader = opened.map_err(|error| problem(&error, path.as_ref()))?;
        Ok(Self {
            reader,
            stream: recognizer.stream(),
            samples: Vec::new(),
            text: String::new(),
            words: Vec::new(),
            certain: Certain::default(),
            longest_s,
            ended: false,
            path,
        })
    }

    /// Hears about a second.
    pub(crate) fn advance(&mut self) -> Result<Heard, ApiError> {
        let before = self.stream.seconds();
        let mut heard = Heard::default();
        while !self.ended && self.stream.seconds() - before < PIECE_S {
            let read = self.reader.next_chunk(&mut self.samples);
            let more = read.map_err(|error| problem(&error, self.path.as_ref()))?;
            let pushed = self.stream.push(&self.samples);
            pushed.map_err(|error| ApiError::server(error.to_string()))?;
            self.samples.clear();
            if !more {
                heard.seconds = self.stream.seconds() - before;
                let last = self.stream.finish();
                self.ended = true;
                self.take_utterances(&mut heard.delta);
                self.take(last, &mut heard.delta);
                heard.ended = true;
                return Ok(heard);
            }
            if self.stream.seconds() > self.longest_s {
                let most = self.longest_s;
                return Err(ApiError::too_large(format!("{NAME}: longer than {most} seconds")));
            }
        }
        self.take_utterances(&mut heard.delta);
        let begins = self.certain.is_new() && !self.text.is_empty();
        let more = self.certain.more(&self.stream);
        if begins && !more.is_empty() {
            heard.delta.push(' ');
        }
        heard.delta.push_str(more);
        heard.seconds = self.stream.seconds() - before;
        heard.ended = self.ended;
        Ok(heard)
    }

    fn take_utterances(&mut self, delta: &mut String) {
        for said in self.stream.take_utterances() {
            self.take(said, delta);
        }
    }

    /// An utterance that has ended.
    fn take(&mut self, said: Transcript, delta: &mut String) {
        let begins = self.certain.is_new();
        let rest = self.certain.rest(&said.text);
        if said.text.is_empty() {
            return;
        }
        let space = if self.text.is_empty() { "" } else { " " };
        if begins {
            delta.push_str(space);
        }
        delta.push_str(rest);
        self.text.push_str(space);
        self.text.push_str(&said.text);
        self.words.extend(said.words);
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn words(&self) -> &[Word] {
        &self.words
    }

    pub(crate) fn seconds(&self) -> f64 {
        self.stream.seconds()
    }
}

/// What is wrong with a file, in the client's words: it knows no paths here.
fn problem(error: &stonechat_audio::Error, path: Option<&TempPath>) -> ApiError {
    let mut text = error.to_string();
    if let Some(path) = path {
        text = text.replace(&path.display().to_string(), NAME);
    }
    ApiError::invalid(None, text).with_param(NAME)
}
