//! What comes out, in the shape of Vosk's JSON.

use serde::{Deserialize, Serialize};
use stonechat_decode::Word;

/// The text of a finished utterance with its words:
/// `{"text": "...", "result": [{"word", "start", "end", "conf"}]}`.
///
/// Unlike Vosk, which leaves `result` out, an empty text has an empty `result`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Transcript {
    /// The words with one space between them.
    pub text: String,
    /// The words with their times (s) and confidences.
    #[serde(rename = "result")]
    pub words: Vec<Word>,
}

impl From<Vec<Word>> for Transcript {
    fn from(words: Vec<Word>) -> Self {
        let text: Vec<&str> = words.iter().map(|word| word.word.as_str()).collect();
        Self { text: text.join(" "), words }
    }
}

/// The text of an utterance that goes on: `{"partial": "..."}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Partial<'a> {
    /// The words so far, the last one perhaps unfinished.
    pub partial: &'a str,
}
