//! One utterance, or an endless microphone: samples in, words out.

use std::fmt;

#[cfg(feature = "resample")]
use stonechat_audio::Resampler;
use stonechat_decode::{Alternative, Decoder, Hotword, KeywordSpotter, Spotted, Token, Word};

use crate::Error;
use crate::acoustic::{AcousticStream, max_frames};
use crate::activity::Activity;
use crate::front_end::FrontEnd;
use crate::profile::{Part, Profile};
use crate::recognizer::Recognizer;
use crate::result::{Partial, Transcript};
use crate::utterances::Utterances;
use crate::voice::Voice;

/// 16-bit samples are converted in pieces of this size.
const PIECE: usize = 4096;

/// A running recognition. Made by [`Recognizer::stream`](crate::Recognizer::stream).
///
/// Its memory depends on the model and on the words since the start or the last
/// [`take_words`](Self::take_words): about 24 bytes a letter, with room for 4096 letters from the
/// start. Nothing else grows. (The memory of a beam search depends on its width instead, see
/// [`BeamDecoder`](crate::BeamDecoder).)
///
/// ```
/// use stonechat::{Model, Options, Recognizer};
///
/// let model = Model::from_bytes(stonechat_english::MODEL)?;
/// let mut stream = Recognizer::new(model, Options::default())?.stream();
/// for piece in vec![0.0; 16_000].chunks(1600) {
///     stream.push(piece)?;
///     println!("{}", stream.partial());
/// }
/// let transcript = stream.finish();
/// stream.reset(); // for the next utterance
/// assert_eq!(stream.partial(), "");
/// # Ok::<(), stonechat::Error>(())
/// ```
pub struct Stream {
    front_end: FrontEnd,
    acoustic: AcousticStream,
    logits: Vec<f32>,
    utterances: Utterances,
    spotter: Option<KeywordSpotter>,
    spotted: Vec<Spotted>,
    voice: Option<Voice>,
    /// Whether utterances end automatically, and those that did.
    splits: bool,
    ended: Vec<Transcript>,
    /// Logits to decode in place of a frame of silence.
    silence: Vec<f32>,
    symbols: usize,
    /// Rate of the samples that are pushed.
    rate_hz: u32,
    /// Samples so far, at that rate.
    samples: u64,
    /// From that rate to the model's, if they differ, and its output.
    #[cfg(feature = "resample")]
    resampler: Option<Resampler>,
    #[cfg(feature = "resample")]
    converted: Vec<f32>,
    /// A piece of integer samples as floats.
    integers: Vec<f32>,
    finished: bool,
}

impl Stream {
    pub(crate) fn new(recognizer: &Recognizer) -> Self {
        let (model, options) = (recognizer.model(), recognizer.options());
        let symbols = model.alphabet().len();
        let mut silence = vec![f32::NEG_INFINITY; symbols];
        silence[0] = 0.0;
        let mut stream = Self {
            front_end: model.front_end().clone(),
            acoustic: AcousticStream::new(model, options),
            logits: Vec::with_capacity(max_frames(options) * symbols),
            utterances: Utterances::new(recognizer),
            spotter: recognizer.spotter().cloned(),
            spotted: Vec::new(),
            voice: Voice::of(model, recognizer.voice()),
            splits: recognizer.splits(),
            ended: Vec::new(),
            silence,
            symbols,
            rate_hz: model.sample_rate_hz(),
            samples: 0,
            #[cfg(feature = "resample")]
            resampler: None,
            #[cfg(feature = "resample")]
            converted: Vec::new(),
            integers: Vec::new(),
            finished: false,
        };
        stream.front_end.reset();
        stream
    }

    /// The same unused stream, for samples at another rate than the model's.
    #[cfg(feature = "resample")]
    pub(crate) fn at_rate(mut self, rate_hz: u32) -> Result<Self, Error> {
        if rate_hz != self.rate_hz {
            self.resampler = Some(Resampler::new(rate_hz, self.rate_hz).map_err(Error::Rate)?);
            // As much as a push of one piece can give, including the block before it.
            self.converted.reserve(2 * self.rate_hz as usize);
            self.rate_hz = rate_hz;
        }
        Ok(self)
    }

    /// [`push`](Self::push) for 16-bit samples.
    ///
    /// # Errors
    /// Those of [`push`](Self::push).
    pub fn push_i16(&mut self, samples: impl IntoIterator<Item = i16>) -> Result<(), Error> {
        let mut samples = samples.into_iter().peekable();
        let mut piece = std::mem::take(&mut self.integers);
        let mut pushed = Ok(());
        while pushed.is_ok() && samples.peek().is_some() {
            piece.clear();
            piece.extend(samples.by_ref().take(PIECE).map(|sample| f32::from(sample) / 32_768.0));
            pushed = self.push(&piece);
        }
        self.integers = piece;
        pushed
    }

