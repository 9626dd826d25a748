//! One utterance, or one endless microphone: samples in, words out.

use std::fmt;
use std::sync::Arc;

use stonechat_decode::{GreedyDecoder, Token, Word};

use crate::acoustic::{AcousticStream, max_frames};
use crate::front_end::FrontEnd;
use crate::profile::{Part, Profile};
use crate::recognizer::Options;
use crate::result::Transcript;
use crate::{Error, Model};

/// A running recognition. Made by [`Recognizer::stream`](crate::Recognizer::stream).
///
/// Its size is set by the model and by the words since the start or the last
/// [`take_words`](Self::take_words), about 24 bytes a letter; room for 4096 letters is there
/// from the start. Nothing else grows.
pub struct Stream {
    front_end: FrontEnd,
    acoustic: AcousticStream,
    logits: Vec<f32>,
    decoder: GreedyDecoder,
    symbols: usize,
    sample_rate_hz: u32,
    samples: u64,
    finished: bool,
}

impl Stream {
    /// `options` are valid.
    pub(crate) fn new(model: &Arc<Model>, options: &Options) -> Self {
        let mut stream = Self {
            front_end: model.front_end().clone(),
            acoustic: AcousticStream::new(model, options),
            logits: Vec::with_capacity(max_frames(options) * model.alphabet().len()),
            decoder: model.decoder().clone(),
            symbols: model.alphabet().len(),
            sample_rate_hz: model.sample_rate_hz(),
            samples: 0,
            finished: false,
        };
        stream.front_end.reset();
        stream.decoder.reset();
        stream
    }

    /// Takes mono samples in -1..1 at [`Model::sample_rate_hz`], any number of them, and recognises
    /// as far as they go. A sample that is not finite counts as 0.
    ///
    /// # Errors
    /// [`Error::Finished`] after [`finish`](Self::finish).
    pub fn push(&mut self, samples: &[f32]) -> Result<(), Error> {
        if self.finished {
            return Err(Error::Finished);
        }
        for piece in samples.chunks(self.front_end.piece_samples()) {
            self.acoustic.clock.start();
            let frames = self.front_end.push(piece);
            self.acoustic.clock.lap(Part::Features);
            self.acoustic.advance(frames, &mut self.logits);
            self.decode();
            self.samples += piece.len() as u64;
        }
        Ok(())
    }

    /// The text so far: the words since the start or the last [`take_words`](Self::take_words).
    /// It only ever grows at its end, and lags behind the audio by the model's look-ahead and up
    /// to `time_batch - 1` frames.
    pub fn partial(&self) -> &str {
        self.decoder.text()
    }

    /// The words of [`partial`](Self::partial) with times and confidences; the last one may be
    /// unfinished.
    pub fn words(&self) -> Vec<Word> {
        self.decoder.words()
    }

    /// The symbols behind [`partial`](Self::partial), spaces included, with their frames (of
    /// [`Model::frame_seconds`] each) and probabilities.
    pub fn tokens(&self) -> &[Token] {
        self.decoder.tokens()
    }

    /// Removes and returns the words that have ended and can no longer change. Call it now and then
    /// on a stream without end, so that its memory stays flat; `partial`, `words` and `finish`
    /// then speak of what came later. Times keep counting from the start of the stream.
    pub fn take_words(&mut self) -> Vec<Word> {
        self.decoder.take_words()
    }

    /// Ends the audio and returns the transcript. What the model still wanted to hear after the last
    /// sample is taken as absent (zeros in every layer, as in training), so that no word at
    /// the end is lost. A second call returns the same.
    pub fn finish(&mut self) -> Transcript {
        if !self.finished {
            self.finished = true;
            self.acoustic.clock.start();
            let frames = self.front_end.finish();
            self.acoustic.clock.lap(Part::Features);
            self.acoustic.advance(frames, &mut self.logits);
            self.acoustic.finish(&mut self.logits);
            self.decode();
        }
        Transcript::from(self.decoder.words())
    }

    /// Back to the state of a new stream, for another utterance; memory and profile are kept.
    pub fn reset(&mut self) {
        self.front_end.reset();
        self.acoustic.reset();
        self.decoder.reset();
        self.samples = 0;
        self.finished = false;
    }

    /// Seconds of audio pushed since the start.
    pub fn seconds(&self) -> f64 {
        self.samples as f64 / f64::from(self.sample_rate_hz)
    }

    /// Where the time went since the stream was made, resets included, if
    /// [`Options::profile`](crate::Options::profile) asked for it.
    pub fn profile(&self) -> Option<&Profile> {
        self.acoustic.profile()
    }

    fn decode(&mut self) {
        for frame in self.logits.chunks_exact(self.symbols) {
            let pushed = self.decoder.push(frame);
            pushed.expect("the output layer has a row per symbol, Model::from_package checks it");
        }
        self.logits.clear();
        self.acoustic.clock.lap(Part::Decode);
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream")
            .field("seconds", &self.seconds())
            .field("partial", &self.partial())
            .field("finished", &self.finished)
            .finish_non_exhaustive()
    }
}
