//! A decoder whose times continue from one utterance to the next.

use stonechat_decode::{Alternative, BestSymbol, Decoder, Endpointer, Token, Word};

use crate::{Recognizer, Transcript};

/// From frames of logits to the words of one utterance after another.
#[derive(Debug)]
pub(crate) struct Utterances {
    decoder: Box<dyn Decoder>,
    endpointer: Endpointer,
    symbols: Vec<String>,
    frame_seconds: f64,
    /// Frames of earlier utterances.
    earlier_frames: u64,
    /// How many alternative texts a transcript has.
    count: usize,
}

impl Utterances {
    pub(crate) fn new(recognizer: &Recognizer) -> Self {
        let model = recognizer.model();
        let frame_seconds = model.frame_seconds();
        let mut utterances = Self {
            decoder: recognizer.decoder(),
            endpointer: Endpointer::new(recognizer.endpoint_rules().clone(), frame_seconds),
            symbols: model.alphabet().symbols().to_vec(),
            frame_seconds,
            earlier_frames: 0,
            count: recognizer.alternatives(),
        };
        utterances.reset();
        utterances
    }

    /// The decoder of this utterance; its times count from the start of the utterance.
    pub(crate) fn decoder(&self) -> &dyn Decoder {
        &*self.decoder
    }

    pub(crate) fn decoder_mut(&mut self) -> &mut dyn Decoder {
        &mut *self.decoder
    }

    /// Takes a frame, one logit for each of the model's symbols, before the decoder is finished. An
    /// utterance does not end in a frame in which somebody is `speaking`.
    pub(crate) fn push(&mut self, logits: &[f32], speaking: bool) {
        let pushed = self.decoder.push(logits);
        pushed.expect("a frame has a logit per symbol, and none comes after the end");
        let best = BestSymbol::of(logits, &self.symbols);
        self.endpointer.push(best, speaking, self.decoder.is_complete());
    }

    pub(crate) fn words(&self) -> Vec<Word> {
        self.shifted(self.decoder.words())
    }

    /// Words, rejected words and alternatives.
    pub(crate) fn transcript(&self) -> Transcript {
        let rejected = self.decoder.rejected().map(|rejected| self.shifted(rejected));
        let alternatives = self.alternatives(self.count);
        Transcript { rejected, alternatives, ..Transcript::from(self.words()) }
    }

    pub(crate) fn take_rejected(&mut self) -> Vec<Word> {
        let rejected = self.decoder.take_rejected();
        self.shifted(rejected)
    }

    pub(crate) fn take_words(&mut self) -> Vec<Word> {
        let words = self.decoder.take_words();
        self.shifted(words)
    }

    pub(crate) fn tokens(&self) -> Vec<Token> {
        let mut tokens = self.decoder.tokens();
        tokens.iter_mut().for_each(|token| token.frame += self.earlier_frames);
        tokens
    }

    pub(crate) fn alternatives(&self, count: usize) -> Vec<Alternative> {
        let mut alternatives = self.decoder.alternatives(count);
        for alternative in &mut alternatives {
            alternative.words = self.shifted(std::mem::take(&mut alternative.words));
        }
        alternatives
    }

    /// Whether a rule says that the utterance is over.
    pub(crate) fn endpoint(&self) -> bool {
        self.endpointer.ended().is_some()
    }

    /// Starts another utterance at the next frame.
    pub(crate) fn next_utterance(&mut self) {
        let earlier = self.earlier_frames + self.decoder.frames();
        self.reset();
        self.earlier_frames = earlier;
    }

    /// Starts the stream again at the next frame.
    pub(crate) fn reset(&mut self) {
        self.decoder.reset();
        self.endpointer.reset();
        self.earlier_frames = 0;
    }

    fn shifted(&self, mut words: Vec<Word>) -> Vec<Word> {
        if self.earlier_frames > 0 {
            let earlier_s = self.earlier_frames as f64 * self.frame_seconds;
            let shift = |time: f64| ((time + earlier_s) * 1000.0).round() / 1000.0;
            for word in &mut words {
                (word.start, word.end) = (shift(word.start), shift(word.end));
            }
        }
        words
    }
}
