//! What a text is to the loss: labels, and the frames they need at least.

use std::sync::Arc;

use stonechat_model::{Alphabet, Error};

use crate::ops::{ctc, gram_ctc::Grams};

/// Labels of texts under an alphabet.
///
/// An alphabet that has longer symbols besides every character they are made of is for Gram-CTC:
/// labels are the characters, and the loss sums over their cuts into grams. Any other is for CTC:
/// labels are the longest symbols that fit.
#[derive(Clone, Debug)]
pub struct Targets {
    alphabet: Alphabet,
    grams: Option<Arc<Grams>>,
}

impl Targets {
    /// Targets over `alphabet`.
    pub fn new(alphabet: Alphabet) -> Self {
        let spellings: Result<Vec<Vec<u16>>, Error> =
            alphabet.symbols().iter().map(|symbol| alphabet.spell(symbol)).collect();
        let grams = match spellings {
            Ok(spellings) if alphabet.has_grams() => Some(Arc::new(Grams::new(&spellings))),
            _ => None,
        };
        Self { alphabet, grams }
    }

    /// The alphabet.
    pub fn alphabet(&self) -> &Alphabet {
        &self.alphabet
    }

    /// The grams, where the loss is Gram-CTC.
    pub fn grams(&self) -> Option<&Arc<Grams>> {
        self.grams.as_ref()
    }

    /// Labels of `text`.
    ///
    /// # Errors
    /// The first character that the alphabet lacks.
    pub fn labels(&self, text: &str) -> Result<Vec<u16>, Error> {
        match self.grams {
            Some(_) => self.alphabet.spell(text),
            None => self.alphabet.encode(text),
        }
    }

    /// Fewest frames on which `labels` can be emitted.
    pub fn frames_needed(&self, labels: &[u16]) -> usize {
        match &self.grams {
            // Every label is a gram of its own: there is a cut.
            Some(grams) => grams.frames_needed(labels).unwrap_or(usize::MAX),
            None => ctc::frames_needed(labels),
        }
    }

    /// Symbols of one character with the blank, if they come before all longer ones, as a second
    /// output layer for plain CTC needs them.
    pub fn characters(&self) -> Option<usize> {
        let symbols = self.alphabet.symbols();
        let longer = |symbol: &String| symbol.chars().nth(1).is_some();
        let count = symbols.iter().position(longer).unwrap_or(symbols.len());
        symbols[count..].iter().all(longer).then_some(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_frames_by_the_kind_of_alphabet() {
        for (symbols, text, labels, needed, characters) in [
            (vec!["", "a", "b"], "aab", vec![1, 1, 2], 4, Some(3)),
            (vec!["", "a", "b", "ab"], "aab", vec![1, 1, 2], 2, Some(3)),
            (vec!["", "ab", "a", "b"], "abab", vec![2, 3, 2, 3], 3, None),
            // No character b of its own: pieces of words, cut one way only.
            (vec!["", "a", "ab"], "aab", vec![1, 2], 2, Some(2)),
        ] {
            let owned = symbols.iter().map(|s| (*s).to_owned()).collect();
            let targets = Targets::new(Alphabet::new(owned).unwrap());
            assert_eq!(targets.labels(text).unwrap(), labels, "{symbols:?}");
            assert_eq!(targets.frames_needed(&labels), needed, "{symbols:?}");
            assert_eq!(targets.characters(), characters, "{symbols:?}");
        }
    }
}
