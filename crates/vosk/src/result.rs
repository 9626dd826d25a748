//! Results in Vosk's format.

use serde_json::{Map, Value, json};
use stonechat::{Alternative, Stream, Transcript, Word};

use crate::grammar::UNKNOWN;

/// What is shown besides the text.
#[derive(Debug, Clone, Copy, Default)]
pub struct Told {
    /// Words with their times.
    pub words: bool,
    /// Words of partial results, too.
    pub partial_words: bool,
    /// So many texts in place of one; 0 for one.
    pub alternatives: usize,
    /// What a grammar rejected, as `[unk]`.
    pub unknown: bool,
}

impl Told {
    /// Utterances, one after another, as one result.
    pub(crate) fn result(&self, utterances: &[Transcript]) -> Value {
        if self.alternatives > 0 {
            return self.alternatives_of(utterances);
        }
        let words: Vec<Word> = utterances.iter().flat_map(|said| self.words_of(said)).collect();
        let mut object = Map::new();
        // An empty text has no list of words.
        if self.words && !words.is_empty() {
            object.insert("result".into(), words.iter().map(word).collect());
        }
        object.insert("text".into(), text(&words).into());
        object.into()
    }

    /// The text of an unfinished utterance.
    pub(crate) fn partial(&self, stream: &Stream) -> Value {
        let mut object = Map::new();
        object.insert("partial".into(), stream.partial().into());
        let words = stream.words();
        if self.partial_words && !words.is_empty() {
            object.insert("partial_result".into(), words.iter().map(word).collect());
        }
        object.into()
    }

    /// The n-th texts of all utterances, joined; if one has fewer, its last is used.
    fn alternatives_of(&self, utterances: &[Transcript]) -> Value {
        let alternatives = |said: &Transcript| match said.alternatives.is_empty() {
            true => vec![Alternative {
                text: said.text.clone(),
                confidence: 1.0,
                score: 0.0,
                words: said.words.clone(),
            }],
            false => said.alternatives.clone(),
        };
        let lists: Vec<Vec<Alternative>> = utterances.iter().map(alternatives).collect();
        let count = lists.iter().map(Vec::len).max().unwrap_or(1).clamp(1, self.alternatives);
        let nth = |n: usize| {
            let parts = lists.iter().filter_map(|list| list.get(n).or(list.last()));
            let (mut words, mut confidence) = (Vec::new(), 1.0);
            for part in parts {
                words.extend(part.words.iter().cloned());
                confidence *= part.confidence;
            }
            let mut object = Map::new();
            object.insert("confidence".into(), json!(confidence));
            if self.words && !words.is_empty() {
                object.insert("result".into(), words.iter().map(timed).collect());
            }
            object.insert("text".into(), text(&words).into());
            Value::from(object)
        };
        json!({ "alternatives": (0..count).map(nth).collect::<Vec<_>>() })
    }

    /// The words of an utterance in order, including the rejected ones if those are shown.
    fn words_of(&self, said: &Transcript) -> Vec<Word> {
        let mut words = said.words.clone();
        if self.unknown {
            let rejected = said.rejected.iter().flatten().cloned();
            words.extend(rejected.map(|word| Word { word: UNKNOWN.into(), ..word }));
            words.sort_by(|a, b| a.start.total_cmp(&b.start));
        }
        words
    }
}

fn text(words: &[Word]) -> String {
    words.iter().map(|word| &word.word[..]).collect::<Vec<_>>().join(" ")
}

fn word(word: &Word) -> Value {
    json!({ "conf": word.conf, "end": word.end, "start": word.start, "word": word.word })
}

/// Words of alternatives have no confidences.
fn timed(word: &Word) -> Value {
    json!({ "end": word.end, "start": word.start, "word": word.word })
}
