//! Results, in the shape of Vosk's JSON.

use serde::{Deserialize, Serialize};
use stonechat_decode::{Alternative, Word};

/// The text of a finished utterance with its words:
/// `{"text": "...", "result": [{"word", "start", "end", "conf"}]}`.
///
/// Vosk leaves `result` out if the text is empty; here it is an empty list.
///
/// ```
/// use stonechat::{Transcript, Word};
///
/// let word = |word: &str, start, end| Word { word: word.into(), start, end, conf: 0.9 };
/// let said = Transcript::from(vec![word("good", 0.1, 0.3), word("day", 0.4, 0.6)]);
/// assert_eq!(said.text, "good day");
/// assert!(!said.is_silent());
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Transcript {
    /// The words with one space between them.
    pub text: String,
    /// The words with their times (s) and confidences.
    #[serde(rename = "result")]
    pub words: Vec<Word>,
    /// With a closed grammar: the words that were rejected. They are not in the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected: Option<Vec<Word>>,
    /// The likeliest texts, best first, if asked for
    /// ([`Recognizer::with_alternatives`](crate::Recognizer::with_alternatives)).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alternatives: Vec<Alternative>,
}

impl Transcript {
    /// Whether nothing was said, not even anything rejected.
    pub fn is_silent(&self) -> bool {
        self.words.is_empty() && self.rejected.as_ref().is_none_or(Vec::is_empty)
    }
}

impl From<Vec<Word>> for Transcript {
    fn from(words: Vec<Word>) -> Self {
        let text: Vec<&str> = words.iter().map(|word| word.word.as_str()).collect();
        Self { text: text.join(" "), words, ..Self::default() }
    }
}

/// The text so far of an unfinished utterance: `{"partial": "...", "stable": 0}`.
///
/// ```
/// use stonechat::Partial;
///
/// let partial = Partial { partial: "good da", stable: 5 };
/// assert_eq!(&partial.partial[..partial.stable], "good "); // this much stays
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Partial<'a> {
    /// The words so far, the last one perhaps unfinished.
    pub partial: &'a str,
    /// How many of its characters can no longer change.
    pub stable: usize,
}
