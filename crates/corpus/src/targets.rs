//! What a text is to the loss: labels, and the frames they need at least.

use std::sync::Arc;

use stonechat_decode::ctc::{self, Grams};
use stonechat_model::{Alphabet, Error};

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

    /// `-ln P(text)` under `logits` (`frames x symbols`), in nats; infinite where the text does not fit into the frames.
    ///
    /// # Errors
    /// The first character that the alphabet lacks.
    pub fn loss(&self, logits: &[f32], text: &str) -> Result<f64, Error> {
        let (labels, symbols) = (self.labels(text)?, self.alphabet.len());
        let mut gradient = vec![0.0; logits.len()];
        Ok(match &self.grams {
            Some(grams) => grams.loss_and_gradient(logits, &labels, symbols, &mut gradient),
            None => ctc::loss_and_gradient(logits, &labels, symbols, &mut gradient),
        })
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

    #[test]
    fn the_loss_is_that_of_the_alphabets_kind() {
        // All symbols equally likely in two frames: the loss counts the paths that spell the text.
        for (symbols, text, paths) in [
            (vec!["", "a", "b"], "ab", 1.0),
            (vec!["", "a", "b"], "a", 3.0),
            (vec!["", "a", "b", "ab"], "ab", 4.0),
            (vec!["", "a"], "aa", 0.0),
        ] {
            let owned: Vec<String> = symbols.iter().map(|s| (*s).to_owned()).collect();
            let all = (owned.len() as f64).powi(2);
            let logits = vec![0.5; 2 * owned.len()];
            let targets = Targets::new(Alphabet::new(owned).unwrap());
            let loss = targets.loss(&logits, text).unwrap();
            let expected = (all / paths).ln();
            assert!(loss == expected || (loss - expected).abs() < 1e-6, "{symbols:?}: {loss}");
            assert!(targets.loss(&logits, "?").is_err());
        }
    }
}