    /// Takes any number of mono samples in -1..1 at [`sample_rate_hz`](Self::sample_rate_hz) and
    /// recognises them as far as possible. A sample that is not finite counts as 0.
    ///
    /// # Errors
    /// [`Error::Finished`] after [`finish`](Self::finish).
    pub fn push(&mut self, samples: &[f32]) -> Result<(), Error> {
        if self.finished {
            return Err(Error::Finished);
        }
        self.samples += samples.len() as u64;
        #[cfg(feature = "resample")]
        if self.resampler.is_some() {
            for piece in samples.chunks(self.rate_hz as usize) {
                self.convert(Some(piece))?;
            }
            return Ok(());
        }
        self.hear(samples);
        Ok(())
    }

    /// Passes samples at the stream's rate through the resampler; `None` flushes it at the end.
    #[cfg(feature = "resample")]
    fn convert(&mut self, samples: Option<&[f32]>) -> Result<(), Error> {
        let Some(resampler) = &mut self.resampler else { return Ok(()) };
        let mut converted = std::mem::take(&mut self.converted);
        let done = match samples {
            Some(samples) => resampler.push(samples, &mut converted),
            None => resampler.finish(&mut converted),
        };
        self.hear(&converted);
        converted.clear();
        self.converted = converted;
        done.map_err(Error::Rate)
    }

    /// Takes samples at the model's rate.
    fn hear(&mut self, samples: &[f32]) {
        for piece in samples.chunks(self.front_end.piece_samples()) {
            self.acoustic.clock.start();
            if let Some(voice) = &mut self.voice {
                voice.push(piece);
            }
            let frames = self.front_end.push(piece);
            self.acoustic.clock.lap(Part::Features);
            self.acoustic.advance(frames, &mut self.logits);
            self.decode();
        }
    }

    /// The text so far: the words since the start or the last [`take_words`](Self::take_words).
    /// With greedy decoding it only grows at its end; with a beam search, text after
    /// [`stable_prefix_len`](Self::stable_prefix_len) may still change. It lags behind the audio by
    /// the model's look-ahead and up to `time_batch - 1` frames.
    pub fn partial(&self) -> &str {
        self.utterances.decoder().text()
    }

    /// How many bytes of [`partial`](Self::partial) can no longer change.
    pub fn stable_prefix_len(&self) -> usize {
        self.utterances.decoder().stable_prefix_len()
    }

    /// The words of [`partial`](Self::partial) with times and confidences; the last one may be
    /// unfinished.
    pub fn words(&self) -> Vec<Word> {
        self.utterances.words()
    }

    /// The symbols of [`partial`](Self::partial), spaces included, with their probabilities and
    /// frames (of [`Model::frame_seconds`](crate::Model::frame_seconds) each, from the start of the
    /// stream). With a beam search see [`Decoder::tokens`].
    pub fn tokens(&self) -> Vec<Token> {
        self.utterances.tokens()
    }

    /// Removes and returns the words that have ended and can no longer change. Call it now and then
    /// on an endless stream to keep its memory flat; `partial`, `words` and `finish` then cover
    /// only later words. Times keep counting from the start of the stream.
    pub fn take_words(&mut self) -> Vec<Word> {
        self.utterances.take_words()
    }

    /// Removes and returns the rejected words that can no longer change ([`Transcript::rejected`],
    /// grammars only). Like [`take_words`](Self::take_words), for endless streams.
    pub fn take_rejected(&mut self) -> Vec<Word> {
        self.utterances.take_rejected()
    }

