//! Greedy or beam search behind one face, with times that go on from one utterance to the next.

use std::sync::Arc;

use stonechat_decode::{
    Alternative, BeamDecoder, BeamSearch, EndpointRules, Endpointer, GreedyDecoder, Hotword, Token,
    Word, is_pause,
};

use crate::{Error, Model};

#[derive(Debug)]
enum Kind {
    Greedy(GreedyDecoder),
    Beam(Box<BeamDecoder>),
}

/// From frames of logits to words.
#[derive(Debug)]
pub(crate) struct Decoder {
    model: Arc<Model>,
    kind: Kind,
    endpointer: Endpointer,
    /// Frames of the utterances before this one.
    earlier_frames: u64,
}

impl Decoder {
    pub(crate) fn new(
        model: &Arc<Model>,
        search: Option<&Arc<BeamSearch>>,
        rules: &EndpointRules,
    ) -> Self {
        let kind = match search {
            None => Kind::Greedy(model.decoder().clone()),
            Some(search) => Kind::Beam(Box::new(BeamDecoder::new(Arc::clone(search)))),
        };
        let endpointer = Endpointer::new(rules.clone(), model.frame_seconds());
        let model = Arc::clone(model);
        let mut decoder = Self { model, kind, endpointer, earlier_frames: 0 };
        decoder.reset();
        decoder
    }

    /// Takes a frame of as many logits as the model has symbols, before `finish`. An utterance does not end
    /// in a frame in which somebody is `speaking`.
    pub(crate) fn push(&mut self, logits: &[f32], speaking: bool) {
        let pushed = match &mut self.kind {
            Kind::Greedy(decoder) => decoder.push(logits),
            Kind::Beam(decoder) => decoder.push(logits),
        };
        pushed.expect("a frame has a logit per symbol, and none comes after the end");
        self.endpointer.push(!speaking && is_pause(logits, self.model.alphabet().symbols()));
    }

    pub(crate) fn text(&self) -> &str {
        match &self.kind {
            Kind::Greedy(decoder) => decoder.text(),
            Kind::Beam(decoder) => decoder.text(),
        }
    }

    pub(crate) fn stable_prefix_len(&self) -> usize {
        match &self.kind {
            Kind::Greedy(decoder) => decoder.text().len(),
            Kind::Beam(decoder) => decoder.stable_prefix_len(),
        }
    }

    pub(crate) fn words(&self) -> Vec<Word> {
        self.shifted(match &self.kind {
            Kind::Greedy(decoder) => decoder.words(),
            Kind::Beam(decoder) => decoder.words(),
        })
    }

    pub(crate) fn take_words(&mut self) -> Vec<Word> {
        let words = match &mut self.kind {
            Kind::Greedy(decoder) => decoder.take_words(),
            Kind::Beam(decoder) => decoder.take_words(),
        };
        self.shifted(words)
    }

    pub(crate) fn tokens(&self) -> Vec<Token> {
        let mut tokens = match &self.kind {
            Kind::Greedy(decoder) => decoder.tokens().to_vec(),
            Kind::Beam(decoder) => decoder.tokens(),
        };
        tokens.iter_mut().for_each(|token| token.frame += self.earlier_frames);
        tokens
    }

    pub(crate) fn alternatives(&self, count: usize) -> Vec<Alternative> {
        let mut alternatives = match &self.kind {
            Kind::Greedy(_) => Vec::new(),
            Kind::Beam(decoder) => decoder.alternatives(count),
        };
        for alternative in &mut alternatives {
            alternative.words = self.shifted(std::mem::take(&mut alternative.words));
        }
        alternatives
    }

    pub(crate) fn beam(&self) -> Option<&BeamDecoder> {
        match &self.kind {
            Kind::Greedy(_) => None,
            Kind::Beam(decoder) => Some(decoder),
        }
    }

    pub(crate) fn set_hotwords(&mut self, hotwords: Vec<Hotword>) -> Result<(), Error> {
        match &mut self.kind {
            Kind::Greedy(_) => Err(Error::NoSearch),
            Kind::Beam(decoder) => Ok(decoder.set_hotwords(hotwords)?),
        }
    }

    /// Whether a rule says that the utterance is over.
    pub(crate) fn endpoint(&self) -> bool {
        self.endpointer.ended().is_some()
    }

    /// No frame comes any more.
    pub(crate) fn finish(&mut self) {
        if let Kind::Beam(decoder) = &mut self.kind {
            decoder.finish();
        }
    }

    /// The next frame begins another utterance.
    pub(crate) fn next_utterance(&mut self) {
        let earlier = self.earlier_frames
            + match &self.kind {
                Kind::Greedy(decoder) => decoder.frames(),
                Kind::Beam(decoder) => decoder.frames(),
            };
        self.reset();
        self.earlier_frames = earlier;
    }

    /// The next frame is the first of the stream.
    pub(crate) fn reset(&mut self) {
        match &mut self.kind {
            Kind::Greedy(decoder) => decoder.reset(),
            Kind::Beam(decoder) => decoder.reset(),
        }
        self.endpointer.reset();
        self.earlier_frames = 0;
    }

    fn shifted(&self, mut words: Vec<Word>) -> Vec<Word> {
        if self.earlier_frames > 0 {
            let earlier_s = self.earlier_frames as f64 * self.model.frame_seconds();
            let shift = |time: f64| ((time + earlier_s) * 1000.0).round() / 1000.0;
            for word in &mut words {
                (word.start, word.end) = (shift(word.start), shift(word.end));
            }
        }
        words
    }
}
