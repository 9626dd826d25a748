//! The hotwords of a decoder, which may change at any time.

use serde::{Deserialize, Serialize};

use super::{BeamDecoder, BeamSearch};
use crate::phrases::Phrases;
use crate::symbols::{SPACE, Symbols, lacks};
use crate::{Decoder, Error};

/// The largest boost, in nats: no acoustic score outweighs more.
const MAX_BOOST: f32 = 100.0;

/// An expected word or phrase: a name, a command, a term. It need not be in any vocabulary.
///
/// ```
/// use stonechat_decode::Hotword;
///
/// let usual = Hotword::new("okapi"); // 1 nat a letter, 9 at most
/// let strong = Hotword { boost: 8.0, ..usual.clone() };
/// assert_eq!(usual.boost, 5.0);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hotword {
    /// One word or several, in the characters of the alphabet.
    pub phrase: String,
    /// Added to a text's score for each occurrence, in nats; above 0, at most 100. It is paid in
    /// shares while the phrase is being said, and taken back if the phrase breaks off.
    pub boost: f32,
}

impl Hotword {
    /// A hotword with the usual boost, which grows with its length: 1 nat a letter, 9 at most.
    pub fn new(phrase: impl Into<String>) -> Self {
        let phrase = phrase.into();
        let letters = phrase.chars().filter(|c| !c.is_whitespace()).count();
        Self { phrase, boost: (letters as f32).min(9.0) }
    }

    /// The classes of the words, separated by single spaces.
    fn spell(&self, symbols: &Symbols) -> Result<Vec<u16>, Error> {
        let refuse = |reason: String| Error::Hotword { phrase: self.phrase.clone(), reason };
        let mut spelling = Vec::new();
        for word in self.phrase.split_whitespace() {
            if !spelling.is_empty() {
                spelling.push(SPACE);
            }
            for character in word.chars() {
                let missing = || refuse(lacks(word, character));
                spelling.push(symbols.class(character).ok_or_else(missing)?);
            }
        }
        if spelling.is_empty() {
            return Err(refuse("it has no letter".into()));
        }
        if !(self.boost > 0.0 && self.boost <= MAX_BOOST) {
            let reason =
                format!("its boost is {}, and must be above 0 and at most 100", self.boost);
            return Err(refuse(reason));
        }
        Ok(spelling)
    }
}

impl BeamSearch {
    /// The same search with initial hotwords for every decoder.
    ///
    /// # Errors
    /// [`Error::Hotword`] for a phrase without letters or with characters that are not in the
    /// alphabet, and for a boost that is not above 0 and at most 100.
    pub fn with_hotwords(mut self, hotwords: Vec<Hotword>) -> Result<Self, Error> {
        self.phrases = self.compile(&hotwords)?;
        self.hotwords = hotwords;
        Ok(self)
    }

    /// The automaton for a list of hotwords.
    pub(super) fn compile(&self, hotwords: &[Hotword]) -> Result<Phrases, Error> {
        let spell = |hotword: &Hotword| Ok((hotword.spell(&self.symbols)?, hotword.boost));
        let spelled = hotwords.iter().map(spell).collect::<Result<Vec<_>, Error>>()?;
        Ok(Phrases::new(spelled.iter().map(|(spelling, boost)| (&spelling[..], *boost))))
    }
}

impl BeamDecoder {
    /// The current hotwords.
    pub fn hotwords(&self) -> &[Hotword] {
        &self.hotwords
    }

    /// Adds a hotword, or changes its boost.
    ///
    /// # Errors
    /// Those of [`BeamSearch::with_hotwords`].
    pub fn add_hotword(&mut self, hotword: Hotword) -> Result<(), Error> {
        let mut hotwords = self.hotwords.clone();
        hotwords.retain(|other| other.phrase != hotword.phrase);
        hotwords.push(hotword);
        self.set_hotwords(hotwords)
    }

    /// Removes a hotword; `false` if there was none.
    pub fn remove_hotword(&mut self, phrase: &str) -> bool {
        let mut hotwords = self.hotwords.clone();
        hotwords.retain(|hotword| hotword.phrase != phrase);
        let found = hotwords.len() < self.hotwords.len();
        // A part of a valid list is valid.
        found && self.set_hotwords(hotwords).is_ok()
    }
}