    /// [`partial`](Self::partial) with the length of its stable part, for display.
    pub fn partial_result(&self) -> Partial<'_> {
        let partial = self.partial();
        Partial { partial, stable: partial[..self.stable_prefix_len()].chars().count() }
    }

    /// Whether a complete phrase of the grammar was said that cannot go on, so there is no need to
    /// wait. Always false without a grammar.
    pub fn is_complete(&self) -> bool {
        self.utterances.decoder().is_complete()
    }

    /// The likeliest texts of a beam search or a grammar, best first, at most `count`, without
    /// words that were already taken; none with greedy decoding.
    pub fn alternatives(&self, count: usize) -> Vec<Alternative> {
        self.utterances.alternatives(count)
    }

    /// The decoder behind the text. Its times count from the last
    /// [`end_utterance`](Self::end_utterance).
    pub fn decoder(&self) -> &dyn Decoder {
        self.utterances.decoder()
    }

    /// Replaces the hotwords of a beam search. This affects words that begin later.
    ///
    /// # Errors
    /// [`Error::Decode`] with greedy decoding, for a phrase that the alphabet cannot spell or a
    /// boost out of range. The old hotwords then stay.
    pub fn set_hotwords(&mut self, hotwords: Vec<Hotword>) -> Result<(), Error> {
        Ok(self.utterances.decoder_mut().set_hotwords(hotwords)?)
    }

    /// Whether the utterance is over by the recognizer's [`EndpointRules`](crate::EndpointRules).
    /// Nothing happens automatically: call [`end_utterance`](Self::end_utterance), or go on.
    pub fn endpoint(&self) -> bool {
        self.utterances.endpoint()
    }

    /// Ends the utterance but not the audio, and returns its transcript. What is pushed next
    /// belongs to another utterance. The network keeps its state, so no sound at the cut is lost,
    /// and times keep counting.
    pub fn end_utterance(&mut self) -> Transcript {
        self.utterances.decoder_mut().finish();
        let transcript = self.utterances.transcript();
        if !self.finished {
            self.utterances.next_utterance();
        }
        transcript
    }

    /// Removes and returns the utterances that have ended automatically
    /// ([`Recognizer::with_utterances`]); silent ones are left out.
    pub fn take_utterances(&mut self) -> Vec<Transcript> {
        std::mem::take(&mut self.ended)
    }

    /// Removes and returns the keywords that were heard since the last call
    /// ([`Recognizer::with_keywords`]), in the order of their ends. Times count from the start of
    /// the stream.
    pub fn take_spotted(&mut self) -> Vec<Spotted> {
        std::mem::take(&mut self.spotted)
    }

    /// Ends the audio and returns the transcript. The look-ahead beyond the last sample is filled
    /// with zeros (in every layer, as in training), so that no word at the end is lost. A second
    /// call returns the same.
    pub fn finish(&mut self) -> Transcript {
        if !self.finished {
            // The resampler cannot fail without input.
            #[cfg(feature = "resample")]
            let _ = self.convert(None);
            self.acoustic.clock.start();
            let frames = self.front_end.finish();
            self.acoustic.clock.lap(Part::Features);
            self.acoustic.advance(frames, &mut self.logits);
            self.acoustic.finish(&mut self.logits);
            self.decode();
            self.finished = true;
            self.utterances.decoder_mut().finish();
            if let Some(spotter) = &mut self.spotter {
                spotter.finish(&mut self.spotted);
            }
        }
        self.utterances.transcript()
    }

    /// Back to the state of a new stream, for another utterance; memory and profile are kept.
    pub fn reset(&mut self) {
        #[cfg(feature = "resample")]
        if let Some(resampler) = &mut self.resampler {
            resampler.reset();
        }
        self.front_end.reset();
        self.acoustic.reset();
        self.utterances.reset();
        if let Some(voice) = &mut self.voice {
            voice.reset();
        }
        if let Some(spotter) = &mut self.spotter {
            spotter.reset();
        }
        self.spotted.clear();
        self.ended.clear();
        self.samples = 0;
        self.finished = false;
    }

    /// Seconds of audio pushed since the start.
    pub fn seconds(&self) -> f64 {
        self.samples as f64 / f64::from(self.rate_hz)
    }

    /// The rate of the samples that [`push`](Self::push) takes, Hz: the model's, or that of
    /// [`Recognizer::stream_at`](crate::Recognizer::stream_at).
    pub fn sample_rate_hz(&self) -> u32 {
        self.rate_hz
    }

    /// Where the time went since the stream was made, resets included, if
    /// [`Options::profile`](crate::Options::profile) is set.
    pub fn profile(&self) -> Option<&Profile> {
        self.acoustic.profile()
    }

    fn decode(&mut self) {
        // Taken out so that the frames can be borrowed while the stream is used.
        let logits = std::mem::take(&mut self.logits);
        for frame in logits.chunks_exact(self.symbols) {
            let activity = self.voice.as_mut().map_or_else(Activity::default, Voice::next_frame);
            let frame = if activity.silent { &self.silence } else { frame };
            self.utterances.push(frame, activity.speaking);
            if let Some(spotter) = &mut self.spotter {
                let pushed = spotter.push(frame, &mut self.spotted);
                pushed.expect("a frame has a logit per symbol");
            }
            if self.splits && self.utterances.endpoint() {
                let utterance = self.end_utterance();
                if !utterance.is_silent() {
                    self.ended.push(utterance);
                }
            }
        }
        self.logits = logits;
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
