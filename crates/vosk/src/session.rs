//! What a recognizer of Vosk does, in plain Rust: for the functions in C, and for a server that speaks Vosk's protocol.

use serde_json::Value;
use stonechat::{Error, Recognizer, Stream, Transcript};

use crate::result::Told;

/// A stream, and what it tells.
#[derive(Debug)]
pub struct Session {
    /// How results are told.
    pub told: Told,
    stream: Stream,
    /// Utterances that have ended and were not asked for.
    ended: Vec<Transcript>,
    finished: bool,
}

impl Session {
    /// A session of samples at this rate. Utterances end by the recognizer's rules.
    ///
    /// # Errors
    /// [`Error::Rate`] for a rate that nobody records at.
    pub fn new(recognizer: Recognizer, rate_hz: u32, told: Told) -> Result<Self, Error> {
        let stream = recognizer.with_utterances().stream_at(rate_hz)?;
        Ok(Self { told, stream, ended: Vec::new(), finished: false })
    }

    /// Begins anew with another recognizer; what was said is forgotten.
    ///
    /// # Errors
    /// Those of [`new`](Self::new); the session then goes on as it was.
    pub fn replace(&mut self, recognizer: Recognizer, rate_hz: u32) -> Result<(), Error> {
        *self = Self::new(recognizer, rate_hz, self.told)?;
        Ok(())
    }

    /// Goes on with another recognizer. The utterance ends here, and is told with the next result.
    ///
    /// # Errors
    /// Those of [`new`](Self::new); the session then goes on as it was.
    pub fn go_on_with(&mut self, recognizer: Recognizer, rate_hz: u32) -> Result<(), Error> {
        let next = Self::new(recognizer, rate_hz, self.told)?;
        let ended = self.take_rest();
        *self = Self { ended, ..next };
        Ok(())
    }

    /// Takes samples; whether an utterance has ended. After the last result another recording begins.
    ///
    /// # Errors
    /// Those of [`Stream::push`].
    pub fn push(&mut self, samples: &[f32]) -> Result<bool, Error> {
        self.push_with(|stream| stream.push(samples))
    }

    /// [`push`](Self::push) of samples of 16 bits.
    ///
    /// # Errors
    /// Those of [`Stream::push`].
    pub fn push_integers(
        &mut self,
        samples: impl ExactSizeIterator<Item = i16>,
    ) -> Result<bool, Error> {
        if samples.len() == 0 {
            return Ok(!self.ended.is_empty());
        }
        self.push_with(|stream| stream.push_i16(samples))
    }

    fn push_with(
        &mut self,
        push: impl FnOnce(&mut Stream) -> Result<(), Error>,
    ) -> Result<bool, Error> {
        if self.finished {
            self.reset();
        }
        push(&mut self.stream)?;
        self.ended.extend(self.stream.take_utterances());
        Ok(!self.ended.is_empty())
    }

    /// What has ended; if nothing has, the utterance ends here.
    pub fn result(&mut self) -> Value {
        let mut said = std::mem::take(&mut self.ended);
        if said.is_empty() && !self.finished {
            said.push(self.stream.end_utterance());
        }
        self.told.result(&said)
    }

    /// The text of the utterance that goes on.
    pub fn partial(&self) -> Value {
        self.told.partial(&self.stream)
    }

    /// The rest of the recording.
    pub fn last(&mut self) -> Value {
        let said = self.take_rest();
        self.finished = true;
        self.told.result(&said)
    }

    /// Forgets what was said, for another recording.
    pub fn reset(&mut self) {
        self.stream.reset();
        self.ended.clear();
        self.finished = false;
    }

    /// Seconds of audio since the start.
    pub fn seconds(&self) -> f64 {
        self.stream.seconds()
    }

    /// All that was not told yet.
    fn take_rest(&mut self) -> Vec<Transcript> {
        let mut said = std::mem::take(&mut self.ended);
        if !self.finished {
            let last = self.stream.finish();
            said.extend(self.stream.take_utterances());
            said.push(last);
        }
        said
    }
}
