//! Tokens to words: split at spaces, with times and a confidence.

use serde::{Deserialize, Serialize};

use crate::greedy::Token;

/// A recognised word, with the field names of Vosk's JSON.
///
/// CTC puts a symbol somewhere inside its sound, so `start` is at or after the true beginning and
/// `end` at or before the true end, off by up to a few frames.
///
/// ```
/// use stonechat_decode::Word;
///
/// let word: Word = serde_json::from_str(r#"{"word": "hi", "start": 0.1, "end": 0.3, "conf": 0.9}"#)?;
/// assert_eq!(word.word, "hi");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Word {
    /// The text, without spaces.
    pub word: String,
    /// Beginning of the first token's first frame, in seconds from the start of the stream, rounded
    /// to a millisecond.
    pub start: f64,
    /// End of the last token's last frame, in seconds from the start of the stream, rounded to a
    /// millisecond.
    pub end: f64,
    /// How sure the decoder is, in [0, 1]. Greedy: the mean probability of the tokens, not
    /// calibrated. Beam search: from its [`ConfidenceWeights`](crate::ConfidenceWeights).
    pub conf: f32,
}

/// The words that `tokens` spell. A space inside a symbol ends a word, and a symbol that spans a
/// space belongs to both words.
pub(crate) fn words(tokens: &[Token], symbols: &[String], frame_seconds: f64) -> Vec<Word> {
    let mut words = Vec::new();
    let mut open = OpenWord::default();
    for token in tokens {
        let mut counted = false;
        for character in symbols[usize::from(token.symbol)].chars() {
            if character == ' ' {
                words.extend(open.close(frame_seconds));
                counted = false;
            } else {
                open.add(character, token, &mut counted);
            }
        }
    }
    words.extend(open.close(frame_seconds));
    words
}

/// How many leading `tokens` belong to words that have ended: up to and including the last one that
/// ends in a space.
pub(crate) fn ended(tokens: &[Token], symbols: &[String]) -> usize {
    let ends_in_space = |token: &Token| symbols[usize::from(token.symbol)].ends_with(' ');
    tokens.iter().rposition(ends_in_space).map_or(0, |i| i + 1)
}

#[derive(Default)]
struct OpenWord {
    text: String,
    first_frame: u64,
    end_frame: u64,
    probability: f64,
    tokens: u32,
}

impl OpenWord {
    fn add(&mut self, character: char, token: &Token, counted: &mut bool) {
        if self.text.is_empty() {
            self.first_frame = token.frame;
        }
        self.text.push(character);
        self.end_frame = token.frame + u64::from(token.frames);
        if !*counted {
            self.probability += f64::from(token.probability);
            self.tokens += 1;
            *counted = true;
        }
    }

    fn close(&mut self, frame_seconds: f64) -> Option<Word> {
        let word = std::mem::take(self);
        (!word.text.is_empty()).then(|| Word {
            word: word.text,
            start: milliseconds(word.first_frame as f64 * frame_seconds),
            end: milliseconds(word.end_frame as f64 * frame_seconds),
            conf: (word.probability / f64::from(word.tokens)) as f32,
        })
    }
}

/// Rounded to a millisecond, so that JSON shows 0.14 and not 0.14000000000000001.
pub(crate) fn milliseconds(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}
