//! Greedy (best path) CTC decoding as a stream.
//!
//! It takes the best symbol of every frame; a symbol that repeats the one of the frame before is
//! the same token, and blanks are dropped (Graves et al. 2006, section 3.2, "best path decoding").
//! The result after a frame depends only on the frames so far, so nothing is ever taken back: a
//! partial text is a prefix of the final one.

use crate::words::{self, Word};
use crate::{Decoder, Error};

/// The index of the CTC blank.
const BLANK: u16 = 0;

/// Tokens for which memory is reserved at the start, about four minutes of speech: until then a
/// frame allocates nothing.
const RESERVED_TOKENS: usize = 4096;

/// One symbol of the best path.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Token {
    /// Index in the alphabet, never the blank.
    pub symbol: u16,
    /// First frame of the run, counted from the start of the stream.
    pub frame: u64,
    /// Length of the run, in frames.
    pub frames: u32,
    /// The highest probability (softmax over the symbols) in the run.
    pub probability: f32,
}

/// Streaming greedy decoder. Memory: 24 bytes plus the text for each token since the last
/// [`take_words`](Decoder::take_words), nothing per frame.
#[derive(Debug, Clone)]
pub struct GreedyDecoder {
    symbols: Vec<String>,
    frame_seconds: f64,
    frames: u64,
    last: u16,
    tokens: Vec<Token>,
    text: String,
    space_pending: bool,
}

impl GreedyDecoder {
    /// A decoder for an alphabet whose symbol 0 is the blank, with frames of `frame_seconds`. A
    /// symbol may have several characters; a space in it ends a word.
    ///
    /// # Errors
    /// [`Error::Alphabet`] for fewer than 2 or more than 65536 symbols,
    /// [`Error::FrameLength`] for a frame length that is not finite and above 0.
    pub fn new(symbols: &[String], frame_seconds: f64) -> Result<Self, Error> {
        let count = symbols.len();
        if !(2..=usize::from(u16::MAX) + 1).contains(&count) {
            return Err(Error::Alphabet { count });
        }
        if !(frame_seconds.is_finite() && frame_seconds > 0.0) {
            return Err(Error::FrameLength { seconds: frame_seconds });
        }
        let mut decoder = Self {
            symbols: symbols.to_vec(),
            frame_seconds,
            frames: 0,
            last: BLANK,
            tokens: Vec::new(),
            text: String::new(),
            space_pending: false,
        };
        decoder.reset();
        Ok(decoder)
    }

    fn append(&mut self, symbol: u16, probability: f32) {
        self.tokens.push(Token { symbol, frame: self.frames, frames: 1, probability });
        self.spell(symbol);
    }

    fn lengthen(&mut self, probability: f32) {
        if let Some(token) = self.tokens.last_mut() {
            token.frames = token.frames.saturating_add(1);
            token.probability = token.probability.max(probability);
        }
    }

    /// Appends the symbol to the text; a space waits until something follows it.
    fn spell(&mut self, symbol: u16) {
        for character in self.symbols[usize::from(symbol)].chars() {
            if character == ' ' {
                self.space_pending = !self.text.is_empty();
            } else {
                if std::mem::take(&mut self.space_pending) {
                    self.text.push(' ');
                }
                self.text.push(character);
            }
        }
    }
}

impl Decoder for GreedyDecoder {
    /// A NaN is never the best symbol.
    fn push(&mut self, logits: &[f32]) -> Result<(), Error> {
        if logits.len() != self.symbols.len() {
            return Err(Error::FrameSize {
                frame: self.frames,
                got: logits.len(),
                expected: self.symbols.len(),
            });
        }
        let best = best_symbol(logits);
        if best != BLANK {
            let probability = softmax_at(logits, usize::from(best));
            if best == self.last {
                self.lengthen(probability);
            } else {
                self.append(best, probability);
            }
        }
        self.last = best;
        self.frames += 1;
        Ok(())
    }

    fn text(&self) -> &str {
        &self.text
    }

    fn tokens(&self) -> Vec<Token> {
        self.tokens.clone()
    }

    fn words(&self) -> Vec<Word> {
        words::words(&self.tokens, &self.symbols, self.frame_seconds)
    }

    /// Words that have ended, that is, were followed by a space and one more frame. An unfinished
    /// word stays.
    fn take_words(&mut self) -> Vec<Word> {
        // The token of the last frame may still grow: it stays.
        let settled =
            self.tokens.len() - usize::from(self.last != BLANK && !self.tokens.is_empty());
        let ended = words::ended(&self.tokens[..settled], &self.symbols);
        if ended == 0 {
            return Vec::new();
        }
        let taken = words::words(&self.tokens[..ended], &self.symbols, self.frame_seconds);
        self.tokens.drain(..ended);
        self.text.clear();
        self.space_pending = false;
        for i in 0..self.tokens.len() {
            self.spell(self.tokens[i].symbol);
        }
        taken
    }

    fn frames(&self) -> u64 {
        self.frames
    }

    /// Keeps room for at least 4096 tokens (a fresh clone has none).
    fn reset(&mut self) {
        self.frames = 0;
        self.last = BLANK;
        self.tokens.clear();
        self.tokens.reserve(RESERVED_TOKENS);
        self.text.clear();
        self.text.reserve(2 * RESERVED_TOKENS);
        self.space_pending = false;
    }
}

/// The first symbol with the highest logit; the blank if there is none.
fn best_symbol(logits: &[f32]) -> u16 {
    let (mut best, mut highest) = (BLANK, f32::NEG_INFINITY);
    for (symbol, &logit) in logits.iter().enumerate() {
        if logit > highest {
            (best, highest) = (symbol as u16, logit);
        }
    }
    best
}

/// Softmax probability of the best symbol. Logits that are not finite are ignored, except an
/// infinite best one, whose probability is 1.
fn softmax_at(logits: &[f32], best: usize) -> f32 {
    if logits[best] == f32::INFINITY {
        return 1.0;
    }
    let relative = |&logit: &f32| {
        if logit.is_nan() { 0.0 } else { (logit - logits[best]).exp() }
    };
    1.0 / logits.iter().map(relative).sum::<f32>()
}
