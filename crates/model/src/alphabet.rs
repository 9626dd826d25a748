//! The output symbols of a network; index 0 is the CTC blank.

use crate::{Error, Result};
use serde::{Deserialize, Serialize};

/// The most symbols of an alphabet: indices fit `u16`.
const MAX_SYMBOLS: usize = 65_536;
/// Longest symbol, in bytes.
const MAX_SYMBOL_BYTES: usize = 64;

/// The output symbols, blank first. A symbol's index is its row of the output layer.
///
/// A symbol is a character or, for Gram-CTC, a string of characters. All symbols except the blank
/// (the empty string at index 0) are non-empty and distinct. As JSON: `{"symbols": ["", " ", "'",
/// "a", ...]}`.
///
/// ```
/// use stonechat_model::Alphabet;
///
/// let alphabet = Alphabet::english();
/// assert_eq!(alphabet.decode(&alphabet.encode("good day")?)?, "good day");
/// # Ok::<(), stonechat_model::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Symbols")]
pub struct Alphabet {
    symbols: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Symbols {
    symbols: Vec<String>,
}

impl TryFrom<Symbols> for Alphabet {
    type Error = Error;

    fn try_from(unchecked: Symbols) -> Result<Self> {
        Alphabet::new(unchecked.symbols)
    }
}

impl Alphabet {
    /// Index of the CTC blank.
    pub const BLANK: u16 = 0;

    /// Takes `symbols` in the order of the output layer's rows, blank (the empty string) first.
    ///
    /// # Errors
    /// Names the first symbol that is empty, too long or repeated; 2 to 65,536 symbols are allowed.
    pub fn new(symbols: Vec<String>) -> Result<Self> {
        let refuse = |reason: String| Err(Error::Alphabet(reason));
        if !(2..=MAX_SYMBOLS).contains(&symbols.len()) {
            return refuse(format!(
                "has {} symbols, must have 2..={MAX_SYMBOLS} with the blank",
                symbols.len()
            ));
        }
        if !symbols[0].is_empty() {
            return refuse(format!(
                "symbol 0 is {:?}, must be the blank: an empty string",
                symbols[0]
            ));
        }
        let mut seen = std::collections::HashSet::new();
        for (i, symbol) in symbols.iter().enumerate().skip(1) {
            if symbol.is_empty() || symbol.len() > MAX_SYMBOL_BYTES {
                return refuse(format!(
                    "symbol {i} has {} bytes, must have 1..={MAX_SYMBOL_BYTES}",
                    symbol.len()
                ));
            }
            if !seen.insert(symbol) {
                return refuse(format!("symbol {i}, {symbol:?}, is there twice"));
            }
        }
        Ok(Self { symbols })
    }

    /// Blank, space, apostrophe and `a` to `z`: 29 symbols.
    pub fn english() -> Self {
        let characters = " 'abcdefghijklmnopqrstuvwxyz".chars().map(String::from);
        Self { symbols: std::iter::once(String::new()).chain(characters).collect() }
    }

    /// The symbols; index 0 is the blank, an empty string.
    pub fn symbols(&self) -> &[String] {
        &self.symbols
    }

    /// Number of symbols including the blank: rows of the output layer.
    pub fn len(&self) -> usize {
        self.symbols.len()
    }

    /// Always false: an alphabet has at least the blank and one symbol.
    pub fn is_empty(&self) -> bool {
        self.symbols.is_empty()
    }

    /// Indices of the symbols that spell `text`, without blanks. If several symbols fit, the
    /// longest is used.
    ///
    /// # Errors
    /// [`Error::UnknownCharacter`] names the first character that no symbol begins with, and its
    /// position.
    pub fn encode(&self, text: &str) -> Result<Vec<u16>> {
        let mut indices = Vec::with_capacity(text.len());
        let mut rest = text;
        while let Some(character) = rest.chars().next() {
            let fitting = (1..self.len()).filter(|&i| rest.starts_with(&self.symbols[i]));
            let Some(index) = fitting.max_by_key(|&i| self.symbols[i].len()) else {
                let position = text[..text.len() - rest.len()].chars().count();
                return Err(unknown(text, position, character));
            };
            // `new` limits the number of symbols to what u16 can index.
            indices.push(index as u16);
            rest = &rest[self.symbols[index].len()..];
        }
        Ok(indices)
    }

    /// Indices of the single characters of `text`, ignoring grams of several characters: the
    /// targets of Gram-CTC.
    ///
    /// # Errors
    /// [`Error::UnknownCharacter`] names the first character that is not a symbol by itself, and
    /// its position.
    pub fn spell(&self, text: &str) -> Result<Vec<u16>> {
        let mut bytes = [0; 4];
        let symbol = |(position, character): (usize, char)| {
            let single: &str = character.encode_utf8(&mut bytes);
            let index = (1..self.len()).find(|&i| self.symbols[i] == single);
            // `new` limits the number of symbols to what u16 can index.
            index.map(|i| i as u16).ok_or_else(|| unknown(text, position, character))
        };
        text.chars().enumerate().map(symbol).collect()
    }

