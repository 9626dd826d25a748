//! The words of a model while it is being made.

use crate::{Error, Result};

/// A word of one model: its position in the vocabulary. 0 is `<unk>`, 1 is `<s>`, 2 is `</s>`; the
/// others are ordered by their bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WordId(pub u32);

impl WordId {
    /// Any word that the model does not know, `<unk>`.
    pub const UNKNOWN: WordId = WordId(0);
    /// The marker before the first word of a sentence, `<s>`.
    pub const BEGIN: WordId = WordId(1);
    /// The marker after the last word of a sentence, `</s>`.
    pub const END: WordId = WordId(2);
}

/// The three words that every model has, in the order of their ids.
pub const SPECIAL_WORDS: [&str; 3] = ["<unk>", "<s>", "</s>"];

/// Longest word in bytes of UTF-8.
pub const MAX_WORD_BYTES: usize = 255;

/// The most words of one model: ids have 24 bits, and no text has more.
pub const MAX_WORDS: usize = 1 << 24;

/// Words in the order of their ids. Because they are sorted by bytes, finding an id is a search,
/// and the packed form needs no table between ids and spellings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vocabulary {
    words: Vec<Box<str>>,
}

impl Vocabulary {
    /// A vocabulary of `words` and the three special ones, which `words` may include; duplicates
    /// count once.
    ///
    /// # Errors
    /// A word that is empty, longer than [`MAX_WORD_BYTES`] or contains white space; more than
    /// [`MAX_WORDS`].
    pub fn new(words: impl IntoIterator<Item = impl Into<Box<str>>>) -> Result<Self> {
        let mut words: Vec<Box<str>> = words.into_iter().map(Into::into).collect();
        words.retain(|word| !SPECIAL_WORDS.contains(&&**word));
        words.sort_unstable();
        words.dedup();
        if let Some(word) = words.iter().find(|word| !is_word(word)) {
            let start: String = word.chars().take(40).collect();
            let reason =
                format!("{start:?} is not a word: 1 to {MAX_WORD_BYTES} bytes without white space");
            return Err(Error::Model(reason));
        }
        if words.len() + SPECIAL_WORDS.len() > MAX_WORDS {
            let reason = format!("{} words, a model has at most {MAX_WORDS}", words.len());
            return Err(Error::Model(reason));
        }
        words.splice(0..0, SPECIAL_WORDS.map(Into::into));
        Ok(Self { words })
    }

    /// Number of words, including the special ones.
    pub fn len(&self) -> usize {
        self.words.len()
    }

    /// Always false: the special words are always there.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// The spelling of a word.
    ///
    /// # Panics
    /// If the id is not in this vocabulary.
    pub fn word(&self, id: WordId) -> &str {
        &self.words[id.0 as usize]
    }

    /// The id of a word; `None` if it is not in the vocabulary.
    pub fn id(&self, word: &str) -> Option<WordId> {
        let plain = &self.words[SPECIAL_WORDS.len()..];
        let position = match SPECIAL_WORDS.iter().position(|&special| special == word) {
            Some(special) => special,
            None => SPECIAL_WORDS.len() + plain.binary_search_by(|w| (**w).cmp(word)).ok()?,
        };
        Some(WordId(position as u32))
    }

    /// All words in the order of their ids.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        self.words.iter().map(|word| &**word)
    }
}

/// Whether `text` can be a word of a model.
pub(crate) fn is_word(text: &str) -> bool {
    (1..=MAX_WORD_BYTES).contains(&text.len())
        && !text.bytes().any(|byte| byte.is_ascii_whitespace() || byte == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_in_the_order_of_the_bytes() {
        let vocabulary = Vocabulary::new(["b", "é", "<s>", "a", "'s", "b"]).unwrap();
        let words: Vec<&str> = vocabulary.iter().collect();
        assert_eq!(words, ["<unk>", "<s>", "</s>", "'s", "a", "b", "é"]);
        for (id, word) in words.iter().enumerate() {
            assert_eq!(vocabulary.id(word), Some(WordId(id as u32)), "{word}");
        }
        assert_eq!(vocabulary.id("c"), None);
        assert_eq!(vocabulary.word(WordId::END), "</s>");
    }

    #[test]
    fn what_is_no_word() {
        for bad in ["", "a b", "tab\t", "nul\0", &"x".repeat(256)] {
            assert!(Vocabulary::new(["a", bad]).is_err(), "{bad:?}");
        }
        assert!(Vocabulary::new(["x".repeat(255)]).is_ok());
    }
}