    /// Whether some symbol has more than one character.
    pub fn has_grams(&self) -> bool {
        self.symbols.iter().any(|symbol| symbol.chars().nth(1).is_some())
    }

    /// The text that `indices` spell; blanks add nothing. Repeats are kept: collapsing them is the
    /// decoder's job.
    ///
    /// # Errors
    /// Names the first index that is not below [`len`](Self::len).
    pub fn decode(&self, indices: &[u16]) -> Result<String> {
        let mut text = String::new();
        for (position, &index) in indices.iter().enumerate() {
            let Some(symbol) = self.symbols.get(usize::from(index)) else {
                return Err(Error::Argument(format!(
                    "index {index} at position {position} is beyond the alphabet's {} symbols",
                    self.len()
                )));
            };
            text.push_str(symbol);
        }
        Ok(text)
    }
}

/// The error for the character at `position`, with the word around it.
fn unknown(text: &str, position: usize, character: char) -> Error {
    let mut start = 0;
    for word in text.split(char::is_whitespace) {
        let length = word.chars().count();
        if position < start + length {
            return Error::UnknownCharacter { word: word.into(), character, position };
        }
        if position == start + length {
            break;
        }
        start += length + 1;
    }
    // White space that is not a symbol.
    Error::UnknownCharacter { word: text.into(), character, position }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn english_has_29_symbols_in_a_fixed_order() {
        let english = Alphabet::english();
        assert_eq!(english.len(), 29);
        let at = |i: usize| english.symbols()[i].as_str();
        assert_eq!([at(0), at(1), at(2), at(3), at(28)], ["", " ", "'", "a", "z"]);
        assert_eq!(Alphabet::new(english.symbols().to_vec()).unwrap(), english);
    }

    #[test]
    fn texts_survive_encoding_and_decoding() {
        let english = Alphabet::english();
        for text in ["", "a", "it's a test", "zz  '' "] {
            let indices = english.encode(text).unwrap();
            assert_eq!(indices.len(), text.len(), "{text:?}");
            assert_eq!(english.decode(&indices).unwrap(), text);
        }
        assert_eq!(english.encode("b a").unwrap(), [4, 1, 3]);
        assert_eq!(english.decode(&[0, 3, 0, 3]).unwrap(), "aa");
        assert!(english.decode(&[3, 29]).unwrap_err().to_string().contains("position 1"));
    }

    #[test]
    fn an_unknown_character_is_named_with_its_position() {
        for (text, word, character, position) in [
            ("aéb", "aéb", 'é', 1),
            ("éa", "éa", 'é', 0),
            ("ab cD e", "cD", 'D', 4),
            ("a\tb", "a\tb", '\t', 1),
        ] {
            match Alphabet::english().encode(text) {
                Err(Error::UnknownCharacter { word: w, character: c, position: p }) => {
                    assert_eq!((&w[..], c, p), (word, character, position), "{text}");
                }
                other => panic!("{text}: {other:?}"),
            }
        }
    }

    #[test]
    fn longest_symbol_wins() {
        let grams = ["", "t", "h", "e", "th", "the"].map(String::from).to_vec();
        let alphabet = Alphabet::new(grams).unwrap();
        assert_eq!(alphabet.encode("thhethe").unwrap(), [4, 2, 3, 5]);
        assert_eq!(alphabet.spell("thhe").unwrap(), [1, 2, 2, 3]);
        assert!(alphabet.has_grams() && !Alphabet::english().has_grams());
        let partial = Alphabet::new(["", "t", "ha"].map(String::from).to_vec()).unwrap();
        assert_eq!(partial.encode("that").unwrap(), [1, 2, 1]);
        match partial.spell("that") {
            Err(Error::UnknownCharacter { character: 'h', position: 1, .. }) => {}
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn bad_alphabets_are_refused() {
        let long = "x".repeat(65);
        for (symbols, words) in [
            (vec![], "0 symbols"),
            (vec![""], "1 symbols"),
            (vec!["a", "b"], "blank"),
            (vec!["", "a", ""], "symbol 2"),
            (vec!["", "a", "b", "a"], "twice"),
            (vec!["", &long], "65 bytes"),
        ] {
            let json = serde_json::json!({ "symbols": symbols });
            let error = serde_json::from_value::<Alphabet>(json).unwrap_err().to_string();
            assert!(error.contains(words), "{symbols:?}: {error}");
        }
        assert!(serde_json::from_str::<Alphabet>(r#"{"symbols":["","a"],"x":1}"#).is_err());
    }
}
